package auth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
)

// ByIssuer sends each token to the verifier of its issuer.
type ByIssuer struct {
	builtin  *Builtin
	external Verifier
}

// NewByIssuer returns a verifier that chooses by the token's iss claim: the
// built-in issuer's go to builtin, all others to external, which may be nil.
// The claim is not verified when it is read; whom it leads to verifies it.
func NewByIssuer(builtin *Builtin, external Verifier) *ByIssuer {
	return &ByIssuer{builtin: builtin, external: external}
}

// Verify implements [Verifier].
func (v *ByIssuer) Verify(ctx context.Context, bearer string) (Principal, error) {
	if v.external == nil {
		return v.builtin.Verify(ctx, bearer)
	}
	iss, err := unverifiedIssuer(bearer)
	if err != nil {
		return Principal{}, err
	}
	if v.builtin.issued(iss) {
		return v.builtin.Verify(ctx, bearer)
	}
	return v.external.Verify(ctx, bearer)
}

func unverifiedIssuer(token string) (string, error) {
	if err := wellFormed(token); err != nil {
		return "", err
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		return "", malformed(err)
	}
	var c struct {
		Issuer string `json:"iss"`
	}
	if err := json.Unmarshal(payload, &c); err != nil {
		return "", malformed(err)
	}
	return c.Issuer, nil
}
