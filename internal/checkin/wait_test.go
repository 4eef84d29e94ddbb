package checkin

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzhttp"

	"plimsoll"
	"plimsoll/internal/auth"
	"plimsoll/internal/service"
	"plimsoll/internal/store"
)

// waitServer serves agents as the program does, by a store, but for their tokens:
// each is the id of its device.
type waitServer struct {
	*httptest.Server

	handler *Handler
	service *service.Service
	store   *store.Store
	secret  string // of an enrolment token

	mu   sync.Mutex
	took map[int]time.Duration // as it was observed, by status
}

type tokenIsID struct{}

func (tokenIsID) Verify(_ context.Context, token string) (auth.Principal, error) {
	return auth.Principal{Subject: token}, nil
}

type unbounded struct{}

func (unbounded) Take(string) error { return nil }

// startWaitServer starts a server with time-outs far below those of a wait.
func startWaitServer(t *testing.T, http2 bool, mostWait int) *waitServer {
	t.Helper()
	s, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "plimsoll.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	w := &waitServer{store: s, took: map[int]time.Duration{}}
	w.service = service.New(service.Stores{
		ScriptStore: s, DeviceStore: s, EnrollmentTokenStore: s, Enroller: s, AssignmentStore: s, CheckInStore: s, AgentStarter: starter{s},
	}, nil, time.Now, rand.Reader)
	if _, w.secret, err = w.service.CreateEnrollmentToken(t.Context(), "test", func(*plimsoll.EnrollmentToken) {}); err != nil {
		t.Fatal(err)
	}
	w.handler = NewHandler(Config{
		Service: w.service, Verifier: tokenIsID{}, Throttle: unbounded{}, Log: slog.New(slog.DiscardHandler), MostWait: mostWait,
		Now: time.Now, Random: rand.Reader,
		Observe: func(_, _ string, status int, took time.Duration) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.took[status] = max(w.took[status], took)
		},
	})
	w.Server = httptest.NewUnstartedServer(gzhttp.GzipHandler(w.handler))
	w.Config.ReadTimeout, w.Config.WriteTimeout = 200*time.Millisecond, 200*time.Millisecond
	if w.EnableHTTP2 = http2; http2 {
		w.StartTLS()
	} else {
		w.Start()
	}
	t.Cleanup(w.Close)
	return w
}

// starter has the first agent of each device begin.
type starter struct{ *store.Store }

func (s starter) StartAgent(ctx context.Context, start *plimsoll.AgentStart) error {
	refusals, err := s.StartAgents(ctx, []*plimsoll.AgentStart{start})
	return errors.Join(append(refusals, err)...)
}

// enrol makes a device, and gives the client of its agent.
func (w *waitServer) enrol(t *testing.T) *Client {
	t.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	device, err := w.service.Enroll(t.Context(), w.secret, public, plimsoll.Inventory{DeviceName: "x", OperatingSystem: "Linux"}, "")
	if err != nil {
		t.Fatal(err)
	}
	return &Client{
		Server: w.URL, DeviceID: device.ID, Key: key, HTTP: w.Client(), Now: time.Now, Random: rand.Reader,
		token: device.ID, renewedBy: time.Now().Add(time.Hour),
	}
}

// held gives the etag of what the agent has to run.
func (w *waitServer) held(t *testing.T, agent *Client) string {
	t.Helper()
	answer, err := agent.CheckIn(t.Context(), &CheckInRequest{Instance: "i"})
	if err != nil {
		t.Fatal(err)
	}
	return answer.ETag
}

// errChanged is how a wait ends that ends with a change.
var errChanged = errors.New("it has changed")

