package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"plimsoll"
	"plimsoll/internal/checkin"
)

// wire is a transport that keeps the token that an agent sends, and may spoil it
// on its way.
type wire struct {
	spoil           func(token string) string // nil leaves it as it is
	token           string
	calls, renewals int
}

// RoundTrip sends a request of an agent.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	token, bears := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bears {
		w.renewals++
		return http.DefaultTransport.RoundTrip(r)
	}
	w.calls++
	w.token = token
	r = r.Clone(r.Context())
	if w.spoil != nil {
		r.Header.Set("Authorization", "Bearer "+w.spoil(token))
	}
	return http.DefaultTransport.RoundTrip(r)
}

// wiredAgent enrols a device, and lets it check in once.
func wiredAgent(t *testing.T, s *testServer, secret string) (*checkin.Client, *wire) {
	t.Helper()
	agent, w := newAgent(t, s), &wire{}
	agent.HTTP = &http.Client{Timeout: patience, Transport: w}
	if _, err := agent.Enroll(t.Context(), secret, machine("wired"), ""); err != nil {
		t.Fatal(err)
	}
	checkIn(t, agent, &checkin.CheckInRequest{})
	w.calls, w.renewals = 0, 0
	return agent, w
}

// bring checks in as the agent, with results as they are written.
func (w *wire) bring(t *testing.T, s *testServer, results ...string) *reply {
	t.Helper()
	return s.must(t, http.StatusOK, "POST", s.URL+checkin.CheckInPath,
		`{"instance":"first","results":[`+strings.Join(results, ",")+`]}`, "Authorization", "Bearer "+w.token)
}

// TestOneCheckInAtATime has a device check in while another check-in of its own
// is on its way: it is answered after that one, and not read before.
func TestOneCheckInAtATime(t *testing.T) {
	t.Parallel()
	s := signedIn(t, sqliteAddress(t))
	_, w := wiredAgent(t, s, s.enrollmentSecret(t))
	_, other := wiredAgent(t, s, s.enrollmentSecret(t))
	send := func(token string, body io.Reader) <-chan int {
		answered := make(chan int, 1)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+checkin.CheckInPath, body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Authorization": {"Bearer " + token}, "Content-Type": {"application/json"}, "Expect": {"100-continue"}}
		go func() {
			response, err := (&http.Transport{ExpectContinueTimeout: patience}).RoundTrip(r)
			if err != nil {
				t.Error(err)
				return
			}
			_ = response.Body.Close()
			answered <- response.StatusCode
		}()
		return answered
	}
	slow, rest := io.Pipe()
	first := send(w.token, slow)
	if _, err := rest.Write([]byte(`{"instance":`)); err != nil { // the server reads it: the first has its turn
		t.Fatal(err)
	}
	body := &readBody{Reader: strings.NewReader(`{"instance":"first"}`)}
	second := send(w.token, body)
	if status := <-send(other.token, strings.NewReader(`{"instance":"first"}`)); status != http.StatusOK {
		t.Errorf("another device meanwhile: %d", status)
	}
	time.Sleep(100 * time.Millisecond)
	if body.read.Load() {
		t.Error("the second check-in is read while the first is on its way")
	}
	if _, err := rest.Write([]byte(`"first"}`)); err != nil {
		t.Fatal(err)
	}
	_ = rest.Close()
	if a, b := <-first, <-second; a != http.StatusOK || b != http.StatusOK {
		t.Errorf("the first was answered %d, the second %d", a, b)
	}
}

// readBody tells whether anything was read of it.
type readBody struct {
	io.Reader

	read atomic.Bool
}

func (b *readBody) Read(p []byte) (int, error) {
	b.read.Store(true)
	return b.Reader.Read(p)
}

// codes gives the outcomes of an answer.
func (r *reply) codes() (codes []string) {
	all, _ := r.json["results"].([]any)
	for _, one := range all {
		codes = append(codes, fmt.Sprint(one.(map[string]any)["code"]))
	}
	return codes
}

