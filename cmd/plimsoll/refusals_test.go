package main

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"testing"
	"time"

	"plimsoll/internal/odata"
)

// refusal is a request that must be refused, and how. In its path and body
// {script} is a script with a run summary, {bare} one without, {deleted} one
// that was deleted, and {SCRIPT} the first in upper case.
type refusal struct {
	name, method, path, body string
	headers                  []string
	status                   int
	code, message            string // message is a part of it
	target                   string
}

const (
	anyone    = "/deviceManagement/deviceComplianceScripts"
	oneScript = anyone + "/{script}"
	summary   = oneScript + "/runSummary"
)

// refusals holds every row of the design's table of bad input.
func refusals() []refusal {
	counts := func(count string) string {
		return strings.Replace(summaryBody(1), `"noIssueDetectedDeviceCount":1`, `"noIssueDetectedDeviceCount":`+count, 1)
	}
	ran := func(date string) string {
		return strings.Replace(summaryBody(1), "2017-01-01T00:01:17.4310553-08:00", date, 1)
	}
	plus := func(members string) string { return strings.Replace(summaryBody(1), "{", "{"+members+",", 1) }
	without := func(member string) string { return strings.Replace(summaryBody(1), member, "@"+member, 1) }
	big := strings.Repeat(" ", 10<<20)
	const int32Range = "an integer from -2147483648 to 2147483647"
	body := func(name, text, message, target string) refusal {
		return refusal{name, "POST", summary, text, nil, 400, "BadRequest", message, target}
	}
	script := func(name, text, message, target string) refusal {
		return refusal{name, "POST", anyone, text, nil, 400, "BadRequest", message, target}
	}
	query := func(path, query, message, target string) refusal {
		return refusal{query, "GET", path + "?" + query, "", nil, 400, "BadRequest", message, target}
	}
	const token = "InvalidAuthenticationToken"
	return []refusal{
		{"no token", "POST", summary, summaryBody(1), []string{"Authorization", ""}, 401, token, "carries no token", ""},
		{"a password", "GET", summary, "", []string{"Authorization", "Basic YTpi"}, 401, token, "carries no token", ""},
		{"garbage", "GET", summary, "", []string{"Authorization", "Bearer x"}, 401, token, "", ""},
		{"no token, unknown path", "GET", "/nowhere", "", []string{"Authorization", ""}, 401, token, "", ""},
		{"no token, unserved method", "PUT", summary, "", []string{"Authorization", ""}, 401, token, "", ""},

		{"unknown path", "GET", "/nowhere", "", nil, 404, "ResourceNotFound", "Nothing is served at this path; /beta/$metadata lists", ""},
		{"outside the root", "GET", "{url}/v2.0/deviceManagement", "", nil, 404, "ResourceNotFound", "", ""},
		{"empty segment", "GET", "/deviceManagement//deviceComplianceScripts", "", nil, 404, "ResourceNotFound", "", ""},
		{"dots", "GET", "/deviceManagement/%2e%2e/healthz", "", nil, 404, "ResourceNotFound", "", ""},
		{"unknown script", "POST", anyone + "/4b5a3dee-3dee-4b5a-ee3d-5a4bee3d5a4b/runSummary", summaryBody(1), nil, 404, "ResourceNotFound", "4b5a3dee", ""},
		{"deleted script", "POST", anyone + "/{deleted}/runSummary", summaryBody(1), nil, 404, "ResourceNotFound", "no deviceComplianceScript", ""},
		{"script in another case", "POST", anyone + "/{SCRIPT}/runSummary", summaryBody(1), nil, 404, "ResourceNotFound", "case-sensitively", ""},
		{"script in another case, quoted", "GET", anyone + "('{SCRIPT}')", "", nil, 404, "ResourceNotFound", "case-sensitively", ""},
		{"script of control characters", "GET", anyone + "/%00", "", nil, 404, "ResourceNotFound", "Nothing is served", ""},
		{"script of no UTF-8", "GET", anyone + "/%ff/runSummary", "", nil, 404, "ResourceNotFound", "Nothing is served", ""},
		{"key in place of a name", "GET", "/deviceManagement('deviceComplianceScripts')", "", nil, 404, "ResourceNotFound", "Nothing is served", ""},
		{"key that is a name", "GET", anyone + "('$count')", "", nil, 404, "ResourceNotFound", "no deviceComplianceScript", ""},
		{"no token, malformed path", "GET", anyone + "(x)", "", []string{"Authorization", ""}, 401, token, "carries no token", ""},
		{"script of SQL", "GET", anyone + "('%27%27%20OR%201%3D1--')", "", nil, 404, "ResourceNotFound", "' OR 1=1--", ""},
		{"no summary yet", "GET", anyone + "/{bare}/runSummary", "", nil, 404, "ResourceNotFound", "no run summary", ""},
		{"no summary to change", "PATCH", anyone + "/{bare}/runSummary", `{}`, nil, 404, "ResourceNotFound", "no run summary", ""},
		{"no summary to delete", "DELETE", anyone + "/{bare}/runSummary", "", nil, 404, "ResourceNotFound", "no run summary", ""},
		{"history of an unknown script", "GET", anyone + "/x/plimsoll.runSummaryHistory()", "", nil, 404, "ResourceNotFound", "", ""},
		{"key without quotes", "GET", anyone + "(1)", "", nil, 400, "BadRequest", "a key stands in quotes", "deviceComplianceScripts"},

		{"method", "PUT", summary, summaryBody(1), nil, 405, "MethodNotAllowed", "DELETE, GET, HEAD, PATCH, POST", ""},
		{"method on a script", "POST", oneScript, "{}", nil, 405, "MethodNotAllowed", "DELETE, GET, HEAD, PATCH", ""},
		{"method on $metadata", "POST", "/$metadata", "{}", nil, 405, "MethodNotAllowed", "GET, HEAD", ""},

		body("empty", "\n", "The body is empty", ""),
		body("not JSON", "count=1", "not valid JSON at byte 0", ""),
		body("array", "[]", "must be a JSON object, not an array", ""),
		body("trailing data", summaryBody(1)+"x", "data follows byte", ""),
		body("second object", summaryBody(1)+summaryBody(1), "data follows byte", ""),
		body("cut off", summaryBody(1)[:40], "not valid JSON at byte 40", ""),
		body("invalid UTF-8", plus("\"x@y\":\"\xff\""), "not valid JSON", ""),
		body("duplicate member", plus(`"issueDetectedDeviceCount":2`), `"issueDetectedDeviceCount" twice`, "issueDetectedDeviceCount"),
		body("unknown member", plus(`"extra":1`), `"extra" is no property`, "extra"),
		body("member in another case", plus(`"NoIssueDetectedDeviceCount":1`), "is no property", "NoIssueDetectedDeviceCount"),
		body("missing member", without(`issueDetectedDeviceCount":2`), "Required and missing: issueDetectedDeviceCount.", "issueDetectedDeviceCount"),
		body("nothing given", "{}", "Required and missing: noIssueDetectedDeviceCount, issueDetectedDeviceCount, detectionScriptErrorDeviceCount, detectionScriptPendingDeviceCount, lastScriptRunDateTime.", "noIssueDetectedDeviceCount"),
		body("above Int32", counts("2147483648"), int32Range+", not 2147483648", "noIssueDetectedDeviceCount"),
		body("below Int32", counts("-2147483649"), int32Range, "noIssueDetectedDeviceCount"),
		body("huge number", counts("1e999"), int32Range, "noIssueDetectedDeviceCount"),
		body("string for a number", counts(`"10"`), int32Range, "noIssueDetectedDeviceCount"),
		body("fraction", counts("1.5"), int32Range, "noIssueDetectedDeviceCount"),
		body("null for a number", counts("null"), int32Range+", not null", "noIssueDetectedDeviceCount"),
		body("object for a number", counts("{}"), int32Range, "noIssueDetectedDeviceCount"),
		body("leading zero", counts("01"), "not valid JSON", ""),
		body("date without offset", ran("2017-01-01T00:01:17"), "a date and time with an offset", "lastScriptRunDateTime"),
		body("date in year 0", ran("0000-12-31T23:59:59Z"), "years 1 to 9999", "lastScriptRunDateTime"),
		body("date in year 0 in UTC", ran("0001-01-01T00:00:00+01:00"), "years 1 to 9999", "lastScriptRunDateTime"),
		body("date in year 10000 in UTC", ran("9999-12-31T23:59:59-01:00"), "years 1 to 9999", "lastScriptRunDateTime"),
		body("no date", ran("yesterday"), "a date and time with an offset", "lastScriptRunDateTime"),
		body("29 February 2017", ran("2017-02-29T00:00:00Z"), "a date and time with an offset", "lastScriptRunDateTime"),
		body("wrong type", plus(`"@odata.type":"#microsoft.graph.group"`), "@odata.type must be", "@odata.type"),
		body("type that is no text", plus(`"@odata.type":1`), "@odata.type must be", "@odata.type"),
		body("deep nesting", plus(`"x@y":`+strings.Repeat("[", 3000)+strings.Repeat("]", 3000)), "nests deeper", "x@y"),
		body("deep nesting of all", strings.Repeat(`{"a":`, 3000), `"a" is no property`, "a"),
		{"patch with null", "PATCH", summary, `{"issueDetectedDeviceCount":null}`, nil, 400, "BadRequest", int32Range, "issueDetectedDeviceCount"},

		script("no name", `{"publisher":"x"}`, "Required and missing: displayName.", "displayName"),
		script("empty name", `{"displayName":""}`, "must not be empty", "displayName"),
		script("null name", `{"displayName":null}`, "must be a string, not null", "displayName"),
		script("long name", `{"displayName":"`+strings.Repeat("x", 1025)+`"}`, "at most 1024", "displayName"),
		script("U+0000", `{"displayName":"a\u0000b"}`, "U+0000", "displayName"),
		script("half a surrogate", `{"displayName":"\ud83d"}`, "not valid JSON", ""),
		script("not base64", `{"displayName":"x","detectionScriptContent":"!"}`, "base64", "detectionScriptContent"),
		script("script too long", `{"displayName":"x","detectionScriptContent":"`+strings.Repeat("AAAA", 349526)+`"}`, "at most 1048576", "detectionScriptContent"),
		script("unknown account", `{"displayName":"x","runAsAccount":"System"}`, "one of system, user", "runAsAccount"),
		script("sentinel platform", `{"displayName":"x","platform":"unknownFutureValue"}`, "one of windows10, linux, macOS or null", "platform"),
		script("null in a collection", `{"displayName":"x","roleScopeTagIds":["0",null]}`, "roleScopeTagIds[1] must be a string", "roleScopeTagIds"),
		script("contained entity", `{"displayName":"x","runSummary":{}}`, "a path of its own", "runSummary"),
		{"patch with an empty name", "PATCH", oneScript, `{"displayName":""}`, nil, 400, "BadRequest", "must not be empty", "displayName"},

		query(anyone, "$filter=secret%20eq%20'x'", `$filter at position 0: "secret" is no property of microsoft.graph.deviceComplianceScript`, "$filter"),
		query(anyone, "$filter=displayName%20eq%201", "$filter at position 12: eq compares a String with a number", "$filter"),
		query(anyone, "$filter=displayName%20eq%20'x", "$filter at position 15: the text that begins here has no end", "$filter"),
		query(anyone, "$filter=soundslike(displayName,'x')", `$filter at position 0: "soundslike" is no function`, "$filter"),
		query(anyone, "$filter=runAsAccount%20eq%20'root'", `"root" is no member of microsoft.graph.runAsAccountType; they are system, user`, "$filter"),
		query(anyone, "$filter=createdDateTime%20gt%20'2024-01-01T00:00:00Z'", "write it without quotes", "$filter"),
		query(anyone, "$filter="+strings.Repeat("(", 101), "nests deeper than 100", "$filter"),
		query(anyone, "$filter="+strings.Repeat("x", 8200), "at most 8192", ""),
		query(anyone, "$filter=id%20in%20('1'"+strings.Repeat(",'1'", 500)+")", "at most 500 items", "$filter"),
		query(anyone, "$orderby=detectionScriptContent", "$orderby at position 0: a Binary cannot be sorted by", "$orderby"),
		query(anyone, "$orderby=displayName%20down", `expected asc, desc, a comma or the end, found "down"`, "$orderby"),
		query(anyone, "$top=1&apply=x", `Query at position 7: "$apply" is not supported here`, "$apply"),
		query(anyone, "$compute=1%20as%20x", `Query at position 0: "$compute" is not supported here`, "$compute"),
		query(anyone, "@x=1", `nothing refers to it`, "@x"),
		query(anyone, "$search=%22open", "closing double quote", "$search"),
		query(anyone, "$top=-1", "an integer from 0", "$top"),
		query(anyone, "$skip=x", "an integer from 0", "$skip"),
		query(anyone, "$top=1&$top=2", "position 7: $top is given twice", "$top"),
		query(anyone, "$count=yes", "true or false", "$count"),
		{"format", "GET", anyone + "?$format=atom", "", nil, 406, "NotAcceptable", "application/json is served here", "$format"},
		query(anyone, "$select=secret", `$select at position 0: "secret" is no property`, "$select"),
		query(anyone, "$expand=assignment", `$expand at position 0: "assignment" cannot be expanded`, "$expand"),
		query(anyone, "$expand=assignments($top=1)", "is given as a whole", "$expand"),
		query(anyone, "$expand=runSummary($top=1)", `$expand at position 11: "$top" is not supported here; these are: $select`, "$expand"),
		query(anyone, "$expand=runSummary($select=x)", `$expand at position 19: "x" is no property`, "$expand"),
		query(anyone, "$skiptoken="+pageToken("deviceManagement/deviceComplianceScripts", int64(1)), "follow @odata.nextLink", "$skiptoken"),
		query(anyone, "$skiptoken="+pageToken("deviceManagement/deviceComplianceScripts", "a", "b"), "follow @odata.nextLink", "$skiptoken"),
		query(anyone, "$orderby=displayName&$skiptoken="+pageToken("deviceManagement/deviceComplianceScripts", "a"), "follow @odata.nextLink", "$skiptoken"),
		query(oneScript+"/plimsoll.runSummaryHistory()", "$skiptoken="+pageToken("history/{script}", "abc"), "follow", "$skiptoken"),
		query(anyone+"/delta", "$deltatoken=AAAA", "follow @odata.deltaLink", "$deltatoken"),
		query(anyone+"/delta", "$skiptoken=AAAA", "follow @odata.nextLink", "$skiptoken"),
		query(anyone+"/delta", "$filter=id%20eq%20'x'", "is not supported here", "$filter"),
		query(anyone, "=1", "has no name", ""),
		query(anyone, "$skiptoken=AAAA", "follow @odata.nextLink", "$skiptoken"),
		query(anyone+"/$count", "$top=1", "these are: $filter, $search", "$top"),
		query(oneScript, "$top=1", `Query at position 0: "$top" is not supported here`, "$top"),
		query(summary, "$expand=x", "has nothing to expand", "$expand"),
		query(oneScript+"/plimsoll.runSummaryHistory()", "$skiptoken=AAAA", "follow @odata.nextLink", "$skiptoken"),
		{"query on a POST", "POST", summary + "?$filter=true", summaryBody(1), nil, 400, "BadRequest", "these are: $select, $expand, $format", "$filter"},

		{"media type", "POST", summary, summaryBody(1), []string{"Content-Type", "text/plain"}, 415, "UnsupportedMediaType", "application/json", "Content-Type"},
		{"no media type", "POST", summary, summaryBody(1), []string{"Content-Type", ""}, 415, "UnsupportedMediaType", "application/json", "Content-Type"},
		{"charset", "POST", summary, summaryBody(1), []string{"Content-Type", "application/json; charset=utf-16"}, 415, "UnsupportedMediaType", "UTF-8", "Content-Type"},
		{"encoding", "POST", summary, summaryBody(1), []string{"Content-Encoding", "br"}, 415, "UnsupportedMediaType", "gzip", "Content-Encoding"},
		{"accept", "GET", summary, "", []string{"Accept", "text/html"}, 406, "NotAcceptable", "application/json", "Accept"},
		{"accept of verbose metadata", "GET", summary, "", []string{"Accept", "application/json;odata.metadata=verbose"}, 406, "NotAcceptable", "minimal", "Accept"},
		{"accept of HTML for metadata", "GET", "/$metadata", "", []string{"Accept", "text/html"}, 406, "NotAcceptable", "application/xml", "Accept"},
		{"version", "POST", summary, summaryBody(1), []string{"OData-Version", "3.0"}, 400, "BadRequest", "must be 4.0 or 4.01", "OData-Version"},
		{"greatest version", "GET", summary, "", []string{"OData-MaxVersion", "3.0"}, 400, "BadRequest", "4.0 or later", "OData-MaxVersion"},
		{"beta's path below v1.0", "GET", "{url}/v1.0" + anyone, "", nil, 404, "ResourceNotFound", "/v1.0", ""},
		{"unknown property", "GET", oneScript + "/secret", "", nil, 404, "ResourceNotFound", "Nothing is served", ""},
		{"value of an unknown property", "GET", oneScript + "/secret/$value", "", nil, 404, "ResourceNotFound", "Nothing is served", ""},
		{"count of a single value", "GET", oneScript + "/displayName/$count", "", nil, 404, "ResourceNotFound", "Nothing is served", ""},
		{"value of a collection", "GET", oneScript + "/roleScopeTagIds/$value", "", nil, 404, "ResourceNotFound", "Nothing is served", ""},
		{"change of a property", "PATCH", oneScript + "/displayName", `{}`, nil, 405, "MethodNotAllowed", "GET, HEAD", ""},

		{"large body", "POST", summary, big, nil, 413, "RequestEntityTooLarge", "65536 bytes", ""},
		{"large script", "POST", anyone, big, nil, 413, "RequestEntityTooLarge", "2097152 bytes", ""},
		{"large once unpacked", "POST", summary, zip(big), []string{"Content-Encoding", "gzip"}, 413, "RequestEntityTooLarge", "65536 bytes", ""},
		{"cut gzip", "POST", summary, zip(summaryBody(1))[:40], []string{"Content-Encoding", "gzip"}, 400, "BadRequest", "could not be read to its end", ""},
		{"gzip of garbage", "POST", summary, zip("garbage"), []string{"Content-Encoding", "gzip"}, 400, "BadRequest", "not valid JSON at byte 0", ""},

		{"precondition on a script", "PATCH", oneScript, `{"displayName":"y"}`, []string{"If-Match", `W/"99"`}, 412, "PreconditionFailed", "Read it again", ""},
		{"precondition on its deletion", "DELETE", oneScript, "", []string{"If-Match", `"99", W/"98"`}, 412, "PreconditionFailed", "Read it again", ""},
		{"precondition on a summary", "PATCH", summary, `{"issueDetectedDeviceCount":9}`, []string{"If-Match", `W/"99"`}, 412, "PreconditionFailed", "Read it again", ""},
		{"precondition on its deletion", "DELETE", summary, "", []string{"If-Match", `W/"99"`}, 412, "PreconditionFailed", "Read it again", ""},
		{"precondition on a GET", "GET", oneScript, "", []string{"If-Match", `W/"99"`}, 412, "PreconditionFailed", "not what If-Match names", ""},
		{"precondition that nothing is there", "PATCH", oneScript, `{"displayName":"y"}`, []string{"If-None-Match", `*`}, 412, "PreconditionFailed", "Read it again", ""},
		{"precondition on a POST", "POST", summary, summaryBody(1), []string{"If-Match", `*`}, 400, "BadRequest", "not supported on a POST", "If-Match"},
		{"malformed condition", "GET", oneScript, "", []string{"If-None-Match", `3`}, 400, "BadRequest", "If-None-Match must be", "If-None-Match"},
		{"malformed precondition", "DELETE", summary, "", []string{"If-Match", `3`}, 400, "BadRequest", "If-Match must be", "If-Match"},

		batch("empty", `{"requests":[]}`, "holds no request", ""),
		batch("too many", `{"requests":[`+strings.Repeat(`{"id":"a","method":"GET","url":"/"},`, 20)+`{"id":"b","method":"GET","url":"/"}]}`, "at most 20 requests", "requests[20]"),
		batch("duplicate id", `{"requests":[{"id":"a","method":"GET","url":"/"},{"id":"a","method":"GET","url":"/"}]}`, `"a" is the id of`, "requests[1].id"),
		batch("unknown dependency", `{"requests":[{"id":"a","method":"GET","url":"/","dependsOn":["b"]}]}`, `"b" is no id`, "requests[0].dependsOn[0]"),
		batch("circle", `{"requests":[{"id":"a","method":"GET","url":"/","dependsOn":["b"]},{"id":"b","method":"GET","url":"/","dependsOn":["a"]}]}`, "circular", "requests[0].dependsOn"),
		batch("batch in a batch", `{"requests":[{"id":"a","method":"POST","url":"/$batch"}]}`, "batch", "requests[0].url"),
		batch("batch() in a batch", `{"requests":[{"id":"a","method":"POST","url":"/$batch()","body":{"requests":[]}}]}`, "batch", "requests[0].url"),
		batch("encoded batch in a batch", `{"requests":[{"id":"a","method":"POST","url":"/%24batch%28%29/","body":{"requests":[]}}]}`, "batch", "requests[0].url"),
		batch("another host", `{"requests":[{"id":"a","method":"DELETE","url":"https://example.com/beta/deviceManagement"}]}`, "is not a URL of this service", "requests[0].url"),
		{"batch of text", "POST", "/$batch", "x", []string{"Content-Type", "text/plain"}, 415, "UnsupportedMediaType", "multipart/mixed", "Content-Type"},
		{"batch by GET", "GET", "/$batch", "", nil, 405, "MethodNotAllowed", "POST", ""},
		{"batch without a token", "POST", "/$batch", `{"requests":[]}`, []string{"Authorization", ""}, 401, "InvalidAuthenticationToken", "Bearer", ""},
	}
}

