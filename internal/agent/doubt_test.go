package agent

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"plimsoll/internal/agent/runner"
	"plimsoll/internal/checkin"
)

// TestPutBack puts a machine back to what it was, by a snapshot, some runs ago: its next
// result has a number that the server has seen, and must not be taken for one that it
// knows.
func TestPutBack(t *testing.T) {
	t.Parallel()
	for _, ago := range []int{1, 2, 5} {
		t.Run(fmt.Sprint(ago), func(t *testing.T) {
			t.Parallel()
			putBack(t, ago)
		})
	}
}

func putBack(t *testing.T, ago int) {
	t.Helper()
	s := newScripted(t)
	c, log := s.settings(t, nil)
	clock := setClock(&c)
	truth := filepath.Join(t.TempDir(), "truth")
	s.give(s.script(1, "#!/bin/sh\ncat "+truth+"\n")) // once an hour, so that nothing need be told again
	run := func(says string) {
		t.Helper()
		if err := os.WriteFile(truth, []byte(says), 0o600); err != nil {
			t.Fatal(err)
		}
		clock.Add(int64(time.Hour))
		a, err := Open(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Once(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		settled(t, c.Folder, log)
	}
	run("first")
	snapshot := t.TempDir()
	if err := os.CopyFS(filepath.Join(snapshot, "agent"), os.DirFS(c.Folder)); err != nil {
		t.Fatal(err)
	}
	for range ago {
		run("later")
	}
	if err := os.RemoveAll(c.Folder); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(c.Folder, os.DirFS(filepath.Join(snapshot, "agent"))); err != nil {
		t.Fatal(err)
	}
	run("as it is now")
	got := s.results()
	if last := got[len(got)-1]; len(got) != ago+2 || last.Output != "as it is now" || last.Sequence != int64(ago+2) {
		t.Errorf("%+v\n%s", got, log)
	}
}

// TestLostAnswer is told of a result again that the server has: it is not run again.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	s := newScripted(t)
	c, log := s.settings(t, nil)
	s.give(s.script(1, "#!/bin/sh\necho well\n"))
	s.mu.Lock()
	s.answer = func(_ http.ResponseWriter, r *checkin.CheckInRequest) bool {
		if len(r.Results) > 0 && s.unsent == 0 && len(s.got) == 0 {
			s.unsent = 1
		}
		return false
	}
	s.mu.Unlock()
	runAgent(t, c)
	settled(t, c.Folder, log)
	if got := s.results(); len(got) != 1 || strings.Contains(log.String(), "put back") {
		t.Errorf("%+v\n%s", got, log)
	}
}

// TestUnfollowable gives a script that ran in a way that cannot be followed, of the
// same revision: that is reported, once, also through a new process. As it was before,
// it runs again.
func TestUnfollowable(t *testing.T) {
	t.Parallel()
	s := newScripted(t)
	c, log := s.settings(t, nil)
	script := s.script(1, "#!/bin/sh\necho well\n")
	schedule := script["schedule"]
	s.give(script)
	stop := runAgent(t, c)
	settled(t, c.Folder, log)
	script["schedule"] = map[string]any{"kind": "weekly", "useUtc": true}
	s.give(script, map[string]any{"id": "nonsense", "revision": 1}, map[string]any{"revision": 0})
	eventually(t, "the refusal", log, func() bool { return len(s.results()) == 2 })
	stop()
	script["displayName"] = "Another"
	s.give(script)
	stop = runAgent(t, c)
	defer stop()
	eventually(t, "it is told again", log, func() bool { return strings.Count(log.String(), "a script is refused") >= 4 })
	script["schedule"] = schedule
	s.give(script)
	eventually(t, "a run", log, func() bool { return len(s.results()) == 3 })
	if got := s.results(); got[1].State != "scriptError" || got[1].Revision != 1 || got[2].State != "success" {
		t.Errorf("%+v", got)
	}
}

// TestTakenAwayWhileItRuns takes a script away while it runs, and gives it again: it
// must not run beside itself.
func TestTakenAwayWhileItRuns(t *testing.T) {
	t.Parallel()
	s := newScripted(t)
	c, log := s.settings(t, nil)
	folder := t.TempDir()
	script := s.script(1, fmt.Sprintf("#!/bin/sh\nmkdir %[1]s/alone || exit 3\nwhile test ! -e %[1]s/go; do sleep 0.05; done\nrmdir %[1]s/alone\n", folder))
	other := s.script(2, "#!/bin/sh\necho taken\n")
	s.give(script)
	runAgent(t, c)
	eventually(t, "it runs", log, func() bool { _, err := os.Stat(filepath.Join(folder, "alone")); return err == nil })
	s.give(other)
	eventually(t, "it is taken away", log, func() bool { return len(s.results()) == 1 })
	script["runRequest"] = 1
	other["runRequest"] = 1
	s.give(script, other)
	eventually(t, "it is given again", log, func() bool { return len(s.results()) == 2 })
	if err := os.WriteFile(filepath.Join(folder, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both runs", log, func() bool { return len(s.results()) == 4 })
	for _, result := range s.results() {
		if result.State != "success" {
			t.Errorf("%+v", result)
		}
	}
}

// TestGivenAgain takes a script away after it ran, or while it runs, and gives it
// again: the server has forgotten its result, and so it runs again, once.
func TestGivenAgain(t *testing.T) {
	t.Parallel()
	for name, whileItRuns := range map[string]bool{"after it ran": false, "while it runs": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScripted(t)
			c, log := s.settings(t, nil)
			folder := t.TempDir()
			script := s.script(1, fmt.Sprintf("#!/bin/sh\necho run >> %[1]s/runs\nwhile test ! -e %[1]s/go; do sleep 0.05; done\n", folder))
			other := s.script(2, "#!/bin/sh\necho taken\n")
			letGo := func() {
				if err := os.WriteFile(filepath.Join(folder, "go"), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			ran := func(results int) func() bool { return func() bool { return len(s.results()) == results } }
			s.give(script)
			runAgent(t, c)
			if whileItRuns {
				eventually(t, "it runs", log, func() bool { _, err := os.Stat(filepath.Join(folder, "runs")); return err == nil })
				s.give(other)
				eventually(t, "it is taken away", log, ran(1))
				letGo()
			} else {
				letGo()
				eventually(t, "it ran", log, ran(1))
				s.give(other)
			}
			eventually(t, "the other and the first result", log, ran(2))
			s.give(script, other)
			eventually(t, "it runs again", log, ran(3))
			other["runRequest"] = 1
			s.give(script, other)
			eventually(t, "the other runs again", log, ran(4))
			runs, err := os.ReadFile(filepath.Join(folder, "runs"))
			if err != nil || string(runs) != "run\nrun\n" {
				t.Errorf("%q, %v", runs, err)
			}
		})
	}
}

// TestRefusedAgain takes away a script that cannot be followed, and gives it again: the
// server has forgotten the verdict, and so it is told once more.
func TestRefusedAgain(t *testing.T) {
	t.Parallel()
	s := newScripted(t)
	c, log := s.settings(t, nil)
	script := s.script(1, "#!/bin/sh\n")
	script["runAsAccount"] = "root"
	other := s.script(2, "#!/bin/sh\n")
	ran := func(results int) func() bool { return func() bool { return len(s.results()) == results } }
	s.give(script)
	runAgent(t, c)
	eventually(t, "a verdict", log, ran(1))
	s.give(other)
	eventually(t, "the other's result", log, ran(2))
	s.give(script, other)
	eventually(t, "the verdict again", log, ran(3))
	if got := s.results()[2]; got.State != "scriptError" || !strings.Contains(got.Error, "runAsAccount") {
		t.Errorf("%+v", got)
	}
}

// TestRefusedWhileItRuns gives a script in a way that cannot be followed while it runs
// as it was given before: that is the last word on it.
func TestRefusedWhileItRuns(t *testing.T) {
	t.Parallel()
	s := newScripted(t)
	c, log := s.settings(t, nil)
	folder := t.TempDir()
	script := s.script(1, fmt.Sprintf("#!/bin/sh\ntouch %[1]s/runs\nwhile test ! -e %[1]s/go; do sleep 0.05; done\n", folder))
	s.give(script)
	runAgent(t, c)
	eventually(t, "it runs", log, func() bool { _, err := os.Stat(filepath.Join(folder, "runs")); return err == nil })
	script["runAsAccount"] = "root"
	s.give(script)
	eventually(t, "it is refused", log, func() bool { return strings.Contains(log.String(), "a script is refused") })
	if err := os.WriteFile(filepath.Join(folder, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both verdicts", log, func() bool { return len(s.results()) == 2 })
	if got := s.results(); got[0].State != "success" || got[1].State != "scriptError" || !strings.Contains(got[1].Error, "runAsAccount") {
		t.Errorf("%+v", got)
	}
}

// TestContentThatCannotBeRead has a content be gone again and again when it is to run: it
// is not fetched over and over, and that is the verdict in the end.
func TestContentThatCannotBeRead(t *testing.T) {
	t.Parallel()
	s := newScripted(t)
	c, _ := s.settings(t, nil)
	a, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	a.take(assignment{Scripts: []checkin.Script{{
		ID: "a", Revision: 1, ContentHash: strings.Repeat("0", 64), Schedule: checkin.Schedule{Kind: "hourly", Interval: 1},
	}}}, nil)
	script, now := a.scripts[0], time.Now()
	for try := 1; try <= maxFaults; try++ {
		if !a.isDue(script, now) || a.journal.held > 0 {
			t.Fatalf("%d: it is not to be tried: %+v", try, script)
		}
		script.present = true
		a.start(t.Context(), script, &runner.Account{}, now)
		if script.present || !script.putOffAt(now) {
			t.Fatalf("%d: it is tried at once again: %+v", try, script)
		}
		now = now.Add(2 * tryAgain)
	}
	if a.isDue(script, now) || a.journal.held != 1 {
		t.Errorf("%d verdicts: %+v", a.journal.held, script)
	}
}

// TestServerOfTwoMinds gives one thing and then another, none of which its contents
// are: it is not asked over and over.
func TestServerOfTwoMinds(t *testing.T) {
	t.Parallel()
	s := newScripted(t)
	c, log := s.settings(t, nil)
	s.give(s.script(1, "#!/bin/sh\necho well\n"))
	s.mu.Lock()
	s.answer = func(http.ResponseWriter, *checkin.CheckInRequest) bool {
		s.etag++
		s.scripts[0]["revision"] = s.etag
		s.scripts[0]["contentHash"] = strings.Repeat(fmt.Sprint(s.etag%2), 64)
		return false
	}
	s.mu.Unlock()
	runAgent(t, c)
	eventually(t, "the verdict", log, func() bool { return len(s.results()) > 0 })
	time.Sleep(time.Second)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fetched > 5 || s.checkIns > 10 {
		t.Errorf("%d fetches and %d check-ins in a second", s.fetched, s.checkIns)
	}
}

// TestContentThatStaysWrong has the content of a script be another for hours: each
// time that the script is due that is the verdict, and it is not asked for more often.
func TestContentThatStaysWrong(t *testing.T) {
	t.Parallel()
	s := newScripted(t)
	c, log := s.settings(t, nil)
	clock := setClock(&c)
	script := s.script(1, "#!/bin/sh\n")
	s.mu.Lock()
	s.contents[script["id"].(string)] = []byte("another")
	s.mu.Unlock()
	s.give(script)
	runAgent(t, c)
	eventually(t, "the first verdict", log, func() bool { clock.Add(int64(time.Second)); return len(s.results()) == 1 })
	for hour := 1; hour <= 3; hour++ {
		eventually(t, "a verdict of a later hour", log, func() bool { clock.Add(int64(time.Minute)); return len(s.results()) > hour })
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if most := int(time.Duration(clock.Load())/time.Hour) + 2; len(s.got) > most || s.fetched > 2*most {
		t.Errorf("%d verdicts, and it was fetched %d times; want %d", len(s.got), s.fetched, most)
	}
}

// TestNoRoom has a server take no results: they wait, and it is not asked at once again.
func TestNoRoom(t *testing.T) {
	t.Parallel()
	s := newScripted(t)
	c, log := s.settings(t, nil)
	s.give(s.script(1, "#!/bin/sh\necho well\n"))
	full := true
	s.mu.Lock()
	s.answer = func(w http.ResponseWriter, r *checkin.CheckInRequest) bool {
		if !full || len(r.Results) == 0 {
			return false
		}
		fmt.Fprintf(w, `{"etag":%q,"nextCheckInSeconds":900,"inventoryWanted":false,"results":%s}`,
			r.ETag, strings.ReplaceAll(accepted(r), "accepted", "tooMany"))
		return true
	}
	s.mu.Unlock()
	stop := runAgent(t, c)
	eventually(t, "the result is brought", log, func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.checkIns >= 2 })
	time.Sleep(500 * time.Millisecond)
	stop()
	s.mu.Lock()
	if s.checkIns > 4 {
		t.Errorf("%d check-ins in half a second", s.checkIns)
	}
	full = false
	s.mu.Unlock()
	a, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.Once(t.Context()); err != nil || len(s.results()) != 1 {
		t.Errorf("%v, %+v", err, s.results())
	}
}

// TestWaitsThatLie has every wait tell of a change, and then be cut short by what is on
// the way: neither makes the agent ask more and more.
func TestWaitsThatLie(t *testing.T) {
	t.Parallel()
	s := newScripted(t)
	c, log := s.settings(t, nil)
	s.mu.Lock()
	s.wait = func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusNoContent); return true }
	s.mu.Unlock()
	s.give(s.script(1, "#!/bin/sh\necho well\n"))
	stop := runAgent(t, c)
	settled(t, c.Folder, log)
	time.Sleep(3 * time.Second)
	s.mu.Lock()
	if len(s.prefers) > 5 {
		t.Errorf("%d waits in three seconds", len(s.prefers))
	}
	s.mu.Unlock()
	stop()
}

// TestWaitsThatAreCut has something on the way cut waits, in each of its ways: the agent
// waits for less, and when nothing is cut any longer for as long as before.
func TestWaitsThatAreCut(t *testing.T) {
	t.Parallel()
	for name, cut := range map[string]func(http.ResponseWriter){
		"the connection": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"a proxy":        func(w http.ResponseWriter) { w.WriteHeader(http.StatusGatewayTimeout) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScripted(t)
			c, log := s.settings(t, nil)
			clock := setClock(&c)
			s.mu.Lock()
			s.wait = func(w http.ResponseWriter) bool { clock.Add(int64(time.Minute)); cut(w); return true }
			s.mu.Unlock()
			s.give(s.script(1, "#!/bin/sh\necho well\n"))
			runAgent(t, c)
			last := func() string {
				clock.Add(int64(100 * time.Millisecond))
				s.mu.Lock()
				defer s.mu.Unlock()
				return s.prefers[max(0, len(s.prefers)-1):][0]
			}
			eventually(t, "the first wait", log, func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.prefers) > 0 })
			eventually(t, "a shorter wait", log, func() bool { return last() != "wait=240" })
			s.mu.Lock()
			s.wait = func(w http.ResponseWriter) bool {
				clock.Add(int64(4 * time.Minute))
				w.WriteHeader(http.StatusNotModified)
				return true
			}
			s.mu.Unlock()
			eventually(t, "a long wait again", log, func() bool { return last() == "wait=240" })
		})
	}
}

