package issuer_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"
	"github.com/zitadel/oidc/v3/pkg/oidc"

	"plimsoll"
	"plimsoll/internal/auth"
	"plimsoll/internal/issuer"
)

const jwtBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// deviceFleet is a fleet with one device in it.
type deviceFleet struct {
	*fleet
	id  string
	key ed25519.PrivateKey

	mu   sync.Mutex
	keys map[string]ed25519.PublicKey
	away error
}

func newDeviceFleet(t *testing.T) *deviceFleet {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	f := &deviceFleet{id: uuid.NewString(), key: private}
	f.keys = map[string]ed25519.PublicKey{f.id: public}
	f.fleet = newFleetOf(t, f)
	return f
}

// DeviceKey implements [issuer.DeviceKeys].
func (f *deviceFleet) DeviceKey(_ context.Context, id string) (ed25519.PublicKey, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.away != nil {
		return nil, f.away
	}
	key, ok := f.keys[id]
	if !ok {
		return nil, plimsoll.Errorf(plimsoll.NotFound, "There is no such device.")
	}
	return key, nil
}

func (f *deviceFleet) set(key ed25519.PublicKey, away error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keys[f.id], f.away = key, away
	if key == nil {
		delete(f.keys, f.id)
	}
}

// facts are the claims of a good assertion, after the changes; a nil value
// removes the claim.
func (f *deviceFleet) facts(changes map[string]any) map[string]any {
	now := f.now().Unix()
	c := map[string]any{
		"iss": f.id, "sub": f.id, "aud": f.tokenURL(), "jti": uuid.NewString(),
		"iat": now, "nbf": now, "exp": now + 120,
	}
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func encode(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// signed makes a JWS by hand, so that it may be a bad one.
func signed(key ed25519.PrivateKey, header, payload string) string {
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	return input + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, []byte(input)))
}

const plainHeader = `{"alg":"EdDSA","typ":"JWT"}`

func (f *deviceFleet) assertion(t *testing.T, changes map[string]any) string {
	t.Helper()
	return signed(f.key, plainHeader, encode(t, f.facts(changes)))
}

func deviceGrant(assertion string) url.Values {
	return url.Values{
		"grant_type": {"client_credentials"}, "scope": {"api://plimsoll-agent/.default"},
		"client_assertion_type": {jwtBearer}, "client_assertion": {assertion},
	}
}

