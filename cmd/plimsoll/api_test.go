package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// onBothEngines runs a test against a server of its own on each engine.
func onBothEngines(t *testing.T, run func(t *testing.T, s *testServer)) {
	t.Helper()
	onEachEngine(t, func(t *testing.T, store string) {
		t.Helper()
		run(t, signedIn(t, store))
	})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		content := base64.StdEncoding.EncodeToString([]byte("#!/bin/sh\nexit 1\n"))
		created := s.must(t, http.StatusCreated, "POST", scripts, `{
			"@odata.type": "#microsoft.graph.deviceComplianceScript", "id": "mine", "createdDateTime": "2001-01-01T00:00:00Z",
			"publisher": "IT", "version": "", "displayName": "Disk \u2603", "description": null,
			"detectionScriptContent": "`+content+`", "runAsAccount": "user", "enforceSignatureCheck": true,
			"runAs32Bit": true, "roleScopeTagIds": ["0", "7"], "platform": "linux"}`)
		id := created.json["id"].(string)
		path := scripts + "/" + id
		want := map[string]any{
			"@odata.context": s.URL + "/beta/$metadata#deviceManagement/deviceComplianceScripts/$entity",
			"@odata.type":    "#microsoft.graph.deviceComplianceScript", "@odata.etag": `W/"1"`,
			"id": id, "publisher": "IT", "version": "", "displayName": "Disk ☃", "description": nil,
			"detectionScriptContent": content, "runAsAccount": "user", "enforceSignatureCheck": true,
			"runAs32Bit": true, "roleScopeTagIds": []any{"0", "7"}, "platform": "linux",
			"createdDateTime": created.json["createdDateTime"], "lastModifiedDateTime": created.json["createdDateTime"],
		}
		if diff := cmp.Diff(want, created.json); diff != "" || len(id) != 36 || id == "mine" {
			t.Error(id, diff)
		}
		if location := created.Header.Get("Location"); location != s.URL+"/beta"+path {
			t.Error(location)
		}
		for _, same := range []string{path, scripts + "('" + id + "')", scripts + "(%27" + id + "%27)", path + "/"} {
			if read := s.must(t, http.StatusOK, "GET", same, ""); read.text != created.text || read.Header.Get("ETag") != `W/"1"` {
				t.Error(read.text)
			}
		}
		changed := s.must(t, http.StatusOK, "PATCH", path, `{"description":"new","platform":null}`, "If-Match", `W/"1"`)
		want["description"], want["platform"], want["@odata.etag"] = "new", nil, `W/"2"`
		want["lastModifiedDateTime"] = changed.json["lastModifiedDateTime"]
		if diff := cmp.Diff(want, changed.json); diff != "" {
			t.Error(diff)
		}
		s.must(t, http.StatusNoContent, "DELETE", path, "", "If-Match", "*")
		s.must(t, http.StatusNotFound, "GET", path, "")
	})
}

