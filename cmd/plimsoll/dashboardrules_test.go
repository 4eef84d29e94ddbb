package main

import "net/http"

// writeRules makes a group and a filter by rules: a fault is shown at its place, and
// what a rule selects while it is written.
func (a story) writeRules() {
	t := a.t
	s := startServer(t, sqliteAddress(t))
	s.token = s.signIn(t, s.FirstClient)
	secret := s.newEnrollment(t)
	for _, name := range []string{"berlin-1", "berlin-2", "bonn-1"} {
		s.addDevice(t, secret, name, "Linux")
	}
	s.addDevice(t, secret, "berlin-3", "Windows")
	p := a.openSignedIn(s)
	p.click("link", "Groups")
	p.click("link", "New group")
	p.fill("Name", "Berlin's <b>")
	p.choose("Members", "Selected by a rule")
	p.tryRule()
	p.click("button", "Create group")
	p.reads("Berlin's <b> was made.")
	p.waitFor("link", "berlin-1")
	p.waitFor("link", "berlin-2")
	p.wantNone("link", "berlin-3", "bonn-1")
	group := s.must(t, http.StatusOK, "GET", "/groups", "").json["value"].([]any)[0].(map[string]any)
	if group["membershipRule"] != goodRule || group["displayName"] != "Berlin's <b>" {
		t.Errorf("made: %v", group)
	}

	p.click("link", "Filters")
	p.click("link", "New filter")
	p.fill("Name", "Of Berlin")
	p.choose("Platform", "Linux")
	p.tryRule()
	p.click("button", "Create filter")
	p.reads("Of Berlin was made.")
	filter := s.must(t, http.StatusOK, "GET", assignmentFilters, "").json["value"].([]any)[0].(map[string]any)
	if filter["rule"] != goodRule || filter["platform"] != "linux" {
		t.Errorf("made: %v", filter)
	}
	script := s.must(t, http.StatusCreated, "POST", scripts, `{"displayName":"Disk space","detectionScriptContent":"`+base64Text("#!/bin/sh\n")+`"}`).json["id"].(string)
	p.assignByRules(script)
	p.visit("/filters/" + filter["id"].(string))
	p.deleteFilter()
	p.waitFor("heading", "No filters yet")
	if left := s.must(t, http.StatusOK, "GET", assignmentFilters, "").json["value"].([]any); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func (p *tab) deleteFilter() {
	p.t.Helper()
	p.click("button", "Delete")
	p.waitFor("heading", "Delete Of Berlin?")
	p.click("button", "Delete")
}

// assignByRules assigns a script to the group, narrowed by the filter, which cannot be
// deleted then; and to nobody.
func (p *tab) assignByRules(script string) {
	p.t.Helper()
	p.visit("/scripts/" + script + "/assignments")
	p.click("button", "Add an assignment")
	p.choose("Assigned to", "Members of a group")
	p.pick("Group", "Berlin's <b>")
	p.choose("Filter", "Only devices of a filter")
	p.reads("Complete the assignments to see whom they reach.")
	p.pick("Which filter", "Of Berlin")
	p.reads("2 devices are reached")
	p.click("button", "Save assignments")
	p.reads("The assignments are saved.")
	p.visit("/filters")
	p.click("link", "Of Berlin")
	p.reads("Only on its devices")
	p.click("button", "Delete")
	p.reads("It cannot be deleted: assignments of Disk space use it.")
	p.visit("/groups")
	p.click("link", "Berlin's <b>")
	p.reads("Runs on its members")
	p.click("button", "Delete")
	p.reads("They are no longer reached by Disk space.")
	p.click("button", "Cancel")
	p.visit("/scripts/" + script + "/assignments")
	p.click("button", "Remove assignment 1")
	p.click("button", "Save assignments")
	p.waitFor("heading", "Assign it to nobody?")
	p.click("button", "Save assignments")
	p.until("document.querySelector('main form button[type=submit]').disabled") // there is nothing to save
}

const goodRule = `(device.deviceName -startsWith "berlin-") and (device.operatingSystem -eq "Linux")`

// tryRule writes a rule that is wrong, and puts it right.
func (p *tab) tryRule() {
	p.t.Helper()
	p.fill("Rule", `(device.deviceName -startsWith "berlin-") and (device.colour -eq "Linux")`)
	p.reads("Not a rule yet.")
	p.reads("Character 48: ")
	p.until("[...document.querySelectorAll('.rule mark')].map((mark) => mark.textContent).join('') === 'device.colour'")
	p.until("document.querySelector('.rule textarea').getAttribute('aria-invalid') === 'true'")
	p.fill("Rule", `device.deviceName -startsWith "berlin-"`)
	p.reads("Selects 3 devices")
	p.fill("Rule", goodRule)
	p.reads("Selects 2 devices berlin-1, berlin-2")
}
