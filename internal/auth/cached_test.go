package auth_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"plimsoll"
	"plimsoll/internal/auth"
)

func TestCached(t *testing.T) {
	t.Parallel()
	c, s := newClock(), newSigner(t, "k1")
	behind := &countingVerifier{Verifier: builtin(s, c)}
	v := auth.NewCached(behind, 8, c.Now)
	verify := func(token string, calls int) error {
		t.Helper()
		_, err := v.Verify(t.Context(), token)
		if behind.calls != calls {
			t.Errorf("%d verifications, want %d", behind.calls, calls)
		}
		return err
	}
	long := s.sign(t, claimsAt(c.Now(), nil))
	short := s.sign(t, claimsAt(c.Now(), map[string]any{"exp": c.Now().Add(time.Minute).Unix()}))
	for _, step := range []struct {
		advance time.Duration
		token   string
		calls   int
		code    plimsoll.Code
	}{
		{0, long, 1, ""},
		{0, long, 1, ""},
		{0, short, 2, ""},
		{59 * time.Second, short, 2, ""},
		{2 * time.Second, short, 3, plimsoll.Unauthenticated},
		{0, short, 4, plimsoll.Unauthenticated},
		{3 * time.Minute, long, 4, ""},
		{time.Minute, long, 5, ""},
		{time.Hour, long, 6, plimsoll.Unauthenticated},
	} {
		c.Advance(step.advance)
		if got := plimsoll.ErrorCode(verify(step.token, step.calls)); got != step.code {
			t.Errorf("%+v: %q", step, got)
		}
	}
	if err := verify(strings.Repeat("x", 1<<20), 6); err == nil {
		t.Error("1 MiB was accepted")
	}
}

func TestCachedForgets(t *testing.T) {
	t.Parallel()
	c, s := newClock(), newSigner(t, "k1")
	behind := &countingVerifier{Verifier: builtin(s, c)}
	v := auth.NewCached(behind, 0, c.Now) // a size of at least one is meant
	a, b := s.sign(t, claimsAt(c.Now(), nil)), s.sign(t, claimsAt(c.Now(), nil))
	for _, token := range []string{a, a, b, a} {
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	if behind.calls != 3 {
		t.Errorf("%d verifications", behind.calls)
	}
}

func TestCachedConcurrently(t *testing.T) {
	t.Parallel()
	c, s := newClock(), newSigner(t, "k1")
	v := auth.NewCached(builtin(s, c), 4, c.Now)
	tokens := make([]string, 8)
	for i := range tokens {
		tokens[i] = s.sign(t, claimsAt(c.Now(), nil))
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 100 {
				if _, err := v.Verify(t.Context(), tokens[i%len(tokens)]); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkCachedVerify(b *testing.B) {
	c, s := newClock(), newSigner(b, "k1")
	v := auth.NewCached(builtin(s, c), 1024, time.Now)
	token := s.sign(b, claimsAt(time.Now(), nil))
	c.now = time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBuiltinVerify(b *testing.B) {
	c, s := newClock(), newSigner(b, "k1")
	v := builtin(s, c)
	token := s.sign(b, claimsAt(c.Now(), nil))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}

// The keys are never those that signed the seeds: whatever is accepted was
// forged.
func FuzzVerify(f *testing.F) {
	c, s := newClock(), newSigner(f, "k1")
	foreign := newSigner(f, "k1")
	good := foreign.sign(f, claimsAt(c.Now(), nil))
	for _, seed := range []string{
		"", ".", "..", "a.b.c", good, good[:len(good)-1], strings.Replace(good, ".", "..", 1),
		b64(`{"alg":"none"}`) + "." + b64(`{"iss":"`+issuer+`"}`) + ".",
		b64(`{"alg":"ES256","kid":"k1","crit":["b64"],"b64":false}`) + ".e30.AAAA",
		b64(`{"alg":"ES256","jwk":{"kty":"oct","k":"AA"}}`) + ".e30.AAAA",
	} {
		f.Add(seed)
	}
	external, err := auth.NewOIDC("http://127.0.0.1:0", audience, nil, c.Now)
	if err != nil {
		f.Fatal(err)
	}
	verifiers := []auth.Verifier{
		builtin(s, c), auth.NewCached(builtin(s, c), 8, c.Now), auth.NewByIssuer(builtin(s, c), external),
	}
	f.Fuzz(func(t *testing.T, token string) {
		for _, v := range verifiers {
			if p, err := v.Verify(t.Context(), token); err == nil {
				t.Fatalf("%q was accepted as %+v", token, p)
			}
		}
	})
}
