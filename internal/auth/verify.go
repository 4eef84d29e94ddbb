package auth

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"plimsoll"
)

// rules are what a token must fulfil beside being signed by a known key.
type rules struct {
	issuer   func(iss string) bool
	tenant   string // the tid it must have, "" for any
	audience []string
	now      func() time.Time
}

// verify checks the token and reads its caller.
func (r rules) verify(ctx context.Context, keys KeySet, token string) (Principal, error) {
	if err := wellFormed(token); err != nil {
		return Principal{}, err
	}
	w := &witness{keys: keys}
	id, err := oidc.NewVerifier("", w, r.config()).Verify(ctx, token)
	if err != nil {
		return Principal{}, r.refusal(w, err)
	}
	var c claims
	if err := id.Claims(&c); err != nil {
		return Principal{}, malformed(err)
	}
	if err := r.check(id, &c); err != nil {
		return Principal{}, err
	}
	return c.principal(id.Expiry)
}

// config asks go-oidc for the form, the algorithm, the signature and the
// times. Issuer and audience are checked here: there may be several
// audiences, and the built-in issuer goes by every name of its host.
func (r rules) config() *oidc.Config {
	return &oidc.Config{
		// Asymmetric ones only: with "none" or HMAC anyone who knows a public
		// key could sign (RFC 8725 section 2.1).
		SupportedSigningAlgs: []string{
			oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512,
			oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
		},
		SkipIssuerCheck:   true,
		SkipClientIDCheck: true,
		Now:               r.now,
	}
}

func (r rules) check(id *oidc.IDToken, c *claims) error {
	switch {
	case !c.isAccess():
		return refuse(nil, "The token is not an access token. Send the access token, not the ID token or the refresh token.")
	// First, so that these callers learn what is really in their way.
	case strings.EqualFold(c.TenantID, personalTenant):
		return plimsoll.Errorf(plimsoll.Forbidden,
			"Personal Microsoft accounts are not supported here. Sign in with a work or school account.")
	case !r.issuer(id.Issuer):
		return refuse(nil, "The access token is of an issuer that is not trusted here.")
	case !slices.ContainsFunc(id.Audience, func(aud string) bool { return slices.Contains(r.audience, aud) }):
		return refuse(nil, "The access token is for another audience.")
	case r.tenant != "" && !strings.EqualFold(c.TenantID, r.tenant):
		return refuse(nil, "The access token is of another tenant.")
	}
	return nil
}

// refusal says why go-oidc refused the token. Its errors are text for the
// most part, so the kind is told from how far the check came.
func (r rules) refusal(w *witness, err error) error {
	if !w.asked {
		return refuse(err, "The access token is not a JWT signed with an accepted algorithm.")
	}
	if w.err != nil {
		if e, ok := errors.AsType[*plimsoll.Error](w.err); ok {
			return e
		}
		if errors.Is(w.err, context.Canceled) || errors.Is(w.err, context.DeadlineExceeded) {
			return away(w.err) // the keys were not to be had in time, which tells nothing of the token
		}
		return refuse(w.err, "The access token is not signed by a known key.")
	}
	if _, ok := errors.AsType[*oidc.TokenExpiredError](err); ok {
		return refuse(err, "The access token has expired, or says not when it will.")
	}
	if r.notYet(w.payload) {
		return refuse(err, "The access token is not valid yet.")
	}
	return malformed(err)
}

func malformed(cause error) error {
	return refuse(cause, "The access token's claims are malformed.")
}

func (r rules) notYet(payload []byte) bool {
	var c struct {
		NotBefore float64 `json:"nbf"` // a NumericDate may have a fraction (RFC 7519 section 2)
	}
	err := json.Unmarshal(payload, &c)
	return err == nil && c.NotBefore > float64(r.now().Unix())
}

// witness is a key set that remembers how it answered, which go-oidc turns
// into text.
type witness struct {
	keys    KeySet
	asked   bool
	payload []byte
	err     error
}

// VerifySignature asks the key set behind it.
func (w *witness) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	w.asked = true
	w.payload, w.err = w.keys.VerifySignature(ctx, jwt)
	return w.payload, w.err
}

// wellFormed refuses what cannot be a compact JWS (RFC 7515 section 3.1)
// before anything is decoded. JSON serializations are not bearer tokens.
func wellFormed(token string) error {
	if token == "" {
		return refuse(nil, "An access token is required.")
	}
	if err := tooLong(token); err != nil {
		return err
	}
	if strings.Count(token, ".") != 2 || strings.ContainsFunc(token, notCompact) {
		return refuse(nil, "The access token is not a JWT in compact form.")
	}
	return nil
}

func tooLong(token string) error {
	if len(token) > MaxToken {
		return refuse(nil, "The access token is longer than 16 KiB.")
	}
	return nil
}

func notCompact(c rune) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return false
	}
	return c != '-' && c != '_' && c != '.'
}
