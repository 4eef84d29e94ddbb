package graph

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"plimsoll"
	"plimsoll/internal/auth"
	"plimsoll/internal/service"
)

// watchedFleet is looked at, and changed meanwhile.
type watchedFleet struct {
	mu    sync.Mutex
	state plimsoll.FleetState
	fault error
	slow  time.Duration // a look takes this long
	looks int
}

func (f *watchedFleet) look(ctx context.Context) (plimsoll.FleetState, error) {
	f.mu.Lock()
	slow := f.slow
	f.mu.Unlock()
	select {
	case <-time.After(slow):
	case <-ctx.Done():
		return plimsoll.FleetState{}, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looks++
	state := f.state
	state.Summaries = slices.Clone(f.state.Summaries)
	return state, f.fault
}

// looked gives how often it was looked at since the last time.
func (f *watchedFleet) looked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.looks
	f.looks = 0
	return n
}

func (f *watchedFleet) change(change func(*plimsoll.FleetState)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.state)
}

// browser reads a page. One that is stuck takes nothing, and lets writes wait for
// their deadline.
type browser struct {
	header http.Header
	stuck  bool
	leave  context.CancelFunc
	ended  chan struct{}

	mu       sync.Mutex
	status   int
	text     strings.Builder
	deadline time.Time
}

func (b *browser) Header() http.Header { return b.header }

func (b *browser) WriteHeader(status int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status = status
}

func (b *browser) Write(text []byte) (int, error) {
	b.mu.Lock()
	deadline := b.deadline
	b.mu.Unlock()
	if b.stuck && len(text) > 0 {
		time.Sleep(time.Until(deadline))
		return 0, os.ErrDeadlineExceeded
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(text)
}

func (b *browser) FlushError() error { return nil }

func (b *browser) SetWriteDeadline(deadline time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deadline = deadline
	return nil
}

// read gives what came since the last time, once nothing more comes at this moment.
func (b *browser) read() string {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	text := b.text.String()
	b.text.Reset()
	return text
}

// isOpen tells whether its page has not ended.
func (b *browser) isOpen() bool {
	synctest.Wait()
	select {
	case <-b.ended:
		return false
	default:
		return true
	}
}

// watched is a surface with a fleet to watch, within a bubble of synctest.
type watched struct {
	*API

	fleet *watchedFleet
}

const readsScripts auth.Permission = "DeviceManagementScripts.Read.All"

// tokenLife is how long the token of a page holds.
const tokenLife = 15 * time.Minute

// watch serves a fleet's changes until the test ends.
func watch(t *testing.T, most int, permission auth.Permission) *watched {
	t.Helper()
	f := &watchedFleet{state: plimsoll.FleetState{
		Summaries: []plimsoll.RunSummaryRecord{reported("a", 1), reported("b", 2)}, ScriptChanges: 5, Devices: 3,
	}}
	pages := NewPages(f.look, most, time.Now, func(error) {})
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(func() {
		stop()
		synctest.Wait()
	})
	go pages.Run(ctx)
	caller := someone{Subject: "c", Permissions: []auth.Permission{permission}, ExpiresAt: time.Now().Add(tokenLife)}
	return &watched{New(service.New(service.Stores{}, nil, time.Now, rand.Reader), pages, caller, noThrottle{}, "tenant",
		slog.New(slog.DiscardHandler), func(string, string, int, time.Duration) {}, time.Now, rand.Reader), f}
}

// open opens a page.
func (w *watched) open(t *testing.T, stuck bool) *browser {
	t.Helper()
	b := &browser{header: http.Header{}, stuck: stuck, ended: make(chan struct{})}
	r := httptest.NewRequest(http.MethodGet, "https://host/beta"+changesPath, nil)
	r.Header.Set("Authorization", "Bearer any")
	var ctx context.Context
	ctx, b.leave = context.WithCancel(t.Context())
	t.Cleanup(b.leave)
	go func() {
		defer close(b.ended)
		w.ServeHTTP(b, r.WithContext(ctx))
	}()
	synctest.Wait()
	return b
}
