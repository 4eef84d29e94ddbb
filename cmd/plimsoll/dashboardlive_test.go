package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"plimsoll/internal/checkin"
)

// watchFleet keeps the overview open while devices report: its bars follow within two
// seconds, and nothing is loaded anew.
func (a story) watchFleet() {
	t := a.t
	s := signedIn(t, sqliteAddress(t))
	agent := newAgent(t, s)
	if _, err := agent.Enroll(t.Context(), s.newEnrollment(t), machine("watched"), "h"); err != nil {
		t.Fatal(err)
	}
	script := s.assigned(t, agent, base64.StdEncoding.EncodeToString([]byte("#!/bin/sh\n")))
	p := a.openSignedIn(s)
	p.wantFigures("0 0 0 1")
	evaluate[bool](p, "window.sameDocument = true")
	var took []time.Duration
	for i, state := range []string{"fail", "success", "scriptError", "success", "fail"} {
		checkIn(t, agent, &checkin.CheckInRequest{Results: []checkin.Result{
			{ScriptID: script.ID, Revision: 1, Sequence: int64(i + 1), State: state, RanAt: time.Now()},
		}})
		acknowledged := time.Now()
		p.wantFigures(map[string]string{"fail": "0 1 0 0", "success": "1 0 0 0", "scriptError": "0 0 1 0"}[state])
		took = append(took, time.Since(acknowledged))
	}
	slices.Sort(took)
	t.Logf("from the acknowledgement to the page: %v", took)
	if took[2] > 2*time.Second { // the middle one, as others use the machine too
		t.Errorf("a report takes %v to the page", took)
	}

	// The device's own page is read anew with its states, and has a run by a clock that is ahead.
	p.visit("/devices/" + agent.DeviceID)
	s.must(t, http.StatusOK, "PATCH", devices+"/"+agent.DeviceID, `{"managedDeviceName":"at the gate"}`)
	checkIn(t, agent, &checkin.CheckInRequest{Results: []checkin.Result{
		{ScriptID: script.ID, Revision: 1, Sequence: 6, State: "fail", RanAt: time.Now().Add(20 * time.Second)},
	}})
	p.reads("at the gate")
	p.until("/Last run just now/.test(document.querySelector('.findings').innerText)")

	// Its place among others, by what its scripts say of it.
	p.visit("/devices")
	p.until("document.querySelector('tbody tr td').innerText === 'Not compliant'")
	p.choose("Compliance", "Compliant")
	p.reads("Nothing matches")
	p.choose("Compliance", "Not compliant")
	p.waitFor("link", "watched")
	p.visit("/")
	p.click("link", "Disk encryption: Issue 1")
	p.until("location.hash.endsWith('/devices?state=fail')")
	p.waitFor("link", "watched")
	p.visit("/")

	cmd, stdout, stderr := simulation(t, s, "--devices", "40", "--scripts", "2", "--duration", "6s", "--interval", "1s", "--keep")
	p.until("document.querySelectorAll('main li .bar').length === 3")
	for seen, moved := p.figures(), 0; moved < 3; moved++ { // while they report
		p.until("[...document.querySelectorAll('.figures dd')].map((dd) => dd.firstChild.textContent).join(' ') !== %s", quoted(seen))
		seen = p.figures()
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s%s", err, stdout, stderr)
	}
	p.wantFigures(s.totals(a))
	if !evaluate[bool](p, "window.sameDocument === true") {
		t.Error("the page was loaded anew")
	}
}

// totals gives the sums of all scripts' counts, as the API has them.
func (s *testServer) totals(a story) string {
	a.t.Helper()
	var sums [4]int
	for id := range strings.FieldsSeq(s.listed(a.t, scripts, "id")) {
		for i, n := range strings.Fields(s.counts(a.t, id)) {
			count, err := strconv.Atoi(n)
			if err != nil {
				a.t.Fatal(err)
			}
			sums[i] += count
		}
	}
	return strings.Trim(fmt.Sprint(sums), "[]")
}

// serverRestarts takes the server away from an open page, which says so, comes back by
// itself with the server, and has the numbers that changed meanwhile.
func (a story) serverRestarts() {
	t := a.t
	store, listen := sqliteAddress(t), "127.0.0.1:"+freePort(t)
	s := startServer(t, store, "--listen", listen)
	s.token = s.signIn(t, s.FirstClient)
	script := s.addScript(t)
	s.must(t, http.StatusCreated, "POST", scripts+"/"+script+"/runSummary", summaryBody(1))
	p := a.openSignedIn(s)
	p.wantFigures("1 2 3 4")
	evaluate[bool](p, "window.sameDocument = true")
	p.lacks("does not answer. This page goes on")
	s.kill()
	p.reads("The server, or its sign-in, does not answer. This page goes on as soon as it can.")
	p.wantFigures("1 2 3 4") // what was known stays

	again := startServer(t, store, "--listen", listen)
	again.token = s.token
	again.must(t, http.StatusCreated, "POST", scripts+"/"+script+"/runSummary", summaryBody(90))
	p.s = again
	p.wantFigures("90 2 3 4")
	p.until("!document.querySelector('.banner')")
	again.must(t, http.StatusCreated, "POST", scripts+"/"+script+"/runSummary", summaryBody(91))
	p.wantFigures("91 2 3 4") // it follows again
	again.must(t, http.StatusCreated, "POST", scripts, `{"displayName":"Made after the restart"}`)
	p.waitFor("link", "Made after the restart")
	if !evaluate[bool](p, "window.sameDocument === true") {
		t.Error("the page was loaded anew")
	}
}
