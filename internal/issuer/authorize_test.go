package issuer_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"plimsoll/internal/auth"
	"plimsoll/internal/issuer"
)

// A page that knows only OpenID Connect signs a person in, by discovery.
func TestSignInByOpenID(t *testing.T) {
	t.Parallel()
	p := newPeople(t, true)
	id, b := p.add(t, "ada")
	signedInAt := p.now()
	p.advance(time.Minute)
	ctx := oidc.ClientContext(t.Context(), p.Client())
	provider, err := oidc.NewProvider(ctx, p.URL+"/"+p.tenant+"/v2.0")
	if err != nil {
		t.Fatal(err)
	}
	var listed struct {
		EndSession  string   `json:"end_session_endpoint"`
		Challenges  []string `json:"code_challenge_methods_supported"`
		Grants      []string `json:"grant_types_supported"`
		Methods     []string `json:"token_endpoint_auth_methods_supported"`
		NamesItself bool     `json:"authorization_response_iss_parameter_supported"`
	}
	if err := provider.Claims(&listed); err != nil {
		t.Fatal(err)
	}
	if listed.EndSession != p.URL+"/"+p.tenant+"/oauth2/v2.0/logout" || strings.Join(listed.Challenges, " ") != "S256" ||
		strings.Join(listed.Grants, " ") != "client_credentials authorization_code" || !listed.NamesItself ||
		strings.Join(listed.Methods, " ") != "client_secret_post client_secret_basic none" {
		t.Errorf("%+v", listed)
	}
	a := p.ask(t, p.exchange(p.code(t, b, nil)))
	if a.status != http.StatusOK || a.ExpiresIn != 900 || a.TokenType != "Bearer" || a.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	var answer struct {
		IDToken string `json:"id_token"`
		Scope   string `json:"scope"`
		Refresh string `json:"refresh_token"`
	}
	if err := json.Unmarshal([]byte(a.body), &answer); err != nil || answer.Scope != "openid profile api://plimsoll/.default" || answer.Refresh != "" {
		t.Errorf("%v: %s", err, a.body)
	}
	v := provider.VerifierContext(ctx, &oidc.Config{ClientID: issuer.DashboardClientID, Now: p.now})
	token, err := v.Verify(ctx, answer.IDToken)
	if err != nil {
		t.Fatal(err)
	}
	if err := token.VerifyAccessToken(a.AccessToken); err != nil {
		t.Error(err)
	}
	var claims map[string]any
	if err := token.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	if token.Nonce != "the nonce" || token.Subject != id || claims["preferred_username"] != "ada" || claims["auth_time"] != float64(signedInAt.Unix()) {
		t.Errorf("%v", claims)
	}
}