// TestBadResults brings results that cannot be taken, or not as they are, each
// between two good ones, which count whatever stands beside them.
func TestBadResults(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, store string) {
		t.Helper()
		s := signedIn(t, store)
		agent, w := wiredAgent(t, s, s.enrollmentSecret(t))
		steady := s.assigned(t, agent, "IyEvYmluL3NoCg==").ID
		odd := s.assigned(t, agent, "IyEvYmluL3NoCmV4aXQgMQo=").ID // #!/bin/sh, exit 1
		other := s.addScript(t)
		const usual = `"revision":1,"state":"fail","ranDateTime":"2020-01-02T03:04:05Z"`
		before := time.Now().Add(-time.Second)
		sequence := 0
		for _, c := range []struct{ members, code, message, output string }{
			{usual + `,"output":"first"`, "accepted", "", "first"},
			{`"scriptId":"` + other + `",` + usual, "notAssigned", "", "first"},
			{`"scriptId":"00000000-0000-4000-8000-000000000000",` + usual, "notAssigned", "", "first"},
			{`"scriptId":"no id",` + usual, "invalid", "scriptId", "first"},
			{strings.Replace(usual, `"revision":1`, `"revision":2`, 1), "futureRevision", "", "first"},
			{strings.Replace(usual, `"revision":1`, `"revision":0`, 1), "invalid", "revision", "first"},
			{strings.Replace(usual, `"revision":1`, `"revision":9223372036854775807`, 1), "futureRevision", "", "first"},
			{strings.Replace(usual, `"revision":1`, `"revision":9223372036854775808`, 1), "invalid", "revision", "first"},
			{`"sequence":1,` + usual + `,"output":"late"`, "duplicate", "", "first"},
			{`"sequence":0,` + usual, "invalid", "sequence", "first"},
			{`"sequence":-1,` + usual, "invalid", "sequence", "first"},
			{strings.Replace(usual, "2020", "9999", 1) + `,"output":"ahead"`, "acceptedClockAhead", "", "ahead"},
			{strings.Replace(usual, "2020", "0002", 1) + `,"output":"long ago"`, "accepted", "", "long ago"},
			{strings.Replace(usual, "2020", "12030", 1), "invalid", "ranDateTime", "long ago"},
			{strings.Replace(usual, "2020-01-02T03:04:05Z", "0001-01-01T00:00:00Z", 1), "invalid", "ranDateTime", "long ago"},
			{strings.Replace(usual, `"fail"`, `"pending"`, 1), "invalid", "state", "long ago"},
			{strings.Replace(usual, `"fail"`, `"notApplicable"`, 1), "invalid", "state", "long ago"},
			{strings.Replace(usual, `"fail"`, `1`, 1), "invalid", "state", "long ago"},
			{usual + `,"output":1`, "invalid", "output", "long ago"},
			{usual + `,"newer":{"a":[1]},"output":"of a newer agent"`, "accepted", "", "of a newer agent"},
			{usual + `,"newer":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `,"output":"deep"`, "accepted", "", "deep"},
			{usual + ",\"output\":\"no \xff\xfe text \xed\xa0\x80\"", "accepted", "", "no \ufffd\ufffd text \ufffd\ufffd\ufffd"},
			{usual + `,"output":"half a pair: \ud800, and nothing: \u0000"`, "accepted", "", "half a pair: \ufffd, and nothing: \ufffd"},
			{
				usual + `,"output":"` + strings.Repeat("a", 1<<20) + `"`, "accepted", "",
				strings.Repeat("a", 16<<10) + "\n[… 1015808 bytes are left out …]\n" + strings.Repeat("a", 16<<10),
			},
		} {
			sequence++
			bad := c.members
			if !strings.Contains(bad, `"scriptId"`) {
				bad = `"scriptId":"` + odd + `",` + bad
			}
			if !strings.Contains(bad, `"sequence"`) {
				bad += fmt.Sprintf(`,"sequence":%d`, sequence)
			}
			good := func(n int) string {
				return fmt.Sprintf(`{"scriptId":%q,"sequence":%d,%s}`, steady, n, usual)
			}
			r := w.bring(t, s, good(2*sequence), "{"+bad+"}", good(2*sequence+1))
			if !slices.Equal(r.codes(), []string{"accepted", c.code, "accepted"}) || !strings.Contains(r.text, c.message) {
				t.Errorf("%.200q: %s", bad, r.text)
			}
			state := s.must(t, http.StatusOK, "GET", scripts+"/"+odd+"/deviceRunStates/"+odd+":"+agent.DeviceID, "").json
			if state["scriptOutput"] != c.output {
				t.Errorf("%.200q: %.200q is stored", bad, state["scriptOutput"])
			}
			if at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(state["lastStateUpdateDateTime"])); c.output == "ahead" &&
				(err != nil || at.Before(before) || at.After(time.Now().Add(time.Second))) {
				t.Errorf("a run in the far future is at %v, %v", state["lastStateUpdateDateTime"], err)
			}
		}
		for _, result := range []string{`1`, `null`, `[]`, `{}`, `"x"`} {
			if r := w.bring(t, s, result); !slices.Equal(r.codes(), []string{"invalid"}) {
				t.Errorf("%s: %s", result, r.text)
			}
		}
		s.wantIssues(t, odd, 1)
		s.wantIssues(t, steady, 1)
		verifyStore(t, store)
	})
}

// wantIssues wants so many devices in a summary to have the issue.
func (s *testServer) wantIssues(t *testing.T, script string, want int) {
	t.Helper()
	if r := s.must(t, http.StatusOK, "GET", scripts+"/"+script+"/runSummary", ""); r.json["issueDetectedDeviceCount"] != float64(want) {
		t.Errorf("want %d devices with the issue: %s", want, r.text)
	}
}

// TestTooManyResults brings 200 results at once: half of them count, and the
// others when they are sent again.
func TestTooManyResults(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, store string) {
		t.Helper()
		s := signedIn(t, store)
		agent, _ := wiredAgent(t, s, s.enrollmentSecret(t))
		script := s.assigned(t, agent, "IyEvYmluL3NoCg==")
		queue := make([]checkin.Result, 200)
		for i := range queue {
			queue[i] = checkin.Result{
				ScriptID: script.ID, Revision: 1, Sequence: int64(i + 1), RanAt: time.Now().UTC(),
				State: []string{"fail", "success"}[i/100], Output: strings.Repeat("x", 1000),
			}
		}
		for round, issues := range []int{1, 0} {
			codes := outcomes(checkIn(t, agent, &checkin.CheckInRequest{Results: queue}))
			for i, code := range codes {
				if want := []plimsoll.Outcome{plimsoll.OutcomeAccepted, plimsoll.OutcomeTooMany}[i/100]; code != want {
					t.Errorf("round %d: result %d is %s, want %s", round, i, code, want)
				}
			}
			queue = queue[100:]
			s.wantIssues(t, script.ID, issues)
		}
	})
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.String()
}

// TestBadAgentBodies sends what is no check-in, whoever sends it: it is refused
// soon and in few bytes, and the next check-in is answered as before.
func TestBadAgentBodies(t *testing.T) {
	t.Parallel()
	s := signedIn(t, sqliteAddress(t))
	agent, w := wiredAgent(t, s, s.enrollmentSecret(t))
	whole := gzipped(t, `{"instance":"first"}`)
	bomb := strings.Repeat(gzipped(t, strings.Repeat(" ", 32<<20)), 128) // 4 MiB, of which gzip makes 4 GiB (RFC 1952, section 2.2)
	deep := strings.Repeat(`{"a":`, 1<<20)
	for _, c := range []struct {
		name, path, body, encoding string
		status                     int
	}{
		{"a gzip bomb", checkin.CheckInPath, bomb, "gzip", 413},
		{"a gzip bomb without its label", checkin.CheckInPath, bomb, "", 413},
		{"a gzip bomb to enrol", checkin.EnrollPath, bomb[:60<<10], "gzip", 413},
		{"a large body", checkin.CheckInPath, strings.Repeat(" ", 24<<20), "", 413},
		{"a large body to enrol", checkin.EnrollPath, strings.Repeat(" ", 1<<20), "", 413},
		{"deep objects", checkin.CheckInPath, deep, "", 400},
		{"deep objects in a member that is not known", checkin.CheckInPath, `{"instance":"first","newer":` + deep, "", 400},
		{"deep objects in a result", checkin.CheckInPath, `{"instance":"first","results":[` + deep, "", 400},
		{"deep arrays, packed", checkin.CheckInPath, gzipped(t, strings.Repeat("[", 15<<20)), "gzip", 400},
		{"deep arrays to enrol", checkin.EnrollPath, strings.Repeat("[", 60<<10), "", 400},
		{"half of a gzip stream", checkin.CheckInPath, whole[:len(whole)/2], "gzip", 400},
		{"a gzip stream without its sum", checkin.CheckInPath, whole[:len(whole)-4], "gzip", 400},
		{"a gzip stream of another sum", checkin.CheckInPath, whole[:len(whole)-8] + "\x00\x00\x00\x00" + whole[len(whole)-4:], "gzip", 400},
		{"a gzip stream that is none", checkin.CheckInPath, "\x1f\x8bno", "gzip", 400},
		{"something behind a gzip stream", checkin.CheckInPath, whole + "{}", "gzip", 400},
		{"another packing", checkin.CheckInPath, whole, "br", 415},
		{"two packings", checkin.CheckInPath, whole, "gzip, gzip", 415},
		{"nothing", checkin.CheckInPath, "", "", 400},
		{"a check-in of nobody", checkin.CheckInPath, `{}`, "", 400},
		{"plain JSON that is called packed", checkin.CheckInPath, `{"instance":"first"}`, "gzip", 200},
		{"a packed check-in", checkin.CheckInPath, whole, "gzip", 200},
		{"a packed check-in without its label", checkin.CheckInPath, whole, "", 200},
	} {
		began := time.Now()
		r := s.must(t, c.status, "POST", s.URL+c.path, c.body, "Authorization", "Bearer "+w.token, "Content-Encoding", c.encoding)
		if took := time.Since(began); took > longest || c.status != 200 && (len(r.text) > 1000 || !strings.Contains(r.text, `"request-id"`)) {
			t.Errorf("%s: %v, %.1000s", c.name, took, r.text)
		}
	}
	var bombing sync.WaitGroup
	for range 4 {
		bombing.Go(func() {
			r, err := s.send(t.Context(), "POST", s.URL+checkin.CheckInPath, bomb, "Authorization", "Bearer "+w.token)
			if err != nil || r.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("one bomb of many: %v, %v", err, r.shown())
			}
			// More than is read of any body: the connection may break before the answer is seen.
			r, err = s.send(t.Context(), "POST", s.URL+checkin.CheckInPath, strings.Repeat(" ", 100<<20), "Authorization", "Bearer "+w.token)
			if err == nil && r.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("100 MiB: %v", r.shown())
			}
		})
	}
	bombing.Wait()
	checkIn(t, agent, &checkin.CheckInRequest{})
	_, resident, _ := strings.Cut(s.must(t, http.StatusOK, "GET", s.URL+"/metrics", "").text, "\nprocess_resident_memory_bytes ")
	resident, _, _ = strings.Cut(resident, "\n")
	if bytes, err := strconv.ParseFloat(resident, 64); err != nil || bytes > 1<<30 {
		t.Errorf("the server has taken %s bytes of memory, %v", resident, err)
	}
}
