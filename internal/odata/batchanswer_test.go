package odata

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func answersForTest() []BatchAnswer {
	return []BatchAnswer{
		{
			Status: 200, Reason: "OK", Body: []byte("{\"a\": 1.00}\n"),
			Header: header("Content-Type", "application/json;odata.metadata=minimal", "etag", `W/"1"`),
		},
		{Status: 201, Reason: "Created", Header: header("Location", "https://host/\r\nX-Evil: 1")},
		{Status: 204, Reason: "No Content"},
		{Status: 404, Reason: "Not Found", Body: []byte("no \"such\"\nthing ü"), Header: header("Content-Type", "text/plain; charset=utf-8")},
		{Status: 200, Reason: "OK", Body: []byte{0xff, 0xef, 0}, Header: header("Content-Type", "image/png")},
		{},
	}
}

func batchForTest() Batch {
	return Batch{
		Items: []BatchItem{
			{ID: "1"},
			{ID: "2", Group: 1, GroupName: `g"1`},
			{ID: "é", Group: 1, GroupName: `g"1`},
			{ID: "4"},
			{},
			{ID: "6"},
		},
		Units: [][]int{{0}, {1, 2}, {3}, {4}, {5}},
	}
}

func TestAppendJSONAnswers(t *testing.T) {
	t.Parallel()
	batch := batchForTest()
	if got := batch.ContentType("b"); got != "application/json" {
		t.Error(got)
	}
	got := batch.AppendAnswers(nil, answersForTest(), "")
	const want = `{"responses":[` +
		`{"id":"1","status":200,"headers":{"Content-Type":"application/json;odata.metadata=minimal","ETag":"W/\"1\""},"body":{"a": 1.00}` + "\n}," +
		`{"id":"2","atomicityGroup":"g\"1","status":201,"headers":{"Location":"https://host/  X-Evil: 1"}},` +
		`{"id":"é","atomicityGroup":"g\"1","status":204},` +
		`{"id":"4","status":404,"headers":{"Content-Type":"text/plain; charset=utf-8"},"body":"no \"such\"\nthing ü"},` +
		`{"status":200,"headers":{"Content-Type":"image/png"},"body":"_-8A"}]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	var read struct {
		Responses []struct {
			Status  int
			Headers map[string]string
		}
	}
	if err := json.Unmarshal(got, &read); err != nil || len(read.Responses) != 5 || read.Responses[3].Status != 404 {
		t.Error(err, read)
	}
	if got := string(batch.AppendAnswers([]byte("x"), make([]BatchAnswer, 6), "")); got != `x{"responses":[]}` {
		t.Error(got)
	}
}

// part is what the standard library's readers find.
type part struct {
	ID, Encoding string
	Answer       BatchAnswer
	ChangeSet    []part
}

func readParts(t *testing.T, contentType string, body io.Reader) (parts []part) {
	t.Helper()
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil || media != "multipart/mixed" {
		t.Fatal(contentType, err)
	}
	reader := multipart.NewReader(body, params["boundary"])
	for {
		p, err := reader.NextRawPart()
		if err == io.EOF { // and no error that wraps it: that is a body cut short
			return parts
		}
		if err != nil {
			t.Fatal(err)
		}
		if contentType := p.Header.Get("Content-Type"); contentType != "application/http" {
			parts = append(parts, part{ChangeSet: readParts(t, contentType, p)})
			continue
		}
		parts = append(parts, readPart(t, p))
	}
}

func readPart(t *testing.T, p *multipart.Part) part {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(p), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	_, reason, _ := strings.Cut(response.Status, " ")
	response.Header.Del("Content-Length")
	return part{
		ID: p.Header.Get("Content-ID"), Encoding: p.Header.Get("Content-Transfer-Encoding"),
		Answer: BatchAnswer{
			Status: response.StatusCode, Reason: reason,
			Header: map[string][]string(response.Header), Body: body,
		},
	}
}

func TestAppendMixedAnswers(t *testing.T) {
	t.Parallel()
	batch, answers := batchForTest(), answersForTest()
	batch.Multipart = true
	answers[0].Header = header("Content-Type", "application/json", "Etag", `W/"1"`)
	const boundary = "batch_0123456789abcdef"
	text := batch.AppendAnswers(nil, answers, boundary)
	if bytes.Count(text, []byte("\r\n")) != bytes.Count(bytes.ReplaceAll(text, []byte("}\n"), nil), []byte("\n"))-1 {
		t.Errorf("line ends: %q", text)
	}
	answers[1].Header.Set("Location", "https://host/  X-Evil: 1")
	want := []part{
		{ID: "1", Encoding: "binary", Answer: answers[0]},
		{ChangeSet: []part{{ID: "2", Encoding: "binary", Answer: answers[1]}, {ID: "é", Encoding: "binary", Answer: answers[2]}}},
		{ID: "4", Encoding: "binary", Answer: answers[3]},
		{Encoding: "binary", Answer: answers[4]},
	}
	got := readParts(t, batch.ContentType(boundary), bytes.NewReader(text))
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestFailedChangeSet(t *testing.T) {
	t.Parallel()
	batch := Batch{
		Multipart: true, Units: [][]int{{0, 1, 2}},
		Items: []BatchItem{{ID: "1", Group: 1}, {ID: "2", Group: 1}, {ID: "3", Group: 1}},
	}
	for name, statuses := range map[string][3]int{
		"the last":  {424, 424, 409},
		"the first": {409, 424, 0},
		"one alone": {201, 409, 424},
	} {
		answers := make([]BatchAnswer, 3)
		for i, status := range statuses {
			answers[i] = BatchAnswer{Status: status}
		}
		got := readParts(t, batch.ContentType("b"), bytes.NewReader(batch.AppendAnswers(nil, answers, "b")))
		if len(got) != 1 || got[0].Answer.Status != 409 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := string(batch.AppendAnswers(nil, make([]BatchAnswer, 3), "b")); got != "--b--\r\n" {
		t.Errorf("none run: %q", got)
	}
}
