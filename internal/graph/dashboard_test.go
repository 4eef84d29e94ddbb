package graph

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"plimsoll"
	"plimsoll/internal/query"
)

func (f *smallFleet) DeviceRunStates(_ context.Context, id string, page query.Page) (query.Rows[plimsoll.DeviceRunState], error) {
	f.page = page
	state := f.state
	state.DeviceID, state.ScriptName = id, "Disk encryption"
	return one(state), nil
}

func (f *smallFleet) ErrorGroups(context.Context, string) (plimsoll.ErrorGroups, error) {
	return plimsoll.ErrorGroups{Counted: 3, Complete: true, Groups: []plimsoll.ErrorGroup{
		{Text: "disk <number>", Count: 3, Example: plimsoll.DeviceError{DeviceID: "d", DeviceName: "<b>web-1</b>"}},
	}}, nil
}

func (f *smallFleet) ReachedDevices(_ context.Context, _ string, all []plimsoll.Assignment) (reached, notApplicable int64, err error) {
	f.assignments = all
	return 5, 2, nil
}

func (f *smallFleet) AuditTrail(_ context.Context, page query.Page) (query.Rows[plimsoll.AuditEvent], error) {
	f.page = page
	e, err := f.AuditEvent(context.Background(), "7")
	return one(e), err
}

func (f *smallFleet) CountAuditEvents(context.Context, *query.Expr) (int64, error) { return 9, nil }

func (f *smallFleet) AuditEvent(context.Context, string) (plimsoll.AuditEvent, error) {
	return plimsoll.AuditEvent{
		ID: 7, At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Actor: "c", ActorName: "ci", Activity: "deviceComplianceScriptDeviceState.update", ObjectID: "s:d",
	}, nil
}

func TestRunStatesOfADevice(t *testing.T) {
	t.Parallel()
	s := newTestSurface()
	path := strings.Replace(deviceRunStatesPath, "{id}", "d", 1)
	list := s.send(t, http.StatusOK, "GET", path+"?$filter=scriptName eq 'x' and detectionState eq 'fail'&$count=true", "")
	rows, _ := list["value"].([]any)
	first, _ := rows[0].(object)
	shows(t, first, object{
		"id": "s:d", "scriptId": "s", "scriptName": "Disk encryption", "detectionState": "fail", "scriptOutput": "no disk key", "scriptError": nil,
	})
	shows(t, list, object{"@odata.context": "https://host/beta/$metadata#Collection(plimsoll.scriptRunState)", "@odata.count": float64(1)})
	s.send(t, http.StatusOK, "GET", path+"()", "")
	s.token = "Group.Read.All"
	s.send(t, http.StatusForbidden, "GET", path, "")
}

func TestErrorGroups(t *testing.T) {
	t.Parallel()
	s := newTestSurface()
	got := s.send(t, http.StatusOK, "GET", strings.Replace(errorGroupsPath, "{id}", "s", 1)+"()", "")
	want := object{
		"@odata.context": "https://host/beta/$metadata#Collection(plimsoll.errorGroup)", "plimsoll.counted": float64(3), "plimsoll.complete": true,
		"value": []any{object{
			"@odata.type": "#plimsoll.errorGroup", "text": "disk <number>", "count": float64(3),
			"exampleDeviceId": "d", "exampleDeviceName": "<b>web-1</b>",
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReachedDevices(t *testing.T) {
	t.Parallel()
	s := newTestSurface()
	path := strings.Replace(reachedPath, "{id}", "s", 1)
	s.token = "DeviceManagementScripts.Read.All" // it changes nothing
	shows(t, s.send(t, http.StatusOK, "POST", path, `{"deviceHealthScriptAssignments":[
		{"target":{"@odata.type":"#microsoft.graph.exclusionGroupAssignmentTarget","groupId":"g"}}]}`), object{
		"@odata.context": "https://host/beta/$metadata#plimsoll.reach", "deviceCount": float64(5), "notApplicableCount": float64(2),
	})
	if len(s.fleet.assignments) != 1 || s.fleet.assignments[0].Target.Kind != plimsoll.TargetExclusionGroup {
		t.Error(s.fleet.assignments)
	}
	s.refused(t, "POST", path, `{"deviceHealthScriptAssignments":[{}]}`, "deviceHealthScriptAssignments[0]/target")
}

func TestAuditEvents(t *testing.T) {
	t.Parallel()
	s := newTestSurface()
	s.token = "DeviceManagementConfiguration.Read.All"
	list := s.send(t, http.StatusOK, "GET", auditEventsPath+"?$filter=activityDateTime ge 2026-01-01T00:00:00Z and resourceId eq 's:d'&$orderby=activityDateTime desc&$top=5", "")
	rows, _ := list["value"].([]any)
	first, _ := rows[0].(object)
	want := object{
		"@odata.type": "#microsoft.graph.auditEvent", "id": "7", "activityDateTime": "2026-01-02T03:04:05Z", "activityOperationType": "Patch",
		"activity": "deviceComplianceScriptDeviceState.update", "displayName": "deviceComplianceScriptDeviceState.update", "resourceId": "s:d",
		"actor": object{"applicationId": "c", "applicationDisplayName": "ci", "userId": nil, "userPrincipalName": nil},
		"resources": []any{
			object{"resourceId": "s", "type": "deviceComplianceScript", "displayName": nil},
			object{"resourceId": "d", "type": "managedDevice", "displayName": nil},
		},
	}
	if diff := cmp.Diff(want, first); diff != "" || s.fleet.page.Limit != 5 {
		t.Error(diff, s.fleet.page)
	}
	for path, member := range map[string]string{"/7": "id", "/7/resources": "value", "/7/actor": "applicationId"} {
		if got := s.send(t, http.StatusOK, "GET", auditEventsPath+path, ""); got[member] == nil {
			t.Errorf("%s: %v", path, got)
		}
	}
	s.send(t, http.StatusBadRequest, "GET", auditEventsPath+"?$filter=actor eq 'x'", "")
	s.send(t, http.StatusMethodNotAllowed, "POST", auditEventsPath, `{}`)
	for _, s.token = range []string{"Group.Read.All", "DeviceManagementScripts.ReadWrite.All", "DeviceManagementManagedDevices.Read.All"} {
		s.send(t, http.StatusForbidden, "GET", auditEventsPath, "") // it names what these may not see
	}
}
