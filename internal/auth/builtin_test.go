package auth_test

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"plimsoll"
	"plimsoll/internal/auth"
)

func builtin(s signer, c *clock) *auth.Builtin {
	keys := &oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{s.key.Public()}}
	return auth.NewBuiltin(keys, tenant, audience, c.Now)
}

func TestClaims(t *testing.T) {
	t.Parallel()
	const configRead, scriptsRead = "DeviceManagementConfiguration.Read.All", "DeviceManagementScripts.Read.All"
	for name, test := range map[string]struct {
		changes   map[string]any
		subject   string
		delegated bool
		perms     []auth.Permission
	}{
		"roles":           {nil, "client-1", false, []auth.Permission{auth.ConfigurationReadWrite}},
		"no roles":        {map[string]any{"roles": nil}, "client-1", false, nil},
		"one role":        {map[string]any{"roles": configRead}, "client-1", false, []auth.Permission{auth.ConfigurationRead}},
		"unknown roles":   {map[string]any{"roles": []string{"x", configRead, "admin"}}, "client-1", false, []auth.Permission{auth.ConfigurationRead}},
		"null roles":      {map[string]any{"roles": []any{}, "scope": ""}, "client-1", false, nil},
		"case of names":   {map[string]any{"roles": strings.ToLower(configRead)}, "client-1", false, nil},
		"scope":           {map[string]any{"roles": nil, "scope": "openid " + configRead}, "client-1", false, []auth.Permission{auth.ConfigurationRead}},
		"roles and scope": {map[string]any{"roles": []string{configRead}, "scope": configRead + " " + scriptsRead}, "client-1", false, []auth.Permission{auth.ConfigurationRead, auth.ScriptsRead}},
		"appid first":     {map[string]any{"appid": "app-1"}, "app-1", false, []auth.Permission{auth.ConfigurationReadWrite}},
		"client_id":       {map[string]any{"azp": nil, "client_id": "c-2", "roles": nil}, "c-2", false, nil},
		"sub at last":     {map[string]any{"azp": nil, "sub": "s-3", "roles": nil}, "s-3", false, nil},
		"scp string":      {map[string]any{"scp": configRead + " " + scriptsRead, "oid": "user-1"}, "user-1", true, []auth.Permission{auth.ConfigurationRead, auth.ScriptsRead}},
		"scp array":       {map[string]any{"scp": []string{scriptsRead}, "upn": "ada@example.com"}, "ada@example.com", true, []auth.Permission{auth.ScriptsRead}},
		"empty scp":       {map[string]any{"scp": "", "sub": "user-2"}, "user-2", true, nil},
		"scp excludes roles and scope": {
			map[string]any{"scp": scriptsRead, "scope": configRead, "sub": "user-3"},
			"user-3", true,
			[]auth.Permission{auth.ScriptsRead},
		},
		"audience among others": {map[string]any{"aud": []string{"other", audience}}, "client-1", false, []auth.Permission{auth.ConfigurationReadWrite}},
		"another host":          {map[string]any{"iss": "http://127.0.0.1:8080/" + tenant + "/v2.0"}, "client-1", false, []auth.Permission{auth.ConfigurationReadWrite}},
		"behind a path":         {map[string]any{"iss": "https://example.com/plimsoll/" + tenant + "/v2.0"}, "client-1", false, []auth.Permission{auth.ConfigurationReadWrite}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, s := newClock(), newSigner(t, "k1")
			p, err := builtin(s, c).Verify(t.Context(), s.sign(t, claimsAt(c.Now(), test.changes)))
			if err != nil {
				t.Fatal(err)
			}
			if p.Subject != test.subject || p.Delegated != test.delegated || p.TenantID != tenant {
				t.Errorf("got %+v", p)
			}
			if !slices.Equal(p.Permissions, test.perms) {
				t.Errorf("permissions %v, want %v", p.Permissions, test.perms)
			}
			if !p.ExpiresAt.Equal(c.Now().Add(time.Hour)) {
				t.Errorf("expires at %v", p.ExpiresAt)
			}
		})
	}
}

