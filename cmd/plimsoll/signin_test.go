package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"plimsoll/internal/issuer"
	"plimsoll/internal/store/pgtest"
)

const (
	userPassword = "plum tram cove"
	userVerifier = "a-verifier-of-fifty-characters-0123456789.abcdef_~"
)

// person is a browser that stays at redirects.
type person struct{ *http.Client }

func newPerson(t *testing.T) person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return person{&http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// follow opens an address, by a form where there is one, and gives where it leads.
func (p person) follow(t *testing.T, address string, form url.Values) *url.URL {
	t.Helper()
	method, body := http.MethodGet, io.Reader(nil)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(t.Context(), method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := p.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	to, err := response.Location()
	if err != nil {
		t.Fatalf("%s %s leads nowhere: %s\n%s", method, address, response.Status, text)
	}
	return to
}

// setPassword uses a link.
func (p person) setPassword(t *testing.T, link string) {
	t.Helper()
	address, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"token": {address.Query().Get("token")}, "password": {userPassword}, "again": {userPassword}}
	if to := p.follow(t, link, form); to.Path != "/" {
		t.Fatalf("the link leads to %s", to)
	}
}

// authorize gives the address at which a server's dashboard asks for a code.
func (s *testServer) authorize() string {
	challenge := sha256.Sum256([]byte(userVerifier))
	return s.URL + "/" + s.TenantID + "/oauth2/v2.0/authorize?" + url.Values{
		"client_id": {issuer.DashboardClientID}, "response_type": {"code"}, "redirect_uri": {s.URL + "/signed-in.html"},
		"scope": {"openid profile api://plimsoll/.default"}, "state": {"s"}, "nonce": {"n"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}.Encode()
}

// code gives what the dashboard at to is given, where a person is signed in.
func (s *testServer) code(t *testing.T, to *url.URL) string {
	t.Helper()
	if code := to.Query().Get("code"); code != "" && to.Query().Get("state") == "s" && strings.HasPrefix(to.String(), s.URL+"/signed-in.html?") {
		return code
	}
	t.Fatalf("signed in, the browser is sent to %s", to)
	return ""
}

// exchange gives the access token for a code.
func (s *testServer) exchange(t *testing.T, code, redirectURI string) string {
	t.Helper()
	response, err := s.client.PostForm(s.URL+"/common/oauth2/v2.0/token", url.Values{
		"grant_type": {"authorization_code"}, "client_id": {issuer.DashboardClientID}, "code": {code},
		"redirect_uri": {redirectURI}, "code_verifier": {userVerifier},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.AccessToken == "" {
		t.Fatalf("the code is answered %s, %v", response.Status, err)
	}
	return answer.AccessToken
}

// A person comes from the link on the first start to an answer of the API, signs
// out, and comes in again by the pages.
func TestSignIn(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, store string) {
		t.Helper()
		s := startServer(t, store)
		if s.FirstUser == nil || s.FirstUser.Name != "administrator" || !strings.HasPrefix(s.FirstUser.URL, s.URL+"/sign-in/invitation?") {
			t.Fatalf("%+v", s.FirstUser)
		}
		b := newPerson(t)
		b.setPassword(t, s.FirstUser.URL)
		s.token = s.exchange(t, s.code(t, b.follow(t, s.authorize(), nil)), s.URL+"/signed-in.html")
		s.must(t, http.StatusOK, "GET", scripts, "")
		s.addScript(t)

		if out := b.follow(t, s.URL+"/common/oauth2/v2.0/logout", url.Values{"post_logout_redirect_uri": {s.URL + "/"}, "confirmed": {"yes"}}); out.Path != "/" {
			t.Errorf("signed out, the browser is sent to %s", out)
		}
		page := b.follow(t, s.authorize(), nil)
		if page.Path != "/sign-in" {
			t.Fatalf("signed out, the browser is sent to %s", page)
		}
		back := b.follow(t, s.URL+"/sign-in", url.Values{
			"name": {"Administrator"}, "password": {userPassword}, "return": {page.Query().Get("return")},
		})
		s.token = s.exchange(t, s.code(t, b.follow(t, back.String(), nil)), s.URL+"/signed-in.html")
		s.must(t, http.StatusOK, "GET", scripts, "")
	})
}

// Strangers from many networks at once are bounded together, and hold nobody up who
// has signed in before.
func TestSignInOfManyNetworks(t *testing.T) {
	t.Parallel()
	s := startServer(t, sqliteAddress(t), "--behind-proxy")
	b := newPerson(t)
	b.setPassword(t, s.FirstUser.URL)
	var strangers sync.WaitGroup
	var refused atomic.Int64
	for n := range 40 {
		strangers.Go(func() {
			form := url.Values{"name": {fmt.Sprint("name ", n)}, "password": {"wrong"}}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/sign-in", strings.NewReader(form.Encode()))
			if err != nil {
				t.Error(err)
				return
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("X-Forwarded-For", fmt.Sprint("192.0.2.", n))
			response, err := s.client.Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			defer response.Body.Close()
			text, _ := io.ReadAll(response.Body)
			if strings.Contains(string(text), "Too many sign in at once") {
				refused.Add(1)
				if response.StatusCode != http.StatusTooManyRequests || response.Header.Get("Retry-After") == "" {
					t.Errorf("%s %v", response.Status, response.Header)
				}
			}
		})
	}
	if to := b.follow(t, s.URL+"/sign-in", url.Values{"name": {"administrator"}, "password": {userPassword}}); to.Path != "/" {
		t.Errorf("signed in, a known browser is sent to %s", to)
	}
	strangers.Wait()
	if n := refused.Load(); n == 0 || n > 30 {
		t.Errorf("of 40 at once %d were too many; 10 are let through", n)
	}
	s.throttled(t, 0, int(refused.Load()))
}

// What no database keeps is refused as what is wrong otherwise, on whichever engine.
func TestSignInWithDamagedTexts(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, store string) {
		t.Helper()
		s := startServer(t, store)
		b := newPerson(t)
		b.setPassword(t, s.FirstUser.URL)
		for _, damaged := range []string{"a\x00b", "a\xffb"} {
			response, err := s.client.PostForm(s.URL+"/sign-in", url.Values{"name": {damaged}, "password": {damaged}})
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != http.StatusForbidden {
				t.Errorf("the name %q is answered %s", damaged, response.Status)
			}
			for parameter, value := range map[string]string{"nonce": damaged, "state": damaged, "scope": "openid " + damaged + "/.default"} {
				asked, _ := url.Parse(s.authorize())
				query := asked.Query()
				query.Set(parameter, value)
				asked.RawQuery = query.Encode()
				if to := b.follow(t, asked.String(), nil); to.Path != "/signed-in.html" || to.Query().Get("error") != "invalid_request" {
					t.Errorf("the %s %q leads to %s", parameter, damaged, to)
				}
			}
			for path, form := range map[string]url.Values{
				"/sign-in/invitation": {"token": {damaged}},
				"/common/oauth2/v2.0/token": {
					"grant_type": {"authorization_code"}, "client_id": {issuer.DashboardClientID}, "code": {damaged},
					"redirect_uri": {damaged}, "code_verifier": {userVerifier},
				},
			} {
				response, err := s.client.PostForm(s.URL+path, form)
				if err != nil {
					t.Fatal(err)
				}
				_ = response.Body.Close()
				if response.StatusCode >= http.StatusInternalServerError {
					t.Errorf("%s with %q is answered %s", path, damaged, response.Status)
				}
			}
		}
	})
}

// Permissions are the user's own: who reads does not write.
func TestReader(t *testing.T) {
	t.Parallel()
	store := sqliteAddress(t)
	s := startServer(t, store)
	var made invitation
	command(t, &made, "user", "create", "--store", store, "--name", "ada", "--reader", "--server", s.URL)
	b := newPerson(t)
	b.setPassword(t, made.URL)
	s.token = s.exchange(t, s.code(t, b.follow(t, s.authorize(), nil)), s.URL+"/signed-in.html")
	s.must(t, http.StatusOK, "GET", scripts, "")
	s.must(t, http.StatusOK, "GET", "/groups", "")
	s.must(t, http.StatusForbidden, "POST", scripts, `{"displayName":"x"}`)
	s.must(t, http.StatusForbidden, "POST", "/groups", `{"displayName":"x"}`)
	var deleted struct{ UserID string }
	command(t, &deleted, "user", "delete", "--store", store, "ADA")
	if deleted.UserID == "" {
		t.Error("the deletion does not say whose it was")
	}
	if to := b.follow(t, s.authorize(), nil); to.Path != "/sign-in" {
		t.Errorf("a deleted user's browser is sent to %s", to)
	}
}

// A session begins at one server and holds at another, and so does a code. A
// server that starts when somebody is invited invites nobody else.
func TestSignInAtTwoServers(t *testing.T) {
	t.Parallel()
	address := pgtest.URL(t)
	one := startServer(t, address)
	two := startServer(t, address)
	if one.FirstUser == nil || two.FirstUser != nil {
		t.Fatalf("%+v, %+v", one.FirstUser, two.FirstUser)
	}
	b := newPerson(t) // cookies do not tell ports apart
	b.setPassword(t, strings.Replace(one.FirstUser.URL, one.URL, two.URL, 1))
	code := one.code(t, b.follow(t, one.authorize(), nil))
	two.token = two.exchange(t, code, one.URL+"/signed-in.html")
	two.must(t, http.StatusOK, "GET", scripts, "")
	for i := range 5 {
		server := []*testServer{one, two}[i%2]
		response, err := server.client.PostForm(server.URL+"/sign-in", url.Values{"name": {"administrator"}, "password": {"wrong"}})
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
	}
	response, err := one.client.PostForm(one.URL+"/sign-in", url.Values{"name": {"administrator"}, "password": {userPassword}})
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusTooManyRequests || response.Header.Get("Retry-After") == "" {
		t.Errorf("five wrong passwords at two servers, and one does not wait: %s", response.Status)
	}
	// Where the person has signed in before, at whichever server, nobody waits.
	if to := b.follow(t, one.URL+"/sign-in", url.Values{"name": {"administrator"}, "password": {userPassword}}); to.Path != "/" {
		t.Errorf("signed in, a known browser is sent to %s", to)
	}
}
