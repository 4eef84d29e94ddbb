package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// hasten has a page's clock go faster, and what it waits for for at least so many ms come
// sooner.
func hasten(times, from int) string {
	return fmt.Sprintf(`{
		const [set, now] = [setTimeout, performance.now.bind(performance)];
		window.setTimeout = (run, ms, ...rest) => set(run, ms >= %[2]d ? ms / %[1]d : ms, ...rest);
		performance.now = () => now() * %[1]d;
	}`, times, from)
}

const (
	cannotBeReached = "The server, or its sign-in, does not answer. This page goes on as soon as it can."
	sessionHasEnded = "Your session has ended"
)

// sessionEnds ends a session while somebody writes: what was typed is there when they
// signed in again beside, and is saved. A tab in which nothing was typed shows nothing
// until then.
func (a story) sessionEnds() {
	t := a.t
	address, listen := sqliteAddress(t), "127.0.0.1:"+freePort(t)
	s := startServer(t, address, "--listen", listen)
	s.token = s.signIn(t, s.FirstClient)
	script := s.addScript(t)
	device := s.addDevice(t, s.newEnrollment(t), "pc-1", "Linux")
	p := a.openSignedIn(s)
	p.visit("/scripts/" + script + "/edit")
	p.fill("Description", "typed before the end")
	inDialog, looking := p.beside(), p.beside()
	inDialog.navigate(s.URL + "/#/devices/" + device)
	inDialog.click("button", "Edit")
	inDialog.fill("Notes", "typed in a dialog")
	looking.navigate(s.URL + "/#/devices")
	looking.waitFor("link", "pc-1")
	tabs := []*tab{p, inDialog, looking}
	for _, one := range tabs {
		evaluate[bool](one, "window.sameDocument = true")
	}
	var invited invitation
	command(t, &invited, "user", "invite", "--store", address, "--server", s.URL, "administrator")
	elsewhere := a.open(s)
	elsewhere.useLink(invited.URL) // which ends the session of the others
	elsewhere.waitFor("navigation", "Pages")
	elsewhere.navigate("about:blank")
	s = s.restartWithNewKeys(t, address, listen) // else their tokens would hold for a quarter of an hour

	for _, one := range tabs {
		one.s = s
		one.waitFor("heading", sessionHasEnded)
	}
	p.click("button", "Preview changes")
	p.click("button", "Save")
	p.reads("What you typed on this page stays as it is.")
	inDialog.reads("What you typed on this page stays as it is.")
	looking.lacks("pc-1")
	waitUntil(t, "no tab listens", func() bool { return s.hasOpen(t, 0) })
	popup := inDialog.openPopup("Sign in again")
	popup.signIn("administrator", userPassword)
	p.until("!document.querySelector('.notice')")
	p.reads("Saved.")
	inDialog.click("button", "Save")
	inDialog.reads("Saved.")
	looking.waitFor("link", "pc-1")
	waitUntil(t, "all tabs listen", func() bool { return s.hasOpen(t, len(tabs)) })
	s.token = s.signIn(t, s.FirstClient)
	s.wantDescription(t, script, "typed before the end")
	if notes := s.must(t, http.StatusOK, "GET", devices+"/"+device, "").json["notes"]; notes != "typed in a dialog" {
		t.Errorf("the notes are %v", notes)
	}
	for _, one := range tabs {
		if !evaluate[bool](one, "window.sameDocument === true") {
			t.Error("the page was loaded anew")
		}
	}
}

// beside opens another tab of the same person.
func (p *tab) beside() *tab {
	p.t.Helper()
	page, closeIt, err := p.Beside()
	return watched(p.t, p.s, page, closeIt, err)
}

// tabsEnd signs out in one tab, and in as another user: what the other tabs showed is
// put away, also what was typed, and they listen no more.
func (a story) tabsEnd() {
	t := a.t
	address, listen := sqliteAddress(t), "127.0.0.1:"+freePort(t)
	s := startServer(t, address, "--listen", listen)
	s.token = s.signIn(t, s.FirstClient)
	script := s.addScript(t)
	s.must(t, http.StatusOK, "PATCH", scripts+"/"+script, `{"displayName":"Seen by the administrator","description":"as it was"}`)
	p := a.openSignedIn(s)
	write := func(text string) {
		t.Helper()
		p.visit("/scripts/" + script + "/edit")
		p.fill("Description", text)
	}
	wantNothing := func(heading, typed string) {
		t.Helper()
		p.waitFor("heading", heading)
		if shown := evaluate[string](p, "document.title + document.body.textContent + [...document.querySelectorAll('input, textarea')].map((field) => field.value)"); strings.Contains(shown, typed) || strings.Contains(shown, "Seen by") {
			t.Errorf("%s: the page still has %q", heading, shown)
		}
		waitUntil(t, "the tab does not listen", func() bool { return s.hasOpen(t, 0) })
	}
	write("typed by the administrator")
	other := p.beside()
	other.navigate(s.URL + "/#/scripts")
	other.waitFor("link", "Seen by the administrator")
	other.signOut()
	wantNothing("You are signed out", "typed by")
	evaluate[bool](other, "history.back() ?? true") // to what the browser may have kept as it was
	other.until("location.pathname === '/' && document.querySelector('h1') || location.pathname === '/sign-in'")
	other.lacks("Seen by")

	other.useLink(s.newUser(t, address, "grace", "--administrator"))
	other.waitFor("button", "grace")
	p.click("button", "Sign in") // which needs no more than that
	p.waitFor("button", "grace")
	p.reads("Seen by the administrator")
	write("typed by Grace")
	other.useLink(s.newUser(t, address, "hedy", "--administrator"))
	other.waitFor("button", "hedy")
	other.navigate("about:blank")
	wantNothing("Somebody else has signed in", "typed by")

	// Where the tab was not told, its next renewal does.
	p.click("button", "Go on as that user")
	p.waitFor("button", "hedy")
	write("typed by Hedy")
	p.must(other.OnEachDocument(`{
		const post = BroadcastChannel.prototype.postMessage;
		BroadcastChannel.prototype.postMessage = function (told) { if (!told.signedIn) post.call(this, told); };
	}`))
	other.useLink(s.newUser(t, address, "ida", "--administrator"))
	other.waitFor("button", "ida")
	other.navigate("about:blank")
	s = s.restartWithNewKeys(t, address, listen)
	p.s, other.s = s, s
	wantNothing("Somebody else has signed in", "typed by")
	s.token = s.signIn(t, s.FirstClient)
	s.wantDescription(t, script, "as it was")
}

