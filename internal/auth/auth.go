// Package auth says who is calling and what they may do: it verifies bearer
// tokens, of the built-in issuer and of any OpenID provider, and reads the
// permissions in them.
package auth

import (
	"context"
	"slices"
	"strings"
	"time"

	"plimsoll"
)

// MaxToken is the longest bearer token that is looked at, in bytes. Entra ID's
// longest, with 200 groups in them, stay well under it.
const MaxToken = 16 << 10

// Principal is a caller whose token held.
type Principal struct {
	// Subject names the caller in the audit trail: the client's id of an
	// application, the user's of a delegated token.
	Subject string
	// DisplayName and UserName are what the token calls the caller, "" where it
	// does not: an application has no UserName.
	DisplayName, UserName string
	// TenantID is the token's tid, "" when its issuer knows no tenants.
	TenantID string
	// Delegated says that an application acts for a signed-in user.
	Delegated bool
	// Permissions are those of the token that are known here. The slice is
	// shared among requests: it must not be changed.
	Permissions []Permission
	// ExpiresAt is the token's exp: it says nothing from then on.
	ExpiresAt time.Time
}

// May returns nil when the principal holds any of the permissions, and a
// [plimsoll.Forbidden] error that names them when it holds none.
func (p Principal) May(anyOf []Permission) error {
	for _, need := range anyOf {
		if slices.Contains(p.Permissions, need) {
			return nil
		}
	}
	return plimsoll.Errorf(plimsoll.Forbidden,
		"The token lacks the permission for this. Any one of these would do: %s.", join(anyOf))
}

func join(perms []Permission) string {
	names := make([]string, len(perms))
	for i, p := range perms {
		names[i] = string(p)
	}
	return strings.Join(names, ", ")
}

// Verifier tells who sent a bearer token (RFC 6750). Its errors are
// [plimsoll.Error]s: [plimsoll.Unauthenticated] for a token that does not
// hold, [plimsoll.Forbidden] for a personal account, [plimsoll.Unavailable]
// when what is needed to tell is away. No message repeats any of the token.
type Verifier interface {
	Verify(ctx context.Context, bearer string) (Principal, error)
}

// KeySet checks the signature of a compact JWS (RFC 7515) and gives its
// payload. It is go-oidc's interface of that name. An error that is a
// [plimsoll.Error] is handed on as it is; any other means a signature that
// does not hold.
type KeySet interface {
	VerifySignature(ctx context.Context, jwt string) (payload []byte, err error)
}
