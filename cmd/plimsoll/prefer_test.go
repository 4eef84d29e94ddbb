package main

import (
	"net/http"
	"strings"
	"testing"
)

// TestPreferredReturns asks for changes with and without what was changed. A
// preference that is not known is passed over, and what was heeded is told.
func TestPreferredReturns(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		script := scripts + "/" + s.addScript(t)
		s.must(t, http.StatusCreated, "POST", script+"/runSummary", summaryBody(1))
		for prefer, applied := range map[string]string{
			"return=minimal": "return=minimal", "return=representation": "return=representation", `respond-async, Return = "minimal"; x`: "return=minimal",
			"return=representation, return=minimal": "return=representation", "return=everything": "", "handling=strict, odata.maxpagesize=3": "", "": "",
		} {
			for _, c := range []struct {
				method, path, body string
				status             int
			}{
				{"POST", scripts, `{"displayName":"x"}`, http.StatusCreated},
				{"POST", script + "/runSummary", summaryBody(2), http.StatusCreated},
				{"PATCH", script, `{"version":"1"}`, http.StatusOK},
				{"PATCH", script + "/runSummary", `{"issueDetectedDeviceCount":3}`, http.StatusOK},
			} {
				minimal := applied == "return=minimal"
				if minimal {
					c.status = http.StatusNoContent
				}
				r := s.must(t, c.status, c.method, c.path, c.body, "Prefer", prefer)
				location := r.Header.Get("Location")
				if r.Header.Get("Preference-Applied") != applied || minimal != (r.text == "") || r.Header.Get("ETag") == "" {
					t.Errorf("%s %s preferring %s: %v %s", c.method, c.path, prefer, r.Header, r.text)
				}
				if id := r.Header.Get("OData-EntityId"); (id != "") != (minimal && c.method == "POST") || id != "" && id != location {
					t.Errorf("%s %s preferring %s: OData-EntityId %q, Location %q", c.method, c.path, prefer, id, location)
				}
				read := s.must(t, http.StatusOK, "GET", location, "")
				if read.Header.Get("ETag") != r.Header.Get("ETag") || !strings.HasPrefix(location, s.URL+"/beta"+scripts+"/") {
					t.Errorf("%s is at %s", r.Header.Get("ETag"), location)
				}
			}
			r := s.must(t, http.StatusOK, "GET", script, "", "Prefer", prefer)
			if r.text == "" || r.Header.Get("Preference-Applied") != "" {
				t.Errorf("GET preferring %s: %v", prefer, r.Header)
			}
		}
		s.must(t, http.StatusNoContent, "DELETE", script, "", "Prefer", "return=representation")
	})
}

// TestVersions speaks 4.0 to every client that reads it, and reads bodies of 4.0
// and 4.01.
func TestVersions(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		script := scripts + "/" + s.addScript(t)
		for _, c := range []struct {
			version, most string
			status        int
		}{
			{"", "", 200},
			{"4.0", "4.0", 200},
			{"4.01", "4.01", 200},
			{"4.01", "4.0", 200},
			{"", "5.0", 200},
			{"4.0", "4", 200},
			{"3.0", "", 400},
			{"", "3.0", 400},
			{"", "3", 400},
			{"4", "", 400},
			{"5.0", "", 400},
			{"x", "", 400},
			{"", "x", 400},
			{"", "NaN", 400},
			{"", "4.0;x", 400},
		} {
			for _, method := range []string{"GET", "PATCH"} {
				body := ""
				if method == "PATCH" {
					body = `{}`
				}
				r := s.must(t, c.status, method, script, body, "OData-Version", c.version, "OData-MaxVersion", c.most)
				if r.Header.Get("OData-Version") != "4.0" {
					t.Errorf("%v: %v", c, r.Header)
				}
			}
		}
	})
}
