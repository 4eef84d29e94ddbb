package main

import (
	"fmt"
	"net/http"
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
	cannotBeReached = "The server cannot be reached. This page goes on as soon as it can."
	sessionHasEnded = "Your session has ended"
)

// providerAils has the provider that renews tokens fail in all the ways that pass. The
// page says so, tries again less and less often, and goes on; only where nobody is signed
// in any more the session is over.
func (a story) providerAils() {
	t := a.t
	provider := startSignInProvider(t, "DeviceManagementConfiguration.ReadWrite.All")
	provider.life.Store(30) // s: the least that the page heeds
	s := startServer(t, sqliteAddress(t), provider.flags()...)
	provider.dashboard.Store(&s.URL)
	s.token = s.signIn(t, s.FirstClient)
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
	if first, last := asked[3].Sub(asked[0]), asked[10].Sub(asked[7]); last < 3*first/2 {
		t.Errorf("three tries take %v at first, and %v later", first, last)
	}
}

// hidePage leaves a page alone in a window that nobody sees: it neither keeps its session
// alive nor listens, and knows what it missed as soon as it is seen again.
func (a story) hidePage() {
	t := a.t
	provider := startSignInProvider(t, "DeviceManagementConfiguration.ReadWrite.All")
	provider.life.Store(120) // s, of which the page renews after 80
	s := startServer(t, sqliteAddress(t), provider.flags()...)
	provider.dashboard.Store(&s.URL)
	s.token = s.signIn(t, s.FirstClient)
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
