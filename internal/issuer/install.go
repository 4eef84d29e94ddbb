package issuer

import (
	"context"

	"github.com/google/uuid"

	"plimsoll"
	"plimsoll/internal/auth"
)

// Credentials are what a client needs to ask for a token.
type Credentials struct {
	ClientID string
	Secret   string
}

// Install gives the id of the store's tenant, and makes it when the store is
// new. With it comes, when wanted, a first client named "first" that may read
// and write the configuration and the groups; its credentials are given out here and never
// again. Of several servers that start at once, one makes both, and the others
// get nil credentials.
func (c *Clients) Install(ctx context.Context, wantFirst bool) (tenantID string, first *Credentials, err error) {
	inst, err := c.installations.Installation(ctx)
	if plimsoll.ErrorCode(err) != plimsoll.NotFound {
		return inst.TenantID, nil, err
	}
	inst, client, first, err := c.newInstallation(wantFirst)
	if err != nil {
		return "", nil, err
	}
	ev := c.event("installation", "installation.create", inst.TenantID)
	created, err := c.installations.Install(ctx, inst, client, ev)
	if err != nil {
		return "", nil, err
	}
	if created {
		return inst.TenantID, first, nil
	}
	inst, err = c.installations.Installation(ctx)
	return inst.TenantID, nil, err
}

func (c *Clients) newInstallation(wantFirst bool) (plimsoll.Installation, *plimsoll.Client, *Credentials, error) {
	id, err := uuid.NewRandomFromReader(c.rand)
	if err != nil {
		return plimsoll.Installation{}, nil, nil, err
	}
	inst := plimsoll.Installation{TenantID: id.String(), CreatedAt: c.now()}
	if !wantFirst {
		return inst, nil, nil, nil
	}
	client, secret, err := c.newClient("first", []string{string(auth.ConfigurationReadWrite), string(auth.GroupReadWrite)})
	if err != nil {
		return plimsoll.Installation{}, nil, nil, err
	}
	return inst, &client, &Credentials{ClientID: client.ID, Secret: secret}, nil
}
