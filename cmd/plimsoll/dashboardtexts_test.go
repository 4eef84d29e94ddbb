package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"plimsoll/internal/checkin"
)

// hostileText is what a device may say: HTML, a terminal's codes, marks that turn the
// direction of text, and characters that are none.
const hostileText = `<img src=x onerror="window.hit=1"><script>window.hit=1</script>&lt;"'` + "`" +
	"\x1b[31mred\x1b[0m\x1b]0;title\x07\u202egnp.exe\u2066\u200f\ufeff${1}{{1}} end"

// showHostileTexts has a device with such a name report such texts, and looks at every
// page: all is shown as text, nothing of it runs, nothing breaks the page.
func (a story) showHostileTexts() {
	t := a.t
	s := signedIn(t, sqliteAddress(t))
	name := hostileText
	long := strings.Repeat("0123456789abcdef", 2040) + "<b>END</b>" // a line of nearly 32 KiB
	agent := newAgent(t, s)
	if _, err := agent.Enroll(t.Context(), s.newEnrollment(t), machine(name), "h"); err != nil {
		t.Fatal(err)
	}
	body := func(values map[string]any) string {
		text, err := json.Marshal(values)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	script := s.assigned(t, agent, base64Text("#!/bin/sh\n# "+hostileText+"\n# "+long[:2000]+"\n"))
	s.must(t, http.StatusOK, "PATCH", scripts+"/"+script.ID, body(map[string]any{"displayName": name, "description": hostileText, "publisher": hostileText}))
	s.must(t, http.StatusOK, "PATCH", devices+"/"+agent.DeviceID, body(map[string]any{"notes": hostileText + long[:16000], "managedDeviceName": hostileText}))
	s.must(t, http.StatusCreated, "POST", "/groups", body(map[string]any{"displayName": name[:100], "description": hostileText}))
	s.must(t, http.StatusCreated, "POST", assignmentFilters, body(map[string]any{"displayName": name, "platform": "linux", "rule": `device.deviceName -eq "<b>"`}))
	checkIn(t, agent, &checkin.CheckInRequest{Results: []checkin.Result{{
		ScriptID: script.ID, Revision: 1, Sequence: 1, State: "scriptError", RanAt: time.Now(), Output: long, Error: hostileText,
	}}})
	p := a.openSignedIn(s)
	group := s.listed(t, "/groups", "id")
	filter := s.listed(t, assignmentFilters, "id")
	for _, place := range []string{
		"/", "/scripts", "/scripts/" + script.ID, "/scripts/" + script.ID + "/devices", "/scripts/" + script.ID + "/errors",
		"/scripts/" + script.ID + "/source", "/scripts/" + script.ID + "/assignments", "/scripts/" + script.ID + "/edit",
		"/devices", "/devices/" + agent.DeviceID, "/groups", "/groups/" + group, "/filters", "/filters/" + filter,
	} {
		p.visit(place)
		p.until("document.body.textContent.includes('<img src=x onerror=') || [...document.querySelectorAll('input')].some((i) => i.value.includes('<img src=x onerror='))")
		p.wantHarmless(place)
	}
	p.visit("/devices/" + agent.DeviceID)
	p.click("button", "Show 28,554 more characters")
	p.reads("<b>END</b>")
	p.reads("‹RLO›gnp.exe")
	p.wantHarmless("the whole output")
	p.visit("/scripts/" + script.ID + "/devices")
	evaluate[bool](p, "document.querySelector('tbody button.text').click() ?? true")
	p.until("document.querySelector('dialog .output')")
	p.wantHarmless("the details of a state")
	p.click("button", "Close")
	p.click("button", "Delete")
	p.until("document.querySelector('dialog')?.innerText.includes('<img src=x')")
	p.wantHarmless("the question")
}

// wantHarmless wants that nothing of a hostile text was obeyed, at the width of a
// phone too.
func (p *tab) wantHarmless(where string) {
	p.t.Helper()
	for _, width := range []int64{390, 1400} {
		p.must(p.See(width, "light"))
		if beyond := evaluate[float64](p, "document.documentElement.scrollWidth - innerWidth"); beyond > 0 {
			p.t.Errorf("%s: the page is %v px wider than a window of %d", where, beyond, width)
		}
	}
	if evaluate[bool](p, "window.hit === 1 || document.querySelector('main img, main script, dialog img, dialog script') !== null") {
		p.t.Errorf("%s: a text became more than that", where)
	}
	if marks := evaluate[string](p, "(document.title + document.body.innerText).match(/[\\u001b\\u0007\\u202a-\\u202e\\u2066-\\u2069\\u200f\\ufeff]/g)?.map((c) => c.codePointAt(0).toString(16)).join() ?? ''"); marks != "" {
		p.t.Errorf("%s: obeyed would be %s", where, marks)
	}
	for _, fault := range p.Faults() {
		p.t.Errorf("%s: %s", where, fault)
	}
}