// assign gives all devices a script.
func (w *waitServer) assign(t *testing.T) {
	t.Helper()
	script, err := w.service.CreateScript(t.Context(), "test", func(s *plimsoll.Script) { s.DisplayName, s.Content = "x", []byte("#!") })
	if err == nil {
		err = w.service.Assign(t.Context(), "test", script.ID, []plimsoll.Assignment{{Target: plimsoll.Target{Kind: plimsoll.TargetAllDevices}}})
	}
	for worked := true; worked && err == nil; {
		worked, err = w.store.Work(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// ask sends a request of an agent, and gives the answer's version of HTTP, its
// status and its Allow.
func ask(t *testing.T, agent *Client, method, path string, headers ...string) (proto string, status int, allow string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, agent.Server+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+agent.DeviceID)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	response, err := agent.HTTP.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.Proto, response.StatusCode, response.Header.Get("Allow")
}

// TestWaitOutlastsTimeouts waits for longer than the server lets requests be read
// and answered, over each version of HTTP, and uses the connection again.
func TestWaitOutlastsTimeouts(t *testing.T) {
	t.Parallel()
	for version, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			w := startWaitServer(t, http2, 10)
			agent := w.enrol(t)
			etag := w.held(t, agent)
			agent.HTTP.Timeout = 500 * time.Millisecond // which is not for waits
			for range 2 {
				began := time.Now()
				changed, err := agent.Wait(t.Context(), etag, time.Second)
				if took := time.Since(began); changed || err != nil || took < time.Second || took > 10*time.Second {
					t.Errorf("after %v: %t, %v", took, changed, err)
				}
			}
			agent.HTTP.Timeout = time.Minute
			if proto, _, _ := ask(t, agent, "GET", WaitPath); proto != version {
				t.Errorf("it speaks %s", proto)
			}
			ended := w.waiting(t, t.Context(), agent)
			time.Sleep(500 * time.Millisecond)
			w.assign(t)
			if err := <-ended; !errors.Is(err, errChanged) {
				t.Errorf("a change ends it with %v", err)
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			if took := w.took[http.StatusNotModified]; took <= 0 || took >= time.Second {
				t.Errorf("a wait is observed as a request of %v", took)
			}
		})
	}
}

// TestWaitAsked sends what asks to wait, and what does so wrongly.
func TestWaitAsked(t *testing.T) {
	t.Parallel()
	w := startWaitServer(t, false, 10)
	agent := w.enrol(t)
	etag := `"` + w.held(t, agent) + `"`
	for _, c := range []struct {
		headers []string
		status  int
	}{
		{nil, 204},
		{[]string{"If-None-Match", ""}, 204},
		{[]string{"If-None-Match", etag}, 304},
		{[]string{"If-None-Match", "W/" + etag}, 304},
		{[]string{"If-None-Match", etag, "Prefer", "wait=0"}, 304},
		{[]string{"If-None-Match", etag, "Prefer", "respond-async"}, 304},
		{[]string{"If-None-Match", etag, "Prefer", `x="a, wait=9"; y=z`}, 304},
		{[]string{"If-None-Match", `"other"`, "Prefer", "wait=240"}, 204},
		{[]string{"If-None-Match", `"other"`, "Prefer", "wait=99999999999999999999"}, 204},
		{[]string{"If-None-Match", `"other"`, "Prefer", "x, Wait = 9;y=z", "Prefer", "wait=bad"}, 204},
		{[]string{"If-None-Match", strings.Trim(etag, `"`)}, 400},
		{[]string{"If-None-Match", `"`}, 400},
		{[]string{"If-None-Match", "*"}, 400},
		{[]string{"If-None-Match", etag + ", " + etag}, 400},
		{[]string{"If-None-Match", etag, "If-None-Match", etag}, 400},
		{[]string{"If-None-Match", etag, "Prefer", "wait"}, 400},
		{[]string{"If-None-Match", etag, "Prefer", "wait="}, 400},
		{[]string{"If-None-Match", etag, "Prefer", "wait=-1"}, 400},
		{[]string{"If-None-Match", etag, "Prefer", "wait=1.5"}, 400},
		{[]string{"If-None-Match", etag, "Prefer", `wait="5"`}, 400},
		{[]string{"If-None-Match", etag, "Prefer", "return=minimal, wait=soon"}, 400},
	} {
		if _, status, _ := ask(t, agent, "GET", WaitPath, c.headers...); status != c.status {
			t.Errorf("%q is answered %d, want %d", c.headers, status, c.status)
		}
	}
	if _, status, allow := ask(t, agent, "POST", WaitPath); status != http.StatusMethodNotAllowed || allow != "GET" {
		t.Error(status, allow)
	}
}

// TestWaitIsASighting has a device that only waits: it is seen.
func TestWaitIsASighting(t *testing.T) {
	t.Parallel()
	w := startWaitServer(t, false, 10)
	agent := w.enrol(t)
	etag := w.held(t, agent)
	ended, end := context.WithCancel(t.Context())
	end()
	seen := func() time.Time {
		w.service.StoreSightings(ended, func(err error) {
			if err != nil {
				t.Error(err)
			}
		})
		device, err := w.service.Device(t.Context(), agent.DeviceID)
		if err != nil {
			t.Fatal(err)
		}
		return device.LastSyncAt
	}
	before := seen()
	for _, atMost := range []time.Duration{0, time.Second} {
		time.Sleep(10 * time.Millisecond)
		if _, err := agent.Wait(t.Context(), etag, atMost); err != nil {
			t.Error(err)
		}
		if after := seen(); !after.After(before) {
			t.Errorf("after a wait of %v it was last seen at %v", atMost, after)
		} else {
			before = after
		}
	}
}