func TestScriptDefaults(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		created := s.must(t, http.StatusCreated, "POST", scripts, `{"displayName":"x"}`).json
		for name, want := range map[string]any{
			"runAsAccount": "system", "enforceSignatureCheck": false, "runAs32Bit": false, "platform": nil,
			"publisher": nil, "version": nil, "description": nil, "detectionScriptContent": nil,
		} {
			if created[name] != want {
				t.Errorf("%s is %v, want %v", name, created[name], want)
			}
		}
		if diff := cmp.Diff([]any{"0"}, created["roleScopeTagIds"]); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRunSummaryLife(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		id := s.addScript(t)
		path := scripts + "/" + id + "/runSummary"
		first := s.must(t, http.StatusCreated, "POST", path, `{"@odata.type":"#microsoft.management.services.api.deviceComplianceScriptRunSummary",
			"id":"4b5a3dee-3dee-4b5a-ee3d-5a4bee3d5a4b","noIssueDetectedDeviceCount":2147483647,"issueDetectedDeviceCount":-2147483648,
			"detectionScriptErrorDeviceCount":0,"detectionScriptPendingDeviceCount":-0,"lastScriptRunDateTime":"0001-01-01T00:00:00.0000001Z"}`)
		want := map[string]any{
			"@odata.context": s.URL + "/beta/$metadata#deviceManagement/deviceComplianceScripts('" + id + "')/runSummary/$entity",
			"@odata.type":    "#microsoft.graph.deviceComplianceScriptRunSummary", "@odata.etag": `W/"1"`,
			"id": first.json["id"], "noIssueDetectedDeviceCount": float64(math.MaxInt32),
			"issueDetectedDeviceCount": float64(math.MinInt32), "detectionScriptErrorDeviceCount": 0.0,
			"detectionScriptPendingDeviceCount": 0.0, "lastScriptRunDateTime": "0001-01-01T00:00:00.0000001Z",
		}
		if diff := cmp.Diff(want, first.json); diff != "" || first.json["id"] == "4b5a3dee-3dee-4b5a-ee3d-5a4bee3d5a4b" {
			t.Error(diff)
		}
		second := s.must(t, http.StatusCreated, "POST", scripts+"('"+id+"')/runSummary", summaryBody(7))
		if second.json["id"] == first.json["id"] {
			t.Error("a new summary has the id of the one before")
		}
		changed := s.must(t, http.StatusOK, "PATCH", path, `{"noIssueDetectedDeviceCount":8}`, "If-Match", `W/"2"`)
		if changed.json["id"] != second.json["id"] || changed.json["noIssueDetectedDeviceCount"] != 8.0 || changed.json["issueDetectedDeviceCount"] != 2.0 {
			t.Error(changed.text)
		}
		selected := s.must(t, http.StatusOK, "GET", path+"?$select=issueDetectedDeviceCount", "")
		if _, whole := selected.json["id"]; whole || selected.json["issueDetectedDeviceCount"] != 2.0 {
			t.Error(selected.text)
		}
		s.must(t, http.StatusNoContent, "DELETE", path, "")
		s.must(t, http.StatusNotFound, "GET", path, "")
		s.must(t, http.StatusNotFound, "DELETE", path, "")
		s.must(t, http.StatusCreated, "POST", path, summaryBody(9))
		wantCounts(t, s.history(t, id, "?$top=2"), 9, 8, 7, math.MaxInt32)
		wantCounts(t, s.history(t, id, "?$select=id,noIssueDetectedDeviceCount,removedDateTime"), 9, 8, 7, math.MaxInt32)
		if removed := s.history(t, id, "")[1]; removed["removedDateTime"] == nil || removed["removedBy"] != s.FirstClient.ClientID {
			t.Error(removed)
		}
	})
}

// history follows a script's history to its end.
func (s *testServer) history(t *testing.T, id, query string) (entries []map[string]any) {
	t.Helper()
	return s.follow(t, scripts+"/"+id+"/plimsoll.runSummaryHistory()"+query)
}

// follow reads a list's pages to the last.
func (s *testServer) follow(t *testing.T, path string) (entries []map[string]any) {
	t.Helper()
	for path != "" {
		page := s.must(t, http.StatusOK, "GET", path, "")
		for _, entry := range page.json["value"].([]any) {
			entries = append(entries, entry.(map[string]any))
		}
		path, _ = page.json["@odata.nextLink"].(string)
	}
	return entries
}

func wantCounts(t *testing.T, entries []map[string]any, want ...float64) {
	t.Helper()
	var got []float64
	for _, e := range entries {
		got = append(got, e["noIssueDetectedDeviceCount"].(float64))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLists(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		empty := s.must(t, http.StatusOK, "GET", scripts+"?$count=true", "")
		if empty.json["@odata.count"] != 0.0 || len(empty.json["value"].([]any)) != 0 {
			t.Error(empty.text)
		}
		for i := range 12 {
			s.must(t, http.StatusCreated, "POST", scripts,
				fmt.Sprintf(`{"displayName":"%d","detectionScriptContent":"AAEC"}`, i))
		}
		with := s.addScript(t)
		s.must(t, http.StatusCreated, "POST", scripts+"/"+with+"/runSummary", summaryBody(5))
		for _, query := range []string{"", "?$top=1", "?top=5", "?%24top=5&count=true", "?$top=13", "?$top=1000", "?$select=id&$top=3"} {
			seen := map[any]bool{}
			for _, script := range s.follow(t, scripts+query) {
				seen[script["id"]] = true
			}
			if len(seen) != 13 {
				t.Errorf("%q gives %d scripts", query, len(seen))
			}
		}
		page := s.must(t, http.StatusOK, "GET", scripts+"?$top=0&$count=true", "")
		if page.json["@odata.count"] != 13.0 || page.json["@odata.nextLink"] != nil || len(page.json["value"].([]any)) != 0 {
			t.Error(page.text)
		}
		if n := s.must(t, http.StatusOK, "GET", scripts+"/$count", ""); n.text != "13" || !strings.HasPrefix(n.Header.Get("Content-Type"), "text/plain") {
			t.Error(n.text)
		}
		listedProperties(t, s, with)
	})
}

