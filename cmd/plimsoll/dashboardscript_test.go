package main

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"plimsoll/internal/checkin"
)

// workOnScript writes a script, assigns it to a fleet, changes it, looks at what it
// found, and deletes it.
func (a story) workOnScript() {
	t := a.t
	s := signedIn(t, sqliteAddress(t))
	secret := s.newEnrollment(t)
	for i := range 129 {
		s.addDevice(t, secret, fmt.Sprintf("pc-%03d", i), []string{"Linux", "Windows"}[i/119]) // ten of Windows
	}
	agent := newAgent(t, s)
	if _, err := agent.Enroll(t.Context(), secret, machine("real"), "h"); err != nil {
		t.Fatal(err)
	}
	p := a.openSignedIn(s)
	evaluate[bool](p, "window.sameDocument = true")
	id := p.writeScript()
	p.setStates(id)
	p.editScript(id)
	p.lookAtStates(id)
	p.lookAtActivity()
	p.runNow(id, agent)
	p.editForWindows()
	p.visit("/scripts/" + id)
	p.deleteScript(id)
	if !evaluate[bool](p, "window.sameDocument === true") {
		t.Error("the page was loaded anew")
	}
}

// writeScript makes a script and assigns it to all devices, and gives its id.
func (p *tab) writeScript() (id string) {
	t, s := p.t, p.s
	t.Helper()
	p.click("link", "Scripts")
	p.click("link", "New script")
	p.click("button", "Firewall")
	p.click("button", "Disk space") // nothing was typed
	p.until("document.querySelector('textarea[wrap=off]').value.includes('df -P /')")
	p.fill("Name", "Firewall is on")
	p.click("button", "Firewall")
	p.waitFor("heading", "Replace what you typed?")
	p.click("button", "Cancel")
	p.until("document.querySelector('main input').value === 'Firewall is on'")
	p.fill("Description", "Linux: a firewall runs.")
	p.fill("Source", "#!/bin/sh\n# asks the firewall\nexit 0\n")
	p.click("button", "Create script")
	p.reads("Firewall is on was made.")
	p.waitFor("button", "Add an assignment")
	id = strings.Split(evaluate[string](p, "location.hash"), "/")[2]
	p.reads("0 devices are reached")
	p.click("button", "Add an assignment")
	p.reads("120 devices are reached; 10 more are of another platform and do not run it")
	p.choose("When", "Every few hours")
	p.must(p.Fill("spinbutton", "Hours between", "99"))
	p.reads("A whole number from 1 to 23.")
	p.reads("Complete the assignments to see whom they reach.") // of which the API is not asked
	p.must(p.Fill("spinbutton", "Hours between", "4"))
	p.click("button", "Save assignments")
	p.reads("The assignments are saved.")
	stored := s.must(t, http.StatusOK, "GET", scripts+"/"+id+"?$expand=assignments", "").json
	assignment := stored["assignments"].([]any)[0].(map[string]any)
	if interval := assignment["runSchedule"].(map[string]any)["interval"]; interval != 4.0 {
		t.Errorf("assigned: %v", assignment)
	}
	p.turnTo("Summary")
	p.until("document.querySelector('.figures')")
	p.wantFigures("0 0 0 120")
	return id
}

// wantFigures waits until the page shows these numbers.
func (p *tab) wantFigures(want string) {
	p.t.Helper()
	p.must(p.Until("[...document.querySelectorAll('.figures dd')].map((dd) => dd.firstChild.textContent).join(' ') === " + quoted(want)))
}

// setStates has somebody else's runner report states of half the fleet: the page
// follows.
func (p *tab) setStates(id string) {
	t, s := p.t, p.s
	t.Helper()
	for i, row := range s.must(t, http.StatusOK, "GET", scripts+"/"+id+"/deviceRunStates?$filter=detectionState%20eq%20'pending'%20and%20managedDevice/deviceName%20ne%20'real'&$top=60", "").json["value"].([]any) {
		state, text := "success", `"scriptOutput":"the firewall runs"`
		switch {
		case i < 7:
			state, text = "fail", `"scriptOutput":"the firewall is off\n"`
		case i < 12:
			state, text = "scriptError", fmt.Sprintf(`"scriptError":"cannot ask port %d: refused"`, 4000+i)
		}
		s.must(t, http.StatusOK, "PATCH", scripts+"/"+id+"/deviceRunStates/"+row.(map[string]any)["id"].(string),
			fmt.Sprintf(`{"detectionState":%q,%s}`, state, text))
	}
	p.wantFigures("48 7 5 60")
	bar := evaluate[string](p, "document.querySelector('main .bar').getAttribute('aria-label')")
	if !strings.Contains(bar, "Healthy 48 (40%)") || !strings.Contains(bar, "Pending 60 (50%)") {
		t.Errorf("the bar says %q", bar)
	}
}