// pageToken makes a page token of a list, as a client that knows the code could.
func pageToken(list string, last ...any) string { return new(odata.Query).NextToken(list, last) }

func batch(name, body, message, target string) refusal {
	return refusal{"batch: " + name, "POST", "/$batch", body, nil, 400, "BadRequest", message, target}
}

func zip(text string) string {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return packed.String()
}

// TestRefusals sends every bad request to a real server, on both engines: each
// gets Graph's error body, and none changes anything.
func TestRefusals(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, store string) {
		t.Helper()
		s := signedIn(t, store)
		script, bare, deleted := s.addScript(t), s.addScript(t), s.addScript(t)
		s.must(t, http.StatusCreated, "POST", scripts+"/"+script+"/runSummary", summaryBody(1))
		s.must(t, http.StatusNoContent, "DELETE", scripts+"/"+deleted, "")
		fill := strings.NewReplacer("{script}", script, "{SCRIPT}", strings.ToUpper(script),
			"{bare}", bare, "{deleted}", deleted, "{url}", s.URL)
		before := s.state(t)
		for _, c := range refusals() {
			t.Run(c.name, func(t *testing.T) {
				r, err := s.send(t.Context(), c.method, fill.Replace(c.path), c.body, c.headers...)
				if err != nil {
					t.Fatal(err)
				}
				checkRefusal(t, c, r)
			})
		}
		if after := s.state(t); after != before {
			t.Errorf("before:\n%s\nafter:\n%s", before, after)
		}
	})
}

