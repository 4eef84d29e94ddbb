package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// table reads a CSV back.
func (s *testServer) table(t *testing.T, path string, headers ...string) [][]string {
	t.Helper()
	r := s.must(t, http.StatusOK, "GET", path, "", append([]string{"Accept", "text/csv"}, headers...)...)
	if got := r.Header.Get("Content-Type"); got != "text/csv;charset=utf-8;header=present" {
		t.Errorf("%s: %s", path, got)
	}
	rows, err := csv.NewReader(strings.NewReader(r.text)).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v in %q", path, err, r.text)
	}
	return rows
}

// awaitReached waits until the background has a script on so many devices.
func (s *testServer) awaitReached(t *testing.T, script string, want int) {
	t.Helper()
	path := scripts + "/" + script + "/deviceRunStates/$count"
	late := time.Now().Add(20 * time.Second)
	for r := s.must(t, http.StatusOK, "GET", path, ""); r.text != fmt.Sprint(want); r = s.must(t, http.StatusOK, "GET", path, "") {
		if time.Now().After(late) {
			t.Fatalf("%s devices have the script, want %d", r.text, want)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// hostileNames are names of devices that a table, a spreadsheet or a page might
// take for something else.
func hostileNames() []string {
	return []string{
		"=HYPERLINK(\"http://x\",\"y\")", "+1", "-1+2", "@SUM(A1)", "\t=1", "a,b;c", "say \"x\"", "two\nlines", "<script>alert(1)</script>",
		"\x1b[31mred\x1b[0m", "\u202egnp.exe", "😀 é", " spaces ",
	}
}

// TestExport enrols devices with such names, and reads them back from CSV.
func TestExport(t *testing.T) {
	t.Parallel()
	onBothFleets(t, func(t *testing.T, s *testServer) {
		t.Helper()
		secret, script := s.newEnrollment(t), s.addScript(t)
		names, want := hostileNames(), map[string]string{}
		for i, name := range names {
			id := s.addDevice(t, secret, name, "Linux")
			state := fmt.Sprintf(`{"id":%q,"detectionState":"fail","lastStateUpdateDateTime":"2026-01-02T03:04:%02dZ","scriptOutput":%s}`, id, i, quotedJSON("=1 \"of\"\n,"+fmt.Sprint(i)))
			s.must(t, http.StatusCreated, "POST", scripts+"/"+script+"/deviceRunStates", state)
			want[id] = strings.Replace(name, "\t=", "\t'=", 1)
			if strings.ContainsAny(name[:1], "=+-@\t") {
				want[id] = "'" + want[id]
			}
		}
		rows := s.table(t, devices+"?$select=id,deviceName&$orderby=deviceName")
		if diff := cmp.Diff([]string{"id", "deviceName"}, rows[0]); diff != "" || len(rows) != len(names)+1 {
			t.Error(diff, len(rows))
		}
		for _, row := range rows[1:] {
			if want[row[0]] != row[1] {
				t.Errorf("%q is written as %q", want[row[0]], row[1])
			}
		}
		states := scripts + "/" + script + "/deviceRunStates"
		rows = s.table(t, states+"?$orderby="+url.QueryEscape("lastStateUpdateDateTime desc")+"&$filter="+url.QueryEscape("detectionState eq 'fail'"))
		if diff := cmp.Diff([]string{
			"deviceName", "operatingSystem", "osVersion", "id", "detectionState", "lastStateUpdateDateTime", "expectedStateUpdateDateTime",
			"lastSyncDateTime", "scriptOutput", "scriptError",
		}, rows[0]); diff != "" {
			t.Error(diff)
		}
		slices.Reverse(rows[1:])
		for i, row := range rows[1:] {
			_, device, _ := strings.Cut(row[3], ":")
			got := []string{row[0], row[1], row[2], row[4], row[5], row[8], row[9]}
			if diff := cmp.Diff([]string{
				want[device], "Linux", "12.1", "fail", fmt.Sprintf("2026-01-02T03:04:%02dZ", i), "'=1 \"of\"\n," + fmt.Sprint(i), "",
			}, got); diff != "" {
				t.Error(diff)
			}
		}
		for _, query := range []string{"&$filter=" + url.QueryEscape("contains(managedDevice/deviceName,'script')"), "&$search=nothing", "&$top=1"} {
			if rows := s.table(t, states+"?$format=csv&$select=managedDevice/deviceName"+query, "Accept", "application/json"); rows[0][0] != "deviceName" || len(rows) > 2 {
				t.Errorf("%s gives %q", query, rows)
			}
		}
		if r := s.must(t, http.StatusOK, "HEAD", states, "", "Accept", "text/csv"); r.text != "" {
			t.Errorf("HEAD: %q", r.text)
		}
		s.must(t, http.StatusNotFound, "GET", scripts+"/x/deviceRunStates", "", "Accept", "text/csv")
		s.must(t, http.StatusNotAcceptable, "GET", scripts, "", "Accept", "text/csv")
	})
}

// TestReachedDevices holds what is said of assignments beforehand to what they
// then do.
func TestReachedDevices(t *testing.T) {
	t.Parallel()
	onBothFleets(t, func(t *testing.T, s *testServer) {
		t.Helper()
		secret := s.newEnrollment(t)
		web := s.addDevice(t, secret, "web-1", "Linux")
		s.addDevice(t, secret, "web-2", "Linux")
		s.addDevice(t, secret, "desk-1", "Windows")
		group := s.must(t, http.StatusCreated, "POST", "/groups",
			`{"displayName":"One","members@odata.bind":["`+s.URL+`/beta/directoryObjects/`+web+`"]}`).json["id"].(string)
		filter := s.must(t, http.StatusCreated, "POST", assignmentFilters,
			`{"displayName":"Web","platform":"linux","rule":"(device.deviceName -startsWith \"web\")"}`).json["id"].(string)
		script := s.must(t, http.StatusCreated, "POST", scripts, `{"displayName":"x","platform":"linux"}`).json["id"].(string)
		of := func(target string) string { return `{"target":{"@odata.type":"#microsoft.graph.` + target + `}}` }
		all, filtered := of(`allDevicesAssignmentTarget"`), of(`allDevicesAssignmentTarget","deviceAndAppManagementAssignmentFilterType":"include",
			"deviceAndAppManagementAssignmentFilterId":"`+filter+`"`)
		with, without := of(`groupAssignmentTarget","groupId":"`+group+`"`), of(`exclusionGroupAssignmentTarget","groupId":"`+group+`"`)
		s.awaitFilter(t, script, filtered)
		for _, c := range []struct {
			assignments string
			want, not   float64
		}{{all, 3, 1}, {with, 1, 0}, {all + "," + without, 2, 1}, {filtered, 2, 0}, {filtered + "," + without, 1, 0}, {"", 0, 0}} {
			body := `{"deviceHealthScriptAssignments":[` + c.assignments + `]}`
			said := s.must(t, http.StatusOK, "POST", scripts+"/"+script+"/plimsoll.reachedDevices", body)
			if said.json["deviceCount"] != c.want || said.json["notApplicableCount"] != c.not {
				t.Errorf("%s is said to reach %s, want %v and %v", c.assignments, said.text, c.want, c.not)
			}
			s.must(t, http.StatusNoContent, "POST", scripts+"/"+script+"/assign", `{"deviceHealthScriptAssignments":[]}`)
			s.awaitReached(t, script, 0)
			s.must(t, http.StatusNoContent, "POST", scripts+"/"+script+"/assign", body)
			s.awaitReached(t, script, int(c.want))
			s.counted(t, scripts+"/"+script+"/deviceRunStates/$count?$filter=detectionState eq 'notApplicable'", fmt.Sprint(c.not))
		}
		s.must(t, http.StatusBadRequest, "POST", scripts+"/"+script+"/plimsoll.reachedDevices",
			`{"deviceHealthScriptAssignments":[`+of(`groupAssignmentTarget","groupId":"x"`)+`]}`)
	})
}

// awaitFilter waits until a filter's rule has been held against the devices.
func (s *testServer) awaitFilter(t *testing.T, script, assignment string) {
	t.Helper()
	late := time.Now().Add(20 * time.Second)
	for {
		said := s.must(t, http.StatusOK, "POST", scripts+"/"+script+"/plimsoll.reachedDevices", `{"deviceHealthScriptAssignments":[`+assignment+`]}`)
		if said.json["deviceCount"] != 0.0 {
			return
		}
		if time.Now().After(late) {
			t.Fatal("the filter selects nobody")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestDeviceAndErrors reads what every script found on a device, what their errors
// have in common, and who did all that.
func TestDeviceAndErrors(t *testing.T) {
	t.Parallel()
	onBothFleets(t, func(t *testing.T, s *testServer) {
		t.Helper()
		secret, script := s.newEnrollment(t), s.addScript(t)
		var device string
		for i, text := range []string{"open /a/b: no", "\x1b[31mopen /c/d: no\x1b[0m\nmore", "<b>x</b>"} {
			device = s.addDevice(t, secret, fmt.Sprint("web-", i), "Linux")
			s.must(t, http.StatusCreated, "POST", scripts+"/"+script+"/deviceRunStates",
				fmt.Sprintf(`{"id":%q,"detectionState":"scriptError","lastStateUpdateDateTime":"2026-01-0%dT00:00:00Z","scriptError":%s}`, device, i+1, quotedJSON(text)))
		}
		path := devices + "/" + device + "/plimsoll.runStates()"
		if got := s.listed(t, path+"?$filter=detectionState eq 'scriptError' and scriptName eq 'Disk encryption'", "scriptError"); got != "<b>x</b>" {
			t.Errorf("its error is %q", got)
		}
		s.must(t, http.StatusNotFound, "GET", devices+"/x/plimsoll.runStates", "")
		groups := scripts + "/" + script + "/plimsoll.errorGroups()"
		if got := s.listed(t, groups, "text") + " " + s.listed(t, groups, "exampleDeviceName"); got != "open <path>: no <b>x</b> web-1 web-2" {
			t.Errorf("the errors are %q", got)
		}
		if r := s.must(t, http.StatusOK, "GET", groups, ""); r.json["plimsoll.counted"] != 3.0 || r.json["plimsoll.complete"] != true {
			t.Error(r.text)
		}
		const events = "/deviceManagement/auditEvents"
		for query, want := range map[string]string{
			"?$top=1": "deviceComplianceScriptDeviceState.create",
			"?$filter=resourceId eq '" + script + "'":                                                      "deviceComplianceScript.create",
			"?$filter=resourceId eq '" + script + ":" + device + "' and activityOperationType eq 'Create'": "deviceComplianceScriptDeviceState.create",
			"?$filter=activityDateTime lt 2020-01-01":                                                      "",
		} {
			if got := s.listed(t, events+query, "activity"); got != want {
				t.Errorf("%s gives %s, want %s", query, got, want)
			}
		}
		first := s.must(t, http.StatusOK, "GET", events+"?$count=true&$top=1&$filter=resourceId%20eq%20'"+script+"'", "").json["value"].([]any)[0].(map[string]any)
		if actor := first["actor"].(map[string]any); actor["applicationDisplayName"] == nil || actor["userPrincipalName"] != nil {
			t.Error(actor)
		}
		if resource := first["resources"].([]any)[0].(map[string]any); resource["displayName"] != "Disk encryption" || resource["resourceId"] != script {
			t.Error(resource)
		}
	})
}

func quotedJSON(text string) string {
	quoted, _ := json.Marshal(text)
	return string(quoted)
}
