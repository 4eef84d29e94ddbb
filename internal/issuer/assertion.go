package issuer

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"
)

const (
	// maxAssertion is the longest client_assertion that is looked at, in bytes.
	maxAssertion = 4 << 10
	// maxAhead is how far ahead an assertion's exp may be: as long as its jti
	// is remembered, and as it is of use to who stole it.
	maxAhead = 10 * time.Minute
	// leeway is how wrong a device's clock may be.
	leeway   = time.Minute
	maxJTI   = 256 // characters
	b64Name  = "b64"
	critName = "crit"
	typeName = "typ"
)

// assertion is a device's client_assertion (RFC 7523 section 3), well formed
// but not verified.
type assertion struct {
	token  *jwt.JSONWebToken
	claims jwt.Claims
	device string // the device's id, in lower case
}

// parseAssertion refuses what no key can make right. It says how, since that
// tells nothing of any device.
func parseAssertion(raw string) (assertion, error) {
	if len(raw) > maxAssertion {
		return assertion{}, invalidClient("The client_assertion is longer than 4 KiB.")
	}
	token, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil || !plainHeader(token.Headers[0].ExtraHeaders) {
		return assertion{}, invalidClient("The client_assertion must be a JWT in compact form, its alg EdDSA, its typ JWT or left out, and without crit.")
	}
	a := assertion{token: token}
	if err := token.UnsafeClaimsWithoutVerification(&a.claims); err != nil {
		return assertion{}, invalidClient("The claims of the client_assertion are not JSON of the right types, or one is there twice.")
	}
	id, err := uuid.Parse(a.claims.Subject)
	a.device = id.String()
	if err != nil || !strings.EqualFold(a.device, a.claims.Subject) || a.claims.Issuer != a.claims.Subject {
		return assertion{}, invalidClient("The iss and the sub of the client_assertion must both be the device's id, a GUID.")
	}
	if n := utf8.RuneCountInString(a.claims.ID); n < 1 || n > maxJTI {
		return assertion{}, invalidClient("The jti of the client_assertion must be of 1 to 256 characters.")
	}
	if a.claims.Expiry == nil {
		return assertion{}, invalidClient("The client_assertion must have an exp.")
	}
	return a, nil
}

// plainHeader says whether the header is that of a JWT that asks for nothing
// special. The library would grant b64 (RFC 7797), which no JWT may have.
func plainHeader(extra map[jose.HeaderKey]any) bool {
	_, critical := extra[critName]
	_, unencoded := extra[b64Name]
	typ, typed := extra[typeName]
	name, _ := typ.(string)
	return !critical && !unencoded && (!typed || strings.EqualFold(name, "JWT"))
}

// checkTimes refuses an assertion that does not hold now, with the time that
// it is here: a device whose clock is wrong can then do better.
func (a assertion) checkTimes(now time.Time) error {
	// In seconds, of which the library bounds those of claims so that no sum
	// overflows.
	at, slack := now.Unix(), int64(leeway/time.Second)
	seconds := func(d *jwt.NumericDate) int64 { return d.Time().Unix() }
	wrong := ""
	switch ahead := int64(maxAhead / time.Second); {
	case seconds(a.claims.Expiry) <= at:
		wrong = "exp has passed"
	case seconds(a.claims.Expiry) > at+ahead:
		wrong = "exp is more than 10 minutes ahead"
	case a.claims.NotBefore != nil && seconds(a.claims.NotBefore) > at+slack:
		wrong = "nbf is ahead"
	case a.claims.IssuedAt != nil && seconds(a.claims.IssuedAt) > at+slack:
		wrong = "iat is ahead"
	case a.claims.IssuedAt != nil && seconds(a.claims.IssuedAt) < at-ahead-slack:
		wrong = "iat is more than 10 minutes ago"
	default:
		return nil
	}
	return invalidClient("The client_assertion does not hold now: its " + wrong +
		". The server's time is " + now.UTC().Format(time.RFC3339) + ".")
}
