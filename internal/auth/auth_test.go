package auth_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"

	"plimsoll"
	"plimsoll/internal/auth"
)

const (
	tenant   = "5f3b0b2e-8d4c-4a53-9f5e-0d7c4e1b2a90"
	audience = "api://plimsoll"
	issuer   = "https://plimsoll.example.com:8443/" + tenant + "/v2.0"
)

// clock is a clock that stands until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// signer makes tokens with one key.
type signer struct {
	key crypto.Signer
	kid string
	alg string
}

func newSigner(tb testing.TB, kid string) signer {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return signer{key: key, kid: kid, alg: oidc.ES256}
}

func (s signer) sign(tb testing.TB, claims map[string]any) string {
	tb.Helper()
	return oidctest.SignIDToken(s.key, s.kid, s.alg, toJSON(tb, claims))
}

func toJSON(tb testing.TB, v any) string {
	tb.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return string(data)
}

// claimsAt are the claims of a good application token, with the changes given;
// a nil value removes the claim.
func claimsAt(now time.Time, changes map[string]any) map[string]any {
	c := map[string]any{
		"aud": audience, "iss": issuer, "tid": tenant,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"azp": "client-1", "sub": "client-1",
		"roles": []string{"DeviceManagementConfiguration.ReadWrite.All"},
	}
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func wantCode(t *testing.T, err error, code plimsoll.Code, words string) {
	t.Helper()
	if got := plimsoll.ErrorCode(err); got != code {
		t.Fatalf("code %q, want %q: %v", got, code, err)
	}
	if !strings.Contains(err.Error(), words) {
		t.Errorf("message %q does not say %q", err, words)
	}
}

func TestMay(t *testing.T) {
	t.Parallel()
	reader := auth.Principal{Permissions: []auth.Permission{auth.ScriptsRead}}
	if err := reader.May(auth.Read()); err != nil {
		t.Errorf("a reader may not read: %v", err)
	}
	err := reader.May(auth.Write())
	wantCode(t, err, plimsoll.Forbidden, "DeviceManagementConfiguration.ReadWrite.All, DeviceManagementManagedDevices.ReadWrite.All")
	wantCode(t, auth.Principal{}.May(auth.Read()), plimsoll.Forbidden, "DeviceManagementScripts.Read.All")
	wantCode(t, reader.May(nil), plimsoll.Forbidden, "permission")
}

func TestPermissionSets(t *testing.T) {
	t.Parallel()
	for _, p := range slices.Concat(auth.Read(), auth.Write()) {
		if !slices.Contains(auth.Permissions(), p) {
			t.Errorf("%s is not among the known ones", p)
		}
	}
	for _, p := range auth.Write() {
		if !slices.Contains(auth.Read(), p) {
			t.Errorf("%s writes but does not read", p)
		}
	}
	if !auth.Known("Group.Read.All") || auth.Known("group.read.all") {
		t.Error("names must compare exactly")
	}
}

// countingVerifier counts what reaches the verifier behind it.
type countingVerifier struct {
	auth.Verifier
	mu    sync.Mutex
	calls int
}

func (v *countingVerifier) Verify(ctx context.Context, bearer string) (auth.Principal, error) {
	v.mu.Lock()
	v.calls++
	v.mu.Unlock()
	return v.Verifier.Verify(ctx, bearer)
}

// signRaw signs a payload that need not be claims.
func (s signer) signRaw(payload string) string {
	return oidctest.SignIDToken(s.key, s.kid, s.alg, payload)
}
