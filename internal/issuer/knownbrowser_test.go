package issuer_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"plimsoll"
	"plimsoll/internal/issuer"
)

// wrong sends wrong passwords for a name.
func (b *browser) wrong(t *testing.T, name string, times int) view {
	t.Helper()
	var last view
	for range times {
		last = b.post(t, "/sign-in", login(name, "wrong"))
	}
	return last
}

// known gives the cookie by which the browser is known.
func (b *browser) known(t *testing.T) *http.Cookie {
	t.Helper()
	at, _ := url.Parse(b.base)
	for _, c := range b.Jar.Cookies(at) {
		if strings.HasSuffix(c.Name, "plimsoll-browser") {
			return c
		}
	}
	t.Fatal("the browser has no cookie by which it is known")
	return nil
}

// sends has a request come with a browser's cookie in place of its own.
func sends(c *http.Cookie, value string) func(*http.Request) {
	return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: c.Name, Value: value}) }
}

// Whoever knows a name can have it wait, but not where its user has signed in
// before. A browser's own wrong passwords are its own affair.
func TestKnownBrowser(t *testing.T) {
	t.Parallel()
	p := newPeople(t, true)
	_, b := p.add(t, "ada")
	_, grace := p.add(t, "grace")
	stranger := p.browser(t)
	stranger.wrong(t, "ada", 6).want(t, http.StatusTooManyRequests, "for this name")
	stranger.post(t, "/sign-in", login("ada", goodPassword)).want(t, http.StatusTooManyRequests, "for this name")
	grace.post(t, "/sign-in", login("ada", goodPassword)).want(t, http.StatusTooManyRequests, "for this name")
	before := b.known(t)
	b.post(t, "/sign-in", login("ADA", goodPassword)).wantAt(t, "/")
	stranger.wrong(t, "ada", 1).want(t, http.StatusTooManyRequests, "for this name") // nobody else's wait is over by that

	b.wrong(t, "ada", 5).want(t, http.StatusForbidden, "in this browser: it has to wait. Try again in 1 minute.")
	b.post(t, "/sign-in", login("ada", goodPassword)).want(t, http.StatusTooManyRequests, "in this browser")
	b.wrong(t, "grace", 5).want(t, http.StatusForbidden, "for this name") // it is known for one name alone
	other := p.browser(t)
	other.post(t, "/sign-in", login("ada", goodPassword), sends(before, before.Value)).wantAt(t, "/")
	other.post(t, "/sign-in", login("ada", goodPassword)).wantAt(t, "/")
	p.advance(time.Minute)
	b.post(t, "/sign-in", login("ada", goodPassword)).wantAt(t, "/")
	b.wrong(t, "ada", 4).want(t, http.StatusForbidden, "is wrong.</p>")
}

// A browser is known as long as the password is the one that was typed there.
func TestBrowserIsForgotten(t *testing.T) {
	t.Parallel()
	p := newPeople(t, true)
	_, b := p.add(t, "ada")
	other, stranger := p.browser(t), p.browser(t)
	other.post(t, "/sign-in", login("ada", goodPassword)).wantAt(t, "/")
	lockedOut := func(b *browser, password string) {
		t.Helper()
		stranger.wrong(t, "ada", 6)
		b.post(t, "/sign-in", login("ada", password)).want(t, http.StatusTooManyRequests, "for this name")
	}
	b.post(t, "/sign-in/password", url.Values{
		"current": {goodPassword}, "password": {otherPassword}, "again": {otherPassword},
	}).want(t, http.StatusOK, "is changed")
	lockedOut(other, otherPassword)
	b.post(t, "/sign-in", login("ada", otherPassword)).wantAt(t, "/")

	_, token, err := p.users.Invite(t.Context(), "tester", "ada")
	if err != nil {
		t.Fatal(err)
	}
	other.post(t, "/sign-in/invitation", newPassword(token, otherPassword)).wantAt(t, "/") // the same one again
	lockedOut(b, otherPassword)
	other.post(t, "/sign-in", login("ada", otherPassword)).wantAt(t, "/")
}