// Devices and clients have tokens of one issuer and one shape. The audience
// keeps them apart, either way, and a device's role is no permission.
func TestDeviceTokens(t *testing.T) {
	t.Parallel()
	const deviceAudience, device = audience + "-agent", "0c6e5a52-6f2b-4f2e-9d58-8a4c1a7e3b11"
	c, s := newClock(), newSigner(t, "k1")
	keys := &oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{s.key.Public()}}
	agents := auth.NewCached(auth.NewBuiltin(keys, tenant, deviceAudience, c.Now), 8, c.Now)
	graph := auth.NewByIssuer(builtin(s, c), agents) // whatever stands beside it, iss leads to the built-in one
	changes := map[string]any{
		"aud": deviceAudience, "idtyp": "device", "roles": []string{"Device.CheckIn"},
		"appid": device, "azp": device, "sub": device, "oid": device,
	}
	token := s.sign(t, claimsAt(c.Now(), changes))
	p, err := agents.Verify(t.Context(), token)
	if err != nil || p.Subject != device || p.TenantID != tenant || p.Delegated || len(p.Permissions) != 0 {
		t.Errorf("%+v %v", p, err)
	}
	wantCode(t, p.May(auth.Read()), plimsoll.Forbidden, "permission")
	_, err = graph.Verify(t.Context(), token)
	wantCode(t, err, plimsoll.Unauthenticated, "audience")
	client := s.sign(t, claimsAt(c.Now(), nil))
	if _, err := graph.Verify(t.Context(), client); err != nil {
		t.Error(err)
	}
	_, err = agents.Verify(t.Context(), client)
	wantCode(t, err, plimsoll.Unauthenticated, "audience")
}

