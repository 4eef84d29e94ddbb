package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"plimsoll/internal/web/browsertest"
)

// signIn has the first administrator come in by the printed link, go, come
// back by the password, and change it.
func (a story) signIn() {
	t := a.t
	s := startServer(t, sqliteAddress(t))
	p := a.open(s)
	p.navigate(s.FirstUser.URL)
	p.reads("At least 12 characters")
	if name := evaluate[string](p, "document.querySelector('#name').value"); name != "administrator" {
		t.Errorf("the link is of %q", name)
	}
	setPassword := func(password, again string) {
		t.Helper()
		p.fill("New password", password)
		p.fill("New password, once more", again)
		p.click("button", "Set the password")
	}
	for password, problem := range map[string]string{"short": "has 5 characters", "administrator's own": "name"} {
		setPassword(password, password)
		p.until("document.querySelector('[role=alert]')?.innerText.includes(%s)", quoted(problem))
	}
	setPassword(userPassword, userPassword+"x")
	p.reads("The two passwords")
	setPassword(userPassword, userPassword)
	p.waitFor("heading", "Three steps to the first number")
	p.waitFor("button", "administrator")

	// A reload keeps the session, and no token is kept anywhere but in memory.
	p.navigate(s.URL + "/#/scripts")
	p.waitFor("heading", "Scripts")
	stored := evaluate[string](p, "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
	if stored != `[{},{},""]` {
		t.Errorf("kept in the browser, where scripts can read it: %s", stored)
	}

	// The link is used up.
	other := a.open(s)
	other.navigate(s.FirstUser.URL)
	other.waitFor("heading", "This link holds no more")
	other.wantNone("button", "Set the password")

	p.signOut()
	p.signIn("administrator", "not "+userPassword)
	p.waitFor("alert", "")
	p.signIn("Administrator", userPassword)
	p.waitFor("heading", "Three steps to the first number")

	p.click("button", "administrator")
	p.click("link", "Change password")
	const next = "cove of plum trams"
	change := func(current string) {
		t.Helper()
		p.fill("Current password", current)
		p.fill("New password", next)
		p.fill("New password, once more", next)
		p.click("button", "Change the password")
	}
	p.waitFor("button", "Change the password")
	change("wrong " + userPassword)
	p.waitFor("alert", "")
	change(userPassword)
	p.click("link", "Go to the start page")
	p.waitFor("heading", "Three steps to the first number") // still signed in
	p.signOut()
	p.signIn("administrator", userPassword)
	p.waitFor("alert", "")
	p.signIn("administrator", next)
	p.waitFor("heading", "Three steps to the first number")
	requests := p.Requests()
	p.wantOrigins(requests, s.URL)
	wantSignedOutByForm(t, requests, 2)
}

// wantSignedOutByForm wants the ID token, by which a sign-out shows whose it is, to be in
// no address: those are kept in histories and logs.
func wantSignedOutByForm(t *testing.T, requests []browsertest.Request, times int) {
	t.Helper()
	for _, request := range requests {
		if strings.Contains(request.URL, "id_token") {
			t.Errorf("%s %s", request.Method, request.URL)
		}
		if request.Method == "POST" && strings.HasSuffix(request.URL, "/oauth2/v2.0/logout") {
			times--
		}
	}
	if times != 0 {
		t.Errorf("%d sign-outs too few are by a form", times)
	}
}

// signOut signs out by the menu, and waits until nobody is signed in.
func (p *tab) signOut() {
	p.t.Helper()
	p.click("button", "administrator")
	p.click("button", "Sign out")
	p.waitFor("button", "Sign in")
	p.until("location.pathname === '/sign-in'")
}

// signInElsewhere signs somebody in at a provider of another origin.
func (a story) signInElsewhere() {
	t := a.t
	provider, s := startBesideProvider(t, "DeviceManagementConfiguration.Read.All")
	s.must(t, http.StatusCreated, "POST", scripts, `{"displayName":"Disk encryption"}`)
	p := a.open(s)
	p.navigate(s.URL + "/#/scripts")
	p.wantRightTokens(provider)
	p.waitFor("heading", "Scripts") // the place that was asked for
	p.waitFor("link", "Disk encryption")
	p.waitFor("button", "ada")
	p.wantNone("link", "New script")
	requests := p.Requests()
	p.wantOrigins(requests, s.URL, provider.URL)
	asked := 0
	for _, request := range requests {
		if request.Method == "POST" && request.URL == provider.URL+"/token" {
			asked++
		}
	}
	if wanted := len(wrongClaims()) + 1; asked != wanted || provider.exchanged.Load() != int64(wanted) {
		t.Errorf("%d requests for a token, %d given", asked, provider.exchanged.Load())
	}
	p.click("button", "ada")
	p.wantNone("link", "Change password") // that is the provider's matter
	p.click("button", "Sign out")
	p.reads("Signed out at the provider")
}

// wrongClaims are claims of an ID token that is not for a sign-in at this dashboard
// (OpenID Connect Core, section 3.1.3.7), by the one that is wrong.
func wrongClaims() map[string]map[string]any {
	return map[string]map[string]any{
		"iss":   {"iss": "https://login.example"},
		"aud":   {"aud": "another-client"},
		"azp":   {"aud": []string{providerClient, "another-client"}, "azp": "another-client"},
		"nonce": {"nonce": "of another sign-in"},
		"exp":   {"exp": time.Now().Add(-time.Hour).Unix()},
		"sub":   {"sub": ""},
	}
}

// wantRightTokens signs in at the provider, and gets nowhere by an ID token that is not
// for it.
func (p *tab) wantRightTokens(provider *signInProvider) {
	p.t.Helper()
	asked := false
	for claim, wrong := range wrongClaims() {
		provider.spoilt.Store(wrong)
		if !asked {
			p.click("button", "Continue as Ada") // on the provider's page
			asked = true
		} else {
			p.click("button", "Sign in again")
		}
		p.reads("its ID token has a wrong " + claim)
		p.wantNone("navigation", "Pages")
	}
	provider.spoilt.Store(map[string]any{})
	p.click("button", "Sign in again")
}
