package issuer_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/bcrypt"

	"plimsoll"
	"plimsoll/internal/issuer"
)

// From the link on the first start to a session, and to another one.
func TestInvitation(t *testing.T) {
	t.Parallel()
	p := newPeople(t, true)
	name, token, expiresAt, err := p.users.InviteFirst(t.Context())
	if err != nil || name != "administrator" || !expiresAt.Equal(p.now().Add(72*time.Hour)) {
		t.Fatal(name, expiresAt, err)
	}
	if again, _, _, err := p.users.InviteFirst(t.Context()); err != nil || again != "" {
		t.Fatal(again, err)
	}
	b := p.browser(t)
	link := "/sign-in/invitation?" + url.Values{"token": {token}}.Encode()
	for range 2 { // to look at it does not use it up
		b.get(t, link).want(t, http.StatusOK, `value="administrator"`)
	}
	for password, words := range map[string]string{
		"short": "at least 12", "I am the administrator": "your name", strings.Repeat("x1y2z ", 50): "at most 256",
	} {
		b.post(t, "/sign-in/invitation", newPassword(token, password)).want(t, http.StatusUnprocessableEntity, words)
	}
	form := newPassword(token, goodPassword)
	form.Set("again", goodPassword+"x")
	b.post(t, "/sign-in/invitation", form).want(t, http.StatusUnprocessableEntity, "differ")
	b.post(t, "/sign-in/invitation", newPassword(token, goodPassword)).wantAt(t, "/")
	if !p.signedIn(t, b) {
		t.Error("who set a password is not signed in")
	}
	other := p.browser(t)
	other.get(t, link).want(t, http.StatusNotFound, "used already")
	other.post(t, "/sign-in/invitation", newPassword(token, otherPassword)).want(t, http.StatusNotFound, "used already")
	other.post(t, "/sign-in", login("Administrator", goodPassword)).wantAt(t, "/")

	_, late := p.invite(t, "late")
	p.advance(issuer.InvitationLifetime)
	other.get(t, "/sign-in/invitation?token="+late).want(t, http.StatusNotFound, "expired")
	other.post(t, "/sign-in/invitation", newPassword(late, goodPassword)).want(t, http.StatusNotFound, "expired")
	other.get(t, "/sign-in/invitation").want(t, http.StatusNotFound, "used already")
	want := []string{"installation.create", "user.create", "user.setPassword", "user.signIn", "user.create"}
	if diff := cmp.Diff(want, p.activities(t)); diff != "" {
		t.Error(diff)
	}
}

// What is stored of a password recognises all of it, and nothing else.
func TestLongPasswords(t *testing.T) {
	t.Parallel()
	p := newPeople(t, true)
	long := strings.Repeat("plum träm cove ", 16) + "\x00 end"
	_, token := p.invite(t, "ada")
	b := p.browser(t)
	b.post(t, "/sign-in/invitation", newPassword(token, long)).wantAt(t, "/")
	b.post(t, "/sign-in", login("ada", long)).wantAt(t, "/")
	for _, wrong := range []string{long + "x", long[:len(long)-1], long[:100]} {
		b.post(t, "/sign-in", login("ada", wrong)).want(t, http.StatusForbidden, "The name or the password is wrong.")
	}
	if cost, err := bcrypt.Cost([]byte(issuer.NobodysPassword)); err != nil || cost != issuer.PasswordCost {
		t.Errorf("a name that does not exist takes a cost of %d, others of %d", cost, issuer.PasswordCost)
	}
}

