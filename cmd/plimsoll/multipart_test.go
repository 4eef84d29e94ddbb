package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// asPart writes a request as a part of a batch; id is its Content-ID, or "".
func asPart(id, method, url, body string, headers ...string) string {
	text := "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
	if id != "" {
		text += "Content-ID: " + id + "\r\n"
	}
	text += "\r\n" + method + " " + url + " HTTP/1.1\r\n"
	for i := 0; i < len(headers); i += 2 {
		text += headers[i] + ": " + headers[i+1] + "\r\n"
	}
	if body != "" {
		text += fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	return text + "\r\n" + body
}

// asChangeSet writes a part that holds parts.
func asChangeSet(parts ...string) string {
	return "Content-Type: multipart/mixed; boundary=set\r\n\r\n" + asMixed("set", parts...)
}

func asMixed(boundary string, parts ...string) string {
	text := "what stands here is passed over\r\n"
	for _, part := range parts {
		text += "--" + boundary + "\r\n" + part + "\r\n"
	}
	return text + "--" + boundary + "--\r\n"
}

// read is an answer as net/http reads it.
type read struct {
	id, text string
	status   int
	header   http.Header
}

// readMixed reads the answers as any client of multipart/mixed would; those to a
// change set stand together.
func readMixed(t *testing.T, contentType string, body io.Reader) (all [][]read) {
	t.Helper()
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil || media != "multipart/mixed" {
		t.Fatalf("Content-Type %q: %v", contentType, err)
	}
	parts := multipart.NewReader(body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if kind := part.Header.Get("Content-Type"); strings.HasPrefix(kind, "multipart/mixed") {
			var set []read
			for _, one := range readMixed(t, kind, part) {
				set = append(set, one...)
			}
			all = append(all, set)
			continue
		}
		if part.Header.Get("Content-Type") != "application/http" || part.Header.Get("Content-Transfer-Encoding") != "binary" {
			t.Error(part.Header)
		}
		response, err := http.ReadResponse(bufio.NewReader(part), nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		if err := errors.Join(err, response.Body.Close()); err != nil {
			t.Fatal(err)
		}
		all = append(all, []read{{part.Header.Get("Content-ID"), string(text), response.StatusCode, response.Header}})
	}
}

// runMixed sends a batch in multipart.
func (s *testServer) runMixed(t *testing.T, prefer string, parts ...string) [][]read {
	t.Helper()
	r := s.must(t, http.StatusOK, "POST", "/$batch", asMixed("batch", parts...), "Content-Type", "multipart/mixed; boundary=batch", "Prefer", prefer)
	return readMixed(t, r.Header.Get("Content-Type"), strings.NewReader(r.text))
}

// statuses gives the statuses of answers, in brackets those of a change set.
func statuses(all [][]read) (text string) {
	for _, unit := range all {
		var each []string
		for _, one := range unit {
			each = append(each, strings.TrimSpace(one.id+" "+fmt.Sprint(one.status)))
		}
		if len(unit) == 1 {
			text += each[0] + "; "
			continue
		}
		text += "[" + strings.Join(each, ", ") + "]; "
	}
	return strings.TrimSuffix(text, "; ")
}

func wantMixed(t *testing.T, all [][]read, want string) {
	t.Helper()
	if got := statuses(all); got != want {
		t.Errorf("answered %s, want %s: %v", got, want, all)
	}
}

// TestMixedAnswers compares each answer with the same alone.
func TestMixedAnswers(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		of := s.addSubjects(t)
		paths := []string{
			of.everything, scripts + "?$select=id&$top=1", of.everything + "/detectionScriptContent/$value", of.everything + "/displayName/$value", of.nothing + "/publisher",
			scripts + "/$count", "/$metadata", "/me", of.nothing + "/runSummary",
		}
		var parts []string
		for i, path := range paths {
			parts = append(parts, asPart(fmt.Sprint(i), "GET", []string{"", "/beta", s.URL + "/beta"}[i%3]+path, ""))
		}
		all := s.runMixed(t, "odata.continue-on-error", parts...)
		if len(all) != len(paths) {
			t.Fatal(all)
		}
		for i, path := range paths {
			alone, err := s.send(t.Context(), "GET", path, "")
			got := all[i][0]
			if err != nil || got.status != alone.StatusCode || got.id != fmt.Sprint(i) || alone.StatusCode < 400 && got.text != alone.text {
				t.Errorf("%s: %v, alone %v %s", path, got, err, alone.shown())
			}
			for _, name := range []string{"Content-Type", "ETag", "OData-Version"} {
				if diff := cmp.Diff(alone.Header.Get(name), got.header.Get(name)); diff != "" {
					t.Errorf("%s: %s: %s", path, name, diff)
				}
			}
		}
		head := s.runMixed(t, "", asPart("", "HEAD", of.everything, ""), asPart("", "GET", of.everything, "", "If-None-Match", `W/"1"`))
		if statuses(head) != "200; 304" || head[0][0].text+head[1][0].text != "" {
			t.Error(head)
		}
	})
}

