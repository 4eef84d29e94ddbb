package issuer

import (
	"context"
	"crypto/sha256"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/crypto/bcrypt"

	"plimsoll"
	"plimsoll/internal/auth"
)

const (
	// maxSecrets bounds what one wrong guess costs: one bcrypt comparison for
	// each secret that still holds.
	maxSecrets = 5
	// maxOverlap is the longest that an old secret may hold beside a new one.
	maxOverlap = 90 * 24 * time.Hour
)

// Clients are the programs that may ask for tokens.
type Clients struct {
	clients       ClientStore
	installations InstallationStore
	now           func() time.Time
	rand          io.Reader
	cost          int           // of bcrypt
	slots         chan struct{} // one token for each comparison under way
	forStrangers  chan struct{} // the same for clients that do not exist
	known         *lru.Cache[[sha256.Size]byte, struct{}]
	patience      time.Duration // how long a comparison waits for a slot
}

// NewClients returns the clients in the store. Randomness must be fit for
// secrets; so must the clock for their expiry.
func NewClients(store Store, now func() time.Time, rand io.Reader) *Clients {
	known, _ := lru.New[[sha256.Size]byte, struct{}](maxKnown) // its one error is a size below one
	return &Clients{
		known: known, forStrangers: make(chan struct{}, maxForStrangers),
		clients: store, installations: store, now: now, rand: rand,
		cost: bcrypt.DefaultCost, slots: make(chan struct{}, maxComparisons), patience: maxPatience,
	}
}

// Create makes a client with one secret, which is given out here and never
// again. Permissions are Graph's names; those that mean nothing here are
// refused with a list of those that do.
func (c *Clients) Create(ctx context.Context, actor, name string, permissions []string) (plimsoll.Client, string, error) {
	client, secret, err := c.newClient(name, permissions)
	if err != nil {
		return plimsoll.Client{}, "", err
	}
	if err := c.clients.CreateClient(ctx, client, c.event(actor, "client.create", client.ID)); err != nil {
		return plimsoll.Client{}, "", err
	}
	return client, secret, nil
}

func (c *Clients) newClient(name string, permissions []string) (plimsoll.Client, string, error) {
	if err := checkPermissions(permissions); err != nil {
		return plimsoll.Client{}, "", err
	}
	id, err := uuid.NewRandomFromReader(c.rand)
	if err != nil {
		return plimsoll.Client{}, "", err
	}
	permissions = slices.Sorted(slices.Values(permissions))
	client := plimsoll.Client{
		ID: id.String(), Name: strings.TrimSpace(name),
		Permissions: slices.Compact(permissions), CreatedAt: c.now(),
	}
	if err := client.Validate(); err != nil {
		return plimsoll.Client{}, "", err
	}
	secret, kept, err := c.newSecret()
	if err != nil {
		return plimsoll.Client{}, "", err
	}
	client.Secrets = []plimsoll.ClientSecret{kept}
	return client, secret, nil
}

func checkPermissions(permissions []string) error {
	if len(permissions) == 0 {
		return plimsoll.Invalidf("permissions", "permissions must name at least one of: %s.", knownPermissions())
	}
	for _, p := range permissions {
		if !auth.Known(p) {
			return plimsoll.Invalidf("permissions", "permissions has %q, which is unknown. Known are: %s.", p, knownPermissions())
		}
	}
	return nil
}

func knownPermissions() string {
	var names []string
	for _, p := range auth.Permissions() {
		names = append(names, string(p))
	}
	return strings.Join(names, ", ")
}

// List gives all clients, the oldest first.
func (c *Clients) List(ctx context.Context) ([]plimsoll.Client, error) {
	return c.clients.Clients(ctx)
}

// Rotate gives the client a new secret, which is given out here and never
// again. The secrets before it hold for the overlap, 0 to 90 days, if they
// were not to expire sooner.
func (c *Clients) Rotate(ctx context.Context, actor, id string, overlap time.Duration) (string, error) {
	if overlap < 0 || overlap > maxOverlap {
		return "", plimsoll.Invalidf("overlap", "overlap must be from 0 to 90 days.")
	}
	client, err := c.clients.Client(ctx, id)
	if err != nil {
		return "", err
	}
	if overlap > 0 && len(c.holding(client)) >= maxSecrets {
		return "", plimsoll.Errorf(plimsoll.Conflict,
			"The client has %d secrets that hold. Rotate without an overlap, or wait until one has expired.", maxSecrets)
	}
	secret, kept, err := c.newSecret()
	if err != nil {
		return "", err
	}
	ev := c.event(actor, "client.rotate", id)
	return secret, c.clients.RotateClient(ctx, id, kept, kept.CreatedAt.Add(overlap), ev)
}

// Delete drops the client. Tokens that it has hold until they expire.
func (c *Clients) Delete(ctx context.Context, actor, id string) error {
	return c.clients.DeleteClient(ctx, id, c.event(actor, "client.delete", id))
}

func (c *Clients) event(actor, activity, id string) plimsoll.AuditEvent {
	return plimsoll.AuditEvent{At: c.now(), Actor: actor, Activity: activity, ObjectID: id}
}