// listedProperties checks what a list shows of each script.
func listedProperties(t *testing.T, s *testServer, with string) {
	t.Helper()
	for _, script := range s.follow(t, scripts+"?$expand=runSummary") {
		if content, there := script["detectionScriptContent"]; content != nil || !there {
			t.Errorf("a list shows content: %v", script)
		}
		expanded, _ := script["runSummary"].(map[string]any)
		if (expanded != nil) != (script["id"] == with) || expanded != nil && expanded["noIssueDetectedDeviceCount"] != 5.0 {
			t.Errorf("%v", script)
		}
	}
	selected := s.must(t, http.StatusOK, "GET", scripts+"?$select=displayName,detectionScriptContent&$expand=runSummary", "")
	if context := selected.json["@odata.context"]; context != s.URL+"/beta/$metadata#deviceManagement/deviceComplianceScripts(displayName,detectionScriptContent,runSummary())" {
		t.Error(context)
	}
	contents := 0
	for _, script := range s.follow(t, scripts+"?$select=displayName,detectionScriptContent&$expand=runSummary") {
		if script["detectionScriptContent"] == "AAEC" {
			contents++
		}
		if _, there := script["publisher"]; there {
			t.Errorf("not selected and there: %v", script)
		}
	}
	if contents != 12 {
		t.Errorf("%d contents", contents)
	}
	one := s.must(t, http.StatusOK, "GET", scripts+"/"+with+"?expand=runSummary&select=id", "")
	if summary := one.json["runSummary"].(map[string]any); summary["issueDetectedDeviceCount"] != 2.0 || one.json["displayName"] != nil {
		t.Error(one.text)
	}
}

