package graph

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"plimsoll"
	"plimsoll/internal/auth"
	"plimsoll/internal/query"
	"plimsoll/internal/service"
)

// smallFleet has the cases that the tests here need, of one thing of each kind.
// What it was asked to change is there to be looked at.
type smallFleet struct {
	fleet

	device      plimsoll.Device
	group       plimsoll.Group
	members     []string
	filter      plimsoll.AssignmentFilter
	token       plimsoll.EnrollmentToken
	assignments []plimsoll.Assignment
	state       plimsoll.DeviceRunState
	page        query.Page
}

func one[T any](v T) query.Rows[T] { return query.Rows[T]{Rows: []T{v}, Total: 1} }

func (f *smallFleet) Devices(_ context.Context, page query.Page) (query.Rows[plimsoll.Device], error) {
	f.page = page
	return one(f.device), nil
}

func (f *smallFleet) CountDevices(context.Context, *query.Expr) (int64, error) { return 7, nil }

func (f *smallFleet) Device(_ context.Context, id string) (plimsoll.Device, error) {
	if id != f.device.ID {
		return plimsoll.Device{}, plimsoll.Errorf(plimsoll.NotFound, "no such device")
	}
	return f.device, nil
}

func (f *smallFleet) UpdateDevice(_ context.Context, _, _ string, match service.Match, edit func(*plimsoll.Device)) (plimsoll.Device, error) {
	if match != nil && !match(f.device.Changes) {
		return f.device, plimsoll.Errorf(plimsoll.PreconditionFailed, "changed")
	}
	edit(&f.device)
	return f.device, nil
}

func (f *smallFleet) Groups(context.Context, query.Page) (query.Rows[plimsoll.Group], error) {
	return one(f.group), nil
}

func (f *smallFleet) Group(context.Context, string) (plimsoll.Group, error) { return f.group, nil }

func (f *smallFleet) CreateGroup(_ context.Context, _ string, edit func(*plimsoll.Group)) (plimsoll.Group, error) {
	f.group = plimsoll.Group{ID: "g", Changes: 1}
	edit(&f.group)
	return f.group, nil
}

func (f *smallFleet) UpdateGroup(_ context.Context, _, _ string, _ service.Match, edit func(*plimsoll.Group)) (plimsoll.Group, error) {
	edit(&f.group)
	return f.group, nil
}

func (f *smallFleet) Members(context.Context, string, query.Page) (query.Rows[plimsoll.Device], error) {
	return one(f.device), nil
}

func (f *smallFleet) AddMember(_ context.Context, _, _, deviceID string) error {
	f.members = append(f.members, deviceID)
	return nil
}

func (f *smallFleet) RemoveMember(_ context.Context, _, _, deviceID string) error {
	f.members = slices.DeleteFunc(f.members, func(id string) bool { return id == deviceID })
	return nil
}

func (f *smallFleet) CreateFilter(_ context.Context, _ string, edit func(*plimsoll.AssignmentFilter)) (plimsoll.AssignmentFilter, error) {
	f.filter = plimsoll.AssignmentFilter{ID: "f", Changes: 1, RoleScopeTags: []string{"0"}}
	edit(&f.filter)
	return f.filter, nil
}

func (f *smallFleet) EnrollmentTokens(_ context.Context, page query.Page) (query.Rows[plimsoll.EnrollmentToken], error) {
	f.page = page
	return one(f.token), nil
}

func (f *smallFleet) CreateEnrollmentToken(
	_ context.Context, _ string, edit func(*plimsoll.EnrollmentToken),
) (plimsoll.EnrollmentToken, string, error) {
	f.token = plimsoll.EnrollmentToken{ID: "t"}
	edit(&f.token)
	return f.token, "ple_secret", nil
}

func (f *smallFleet) RevokeEnrollmentToken(context.Context, string, string) error { return nil }

func (f *smallFleet) Assignments(context.Context, string) ([]plimsoll.Assignment, error) {
	return f.assignments, nil
}

func (f *smallFleet) Assignment(context.Context, string, string) (plimsoll.Assignment, error) {
	return f.assignments[0], nil
}

func (f *smallFleet) Assign(_ context.Context, _, _ string, all []plimsoll.Assignment) error {
	f.assignments = all
	return nil
}

