package auth_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"

	"plimsoll"
	"plimsoll/internal/auth"
)

// provider is a foreign OpenID provider that can be switched off, and whose
// keys can be changed.
type provider struct {
	*httptest.Server
	mu     sync.Mutex
	answer http.Handler
	hits   map[string]int
}

func newProvider(t *testing.T, keys ...signer) *provider {
	t.Helper()
	p := &provider{hits: map[string]int{}}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	p.publish(keys...)
	return p
}

func (p *provider) publish(keys ...signer) {
	s := &oidctest.Server{}
	for _, k := range keys {
		s.PublicKeys = append(s.PublicKeys, oidctest.PublicKey{PublicKey: k.key.Public(), KeyID: k.kid, Algorithm: k.alg})
	}
	s.SetIssuer(p.URL)
	p.set(s)
}

func (p *provider) set(h http.Handler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = h
}

func (p *provider) hit(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hits[path]
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	h := p.answer
	p.hits[r.URL.Path]++
	p.mu.Unlock()
	h.ServeHTTP(w, r)
}

func down(w http.ResponseWriter, _ *http.Request) { http.Error(w, "down", http.StatusBadGateway) }

func (p *provider) verifier(t *testing.T, c *clock) *auth.OIDC {
	t.Helper()
	v, err := auth.NewOIDC(p.URL, "other, "+audience, p.Client(), c.Now)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (p *provider) token(t *testing.T, s signer, c *clock) string {
	t.Helper()
	return s.sign(t, claimsAt(c.Now(), map[string]any{"iss": p.URL}))
}

func TestAlgorithms(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []signer{{rsaKey, "r", oidc.RS256}, {rsaKey, "p", oidc.PS512}, {edKey, "e", oidc.EdDSA}, newSigner(t, "c")} {
		t.Run(s.alg, func(t *testing.T) {
			t.Parallel()
			c := newClock()
			p := newProvider(t, s)
			got, err := p.verifier(t, c).Verify(t.Context(), p.token(t, s, c))
			if err != nil || got.Subject != "client-1" {
				t.Errorf("%+v %v", got, err)
			}
		})
	}
}

func TestOIDCRefuses(t *testing.T) {
	t.Parallel()
	c, s := newClock(), newSigner(t, "k1")
	p := newProvider(t, s)
	for name, test := range map[string]struct {
		changes map[string]any
		signer  signer
		code    plimsoll.Code
		words   string
	}{
		"issuer":           {map[string]any{"iss": p.URL + "/"}, s, plimsoll.Unauthenticated, "issuer"},
		"audience":         {map[string]any{"aud": "api://plimsol"}, s, plimsoll.Unauthenticated, "audience"},
		"expired":          {map[string]any{"exp": 1}, s, plimsoll.Unauthenticated, "expired"},
		"foreign key":      {nil, newSigner(t, "k1"), plimsoll.Unauthenticated, "known key"},
		"unknown kid":      {nil, newSigner(t, "k9"), plimsoll.Unauthenticated, "known key"},
		"personal account": {map[string]any{"tid": "9188040d-6c67-4c5b-b112-36a304b66dad"}, s, plimsoll.Forbidden, "Personal"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claims := claimsAt(c.Now(), map[string]any{"iss": p.URL})
			maps.Copy(claims, test.changes)
			_, err := p.verifier(t, c).Verify(t.Context(), test.signer.sign(t, claims))
			wantCode(t, err, test.code, test.words)
		})
	}
}

func TestProviderDownThenUp(t *testing.T) {
	t.Parallel()
	c, s := newClock(), newSigner(t, "k1")
	p := newProvider(t, s)
	p.set(http.HandlerFunc(down))
	v, token := p.verifier(t, c), p.token(t, s, c)
	for range 10 {
		_, err := v.Verify(t.Context(), token)
		wantCode(t, err, plimsoll.Unavailable, "cannot be reached")
		if !strings.Contains(err.Error(), "502") {
			t.Errorf("the cause is lost: %v", err)
		}
	}
	if n := p.hit("/.well-known/openid-configuration"); n != 1 {
		t.Errorf("%d discoveries within a moment", n)
	}
	p.publish(s)
	c.Advance(5 * time.Second)
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Error(err)
	}
}