// A cookie that was made up is as good as none, whoever it is said to be of: names
// that do not exist wait as those that do.
func TestForgedBrowser(t *testing.T) {
	t.Parallel()
	p := newPeople(t, true)
	_, b := p.add(t, "ada")
	p.invite(t, "invited")
	known := b.known(t)
	nonce, mac, _ := strings.Cut(known.Value, ".")
	stranger := p.browser(t)
	for _, name := range []string{"ada", "invited", "nobody"} {
		stranger.wrong(t, name, 5)
		for _, value := range []string{
			"", ".", nonce, nonce + ".", "." + mac, known.Value + "=", known.Value + "A", strings.ToUpper(known.Value), nonce + "x." + mac,
			issuer.BrowserToken("nonce", ""), issuer.BrowserToken("nonce", p.users.Nobody()),
		} {
			stranger.post(t, "/sign-in", login(name, goodPassword), sends(known, value)).want(t, http.StatusTooManyRequests, "for this name")
		}
	}
	if _, err := p.users.Delete(t.Context(), "tester", "ada"); err != nil {
		t.Fatal(err)
	}
	b.wrong(t, "ada", 1).want(t, http.StatusTooManyRequests, "for this name")
}

// Who is signed in changes the password whatever others do to the name, which it
// does not count against; but a session that was stolen does not help to guess it.
func TestChangePasswordCountsAlone(t *testing.T) {
	t.Parallel()
	p := newPeople(t, true)
	_, b := p.add(t, "ada")
	other, stranger := p.browser(t), p.browser(t)
	other.post(t, "/sign-in", login("ada", goodPassword)).wantAt(t, "/")
	change := func(b *browser, current string) view {
		t.Helper()
		return b.post(t, "/sign-in/password", url.Values{"current": {current}, "password": {otherPassword}, "again": {otherPassword}})
	}
	for range 4 {
		change(b, "wrong").want(t, http.StatusForbidden, "The current password is wrong.</p>")
	}
	change(b, "wrong").want(t, http.StatusForbidden, "in this browser: it has to wait")
	v := change(b, goodPassword).want(t, http.StatusTooManyRequests, "in this browser")
	if v.Header.Get("Retry-After") != "60" {
		t.Errorf("%v", v.Header)
	}
	stranger.wrong(t, "ada", 4).want(t, http.StatusForbidden, "is wrong.</p>")
	stranger.wrong(t, "ada", 2).want(t, http.StatusTooManyRequests, "for this name")
	change(other, goodPassword).want(t, http.StatusOK, "is changed")
}

// When strangers are too many, they are told so, whatever their names; who has
// signed in before, is signed in or has a link is served all the same.
func TestTooManyStrangers(t *testing.T) {
	t.Parallel()
	p := newPeople(t, true)
	_, b := p.add(t, "ada")
	stranger := p.browser(t)
	for words, busy := range map[string]func(){
		"Too many sign in at once": func() {
			p.all.err = &plimsoll.Error{Code: plimsoll.TooManyRequests, RetryAfter: 1500 * time.Millisecond, Message: "Slower."}
		},
		"Too many ask to be let in at once": func() {
			p.all.err = nil
			p.users.OccupyStrangers(time.Millisecond)
		},
	} {
		busy()
		for _, name := range []string{"ada", "nobody"} {
			for range 6 { // none of which counts as a wrong one
				v := stranger.post(t, "/sign-in", login(name, "wrong")).want(t, http.StatusTooManyRequests, words)
				if v.Header.Get("Retry-After") == "" {
					t.Errorf("%s: %v", words, v.Header)
				}
			}
		}
		b.post(t, "/sign-in", login("ada", goodPassword)).wantAt(t, "/")
		b.post(t, "/sign-in/password", url.Values{
			"current": {goodPassword}, "password": {otherPassword}, "again": {otherPassword},
		}).want(t, http.StatusOK, "is changed")
		_, token, err := p.users.Invite(t.Context(), "tester", "ada")
		if err != nil {
			t.Fatal(err)
		}
		b.post(t, "/sign-in/invitation", newPassword(token, goodPassword)).wantAt(t, "/")
	}
}
