package issuer_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"plimsoll"
	"plimsoll/internal/issuer"
)

func TestTokenForAzureIdentity(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	form := f.grant()
	maps.Copy(form, url.Values{"claims": {`{"access_token":{"xms_cc":{"values":["CP1"]}}}`}, "client_info": {"1"}})
	a := f.ask(t, form, func(r *http.Request) { r.Header.Set("X-Client-Sku", "MSAL.Go") })
	if a.status != http.StatusOK || a.TokenType != "Bearer" || a.ExpiresIn != 3600 || a.ExtExpiresIn != 3600 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("header %v", a.header)
	}
	p, err := f.builtin(f.keys).Verify(t.Context(), a.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	if p.Subject != f.first.ClientID || p.TenantID != f.tenant || p.Delegated || !p.ExpiresAt.Equal(f.now().Add(time.Hour)) {
		t.Errorf("%+v", p)
	}
}

func decode(t *testing.T, segment string) map[string]any {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(segment)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTokenClaims(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	part := strings.Split(f.token(t), ".")
	header, claims := decode(t, part[0]), decode(t, part[1])
	if header["typ"] != "JWT" || header["alg"] != "ES256" || header["kid"] == "" {
		t.Errorf("header %v", header)
	}
	now := float64(f.now().Unix())
	for name, want := range map[string]any{
		"aud": "api://plimsoll", "iss": f.URL + "/" + f.tenant + "/v2.0", "tid": f.tenant,
		"iat": now, "nbf": now, "exp": now + 3600, "idtyp": "app", "ver": "2.0",
		"appid": f.first.ClientID, "azp": f.first.ClientID, "sub": f.first.ClientID, "oid": f.first.ClientID,
		"jti": claims["uti"],
	} {
		if claims[name] != want {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
	if roles, _ := json.Marshal(claims["roles"]); string(roles) != `["DeviceManagementConfiguration.ReadWrite.All","Group.ReadWrite.All"]` {
		t.Errorf("roles %s", roles)
	}
	if again := decode(t, strings.Split(f.token(t), ".")[1]); again["jti"] == claims["jti"] {
		t.Error("two tokens have one id")
	}
}

// A client that knows only OpenID Connect finds everything by discovery.
func TestPlainOpenIDClient(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	ctx := oidc.ClientContext(t.Context(), f.Client())
	provider, err := oidc.NewProvider(ctx, f.URL+"/"+f.tenant+"/v2.0")
	if err != nil {
		t.Fatal(err)
	}
	if provider.Endpoint().TokenURL != f.tokenURL() {
		t.Errorf("token endpoint %s", provider.Endpoint().TokenURL)
	}
	v := provider.VerifierContext(ctx, &oidc.Config{ClientID: issuer.Audience, Now: f.now})
	if _, err := v.Verify(ctx, f.token(t)); err != nil {
		t.Error(err)
	}
}

func basic(id, secret string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret)) }
}

func TestAcceptedRequests(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	bare := url.Values{"grant_type": {"client_credentials"}}
	with := func(base url.Values, changes url.Values) url.Values {
		form := maps.Clone(base)
		maps.Copy(form, changes)
		return form
	}
	login := basic(f.first.ClientID, f.first.Secret)
	for name, test := range map[string]struct {
		form   url.Values
		change func(*http.Request)
	}{
		"basic":                   {bare, login},
		"basic and client_id":     {with(bare, url.Values{"client_id": {f.first.ClientID}}), login},
		"own audience":            {with(f.grant(), url.Values{"scope": {"api://plimsoll/.default"}}), nil},
		"several resources":       {with(f.grant(), url.Values{"scope": {"a/.default b/.default email"}}), nil},
		"empty scope":             {with(f.grant(), url.Values{"scope": {""}}), nil},
		"no scope":                {with(f.grant(), url.Values{"scope": nil}), nil},
		"unknown parameter":       {with(f.grant(), url.Values{"x": {"y"}}), nil},
		"query string":            {f.grant(), func(r *http.Request) { r.URL.RawQuery = "grant_type=password&x=%zz" }},
		"client_id in upper case": {with(f.grant(), url.Values{"client_id": {strings.ToUpper(f.first.ClientID)}}), nil},
		"charset": {f.grant(), func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		}},
		"common":               {f.grant(), tenantPath("common")},
		"organizations":        {f.grant(), tenantPath("organizations")},
		"tenant in upper case": {f.grant(), tenantPath(strings.ToUpper(f.tenant))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.change == nil {
				test.change = func(*http.Request) {}
			}
			a := f.ask(t, test.form, test.change)
			if a.status != http.StatusOK {
				t.Fatalf("%d %s", a.status, a.body)
			}
			if _, err := f.builtin(f.keys).Verify(t.Context(), a.AccessToken); err != nil {
				t.Error(err)
			}
		})
	}
}

