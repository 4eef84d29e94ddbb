package main

import (
	"net/http"
	"strings"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// keepDialogs has people press Escape, sign in again and sign out in the middle of their
// work, and others change what they may do and what they edit: nothing that they have
// not seen goes, and nothing that others made is lost.
func (a story) keepDialogs() {
	t := a.t
	const all = "DeviceManagementConfiguration.ReadWrite.All"
	provider, s := startBesideProvider(t, all)
	provider.life.Store(30) // s: the least that the page heeds
	script := s.addListed(t, 1, 0, 0)
	p := a.open(s)
	p.must(p.OnEachDocument(hasten(10, 0)))
	p.navigate(s.URL + "/#/devices")
	p.click("button", "Continue as Ada")
	p.waitFor("link", "pc-000")
	p.keepFocusOverSignIn(provider)
	p.keepResult(script)
	p.keepAssignments(script)

	provider.scopes.Store(all + " Group.Read.All")
	p.reads("You have more permissions now.")
	provider.scopes.Store(all)
	p.until("!document.querySelector('.banner')")
	provider.scopes.Store("DeviceManagementConfiguration.Read.All")
	p.reads("What this page no longer shows or offers needs one that you do not have now.")
	p.must(p.Click("button", "Close", ".banner"))
	exchanged := provider.exchanged.Load()
	waitUntil(t, "the token is renewed twice", func() bool { return provider.exchanged.Load() > exchanged+1 })
	p.lacks("Your permissions have changed.")
	provider.scopes.Store(all)
	provider.user.Store("ada\u202egro.live")
	p.reads("ada‹RLO›gro.live")
	provider.user.Store("ada")
	p.waitFor("button", "ada")

	p.visit("/scripts/" + script + "/edit")
	p.fill("Description", "to be left")
	p.click("button", "ada")
	p.click("button", "Sign out")
	p.click("button", "Leave")
	p.reads("Signed out at the provider") // without a question of the browser, which were a fault
}

// keepFocusOverSignIn ends Ada's session where she looks, where she writes, and where she
// writes in a dialog.
func (p *tab) keepFocusOverSignIn(provider *signInProvider) {
	p.t.Helper()
	signInAgain := func() {
		p.t.Helper()
		provider.ailing.Store("")
		p.click("button", "Sign in again")
		p.until("![...document.querySelectorAll('h1, h2')].some((one) => one.innerText === %s)", quoted(sessionHasEnded))
	}
	evaluate[bool](p, "document.querySelector('tbody a').focus() ?? true")
	provider.ailing.Store("login_required")
	p.waitFor("heading", sessionHasEnded)
	signInAgain()
	p.focusIsOn("pc-000")

	p.click("link", "pc-000")
	p.click("button", "Edit")
	p.fill("Notes", "typed in a dialog")
	provider.ailing.Store("login_required")
	p.waitFor("heading", sessionHasEnded)
	at := evaluate[[]float64](p, "(({ left, top }) => [left + 5, top + 5])(document.querySelector('.notice p').getBoundingClientRect())")
	p.must(p.Do(chromedp.MouseClickXY(at[0], at[1])))
	for range 3 {
		p.keys(kb.Escape)
	}
	p.until("document.querySelector('.notice:modal').contains(document.activeElement)")
	signInAgain()
	p.until("document.activeElement.value === 'typed in a dialog'")
	p.click("button", "Save")
	p.reads("Saved.")
}

// keepResult presses Escape again and again while devices are asked: what came of it is
// told, and so is what comes of the next time.
func (p *tab) keepResult(script string) {
	p.t.Helper()
	p.visit("/scripts/" + script + "/devices")
	evaluate[bool](p, `{
		const fetch = window.fetch;
		const free = new Promise((pass) => { window.letGo = pass; });
		window.fetch = async (...request) => {
			if (String(request[0]).endsWith('$batch')) { window.held = true; await free; }
			return fetch(...request);
		};
	} true`)
	p.runOnListed("Run now on 1 device?")
	p.waitFor("heading", "Asking the devices")
	p.until("window.held")
	for range 3 {
		p.keys(kb.Escape)
	}
	evaluate[bool](p, "letGo() ?? true")
	p.reads("1 device was asked to run it. Then you stopped it.")
	p.keys(kb.Escape)
	p.until("!document.querySelector('dialog')")
	p.runOnListed("Run now on 1 device?")
	p.reads("1 device was asked to run it.")
	p.lacks("Then you stopped it.")
	p.keys(kb.Escape)
}

// keepAssignments saves assignments that another administrator has changed meanwhile.
func (p *tab) keepAssignments(script string) {
	t, s := p.t, p.s
	t.Helper()
	const toAll = `{"target":{"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget"}`
	group := s.must(t, http.StatusCreated, "POST", "/groups", `{"displayName":"Kiosks"}`).json["id"].(string)
	assign := func(assignments string) {
		t.Helper()
		s.must(t, http.StatusNoContent, "POST", scripts+"/"+script+"/assign", `{"deviceHealthScriptAssignments":[`+assignments+`]}`)
	}
	const conflict = "Somebody else changed the assignments meanwhile"
	p.visit("/scripts/" + script + "/assignments")
	p.choose("When", "Every few hours")
	assign(toAll + `},{"target":{"@odata.type":"#microsoft.graph.exclusionGroupAssignmentTarget","groupId":"` + group + `"}}`)
	p.click("button", "Save assignments")
	p.reads(conflict)
	p.reads("2 assignments are there now.")
	p.wantAssignments(script, group, true)
	if !evaluate[bool](p, "document.querySelector('main form').innerText.includes('Hours between')") {
		t.Error("what was chosen is gone")
	}
	p.click("button", "Load what is there now")
	p.until("document.querySelectorAll('.assignment').length === 2")
	p.lacks(conflict)

	assign(toAll + "}")
	p.choose("When", "Every few hours")
	p.click("button", "Save assignments")
	p.reads("1 assignment is there now.")
	p.click("button", "Save mine over it")
	p.until("document.querySelector('main form button[type=submit]').disabled && !document.querySelector('.problem')")
	p.wantAssignments(script, group, true)
	p.wantAssignments(script, "HourlySchedule", true)
	p.choose("When", "Every day at midnight")
	p.click("button", "Save assignments") // which compares with what was just saved
	p.until("document.querySelector('main form button[type=submit]').disabled && !document.querySelector('.problem')")
	p.wantAssignments(script, "HourlySchedule", false)
}

// wantAssignments wants a script's assignments to have a text, or not to.
func (p *tab) wantAssignments(script, text string, want bool) {
	p.t.Helper()
	if got := p.s.must(p.t, http.StatusOK, "GET", scripts+"/"+script+"/assignments", "").text; strings.Contains(got, text) != want {
		p.t.Errorf("%q is in the assignments: %t; they are %s", text, !want, got)
	}
}
