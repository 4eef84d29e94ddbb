package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"plimsoll/internal/checkin"
)

// TestBadAnswers has a server answer what cannot be followed: the agent goes on
// with what it had, and with its results.
func TestBadAnswers(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(w http.ResponseWriter, r *checkin.CheckInRequest) bool{
		"garbage": func(w http.ResponseWriter, _ *checkin.CheckInRequest) bool { fmt.Fprint(w, "<html>"); return true },
		"nothing": func(http.ResponseWriter, *checkin.CheckInRequest) bool { return true },
		"too few results": func(w http.ResponseWriter, r *checkin.CheckInRequest) bool {
			fmt.Fprint(w, `{"etag":"x","nextCheckInSeconds":900,"inventoryWanted":false,"results":[{},{},{}]}`)
			return true
		},
		"an unknown member": func(w http.ResponseWriter, r *checkin.CheckInRequest) bool {
			fmt.Fprintf(w, `{"etag":"x","nextCheckInSeconds":900,"inventoryWanted":false,"wipe":true,"scripts":[],"results":%s}`, accepted(r))
			return true
		},
		"no end": func(w http.ResponseWriter, r *checkin.CheckInRequest) bool {
			fmt.Fprintf(w, `{"etag":"x","results":%s,"scripts":[`, accepted(r))
			return true
		},
		"too much": func(w http.ResponseWriter, _ *checkin.CheckInRequest) bool {
			fmt.Fprintf(w, `{"etag":"%s"}`, strings.Repeat("x", 17<<20))
			return true
		},
		"a fault":       func(w http.ResponseWriter, _ *checkin.CheckInRequest) bool { http.Error(w, "oops", 500); return true },
		"a bad request": func(w http.ResponseWriter, _ *checkin.CheckInRequest) bool { http.Error(w, "oops", 400); return true },
		"another place": func(w http.ResponseWriter, _ *checkin.CheckInRequest) bool {
			w.Header().Set("Location", "https://192.0.2.1/")
			w.WriteHeader(http.StatusTemporaryRedirect)
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScripted(t)
			c, log := s.settings(t, nil)
			script := s.script(1, "#!/bin/sh\necho well\n")
			s.give(script)
			stop := runAgent(t, c)
			settled(t, c.Folder, log)
			stop()
			a, err := Open(c)
			if err != nil {
				t.Fatal(err)
			}
			s.mu.Lock()
			s.answer = answer
			before := s.checkIns
			s.mu.Unlock()
			script["runRequest"] = 1
			s.give(script)
			err = a.Once(t.Context())
			s.mu.Lock()
			if s.checkIns == before {
				t.Error("no check-in")
			}
			s.mu.Unlock()
			known := name == "an unknown member"
			if (err != nil) == known {
				t.Errorf("the agent ended with %v\n%s", err, log)
			}
			if known && !strings.Contains(log.String(), "what was there before goes on") {
				t.Error(log)
			}
			if len(a.scripts) != 1 || a.given.ETag != "1" {
				t.Errorf("what there is to run became %+v", a.given)
			}
			if err := a.Close(); err != nil {
				t.Fatal(err)
			}
			s.mu.Lock()
			s.answer = nil
			s.mu.Unlock()
			if a, err = Open(c); err != nil {
				t.Fatal(err)
			}
			if err := a.Once(t.Context()); err != nil {
				t.Error(err)
			}
			if err := a.Close(); err != nil {
				t.Fatal(err)
			}
			if got := s.results(); len(got) != 2 || got[1].Sequence != 2 {
				t.Errorf("%+v", got)
			}
		})
	}
}

func accepted(r *checkin.CheckInRequest) string {
	outcomes := make([]map[string]string, len(r.Results))
	for i := range outcomes {
		outcomes[i] = map[string]string{"code": "accepted"}
	}
	text, _ := json.Marshal(outcomes)
	return string(text)
}

// TestOffline runs scripts for hours while the server is away, and has a result
// among others, when it is back, that it has a fault for.
func TestOffline(t *testing.T) {
	t.Parallel()
	s := newScripted(t)
	c, log := s.settings(t, nil)
	clock := setClock(&c)
	s.give(s.script(1, "#!/bin/sh\necho one\n"), s.script(2, "#!/bin/sh\necho two\n"))
	runAgent(t, c)
	eventually(t, "the first runs", log, func() bool { return len(s.results()) == 2 })
	away := func(answer func(http.ResponseWriter, *checkin.CheckInRequest) bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.answer = answer
	}
	away(func(w http.ResponseWriter, _ *checkin.CheckInRequest) bool {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	for queued := 2; queued <= 10; queued += 2 {
		clock.Add(int64(time.Hour))
		eventually(t, "results wait", log, func() bool { status, err := ReadStatus(c.Folder); return err == nil && status.Queued == queued })
	}
	if status, err := ReadStatus(c.Folder); err != nil || !strings.Contains(status.Problem, "503") || status.Scripts[0].Reported {
		t.Errorf("%+v, %v", status, err)
	}
	away(func(w http.ResponseWriter, r *checkin.CheckInRequest) bool {
		poison := slices.ContainsFunc(r.Results, func(one checkin.Result) bool { return one.Sequence == 4 && strings.HasSuffix(one.ScriptID, "1") })
		if poison {
			http.Error(w, `{"error":{"code":"BadRequest","message":"as it is"}}`, http.StatusBadRequest)
		}
		return poison
	})
	eventually(t, "all but one", log, func() bool { clock.Add(int64(time.Second)); return len(s.results()) >= 11 })
	last := map[string]int64{}
	for _, result := range s.results() {
		if result.Sequence <= last[result.ScriptID] {
			t.Errorf("%d after %d", result.Sequence, last[result.ScriptID])
		}
		last[result.ScriptID] = result.Sequence
	}
	for id, sequence := range last {
		if sequence < 6 {
			t.Errorf("the last result of %s is %d", id, sequence)
		}
	}
}

// TestUnsavedOnItsWay has a result that the disk would not take on its way to the
// server when the disk takes results again: it leaves the agent once it is
// acknowledged, and not before.
func TestUnsavedOnItsWay(t *testing.T) {
	t.Parallel()
	s := newScripted(t)
	c, _ := s.settings(t, nil)
	a, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer func() {
		cancel()
		a.work.Wait()
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}()
	for n := range int64(3) {
		a.record("a").Sequence++
		a.unsaved = append(a.unsaved, checkin.Result{ScriptID: "a", Revision: 1, Sequence: n + 1, State: "fail"})
	}
	a.link.checkIn(ctx, a, a.Now())
	a.step(ctx) // the disk has room
	if len(a.unsaved) != 3 || a.journal.held != 0 {
		t.Errorf("%d are in memory, %d on disk", len(a.unsaved), a.journal.held)
	}
	settleDown(ctx, a)
	if got := s.results(); len(got) != 3 || got[2].Sequence != 3 || a.waits() {
		t.Errorf("%+v; some wait: %t", got, a.waits())
	}
}