func TestWire(t *testing.T) {
	t.Parallel()
	s := signedIn(t, "sqlite:"+t.TempDir()+"/plimsoll.db")
	id := s.addScript(t)
	s.addScript(t) // so that a list has two pages
	path := scripts + "/" + id + "/runSummary"
	s.must(t, http.StatusCreated, "POST", path, summaryBody(1))

	t.Run("gzip in, label or not", func(t *testing.T) {
		t.Parallel()
		s.must(t, http.StatusCreated, "POST", path, zip(summaryBody(1)), "Content-Encoding", "gzip")
		s.must(t, http.StatusCreated, "POST", path, zip(summaryBody(1)))
		s.must(t, http.StatusCreated, "POST", path, summaryBody(1), "Content-Encoding", "gzip")
	})
	t.Run("gzip out", func(t *testing.T) {
		t.Parallel()
		for range 10 {
			s.addScript(t)
		}
		r := s.must(t, http.StatusOK, "GET", scripts, "", "Accept-Encoding", "gzip")
		unzipped, err := gzip.NewReader(bytes.NewReader([]byte(r.text)))
		if err != nil || r.Header.Get("Content-Encoding") != "gzip" {
			t.Fatal(r.Header, err)
		}
		if text, err := io.ReadAll(unzipped); err != nil || !bytes.Contains(text, []byte(id)) {
			t.Error(string(text), err)
		}
	})
	t.Run("return=minimal", func(t *testing.T) {
		t.Parallel()
		created := s.must(t, http.StatusNoContent, "POST", path, summaryBody(2), "Prefer", "return=minimal")
		location := created.Header.Get("Location")
		if created.text != "" || location != s.URL+"/beta"+path || created.Header.Get("OData-EntityId") != location ||
			created.Header.Get("Preference-Applied") != "return=minimal" || created.Header.Get("Content-Type") != "" {
			t.Error(created.Header, created.text)
		}
		s.must(t, http.StatusNoContent, "PATCH", path, "{}", "Prefer", "return=minimal")
		s.must(t, http.StatusOK, "GET", path, "", "Prefer", "return=minimal")
	})
	t.Run("request ids", func(t *testing.T) {
		t.Parallel()
		r := s.must(t, http.StatusNotFound, "GET", "/x", "", "client-request-id", "mine-1")
		inner := r.json["error"].(map[string]any)["innerError"].(map[string]any)
		if r.Header.Get("client-request-id") != "mine-1" || inner["client-request-id"] != "mine-1" || r.Header.Get("request-id") == "mine-1" {
			t.Error(r.Header, r.text)
		}
		r = s.must(t, http.StatusNotFound, "GET", "/x", "", "client-request-id", strings.Repeat("x", 200))
		if r.Header.Get("client-request-id") != r.Header.Get("request-id") {
			t.Error(r.Header)
		}
	})
	t.Run("HEAD", func(t *testing.T) {
		t.Parallel()
		if r := s.must(t, http.StatusOK, "HEAD", path, ""); r.text != "" || r.Header.Get("ETag") == "" {
			t.Error(r.Header, r.text)
		}
	})
	t.Run("nextLink is where the client is", func(t *testing.T) {
		t.Parallel()
		history := scripts + "('" + id + "')/plimsoll.runSummaryHistory()?top=1"
		for range 2 {
			s.must(t, http.StatusCreated, "POST", path, summaryBody(1))
		}
		page := s.must(t, http.StatusOK, "GET", history, "")
		if link, _ := page.json["@odata.nextLink"].(string); !strings.HasPrefix(link, s.URL+"/beta"+history+"&$skiptoken=") {
			t.Error(page.text)
		}
		local := strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
		r := s.must(t, http.StatusOK, "GET", local+"/beta"+scripts+"?$top=1", "")
		if link, _ := r.json["@odata.nextLink"].(string); !strings.HasPrefix(link, local+"/beta"+scripts+"?$top=1&$skiptoken=") {
			t.Error(r.text)
		}
	})
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	s := signedIn(t, "sqlite:"+t.TempDir()+"/plimsoll.db")
	management := s.must(t, http.StatusOK, "GET", "/deviceManagement", "")
	if management.json["id"] != s.TenantID {
		t.Error(management.text)
	}
	s.token = "" // what follows is for anyone
	for _, path := range []string{s.URL + "/beta", "/"} {
		document := s.must(t, http.StatusOK, "GET", path, "", "Authorization", "")
		want := map[string]any{
			"@odata.context": s.URL + "/beta/$metadata",
			"value": []any{
				map[string]any{"name": "groups", "kind": "EntitySet", "url": "groups"},
				map[string]any{"name": "deviceManagement", "kind": "Singleton", "url": "deviceManagement"},
				map[string]any{"name": "me", "kind": "Singleton", "url": "me"},
			},
		}
		if diff := cmp.Diff(want, document.json); diff != "" {
			t.Error(diff)
		}
	}
	metadata := s.must(t, http.StatusOK, "GET", "/$metadata", "", "Authorization", "")
	if !strings.HasPrefix(metadata.Header.Get("Content-Type"), "application/xml") {
		t.Error(metadata.Header)
	}
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n"} {
		if r := s.must(t, http.StatusOK, "GET", s.URL+path, "", "Authorization", ""); r.text != want {
			t.Errorf("%s: %q", path, r.text)
		}
	}
	text := s.must(t, http.StatusOK, "GET", s.URL+"/metrics", "", "Authorization", "").text
	for _, want := range []string{
		`plimsoll_http_request_duration_seconds_count{code="200",method="GET",route="/beta/deviceManagement"} 1`,
		"plimsoll_run_summary_commit_size_count 0", `plimsoll_build_info{`, "process_resident_memory_bytes",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
}