func (f *smallFleet) CreateAssignment(_ context.Context, _, _ string, edit func(*plimsoll.Assignment)) (plimsoll.Assignment, error) {
	a := plimsoll.Assignment{ID: "a"}
	edit(&a)
	err := a.Validate()
	f.assignments = []plimsoll.Assignment{a}
	return a, err
}

func (f *smallFleet) UpdateAssignment(_ context.Context, _, _, _ string, edit func(*plimsoll.Assignment)) (plimsoll.Assignment, error) {
	edit(&f.assignments[0])
	return f.assignments[0], nil
}

func (f *smallFleet) RunStates(_ context.Context, _ string, page query.Page) (query.Rows[plimsoll.DeviceRunState], error) {
	f.page = page
	return one(f.state), nil
}

func (f *smallFleet) RunState(context.Context, string, string) (plimsoll.DeviceRunState, error) {
	return f.state, nil
}

func (f *smallFleet) ChangeRunState(
	_ context.Context, _, scriptID, deviceID string, _ bool, edit func(*plimsoll.DeviceRunState),
) (plimsoll.DeviceRunState, error) {
	f.state.ScriptID, f.state.DeviceID = scriptID, deviceID
	edit(&f.state)
	return f.state, nil
}

func (f *smallFleet) DeleteRunState(context.Context, string, string, string) error { return nil }

// allowed is a caller with the permissions that the token lists.
type allowed struct{}

func (allowed) Verify(_ context.Context, bearer string) (auth.Principal, error) {
	p := auth.Principal{Subject: "someone"}
	for name := range strings.SplitSeq(bearer, ",") {
		p.Permissions = append(p.Permissions, auth.Permission(name))
	}
	return p, nil
}

// testSurface serves a fleet, with a caller who may do everything.
type testSurface struct {
	*API

	fleet *smallFleet
	token string
}

func newTestSurface() *testSurface {
	atomically := func(_ context.Context, work func(service.Stores) error) error { return work(service.Stores{}) }
	s := service.New(service.Stores{}, atomically, time.Now, rand.Reader)
	f := &smallFleet{
		device: plimsoll.Device{
			ID: "d", Changes: 3, Inventory: plimsoll.Inventory{DeviceName: "web-1", OperatingSystem: "Linux", TotalStorage: 1 << 40},
			OwnerType: plimsoll.OwnerCompany, RoleScopeTagIDs: []string{"0"},
			EnrolledAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), LastSyncAt: time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC),
		},
		group: plimsoll.Group{ID: "g", Changes: 1, DisplayName: "Web servers"},
	}
	f.state = plimsoll.DeviceRunState{ScriptID: "s", DeviceID: "d", State: plimsoll.StateFail, Output: "no disk key", Device: &f.device}
	api := New(s, nil, allowed{}, noThrottle{}, "tenant", slog.New(slog.DiscardHandler),
		func(string, string, int, time.Duration) {}, time.Now, rand.Reader)
	api.cases = func(*service.Service) fleet { return f }
	return &testSurface{api, f, "Group.ReadWrite.All,DeviceManagementManagedDevices.ReadWrite.All"}
}