// TestMixedOrder runs requests in order up to the first that fails, or all.
func TestMixedOrder(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		script := scripts + "/" + s.addScript(t)
		edit := func(id, version string) string {
			return asPart(id, "PATCH", script, `{"version":"`+version+`"}`)
		}
		parts := []string{
			edit("a", "1"), asPart("b", "GET", script+"/version/$value", ""), asChangeSet(edit("c", "2"), edit("d", "3")), asPart("e", "DELETE", script+"/runSummary", ""),
			edit("f", "4"), asChangeSet(edit("g", "5"), asPart("h", "PATCH", script, `{"displayName":""}`), edit("i", "6")), asPart("j", "GET", script+"/version/$value", ""),
		}
		stopped := s.runMixed(t, "", parts...)
		wantMixed(t, stopped, "a 200; b 200; [c 200, d 200]; e 404")
		if stopped[1][0].text != "1" {
			t.Error(stopped)
		}
		wantMixed(t, s.runMixed(t, "odata.continue-on-error=false", parts...), "a 200; b 200; [c 200, d 200]; e 404")
		whole := s.runMixed(t, "continue-on-error", parts...)
		wantMixed(t, whole, "a 200; b 200; [c 200, d 200]; e 404; f 200; h 400; j 200")
		if whole[6][0].text != "4" {
			t.Error(whole)
		}
		wantMixed(t, s.runMixed(t, "", parts[5], parts[6]), "h 400")
		r := s.must(t, http.StatusOK, "POST", "/$batch", asMixed("batch", parts[0]), "Content-Type", "multipart/mixed; boundary=\"batch\"", "Prefer", "odata.continue-on-error")
		if r.Header.Get("Preference-Applied") != "odata.continue-on-error" || r.Header.Get("OData-Version") != "4.0" {
			t.Error(r.Header)
		}
	})
}