func tenantPath(tenant string) func(*http.Request) {
	return func(r *http.Request) { r.URL.Path = "/" + tenant + "/oauth2/v2.0/token" }
}

func TestRefusedRequests(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	set := func(name string, values ...string) func(*http.Request) {
		return func(r *http.Request) {
			form := f.grant()
			form[name] = values
			setBody(r, form.Encode())
		}
	}
	const stranger = "00000000-0000-4000-8000-000000000000"
	for name, test := range map[string]struct {
		change func(*http.Request)
		status int
		code   string
		words  string
	}{
		"no grant_type":         {set("grant_type"), 400, "invalid_request", "grant_type"},
		"another grant_type":    {set("grant_type", "password"), 400, "unsupported_grant_type", "client_credentials"},
		"a permission as scope": {set("scope", "https://graph.microsoft.com/DeviceManagementConfiguration.Read.All"), 400, "invalid_scope", "/.default"},
		"a bare default":        {set("scope", "/.default"), 400, "invalid_scope", "/.default"},
		"wrong secret":          {set("client_secret", f.first.Secret+"x"), 401, "invalid_client", "wrong"},
		"no secret":             {set("client_secret"), 401, "invalid_client", "client_secret"},
		"empty secret":          {set("client_secret", ""), 401, "invalid_client", "client_secret"},
		"no client":             {set("client_id"), 401, "invalid_client", "client_id"},
		"unknown client":        {set("client_id", stranger), 401, "invalid_client", "wrong"},
		"client of no form":     {set("client_id", "x\x00y"), 401, "invalid_client", "wrong"},
		"long secret":           {set("client_secret", strings.Repeat("x", 60_000)), 401, "invalid_client", "wrong"},
		"assertion":             {set("client_assertion", "x"), 401, "invalid_client", "assertion"},
		"twice the scope":       {set("scope", "a/.default", "a/.default"), 400, "invalid_request", "more than once"},
		"twice an unknown":      {set("x", "1", "2"), 400, "invalid_request", "more than once"},
		"not a form":            {func(r *http.Request) { setBody(r, "a=%zz") }, 400, "invalid_request", "body"},
		"semicolons":            {func(r *http.Request) { setBody(r, "a=1;b=2") }, 400, "invalid_request", "body"},
		"empty":                 {func(r *http.Request) { setBody(r, "") }, 400, "invalid_request", "grant_type"},
		"large":                 {func(r *http.Request) { setBody(r, strings.Repeat("a", 64<<10+1)) }, 413, "invalid_request", "64 KiB"},
		"JSON":                  {func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, 415, "invalid_request", "application/x-www-form-urlencoded"},
		"no type":               {func(r *http.Request) { r.Header.Del("Content-Type") }, 415, "invalid_request", "application/x-www-form-urlencoded"},
		"secret in the URL":     {func(r *http.Request) { r.URL.RawQuery = "client_secret=x" }, 400, "invalid_request", "URL"},
		"GET":                   {func(r *http.Request) { r.Method = http.MethodGet }, 405, "invalid_request", "POST"},
		"unknown tenant":        {tenantPath(stranger), 400, "invalid_request", "tenant"},
		"consumers":             {tenantPath("consumers"), 400, "invalid_request", "tenant"},
		"two methods":           {basic(f.first.ClientID, f.first.Secret), 400, "invalid_request", "not in both"},
		"another client_id": {func(r *http.Request) {
			setBody(r, "grant_type=client_credentials&client_id=x")
			basic(f.first.ClientID, f.first.Secret)(r)
		}, 400, "invalid_request", "client_id"},
		"basic, wrong":  {bareWith(basic(f.first.ClientID, "x")), 401, "invalid_client", "wrong"},
		"basic, broken": {bareWith(func(r *http.Request) { r.Header.Set("Authorization", "Basic !") }), 401, "invalid_client", "Basic"},
		"basic, escape": {bareWith(func(r *http.Request) { r.SetBasicAuth("%zz", "x") }), 401, "invalid_client", "Basic"},
		"bearer":        {bareWith(func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }), 401, "invalid_client", "Basic"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := f.ask(t, f.grant(), test.change)
			if a.status != test.status || a.Error != test.code || !strings.Contains(a.Description, test.words) {
				t.Errorf("%d %s", a.status, a.body)
			}
			if strings.ContainsAny(a.Description, `"\`) {
				t.Errorf("%s has characters that RFC 6749 section 5.2 forbids", a.Description)
			}
			if a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("header %v", a.header)
			}
			if want := a.status == http.StatusUnauthorized; (a.header.Get("WWW-Authenticate") != "") != want {
				t.Errorf("header %v", a.header)
			}
			if want := a.status == http.StatusMethodNotAllowed; (a.header.Get("Allow") == "POST") != want {
				t.Errorf("header %v", a.header)
			}
		})
	}
}

func setBody(r *http.Request, body string) {
	r.Body = http.NoBody
	if body != "" {
		r.Body = struct {
			*strings.Reader
			nopCloser
		}{Reader: strings.NewReader(body)}
	}
	r.ContentLength, r.GetBody = int64(len(body)), nil
}

type nopCloser struct{}

func (nopCloser) Close() error { return nil }

func bareWith(change func(*http.Request)) func(*http.Request) {
	return func(r *http.Request) {
		setBody(r, "grant_type=client_credentials")
		change(r)
	}
}

func TestTooManyAtOnce(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	undo := f.clients.Occupy(time.Millisecond)
	a := f.ask(t, f.grant())
	if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") != "3" || a.Error != "temporarily_unavailable" {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
	undo()
	f.token(t)
}

func TestStoreAway(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.store.setAway(&plimsoll.Error{Code: plimsoll.Unavailable, Message: "The store is away.", RetryAfter: 1500 * time.Millisecond})
	if a := f.ask(t, f.grant()); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") != "2" {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
	f.store.setAway(errors.New("the disk's own words"))
	a := f.ask(t, f.grant())
	if a.status != http.StatusInternalServerError || a.Error != "server_error" || strings.Contains(a.body, "disk") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if log := f.log.String(); !strings.Contains(log, "the disk's own words") {
		t.Error("the cause is not in the log")
	}
}

func TestLogKeepsNoSecret(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	token := f.token(t)
	wrong := f.grant()
	wrong.Set("client_id", f.first.Secret) // people mix these up
	f.ask(t, wrong)
	f.ask(t, f.grant(), func(r *http.Request) { r.URL.RawQuery = "client_secret=" + f.first.Secret })
	f.ask(t, f.grant(), basic(f.first.ClientID, f.first.Secret))
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, word := range []string{f.first.Secret, token, strings.Split(token, ".")[2]} {
		if strings.Contains(f.log.String(), word) {
			t.Errorf("the log has %s", word)
		}
	}
	if !strings.Contains(f.log.String(), "token issued") {
		t.Error("the log is empty")
	}
}
