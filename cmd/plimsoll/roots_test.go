package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestV1Root has below /v1.0 what Graph has there, under that root's own name,
// and says of the rest why it is not there.
func TestV1Root(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		of := s.addSubjects(t)
		v1 := s.URL + "/v1.0"
		for path, want := range map[string]map[string]any{
			"": {"@odata.context": v1 + "/$metadata", "value": []any{map[string]any{"name": "deviceManagement", "kind": "Singleton", "url": "deviceManagement"}}},
			"/deviceManagement": {
				"@odata.context": v1 + "/$metadata#deviceManagement", "@odata.type": "#microsoft.graph.deviceManagement", "id": s.TenantID,
			},
		} {
			if r := s.must(t, http.StatusOK, "GET", v1+path, ""); cmp.Diff(want, r.json) != "" {
				t.Error(cmp.Diff(want, r.json))
			}
		}
		if r := s.must(t, http.StatusOK, "GET", v1+"/$metadata", ""); !strings.Contains(r.text, "deviceManagement") {
			t.Error(r.text)
		}
		for _, path := range []string{scripts, of.everything, of.everything + "/runSummary", of.everything + "/displayName", scripts + "/$count", scripts + "/delta"} {
			for _, method := range []string{"GET", "POST", "PATCH", "DELETE"} {
				r := s.must(t, http.StatusNotFound, method, v1+path, "")
				if e, _ := r.json["error"].(map[string]any); e["code"] != "ResourceNotFound" || !strings.Contains(e["message"].(string), "/v1.0 has the service document") {
					t.Error(r.text)
				}
			}
		}
		answers := s.runBatch(t, "/v1.0", get("here", "/deviceManagement?$select=id"), get("own", v1+"/deviceManagement"), get("not", scripts),
			get("other", s.URL+"/v1.0"+scripts), get("document", "/"))
		wantStatuses(t, answers, map[string]int{"here": 200, "own": 200, "not": 404, "other": 404, "document": 200})
		if answers["here"].member("@odata.context") != v1+"/$metadata#deviceManagement(id)" {
			t.Error(answers)
		}
		s.must(t, http.StatusBadRequest, "POST", v1+"/$batch", `{"requests":[{"id":"1","method":"GET","url":"`+s.URL+"/beta"+of.everything+`"}]}`)
		s.must(t, http.StatusMethodNotAllowed, "DELETE", v1+"/deviceManagement", "")
		s.must(t, http.StatusUnauthorized, "GET", v1+"/deviceManagement", "", "Authorization", "")
		for _, root := range []string{"/v1", "/V1.0", "/v2.0", "/Beta", "/v1.0x", "/beta/beta", "/beta/v1.0"} {
			s.must(t, http.StatusNotFound, "GET", s.URL+root+"/deviceManagement", "")
		}
	})
}

// TestV1Expand reads what beta alone has through what both roots have: it must
// not be there.
func TestV1Expand(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		s.letters(t)
		for options, status := range map[string]int{
			"$expand=deviceComplianceScripts": 400, "$select=deviceComplianceScripts": 400, "$select=deviceComplianceScripts/id": 400, "$expand=*": 200, "$select=*": 200,
		} {
			r := s.must(t, status, "GET", s.URL+"/v1.0/deviceManagement?"+options, "")
			if strings.Contains(r.text, "Disk encryption") || strings.Contains(r.text, "nextLink") {
				t.Errorf("%s: %s", options, r.text)
			}
		}
		r := s.must(t, http.StatusOK, "GET", s.URL+"/v1.0/deviceManagement", "", "Accept", "application/json;odata.metadata=full")
		if strings.Contains(r.text, "deviceComplianceScripts") {
			t.Error(r.text)
		}
	})
}
