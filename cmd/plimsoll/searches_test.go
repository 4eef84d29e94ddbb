package main

import (
	"net/http"
	"strings"
	"testing"
)

// searches are texts of $search and what each finds in names, publishers and
// descriptions.
func searches() [][2]string {
	return [][2]string{
		{"disk", "ae"},
		{"DISK", "ae"},
		{"contoso", "ac"},
		{"isk", "ae"},
		{"disk contoso", "a"},
		{"disk AND contoso", "a"},
		{"disk OR firewall", "abe"},
		{"disk OR firewall AND contoso", "ae"},
		{"(disk OR firewall) contoso", "a"},
		{"NOT disk", "bcdfgh"},
		{"NOT (disk OR contoso)", "bdfgh"},
		{"NOT NOT disk", "ae"},
		{"disk NOT contoso", "e"},
		{"\"disk enc\"", "a"},
		{"\"enc disk\"", ""},
		{"\"AND\"", "e"},
		{"\"OR NOT\" disk", "e"},
		{"and", "e"},
		{"ANDROID", ""},
		{"ärger", "c"},
		{"ÜNÏ", "f"},
		{"☃", "c"},
		{"𝒳", "c"},
		{"émigré", "h"},
		{"%", "cf"},
		{"_", "c"},
		{"\\", "f"},
		{"o'brien's", "b"},
		{"'", "bd"},
		{"';", "d"},
		{"'; DROP TABLE script;--", "d"},
		{"x' OR 1=1--", ""},
		{"\"') OR ('1'='1\"", ""},
		{"break", "f"},
		{"1.0", ""}, // a version is not searched
	}
}

// TestSearches asks as TestFilters does, alone and beside $filter.
func TestSearches(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		byID := s.letters(t)
		for _, c := range searches() {
			s.wantFound(t, byID, asked("$search", c[0]), c[1])
		}
		for filter, want := range map[string]string{"enforceSignatureCheck": "ae", "publisher eq 'Contoso'": "a", "not enforceSignatureCheck": "", "": "ae"} {
			s.wantFound(t, byID, asked("$search", "disk")+"&"+asked("$filter", filter), want)
			s.wantFound(t, byID, asked("filter", filter)+"&"+asked("%24SEARCH", "disk"), want)
		}
		for _, text := range []string{"", " ", "\"open", "disk AND", "OR disk", "NOT", "(disk", "disk)", "\"\""} {
			r := s.must(t, http.StatusBadRequest, "GET", scripts+"?"+asked("$search", text), "")
			if !strings.Contains(r.text, `"message":"$search at position `) {
				t.Errorf("%q: %s", text, r.text)
			}
		}
	})
}
