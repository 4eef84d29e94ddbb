package main

import "net/http"

// assignReported assigns a script whose numbers somebody else's runner reports: the page
// asks, as they stop counting then, and shows the history of numbers that are gone.
func (a story) assignReported() {
	t := a.t
	s := signedIn(t, sqliteAddress(t))
	script := s.addScript(t)
	s.must(t, http.StatusCreated, "POST", scripts+"/"+script+"/runSummary", summaryBody(7))
	p := a.openSignedIn(s)
	p.until("document.querySelector('.numbers')?.innerText.includes('7')")
	p.wantNone("link", "Disk encryption: Issue 2") // there are no devices to lead to
	p.visit("/scripts/" + script + "/errors")
	p.reads("This script’s numbers are reported by somebody else’s runner.") // it has errors, but no texts
	p.visit("/scripts/" + script + "/assignments")
	p.reads("This script has no source")
	p.click("button", "Add an assignment")
	p.choose("When", "Every day at midnight")
	p.click("button", "Save assignments")
	p.waitFor("heading", "Count it from its devices?")
	p.click("button", "Cancel")
	if counted := s.counts(t, script); counted != "7 2 3 4" {
		t.Errorf("before it was agreed to, the numbers are %s", counted)
	}
	p.click("button", "Save assignments")
	p.waitFor("heading", "Count it from its devices?")
	p.click("button", "Save assignments")
	p.reads("The assignments are saved.")
	s.awaitCounts(t, script, "0 0 0 0")
	p.visit("/scripts/" + script + "/errors")
	p.reads("No errors")
	p.visit("/scripts/" + script + "/assignments") // as it is stored
	p.until("[...document.querySelectorAll('.assignment select')].some((one) => one.selectedOptions[0].text === 'Every day at midnight')")
	p.until("document.querySelector('main form button[type=submit]').disabled")

	gone := s.addScript(t)
	s.must(t, http.StatusCreated, "POST", scripts+"/"+gone+"/runSummary", summaryBody(8))
	s.must(t, http.StatusNoContent, "DELETE", scripts+"/"+gone+"/runSummary", "")
	p.visit("/scripts/" + gone)
	p.reads("No numbers yet")
	p.until("[...document.querySelectorAll('.table td.numeric')].map((cell) => cell.innerText).join() === '8,2,3,4'")
	never := s.addScript(t)
	p.visit("/scripts/" + never)
	p.reads("No numbers yet")
	p.wantNone("heading", "History")
}