// editScript changes the source, after it saw what that does.
func (p *tab) editScript(id string) {
	t, s := p.t, p.s
	t.Helper()
	revision := func() any {
		return s.must(t, http.StatusOK, "GET", scripts+"/"+id, "").json["detectionScriptContent"]
	}
	before := revision()
	p.turnTo("Edit")
	p.fill("Description", "Linux: a firewall runs and is enabled.")
	p.click("button", "Preview changes")
	p.reads("Devices keep the states they have.")
	p.click("button", "Back")
	p.choose("Platform", "Windows")
	p.click("button", "Preview changes")
	p.reads("It runs on Windows then, until now on Linux and macOS.")
	p.reads("120 devices drop out of its numbers; 10 come in, pending until they have run it.")
	p.until("document.querySelector('dialog .changes').innerText.includes('By its first line → Windows')")
	p.lacks("Devices keep the states they have.")
	p.click("button", "Back")
	p.choose("Platform", "By its first line")
	p.fill("Source", "#!/bin/sh\n# asks the firewall\nexit 1\n")
	p.click("button", "Preview changes")
	p.reads("all 120 devices go back to pending")
	p.until("/exit 0[^]*exit 1/.test(document.querySelector('dialog .diff').innerText)")
	p.click("button", "Back")
	if revision() != before {
		t.Error("a preview changes the script")
	}
	p.click("button", "Preview changes")
	p.click("button", "Save")
	p.reads("Saved.")
	if revision() == before {
		t.Error("the script is not saved")
	}
	p.turnTo("Source")
	p.reads("exit 1")
	p.turnTo("Summary")
	p.wantFigures("0 0 0 120")
}

// editForWindows changes a source that has a byte order mark and the line ends of
// Windows: it keeps both.
func (p *tab) editForWindows() {
	t, s := p.t, p.s
	t.Helper()
	id := s.must(t, http.StatusCreated, "POST", scripts, fmt.Sprintf(`{"displayName":"Windows","detectionScriptContent":%q}`,
		base64Text("\ufeffWrite-Output 'ä'\r\nexit 0\r\n"))).json["id"].(string)
	p.visit("/scripts/" + id + "/edit")
	p.fill("Source", "Write-Output 'ö'\nexit 0\n")
	p.click("button", "Preview changes")
	p.click("button", "Save")
	p.reads("Saved.")
	if got := s.must(t, http.StatusOK, "GET", scripts+"/"+id, "").json["detectionScriptContent"]; got != base64Text("\ufeffWrite-Output 'ö'\r\nexit 0\r\n") {
		t.Errorf("the source is stored as %v", got)
	}
	s.must(t, http.StatusNoContent, "DELETE", scripts+"/"+id, "")
}

// lookAtStates filters, sorts, searches and exports what the script found.
func (p *tab) lookAtStates(id string) {
	p.t.Helper()
	p.setStates(id)
	p.turnTo("Devices")
	p.choose("State", "Issue")
	p.reads("7 devices")
	p.reads("the firewall is off")
	p.lacks("⏎") // as a line of output ends
	p.wantRows(id, "&$filter=detectionState%20eq%20'fail'&$orderby=lastStateUpdateDateTime%20desc")
	p.click("button", "Device")
	p.wantRows(id, "&$filter=detectionState%20eq%20'fail'&$orderby=managedDevice/deviceName")
	p.click("button", "Device")
	p.wantRows(id, "&$filter=detectionState%20eq%20'fail'&$orderby=managedDevice/deviceName%20desc")
	p.wantExport(id, "&$filter=detectionState%20eq%20'fail'&$orderby=managedDevice/deviceName%20desc")
	p.choose("State", "All states")
	p.must(p.Fill("searchbox", "Device name contains", "PC-01"))
	p.reads("10 devices")
	p.wantRows(id, "&$filter=contains(managedDevice/deviceName,'pc-01')&$orderby=managedDevice/deviceName%20desc")
	p.must(p.Fill("searchbox", "Device name contains", "nothing like it"))
	p.reads("Nothing matches")
	p.click("button", "Show all")
	p.reads("130 devices") // with those of another platform
	p.wantExport(id, "&$orderby=lastStateUpdateDateTime%20desc")
	p.turnTo("Errors")
	p.reads("5 errors, by what they have in common: 1 kind.")
}

