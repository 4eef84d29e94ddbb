package auth

import (
	"context"
	"net/url"
	"strings"
	"time"
)

// Builtin verifies the tokens of the built-in issuer.
type Builtin struct {
	keys  KeySet
	rules rules
}

// NewBuiltin returns a verifier of the tokens that the issuer with these keys
// made for this tenant and audience.
func NewBuiltin(keys KeySet, tenantID, audience string, now func() time.Time) *Builtin {
	b := &Builtin{keys: keys}
	b.rules = rules{issuer: b.issued, tenant: tenantID, audience: []string{audience}, now: now}
	return b
}

// Verify implements [Verifier].
func (b *Builtin) Verify(ctx context.Context, bearer string) (Principal, error) {
	return b.rules.verify(ctx, b.keys, bearer)
}

// issued says whether iss can be the built-in issuer's. Only the path tells:
// the host is whatever name the client used for the server.
func (b *Builtin) issued(iss string) bool {
	u, err := url.Parse(iss)
	return err == nil && u.Host != "" && u.RawQuery == "" && u.Fragment == "" &&
		strings.HasSuffix(u.Path, "/"+b.rules.tenant+"/v2.0")
}
