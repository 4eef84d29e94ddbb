package main

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"plimsoll/internal/store"
)

// newUser makes a user who did not sign in yet, and gives the link.
func (s *testServer) newUser(t *testing.T, address, name, may string) (link string) {
	t.Helper()
	var made invitation
	command(t, &made, "user", "create", "--store", address, "--name", name, may, "--server", s.URL)
	return made.URL
}

// readOnly shows somebody who may change nothing what there is, and nothing to change
// it by; and when the reader is deleted, it tells that.
func (a story) readOnly() {
	t := a.t
	address, listen := sqliteAddress(t), "127.0.0.1:"+freePort(t)
	s := startServer(t, address, "--listen", listen)
	s.token = s.signIn(t, s.FirstClient)
	device := s.addDevice(t, s.newEnrollment(t), "pc-1", "Linux")
	script := s.assignToAll(t, "Disk space", "#!/bin/sh\n")
	group := s.must(t, http.StatusCreated, "POST", "/groups", `{"displayName":"All","groupTypes":["DynamicMembership"],"membershipRule":"device.deviceName -ne \"x\"","membershipRuleProcessingState":"On"}`).json["id"].(string)
	filter := s.must(t, http.StatusCreated, "POST", assignmentFilters, `{"displayName":"Linux","platform":"linux","rule":"device.operatingSystem -eq \"Linux\""}`).json["id"].(string)
	p := a.open(s)
	p.useLink(s.newUser(t, address, "ada", "--reader"))
	p.waitFor("link", "Disk space")
	for place, shown := range map[string]string{
		"/scripts": "Disk space", "/scripts/" + script: "Trend", "/scripts/" + script + "/devices": "pc-1",
		"/scripts/" + script + "/errors": "No errors", "/scripts/" + script + "/source": "#!/bin/sh",
		"/devices": "pc-1", "/devices/" + device: "Inventory", "/groups": "All", "/groups/" + group: "pc-1", "/filters": "Linux",
	} {
		p.visit(place)
		p.reads(shown)
		p.wantNone("button", "Delete", "Edit", "Run now", "Run now on pc-1", "Save", "Take out pc-1", "Run now on all listed", "Add an assignment")
		p.wantNone("link", "New script", "New group", "New filter", "Enrol a device", "Edit")
	}
	p.visit("/scripts/" + script + "/assignments")
	p.reads("1 device is reached")
	reported := s.addScript(t)
	s.must(t, http.StatusCreated, "POST", scripts+"/"+reported+"/runSummary", summaryBody(1))
	p.visit("/scripts/" + reported)
	p.until("[...document.querySelectorAll('tbody td')].some((cell) => cell.innerText === 'first')") // who reported, by name
	p.visit("/filters/" + filter)
	p.reads("Selects 1 device")
	if free := evaluate[float64](p, "document.querySelectorAll('main :is(input, select, textarea):not(:disabled)').length"); free != 0 {
		t.Errorf("%v fields can be changed", free)
	}
	for _, place := range []string{"/scripts/new", "/groups/new", "/filters/new", "/enrol", "/scripts/" + script + "/edit"} {
		p.visit(place)
		p.reads("You do not have the permission for this")
	}
	p.visit("/scripts/00000000-0000-0000-0000-000000000000")
	p.waitFor("heading", "This script is gone")
	if told := strings.Count(p.text("main"), "This script is gone"); told != 1 {
		t.Errorf("that it is gone is told %d times", told)
	}
	p.click("link", "All scripts")
	p.waitFor("link", "Disk space")
	// Deleted, the reader is told as soon as the token is no good any more.
	var deleted struct{ UserID string }
	command(t, &deleted, "user", "delete", "--store", address, "ada")
	p.s = s.restartWithNewKeys(t, address, listen)
	p.waitFor("heading", "Your session has ended")
	popup := p.openPopup("Sign in again")
	popup.signIn("ada", userPassword)
	popup.waitFor("alert", "")
}

// wantRefusal waits until the API's refusal for want of a permission is told, with what
// leads to it in the log.
func (p *tab) wantRefusal() {
	p.t.Helper()
	p.until("/ermission/.test(document.querySelector('.problem')?.innerText)")
	p.until("/Request id [0-9a-f-]{36}/.test(document.querySelector('.problem').innerText)")
}

// losePermission takes from Ada, who is signed in at another provider, all that she may
// do, while she writes. The page tells, and what she typed stays.
func (a story) losePermission() {
	t := a.t
	provider, s := startBesideProvider(t, "DeviceManagementConfiguration.ReadWrite.All")
	provider.life.Store(30) // s: the least that the page heeds
	script := s.addScript(t)
	p := a.open(s)
	p.navigate(s.URL + "/#/scripts/" + script + "/edit")
	p.click("button", "Continue as Ada")
	p.fill("Description", "what Ada typed")
	provider.scopes.Store("nothing")
	exchanged := provider.exchanged.Load()
	waitUntil(t, "the token is renewed", func() bool { return provider.exchanged.Load() > exchanged })
	p.until("![...document.querySelectorAll('nav:is(.pages, .tabs) a')].some((a) => /Edit|Scripts/.test(a.innerText))")
	p.click("button", "Preview changes")
	p.click("button", "Save")
	p.wantRefusal()
	p.until("[...document.querySelectorAll('textarea')].some((field) => field.value === 'what Ada typed')")
	p.reads("Your permissions have changed.")
	p.click("link", "Overview")
	p.click("button", "Leave")
	p.reads("You do not have the permission for this")
	p.visit("/scripts/" + script)
	p.wantRefusal()
	p.visit("/devices")
	p.wantRefusal()
	p.visit("/groups")
	p.reads("To see groups takes Group.Read.All.")
}

func (s *testServer) wantDescription(t *testing.T, script, want string) {
	t.Helper()
	if got := s.must(t, http.StatusOK, "GET", scripts+"/"+script, "").json["description"]; got != want {
		t.Errorf("the description is %v, not %q", got, want)
	}
}

// openPopup gives the window that a button opens.
func (p *tab) openPopup(button string) *tab {
	p.t.Helper()
	page, closeIt, err := p.Opened(func() error { return p.Click("button", button) })
	p.must(err)
	return watched(p.t, p.s, page, closeIt, nil)
}

// restartWithNewKeys starts the server again at the same address, without the keys by
// which it signed the tokens that are out.
func (s *testServer) restartWithNewKeys(t *testing.T, address, listen string) *testServer {
	t.Helper()
	s.stop(t)
	dropKeys(t, address)
	again := startServer(t, address, "--listen", listen)
	again.FirstClient = s.FirstClient
	return again
}

// dropKeys deletes the keys that a store signs with.
func dropKeys(t *testing.T, address string) {
	t.Helper()
	s, err := store.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.DeleteSigningKeys(t.Context(), time.Now().AddDate(100, 0, 0)), s.Close()); err != nil {
		t.Fatal(err)
	}
}
