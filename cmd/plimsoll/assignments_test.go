package main

import (
	"net/http"
	"testing"
)

const toAllDevices = `{"target":{"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget"},
	"runSchedule":{"@odata.type":"#microsoft.graph.deviceHealthScriptHourlySchedule","interval":4}}`

// TestAssignments assigns a script in every way that there is.
func TestAssignments(t *testing.T) {
	t.Parallel()
	onBothFleets(t, func(t *testing.T, s *testServer) {
		t.Helper()
		group := s.must(t, http.StatusCreated, "POST", "/groups", `{"displayName":"x"}`).json["id"].(string)
		filter := s.must(t, http.StatusCreated, "POST", assignmentFilters,
			`{"displayName":"Old","platform":"linux","rule":"(device.osVersion -startsWith \"12.\")"}`).json["id"].(string)
		path := scripts + "/" + s.addScript(t)
		s.must(t, http.StatusNoContent, "POST", path+"/assign", `{"deviceHealthScriptAssignments":[`+toAllDevices+`]}`)
		s.must(t, http.StatusNoContent, "POST", path+"/microsoft.graph.assign", `{"deviceHealthScriptAssignments":[]}`)
		s.counted(t, path+"/assignments/$count", "0")
		made := s.must(t, http.StatusCreated, "POST", path+"/assignments", `{"target":{"groupId":"`+group+`",
			"deviceAndAppManagementAssignmentFilterId":"`+filter+`","deviceAndAppManagementAssignmentFilterType":"include",
			"@odata.type":"#microsoft.graph.groupAssignmentTarget"},
			"runSchedule":{"@odata.type":"#microsoft.graph.deviceHealthScriptDailySchedule","interval":2,"useUtc":true,"time":"11:58:36.2550000"}}`)
		one := path + "/assignments/" + made.json["id"].(string)
		read := s.must(t, http.StatusOK, "GET", one, "")
		schedule, _ := read.json["runSchedule"].(map[string]any)
		target, _ := read.json["target"].(map[string]any)
		if schedule["time"] != "11:58:36.2550000" || target["groupId"] != group || target["deviceAndAppManagementAssignmentFilterType"] != "include" {
			t.Error(read.text)
		}
		s.must(t, http.StatusConflict, "DELETE", assignmentFilters+"/"+filter, "")
		s.must(t, http.StatusOK, "PATCH", one, `{"target":{"@odata.type":"#microsoft.graph.allLicensedUsersAssignmentTarget"}}`)
		s.must(t, http.StatusNoContent, "DELETE", assignmentFilters+"/"+filter, "")
		expanded := s.must(t, http.StatusOK, "GET", scripts+"?$expand=runSummary,assignments", "")
		row := expanded.json["value"].([]any)[0].(map[string]any)
		if assignments, _ := row["assignments"].([]any); len(assignments) != 1 || assignments[0].(map[string]any)["id"] != made.json["id"] {
			t.Error(expanded.text)
		}
		s.must(t, http.StatusBadRequest, "POST", path+"/assign", `{"deviceHealthScriptAssignments":[`+toAllDevices+`,{}]}`)
		s.must(t, http.StatusBadRequest, "POST", path+"/assignments", `{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget"}}`)
		s.must(t, http.StatusNoContent, "DELETE", one, "")
		s.must(t, http.StatusNotFound, "GET", one, "")
		s.must(t, http.StatusNotFound, "GET", scripts+"/missing/assignments", "")
	})
}
