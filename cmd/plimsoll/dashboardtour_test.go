package main

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"plimsoll/internal/web/browsertest"
)

// screenshots is where those of every page are kept, for people to look at.
const screenshots = "../../bin/screenshots"

// tour looks at every page, in both themes and at three widths: what axe-core finds, what
// breaks the page's policy and what is wider than the screen fails. Screenshots are kept.
func (a story) tour() {
	t := a.t
	s := signedIn(t, sqliteAddress(t))
	look := func(p *tab, name string) {
		t.Helper()
		wrong, err := p.Look(screenshots, name)
		wantRight(t, wrong, err)
		p.must(p.See(1400, "light"))
	}
	p := a.open(s)
	p.navigate(s.FirstUser.URL)
	p.waitFor("button", "Set the password")
	look(p, "invitation")
	p.useLink(s.FirstUser.URL)
	p.waitFor("navigation", "Pages")
	look(p, "overview-fresh")
	p.navigate(s.URL + "/sign-in/password")
	p.waitFor("button", "Change the password")
	look(p, "password")
	stranger := a.open(s)
	stranger.navigate(s.URL + "/")
	stranger.waitFor("button", "Sign in")
	look(stranger, "sign-in")

	script, device := s.furnish(t)
	group := s.must(t, http.StatusCreated, "POST", "/groups", `{"displayName":"Linux","description":"All that runs Linux","groupTypes":["DynamicMembership"],
		"membershipRule":"device.operatingSystem -eq \"Linux\"","membershipRuleProcessingState":"On"}`).json["id"].(string)
	filter := s.must(t, http.StatusCreated, "POST", "/deviceManagement/assignmentFilters",
		`{"displayName":"Old","platform":"linux","rule":"(device.osVersion -startsWith \"12.\")"}`).json["id"].(string)
	reported := s.must(t, http.StatusOK, "GET", scripts+"?$filter=displayName%20eq%20'Firewall'", "").json["value"].([]any)[0].(map[string]any)["id"].(string)
	p.navigate(s.URL + "/")
	p.waitFor("navigation", "Pages")
	of := "/scripts/" + script
	wrong, err := p.Tour(screenshots, []browsertest.Stop{
		{Name: "overview", Place: "/"},
		{Name: "scripts", Place: "/scripts"},
		{Name: "script-new", Place: "/scripts/new"},
		{Name: "script", Place: of},
		{Name: "script-devices", Place: of + "/devices"},
		{Name: "script-errors", Place: of + "/errors"},
		{Name: "script-source", Place: of + "/source"},
		{Name: "script-assignments", Place: of + "/assignments"},
		{Name: "script-reported", Place: "/scripts/" + reported},
		{Name: "script-reported-errors", Place: "/scripts/" + reported + "/errors"},
		{Name: "script-reported-assignments", Place: "/scripts/" + reported + "/assignments"},
		{Name: "script-edit", Place: of + "/edit"},
		{Name: "devices", Place: "/devices"},
		{Name: "device", Place: "/devices/" + device},
		{Name: "enrol", Place: "/enrol"},
		{Name: "groups", Place: "/groups"},
		{Name: "group", Place: "/groups/" + group},
		{Name: "group-new", Place: "/groups/new"},
		{Name: "filters", Place: "/filters"},
		{Name: "filter", Place: "/filters/" + filter},
		{Name: "filter-new", Place: "/filters/new"},
		{Name: "gone", Place: "/scripts/gone"},
		{Name: "no-page", Place: "/nowhere"},
	})
	wantRight(t, wrong, err)
	p.lookAtEnds(s, look)
}

// lookAtEnds looks at what is shown when another tab tells that the session is over:
// while somebody writes, while nobody does, and for good.
func (p *tab) lookAtEnds(s *testServer, look func(p *tab, name string)) {
	p.t.Helper()
	other := p.beside()
	other.navigate(s.URL + "/signed-in.html")
	ends := func(why, heading string) {
		p.t.Helper()
		evaluate[bool](other, "new BroadcastChannel('plimsoll.sign-in').postMessage({ ended: "+quoted(why)+" }) ?? true")
		p.waitFor("heading", heading)
	}
	p.visit("/groups/new")
	p.fill("Name", "typed")
	ends("expired", sessionHasEnded)
	look(p, "session-ended-writing")
	ends("signedOut", "You are signed out")
	p.click("button", "Sign in")
	p.waitFor("navigation", "Pages")
	ends("expired", sessionHasEnded)
	look(p, "session-ended")
	ends("another", "Somebody else has signed in")
	look(p, "another-user")
}

func wantRight(t *testing.T, wrong []string, err error) {
	t.Helper()
	for _, one := range wrong {
		t.Error(one)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// furnish fills a store with scripts, and devices on which they found something.
func (s *testServer) furnish(t *testing.T) (script, device string) {
	t.Helper()
	secret := s.newEnrollment(t)
	script = s.must(t, http.StatusCreated, "POST", scripts, fmt.Sprintf(
		`{"displayName":"Disk encryption","description":"The disk that the system runs from is encrypted.","publisher":"IT","platform":"linux","detectionScriptContent":%q}`,
		base64Text("#!/bin/sh\n# 0: encrypted\nlsblk -no TYPE | grep -q crypt && exit 0\necho 'not encrypted' >&2\nexit 1\n"))).json["id"].(string)
	for i := range 12 {
		device = s.addDevice(t, secret, fmt.Sprintf("laptop-%02d", i), "Linux")
		state := []string{"success", "success", "fail", "scriptError"}[i%4]
		s.must(t, http.StatusCreated, "POST", scripts+"/"+script+"/deviceRunStates", fmt.Sprintf(
			`{"id":%q,"detectionState":%q,"lastStateUpdateDateTime":%q,"scriptOutput":"crypt\n","scriptError":"lsblk: /dev/sda%d: not a block device"}`,
			device, state, time.Now().Add(-time.Duration(i)*time.Hour).UTC().Format(time.RFC3339), i))
	}
	for n, name := range []string{"Firewall", "Security updates", "<b>Screen</b> lock \u202e"} {
		id := s.must(t, http.StatusCreated, "POST", scripts, fmt.Sprintf(`{"displayName":%q}`, name)).json["id"].(string)
		for nights := range 5 {
			s.must(t, http.StatusCreated, "POST", scripts+"/"+id+"/runSummary", summaryBody(10*n+nights+1))
		}
	}
	return script, device
}