// waiting begins a wait of the agent, and returns when the server has it.
func (w *waitServer) waiting(t *testing.T, ctx context.Context, agent *Client) (ended <-chan error) { //nolint:revive // the test comes first, as in all helpers
	t.Helper()
	etag, before, end := w.held(t, agent), w.handler.Waiting(), make(chan error, 1)
	go func() {
		changed, err := agent.Wait(ctx, etag, time.Minute)
		if changed {
			err = errors.Join(err, errChanged)
		}
		end <- err
	}()
	w.await(t, before+1)
	return end
}

func (w *waitServer) await(t *testing.T, want int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); w.handler.Waiting() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d wait, want %d", w.handler.Waiting(), want)
		}
	}
}

// TestWaitBounds has as many agents wait as may: more are told to come later, until
// one leaves. Whatever asks without waiting is answered.
func TestWaitBounds(t *testing.T) {
	t.Parallel()
	w := startWaitServer(t, false, 4)
	one, other := w.enrol(t), w.enrol(t)
	leaving, leave := context.WithCancel(t.Context())
	gone := w.waiting(t, leaving, one)
	_ = w.waiting(t, t.Context(), one)
	refused := func(agent *Client) {
		t.Helper()
		_, err := agent.Wait(t.Context(), w.held(t, agent), time.Minute)
		if e, ok := errors.AsType[*Error](err); !ok || e.Status != http.StatusTooManyRequests || e.RetryAfter != maxRetryWait {
			t.Errorf("it is not refused: %v", err)
		}
		if changed, err := agent.Wait(t.Context(), w.held(t, agent), 0); changed || err != nil {
			t.Error(changed, err)
		}
	}
	refused(one) // the third of one device
	_ = w.waiting(t, t.Context(), other)
	_ = w.waiting(t, t.Context(), other)
	third := w.enrol(t)
	refused(third)
	leave()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	w.await(t, 3)
	ended := w.waiting(t, t.Context(), third)
	w.handler.StopWaiting()
	if err := <-ended; err != nil {
		t.Errorf("the end of all waits is %v", err)
	}
	w.await(t, 0)
	began := time.Now()
	if changed, err := third.Wait(t.Context(), w.held(t, third), time.Minute); changed || err != nil || time.Since(began) > 10*time.Second {
		t.Error(changed, err)
	}
}

// TestWaitBesideCheckIn has an agent wait and check in at once: neither holds the
// other up, and a renewed token serves both.
func TestWaitBesideCheckIn(t *testing.T) {
	t.Parallel()
	w := startWaitServer(t, true, 10)
	agent := w.enrol(t)
	ended := w.waiting(t, t.Context(), agent)
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			for i := range 20 {
				agent.setToken(agent.DeviceID, time.Now().Add(time.Hour+time.Duration(i)))
				if _, err := agent.CheckIn(t.Context(), &CheckInRequest{Instance: "i", ETag: fmt.Sprint(i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	select {
	case err := <-ended:
		t.Errorf("a check-in ends the wait: %v", err)
	default:
	}
	if err := w.service.DeleteDevice(t.Context(), "test", agent.DeviceID, nil); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("the wait of a deleted device ends well")
	}
}

// FuzzWaitHeaders reads any headers: they are refused as invalid, or say how long to
// wait for what.
func FuzzWaitHeaders(f *testing.F) {
	f.Add("wait=10", `"abc"`)
	f.Add(`a="b,\",c"; d, WAIT=010`, `W/"abc"`)
	f.Add("wait=99999999999999999999,wait=1", `*`)
	f.Fuzz(func(t *testing.T, prefer, match string) {
		header := http.Header{"Prefer": {prefer}, "If-None-Match": {match}}
		if wait, err := preferredWait(header); err != nil && plimsoll.ErrorCode(err) != plimsoll.Invalid || wait < 0 {
			t.Errorf("%q: %v, %v", prefer, wait, err)
		}
		if tag, err := heldETag(header); err != nil && plimsoll.ErrorCode(err) != plimsoll.Invalid || strings.Contains(tag, `"`) {
			t.Errorf("%q: %q, %v", match, tag, err)
		}
	})
}