// TestRefusedReports has a server refuse a report for what is in it, and the token that
// is to come before: the newest of a script gives way to a verdict that says so, and a
// token that is refused costs no result.
func TestRefusedReports(t *testing.T) {
	t.Parallel()
	s := newScripted(t)
	c, log := s.settings(t, nil)
	refuseTokens := func(refuse bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.tokenFault = refuse
	}
	s.mu.Lock()
	s.answer = func(w http.ResponseWriter, r *checkin.CheckInRequest) bool {
		poison := slices.ContainsFunc(r.Results, func(one checkin.Result) bool { return strings.Contains(one.Output, "poison") })
		if poison {
			http.Error(w, `{"error":{"code":"BadRequest","message":"not this"}}`, http.StatusBadRequest)
		}
		return poison
	}
	s.mu.Unlock()
	clock := setClock(&c)
	s.give(s.script(1, "#!/bin/sh\necho poison\n"), s.script(2, "#!/bin/sh\necho well\n"))
	runAgent(t, c)
	eventually(t, "both verdicts", log, func() bool { clock.Add(int64(time.Second)); return len(s.results()) == 2 })
	refuseTokens(true)
	clock.Add(int64(time.Hour)) // the token is too old, and both are due
	eventually(t, "tokens are refused", log, func() bool { clock.Add(int64(time.Second)); return strings.Count(log.String(), "no token") >= 4 })
	refuseTokens(false)
	eventually(t, "both verdicts again", log, func() bool { clock.Add(int64(time.Second)); return len(s.results()) >= 4 })
	for _, result := range s.results() {
		isPoison := strings.HasSuffix(result.ScriptID, "1")
		if !isPoison && result.State != "success" || isPoison && (result.State != "scriptError" || !strings.Contains(result.Error, "not this")) {
			t.Errorf("%+v", result)
		}
	}
}

// TestRunsThatEndTheMachine has a script end the machine, or its agent, again and again:
// that is the verdict, of this revision alone.
func TestRunsThatEndTheMachine(t *testing.T) {
	t.Parallel()
	s := newScripted(t)
	c, log := s.settings(t, nil)
	script := s.script(1, "#!/bin/sh\necho well\n")
	for _, step := range []struct {
		revision, begunAs int64
		begun             int
		want              string
	}{{1, 1, maxBegun - 1, "success"}, {2, 2, maxBegun, "scriptError"}, {3, 2, maxBegun, "success"}} {
		a, err := Open(c)
		if err != nil {
			t.Fatal(err)
		}
		r := a.record(script["id"].(string))
		r.Begun, r.BegunAs = step.begun, step.begunAs // as these runs left it
		script["revision"] = step.revision
		s.give(script)
		if err := a.Once(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		got := s.results()
		if last := got[len(got)-1]; last.State != step.want || last.Revision != step.revision {
			t.Errorf("%+v: %+v\n%s", step, last, log)
		}
	}
}