// A name that does not exist gets to read what one does that exists, at each step.
func TestLockout(t *testing.T) {
	t.Parallel()
	p := newPeople(t, true)
	p.add(t, "ada")
	p.invite(t, "invited") // and has no password yet
	b := p.browser(t)
	guess := func(name, password string) (int, string, string) {
		v := b.post(t, "/sign-in", login(name, password))
		return v.StatusCode, v.Header.Get("Retry-After"), strings.ReplaceAll(v.body, `value="`+name+`"`, "")
	}
	both := func(status int, retry, words string) {
		t.Helper()
		gotStatus, gotRetry, body := guess("Ada", "wrong")
		if gotStatus != status || gotRetry != retry || !strings.Contains(body, words) {
			t.Fatalf("%d, %q, want %d, %q with %q:\n%s", gotStatus, gotRetry, status, retry, words, body)
		}
		for _, name := range []string{"nobody", "invited"} {
			otherStatus, otherRetry, other := guess(name, "wrong")
			if otherStatus != gotStatus || otherRetry != gotRetry || other != body {
				t.Fatalf("%s: %d, %q; %s", name, otherStatus, otherRetry, cmp.Diff(body, other))
			}
		}
	}
	for range 4 {
		both(http.StatusForbidden, "", "is wrong.</p>")
	}
	both(http.StatusForbidden, "", "it has to wait. Try again in 1 minute.")
	both(http.StatusTooManyRequests, "60", "it has to wait. Try again in 1 minute.")
	if status, _, _ := guess("ada", goodPassword); status != http.StatusTooManyRequests {
		t.Errorf("the right password was looked at meanwhile: %d", status)
	}
	p.advance(59 * time.Second)
	both(http.StatusTooManyRequests, "1", "Try again in 1 second.")
	p.advance(time.Second)
	both(http.StatusForbidden, "", "Try again in 2 minutes.")
	for range 5 {
		p.advance(15 * time.Minute)
		both(http.StatusForbidden, "", " minutes.")
	}
	both(http.StatusTooManyRequests, "900", "Try again in 15 minutes.")
	p.advance(15 * time.Minute)
	p.browser(t).post(t, "/sign-in", login("ada", goodPassword)).wantAt(t, "/")
	for range 4 {
		if _, _, body := guess("ada", "wrong"); !strings.Contains(body, "is wrong.</p>") {
			t.Error("a right password does not take the count back")
		}
	}
}

// A link takes a wait away: who is locked out by others has a way in.
func TestInvitationEndsWait(t *testing.T) {
	t.Parallel()
	p := newPeople(t, true)
	_, before := p.add(t, "ada")
	b := p.browser(t)
	for range 6 {
		b.post(t, "/sign-in", login("ada", "wrong"))
	}
	_, token, err := p.users.Invite(t.Context(), "tester", "ADA")
	if err != nil {
		t.Fatal(err)
	}
	if !p.signedIn(t, before) {
		t.Error("an invitation that is not used ended a session")
	}
	b.post(t, "/sign-in/invitation", newPassword(token, otherPassword)).wantAt(t, "/")
	if p.signedIn(t, before) {
		t.Error("a reset left a session")
	}
	b.post(t, "/sign-in", login("ada", goodPassword)).want(t, http.StatusForbidden, "wrong")
	b.post(t, "/sign-in", login("ada", otherPassword)).wantAt(t, "/")
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	p := newPeople(t, true)
	_, b := p.add(t, "ada")
	other := p.browser(t)
	other.post(t, "/sign-in", login("ada", goodPassword)).wantAt(t, "/")
	code := p.code(t, other, nil)
	change := func(current, password string) url.Values {
		form := newPassword("", password)
		form.Set("current", current)
		return form
	}
	b.get(t, "/sign-in/password").want(t, http.StatusOK, `value="ada"`)
	b.post(t, "/sign-in/password", change("wrong", otherPassword)).want(t, http.StatusForbidden, "The current password is wrong.")
	for range 6 { // none of which counts as a wrong one
		b.post(t, "/sign-in/password", change(goodPassword, "short")).want(t, http.StatusUnprocessableEntity, "at least 12")
	}
	if !p.signedIn(t, other) {
		t.Fatal("a change that was refused ended a session")
	}
	changed := b.still().post(t, "/sign-in/password", change(goodPassword, otherPassword)).want(t, http.StatusOK, "is changed")
	if len(changed.cookies()) != 2 {
		t.Error("the cookies stay the same")
	}
	if !p.signedIn(t, b) || p.signedIn(t, other) {
		t.Error("a change of the password must end all sessions but this one")
	}
	if a := p.ask(t, p.exchange(code)); a.Error != "invalid_grant" {
		t.Errorf("the code of a session that has ended gives %d %s", a.status, a.body)
	}
	other.get(t, "/sign-in/password").wantAt(t, "/sign-in").want(t, http.StatusOK, `name="return" value="/sign-in/password"`)
	other.post(t, "/sign-in/password", change(otherPassword, goodPassword)).wantAt(t, "/sign-in")
	for range 6 {
		b.post(t, "/sign-in/password", change("wrong", goodPassword))
	}
	b.post(t, "/sign-in/password", change(otherPassword, goodPassword)).want(t, http.StatusTooManyRequests, "has to wait")
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	p := newPeople(t, true)
	id, b := p.add(t, "ada")
	for range 20 {
		p.advance(8 * time.Hour)
		if !p.signedIn(t, b) {
			t.Fatal("a session that is used ended")
		}
	}
	p.advance(8 * time.Hour)
	if p.signedIn(t, b) {
		t.Error("a session outlived seven days")
	}
	b.post(t, "/sign-in", login("ada", goodPassword)).wantAt(t, "/")
	p.advance(12 * time.Hour)
	if p.signedIn(t, b) {
		t.Error("a session outlived twelve hours without use")
	}
	b.post(t, "/sign-in", login("ada", goodPassword)).wantAt(t, "/")
	code := p.code(t, b, nil)
	if _, err := p.users.Delete(t.Context(), "tester", "ada"); err != nil {
		t.Fatal(err)
	}
	if p.signedIn(t, b) {
		t.Error("a deleted user's session holds")
	}
	if a := p.ask(t, p.exchange(code)); a.Error != "invalid_grant" {
		t.Errorf("a deleted user's code gives %d %s", a.status, a.body)
	}
	if _, err := p.users.Delete(t.Context(), "tester", id); plimsoll.ErrorCode(err) != plimsoll.NotFound {
		t.Error(err)
	}
	b.post(t, "/sign-in", login("ada", goodPassword)).want(t, http.StatusForbidden, "wrong")
}

