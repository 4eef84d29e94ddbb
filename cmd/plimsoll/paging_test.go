package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// orders are texts of $orderby and the order that each puts the varied scripts
// in. Text sorts by its code points, enums by their members' places, and nulls
// come first.
func orders() [][2]string {
	return [][2]string{
		{"displayName", "dabfehgc"},
		{"displayName desc", "cghefbad"},
		{"displayName asc,id", "dabfehgc"},
		{"publisher,displayName", "bgdaecfh"},
		{"publisher desc,displayName", "hfceadbg"},
		{"publisher desc,displayName desc", "hfceadgb"},
		{"platform,displayName", "degahbfc"},
		{"platform desc, displayName", "cbfahdeg"},
		{"runAsAccount desc,platform,displayName desc", "fbgedhac"},
		{"runSummary/issueDetectedDeviceCount,displayName", "begdahfc"},
		{"runSummary/issueDetectedDeviceCount desc, displayName desc", "cfhadgeb"},
		{"runSummary/lastScriptRunDateTime,displayName", "begcahfd"},
		{"date(runSummary/lastScriptRunDateTime) desc,displayName", "dfahcbeg"},
		{"length(displayName),displayName", "ehgcfabd"},
		{"tolower(displayName)", "deahbgfc"},
		{"true,'x',displayName", "dabfehgc"},
		{"roleScopeTagIds/$count desc,displayName", "ehcdafgb"},
		{"roleScopeTagIds/any(t: t eq '0'),displayName", "dbegafhc"},
		{"contains(description,'e'),displayName", "dahgbfec"},
		{"contains(description,'e') desc,displayName", "fecbdahg"},
		{"enforceSignatureCheck,runAs32Bit desc,displayName", "bdfhgcea"},
		{"runSummary/noIssueDetectedDeviceCount div runSummary/issueDetectedDeviceCount,displayName", "dbeghcfa"},
		{"platform eq 'linux' desc,displayName", "bfdaehgc"},
		{"description eq null,displayName", "bfecdahg"},
		{"@key desc&@key=displayName", "cghefbad"},
		{"displayName,displayName desc", "dabfehgc"},
	}
}

// TestOrders reads each order as one page, in pages of $top, and in pages of the
// size that the client prefers.
func TestOrders(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		byID := s.letters(t)
		for _, c := range orders() {
			path := scripts + "?" + asked("$orderby", c[0])
			for _, pages := range []string{"", "&$top=1", "&$top=3", "&$top=2&$expand=runSummary&$filter=true"} {
				if got := s.inOrder(t, byID, path+pages); got != c[1] {
					t.Errorf("%s%s gives %s, want %s", c[0], pages, got, c[1])
				}
			}
			if got := s.inOrder(t, byID, path, "Prefer", "odata.maxpagesize=3"); got != c[1] {
				t.Errorf("%s by the preferred pages gives %s, want %s", c[0], got, c[1])
			}
			if got := s.inOrder(t, byID, path+"&$skip=3&$top=2"); got != c[1][3:] {
				t.Errorf("%s past 3 gives %s, want %s", c[0], got, c[1][3:])
			}
		}
	})
}

// inOrder follows a list to its end, and gives its scripts' letters.
func (s *testServer) inOrder(t *testing.T, byID map[string]string, path string, headers ...string) (letters string) {
	t.Helper()
	for path != "" {
		page := s.must(t, http.StatusOK, "GET", path, "", headers...)
		for _, script := range page.json["value"].([]any) {
			letters += byID[script.(map[string]any)["id"].(string)]
		}
		path, _ = page.json["@odata.nextLink"].(string)
	}
	return letters
}

// TestPagesUnderChange follows lists with many ties and nulls while scripts are
// created and deleted between the pages: those that stay come once each, in the
// order of the whole list.
func TestPagesUnderChange(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		stay := map[string]bool{}
		for i := range 24 {
			stay[s.addTied(t, i, "stays")] = true
		}
		for i := range 8 {
			s.addTied(t, i, "goes")
		}
		for i, order := range []string{
			"id", "platform", "platform desc", "description", "description desc,platform", "enforceSignatureCheck desc",
			"runSummary/issueDetectedDeviceCount", "runSummary/issueDetectedDeviceCount desc,displayName",
			"runSummary/lastScriptRunDateTime desc", "length(displayName) mod 2,description", "contains(description,'1')", "",
		} {
			path := scripts + "?$select=id,version"
			if order != "" {
				path += "&" + asked("$orderby", order)
			}
			whole := s.follow(t, path)
			headers := []string{"Prefer", "odata.maxpagesize=5"}
			if i%2 == 0 {
				path, headers = path+"&$top=4", nil
			}
			s.followUnderChange(t, path, whole, stay, headers)
		}
	})
}