// The access token is good for the API, as its user's, and the ID token is not.
func TestUserToken(t *testing.T) {
	t.Parallel()
	p := newPeople(t, true)
	id, b := p.add(t, "ada")
	a := p.ask(t, p.exchange(p.code(t, b, nil)))
	principal, err := p.builtin(p.keys).Verify(t.Context(), a.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	if principal.Subject != id || !principal.Delegated || principal.TenantID != p.tenant ||
		len(principal.Permissions) != len(auth.Permissions()) || !principal.ExpiresAt.Equal(p.now().Add(15*time.Minute)) {
		t.Errorf("%+v", principal)
	}
	claims := decode(t, strings.Split(a.AccessToken, ".")[1])
	for name, want := range map[string]any{
		"azp": issuer.DashboardClientID, "appid": issuer.DashboardClientID, "sub": id, "oid": id, "idtyp": "user",
		"preferred_username": "ada", "scp": strings.Join(slices.Sorted(slices.Values(issuer.AdministratorPermissions())), " "), "roles": nil, "ver": "2.0",
	} {
		if claims[name] != want {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
	var answer struct {
		IDToken string `json:"id_token"`
	}
	_ = json.Unmarshal([]byte(a.body), &answer)
	if _, err := p.builtin(p.keys).Verify(t.Context(), answer.IDToken); err == nil {
		t.Error("an ID token is taken for an access token")
	}
	if _, err := auth.NewBuiltin(p.keys, p.tenant, issuer.DeviceAudience, p.now).Verify(t.Context(), a.AccessToken); err == nil {
		t.Error("a user's token is taken for a device's")
	}
	bare := p.ask(t, p.exchange(p.code(t, b, url.Values{"scope": {"api://plimsoll/.default"}})))
	if bare.status != http.StatusOK || strings.Contains(bare.body, "id_token") {
		t.Errorf("without openid: %s", bare.body)
	}
}

func TestAuthorizeRefuses(t *testing.T) {
	t.Parallel()
	p := newPeople(t, true)
	_, b := p.add(t, "ada")
	for name, test := range map[string]struct {
		changes url.Values
		code    string // "": a page, which leads nowhere
		words   string
	}{
		"unknown client":          {url.Values{"client_id": {"x"}}, "", "client_id"},
		"a client of credentials": {url.Values{"client_id": {p.first.ClientID}}, "", "client_id"},
		"no redirect_uri":         {url.Values{"redirect_uri": nil}, "", "redirect_uri"},
		"another path":            {url.Values{"redirect_uri": {p.URL + "/other"}}, "", "redirect_uri"},
		"a path behind it":        {url.Values{"redirect_uri": {p.URL + "/signed-in.html/../x"}}, "", "redirect_uri"},
		"with a query":            {url.Values{"redirect_uri": {p.URL + "/signed-in.html?x"}}, "", "redirect_uri"},
		"another host":            {url.Values{"redirect_uri": {"https://evil.example/signed-in.html"}}, "", "redirect_uri"},
		"another scheme":          {url.Values{"redirect_uri": {strings.Replace(p.URL, "https", "http", 1) + "/signed-in.html"}}, "", "redirect_uri"},
		"twice a parameter":       {url.Values{"state": {"a", "b"}}, "", "more than once"},
		"no response_type":        {url.Values{"response_type": nil}, "unsupported_response_type", "code"},
		"implicit":                {url.Values{"response_type": {"token"}}, "unsupported_response_type", "code"},
		"form_post":               {url.Values{"response_mode": {"form_post"}}, "invalid_request", "response_mode"},
		"plain challenge":         {url.Values{"code_challenge": {verifier}, "code_challenge_method": {"plain"}}, "invalid_request", "S256"},
		"no challenge method":     {url.Values{"code_challenge_method": nil}, "invalid_request", "S256"},
		"no challenge":            {url.Values{"code_challenge": nil}, "invalid_request", "code_challenge"},
		"short challenge":         {url.Values{"code_challenge": {"abc"}}, "invalid_request", "code_challenge"},
		"a permission as scope":   {url.Values{"scope": {"openid Group.Read.All"}}, "invalid_scope", ".default"},
		"request object":          {url.Values{"request": {"x"}}, "request_not_supported", "parameters"},
		"request_uri":             {url.Values{"request_uri": {"x"}}, "request_uri_not_supported", "parameters"},
		"none and login":          {url.Values{"prompt": {"none login"}}, "invalid_request", "prompt"},
		"long nonce":              {url.Values{"nonce": {strings.Repeat("x", 513)}}, "invalid_request", "nonce"},
		"max_age":                 {url.Values{"max_age": {"-1"}}, "invalid_request", "max_age"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := b.still().get(t, p.authorize(test.changes))
			if test.code == "" {
				v.want(t, http.StatusBadRequest, test.words)
				return
			}
			to, err := url.Parse(v.Header.Get("Location"))
			query := to.Query()
			if err != nil || v.StatusCode != http.StatusSeeOther || to.Path != "/signed-in.html" || query.Get("error") != test.code ||
				!strings.Contains(query.Get("error_description"), test.words) || query.Get("state") != "the state" || query.Has("code") {
				t.Errorf("%s to %s: %v", v.Status, to, err)
			}
		})
	}
}

func TestCodeRefuses(t *testing.T) {
	t.Parallel()
	p := newPeople(t, true)
	_, b := p.add(t, "ada")
	basicAuth := func(r *http.Request) { r.SetBasicAuth(issuer.DashboardClientID, "") }
	for name, test := range map[string]struct {
		changes url.Values
		change  func(*http.Request)
		code    string
		spent   bool // whether the code is used up by it
	}{
		"wrong verifier":       {url.Values{"code_verifier": {"x" + verifier}}, nil, "invalid_grant", true},
		"the challenge itself": {url.Values{"code_verifier": p.request(nil)["code_challenge"]}, nil, "invalid_grant", true},
		"wrong redirect_uri":   {url.Values{"redirect_uri": {p.URL + "/"}}, nil, "invalid_grant", true},
		"wrong code":           {url.Values{"code": {"x"}}, nil, "invalid_grant", false},
		"no verifier":          {url.Values{"code_verifier": nil}, nil, "invalid_request", false},
		"short verifier":       {url.Values{"code_verifier": {verifier[:42]}}, nil, "invalid_request", false},
		"no redirect_uri":      {url.Values{"redirect_uri": nil}, nil, "invalid_request", false},
		"no code":              {url.Values{"code": nil}, nil, "invalid_request", false},
		"another client":       {url.Values{"client_id": {p.first.ClientID}}, nil, "invalid_client", false},
		"a secret":             {url.Values{"client_secret": {"x"}}, nil, "invalid_client", false},
		"an assertion":         {url.Values{"client_assertion": {"x"}}, nil, "invalid_client", false},
		"a header":             {nil, basicAuth, "invalid_client", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code := p.code(t, b, nil)
			form := p.exchange(code)
			maps.Copy(form, test.changes)
			if test.change == nil {
				test.change = func(*http.Request) {}
			}
			if a := p.ask(t, form, test.change); a.Error != test.code || a.AccessToken != "" {
				t.Errorf("%d %s, want %s", a.status, a.body, test.code)
			}
			if a := p.ask(t, p.exchange(code)); (a.status != http.StatusOK) != test.spent {
				t.Errorf("afterwards: %d %s", a.status, a.body)
			}
			if a := p.ask(t, p.exchange(code)); a.Error != "invalid_grant" {
				t.Errorf("a second time: %d %s", a.status, a.body)
			}
		})
	}
}

func TestCodeExpires(t *testing.T) {
	t.Parallel()
	p := newPeople(t, true)
	_, b := p.add(t, "ada")
	late, good := p.code(t, b, nil), ""
	p.advance(59 * time.Second)
	good = p.code(t, b, nil)
	p.advance(time.Second)
	if a := p.ask(t, p.exchange(late)); a.Error != "invalid_grant" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := p.ask(t, p.exchange(good)); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// Whether a page is shown is for the request to say.
func TestPrompt(t *testing.T) {
	t.Parallel()
	p := newPeople(t, true)
	_, b := p.add(t, "ada")
	stranger := p.browser(t)
	query := stranger.get(t, p.authorize(url.Values{"prompt": {"none"}})).wantAt(t, "/signed-in.html").Request.URL.Query()
	if query.Get("error") != "login_required" || query.Get("state") != "the state" || query.Has("code") {
		t.Errorf("%v", query)
	}
	p.advance(time.Hour)
	if p.code(t, b, url.Values{"max_age": {"3600"}}) == "" {
		t.Error("a sign-in within the age is not taken")
	}
	for _, changes := range []url.Values{{"prompt": {"login"}}, {"max_age": {"3599"}}, {"max_age": {"0"}}} {
		page := b.get(t, p.authorize(changes)).wantAt(t, "/sign-in")
		form := login("ada", goodPassword)
		form.Set("return", page.Request.URL.Query().Get("return"))
		if b.post(t, "/sign-in", form).wantAt(t, "/signed-in.html").Request.URL.Query().Get("code") == "" {
			t.Errorf("%v: signed in, there is no code", changes)
		}
		p.advance(time.Hour)
	}
	query = b.get(t, p.authorize(url.Values{"prompt": {"none"}, "max_age": {"1"}})).wantAt(t, "/signed-in.html").Request.URL.Query()
	if query.Get("error") != "login_required" {
		t.Errorf("%v", query)
	}
	fragment := b.still().get(t, p.authorize(url.Values{"response_mode": {"fragment"}})).Header.Get("Location")
	if !strings.HasPrefix(fragment, p.URL+"/signed-in.html#code=") {
		t.Error(fragment)
	}
	v := b.post(t, "/"+p.tenant+"/oauth2/v2.0/authorize", p.request(nil)).wantAt(t, "/signed-in.html")
	if v.Request.URL.Query().Get("code") == "" {
		t.Errorf("by POST: %s", v.Request.URL)
	}
}

// The whole way by the pages, from a request to its code.
func TestSignInLeadsBack(t *testing.T) {
	t.Parallel()
	for _, https := range []bool{true, false} {
		p := newPeople(t, https)
		_, _ = p.add(t, "ada")
		b := p.browser(t)
		page := b.get(t, p.authorize(nil)).wantAt(t, "/sign-in")
		form := login("ada", "wrong")
		form.Set("return", page.Request.URL.Query().Get("return"))
		again := b.post(t, "/sign-in", form).want(t, http.StatusForbidden, `role="alert"`)
		if !strings.Contains(again.body, "state=the+state") {
			t.Errorf("a wrong password loses the way back: %s", again.body)
		}
		form.Set("password", goodPassword)
		query := b.post(t, "/sign-in", form).wantAt(t, "/signed-in.html").Request.URL.Query()
		if a := p.ask(t, p.exchange(query.Get("code"))); a.status != http.StatusOK {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
}

func TestLogout(t *testing.T) {
	t.Parallel()
	p := newPeople(t, true)
	_, b := p.add(t, "ada")
	_, other := p.add(t, "grace")
	token := func(b *browser) string {
		var answer struct {
			IDToken string `json:"id_token"`
		}
		_ = json.Unmarshal([]byte(p.ask(t, p.exchange(p.code(t, b, nil))).body), &answer)
		return answer.IDToken
	}
	access := p.ask(t, p.exchange(p.code(t, b, nil))).AccessToken
	path := "/" + p.tenant + "/oauth2/v2.0/logout"
	home := url.Values{"post_logout_redirect_uri": {p.URL + "/"}, "state": {"s"}}
	for name, hint := range map[string]string{"none": "", "another's": token(other), "an access token": access, "nonsense": "x"} {
		query := url.Values{"id_token_hint": {hint}}
		b.get(t, path+"?"+query.Encode()).want(t, http.StatusOK, "You are signed in as ada.")
		b.get(t, path+"?confirmed=yes&"+query.Encode()).want(t, http.StatusOK, "You are signed in as ada.")
		b.post(t, path, query).want(t, http.StatusOK, "You are signed in as ada.")
		if !p.signedIn(t, b) {
			t.Fatalf("the hint %q signed out", name)
		}
	}
	// A browser sends no cookie along for another site's picture or form.
	if v := p.browser(t).get(t, path); v.cookies() != nil {
		t.Errorf("a request without a cookie takes it away: %v", v.cookies())
	}
	b.get(t, path+"?"+home.Encode()).want(t, http.StatusOK, `name="state" value="s"`)
	hint := token(b)
	p.advance(time.Hour) // the token has expired, and is a hint all the same
	home.Set("id_token_hint", hint)
	v := b.get(t, path+"?"+home.Encode()).wantAt(t, "/")
	if v.Request.URL.RawQuery != "state=s" || p.signedIn(t, b) {
		t.Errorf("%s", v.Request.URL)
	}
	b.get(t, path+"?"+home.Encode()).wantAt(t, "/")
	other.post(t, path, url.Values{"id_token_hint": {token(other)}}).want(t, http.StatusOK, "You are signed out")
	if p.signedIn(t, other) {
		t.Error("the user's own token left the session when it was sent in a form")
	}
	other.post(t, "/sign-in", login("grace", goodPassword)).wantAt(t, "/")
	other.get(t, path).want(t, http.StatusOK, `name="confirmed" value="yes"`)
	other.post(t, path, url.Values{"post_logout_redirect_uri": {"https://evil.example/"}, "confirmed": {"yes"}}).
		want(t, http.StatusOK, "You are signed out")
	if p.signedIn(t, other) {
		t.Error("a confirmed sign-out left the session")
	}
}

// Without users none of it is there.
func TestNoUsers(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	for _, path := range []string{"/sign-in", "/sign-in/password", "/sign-in/invitation", "/common/oauth2/v2.0/authorize", "/common/oauth2/v2.0/logout"} {
		response, err := f.Client().Do(newRequest(t, http.MethodGet, f.URL+path, nil))
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, response.Status)
		}
	}
	if a := f.ask(t, url.Values{"grant_type": {"authorization_code"}}); a.Error != "unsupported_grant_type" {
		t.Errorf("%d %s", a.status, a.body)
	}
}