func TestDeviceToken(t *testing.T) {
	t.Parallel()
	f := newDeviceFleet(t)
	a := f.ask(t, deviceGrant(f.assertion(t, nil)))
	if a.status != http.StatusOK || a.TokenType != "Bearer" || a.ExpiresIn != 3600 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	claims := decode(t, strings.Split(a.AccessToken, ".")[1])
	now := float64(f.now().Unix())
	for name, want := range map[string]any{
		"aud": "api://plimsoll-agent", "iss": f.URL + "/" + f.tenant + "/v2.0", "tid": f.tenant,
		"iat": now, "nbf": now, "exp": now + 3600, "idtyp": "device", "ver": "2.0",
		"appid": f.id, "azp": f.id, "sub": f.id, "oid": f.id,
	} {
		if claims[name] != want {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
	if roles := encode(t, claims["roles"]); roles != `["Device.CheckIn"]` {
		t.Errorf("roles %s", roles)
	}
}

// A device's token holds on the agents' surface alone, a client's on Graph's.
func TestAudiencesApart(t *testing.T) {
	t.Parallel()
	f := newDeviceFleet(t)
	device, client := f.ask(t, deviceGrant(f.assertion(t, nil))).AccessToken, f.token(t)
	agents := auth.NewCached(auth.NewBuiltin(f.fleet.keys, f.tenant, issuer.DeviceAudience, f.now), 8, f.now)
	graph := auth.NewCached(auth.NewByIssuer(f.builtin(f.fleet.keys), agents), 8, f.now)
	for range 2 { // from the cache, the second time
		p, err := agents.Verify(t.Context(), device)
		if err != nil || p.Subject != f.id || p.TenantID != f.tenant || p.Delegated || len(p.Permissions) != 0 {
			t.Errorf("%+v %v", p, err)
		}
		_, err = graph.Verify(t.Context(), device)
		wantCode(t, err, plimsoll.Unauthenticated)
		if p, err = graph.Verify(t.Context(), client); err != nil || p.Subject != f.first.ClientID {
			t.Errorf("%+v %v", p, err)
		}
		_, err = agents.Verify(t.Context(), client)
		wantCode(t, err, plimsoll.Unauthenticated)
	}
}

func TestAcceptedAssertions(t *testing.T) {
	t.Parallel()
	f := newDeviceFleet(t)
	now, base := f.now().Unix(), f.URL
	claims := func(changes map[string]any) url.Values { return deviceGrant(f.assertion(t, changes)) }
	header := func(h string) url.Values { return deviceGrant(signed(f.key, h, encode(t, f.facts(nil)))) }
	withID := claims(nil)
	withID.Set("client_id", strings.ToUpper(f.id))
	bare := claims(nil)
	bare.Del("scope")
	for name, test := range map[string]struct {
		form   url.Values
		change func(*http.Request)
	}{
		"client_id":            {withID, nil},
		"no scope":             {bare, nil},
		"no typ":               {header(`{"alg":"EdDSA"}`), nil},
		"kid":                  {header(`{"alg":"EdDSA","typ":"jwt","kid":"any"}`), nil},
		"exp alone":            {claims(map[string]any{"iat": nil, "nbf": nil}), nil},
		"upper case":           {claims(map[string]any{"iss": strings.ToUpper(f.id), "sub": strings.ToUpper(f.id)}), nil},
		"10 minutes":           {claims(map[string]any{"exp": now + 600}), nil},
		"a second left":        {claims(map[string]any{"exp": now + 1}), nil},
		"fraction":             {claims(map[string]any{"exp": float64(now) + 100.5}), nil},
		"a minute fast":        {claims(map[string]any{"iat": now + 60, "nbf": now + 60}), nil},
		"slow":                 {claims(map[string]any{"iat": now - 660, "nbf": now - 9999}), nil},
		"longest jti":          {claims(map[string]any{"jti": strings.Repeat("é", 256)}), nil},
		"array":                {claims(map[string]any{"aud": []string{"https://example.com", f.tokenURL()}}), nil},
		"issuer":               {claims(map[string]any{"aud": base + "/" + f.tenant + "/v2.0"}), nil},
		"issuer by alias":      {claims(map[string]any{"aud": base + "/common/v2.0"}), nil},
		"alias":                {claims(map[string]any{"aud": base + "/organizations/oauth2/v2.0/token"}), nil},
		"alias asked":          {claims(nil), tenantPath("common")},
		"alias asked and told": {claims(map[string]any{"aud": base + "/common/oauth2/v2.0/token"}), tenantPath("common")},
		"another case":         {claims(map[string]any{"aud": strings.Replace(f.tokenURL(), "https", "HTTPS", 1)}), nil},
		"default port": {
			claims(map[string]any{"aud": "https://plimsoll.example.com:443/" + f.tenant + "/v2.0"}),
			func(r *http.Request) { r.Host = "Plimsoll.example.com" },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.change == nil {
				test.change = func(*http.Request) {}
			}
			if a := f.ask(t, test.form, test.change); a.status != http.StatusOK {
				t.Fatalf("%d %s", a.status, a.body)
			}
		})
	}
}

func joseSigned(t *testing.T, alg jose.SignatureAlgorithm, key any, payload string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

func TestRefusedAssertions(t *testing.T) {
	t.Parallel()
	f := newDeviceFleet(t)
	_, otherKey, _ := ed25519.GenerateKey(rand.Reader)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := encode(t, f.facts(nil))
	now, host := f.now().Unix(), strings.TrimPrefix(f.URL, "https://")
	part := strings.Split(f.assertion(t, nil), ".")
	public := f.key.Public().(ed25519.PublicKey)
	own := encode(t, jose.JSONWebKey{Key: otherKey.Public()})
	claims := func(name string, value any) string { return f.assertion(t, map[string]any{name: value}) }
	header := func(h string) string { return signed(f.key, h, good) }
	const (
		form, names, aud, key = "compact form", "the device's id", "The aud", "unknown, or"
		types, clock          = "right types", "server's time is 2030-01-02T03:04:05Z"
		stranger              = "00000000-0000-4000-8000-000000000000"
	)
	for name, test := range map[string]struct{ assertion, words string }{
		"garbage":          {"garbage", form},
		"dots":             {"..", form},
		"long":             {claims("x", strings.Repeat("x", 4096)), "4 KiB"},
		"none":             {b64(`{"alg":"none"}`) + "." + b64(good) + ".", form},
		"HS256":            {joseSigned(t, jose.HS256, []byte(public), good), form},
		"RS256":            {joseSigned(t, jose.RS256, rsaKey, good), form},
		"no alg":           {header(`{}`), form},
		"alg in lower":     {header(`{"alg":"eddsa"}`), form},
		"header no object": {header(`[]`), form},
		"null header":      {header(`null`), form},
		"another typ":      {header(`{"alg":"EdDSA","typ":"at+jwt"}`), form},
		"typ a number":     {header(`{"alg":"EdDSA","typ":1}`), form},
		"crit":             {header(`{"alg":"EdDSA","crit":["exp"],"exp":1}`), form},
		"empty crit":       {header(`{"alg":"EdDSA","crit":[]}`), form},
		"crit b64":         {header(`{"alg":"EdDSA","crit":["b64"],"b64":true}`), form},
		"b64":              {header(`{"alg":"EdDSA","b64":false}`), form},
		"payload no JSON":  {signed(f.key, plainHeader, "x"), types},
		"payload array":    {signed(f.key, plainHeader, "[]"), types},
		"payload null":     {signed(f.key, plainHeader, "null"), names},
		"empty payload":    {signed(f.key, plainHeader, ""), types},
		"claim twice":      {signed(f.key, plainHeader, strings.Replace(good, "{", `{"iss":"x",`, 1)), types},
		"trailing":         {signed(f.key, plainHeader, good+"{}"), types},
		"exp a word":       {claims("exp", "soon"), types},
		"exp huge":         {claims("exp", 1e300), types},
		"iat huge":         {claims("iat", 1e19), types},
		"aud a number":     {claims("aud", 1), types},
		"aud of numbers":   {claims("aud", []int{1}), types},
		"sub a number":     {claims("sub", 1), types},
		"no iss":           {claims("iss", nil), names},
		"no sub":           {claims("sub", nil), names},
		"another iss":      {claims("iss", stranger), names},
		"no GUID":          {f.assertion(t, map[string]any{"iss": "x", "sub": "x"}), names},
		"URN":              {f.assertion(t, map[string]any{"iss": "urn:uuid:" + f.id, "sub": "urn:uuid:" + f.id}), names},
		"no jti":           {claims("jti", nil), "jti"},
		"empty jti":        {claims("jti", ""), "jti"},
		"long jti":         {claims("jti", strings.Repeat("x", 257)), "jti"},
		"no exp":           {claims("exp", nil), "must have an exp"},
		"expired":          {claims("exp", now), clock},
		"long expired":     {claims("exp", -1e18), clock},
		"exp far ahead":    {claims("exp", now+601), clock},
		"exp furthest":     {claims("exp", 4e18), clock},
		"nbf ahead":        {claims("nbf", now+61), clock},
		"iat ahead":        {claims("iat", now+61), clock},
		"iat long ago":     {claims("iat", now-661), clock},
		"clock, stranger":  {signed(otherKey, plainHeader, encode(t, f.facts(map[string]any{"iss": stranger, "sub": stranger, "exp": now - 1}))), clock},
		"no aud":           {claims("aud", nil), aud},
		"no auds":          {claims("aud", []string{}), aud},
		"another host":     {claims("aud", "https://example.com/"+f.tenant+"/oauth2/v2.0/token"), aud},
		"another port":     {claims("aud", "https://127.0.0.1:1/"+f.tenant+"/v2.0"), aud},
		"another scheme":   {claims("aud", "http://"+host+"/"+f.tenant+"/v2.0"), aud},
		"another tenant":   {claims("aud", f.URL+"/"+stranger+"/v2.0"), aud},
		"another path":     {claims("aud", f.URL+"/"+f.tenant+"/discovery/v2.0/keys"), aud},
		"path below":       {claims("aud", f.tokenURL()+"/x"), aud},
		"path above":       {claims("aud", f.URL), aud},
		"query":            {claims("aud", f.tokenURL()+"?x"), aud},
		"fragment":         {claims("aud", f.tokenURL()+"#x"), aud},
		"user":             {claims("aud", "https://x@"+host+"/"+f.tenant+"/v2.0"), aud},
		"aud no URL":       {claims("aud", "api://plimsoll-agent"), aud},
		"aud broken":       {claims("aud", "https://%zz"), aud},
		"wrong key":        {signed(otherKey, plainHeader, good), key},
		"own key along":    {signed(otherKey, `{"alg":"EdDSA","jwk":`+own+`}`, good), key},
		"changed":          {part[0] + "." + b64(good) + "." + part[2], key},
		"no signature":     {part[0] + "." + part[1] + ".", key},
		"unknown device":   {f.assertion(t, map[string]any{"iss": stranger, "sub": stranger}), key},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := f.ask(t, deviceGrant(test.assertion))
			if a.status != http.StatusUnauthorized || a.Error != "invalid_client" || !strings.Contains(a.Description, test.words) {
				t.Errorf("%d %s, want %q", a.status, a.body, test.words)
			}
			if strings.ContainsAny(a.Description, `"\`) || a.header.Get("WWW-Authenticate") == "" || a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%v %s", a.header, a.Description)
			}
		})
	}
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func TestRefusedAssertionForms(t *testing.T) {
	t.Parallel()
	f := newDeviceFleet(t)
	set := func(name string, values ...string) url.Values {
		form := deviceGrant(f.assertion(t, nil))
		form[name] = values
		return form
	}
	for name, test := range map[string]struct {
		form   url.Values
		change func(*http.Request)
		status int
		code   string
		words  string
	}{
		"secret too":        {set("client_secret", "x"), nil, 400, "invalid_request", "not both"},
		"basic too":         {set("x"), basic("x", "y"), 400, "invalid_request", "not both"},
		"no type":           {set("client_assertion_type"), nil, 400, "invalid_request", "together"},
		"type alone":        {set("client_assertion"), nil, 400, "invalid_request", "together"},
		"SAML":              {set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"), nil, 401, "invalid_client", "jwt-bearer"},
		"another client_id": {set("client_id", f.first.ClientID), nil, 400, "invalid_request", "client_id"},
		"scope":             {set("scope", "Device.CheckIn"), nil, 400, "invalid_scope", "/.default"},
		"twice":             {set("client_assertion", "x", "y"), nil, 400, "invalid_request", "more than once"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.change == nil {
				test.change = func(*http.Request) {}
			}
			a := f.ask(t, test.form, test.change)
			if a.status != test.status || a.Error != test.code || !strings.Contains(a.Description, test.words) {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
}

func TestAssertionReplayed(t *testing.T) {
	t.Parallel()
	f := newDeviceFleet(t)
	raw, jti := f.assertion(t, map[string]any{"jti": "one", "exp": f.now().Unix() + 300}), map[string]any{"jti": "one"}
	bad := []byte(raw)
	bad[len(bad)-10] ^= 1 // another letter of the signature
	if a := f.ask(t, deviceGrant(string(bad))); a.status != http.StatusUnauthorized {
		t.Errorf("%d %s", a.status, a.body)
	}
	var granted, refused sync.Map
	var wg sync.WaitGroup
	for i := range 8 { // a wrong one before did not use it up; of many at once one gets a token
		wg.Go(func() {
			if a := f.ask(t, deviceGrant(raw)); a.status == http.StatusOK {
				granted.Store(i, a)
			} else if a.Error == "invalid_client" && strings.Contains(a.Description, "used before") {
				refused.Store(i, a)
			}
		})
	}
	wg.Wait()
	if g, r := size(&granted), size(&refused); g != 1 || r != 7 {
		t.Errorf("%d granted, %d refused", g, r)
	}
	if a := f.ask(t, deviceGrant(f.assertion(t, jti))); !strings.Contains(a.Description, "used before") {
		t.Errorf("another assertion of the same jti: %d %s", a.status, a.body)
	}
	f.advance(300 * time.Second)
	if a := f.ask(t, deviceGrant(raw)); a.status != http.StatusUnauthorized || !strings.Contains(a.Description, "exp has passed") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := f.ask(t, deviceGrant(f.assertion(t, jti))); a.status != http.StatusOK {
		t.Errorf("the jti is remembered beyond exp: %d %s", a.status, a.body)
	}
}

// Memory is bounded: where too many come at once, the oldest are forgotten.
func TestUsedAssertionsAreBounded(t *testing.T) {
	t.Parallel()
	f := newDeviceFleet(t)
	f.server.RememberUsed(2)
	oldest, newest := f.assertion(t, nil), f.assertion(t, nil)
	for _, raw := range []string{oldest, f.assertion(t, nil), newest, oldest} {
		if a := f.ask(t, deviceGrant(raw)); a.status != http.StatusOK {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if a := f.ask(t, deviceGrant(newest)); a.status != http.StatusUnauthorized {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func size(m *sync.Map) (n int) {
	m.Range(func(any, any) bool { n++; return true })
	return n
}

// A removed device gets the answer of one that never was and of a wrong key.
func TestRemovedDevice(t *testing.T) {
	t.Parallel()
	f := newDeviceFleet(t)
	_, otherKey, _ := ed25519.GenerateKey(rand.Reader)
	wrong := f.ask(t, deviceGrant(signed(otherKey, plainHeader, encode(t, f.facts(nil)))))
	f.set(nil, nil)
	removed := f.ask(t, deviceGrant(f.assertion(t, nil)))
	if removed.status != http.StatusUnauthorized || removed.body != wrong.body {
		t.Errorf("%d %s, and %d %s", removed.status, removed.body, wrong.status, wrong.body)
	}
	if log := f.log.String(); !strings.Contains(log, "unknown device") || !strings.Contains(log, "wrong signature") {
		t.Error("the log does not tell the two apart")
	}
}

func TestDeviceKeysAway(t *testing.T) {
	t.Parallel()
	f := newDeviceFleet(t)
	f.set(nil, &plimsoll.Error{Code: plimsoll.Unavailable, Message: "The store is away.", RetryAfter: time.Second})
	if a := f.ask(t, deviceGrant(f.assertion(t, nil))); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") != "1" {
		t.Errorf("%d %s", a.status, a.body)
	}
	f.set(nil, errors.New("the disk's own words"))
	if a := f.ask(t, deviceGrant(f.assertion(t, nil))); a.status != http.StatusInternalServerError || strings.Contains(a.body, "disk") {
		t.Errorf("%d %s", a.status, a.body)
	}
	f.set(ed25519.PublicKey("short"), nil)
	if a := f.ask(t, deviceGrant(f.assertion(t, nil))); a.status != http.StatusInternalServerError {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestDiscoveryTellsOfAssertions(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]*fleet{
		`["client_secret_post","client_secret_basic","private_key_jwt"] ["EdDSA"]`: newDeviceFleet(t).fleet,
		`["client_secret_post","client_secret_basic"] null`:                        newFleet(t),
	} {
		a := f.do(t, newRequest(t, http.MethodGet, f.URL+"/common/v2.0/.well-known/openid-configuration", nil))
		var d oidc.DiscoveryConfiguration
		if err := json.Unmarshal([]byte(a.body), &d); err != nil {
			t.Fatal(err)
		}
		got := encode(t, d.TokenEndpointAuthMethodsSupported) + " " + encode(t, d.TokenEndpointAuthSigningAlgValuesSupported)
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func FuzzParseAssertion(f *testing.F) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	const id = "5f3b0b2e-8d4c-4a53-9f5e-0d7c4e1b2a90"
	f.Add(plainHeader, `{"iss":"`+id+`","sub":"`+id+`","aud":["x"],"jti":"1","exp":1893553445,"iat":1e9}`)
	f.Add(`{"alg":"EdDSA","crit":["b64"],"b64":false}`, `{}`)
	f.Add(`{"alg":"none","jwk":{"kty":"OKP","crv":"Ed25519","x":""},"x5c":[""]}`, `{"exp":1e400}`)
	f.Add(`{"alg":"EdDSA","typ":null,"crit":null}`, `{"aud":null,"exp":null,"sub":"{}"}`)
	f.Add(`null`, `null`)
	f.Fuzz(func(t *testing.T, header, payload string) {
		for _, raw := range []string{signed(key, header, payload), header, header + "." + payload + "."} {
			device, jti, err := issuer.ParseAssertion(raw)
			if err != nil {
				if !strings.Contains(err.Error(), "client_assertion") {
					t.Errorf("%q: %v", raw, err)
				}
				continue
			}
			if parsed, err := uuid.Parse(device); err != nil || parsed.String() != device || jti == "" || len(raw) > 4<<10 {
				t.Errorf("%q: %q, %q", raw, device, jti)
			}
		}
	})
}
