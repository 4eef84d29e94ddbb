package main

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// subjects are the paths of a script with every property and a run summary, and
// of one with as few as there can be.
type subjects struct{ everything, nothing string }

const allBytes = "\x00\x01\x1f\x8b\r\n\"\\<\x7f\x80\xfe\xff" // gzip's mark among them

func (s *testServer) addSubjects(t *testing.T) subjects {
	t.Helper()
	full := s.must(t, http.StatusCreated, "POST", scripts, `{"displayName":"Disk \"☃\"\n","publisher":"","version":"1","description":"<&>",
		"runAsAccount":"user","enforceSignatureCheck":true,"roleScopeTagIds":["0","a\"b"],"platform":"macOS",
		"detectionScriptContent":"`+base64.StdEncoding.EncodeToString([]byte(allBytes))+`"}`).json["id"].(string)
	bare := s.must(t, http.StatusCreated, "POST", scripts, `{"displayName":"x","roleScopeTagIds":[]}`).json["id"].(string)
	s.must(t, http.StatusCreated, "POST", scripts+"/"+full+"/runSummary", summaryBody(-1))
	return subjects{scripts + "/" + full, scripts + "/" + bare}
}

// properties are the paths of properties below a script, and what is there: the
// JSON value, and the bare one. null has neither.
func properties() []struct {
	path  string
	json  any
	plain string
} {
	return []struct {
		path  string
		json  any
		plain string
	}{
		{"displayName", "Disk \"☃\"\n", "Disk \"☃\"\n"},
		{"publisher", "", ""},
		{"version", "1", "1"},
		{"description", "<&>", "<&>"},
		{"runAsAccount", "user", "user"},
		{"enforceSignatureCheck", true, "true"},
		{"runAs32Bit", false, "false"},
		{"platform", "macOS", "macOS"},
		{"detectionScriptContent", base64.StdEncoding.EncodeToString([]byte(allBytes)), allBytes},
		{"runSummary/noIssueDetectedDeviceCount", -1.0, "-1"},
		{"runSummary/issueDetectedDeviceCount", 2.0, "2"},
		{"runSummary/detectionScriptErrorDeviceCount", 3.0, "3"},
		{"runSummary/detectionScriptPendingDeviceCount", 4.0, "4"},
		{"runSummary/lastScriptRunDateTime", "2017-01-01T08:01:17.4310553Z", "2017-01-01T08:01:17.4310553Z"},
	}
}

// TestProperties reads every property by its path, bare and as JSON.
func TestProperties(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		of := s.addSubjects(t)
		id := strings.TrimPrefix(of.everything, scripts+"/")
		for _, p := range properties() {
			r := s.must(t, http.StatusOK, "GET", of.everything+"/"+p.path, "")
			want := map[string]any{"@odata.context": s.URL + "/beta/$metadata#deviceManagement/deviceComplianceScripts('" + id + "')/" + p.path, "value": p.json}
			if diff := cmp.Diff(want, r.json); diff != "" {
				t.Error(diff)
			}
			quoted := s.must(t, http.StatusOK, "GET", scripts+"('"+id+"')/"+p.path+"?$format=application/json;odata.metadata=none", "")
			if diff := cmp.Diff(map[string]any{"value": p.json}, quoted.json); diff != "" {
				t.Error(diff)
			}
			s.wantPlain(t, of.everything+"/"+p.path+"/$value", p.plain)
		}
		for _, p := range []string{"id", "createdDateTime", "lastModifiedDateTime", "runSummary/id"} {
			owner, name, far := strings.Cut(p, "/")
			if !far {
				owner, name = "", p
			}
			entity := s.must(t, http.StatusOK, "GET", of.everything+"/"+strings.Trim(owner, "/"), "")
			s.wantPlain(t, of.everything+"/"+p+"/$value", entity.json[name].(string))
		}
		s.nulls(t, of)
		for path, want := range map[string][]any{of.everything: {"0", "a\"b"}, of.nothing: {}} {
			if diff := cmp.Diff(want, s.must(t, http.StatusOK, "GET", path+"/roleScopeTagIds", "").json["value"]); diff != "" {
				t.Error(diff)
			}
		}
		s.wantPlain(t, of.everything+"/roleScopeTagIds/$count", "2")
		s.wantPlain(t, of.nothing+"/roleScopeTagIds/$count", "0")
	})
}

// nulls holds what is not there to 204 where it is null, and to 404 where its
// owner is not there.
func (s *testServer) nulls(t *testing.T, of subjects) {
	t.Helper()
	for _, null := range []string{"publisher", "version", "description", "platform", "detectionScriptContent"} {
		for _, path := range []string{null, null + "/$value"} {
			r := s.must(t, http.StatusNoContent, "GET", of.nothing+"/"+path, "")
			if r.text != "" || r.Header.Get("Content-Type") != "" || r.Header.Get("ETag") != `W/"1"` {
				t.Error(path, r.Header, r.text)
			}
		}
	}
	for _, path := range []string{"/issueDetectedDeviceCount", "/issueDetectedDeviceCount/$value", "/id", ""} {
		s.must(t, http.StatusNotFound, "GET", of.nothing+"/runSummary"+path, "")
	}
}