func TestCookies(t *testing.T) {
	t.Parallel()
	for https, want := range map[bool][]string{
		true: {
			"__Host-plimsoll-session=…; Path=/; Max-Age=604800; HttpOnly; Secure; SameSite=Lax",
			"__Host-plimsoll-browser=…; Path=/; Max-Age=31536000; HttpOnly; Secure; SameSite=Lax",
		},
		false: {
			"plimsoll-session=…; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax",
			"plimsoll-browser=…; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax",
		},
	} {
		p := newPeople(t, https)
		_, b := p.add(t, "ada")
		for name, v := range map[string]view{
			"sign-in": b.still().post(t, "/sign-in", login("ada", goodPassword)),
			"changed": b.still().post(t, "/sign-in/password", url.Values{
				"current": {goodPassword}, "password": {otherPassword}, "again": {otherPassword},
			}),
		} {
			if diff := cmp.Diff(want, v.cookies()); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		out := b.still().post(t, "/"+p.tenant+"/oauth2/v2.0/logout", url.Values{"confirmed": {"yes"}})
		if got := strings.Join(out.cookies(), ""); !strings.Contains(got, "plimsoll-session=; Path=/; Max-Age=0; HttpOnly;") {
			t.Errorf("signed out with %q", got)
		}
		if p.signedIn(t, b) {
			t.Error("signed out, a browser is signed in")
		}
	}
}

// Forms of other sites change nothing, whichever way a browser tells.
func TestCrossSite(t *testing.T) {
	t.Parallel()
	p := newPeople(t, true)
	_, b := p.add(t, "ada")
	_, token := p.invite(t, "grace")
	site := func(name, value string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Del("Sec-Fetch-Site")
			r.Header.Set(name, value)
		}
	}
	for path, form := range map[string]url.Values{
		"/sign-in":                                login("ada", goodPassword),
		"/sign-in/invitation":                     newPassword(token, goodPassword),
		"/sign-in/password":                       {"current": {goodPassword}, "password": {otherPassword}, "again": {otherPassword}},
		"/" + p.tenant + "/oauth2/v2.0/logout":    {"confirmed": {"yes"}},
		"/" + "common" + "/oauth2/v2.0/logout":    {"confirmed": {"yes"}},
		"/" + p.tenant + "/oauth2/v2.0/logout?a=": {"confirmed": {"yes"}},
	} {
		for name, from := range map[string]func(*http.Request){
			"cross-site": site("Sec-Fetch-Site", "cross-site"), "same-site": site("Sec-Fetch-Site", "same-site"),
			"origin": site("Origin", "https://evil.example"), "null": site("Origin", "null"),
		} {
			v := b.still().post(t, path, form, from)
			if v.StatusCode != http.StatusForbidden || !strings.Contains(v.body, "another site") || v.cookies() != nil {
				t.Errorf("%s, %s: %s\n%s", path, name, v.Status, v.body)
			}
		}
	}
	if !p.signedIn(t, b) {
		t.Error("another site signed the user out")
	}
	b.post(t, "/sign-in", login("ada", goodPassword), site("Origin", p.URL)).wantAt(t, "/")
}

