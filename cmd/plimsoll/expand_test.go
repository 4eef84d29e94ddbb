package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestExpandedLists expands the list of scripts with every option, and follows
// its next link to the rest.
func TestExpandedLists(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		byID := s.letters(t)
		for options, want := range map[string]string{
			"$orderby=displayName":                "dabfehgc",
			"orderby=displayName desc;$top=3":     "cghefbad",
			"$orderby=displayName;$skip=2;$TOP=2": "bfehgc",
			"$orderby=displayName;$top=1;$filter=runSummary ne null and version ne ';)'":                       "dafhc",
			"$orderby=runSummary/issueDetectedDeviceCount desc,displayName;$top=2;$search=disk OR \"contoso\"": "cae",
			"$top=2;$filter=version eq @v;$orderby=@k&@v='1.0'&@k=displayName":                                 "af",
			"$top=1;$filter=version in @v;$orderby=displayName&@v=[\"1.0\",\"x\"]":                             "afh",
			"$filter=contains(displayName,'''');$orderby=displayName;$levels=max;$top=1":                       "db",
		} {
			text, aliases, _ := strings.Cut(asked("", options), "&")
			text = strings.TrimPrefix(text, "=")
			if aliases != "" {
				aliases = "&" + aliases
			}
			path := "/deviceManagement?$expand=deviceComplianceScripts(" + text + ";%24select=id,version;$count=true;$expand=runSummary($select=id))" + aliases
			first := s.must(t, http.StatusOK, "GET", path, "")
			got := ""
			for _, row := range first.json["deviceComplianceScripts"].([]any) {
				got += byID[row.(map[string]any)["id"].(string)]
			}
			if link, more := first.json["deviceComplianceScripts@odata.nextLink"].(string); more {
				rest := s.must(t, http.StatusOK, "GET", link, "")
				row := rest.json["value"].([]any)[0].(map[string]any)
				if names := strings.Join(members(row), " "); !strings.HasPrefix(names, "@odata.etag @odata.type id runSummary") || !strings.HasSuffix(names, " version") {
					t.Errorf("%s goes on with %s", options, names)
				}
				got += s.inOrder(t, byID, link)
			}
			if got != want || strings.Contains(options, "skip") != (first.json["deviceComplianceScripts@odata.count"] != float64(len(want))) {
				t.Errorf("%s gives %s of %v, want %s", options, got, first.json["deviceComplianceScripts@odata.count"], want)
			}
		}
		r := s.must(t, http.StatusOK, "GET", "/deviceManagement?$expand=deviceComplianceScripts($select=id)&$format=application/json;odata.metadata=none", "",
			"Prefer", "odata.maxpagesize=3")
		link, _ := r.json["deviceComplianceScripts@odata.nextLink"].(string)
		if len(r.json["deviceComplianceScripts"].([]any)) != 3 || r.Header.Get("Preference-Applied") != "odata.maxpagesize=3" {
			t.Error(r.Header, r.text)
		}
		if rest := s.must(t, http.StatusOK, "GET", link, ""); rest.json["@odata.context"] != nil || len(rest.json["value"].([]any)) != 5 {
			t.Errorf("%s gives %s", link, rest.text)
		}
	})
}

// TestSpellings sends the same options in each spelling that Graph beta takes.
func TestSpellings(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		s.letters(t)
		options := []string{
			"filter=version%20ne%20'2.0'", "search=disk", "select=id,displayName", "expand=runSummary", "orderby=displayName%20desc", "top=2", "skip=1", "count=true",
			"format=application/json;odata.metadata=minimal",
		}
		plain := s.must(t, http.StatusOK, "GET", scripts+"?$"+strings.Join(options, "&$"), "")
		delete(plain.json, "@odata.nextLink")
		for _, spell := range []func(string) string{
			func(o string) string { return o },
			func(o string) string { return "%24" + o },
			func(o string) string {
				name, value, _ := strings.Cut(o, "=")
				return "$" + strings.ToUpper(name) + "=" + value
			},
			func(o string) string { return strings.ToUpper(o[:1]) + o[1:] },
			func(o string) string { return "%" + fmt.Sprintf("%X", o[0]) + strings.ReplaceAll(o[1:], "%20", "+") },
		} {
			var spelled []string
			for _, option := range options {
				spelled = append(spelled, spell(option))
			}
			r := s.must(t, http.StatusOK, "GET", scripts+"?"+strings.Join(spelled, "&"), "")
			delete(r.json, "@odata.nextLink")
			if diff := cmp.Diff(plain.json, r.json); diff != "" {
				t.Errorf("%v: %s", spelled, diff)
			}
		}
		if len(plain.json["value"].([]any)) != 1 {
			t.Error(plain.text)
		}
	})
}