// addTied makes a script that shares most of its properties with others.
func (s *testServer) addTied(t *testing.T, i int, version string) (id string) {
	t.Helper()
	platform := []string{"null", `"linux"`, `"macOS"`}[i%3]
	description := []string{"null", `""`, `"1"`, `"2"`}[i%4]
	id = s.must(t, http.StatusCreated, "POST", scripts, fmt.Sprintf(`{"displayName":"%d","version":%q,"platform":%s,"description":%s,
		"enforceSignatureCheck":%t}`, i%7, version, platform, description, i%5 < 2)).json["id"].(string)
	if i%2 == 0 {
		s.must(t, http.StatusCreated, "POST", scripts+"/"+id+"/runSummary", strings.Replace(summaryBody(i),
			`"issueDetectedDeviceCount":2`, `"issueDetectedDeviceCount":`+strconv.Itoa(i%3-1), 1))
	}
	return id
}

func (s *testServer) followUnderChange(t *testing.T, path string, whole []map[string]any, stay map[string]bool, headers []string) {
	t.Helper()
	var want, got, goes []string
	for _, script := range whole {
		if id := script["id"].(string); stay[id] {
			want = append(want, id)
		}
	}
	seen := map[string]bool{}
	for i, link := 0, path; link != ""; i++ {
		page := s.must(t, http.StatusOK, "GET", link, "", headers...)
		for _, row := range page.json["value"].([]any) {
			id := row.(map[string]any)["id"].(string)
			switch {
			case seen[id]:
				t.Errorf("%s repeats a script", path)
			case stay[id]:
				got = append(got, id)
			default:
				goes = append(goes, id)
			}
			seen[id] = true
		}
		link, _ = page.json["@odata.nextLink"].(string)
		if len(goes) > 0 { // it may be where the page ended
			s.must(t, http.StatusNoContent, "DELETE", scripts+"/"+goes[len(goes)-1], "")
			goes = goes[:len(goes)-1]
			s.addTied(t, i, "goes")
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: %s", path, diff)
	}
}

// TestPageLinks holds next links to what clients need of them.
func TestPageLinks(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		byID := s.letters(t)
		for given, kept := range map[string]string{
			"$top=3":                               "$top=3&",
			"top=3&$SKIP=1":                        "top=3&",
			"%24top=3&%24skip=2&count=true":        "%24top=3&count=true&",
			"&&$top=3&":                            "$top=3&",
			"$filter=version%20ne+'%26'&$top=3":    "$filter=version%20ne+'%26'&$top=3&",
			"@p='%C3%84'&$top=3&$filter=@p ne 'a'": "@p='%C3%84'&$top=3&$filter=@p%20ne%20'a'&",
		} {
			page := s.must(t, http.StatusOK, "GET", scripts+"?"+strings.ReplaceAll(given, " ", "%20"), "")
			link, _ := page.json["@odata.nextLink"].(string)
			token, found := strings.CutPrefix(link, s.URL+"/beta"+scripts+"?"+kept+"$skiptoken=")
			if !found || token == "" || strings.ContainsAny(token, "&=%+/") {
				t.Errorf("%s leads on by %s", given, link)
			}
		}
		quoted := s.must(t, http.StatusOK, "GET", "/deviceManagement/deviceComplianceScripts/?$top=7", "").json["@odata.nextLink"].(string)
		if got := s.inOrder(t, byID, quoted); len(got) != 1 {
			t.Errorf("%s leads to %q", quoted, got)
		}
		page := s.must(t, http.StatusOK, "GET", scripts+"?$top=0&$count=true", "")
		if len(page.json["value"].([]any)) != 0 || page.json["@odata.count"] != 8.0 || page.json["@odata.nextLink"] != nil {
			t.Error(page.text)
		}
		page = s.must(t, http.StatusOK, "GET", scripts+"?$skip=3&$top=2&$count=true", "")
		if page.json["@odata.count"] != 8.0 { // it counts what no page leaves out
			t.Error(page.text)
		}
		last := s.must(t, http.StatusOK, "GET", scripts+"?$top=8&$skip=8&$count=true", "")
		if len(last.json["value"].([]any)) != 0 || last.json["@odata.count"] != 8.0 || last.json["@odata.nextLink"] != nil {
			t.Error(last.text)
		}
		if whole := s.must(t, http.StatusOK, "GET", scripts+"?$top=8", ""); whole.json["@odata.nextLink"] != nil {
			t.Errorf("a page with all leads on: %s", whole.text)
		}
	})
}