// Every page says the same of itself: nothing runs, and nobody frames it.
func TestPageHeaders(t *testing.T) {
	t.Parallel()
	p := newPeople(t, true)
	_, token := p.invite(t, "grace")
	_, b := p.add(t, "ada")
	for _, path := range []string{
		"/sign-in", "/sign-in/password", "/sign-in/invitation?token=" + token, "/sign-in/invitation?token=x",
		"/" + p.tenant + "/oauth2/v2.0/logout", "/nobody/oauth2/v2.0/logout", p.authorize(url.Values{"client_id": {"x"}}),
		p.authorize(nil), p.authorize(url.Values{"prompt": {"login"}}),
	} {
		v := b.still().get(t, path)
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
			"Referrer-Policy":         "no-referrer", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
		} {
			if got := v.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
		if v.Header.Get("request-id") == "" {
			t.Errorf("%s has no request id", path)
		}
		if strings.Contains(v.body, "<script") || strings.Contains(v.body, "<style") || strings.Contains(v.body, " style=") ||
			v.Header.Get("Location") == "" && !strings.Contains(v.body, `<link rel="stylesheet" href="/dashboard/sign-in.css">`) {
			t.Errorf("%s: %s", path, v.body)
		}
	}
	v := b.still().send(t, newRequest(t, http.MethodPut, p.URL+"/sign-in", nil))
	if v.StatusCode != http.StatusMethodNotAllowed || v.Header.Get("Allow") != "GET, HEAD, POST" {
		t.Errorf("%s, %v", v.Status, v.Header)
	}
}

// Over plain HTTP browsers tell in Origin alone where a form comes from, and not
// even there where they must not tell a page's address to any other.
func TestReferrerOverHTTP(t *testing.T) {
	t.Parallel()
	p := newPeople(t, false)
	if got := p.browser(t).get(t, "/sign-in").Header.Get("Referrer-Policy"); got != "same-origin" {
		t.Errorf("Referrer-Policy is %q", got)
	}
}

// What people and browsers send is text in the pages, wherever it stands.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	p := newPeople(t, true)
	const hostile = `"><script>alert('1')</script><input value="&amp;`
	const escaped = `value="&#34;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&lt;input value=&#34;&amp;amp;"`
	_, token := p.invite(t, hostile)
	b := p.browser(t)
	b.get(t, "/sign-in/invitation?token="+token).want(t, http.StatusOK, escaped)
	b.post(t, "/sign-in", login(hostile, "x")).want(t, http.StatusForbidden, escaped)
	b.post(t, "/sign-in/invitation", newPassword(token, goodPassword)).wantAt(t, "/")
	b.get(t, "/sign-in/password").want(t, http.StatusOK, escaped)
	page := b.get(t, "/"+p.tenant+"/oauth2/v2.0/logout?"+url.Values{"state": {hostile}}.Encode()).want(t, http.StatusOK, escaped)
	if strings.Contains(page.body, "<script") || strings.Contains(page.body, "'1'") {
		t.Error(page.body)
	}
}

func TestReturn(t *testing.T) {
	t.Parallel()
	p := newPeople(t, true)
	_, b := p.add(t, "ada")
	own := "/" + p.tenant + "/oauth2/v2.0/authorize?"
	for asked, want := range map[string]string{
		"":                                       "/",
		"/":                                      "/",
		"https://evil.example/":                  "/",
		"//evil.example" + own:                   "/",
		"https://evil.example" + own:             "/",
		`/\evil.example` + own:                   "/",
		"https:" + own:                           "/",
		"javascript:alert(1)":                    "/",
		"/sign-in/password":                      "/sign-in/password",
		"//sign-in/password":                     "/",
		"/sign-in/password?x=y":                  "/sign-in/password",
		"/dashboard/x":                           "/",
		"/nobody/oauth2/v2.0/authorize?a=b":      "/",
		"/common/oauth2/v2.0/token":              "/",
		"/common/oauth2/v2.0/authorize?a=b%0d%0": "/",
		"/common/oauth2/v2.0/authorize?a=b":      own + "a=b",
		own + "a=%2F%2Fevil.example":             own + "a=%2F%2Fevil.example",
		own + "a=b#//evil.example":               own + "a=b",
		"/\t" + own:                              "/",
	} {
		form := login("ada", goodPassword)
		form.Set("return", asked)
		v := b.still().post(t, "/sign-in", form)
		if got := v.Header.Get("Location"); v.StatusCode != http.StatusSeeOther || got != want {
			t.Errorf("return=%q leads to %q (%s), want %q", asked, got, v.Status, want)
		}
	}
}

