package auth_test

import (
	"testing"

	"plimsoll"
	"plimsoll/internal/auth"
)

func TestByIssuer(t *testing.T) {
	t.Parallel()
	c, own, foreign := newClock(), newSigner(t, "k1"), newSigner(t, "k2")
	p := newProvider(t, foreign)
	both := auth.NewByIssuer(builtin(own, c), p.verifier(t, c))
	alone := auth.NewByIssuer(builtin(own, c), nil)
	ownToken, foreignToken := own.sign(t, claimsAt(c.Now(), nil)), p.token(t, foreign, c)
	for name, good := range map[string]struct {
		v     auth.Verifier
		token string
	}{"own": {both, ownToken}, "foreign": {both, foreignToken}, "alone": {alone, ownToken}} {
		if _, err := good.v.Verify(t.Context(), good.token); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := alone.Verify(t.Context(), foreignToken)
	wantCode(t, err, plimsoll.Unauthenticated, "known key")
	// A foreign provider's key does not make our tokens, nor ours theirs.
	_, err = both.Verify(t.Context(), foreign.sign(t, claimsAt(c.Now(), nil)))
	wantCode(t, err, plimsoll.Unauthenticated, "known key")
	_, err = both.Verify(t.Context(), p.token(t, own, c))
	wantCode(t, err, plimsoll.Unauthenticated, "known key")
	for _, bad := range []string{"", "x", "a.!.c", "a.A.c", "a." + b64("[]") + ".c"} {
		_, err = both.Verify(t.Context(), bad)
		wantCode(t, err, plimsoll.Unauthenticated, "")
	}
}
