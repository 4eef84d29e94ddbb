package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// runOnAll asks all devices that a list names to run a script, far more than the page
// has read: the question has their number, and the page tells who was asked, who was
// refused and why. It is stopped, and keeps to what the server lets it ask.
func (a story) runOnAll() {
	t := a.t
	address, listen := sqliteAddress(t), "127.0.0.1:"+freePort(t)
	s := startServer(t, address, "--listen", listen)
	s.token = s.signIn(t, s.FirstClient)
	script := s.addListed(t, 220, 10, 10)
	p := a.openSignedIn(s)
	p.visit("/scripts/" + script + "/devices")
	p.must(p.Fill("searchbox", "Device name contains", "PC-00"))
	p.reads("10 devices")
	p.runOnListed("Run now on 10 devices?")
	p.reads("10 devices were asked to run it.")
	p.lacks("refused")
	p.wantAsked(10)

	// Stopped in the middle, it tells how far it came.
	evaluate[bool](p, `{
		const fetch = window.fetch;
		window.batches = { now: 0, most: 0 };
		window.fetch = async (...request) => {
			if (!String(request[0]).endsWith('$batch')) return fetch(...request);
			batches.most = Math.max(batches.most, ++batches.now);
			await new Promise((pass) => setTimeout(pass, 700));
			try { return await fetch(...request); } finally { batches.now--; }
		};
	} true`)
	p.click("button", "Close")
	p.must(p.Fill("searchbox", "Device name contains", ""))
	p.reads("240 devices")
	p.runOnListed("Run now on 230 devices?")
	p.until("document.querySelector('progress')?.value >= 20")
	violations, err := p.Violations()
	if err != nil || len(violations) > 0 {
		t.Error(violations, err)
	}
	p.click("button", "Stop")
	p.reads("Then you stopped it.")
	p.until("batches.now === 0")
	var asked int
	if _, err := fmt.Sscanf(p.text("dialog [role=status]"), "%d devices were asked", &asked); err != nil || asked < 20 || asked == 220 {
		t.Errorf("%d were asked: %v", asked, err)
	}
	p.wantAsked(10 + asked)
	if most := evaluate[float64](p, "batches.most"); most < 2 || most > 3 {
		t.Errorf("%v batches were under way at once", most)
	}
	p.click("button", "Close")

	// A server with a limit says when it is too soon.
	s.stop(t)
	p.s = startServer(t, address, "--listen", listen, "--rate-per-client", "40", "--burst", "2s")
	p.s.token = s.token
	p.navigate(s.URL + "/") // by which the page's fetch is the browser's again
	p.waitFor("navigation", "Pages")
	p.visit("/scripts/" + script + "/devices")
	p.runOnListed("Run now on 230 devices?")
	p.reads("220 devices were asked to run it.")
	p.reads("10 were refused:")
	p.until("/assign the script to it[^]*10 devices/.test(document.querySelector('dialog .plain-list').innerText)")
	p.wantAsked(10 + asked + 220)
	wrong, err := p.Look(screenshots, "run-on-all")
	wantRight(t, wrong, err)
	p.must(p.See(1400, "light"))
	p.click("button", "Close")
	p.click("link", "Overview")
	p.reads("Run asked for: Disk space 200 times or more")
}

// addListed makes a script and devices that its list of states names: those that run it,
// those of another system, and those that it is not assigned to, of which another runner
// reports.
func (s *testServer) addListed(t *testing.T, running, notApplicable, strangers int) (script string) {
	t.Helper()
	secret := s.newEnrollment(t)
	add := func(times int, name, system string) (ids []string) {
		for i := range times {
			ids = append(ids, s.addDevice(t, secret, fmt.Sprintf("%s-%03d", name, i), system))
		}
		return ids
	}
	add(running, "pc", "Linux")
	add(notApplicable, "other", "Windows")
	reported := add(strangers, "stranger", "Linux")
	filter := s.must(t, http.StatusCreated, "POST", assignmentFilters,
		`{"displayName":"Strangers","platform":"linux","rule":"(device.deviceName -startsWith \"stranger\")"}`).json["id"].(string)
	script = s.must(t, http.StatusCreated, "POST", scripts, `{"displayName":"Disk space","detectionScriptContent":"`+base64Text("#!/bin/sh\n")+`"}`).json["id"].(string)
	s.must(t, http.StatusNoContent, "POST", scripts+"/"+script+"/assign", `{"deviceHealthScriptAssignments":[{"target":{
		"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget",
		"deviceAndAppManagementAssignmentFilterType":"exclude","deviceAndAppManagementAssignmentFilterId":"`+filter+`"}}]}`)
	s.awaitCounts(t, script, fmt.Sprint("0 0 0 ", running))
	for _, id := range reported {
		s.must(t, http.StatusCreated, "POST", scripts+"/"+script+"/deviceRunStates", fmt.Sprintf(`{"id":%q,"detectionState":"success"}`, id))
	}
	return script
}

// runOnListed has all devices that are listed run the script, once the page asked so.
func (p *tab) runOnListed(question string) {
	p.t.Helper()
	p.click("button", "Run now on all listed")
	p.waitFor("heading", question)
	p.click("button", strings.TrimSuffix(question, "?"))
}

// wantAsked wants the audit trail to have this many requests to run a script.
func (p *tab) wantAsked(want int) {
	p.t.Helper()
	p.s.counted(p.t, "/deviceManagement/auditEvents/$count?$filter=activity eq 'managedDevice.initiateOnDemandProactiveRemediation'", fmt.Sprint(want))
}