// send sends a request, which has to be answered with status, and reads what is
// answered.
func (s *testSurface) send(t *testing.T, status int, method, path, body string, headers ...string) object {
	t.Helper()
	r := httptest.NewRequest(method, "https://host/beta"+strings.ReplaceAll(path, " ", "%20"), strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != status {
		t.Fatalf("%s %s: %d, want %d: %s", method, path, w.Code, status, w.Body)
	}
	var answered object
	_ = json.Unmarshal(w.Body.Bytes(), &answered)
	return answered
}

// refused sends a request that has to be refused with 400 for a property.
func (s *testSurface) refused(t *testing.T, method, path, body, target string) {
	t.Helper()
	if got := at(s.send(t, http.StatusBadRequest, method, path, body), "error", "target"); got != target {
		t.Errorf("%s %s %s is refused for %v, want %s", method, path, body, got, target)
	}
}

// shows holds an object to some of its members.
func shows(t *testing.T, got object, want object) {
	t.Helper()
	some := object{}
	for name := range want {
		some[name] = got[name]
	}
	if diff := cmp.Diff(want, some); diff != "" {
		t.Error(diff)
	}
}

func TestDevices(t *testing.T) {
	t.Parallel()
	s := newTestSurface()
	list := s.send(t, http.StatusOK, "GET", devicesPath+"?$filter=deviceName eq 'web-1' and totalStorageSpaceInBytes gt 5000000000&$select=id,deviceName", "")
	if list["@odata.context"] != "https://host/beta/$metadata#deviceManagement/managedDevices(id,deviceName)" || s.fleet.page.Filter == nil {
		t.Error(list)
	}
	shows(t, s.send(t, http.StatusOK, "GET", devicesPath+"('d')", ""), object{
		"@odata.type": "#microsoft.graph.managedDevice", "@odata.etag": `W/"3"`, "deviceName": "web-1", "notes": nil, "osVersion": nil,
		"managedDeviceOwnerType": "company", "totalStorageSpaceInBytes": float64(1 << 40), "enrolledDateTime": "2026-01-02T03:04:05Z",
		"roleScopeTagIds": []any{"0"}, "isEncrypted": false,
	})
	changed := s.send(t, http.StatusOK, "PATCH", devicesPath+"/d", `{"notes":"in rack 4","managedDeviceOwnerType":"personal","deviceName":"x"}`)
	shows(t, changed, object{"notes": "in rack 4", "managedDeviceOwnerType": "personal", "deviceName": "web-1"})
	s.send(t, http.StatusPreconditionFailed, "PATCH", devicesPath+"/d", `{"notes":null}`, "If-Match", `W/"2"`)
	s.send(t, http.StatusNotFound, "GET", devicesPath+"/x", "")
	s.send(t, http.StatusMethodNotAllowed, "POST", devicesPath, `{}`)
	expanded := s.send(t, http.StatusOK, "GET", "/deviceManagement?$expand=managedDevices($select=id)", "")
	if rows, _ := expanded["managedDevices"].([]any); len(rows) != 1 {
		t.Error(expanded)
	}
	s.token = "DeviceManagementScripts.ReadWrite.All"
	s.send(t, http.StatusForbidden, "GET", devicesPath, "")
	s.send(t, http.StatusForbidden, "GET", "/deviceManagement?$expand=managedDevices", "")
}

func TestGroups(t *testing.T) {
	t.Parallel()
	s := newTestSurface()
	shows(t, s.send(t, http.StatusOK, "GET", "/groups/g", ""), object{
		"@odata.context": "https://host/beta/$metadata#groups/$entity", "@odata.type": "#microsoft.graph.group", "displayName": "Web servers",
		"groupTypes": []any{}, "membershipRule": nil, "membershipRuleProcessingState": nil, "mailEnabled": false, "securityEnabled": true,
	})
	const rule = `(device.osVersion -startsWith \"12.\")`
	made := s.send(t, http.StatusCreated, "POST", "/groups", `{"displayName":"x","mailEnabled":false,"mailNickname":"x","securityEnabled":true,
		"groupTypes":["DynamicMembership"],"membershipRule":"`+rule+`","membershipRuleProcessingState":"Paused"}`)
	shows(t, made, object{
		"groupTypes": []any{"DynamicMembership"}, "membershipRule": `(device.osVersion -startsWith "12.")`, "membershipRuleProcessingState": "Paused",
	})
	changed := s.send(t, http.StatusOK, "PATCH", "/groups/g", `{"membershipRuleProcessingState":"On"}`)
	shows(t, changed, object{"membershipRuleProcessingState": "On", "groupTypes": []any{"DynamicMembership"}})
	s.send(t, http.StatusOK, "PATCH", "/groups/g", `{"groupTypes":["DynamicMembership"]}`) // it has a rule
	changed = s.send(t, http.StatusOK, "PATCH", "/groups/g", `{"groupTypes":[]}`)
	shows(t, changed, object{"membershipRule": nil, "groupTypes": []any{}, "membershipRuleProcessingState": nil})
	for _, c := range []struct{ method, path, body, target string }{
		{"POST", "/groups", `{"displayName":"x","groupTypes":["DynamicMembership"]}`, "membershipRule"},
		{"POST", "/groups", `{"displayName":"x","groupTypes":["DynamicMembership"],"membershipRule":""}`, "membershipRule"},
		{"POST", "/groups", `{"displayName":"x","groupTypes":[],"membershipRule":"x"}`, "groupTypes"},
		{"POST", "/groups", `{"displayName":"x","groupTypes":["Unified"]}`, "groupTypes"},
		{"POST", "/groups", `{"displayName":"x","mailEnabled":true}`, "mailEnabled"},
		{"POST", "/groups", `{"displayName":"x","securityEnabled":false}`, "securityEnabled"},
		{"POST", "/groups", `{"displayName":"x","membershipRuleProcessingState":"on"}`, "membershipRuleProcessingState"},
		{"POST", "/groups", `{"groupTypes":[]}`, "displayName"},
		{"PATCH", "/groups/g", `{"groupTypes":["DynamicMembership"]}`, "membershipRule"}, // it has none any more
	} {
		s.refused(t, c.method, c.path, c.body, c.target)
	}
	s.token = "DeviceManagementManagedDevices.ReadWrite.All"
	s.send(t, http.StatusForbidden, "GET", "/groups", "")
	s.token = "Directory.Read.All"
	s.send(t, http.StatusOK, "GET", "/groups", "")
	s.send(t, http.StatusForbidden, "POST", "/groups", `{"displayName":"x"}`)
}

func TestMembers(t *testing.T) {
	t.Parallel()
	s := newTestSurface()
	for address, id := range map[string]string{
		"https://host/beta/deviceManagement/managedDevices/1":            "1",
		"https://host/beta/deviceManagement/managedDevices('2')":         "2",
		"https://graph.microsoft.com/v1.0/directoryObjects/3":            "3",
		"https://graph.microsoft.com/v1.0/devices(%274%27)":              "4",
		"deviceManagement/managedDevices/5":                              "5",
		"https://host/beta/deviceManagement/managedDevices/6?$select=id": "6",
	} {
		s.fleet.members = nil
		s.send(t, http.StatusNoContent, "POST", "/groups/g/members/$ref", `{"@odata.id":"`+address+`"}`)
		if !slices.Equal(s.fleet.members, []string{id}) {
			t.Errorf("%s adds %v", address, s.fleet.members)
		}
	}
	for _, body := range []string{`{}`, `{"@odata.id":7}`, `{"@odata.id":"https://host/beta/users/1"}`, `{"@odata.id":"1"}`} {
		s.refused(t, "POST", "/groups/g/members/$ref", body, "@odata.id")
	}
	s.send(t, http.StatusNoContent, "DELETE", "/groups/g/members/"+s.fleet.members[0]+"/$ref", "")
	if len(s.fleet.members) != 0 {
		t.Error(s.fleet.members)
	}
	const device = `"https://host/beta/directoryObjects/1"`
	s.send(t, http.StatusCreated, "POST", "/groups", `{"displayName":"x","members@odata.bind":[`+device+`,"https://host/beta/devices/2"]}`)
	s.send(t, http.StatusOK, "PATCH", "/groups/g", `{"members@odata.bind":["https://host/beta/devices/3"]}`)
	if !slices.Equal(s.fleet.members, []string{"1", "2", "3"}) {
		t.Error(s.fleet.members)
	}
	s.refused(t, "POST", "/groups", `{"displayName":"x","members@odata.bind":[`+strings.Repeat(device+",", 20)+device+`]}`, "members@odata.bind")
	list := s.send(t, http.StatusOK, "GET", "/groups/g/members", "", "Accept", "application/json;odata.metadata=full")
	member, _ := list["value"].([]any)[0].(object)
	shows(t, member, object{"@odata.type": "#microsoft.graph.managedDevice", "@odata.id": "https://host/beta/deviceManagement/managedDevices('d')"})
	expanded := s.send(t, http.StatusOK, "GET", "/groups?$expand=members($select=id)", "")
	if rows, _ := expanded["value"].([]any)[0].(object)["members"].([]any); len(rows) != 1 {
		t.Error(expanded)
	}
}

func TestFiltersAndTokens(t *testing.T) {
	t.Parallel()
	s := newTestSurface()
	filter := s.send(t, http.StatusCreated, "POST", filtersPath, `{"displayName":"x","platform":"windows10AndLater","rule":"(device.model -eq \"y\")"}`)
	shows(t, filter, object{
		"@odata.type": "#microsoft.graph.deviceAndAppManagementAssignmentFilter", "rule": `(device.model -eq "y")`, "platform": "windows10AndLater",
		"roleScopeTags": []any{"0"}, "description": nil,
	})
	s.refused(t, "POST", filtersPath, `{"displayName":"x"}`, "rule")
	s.refused(t, "POST", filtersPath, `{"displayName":"x","rule":"y","platform":"Windows"}`, "platform")
	made := s.send(t, http.StatusCreated, "POST", enrollmentTokensPath, `{"displayName":"x","maximumUses":5,"expirationDateTime":"2027-01-01T00:00:00Z"}`)
	shows(t, made, object{
		"@odata.type": "#plimsoll.enrollmentToken", "token": "ple_secret", "maximumUses": 5.0, "uses": 0.0, "expirationDateTime": "2027-01-01T00:00:00Z",
		"groupId": nil, "revokedDateTime": nil,
	})
	listed, _ := s.send(t, http.StatusOK, "GET", enrollmentTokensPath+"?$filter=revokedDateTime eq null", "")["value"].([]any)
	shows(t, listed[0].(object), object{"id": "t", "token": nil})
	s.refused(t, "GET", enrollmentTokensPath+"?$filter=not (token eq 'x')", "", "$filter")
	s.refused(t, "GET", enrollmentTokensPath+"?$orderby=token", "", "$orderby")
	s.send(t, http.StatusNoContent, "DELETE", enrollmentTokensPath+"/t", "")
	s.send(t, http.StatusNoContent, "DELETE", enrollmentTokensPath+"/t", "", "If-Match", "*")
	s.send(t, http.StatusPreconditionFailed, "DELETE", enrollmentTokensPath+"/t", "", "If-Match", `W/"1"`)
}

func TestAssignments(t *testing.T) {
	t.Parallel()
	s := newTestSurface()
	const (
		path    = scriptsPath + "/s"
		toGroup = `{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"g"},
			"runSchedule":{"@odata.type":"microsoft.graph.deviceHealthScriptRunOnceSchedule","interval":1,"useUtc":true,"time":"11:58:36.2550000","date":"2027-01-31"}}`
		toAll = `{"runRemediationScript":true,"target":{"deviceAndAppManagementAssignmentFilterId":"f","deviceAndAppManagementAssignmentFilterType":"include",
			"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget"}}`
	)
	for _, action := range []string{"assign", "microsoft.graph.assign"} {
		s.fleet.assignments = nil
		s.send(t, http.StatusNoContent, "POST", path+"/"+action, `{"deviceHealthScriptAssignments":[`+toGroup+`,`+toAll+`]}`)
		want := []plimsoll.Assignment{
			{
				Target: plimsoll.Target{Kind: plimsoll.TargetGroup, GroupID: "g"},
				Schedule: plimsoll.Schedule{
					Kind: plimsoll.ScheduleOnce, Interval: 1, UseUTC: true, Time: 11*time.Hour + 58*time.Minute + 36255*time.Millisecond,
					Date: time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC),
				},
			},
			{
				Target:               plimsoll.Target{Kind: plimsoll.TargetAllDevices, FilterID: "f", FilterType: plimsoll.FilterInclude},
				RunRemediationScript: true,
			},
		}
		if diff := cmp.Diff(want, s.fleet.assignments); diff != "" {
			t.Error(diff)
		}
	}
	s.fleet.assignments[0].ID = "a"
	listed, _ := s.send(t, http.StatusOK, "GET", path+"/assignments?$count=true", "")["value"].([]any)
	shows(t, listed[0].(object), object{
		"@odata.type": "#microsoft.graph.deviceHealthScriptAssignment", "id": "a", "runRemediationScript": false,
		"target": object{
			"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": "g",
			"deviceAndAppManagementAssignmentFilterId": nil, "deviceAndAppManagementAssignmentFilterType": "",
		},
		"runSchedule": object{
			"@odata.type": "#microsoft.graph.deviceHealthScriptRunOnceSchedule", "interval": 1.0, "useUtc": true,
			"time": "11:58:36.2550000", "date": "2027-01-31",
		},
	})
	shows(t, s.send(t, http.StatusOK, "GET", path+"/assignments/a/target", ""), object{
		"@odata.context": "https://host/beta/$metadata#deviceManagement/deviceComplianceScripts('s')/assignments('a')/target", "groupId": "g",
	})
	changed := s.send(t, http.StatusOK, "PATCH", path+"/assignments/a", `{"runRemediationScript":true}`)
	shows(t, objectAt(changed, "target"), object{"groupId": "g"})
	made := s.send(t, http.StatusCreated, "POST", path+"/assignments", `{"target":{"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget"}}`)
	shows(t, objectAt(made, "runSchedule"), object{"@odata.type": "#microsoft.graph.deviceHealthScriptDailySchedule", "interval": 1.0})
	for body, target := range map[string]string{
		`{}`:                                "target",
		`{"target":{}}`:                     "target/@odata.type",
		`{"target":{"@odata.type":"#x.y"}}`: "target/@odata.type",
		`{"target":null}`:                   "target",
		`{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget"}}`: "target/groupId",
	} {
		s.refused(t, "POST", path+"/assignments", body, target)
	}
	s.refused(t, "POST", path+"/assign", `{"deviceHealthScriptAssignments":[`+toAll+`,{}]}`, "deviceHealthScriptAssignments[1]/target")
	s.refused(t, "GET", path+"/assignments?$filter=id eq 'a'", "", "$filter")
}

