package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// item is one request of a batch in JSON.
type item struct {
	ID        string            `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers,omitempty"`
	Body      any               `json:"body,omitempty"`
	DependsOn []string          `json:"dependsOn,omitempty"`
	Group     string            `json:"atomicityGroup,omitempty"`
}

func get(id, url string, dependsOn ...string) item {
	return item{ID: id, Method: "GET", URL: url, DependsOn: dependsOn}
}

func change(id, method, url, body string, dependsOn ...string) item {
	return item{ID: id, Method: method, URL: url, Body: json.RawMessage(body), DependsOn: dependsOn}
}

// grouped makes the item one of the batch's group, "g".
func (i item) grouped() item {
	i.Group = "g"
	return i
}

func (i item) with(name, value string) item {
	i.Headers = map[string]string{name: value}
	return i
}

// answered is what one request of a batch was answered.
type answered struct {
	ID      string            `json:"id"`
	Group   string            `json:"atomicityGroup"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    any               `json:"body"`
}

func (a answered) member(name string) any {
	object, _ := a.Body.(map[string]any)
	return object[name]
}

// runBatch sends a batch below a root, and gives the answers by their ids.
func (s *testServer) runBatch(t *testing.T, root string, items ...item) map[string]answered {
	t.Helper()
	body, err := json.Marshal(map[string]any{"requests": items})
	if err != nil {
		t.Fatal(err)
	}
	r := s.must(t, http.StatusOK, "POST", s.URL+root+"/$batch", string(body))
	var all struct{ Responses []answered }
	if err := json.Unmarshal([]byte(r.text), &all); err != nil || len(all.Responses) != len(items) || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		t.Fatalf("%v: %s", err, r.text)
	}
	answers := map[string]answered{}
	for _, one := range all.Responses {
		answers[one.ID] = one
	}
	return answers
}

func wantStatuses(t *testing.T, answers map[string]answered, want map[string]int) {
	t.Helper()
	got := map[string]int{}
	for id, one := range answers {
		got[id] = one.Status
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestBatchOfReads asks for twenty things at once, each of which is answered as
// if it had been asked for alone.
func TestBatchOfReads(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		of := s.addSubjects(t)
		var items []item
		for i, path := range []string{
			scripts, of.everything, of.everything[1:], s.URL + "/beta" + of.nothing, "/beta" + of.everything + "/runSummary", scripts + "?$filter=displayName eq 'x'",
			scripts + "?$select=id&$top=1", scripts + "?%24filter=version%20eq%20'1'&$expand=runSummary", scripts + "/$count", of.everything + "/displayName",
			of.everything + "/displayName/$value", of.everything + "/detectionScriptContent/$value", of.nothing + "/publisher", of.nothing + "/runSummary",
			"/me", of.everything + "?$select=secret", of.everything + "/plimsoll.runSummaryHistory()", "/deviceManagement?$expand=deviceComplianceScripts", "/", "/$metadata",
		} {
			items = append(items, get(fmt.Sprint(i), path))
		}
		answers := s.runBatch(t, "/beta", items...)
		for _, one := range items {
			path := strings.TrimPrefix(strings.TrimPrefix(one.URL, s.URL), "/beta")
			if !strings.HasPrefix(path, "/") {
				path = "/" + path
			}
			alone, err := s.send(t.Context(), "GET", s.URL+"/beta"+strings.ReplaceAll(path, " ", "%20"), "")
			if err != nil {
				t.Fatal(err)
			}
			wantAnswer(t, one.URL, alone, answers[one.ID])
		}
	})
}

// wantAnswer compares an answer within a batch with the same alone.
func wantAnswer(t *testing.T, path string, alone *reply, got answered) {
	t.Helper()
	var body any = alone.json
	media := alone.Header.Get("Content-Type")
	switch {
	case alone.text == "":
		body = nil
	case strings.HasPrefix(media, "text/"):
		body = alone.text
	case alone.json == nil:
		body = base64.URLEncoding.EncodeToString([]byte(alone.text))
	}
	if refused, isRefusal := alone.json["error"].(map[string]any); isRefusal {
		delete(refused, "innerError")
		delete(got.member("error").(map[string]any), "innerError")
	}
	if diff := cmp.Diff(body, got.Body); diff != "" || got.Status != alone.StatusCode || got.Headers["Content-Type"] != media {
		t.Errorf("%s: %d %v, alone %d: %s", path, got.Status, got.Headers, alone.StatusCode, diff)
	}
	if got.Headers["ETag"] != alone.Header.Get("ETag") || got.Headers["request-id"] == "" || got.Headers["OData-Version"] != "4.0" {
		t.Errorf("%s: %v, alone %v", path, got.Headers, alone.Header)
	}
}

// TestBatchDependencies runs requests in the order that they depend on, which is
// not that in which they are given.
func TestBatchDependencies(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		script := scripts + "/" + s.addScript(t)
		var items []item
		for i := range 18 { // each holds on to what the one before made of the script
			one := change(fmt.Sprint(i), "PATCH", script, fmt.Sprintf(`{"version":"%d"}`, i), fmt.Sprint(i-1))
			items = append(items, one.with("If-Match", fmt.Sprintf(`W/"%d"`, i+1)))
		}
		items[0].DependsOn = nil
		items = append(items, get("last", script, "17", "3"))
		slices.Reverse(items)
		answers := s.runBatch(t, "/beta", items...)
		for i := range 18 {
			if one := answers[fmt.Sprint(i)]; one.Status != http.StatusOK || one.member("version") != fmt.Sprint(i) {
				t.Errorf("%d: %v", i, one)
			}
		}
		if answers["last"].member("version") != "17" {
			t.Error(answers["last"])
		}
		answers = s.runBatch(t, "/beta",
			get("after", script, "depends", "fine"), change("depends", "PATCH", script, `{"version":"no"}`, "refused"),
			change("refused", "PATCH", script, `{"displayName":""}`), get("fine", script), get("deeper", script, "after"))
		wantStatuses(t, answers, map[string]int{"after": 424, "depends": 424, "refused": 400, "fine": 200, "deeper": 424})
		if e, _ := answers["after"].member("error").(map[string]any); e["code"] != "FailedDependency" || answers["fine"].member("version") != "17" {
			t.Error(answers)
		}
		if read := s.must(t, http.StatusOK, "GET", script, ""); read.json["version"] != "17" {
			t.Error(read.text)
		}
	})
}

// TestBatchPermissions authorises each request by itself, by its own token where
// it has one.
func TestBatchPermissions(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, store string) {
		t.Helper()
		s := signedIn(t, store)
		writer, script := s.token, scripts+"/"+s.addScript(t)
		var reads credentials
		command(t, &reads, "client", "create", "--store", store, "--name", "reader", "--permission", "DeviceManagementConfiguration.Read.All")
		s.token = s.signIn(t, &reads)
		before := s.state(t)
		answers := s.runBatch(t, "/beta", get("read", script), change("create", "POST", scripts, `{"displayName":"x"}`), change("remove", "DELETE", script, "null"),
			change("grouped", "PATCH", script, `{"version":"1"}`).grouped(), change("also", "PATCH", script, `{"version":"2"}`).grouped(),
			get("garbage", script).with("Authorization", "Bearer x"), get("document", "/").with("Authorization", "Bearer x"), get("metadata", "/$metadata"))
		wantStatuses(t, answers, map[string]int{"read": 200, "create": 403, "remove": 403, "grouped": 403, "also": 424, "garbage": 401, "document": 200, "metadata": 200})
		if after := s.state(t); after != before {
			t.Errorf("before %s\nafter %s", before, after)
		}
		own := change("own", "PATCH", script, `{"version":"mine"}`).with("authorization", "Bearer "+writer)
		wantStatuses(t, s.runBatch(t, "/beta", own, get("read", script)), map[string]int{"own": 200, "read": 200})
		s.must(t, http.StatusUnauthorized, "POST", "/$batch", `{"requests":[{"id":"1","method":"GET","url":"/"}]}`, "Authorization", "")
	})
}

// TestBatchReferences speaks of what other requests made.
func TestBatchReferences(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		answers := s.runBatch(t, "/beta",
			change("new", "POST", scripts, `{"displayName":"n","version":"1"}`).with("Prefer", "return=minimal"),
			change("sum", "POST", "$new/runSummary", summaryBody(5), "new"),
			get("count", "/$sum/noIssueDetectedDeviceCount/$value", "sum"), get("both", "$new?$select=version&$expand=runSummary($select=id)", "sum", "new"),
			change("edit", "PATCH", "$both", `{"version":"2"}`, "both"), get("version", "$new/version", "edit", "new"),
			change("gone", "DELETE", "$new", "null", "version", "count", "new"), get("nothing", "$new", "gone", "new"), get("never", "$nothing", "nothing"))
		wantStatuses(t, answers, map[string]int{
			"new": 204, "sum": 201, "count": 200, "both": 200, "edit": 200, "version": 200, "gone": 204, "nothing": 404, "never": 424,
		})
		made := answers["new"].Headers
		if made["Location"] == "" || made["Location"] != made["OData-EntityId"] || made["Preference-Applied"] != "return=minimal" || answers["new"].Body != nil {
			t.Error(made)
		}
		if answers["count"].Body != "5" || answers["version"].member("value") != "2" || answers["sum"].Headers["Location"] != made["Location"]+"/runSummary" {
			t.Error(answers)
		}
	})
}

// TestBatchBodies sends each form of body.
func TestBatchBodies(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		script := scripts + "/" + s.addScript(t)
		const asJSON = `{"displayName":"x"}`
		text := item{ID: "text", Method: "POST", URL: scripts, Body: asJSON}.with("Content-Type", "text/plain")
		packed := item{
			ID: "packed", Method: "POST", URL: scripts, Body: base64.StdEncoding.EncodeToString([]byte(zip(asJSON))),
			Headers: map[string]string{"Content-Type": "application/octet-stream", "Content-Encoding": "gzip"},
		}
		answers := s.runBatch(t, "/beta",
			change("object", "POST", scripts, asJSON), change("typed", "POST", scripts, asJSON).with("content-type", "application/json; charset=UTF-8"),
			change("labelled", "POST", scripts, asJSON).with("Content-Encoding", "gzip"), text, packed,
			item{ID: "none", Method: "POST", URL: scripts}, change("null", "POST", scripts, "null").with("Content-Type", "application/json"),
			change("array", "POST", scripts, `[{"displayName":"x"}]`), change("cased", "POST", scripts, `{"displayName":"x","displayname":"y"}`),
			item{ID: "string", Method: "POST", URL: scripts, Body: asJSON}, change("spaced", "PATCH", script, "\n {\t} "),
			change("large", "POST", script+"/runSummary", `{"@x":"`+strings.Repeat("x", 70000)+`"}`))
		wantStatuses(t, answers, map[string]int{
			"object": 201, "typed": 201, "labelled": 201, "text": 415, "packed": 415, "none": 415, "null": 400, "array": 400, "cased": 400, "string": 400,
			"spaced": 200, "large": 413,
		})
		for id, where := range map[string]string{"text": "Content-Type", "cased": "displayname"} {
			if e, _ := answers[id].member("error").(map[string]any); e["target"] != where {
				t.Error(id, e)
			}
		}
		whole := `{"requests":[{"id":"1","method":"PATCH","url":"` + script + `","body":{"version":"9"},"dependsOn":[],"headers":null,"atomicityGroup":null},
			{"id":"2","method":"DELETE","url":"` + script + `/runSummary","body":null}]}`
		for body, encoding := range map[string]string{whole: "", zip(whole): "gzip"} {
			r := s.must(t, http.StatusOK, "POST", "/$batch", body, "Content-Encoding", encoding)
			if !strings.Contains(r.text, `"id":"1","status":200`) || !strings.Contains(r.text, `"id":"2","status":404`) {
				t.Error(r.text)
			}
		}
	})
}

// TestBatchGroups makes the changes of a group together, or none of them.
func TestBatchGroups(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		of := s.addSubjects(t)
		edit := change("edit", "PATCH", of.everything, `{"version":"grouped"}`).grouped()
		post := change("post", "POST", of.nothing+"/runSummary", summaryBody(6)).grouped()
		made := change("made", "POST", scripts, `{"displayName":"made"}`).grouped()
		sum := change("sum", "POST", "$made/runSummary", summaryBody(7), "made").grouped()
		drop := change("drop", "DELETE", of.everything+"/runSummary", "null").grouped()
		before := s.state(t)
		for name, fault := range map[string]item{
			"body":         change("fault", "PATCH", of.everything, `{"version":1}`),
			"precondition": change("fault", "PATCH", "$made", `{}`, "made").with("If-Match", `"9"`),
			"gone":         change("fault", "PATCH", of.everything+"/runSummary", `{}`), // the set itself removed it
			"path":         change("fault", "DELETE", scripts+"/x", "null"),
			"method":       change("fault", "PUT", of.nothing, `{}`),
		} {
			answers := s.runBatch(t, "/beta", edit, post, made, sum, drop, fault.grouped(), get("after", of.everything, "g"), get("beside", of.everything))
			for _, id := range []string{"edit", "post", "made", "sum", "drop", "after"} {
				if answers[id].Status != http.StatusFailedDependency {
					t.Errorf("%s: %v", name, answers[id])
				}
			}
			if status := answers["fault"].Status; status < 400 || status == http.StatusFailedDependency || answers["beside"].Status != http.StatusOK || answers["fault"].Group != "g" {
				t.Errorf("%s: %v", name, answers["fault"])
			}
			if after := s.state(t); after != before {
				t.Errorf("%s left its trace: %s", name, after)
			}
		}
		answers := s.runBatch(t, "/beta", get("after", "$made?$expand=runSummary", "made", "g"), drop, made, sum, post, edit)
		wantStatuses(t, answers, map[string]int{"drop": 204, "sum": 201, "after": 200, "made": 201, "post": 201, "edit": 200})
		if summary, _ := answers["after"].member("runSummary").(map[string]any); summary["noIssueDetectedDeviceCount"] != 7.0 {
			t.Error(answers["after"])
		}
		s.must(t, http.StatusNotFound, "GET", of.everything+"/runSummary", "")
	})
}

// TestBatchLinks follows links from within a batch, alone and in another.
func TestBatchLinks(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		byID := s.letters(t)
		page := s.runBatch(t, "/beta", get("1", scripts+"?$orderby=displayName&$top=3&$select=id"))["1"]
		link := page.member("@odata.nextLink").(string)
		if got := s.inOrder(t, byID, link); got != "fehgc" {
			t.Errorf("%s leads to %s", link, got)
		}
		again := s.runBatch(t, "/beta", get("1", link))["1"]
		if rows, _ := again.member("value").([]any); len(rows) != 3 || byID[rows[0].(map[string]any)["id"].(string)] != "f" {
			t.Error(again)
		}
		delta := s.runBatch(t, "/beta", get("1", scripts+"/delta?$select=id"))["1"].member("@odata.deltaLink").(string)
		if r := s.must(t, http.StatusOK, "GET", delta, ""); len(r.json["value"].([]any)) != 0 {
			t.Error(r.text)
		}
	})
}