// providerAils has the provider that renews tokens fail in all the ways that pass. The
// page says so, tries again less and less often, and goes on; only where nobody is signed
// in any more the session is over.
func (a story) providerAils() {
	t := a.t
	provider, s := startBesideProvider(t, "DeviceManagementConfiguration.ReadWrite.All")
	provider.life.Store(30) // s: the least that the page heeds
	script := s.addScript(t)
	p := a.open(s)
	p.must(p.OnEachDocument(hasten(10, 0)))
	p.navigate(s.URL + "/#/scripts/" + script + "/edit")
	p.click("button", "Continue as Ada")
	p.fill("Description", "what Ada typed")
	recovers := func(why string) {
		t.Helper()
		p.reads(cannotBeReached)
		p.lacks(sessionHasEnded)
		provider.ailing.Store("")
		provider.spoilt.Store(map[string]any{})
		exchanged := provider.exchanged.Load()
		p.until("!document.querySelector('.banner')")
		if provider.exchanged.Load() == exchanged {
			t.Errorf("%s: all is well without a new token", why)
		}
	}
	for _, ailing := range []string{"temporarily_unavailable", "silence", "server_error"} {
		provider.asks()
		provider.ailing.Store(ailing)
		p.reads(cannotBeReached)
		if ailing == "server_error" {
			wantRarer(t, provider)
		}
		recovers(ailing)
	}
	provider.spoilt.Store(map[string]any{"nonce": "of another sign-in"})
	recovers("a token that is not for the page")

	p.click("button", "Preview changes")
	p.click("button", "Save")
	p.until("document.querySelector('main form button[type=submit]').disabled") // there is nothing to save
	s.wantDescription(t, script, "what Ada typed")
	provider.ailing.Store("interaction_required")
	p.waitFor("heading", sessionHasEnded)
	p.lacks(cannotBeReached)
}

// wantRarer waits until the provider was asked often, and wants the pauses to grow.
func wantRarer(t *testing.T, provider *signInProvider) {
	t.Helper()
	var asked []time.Time
	waitUntil(t, "the provider is asked again and again", func() bool {
		asked = append(asked, provider.asks()...)
		return len(asked) > 10
	})
	if first, last := asked[3].Sub(asked[0]), asked[10].Sub(asked[7]); last <= first { // a busy machine makes each of them longer
		t.Errorf("three tries take %v at first, and %v later", first, last)
	}
}

// hidePage leaves a page alone in a window that nobody sees: it neither keeps its session
// alive nor listens, and knows what it missed as soon as it is seen again.
func (a story) hidePage() {
	t := a.t
	provider, s := startBesideProvider(t, "DeviceManagementConfiguration.ReadWrite.All")
	provider.life.Store(120) // s, of which the page renews after 80
	script := s.addScript(t)
	s.must(t, http.StatusCreated, "POST", scripts+"/"+script+"/runSummary", summaryBody(1))
	p := a.open(s)
	p.must(p.OnEachDocument(hasten(100, 60_000)))
	p.navigate(s.URL + "/#/scripts/" + script)
	p.click("button", "Continue as Ada")
	p.wantFigures("1 2 3 4")
	renewed := func(times int) func() bool {
		asked := 0
		return func() bool { asked += len(provider.asks()); return asked >= times }
	}
	waitUntil(t, "a page that is seen is renewed", renewed(2))
	p.must(p.Hide(true))
	waitUntil(t, "one that is hidden for a moment is renewed", renewed(1))
	waitUntil(t, "nobody listens", func() bool { return s.hasOpen(t, 0) })
	provider.asks()
	s.must(t, http.StatusOK, "PATCH", scripts+"/"+script, `{"displayName":"Renamed unseen"}`)
	s.must(t, http.StatusCreated, "POST", scripts+"/"+script+"/runSummary", summaryBody(90))
	time.Sleep(3 * time.Second) // in which a page that is seen would renew three times
	if asked := provider.asks(); len(asked) > 0 {
		t.Errorf("a page that is hidden for long is renewed at %v", asked)
	}
	p.must(p.Hide(false))
	waitUntil(t, "the page is renewed when it is seen again", renewed(1))
	p.waitFor("heading", "Renamed unseen")
	p.wantFigures("90 2 3 4")
	waitUntil(t, "it listens", func() bool { return s.hasOpen(t, 1) })
}
