package main

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// members gives the names of an answer's members, sorted, with those of what is
// within behind it.
func members(value any) (names []string) {
	switch value := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			names = append(names, name)
			for _, inner := range members(value[name]) {
				names = append(names, name+"/"+inner)
			}
		}
	case []any:
		if len(value) > 0 {
			names = members(value[0])
		}
	}
	return names
}

// TestMetadataLevels holds each level to its members, none more and none less.
func TestMetadataLevels(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		of := s.addSubjects(t)
		for _, c := range []struct{ path, level, want string }{
			{of.everything + "?$select=id", "none", "id"},
			{of.everything + "?$select=id", "minimal", "@odata.context @odata.etag @odata.type id"},
			{of.everything + "?$select=id", "full", "@odata.context @odata.editLink @odata.etag @odata.id @odata.type id"},
			{of.everything + "?$select=id,createdDateTime,runAs32Bit,platform,roleScopeTagIds", "full", "@odata.context @odata.editLink @odata.etag @odata.id @odata.type " +
				"createdDateTime createdDateTime@odata.type id platform platform@odata.type roleScopeTagIds roleScopeTagIds@odata.type runAs32Bit"},
			{of.everything + "?$select=id,runSummary", "full", "@odata.context @odata.editLink @odata.etag @odata.id @odata.type id runSummary@odata.navigationLink"},
			{of.everything + "?$select=id,runSummary", "minimal", "@odata.context @odata.etag @odata.type id"},
			{of.everything + "/runSummary?$select=issueDetectedDeviceCount", "none", "issueDetectedDeviceCount"},
			{of.everything + "/runSummary?$select=issueDetectedDeviceCount", "full", "@odata.context @odata.editLink @odata.etag @odata.id @odata.type " +
				"issueDetectedDeviceCount issueDetectedDeviceCount@odata.type"},
			{of.everything + "?$select=id&$expand=runSummary($select=id)", "none", "id runSummary runSummary/id"},
			{of.everything + "?$select=id&$expand=runSummary($select=id)", "minimal", "@odata.context @odata.etag @odata.type id " +
				"runSummary runSummary/@odata.etag runSummary/@odata.type runSummary/id"},
			{of.everything + "?$select=runSummary/id", "none", "runSummary runSummary/id"},
			{of.nothing + "?$select=id&$expand=runSummary", "none", "id runSummary"},
			{scripts + "?$select=id&$top=1&$count=true", "none", "@odata.count @odata.nextLink value value/id"},
			{scripts + "?$select=id", "none", "value value/id"},
			{scripts + "?$select=id", "minimal", "@odata.context value value/@odata.etag value/@odata.type value/id"},
			{scripts + "?$select=id", "full", "@odata.context value value/@odata.editLink value/@odata.etag value/@odata.id value/@odata.type value/id"},
			{"/deviceManagement", "none", "id"},
			{"/deviceManagement", "minimal", "@odata.context @odata.type id"},
			{"/deviceManagement", "full", "@odata.context @odata.editLink @odata.id @odata.type assignmentFilters@odata.navigationLink auditEvents@odata.navigationLink " +
				"deviceComplianceScripts@odata.navigationLink enrollmentTokens@odata.navigationLink id managedDevices@odata.navigationLink"},
			{"/deviceManagement?$select=id&$expand=deviceComplianceScripts($select=id;$top=1;$count=true)", "none", "deviceComplianceScripts " +
				"deviceComplianceScripts/id deviceComplianceScripts@odata.count deviceComplianceScripts@odata.nextLink id"},
			{of.everything + "/displayName", "none", "value"},
			{of.everything + "/plimsoll.runSummaryHistory()?$select=id", "minimal", "@odata.context value value/@odata.type value/id"},
			{scripts + "/delta?$select=id", "none", "@odata.deltaLink value value/id"},
			{"", "none", "value value/kind value/name value/url"},
		} {
			s.wantMembers(t, c.path, c.level, c.want)
		}
	})
}

// wantMembers asks for a level of metadata by the header in both of its
// spellings, and by $format.
func (s *testServer) wantMembers(t *testing.T, path, level, want string) {
	t.Helper()
	by := "?"
	if strings.Contains(path, "?") {
		by = "&"
	}
	path = s.URL + "/beta" + path
	for _, r := range []*reply{
		s.must(t, http.StatusOK, "GET", path, "", "Accept", "application/json;odata.metadata="+level),
		s.must(t, http.StatusOK, "GET", path, "", "Accept", "text/html;q=0.9, application/json;metadata="+level+";q=0.5"),
		s.must(t, http.StatusOK, "GET", path+by+"$format=application/json%3Bodata.metadata%3D"+level, "", "Accept", "text/html"),
	} {
		if got := strings.Join(members(r.json), " "); got != want {
			t.Errorf("%s %s has %s, want %s", level, path, got, want)
		}
		if media := r.Header.Get("Content-Type"); media != "application/json;odata.metadata="+level+";charset=utf-8" {
			t.Error(media)
		}
	}
}