func TestRunStates(t *testing.T) {
	t.Parallel()
	s := newTestSurface()
	const path = scriptsPath + "/s/deviceRunStates"
	list := s.send(t, http.StatusOK, "GET", path+"?$expand=managedDevice($select=deviceName)&$orderby=managedDevice/deviceName,lastStateUpdateDateTime desc"+
		"&$filter=detectionState eq microsoft.graph.runState'fail' and contains(scriptOutput,'disk') and managedDevice/operatingSystem eq 'Linux'", "")
	row, _ := list["value"].([]any)[0].(object)
	shows(t, row, object{"id": "s:d", "detectionState": "fail", "scriptOutput": "no disk key", "scriptError": nil, "lastStateUpdateDateTime": nil})
	if at(row, "managedDevice", "deviceName") != "web-1" || len(s.fleet.page.Order) != 2 {
		t.Error(row)
	}
	shows(t, s.send(t, http.StatusOK, "GET", path+"/s:d/managedDevice", ""), object{
		"@odata.context": "https://host/beta/$metadata#deviceManagement/managedDevices/$entity", "deviceName": "web-1",
	})
	s.send(t, http.StatusNotFound, "GET", path+"/other:d", "")
	s.send(t, http.StatusNotFound, "DELETE", path+"/d", "")
	s.send(t, http.StatusNoContent, "DELETE", path+"/s:d", "")
	for _, named := range []string{
		`"id":"s:e"`, `"id":"e"`, `"managedDevice@odata.bind":"https://host/beta/deviceManagement/managedDevices/e"`,
		`"id":"e","managedDevice@odata.bind":"https://host/beta/deviceManagement/managedDevices('e')"`,
	} {
		made := s.send(t, http.StatusCreated, "POST", path, `{`+named+`,"detectionState":"success","lastStateUpdateDateTime":"2026-01-01T00:00:00Z"}`)
		shows(t, made, object{"id": "s:e", "detectionState": "success", "lastStateUpdateDateTime": "2026-01-01T00:00:00Z"})
	}
	for body, target := range map[string]string{
		`{"detectionState":"success"}`: "managedDevice@odata.bind",
		`{"id":"x:e"}`:                 "id",
		`{"id":"f","managedDevice@odata.bind":"https://host/beta/deviceManagement/managedDevices/e"}`: "id",
		`{"managedDevice@odata.bind":"https://host/beta/users/e"}`:                                    "managedDevice@odata.bind",
		`{"id":"e","detectionState":"Fail"}`:                                                          "detectionState",
	} {
		s.refused(t, "POST", path, body, target)
	}
	s.send(t, http.StatusOK, "PATCH", path+"/s:e", `{"scriptError":"timed out","detectionState":"scriptError"}`, "Prefer", "return=representation")
	if s.fleet.state.Error != "timed out" || s.fleet.state.State != plimsoll.StateScriptError {
		t.Error(s.fleet.state)
	}
}