// wantPlain reads a bare value, whatever is accepted, and its head.
func (s *testServer) wantPlain(t *testing.T, path, want string) {
	t.Helper()
	media := "text/plain"
	if strings.Contains(path, "Content/") {
		media = "application/octet-stream"
	}
	for _, accept := range []string{"", "text/html", "application/json"} {
		r := s.must(t, http.StatusOK, "GET", path, "", "Accept", accept)
		if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); r.text != want || kind != media || r.Header.Get("ETag") == "" {
			t.Errorf("%s: %q, %v", path, r.text, r.Header)
		}
	}
	head := s.must(t, http.StatusOK, "HEAD", path, "")
	if head.text != "" || want != "" && head.ContentLength != int64(len(want)) {
		t.Errorf("HEAD %s: %q, %v", path, head.text, head.Header)
	}
}

// conditions are preconditions on a script whose entity tag is W/"1", and what a
// GET and a change are answered.
func conditions() []struct {
	header, tags string
	read, write  int
} {
	return []struct {
		header, tags string
		read, write  int
	}{
		{"If-Match", `W/"1"`, 200, 200},
		{"If-Match", `"1"`, 200, 200},
		{"If-Match", `*`, 200, 200},
		{"If-Match", `"9", W/"1"`, 200, 200},
		{"If-Match", `"9",,W/"1" ,`, 200, 200},
		{"If-Match", `"a,b", "1"`, 200, 200},
		{"If-Match", `W/"2"`, 412, 412},
		{"If-Match", `"a,""b"`, 400, 400},
		{"If-Match", `1`, 400, 400},
		{"If-Match", `W/"1`, 400, 400},
		{"If-Match", `W/"1"x`, 400, 400},
		{"If-Match", `w/"1"`, 400, 400},
		{"If-Match", `,`, 400, 400},
		{"If-Match", `"11"`, 412, 412},
		{"If-None-Match", `W/"1"`, 304, 412},
		{"If-None-Match", `"1"`, 304, 412},
		{"If-None-Match", `*`, 304, 412},
		{"If-None-Match", `"9", W/"1"`, 304, 412},
		{"If-None-Match", `"2"`, 200, 200},
		{"If-None-Match", `"1,2"`, 200, 200},
		{"If-None-Match", `garbage`, 400, 400},
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		of := s.addSubjects(t)
		summary := of.everything + "/runSummary"
		for _, c := range conditions() {
			for _, path := range []string{of.everything, of.everything + "/displayName", of.everything + "/description/$value", summary, summary + "/id"} {
				for _, method := range []string{"GET", "HEAD"} {
					r := s.must(t, c.read, method, path, "", c.header, c.tags)
					if etag := r.Header.Get("ETag"); (etag == `W/"1"`) != (c.read < 400) {
						t.Errorf("%s %s: ETag %q", c.header, c.tags, etag)
					}
					if c.read == 304 && (r.text != "" || r.Header.Get("Content-Type") != "") {
						t.Error(r.text, r.Header)
					}
				}
			}
			one := scripts + "/" + s.addScript(t)
			s.must(t, http.StatusCreated, "POST", one+"/runSummary", summaryBody(1))
			for _, path := range []string{one + "/runSummary", one} {
				s.must(t, c.write, "PATCH", path, "{}", c.header, c.tags)
				if c.write >= 400 {
					s.must(t, c.write, "DELETE", path, "", c.header, c.tags)
				}
			}
		}
		s.staleness(t, of.everything)
	})
}

// staleness changes what a client has, and asks for it if it changed.
func (s *testServer) staleness(t *testing.T, path string) {
	t.Helper()
	has := s.must(t, http.StatusOK, "GET", path+"?$expand=runSummary", "").Header.Get("ETag")
	summary := s.must(t, http.StatusOK, "GET", path+"/runSummary", "").Header.Get("ETag")
	s.must(t, http.StatusCreated, "POST", path+"/runSummary", summaryBody(77))
	s.must(t, http.StatusOK, "GET", path+"/runSummary", "", "If-None-Match", summary)
	s.must(t, http.StatusNotModified, "GET", path, "", "If-None-Match", has) // its summary is no part of it
	expanded := s.must(t, http.StatusOK, "GET", path+"?$expand=runSummary", "", "If-None-Match", has)
	if expanded.json["runSummary"].(map[string]any)["noIssueDetectedDeviceCount"] != 77.0 {
		t.Error(expanded.text)
	}
	s.must(t, http.StatusOK, "GET", path+"?$select=displayName,runSummary/id", "", "If-None-Match", has)
	s.must(t, http.StatusOK, "PATCH", path, `{"version":"2"}`, "If-Match", has)
	s.must(t, http.StatusOK, "GET", path, "", "If-None-Match", has)
	s.must(t, http.StatusPreconditionFailed, "GET", path, "", "If-Match", has)
	s.must(t, http.StatusPreconditionFailed, "DELETE", path, "", "If-Match", has)
	s.must(t, http.StatusNoContent, "DELETE", path, "", "If-Match", `W/"2"`)
}

// TestPropertyTypes has full metadata tell what the JSON of a single value does
// not.
func TestPropertyTypes(t *testing.T) {
	t.Parallel()
	s := signedIn(t, sqliteAddress(t))
	script := scripts + "/" + s.addScript(t)
	for property, want := range map[string]any{"createdDateTime": "#DateTimeOffset", "roleScopeTagIds": "#Collection(String)", "displayName": nil} {
		r := s.must(t, http.StatusOK, "GET", script+"/"+property+"?$format=application/json;odata.metadata=full", "")
		if r.json["@odata.type"] != want || r.json["value"] == nil {
			t.Errorf("%s: %s", property, r.text)
		}
	}
}