func TestRefusedClaims(t *testing.T) {
	t.Parallel()
	now := newClock().Now()
	for name, test := range map[string]struct {
		changes map[string]any
		code    plimsoll.Code
		words   string
	}{
		"expired":           {map[string]any{"exp": now.Add(-time.Second).Unix()}, plimsoll.Unauthenticated, "expired"},
		"no expiry":         {map[string]any{"exp": nil}, plimsoll.Unauthenticated, "expired"},
		"not yet valid":     {map[string]any{"nbf": now.Add(6 * time.Minute).Unix()}, plimsoll.Unauthenticated, "not valid yet"},
		"audience":          {map[string]any{"aud": "https://graph.microsoft.com"}, plimsoll.Unauthenticated, "audience"},
		"no audience":       {map[string]any{"aud": nil}, plimsoll.Unauthenticated, "audience"},
		"empty audience":    {map[string]any{"aud": []string{}}, plimsoll.Unauthenticated, "audience"},
		"issuer":            {map[string]any{"iss": "https://example.com/other/v2.0"}, plimsoll.Unauthenticated, "issuer"},
		"issuer's fragment": {map[string]any{"iss": "https://example.com/#/" + tenant + "/v2.0"}, plimsoll.Unauthenticated, "issuer"},
		"no issuer":         {map[string]any{"iss": nil}, plimsoll.Unauthenticated, "issuer"},
		"tenant":            {map[string]any{"tid": "11111111-2222-4333-8444-555555555555"}, plimsoll.Unauthenticated, "tenant"},
		"no tenant":         {map[string]any{"tid": nil}, plimsoll.Unauthenticated, "tenant"},
		"personal account":  {map[string]any{"tid": "9188040D-6c67-4c5b-b112-36a304b66dad"}, plimsoll.Forbidden, "work or school"},
		"no caller":         {map[string]any{"azp": nil, "sub": nil}, plimsoll.Unauthenticated, "no caller"},
		"roles a number":    {map[string]any{"roles": 7}, plimsoll.Unauthenticated, "malformed"},
		"roles of numbers":  {map[string]any{"roles": []int{7}}, plimsoll.Unauthenticated, "malformed"},
		"scp an object":     {map[string]any{"scp": map[string]any{}}, plimsoll.Unauthenticated, "malformed"},
		"azp a number":      {map[string]any{"azp": 7}, plimsoll.Unauthenticated, "malformed"},
		"exp a word":        {map[string]any{"exp": "soon"}, plimsoll.Unauthenticated, "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, s := newClock(), newSigner(t, "k1")
			_, err := builtin(s, c).Verify(t.Context(), s.sign(t, claimsAt(now, test.changes)))
			wantCode(t, err, test.code, test.words)
		})
	}
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// hmacToken signs with the public key as the secret: the confusion of RFC 8725
// section 2.1.
func hmacToken(t *testing.T, s signer, payload string) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(s.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	secret := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	head := b64(`{"alg":"HS256","kid":"k1"}`) + "." + b64(payload)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(head))
	return head + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func TestRefusedTokens(t *testing.T) {
	t.Parallel()
	c, s := newClock(), newSigner(t, "k1")
	good := s.sign(t, claimsAt(c.Now(), nil))
	payload := toJSON(t, claimsAt(c.Now(), nil))
	part := strings.Split(good, ".")
	for name, test := range map[string]struct{ token, words string }{
		"empty":            {"", "required"},
		"garbage":          {"garbage", "compact"},
		"three garbages":   {"a.b.c", "not a JWT"},
		"dots":             {"..", "not a JWT"},
		"binary":           {"\x00\xff.\x00.\x00", "compact"},
		"JSON form":        {`{"payload":"` + part[1] + `","protected":"` + part[0] + `","signature":"` + part[2] + `"}`, "compact"},
		"white space":      {part[0] + ".\n" + part[1] + "." + part[2], "compact"},
		"none":             {b64(`{"alg":"none"}`) + "." + b64(payload) + ".", "not a JWT"},
		"HMAC":             {hmacToken(t, s, payload), "accepted algorithm"},
		"foreign key":      {newSigner(t, "k1").sign(t, claimsAt(c.Now(), nil)), "known key"},
		"changed claims":   {part[0] + "." + b64(strings.Replace(payload, "client-1", "client-2", 1)) + "." + part[2], "known key"},
		"cut short":        {good[:len(good)-4], "known key"},
		"no signature":     {part[0] + "." + part[1] + ".", "known key"},
		"two parts":        {part[0] + "." + part[1], "compact"},
		"16 KiB and a bit": {good + strings.Repeat("A", auth.MaxToken), "longer than 16 KiB"},
		"1 MiB":            {strings.Repeat("A", 1<<20), "longer than 16 KiB"},
		"claims no JSON":   {s.signRaw(`no JSON`), "malformed"},
		"claims an array":  {s.signRaw(`[]`), "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, v := range []auth.Verifier{builtin(s, c), auth.NewCached(builtin(s, c), 8, c.Now)} {
				_, err := v.Verify(t.Context(), test.token)
				wantCode(t, err, plimsoll.Unauthenticated, test.words)
			}
		})
	}
}

type brokenKeys struct{ err error }

func (k brokenKeys) VerifySignature(context.Context, string) ([]byte, error) { return nil, k.err }

func TestKeysAway(t *testing.T) {
	t.Parallel()
	c, s := newClock(), newSigner(t, "k1")
	token := s.sign(t, claimsAt(c.Now(), nil))
	away := &plimsoll.Error{Code: plimsoll.Unavailable, Message: "away", RetryAfter: time.Second}
	_, err := auth.NewBuiltin(brokenKeys{away}, tenant, audience, c.Now).Verify(t.Context(), token)
	wantCode(t, err, plimsoll.Unavailable, "away")
	_, err = auth.NewBuiltin(brokenKeys{errors.New("x")}, tenant, audience, c.Now).Verify(t.Context(), token)
	wantCode(t, err, plimsoll.Unauthenticated, "known key")
}

func TestClockSkew(t *testing.T) {
	t.Parallel()
	c, s := newClock(), newSigner(t, "k1")
	// Another server's clock may run a little ahead.
	token := s.sign(t, claimsAt(c.Now().Add(time.Minute), nil))
	if _, err := builtin(s, c).Verify(t.Context(), token); err != nil {
		t.Error(err)
	}
}
