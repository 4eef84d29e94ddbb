package issuer_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"plimsoll/internal/issuer"
	"plimsoll/internal/store"
)

const (
	goodPassword  = "plum tram cove"
	otherPassword = "seven grey anvils"
	verifier      = "a-verifier-of-fifty-characters-0123456789.abcdef_~"
)

// people is a provider at which people sign in, on a store like those that ship.
type people struct {
	*fleet

	users    *issuer.Users
	sqlite   *store.Store
	throttle throttle // of networks
	all      throttle // of strangers
}

// throttle refuses with what it is set to.
type throttle struct{ err error }

func (t *throttle) Take(string) error { return t.err }

func newPeople(t *testing.T, https bool) *people {
	t.Helper()
	p := &people{fleet: &fleet{at: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)}}
	var err error
	if p.sqlite, err = store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "plimsoll.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.sqlite.Close() })
	p.clients = issuer.NewClients(p.sqlite, p.now, rand.Reader)
	p.clients.UseCheapHashes()
	p.keys = issuer.NewKeys(p.sqlite, p.now, rand.Reader, p.logger())
	p.users = issuer.NewUsers(p.sqlite, p.now, rand.Reader)
	p.users.UseCheapHashes()
	if p.tenant, p.first, err = p.clients.Install(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	start, scheme := httptest.NewServer, "http://"
	if https {
		start, scheme = httptest.NewTLSServer, "https://"
	}
	p.server = issuer.NewServer(issuer.Config{
		TenantID: p.tenant, Clients: p.clients, Keys: p.keys, Now: p.now, Rand: rand.Reader, Log: p.logger(),
		BaseURL: func(r *http.Request) string { return scheme + r.Host },
		Users:   p.users, DashboardRedirects: []string{"/signed-in.html"}, PostLogout: "/", Stylesheet: "/dashboard/sign-in.css",
		Throttle: &p.throttle, Strangers: &p.all,
	})
	p.Server = start(p.server.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "the dashboard, "+r.URL.Path)
	})))
	t.Cleanup(p.Close)
	return p
}

// browser keeps cookies, and goes where it is sent to.
type browser struct {
	*http.Client

	base string
}

func (p *people) browser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := *p.Client()
	client.Jar = jar
	return &browser{&client, p.URL}
}

// still is the browser, but it stays at the first answer.
func (b *browser) still() *browser {
	client := *b.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{&client, b.base}
}

// view is an answer that a browser got.
type view struct {
	*http.Response

	body string
}

func (b *browser) send(t *testing.T, r *http.Request) view {
	t.Helper()
	response, err := b.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return view{response, string(body)}
}

func (b *browser) get(t *testing.T, path string) view {
	t.Helper()
	return b.send(t, newRequest(t, http.MethodGet, b.base+path, nil))
}

// post sends a form as a page of this site does, after the changes.
func (b *browser) post(t *testing.T, path string, form url.Values, changes ...func(*http.Request)) view {
	t.Helper()
	r := newRequest(t, http.MethodPost, b.base+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, change := range changes {
		change(r)
	}
	return b.send(t, r)
}

func (v view) want(t *testing.T, status int, words string) view {
	t.Helper()
	if v.StatusCode != status || !strings.Contains(v.body, words) {
		t.Fatalf("%s %s: %s, want %d with %q\n%s", v.Request.Method, v.Request.URL, v.Status, status, words, v.body)
	}
	return v
}

// wantAt fails unless the redirects ended there.
func (v view) wantAt(t *testing.T, path string) view {
	t.Helper()
	if v.StatusCode != http.StatusOK || v.Request.URL.Path != path {
		t.Fatalf("%s at %s, want %s\n%s", v.Status, v.Request.URL, path, v.body)
	}
	return v
}

// invite makes a user and gives the token of the link.
func (p *people) invite(t *testing.T, name string) (id, token string) {
	t.Helper()
	user, token, err := p.users.Create(t.Context(), "tester", name, issuer.AdministratorPermissions())
	if err != nil {
		t.Fatal(err)
	}
	return user.ID, token
}

func newPassword(token, password string) url.Values {
	return url.Values{"token": {token}, "password": {password}, "again": {password}}
}

// add makes a user with the good password, whose browser is signed in.
func (p *people) add(t *testing.T, name string) (id string, b *browser) {
	t.Helper()
	id, token := p.invite(t, name)
	b = p.browser(t)
	b.post(t, "/sign-in/invitation", newPassword(token, goodPassword)).wantAt(t, "/")
	return id, b
}

func login(name, password string) url.Values {
	return url.Values{"name": {name}, "password": {password}}
}

// request is the parameters of a good authorization request, with the changes; a
// nil value removes one.
func (p *people) request(changes url.Values) url.Values {
	challenge := sha256.Sum256([]byte(verifier))
	v := url.Values{
		"client_id": {issuer.DashboardClientID}, "response_type": {"code"}, "redirect_uri": {p.URL + "/signed-in.html"},
		"scope": {"openid profile api://plimsoll/.default"}, "state": {"the state"}, "nonce": {"the nonce"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}
	maps.Copy(v, changes)
	return v
}

func (p *people) authorize(changes url.Values) string {
	return "/" + p.tenant + "/oauth2/v2.0/authorize?" + p.request(changes).Encode()
}

// code gives the code that a signed-in browser gets.
func (p *people) code(t *testing.T, b *browser, changes url.Values) string {
	t.Helper()
	query := b.get(t, p.authorize(changes)).wantAt(t, "/signed-in.html").Request.URL.Query()
	if query.Get("code") == "" || query.Get("state") != "the state" || query.Get("iss") != p.URL+"/"+p.tenant+"/v2.0" {
		t.Fatalf("%v", query)
	}
	return query.Get("code")
}

func (p *people) exchange(code string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "client_id": {issuer.DashboardClientID}, "code": {code},
		"redirect_uri": {p.URL + "/signed-in.html"}, "code_verifier": {verifier},
	}
}

// signedIn tells whether a browser gets a code without a page.
func (p *people) signedIn(t *testing.T, b *browser) bool {
	t.Helper()
	query := b.get(t, p.authorize(url.Values{"prompt": {"none"}})).wantAt(t, "/signed-in.html").Request.URL.Query()
	if query.Get("code") == "" && query.Get("error") != "login_required" {
		t.Fatalf("%v", query)
	}
	return query.Get("code") != ""
}

func (p *people) activities(t *testing.T) []string {
	t.Helper()
	events, err := p.sqlite.AuditEvents(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range events {
		all = append(all, e.Activity)
	}
	slices.Reverse(all)
	return all
}

// cookies gives the Set-Cookie headers with the values left out.
func (v view) cookies() []string {
	var all []string
	for _, c := range v.Header.Values("Set-Cookie") {
		all = append(all, regexp.MustCompile("=pls_[^;]{43,};").ReplaceAllString(c, "=…;"))
	}
	return all
}