func TestKeysDownIsNotTheTokensFault(t *testing.T) {
	t.Parallel()
	c, s := newClock(), newSigner(t, "k1")
	p := newProvider(t, s)
	v, token := p.verifier(t, c), p.token(t, s, c)
	discovery := p.answer
	p.set(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/keys") {
			down(w, r)
			return
		}
		discovery.ServeHTTP(w, r)
	}))
	_, err := v.Verify(t.Context(), token)
	wantCode(t, err, plimsoll.Unavailable, "cannot be reached")
}

func TestStrangeProviders(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"not JSON":       "<html>",
		"another issuer": `{"issuer":"https://example.com","jwks_uri":"https://example.com/keys"}`,
		"too large":      `"` + strings.Repeat("A", 2<<20) + `"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, s := newClock(), newSigner(t, "k1")
			p := newProvider(t)
			p.set(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
			_, err := p.verifier(t, c).Verify(t.Context(), p.token(t, s, c))
			wantCode(t, err, plimsoll.Unavailable, "cannot be reached")
		})
	}
}

func TestProviderRotatesKeys(t *testing.T) {
	t.Parallel()
	c, old, next := newClock(), newSigner(t, "k1"), newSigner(t, "k2")
	p := newProvider(t, old)
	v := p.verifier(t, c)
	if _, err := v.Verify(t.Context(), p.token(t, old, c)); err != nil {
		t.Fatal(err)
	}
	p.publish(next)
	c.Advance(time.Minute)
	if _, err := v.Verify(t.Context(), p.token(t, next, c)); err != nil {
		t.Fatal(err)
	}
	before := p.hit("/keys")
	for range 100 { // made-up keys must not become a flood at the provider
		_, err := v.Verify(t.Context(), p.token(t, newSigner(t, "made-up"), c))
		wantCode(t, err, plimsoll.Unauthenticated, "known key")
	}
	if n := p.hit("/keys") - before; n > 1 {
		t.Errorf("%d fetches", n)
	}
	_, err := v.Verify(t.Context(), p.token(t, old, c))
	wantCode(t, err, plimsoll.Unauthenticated, "known key")
}

// A key that the provider withdrew without a new one is forgotten within the
// hour, and a provider that is away then stops nobody.
func TestRediscovery(t *testing.T) {
	t.Parallel()
	c, s := newClock(), newSigner(t, "k1")
	p := newProvider(t, s)
	v := p.verifier(t, c)
	if _, err := v.Verify(t.Context(), p.token(t, s, c)); err != nil {
		t.Fatal(err)
	}
	p.set(http.HandlerFunc(down))
	c.Advance(2 * time.Hour)
	if _, err := v.Verify(t.Context(), p.token(t, s, c)); err != nil {
		t.Errorf("the keys known were not used: %v", err)
	}
	p.publish()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		c.Advance(5 * time.Second)
		if _, err := v.Verify(t.Context(), p.token(t, s, c)); plimsoll.ErrorCode(err) == plimsoll.Unauthenticated {
			return
		}
	}
	t.Error("the withdrawn key is still good")
}

// The first caller hangs up; those who wait behind still get the answer.
func TestFirstCallerHangsUp(t *testing.T) {
	t.Parallel()
	c, s := newClock(), newSigner(t, "k1")
	p := newProvider(t, s)
	v, token := p.verifier(t, c), p.token(t, s, c)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.Verify(gone, token); err != nil {
		wantCode(t, err, plimsoll.Unavailable, "")
	}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if _, err := v.Verify(t.Context(), token); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestNewOIDCRefuses(t *testing.T) {
	t.Parallel()
	for _, bad := range [][2]string{{"", "a"}, {"login.example.com", "a"}, {"ftp://example.com", "a"}, {"https://example.com", " , "}} {
		_, err := auth.NewOIDC(bad[0], bad[1], nil, newClock().Now)
		wantCode(t, err, plimsoll.Invalid, "OpenID")
	}
}