// state is all that there is on a server, as text.
func (s *testServer) state(t *testing.T) string {
	t.Helper()
	list := s.must(t, http.StatusOK, "GET", scripts+"?$expand=runSummary&$count=true", "")
	text := list.text
	for _, script := range list.json["value"].([]any) {
		id := script.(map[string]any)["id"].(string)
		text += "\n" + s.must(t, http.StatusOK, "GET", scripts+"/"+id+"/plimsoll.runSummaryHistory()", "").text
	}
	return text
}

func checkRefusal(t *testing.T, c refusal, r *reply) {
	t.Helper()
	e, _ := r.json["error"].(map[string]any)
	inner, _ := e["innerError"].(map[string]any)
	message, _ := e["message"].(string)
	target, _ := e["target"].(string)
	if r.StatusCode != c.status || e["code"] != c.code || !strings.Contains(message, c.message) || target != c.target {
		t.Errorf("%s %q, want %d %s %q %q", r.Status, r.text, c.status, c.code, c.message, c.target)
	}
	if r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("Content-Type %q", r.Header.Get("Content-Type"))
	}
	id := r.Header.Get("request-id")
	if id == "" || inner["request-id"] != id || inner["client-request-id"] != id {
		t.Errorf("request-id %q, innerError %v", id, inner)
	}
	date, _ := inner["date"].(string)
	if at, err := time.Parse("2006-01-02T15:04:05", date); err != nil || time.Since(at) > time.Hour {
		t.Errorf("date %q", date)
	}
	if challenge := r.Header.Get("WWW-Authenticate"); (challenge != "") != (c.status == 401) {
		t.Errorf("WWW-Authenticate %q", challenge)
	}
	if allow := r.Header.Get("Allow"); (allow != "") != (c.status == 405) || !strings.Contains(c.message, allow) {
		t.Errorf("Allow %q", allow)
	}
}