// TestLinksOfFullMetadata follows each link, and finds what it was read from.
func TestLinksOfFullMetadata(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		of := s.addSubjects(t)
		full := s.must(t, http.StatusOK, "GET", of.everything+"?$expand=runSummary", "", "Accept", "application/json;odata.metadata=full").json
		summary := full["runSummary"].(map[string]any)
		for link, id := range map[any]any{
			full["@odata.id"]: full["id"], full["runSummary@odata.navigationLink"]: summary["id"], summary["@odata.id"]: summary["id"],
			s.URL + "/beta/" + full["@odata.editLink"].(string): full["id"], s.URL + "/beta/" + summary["@odata.editLink"].(string): summary["id"],
		} {
			if r := s.must(t, http.StatusOK, "GET", link.(string), ""); r.json["id"] != id {
				t.Errorf("%s leads to %v, want %v", link, r.json["id"], id)
			}
		}
		for name, want := range map[string]any{
			"createdDateTime": "#DateTimeOffset", "roleScopeTagIds": "#Collection(String)", "detectionScriptContent": "#Binary",
			"platform": "#microsoft.graph.deviceComplianceScriptPlatformType", "displayName": nil, "runAs32Bit": nil,
		} {
			if got := full[name+"@odata.type"]; got != want {
				t.Errorf("%s is annotated %v, want %v", name, got, want)
			}
		}
	})
}

// TestLongNumbers has counts as strings where the client asks for it, at every
// place where one may stand, and 32 bits never.
func TestLongNumbers(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		of := s.addSubjects(t)
		for path, count := range map[string]string{
			scripts + "?$top=0&$count=true":                                         "@odata.count",
			of.everything + "/plimsoll.runSummaryHistory()?$count=true":             "@odata.count",
			"/deviceManagement?$expand=deviceComplianceScripts($top=0;$count=true)": "deviceComplianceScripts@odata.count",
		} {
			asString := s.must(t, http.StatusOK, "GET", path, "", "Accept", "application/json;IEEE754Compatible=true").json[count]
			asNumber := s.must(t, http.StatusOK, "GET", path, "", "Accept", "application/json;IEEE754Compatible=false").json[count]
			if text, isString := asString.(string); !isString || text != fmt.Sprint(asNumber) {
				t.Errorf("%s: %v and %v", path, asString, asNumber)
			}
		}
		r := s.must(t, http.StatusOK, "GET", of.everything+"/runSummary", "", "Accept", "application/json;odata.metadata=none;ieee754compatible=TRUE")
		if r.json["issueDetectedDeviceCount"] != 2.0 || r.Header.Get("Content-Type") != "application/json;odata.metadata=none;IEEE754Compatible=true;charset=utf-8" {
			t.Error(r.Header, r.text)
		}
	})
}

// TestContexts holds context URLs to what is selected and expanded.
func TestContexts(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		of := s.addSubjects(t)
		id := strings.TrimPrefix(of.everything, scripts+"/")
		const list = "deviceManagement/deviceComplianceScripts"
		for path, want := range map[string]string{
			scripts:                                            list,
			scripts + "?$select=*":                             list + "(*)",
			scripts + "?$select=id,%20displayName":             list + "(id,displayName)",
			scripts + "?$select=id,id":                         list + "(id)",
			scripts + "?$expand=runSummary":                    list + "(runSummary())",
			scripts + "?$expand=*&$select=version":             list + "(version,runSummary(),assignments(),deviceRunStates())",
			scripts + "?$select=runSummary/id":                 list + "(runSummary(id))",
			scripts + "?$select=runSummary&$expand=runSummary": list + "(runSummary,runSummary())",
			scripts + "/delta":                                 list + "/$delta",
			scripts + "/delta?$select=id":                      list + "(id)/$delta",
			of.everything:                                      list + "/$entity",
			of.everything + "?$select=id":                      list + "(id)/$entity",
			of.everything + "?$expand=runSummary($select=id,issueDetectedDeviceCount)": list + "(runSummary(id,issueDetectedDeviceCount))/$entity",
			of.everything + "/runSummary":                   list + "('" + id + "')/runSummary/$entity",
			of.everything + "/runSummary?$select=id":        list + "('" + id + "')/runSummary(id)/$entity",
			of.everything + "/plimsoll.runSummaryHistory()": "Collection(plimsoll.runSummaryHistoryEntry)",
			"/deviceManagement":                             "deviceManagement",
			"/deviceManagement?$select=id&$expand=deviceComplianceScripts($select=id;$expand=runSummary)": "deviceManagement(id,deviceComplianceScripts(id,runSummary()))",
		} {
			r := s.must(t, http.StatusOK, "GET", path, "")
			if r.json["@odata.context"] != s.URL+"/beta/$metadata#"+want {
				t.Errorf("%s has the context %v, want %s", path, r.json["@odata.context"], want)
			}
		}
	})
}
