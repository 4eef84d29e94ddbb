package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// setWriters are clients that send change sets without a pause. Each set makes a
// script and its summary, and gives two scripts that all share the same version:
// whatever happens, what it leaves is whole.
type setWriters struct {
	shared [2]string // paths
	number atomic.Int32
	done   chan struct{} // tells of an acknowledged set whoever waits for one

	mu           sync.Mutex
	acknowledged map[string]bool // numbers of sets that were answered, as text
}

// start sets the clients to work until their connection breaks.
func (w *setWriters) start(t *testing.T, s *testServer) (wait func()) {
	t.Helper()
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			for w.send(t, s) {
			}
		})
	}
	return all.Wait
}

func (w *setWriters) send(t *testing.T, s *testServer) (goOn bool) {
	t.Helper()
	n := int(w.number.Add(1))
	version := fmt.Sprintf(`{"version":"%d"}`, n)
	set := asChangeSet(asPart("1", "POST", scripts, fmt.Sprintf(`{"displayName":"%d"}`, n)), asPart("2", "PATCH", w.shared[0], version),
		asPart("3", "POST", "$1/runSummary", summaryBody(n)), asPart("4", "PATCH", "$1", version), asPart("5", "PATCH", w.shared[1], version))
	r, err := s.send(t.Context(), "POST", "/$batch", asMixed("batch", set), "Content-Type", "multipart/mixed; boundary=batch")
	if err != nil {
		return false
	}
	if r.StatusCode != http.StatusOK || strings.Count(r.text, "\nHTTP/1.1 20") != 5 {
		t.Errorf("%d: %s", n, r.shown())
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acknowledged[fmt.Sprint(n)] = true
	select {
	case w.done <- struct{}{}:
	default: // nobody waits
	}
	return true
}

// wantWhole reads everything: each set is there as a whole or not at all, and
// those that were acknowledged are.
func (w *setWriters) wantWhole(t *testing.T, s *testServer) (found int) {
	t.Helper()
	there := map[string]bool{}
	for _, script := range s.follow(t, scripts+"?$expand=runSummary&$top=1000&$filter=displayName%20ne%20'shared'") {
		name := script["displayName"].(string)
		summary, _ := script["runSummary"].(map[string]any)
		if script["version"] != name || fmt.Sprint(summary["noIssueDetectedDeviceCount"]) != name || there[name] {
			t.Errorf("a set was made in part: %v", script)
		}
		there[name] = true
	}
	for n := range w.acknowledged {
		if !there[n] {
			t.Errorf("set %s was acknowledged, and is gone", n)
		}
	}
	first, second := s.must(t, http.StatusOK, "GET", w.shared[0], ""), s.must(t, http.StatusOK, "GET", w.shared[1], "")
	if version := first.json["version"]; version != second.json["version"] || version != nil && !there[version.(string)] {
		t.Errorf("the shared scripts are of sets %v and %v", version, second.json["version"])
	}
	if changes := fmt.Sprintf(`W/"%d"`, len(there)+1); first.Header.Get("ETag") != changes || second.Header.Get("ETag") != changes {
		t.Errorf("%d sets left %s and %s", len(there), first.Header.Get("ETag"), second.Header.Get("ETag"))
	}
	return len(there)
}

// TestKilledChangeSets kills the server, again and again, in the midst of change
// sets.
func TestKilledChangeSets(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, store string) {
		t.Helper()
		s := signedIn(t, store)
		w := &setWriters{acknowledged: map[string]bool{}, done: make(chan struct{})}
		for i := range w.shared {
			w.shared[i] = scripts + "/" + s.must(t, http.StatusCreated, "POST", scripts, `{"displayName":"shared"}`).json["id"].(string)
		}
		for range 4 {
			s.client = newStreamClient(t)
			wait := w.start(t, s)
			for range 1 + rand.IntN(30) { // sets that are done before the power fails
				select {
				case <-w.done:
				case <-time.After(patience):
					t.Fatal("no change set is answered")
				}
			}
			s.kill()
			wait()
			s = restart(t, s, store)
			if found, verified := w.wantWhole(t, s), verifyStore(t, store); found != verified {
				t.Errorf("%d sets, and verify counts %d summaries", found, verified)
			}
		}
		t.Logf("%d sets sent, %d acknowledged", w.number.Load(), len(w.acknowledged))
	})
}
