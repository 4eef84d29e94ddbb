package main

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// varied are scripts that differ in everything that can be asked for, by the
// letters that the tables of filters know them by.
func varied() []struct{ script, summary string } {
	counts := func(noIssue, issue, failed, pending int, ran string) string {
		return fmt.Sprintf(`{"noIssueDetectedDeviceCount":%d,"issueDetectedDeviceCount":%d,"detectionScriptErrorDeviceCount":%d,
			"detectionScriptPendingDeviceCount":%d,"lastScriptRunDateTime":%q}`, noIssue, issue, failed, pending, ran)
	}
	return []struct{ script, summary string }{
		/* a */ {
			`{"displayName":"Disk encryption","publisher":"Contoso","version":"1.0","platform":"windows10","enforceSignatureCheck":true}`,
			counts(10, 2, 0, 4, "2017-01-01T00:01:17.4310553-08:00"),
		},
		/* b */ {`{"displayName":"O'Brien's \"firewall\"","version":"2.0","description":"","runAsAccount":"user","runAs32Bit":true,
			"roleScopeTagIds":[],"platform":"linux","detectionScriptContent":"AAEC"}`, ""},
		/* c */ {
			`{"displayName":"ÄRGER ☃ 𝒳","publisher":"contoso","description":"100% _sure_","roleScopeTagIds":["0","x"],"platform":"macOS"}`,
			counts(-5, 11, 2147483647, -2147483648, "0001-01-01T00:00:00.0000001Z"),
		},
		/* d */ {
			`{"displayName":"'; DROP TABLE script;--","publisher":" padded\u00a0","version":"10.0","roleScopeTagIds":["x"]}`,
			counts(0, 0, 0, 0, "9999-12-31T23:59:59.9999999Z"),
		},
		/* e */ {`{"displayName":"disk","publisher":"Fabrikam","version":"","description":"and or not eq null",
			"roleScopeTagIds":["0'","\"q\"","[1]"],"enforceSignatureCheck":true,"runAs32Bit":true}`, ""},
		/* f */ {
			`{"displayName":"Zeta\\path%","publisher":"Ünïcode","version":"1.0","description":"line\nbreak","runAsAccount":"user","platform":"linux"}`,
			counts(7, 7, 1, 2, "2024-02-29T23:59:59.5Z"),
		},
		/* g */ {`{"displayName":"straße İı","version":"$1","roleScopeTagIds":["ü"]}`, ""},
		/* h */ {
			`{"displayName":"e\u0301migre\u0301","publisher":"émigré","version":"x","roleScopeTagIds":["0","1","2"],"platform":"windows10"}`,
			counts(1, 2, 3, 4, "2017-01-01T23:00:00Z"),
		},
	}
}

// letters makes the varied scripts, and gives each one's letter by its id.
func (s *testServer) letters(t *testing.T) map[string]string {
	t.Helper()
	byID := map[string]string{}
	for i, v := range varied() {
		id := s.must(t, http.StatusCreated, "POST", scripts, v.script).json["id"].(string)
		if v.summary != "" {
			s.must(t, http.StatusCreated, "POST", scripts+"/"+id+"/runSummary", v.summary)
		}
		byID[id] = string(rune('a' + i))
	}
	return byID
}

// asked writes options as a client sends them. What is about the text stands
// first; aliases follow it, each behind an &.
func asked(option, text string) string {
	text, aliases, _ := strings.Cut(text, "&")
	query := option + "=" + url.QueryEscape(text)
	for alias := range strings.SplitSeq(aliases, "&") {
		if name, value, given := strings.Cut(alias, "="); given {
			query += "&" + name + "=" + url.QueryEscape(value)
		}
	}
	return query
}

// found are the letters of the scripts that a list gives, sorted.
func (s *testServer) found(t *testing.T, byID map[string]string, path string) string {
	t.Helper()
	var found []string
	for _, script := range s.follow(t, path) {
		found = append(found, byID[script["id"].(string)])
	}
	slices.Sort(found)
	return strings.Join(found, "")
}

// wantFound asks for a list, a count beside it, and the count alone.
func (s *testServer) wantFound(t *testing.T, byID map[string]string, query, want string) {
	t.Helper()
	r, err := s.send(t.Context(), "GET", scripts+"?$select=id&$count=true&"+query, "")
	if err != nil || r.StatusCode != http.StatusOK {
		t.Errorf("%s: %v %s", query, err, r.shown())
		return
	}
	text, _ := url.QueryUnescape(query)
	if got := s.found(t, byID, scripts+"?$select=id&"+query); got != want {
		t.Errorf("%s finds %q, want %q", text, got, want)
	}
	n := strconv.Itoa(len(want))
	if fmt.Sprint(r.json["@odata.count"]) != n {
		t.Errorf("%s counts %v, want %s", text, r.json["@odata.count"], n)
	}
	if counted := s.must(t, http.StatusOK, "GET", scripts+"/$count?"+query, ""); counted.text != n {
		t.Errorf("/$count?%s gives %s, want %s", text, counted.text, n)
	}
}
