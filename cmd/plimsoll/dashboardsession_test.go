package main

import (
	"testing"
	"time"
)

// hasten has a page's clock go ten times as fast.
const hasten = `{
	const [set, now] = [setTimeout, performance.now.bind(performance)];
	window.setTimeout = (run, ms, ...rest) => set(run, ms / 10, ...rest);
	performance.now = () => now() * 10;
}`

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
	p.must(p.OnEachDocument(hasten))
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