// TestPreferredPages holds pages to the smaller of $top and the preference.
func TestPreferredPages(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		s.letters(t)
		for _, c := range []struct {
			query, prefer string
			rows          int
			applied       string
		}{
			{"", "odata.maxpagesize=3", 3, "odata.maxpagesize=3"},
			{"", "maxpagesize=3", 3, "odata.maxpagesize=3"},
			{"", "return=minimal, ODATA.MaxPageSize = \"2\"; x=y, odata.maxpagesize=5", 2, "odata.maxpagesize=2"},
			{"?$top=2", "odata.maxpagesize=3", 2, "odata.maxpagesize=3"},
			{"?$top=5", "odata.maxpagesize=3", 3, "odata.maxpagesize=3"},
			{"", "odata.maxpagesize=100000", 8, "odata.maxpagesize=1000"},
			{"", "odata.maxpagesize=0", 8, ""},
			{"", "odata.maxpagesize=-1", 8, ""},
			{"", "odata.maxpagesize=many", 8, ""},
			{"", "handling=strict", 8, ""},
		} {
			r := s.must(t, http.StatusOK, "GET", scripts+c.query, "", "Prefer", c.prefer)
			if rows := len(r.json["value"].([]any)); rows != c.rows || r.Header.Get("Preference-Applied") != c.applied {
				t.Errorf("%s %s: %d rows, applied %q", c.query, c.prefer, rows, r.Header.Get("Preference-Applied"))
			}
		}
	})
}

// TestForeignTokens refuses page tokens that were changed, and those of other
// queries and lists.
func TestForeignTokens(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		s.letters(t)
		token := func(path string) string {
			link, err := url.Parse(s.must(t, http.StatusOK, "GET", path, "").json["@odata.nextLink"].(string))
			if err != nil {
				t.Fatal(err)
			}
			return link.Query().Get("$skiptoken")
		}
		const filtered = scripts + "?$filter=version%20ne%20'z'&$orderby=displayName&$top=1"
		good := token(filtered)
		s.must(t, http.StatusOK, "GET", filtered+"&$skiptoken="+good, "")
		s.must(t, http.StatusOK, "GET", strings.Replace(filtered, "$top=1", "$top=3&$count=true&$select=id", 1)+"&$skiptoken="+good, "")
		bad := []string{
			scripts + "?$skiptoken=" + good, scripts + "?$orderby=displayName&$skiptoken=" + good,
			strings.Replace(filtered, "'z'", "'y'", 1) + "&$skiptoken=" + good,
			strings.Replace(filtered, "displayName", "displayName%20desc", 1) + "&$skiptoken=" + good,
			strings.Replace(filtered, "displayName", "publisher", 1) + "&$skiptoken=" + good,
			filtered + "&$search=disk&$skiptoken=" + good,
			filtered + "&$skiptoken=" + token(scripts+"?$top=1"),
			filtered + "&$skiptoken=" + token(scripts+"/delta?$top=1"),
			filtered + "&$skiptoken=" + good + "&$skip=1", filtered + "&$skiptoken=" + good + "=", filtered + "&$skiptoken=" + good + "AA",
			filtered + "&$skiptoken=", filtered + "&$skiptoken=%00", filtered + "&$skiptoken='%20OR%201=1--",
			scripts + "/delta?$skiptoken=" + token(scripts+"?$top=1"),
		}
		for i := range good {
			tampered := []byte(good)
			tampered[i] ^= 1 // another letter, of base64 or not
			bad = append(bad, filtered+"&$skiptoken="+url.QueryEscape(string(tampered)))
		}
		for _, path := range bad {
			r, err := s.send(t.Context(), "GET", path, "")
			if err != nil || r.StatusCode != http.StatusBadRequest || !strings.Contains(r.text, `"target":"$skip`) {
				t.Errorf("%s: %v %s", path, err, r.shown())
			}
		}
	})
}
