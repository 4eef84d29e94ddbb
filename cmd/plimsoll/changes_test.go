package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"plimsoll/internal/store/pgtest"
)

const changes = "/deviceManagement/plimsoll.changes"

// event is one of a stream of events, by its name.
type event struct {
	name string
	data map[string]any
	at   time.Time
}

// changesStream opens a page as a browser does, and gives what it is sent: the channel
// is closed at the stream's end.
func (s *testServer) changesStream(ctx context.Context, t *testing.T) <-chan event {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/beta"+changes, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+s.token)
	request.Header.Set("Accept-Encoding", "gzip")         // which the server must not take up for a stream
	client := &http.Client{Transport: s.client.Transport} // s.client would end the stream itself
	answer, err := client.Do(request)                     //nolint:bodyclose // it is, at the stream's end
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/event-stream") ||
		answer.Header.Get("Content-Encoding") != "" {
		body, _ := io.ReadAll(answer.Body)
		t.Fatalf("%s %v: %s", answer.Status, answer.Header, body)
	}
	events := make(chan event, 100)
	go func() {
		defer close(events)
		defer answer.Body.Close()
		var e event
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				e = event{name: name, at: time.Now()}
			}
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				if err := json.Unmarshal([]byte(data), &e.data); err != nil {
					t.Errorf("%q: %v", data, err)
				}
				events <- e
			}
		}
	}()
	return events
}

// next waits for an event that is wanted, and passes over others.
func next(t *testing.T, events <-chan event, what string, wanted func(event) bool) event {
	t.Helper()
	for late := time.After(patience); ; {
		select {
		case e, more := <-events:
			if !more {
				t.Fatalf("%s: the stream ended", what)
			}
			if wanted(e) {
				return e
			}
		case <-late:
			t.Fatalf("%s: nothing of it came", what)
		}
	}
}

// hasCounts tells of events with a script's counts, such as "1 0 0 0".
func hasCounts(id, counts string) func(event) bool {
	return func(e event) bool {
		rows, _ := e.data["value"].([]any)
		for _, row := range rows {
			r, _ := row.(map[string]any)
			if r["scriptId"] == id && counts == fmt.Sprint(r["noIssueDetectedDeviceCount"], " ", r["issueDetectedDeviceCount"], " ",
				r["detectionScriptErrorDeviceCount"], " ", r["detectionScriptPendingDeviceCount"]) {
				return e.name == "summaries"
			}
		}
		return false
	}
}

// TestChanges follows what changes at one of two servers while it is changed at the
// other: what was acknowledged shows within two seconds.
func TestChanges(t *testing.T) {
	t.Parallel()
	a, b := startTwo(t, pgtest.URL(t))
	reported := a.addScript(t)
	a.must(t, http.StatusCreated, "POST", scripts+"/"+reported+"/runSummary", summaryBody(1))
	events := b.changesStream(t.Context(), t)
	first := next(t, events, "all there is", func(event) bool { return true })
	if !hasCounts(reported, "1 2 3 4")(first) {
		t.Errorf("the first event is %+v", first)
	}
	next(t, events, "the number of devices", func(e event) bool { return e.name == "devices" && e.data["count"] == 0.0 })

	shows := func(what string, wanted func(event) bool, change func()) {
		t.Helper()
		change()
		began := time.Now()
		if took := next(t, events, what, wanted).at.Sub(began); took > soon {
			t.Errorf("%s shows after %v", what, took)
		}
	}
	shows("a report", hasCounts(reported, "7 2 3 4"), func() {
		a.must(t, http.StatusCreated, "POST", scripts+"/"+reported+"/runSummary", summaryBody(7))
	})
	secret := a.enrollmentSecret(t)
	var device string
	shows("a device", func(e event) bool { return e.name == "devices" && e.data["count"] == 1.0 }, func() {
		device = a.addDevice(t, secret, "web-1", "Linux")
	})
	var script string
	shows("a script", func(e event) bool { return e.name == "scripts" }, func() { script = a.addScript(t) })
	state := scripts + "/" + script + "/deviceRunStates"
	shows("a run state", hasCounts(script, "0 1 0 0"), func() {
		a.must(t, http.StatusCreated, "POST", state, fmt.Sprintf(`{"id":%q,"detectionState":"fail"}`, device))
	})
	shows("a changed run state", hasCounts(script, "1 0 0 0"), func() {
		a.must(t, http.StatusOK, "PATCH", state+"/"+script+":"+device, `{"detectionState":"success"}`)
	})
	shows("a script's end", func(e event) bool {
		removed, _ := e.data["removed"].([]any)
		return len(removed) == 1 && removed[0] == script
	}, func() { a.must(t, http.StatusNoContent, "DELETE", scripts+"/"+script, "") })
	shows("a device's end", func(e event) bool { return e.name == "devices" && e.data["count"] == 0.0 }, func() {
		a.must(t, http.StatusNoContent, "DELETE", devices+"/"+device, "")
	})

	if !b.hasOpen(t, 1) {
		t.Error("no page is open by the metrics")
	}
	b.wantEnd(t, events)
}