// lookAtActivity finds what was reported of many devices in one line each time, and so
// what was done before it.
func (p *tab) lookAtActivity() {
	p.t.Helper()
	p.click("link", "Overview")
	p.until(`[...document.querySelectorAll('.activity li')].slice(0, 3).map((li) => li.querySelector('p').innerText).join('\n') === %s`, quoted(strings.Join([]string{
		"Run state changed: Firewall is on 60 times", "Script changed: Firewall is on", "Run state changed: Firewall is on 60 times",
	}, "\n")))
	p.click("link", "Firewall is on")
}

// states gives the name and the state of each device, as the API lists them.
func (s *testServer) states(t *testing.T, id, options string) (rows [][]string) {
	t.Helper()
	list := s.must(t, http.StatusOK, "GET", scripts+"/"+id+"/deviceRunStates?$top=1000&$expand=managedDevice"+options, "").json["value"].([]any)
	for _, row := range list {
		one := row.(map[string]any)
		rows = append(rows, []string{one["managedDevice"].(map[string]any)["deviceName"].(string), one["detectionState"].(string)})
	}
	return rows
}

// wantRows waits until the table shows what the API lists.
func (p *tab) wantRows(id, options string) {
	p.t.Helper()
	var names []string
	for _, row := range p.s.states(p.t, id, options) {
		names = append(names, row[0])
	}
	p.must(p.Until("[...document.querySelectorAll('tbody tr:not(.gap) th')].map((th) => th.innerText).join() === " + quoted(strings.Join(names, ","))))
}

// wantExport exports, and finds in the file what the API lists.
func (p *tab) wantExport(id, options string) {
	t := p.t
	t.Helper()
	folder := t.TempDir()
	p.must(p.KeepDownloads(folder))
	p.click("button", "Export CSV")
	name := filepath.Join(folder, "Firewall is on.csv")
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(name); err == nil {
			break
		}
		if time.Now().After(deadline) {
			there, _ := os.ReadDir(folder)
			p.must(fmt.Errorf("no export came; there are %v", there))
		}
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	records, err := csv.NewReader(file).ReadAll()
	if err != nil || len(records) == 0 {
		t.Fatal(records, err)
	}
	device, state := slices.Index(records[0], "deviceName"), slices.Index(records[0], "detectionState")
	if device < 0 || state < 0 {
		t.Fatalf("the header is %q", records[0])
	}
	var got [][]string
	for _, record := range records[1:] {
		got = append(got, []string{record[device], record[state]})
	}
	if diff := cmp.Diff(p.s.states(t, id, options), got); diff != "" {
		t.Errorf("the export is not what the API lists (-API +export):\n%s", diff)
	}
}

// runNow asks one device, which hears of it.
func (p *tab) runNow(id string, agent *checkin.Client) {
	t := p.t
	t.Helper()
	asked := func() int64 {
		for _, script := range checkIn(t, agent, &checkin.CheckInRequest{}).Scripts {
			if script.ID == id {
				return script.RunRequest
			}
		}
		t.Fatal("the device does not have the script")
		return 0
	}
	before := asked()
	p.turnTo("Devices")
	p.must(p.Fill("searchbox", "Device name contains", "real"))
	p.click("button", "Run now on real")
	p.reads("real was asked to run it.")
	if asked() <= before {
		t.Error("the device did not hear of it")
	}
	p.click("button", "Run now on all listed")
	p.reads("Every device that is listed, 1 in all")
	p.click("button", "Cancel")
}

// deleteScript deletes the script, once it said what that does and was told to.
func (p *tab) deleteScript(id string) {
	t, s := p.t, p.s
	t.Helper()
	p.click("button", "Delete")
	p.reads("what it found on 120 devices are deleted")
	p.click("button", "Cancel")
	s.must(t, http.StatusOK, "GET", scripts+"/"+id, "")
	p.click("button", "Delete")
	p.waitFor("heading", "Delete Firewall is on?")
	p.click("button", "Delete")
	p.waitFor("heading", "No scripts yet")
	s.must(t, http.StatusNotFound, "GET", scripts+"/"+id, "")
}