// TestChangeSets makes the changes of a set together, or none of them.
func TestChangeSets(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		of := s.addSubjects(t)
		set := []string{
			asPart("1", "POST", scripts, `{"displayName":"made"}`), asPart("2", "POST", "$1/runSummary", summaryBody(8)),
			asPart("3", "PATCH", "/$1", `{"version":"8"}`, "If-Match", `W/"1"`), asPart("4", "PATCH", of.everything, `{"version":"8"}`),
			asPart("5", "DELETE", of.everything+"/runSummary", ""), asPart("6", "POST", of.nothing+"/runSummary", summaryBody(9)),
		}
		before := s.state(t)
		for _, fault := range []string{
			asPart("x", "PATCH", "$1", `{"displayName":""}`), asPart("x", "PATCH", "$1", `{}`, "If-Match", `"1"`), asPart("x", "PATCH", of.everything+"/runSummary", `{}`),
			asPart("x", "DELETE", scripts+"/x", ""), asPart("x", "POST", "/me", `{}`), asPart("x", "POST", scripts, `{"displayName":"x"}`, "Authorization", "Bearer x"),
		} {
			all := s.runMixed(t, "odata.continue-on-error", asPart("", "GET", of.everything, ""), asChangeSet(append(slices.Clip(set), fault)...), asPart("", "GET", of.nothing, ""))
			if len(all) != 3 || len(all[1]) != 1 || all[1][0].id != "x" || all[1][0].status < 400 || all[1][0].status == http.StatusFailedDependency {
				t.Errorf("%s: %v", fault, all)
			}
			if after := s.state(t); after != before {
				t.Errorf("%s left its trace: %s", fault, after)
			}
		}
		all := s.runMixed(t, "", asChangeSet(set...), asPart("", "GET", of.nothing+"/runSummary/noIssueDetectedDeviceCount/$value", ""))
		wantMixed(t, all, "[1 201, 2 201, 3 200, 4 200, 5 204, 6 201]; 200")
		if all[1][0].text != "9" {
			t.Error(all)
		}
		made := s.must(t, http.StatusOK, "GET", all[0][0].header.Get("Location")+"?$expand=runSummary", "")
		if made.json["version"] != "8" || made.json["runSummary"].(map[string]any)["noIssueDetectedDeviceCount"] != 8.0 {
			t.Error(made.text)
		}
		s.must(t, http.StatusNotFound, "GET", of.everything+"/runSummary", "")
		outside := s.runMixed(t, "", asPart("n", "POST", scripts, `{"displayName":"n"}`), asChangeSet(asPart("", "PATCH", "$n", `{"version":"1"}`), asPart("", "PATCH", "$n", `{"version":"2"}`)),
			asPart("", "GET", "$n/version/$value", ""))
		if wantMixed(t, outside, "n 201; [200, 200]; 200"); outside[2][0].text != "2" {
			t.Error(outside)
		}
	})
}

// TestMixedRefusals refuses a whole batch for a fault of its form.
func TestMixedRefusals(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		script := scripts + "/" + s.addScript(t)
		fine := asPart("1", "PATCH", script, `{"version":"no"}`)
		before := s.state(t)
		for name, body := range map[string]string{
			"no end": strings.TrimSuffix(asMixed("batch", fine), "--batch--\r\n"), "nothing": "", "no part": asMixed("batch"), "no request": asMixed("batch", "Content-Type: application/http\r\n\r\n"),
			"other boundary": asMixed("other", fine), "same id": asMixed("batch", fine, fine), "read in a set": asMixed("batch", fine, asChangeSet(asPart("", "GET", script, ""))),
			"set in a set": asMixed("batch", fine, asChangeSet(asChangeSet(fine))), "batch in a batch": asMixed("batch", fine, asPart("", "POST", "/$batch", `{}`)),
			"other host": asMixed("batch", fine, asPart("", "GET", "https://example.com/beta/", "")), "later reference": asMixed("batch", asPart("", "GET", "$1", ""), fine),
			"reference into a set": asMixed("batch", asChangeSet(fine), asPart("", "GET", "$1", "")), "too many": asMixed("batch", strings.Split(strings.Repeat(asPart("", "GET", script, "")+"|", 21), "|")[:21]...),
			"text": asMixed("batch", fine, "Content-Type: text/plain\r\n\r\nx"), "short": asMixed("batch", fine, strings.Replace(asPart("", "PATCH", script, `{}`), "Length: 2", "Length: 99", 1)),
		} {
			r := s.must(t, http.StatusBadRequest, "POST", "/$batch", body, "Content-Type", "multipart/mixed; boundary=batch")
			if e, _ := r.json["error"].(map[string]any); e["code"] != "BadRequest" || e["message"] == "" {
				t.Errorf("%s: %s", name, r.text)
			}
		}
		if after := s.state(t); after != before {
			t.Error(after)
		}
	})
}