// FuzzReturn has nothing lead away from here.
func FuzzReturn(f *testing.F) {
	const tenant = "5f3b0b2e-8d4c-4a53-9f5e-0d7c4e1b2a90"
	s := issuer.NewServer(issuer.Config{TenantID: tenant})
	for _, seed := range []string{"", "//evil.example", "/" + tenant + "/oauth2/v2.0/authorize?a=b;c", "/sign-in/password", `/\x`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, asked string) {
		to := s.ReturnTo(asked)
		if to != "/" && to != "/sign-in/password" && !strings.HasPrefix(to, "/"+tenant+"/oauth2/v2.0/authorize?") || strings.ContainsAny(to, "\r\n\t\\# ") {
			t.Errorf("%q leads to %q", asked, to)
		}
	})
}

// Too many from one network, and too many at once, are told so.
func TestTooManyForms(t *testing.T) {
	t.Parallel()
	p := newPeople(t, true)
	b := p.browser(t)
	p.throttle.err = &plimsoll.Error{Code: plimsoll.TooManyRequests, RetryAfter: 7 * time.Second, Message: "Slower."}
	v := b.post(t, "/sign-in", login("ada", goodPassword)).want(t, http.StatusTooManyRequests, "your network")
	if v.Header.Get("Retry-After") != "7" {
		t.Errorf("%v", v.Header)
	}
	b.get(t, "/sign-in").want(t, http.StatusOK, "Sign in")
	p.throttle.err = nil
	_, token := p.invite(t, "grace")
	p.users.Occupy(time.Millisecond)
	b.post(t, "/sign-in/invitation", newPassword(token, goodPassword)).want(t, http.StatusTooManyRequests, "at once")
	b.post(t, "/sign-in", login("ada", goodPassword)).want(t, http.StatusTooManyRequests, "at once")
}

// What nobody may read is neither in the log nor in the store.
func TestSecretsAtRest(t *testing.T) {
	t.Parallel()
	p := newPeople(t, true)
	_, token := p.invite(t, "ada")
	b := p.browser(t)
	b.post(t, "/sign-in/invitation", newPassword(token, goodPassword))
	b.post(t, "/sign-in", login(otherPassword, goodPassword)) // in the wrong field
	code := p.code(t, b, nil)
	secrets := []string{token, goodPassword, otherPassword, code}
	at, _ := url.Parse(p.URL)
	for _, c := range b.Jar.Cookies(at) {
		secrets = append(secrets, c.Value)
	}
	p.mu.Lock()
	log := p.log.String()
	p.mu.Unlock()
	for _, secret := range secrets {
		if strings.Contains(log, secret) {
			t.Errorf("the log has %q", secret)
		}
	}
	users, err := p.users.List(t.Context())
	if err != nil || strings.Contains(users[0].Password, goodPassword) || !strings.HasPrefix(users[0].Password, "$2a$") {
		t.Errorf("%+v, %v", users, err)
	}
}

func TestUsersRefuse(t *testing.T) {
	t.Parallel()
	p := newPeople(t, true)
	p.invite(t, "ada")
	for name, test := range map[string]struct {
		user        string
		permissions []string
		code        plimsoll.Code
	}{
		"taken":              {"ADA", issuer.ReaderPermissions(), plimsoll.Conflict},
		"no name":            {"", issuer.ReaderPermissions(), plimsoll.Invalid},
		"no permission":      {"grace", nil, plimsoll.Invalid},
		"unknown permission": {"grace", []string{"Mail.Send"}, plimsoll.Invalid},
	} {
		_, _, err := p.users.Create(t.Context(), "tester", test.user, test.permissions)
		if plimsoll.ErrorCode(err) != test.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, _, err := p.users.Invite(t.Context(), "tester", "nobody")
	wantCode(t, err, plimsoll.NotFound)
	if want := []string{"DeviceManagementConfiguration.Read.All", "Group.Read.All"}; !slices.Equal(want, issuer.ReaderPermissions()) {
		t.Errorf("%v", issuer.ReaderPermissions())
	}
}