// TestChangesOverHTTP2 does so over TLS and HTTP/2, where pages share a connection with
// all else: one that is closed leaves the other open.
func TestChangesOverHTTP2(t *testing.T) {
	t.Parallel()
	s := startServer(t, sqliteAddress(t), "--tls", "local")
	s.trust(t)
	s.token = s.signIn(t, s.FirstClient)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	left, events := s.changesStream(ctx, t), s.changesStream(t.Context(), t)
	next(t, left, "all there is", func(event) bool { return true })
	leave()
	waitUntil(t, "the server closes the page that was left", func() bool { return s.hasOpen(t, 1) })
	began := time.Now()
	r := s.must(t, http.StatusCreated, "POST", scripts, `{"displayName":"Disk encryption"}`)
	if took := next(t, events, "a script", func(e event) bool { return e.name == "scripts" }).at.Sub(began); took > soon || r.ProtoMajor != 2 {
		t.Errorf("a script shows after %v by %s", took, r.Proto)
	}
	s.wantEnd(t, events)
}

// hasOpen tells whether this many pages are open by the metrics.
func (s *testServer) hasOpen(t *testing.T, n int) bool {
	t.Helper()
	return strings.Contains(s.must(t, http.StatusOK, "GET", s.URL+"/metrics", "").text, fmt.Sprintf("\nplimsoll_open_pages %d\n", n))
}

// wantEnd tells the server to stop, which ends its pages at once.
func (s *testServer) wantEnd(t *testing.T, events <-chan event) {
	t.Helper()
	began := time.Now()
	s.terminate()
	for range events { // until its end
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("a server that is told to stop keeps its pages for %v", took)
	}
}

// TestChangesAreBounded opens more pages than may be, as whom may not, and in ways that
// are not served.
func TestChangesAreBounded(t *testing.T) {
	t.Parallel()
	s := signedIn(t, "sqlite:"+t.TempDir()+"/plimsoll.db", "--max-open-pages", "2")
	s.client = newStreamClient(t)
	events := s.changesStream(t.Context(), t)
	s.changesStream(t.Context(), t)
	if r := s.must(t, http.StatusTooManyRequests, "GET", changes, ""); r.Header.Get("Retry-After") == "" {
		t.Errorf("%v", r.Header)
	}
	s.must(t, http.StatusUnauthorized, "GET", changes, "", "Authorization", "")
	s.must(t, http.StatusNotAcceptable, "GET", changes, "", "Accept", "application/json")
	s.must(t, http.StatusMethodNotAllowed, "POST", changes, "{}")
	if r := s.must(t, http.StatusOK, "HEAD", changes, ""); r.text != "" {
		t.Errorf("%q", r.text)
	}
	batch := `{"requests":[{"id":"1","method":"GET","url":"` + changes + `"}]}`
	if r := s.must(t, http.StatusOK, "POST", "/$batch", batch); !strings.Contains(r.text, `"status":400`) {
		t.Error(r.text)
	}
	s.stop(t)
	for range events { // until its end
	}
}

// TestUnreadPage opens a page whose browser reads nothing: it holds up no other.
func TestUnreadPage(t *testing.T) {
	t.Parallel()
	s := signedIn(t, "sqlite:"+t.TempDir()+"/plimsoll.db")
	s.client = newStreamClient(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/beta"+changes, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+s.token)
	unread, err := (&http.Client{Transport: s.client.Transport}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer unread.Body.Close()
	events := s.changesStream(t.Context(), t)
	script := s.addScript(t)
	for n := range 3 {
		s.must(t, http.StatusCreated, "POST", scripts+"/"+script+"/runSummary", summaryBody(n))
		next(t, events, "a report", hasCounts(script, fmt.Sprint(n, " 2 3 4")))
	}
}
