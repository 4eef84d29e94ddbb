package graph

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"plimsoll"
	"plimsoll/internal/query"
	"plimsoll/internal/service"
)

// manyStates is a fleet with run states on many pages, of which one may fail.
type manyStates struct {
	*smallFleet

	n, broken int // rows; and the row at which the store fails, 0 for none
	largest   int // the most rows that were asked for at once
}

func (f *manyStates) RunStates(_ context.Context, _ string, page query.Page) (rows query.Rows[plimsoll.DeviceRunState], err error) {
	from := int64(page.Skip)
	if page.After != nil {
		from, _ = page.After[0].(int64)
	}
	f.page, f.largest = page, max(f.largest, page.Limit)
	until := min(from+int64(page.Limit), int64(f.n))
	for i := from; i < until; i++ {
		if f.broken > 0 && i >= int64(f.broken) {
			return rows, errors.New("the disk is gone")
		}
		d := f.device
		d.DeviceName = fmt.Sprint("=web-", i)
		rows.Rows = append(rows.Rows, plimsoll.DeviceRunState{
			ScriptID: "s", DeviceID: "d", State: plimsoll.StateFail, Output: "a \"b\", c\nd", Device: &d, RanAt: time.Unix(0, 0).UTC(),
		})
	}
	if until < int64(f.n) {
		rows.Last = []any{until}
	}
	return rows, nil
}

// serveStates serves such a fleet over HTTP.
func serveStates(t *testing.T, f *manyStates) (get func(query string) (*http.Response, []byte, error)) {
	t.Helper()
	s := newTestSurface()
	f.smallFleet = s.fleet
	s.cases = func(*service.Service) fleet { return f }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Scheme, r.URL.Host = "http", r.Host
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return func(query string) (*http.Response, []byte, error) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
			server.URL+"/beta"+strings.Replace(runStatesPath, "{id}", "s", 1)+"?"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+s.token)
		request.Header.Set("Accept", "text/csv")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return nil, nil, err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		return response, body, err
	}
}

func TestCSV(t *testing.T) {
	t.Parallel()
	f := &manyStates{n: 2500}
	get := serveStates(t, f)
	response, body, err := get("")
	if err != nil || response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/csv;charset=utf-8;header=present" {
		t.Fatalf("%v, %v", response, err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(body))).ReadAll()
	if err != nil || len(rows) != 2501 || f.largest > exportPage {
		t.Fatalf("%d rows, %d at once, %v", len(rows), f.largest, err)
	}
	want := [][]string{
		{
			"deviceName", "operatingSystem", "osVersion", "id", "detectionState", "lastStateUpdateDateTime", "expectedStateUpdateDateTime",
			"lastSyncDateTime", "scriptOutput", "scriptError",
		},
		{"'=web-2499", "Linux", "", "s:d", "fail", "1970-01-01T00:00:00Z", "", "", "a \"b\", c\nd", ""},
	}
	if diff := cmp.Diff(want, [][]string{rows[0], rows[2500]}); diff != "" {
		t.Error(diff)
	}
	for query, wantHeader := range map[string]string{
		"$select=detectionState":                             "detectionState",
		"$select=managedDevice,detectionState":               "deviceName,operatingSystem,osVersion,detectionState",
		"$select=id,managedDevice/id,managedDevice/model":    "managedDevice/id,model,id",
		"$select=detectionState&$top=1200&$skip=1":           "detectionState",
		"$format=csv&$select=id&$filter=scriptOutput eq 'x'": "id",
	} {
		_, body, err := get(strings.ReplaceAll(query, " ", "%20"))
		lines := strings.Split(strings.TrimSuffix(string(body), "\r\n"), "\r\n")
		wantLines := 2501
		if strings.Contains(query, "$top") {
			wantLines = 1201
		}
		if err != nil || lines[0] != wantHeader || len(lines) != wantLines {
			t.Errorf("%s: %q and %d lines, %v", query, lines[0], len(lines), err)
		}
	}
	for query, status := range map[string]int{
		"$expand=managedDevice": 400, "$count=true": 400, "$skiptoken=x": 400, "$filter=x": 400, "$format=xml": 406, "$top=0": 200,
	} {
		if response, body, err := get(query); err != nil || response.StatusCode != status {
			t.Errorf("%s: %s, %v", query, body, err)
		}
	}
}

// TestCSVIsWholeOrBroken has the store fail on the first page, which is refused,
// and later, which nobody can take for the end.
func TestCSVIsWholeOrBroken(t *testing.T) {
	t.Parallel()
	response, _, err := serveStates(t, &manyStates{n: 2500, broken: 10})("")
	if err != nil || response.StatusCode != http.StatusInternalServerError {
		t.Errorf("%v, %v", response, err)
	}
	_, body, err := serveStates(t, &manyStates{n: 2500, broken: 2100})("")
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(string(body), "web-1999") {
		t.Errorf("%d bytes were read, then %v", len(body), err)
	}
}

// TestCSVInNoBatch refuses what may be of any length within an answer that may not.
func TestCSVInNoBatch(t *testing.T) {
	t.Parallel()
	s := newTestSurface()
	answered := s.send(t, http.StatusOK, "POST", "/$batch", `{"requests":[{"id":"1","method":"GET","url":"`+devicesPath+`","headers":{"Accept":"text/csv"}}]}`)
	answers, _ := answered["responses"].([]any)
	if first, _ := answers[0].(object); first["status"] != float64(http.StatusNotAcceptable) {
		t.Error(first)
	}
}

// TestNamesImplyTheirOrder sorts by what is filtered by, so that an index serves
// both, and keeps to an order that is wanted.
func TestNamesImplyTheirOrder(t *testing.T) {
	t.Parallel()
	s := newTestSurface()
	path := strings.Replace(runStatesPath, "{id}", "s", 1) + "?$filter=" + url.QueryEscape("contains(managedDevice/deviceName,'web') and detectionState eq 'fail'")
	for more, want := range map[string]string{"": deviceNamed, "&$orderby=id": "id"} {
		s.send(t, http.StatusOK, "GET", path+more, "")
		if order := s.fleet.page.Order; len(order) != 1 || order[0].Expr.Name != want {
			t.Errorf("%s: %v", more, order)
		}
	}
}
