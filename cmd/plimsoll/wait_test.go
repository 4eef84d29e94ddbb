package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"plimsoll"
	"plimsoll/internal/checkin"
	"plimsoll/internal/store/pgtest"
)

// soon is how long a device's own change may take to reach its agent.
const soon = 2 * time.Second

// ended is how a wait ended.
type ended struct {
	changed bool
	err     error
	at      time.Time
}

// waits has an agent wait, and gives the end of it once the server has the wait.
func (s *testServer) waits(t *testing.T, agent *checkin.Client, etag string) <-chan ended {
	t.Helper()
	before := s.waiting(t)
	end := make(chan ended, 1)
	go func() {
		changed, err := agent.Wait(context.WithoutCancel(t.Context()), etag, time.Minute)
		end <- ended{changed, err, time.Now()}
	}()
	waitUntil(t, "the server has the wait", func() bool { return s.waiting(t) > before })
	return end
}

// waiting gives how many agents wait at the server.
func (s *testServer) waiting(t *testing.T) int {
	t.Helper()
	_, n, _ := strings.Cut(s.must(t, http.StatusOK, "GET", s.URL+"/metrics", "").text, "\nplimsoll_waiting_agents ")
	return int(n[0] - '0')
}

// wantChanged wants a wait to end with a change, this long after it began at most.
func wantChanged(t *testing.T, what string, end <-chan ended, began time.Time, within time.Duration) {
	t.Helper()
	select {
	case e := <-end:
		if took := e.at.Sub(began); !e.changed || e.err != nil || took > within {
			t.Errorf("%s: after %v: %t, %v", what, took, e.changed, e.err)
		}
	case <-time.After(patience):
		t.Fatalf("%s wakes nobody", what)
	}
}

// current gives the etag of what an agent has to run.
func current(t *testing.T, agent *checkin.Client) string {
	t.Helper()
	return checkIn(t, agent, &checkin.CheckInRequest{}).ETag
}

// runNow asks for a script to be run at once.
func (s *testServer) runNow(t *testing.T, agent *checkin.Client, script string) {
	t.Helper()
	s.must(t, http.StatusNoContent, "POST", devices+"/"+agent.DeviceID+"/initiateOnDemandProactiveRemediation", `{"scriptPolicyId":"`+script+`"}`)
}

// waitLife has an agent wait for all that there is to wait for, to the end of its
// device.
func (s *testServer) waitLife(t *testing.T, agent *checkin.Client) {
	t.Helper()
	end, began := s.waits(t, agent, current(t, agent)), time.Now()
	other, _ := wiredAgent(t, s, s.enrollmentSecret(t))
	script := s.assigned(t, other, "IyEvYmluL3NoCg==")
	wantChanged(t, "an assignment", end, began, patience)

	end, began = s.waits(t, agent, current(t, agent)), time.Now()
	s.must(t, http.StatusOK, "PATCH", scripts+"/"+script.ID, `{"detectionScriptContent":"IyEvYmluL3NoCjoK"}`)
	wantChanged(t, "a revision", end, began, patience)

	etag := current(t, agent)
	end = s.waits(t, agent, etag)
	s.runNow(t, other, script.ID) // another's
	s.must(t, http.StatusOK, "PATCH", scripts+"/"+script.ID, `{"description":"new"}`)
	if changed, err := agent.Wait(t.Context(), etag, 0); changed || err != nil {
		t.Error(changed, err)
	}
	began = time.Now()
	s.runNow(t, agent, script.ID)
	wantChanged(t, "a request to run", end, began, soon)
	if answer := checkIn(t, agent, &checkin.CheckInRequest{ETag: etag}); len(answer.Scripts) != 1 || answer.Scripts[0].RunRequest == 0 {
		t.Errorf("%+v", answer)
	}

	end, began = s.waits(t, agent, current(t, agent)), time.Now()
	s.must(t, http.StatusNoContent, "DELETE", devices+"/"+agent.DeviceID, "")
	if e := <-end; !isGone(e.err) || e.at.Sub(began) > soon {
		t.Errorf("a deletion ends the wait after %v: %v", e.at.Sub(began), e.err)
	}
}

// TestWait goes through what agents wait for, on each engine.
func TestWait(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, store string) {
		t.Helper()
		s := signedIn(t, store)
		agent, _ := wiredAgent(t, s, s.enrollmentSecret(t))
		s.waitLife(t, agent)
	})
}

// TestWaitOverHTTP2 does so over TLS and HTTP/2, where the wait shares a connection
// with all else.
func TestWaitOverHTTP2(t *testing.T) {
	t.Parallel()
	s := startServer(t, sqliteAddress(t), "--tls", "local")
	s.trust(t)
	s.token = s.signIn(t, s.FirstClient)
	leaves, stays := newAgent(t, s), newAgent(t, s)
	for _, agent := range []*checkin.Client{leaves, stays} {
		if _, err := agent.Enroll(t.Context(), s.enrollmentSecret(t), machine("one"), ""); err != nil {
			t.Fatal(err)
		}
	}
	end, other := s.waits(t, leaves, current(t, leaves)), s.waits(t, stays, current(t, stays))
	s.must(t, http.StatusOK, "GET", scripts, "")
	began := time.Now()
	s.must(t, http.StatusNoContent, "DELETE", devices+"/"+leaves.DeviceID, "")
	if e := <-end; !isGone(e.err) || e.at.Sub(began) > soon {
		t.Errorf("a deletion ends the wait after %v: %v", e.at.Sub(began), e.err)
	}
	s.wantStop(t, other)
}

// wantStop stops the server: a wait ends at once, and keeps nothing up.
func (s *testServer) wantStop(t *testing.T, end <-chan ended) {
	t.Helper()
	began := time.Now()
	s.terminate()
	if e := <-end; e.changed || e.err != nil || e.at.Sub(began) > 5*time.Second {
		t.Errorf("a server that stops ends the wait after %v with %t, %v", e.at.Sub(began), e.changed, e.err)
	}
	s.stop(t)
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("the server stops after %v", took)
	}
}

// TestRunNowThroughAnotherServer asks at one server for what an agent has to run
// that waits at the other.
func TestRunNowThroughAnotherServer(t *testing.T) {
	t.Parallel()
	store := pgtest.URL(t)
	a, b := startTwo(t, store)
	agent, _ := wiredAgent(t, a, a.enrollmentSecret(t))
	script := a.assigned(t, agent, "IyEvYmluL3NoCg==")
	for _, servers := range [][2]*testServer{{a, b}, {b, a}} {
		waitsAt, asks := servers[0], servers[1]
		agent.Server = waitsAt.URL
		etag := ""
		waitUntil(t, "it is answered while the database is locked", func() bool {
			etag = current(t, agent)
			release := lockTables(t, store)
			defer release()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			changed, err := agent.Wait(ctx, etag, 0)
			return !changed && err == nil
		})
		end, began := waitsAt.waits(t, agent, etag), time.Now()
		asks.runNow(t, agent, script.ID)
		wantChanged(t, "a request at the other server", end, began, soon)
	}
}

// TestMostWaitingAgents has one agent more wait than may, who is told to come later
// and can do all else.
func TestMostWaitingAgents(t *testing.T) {
	t.Parallel()
	s := signedIn(t, sqliteAddress(t), "--max-waiting-agents", "1", "--check-in-interval", "1m")
	secret := s.enrollmentSecret(t)
	first, _ := wiredAgent(t, s, secret)
	second, _ := wiredAgent(t, s, secret)
	end := s.waits(t, first, current(t, first))
	_, err := second.Wait(t.Context(), current(t, second), time.Minute)
	if e, ok := errors.AsType[*checkin.Error](err); !ok || e.Status != http.StatusTooManyRequests || e.RetryAfter != time.Minute {
		t.Errorf("one more: %v", err)
	}
	s.wantStop(t, end)
}

// TestUnenroll has a device leave: all that is of it goes, and its token is worth
// nothing.
func TestUnenroll(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, store string) {
		t.Helper()
		s := signedIn(t, store)
		secret := s.enrollmentSecret(t)
		stays, _ := wiredAgent(t, s, secret)
		agent, w := wiredAgent(t, s, secret)
		script := s.assigned(t, agent, "IyEvYmluL3NoCg==")
		answer := checkIn(t, agent, &checkin.CheckInRequest{Results: []checkin.Result{
			{ScriptID: script.ID, Revision: 1, Sequence: 1, State: "fail", RanAt: time.Now()},
		}})
		if codes := outcomes(answer); codes[0] != plimsoll.OutcomeAccepted {
			t.Error(codes)
		}
		s.wantIssues(t, script.ID, 1)
		bearer, path := "Bearer "+w.token, s.URL+checkin.UnenrollPath
		s.must(t, http.StatusUnauthorized, "POST", path, "") // by an administrator's token
		for _, body := range []string{`[]`, `{`, `{"a":1,"a":1}`, `null x`} {
			s.must(t, http.StatusBadRequest, "POST", path, body, "Authorization", bearer)
		}
		end := s.waits(t, agent, answer.ETag)
		if err := agent.Unenroll(t.Context()); err != nil {
			t.Fatal(err)
		}
		if e := <-end; !isGone(e.err) {
			t.Errorf("its wait ends with %v", e.err)
		}
		s.must(t, http.StatusNotFound, "GET", devices+"/"+agent.DeviceID, "")
		s.wantIssues(t, script.ID, 0)
		for _, again := range []struct{ method, path, body string }{
			{"POST", checkin.CheckInPath, `{"instance":"first"}`}, {"GET", checkin.WaitPath, ""}, {"POST", checkin.UnenrollPath, "{}"},
		} {
			s.must(t, http.StatusUnauthorized, again.method, s.URL+again.path, again.body, "Authorization", bearer)
		}
		if err := agent.Unenroll(t.Context()); !isGone(err) {
			t.Errorf("once more: %v", err)
		}
		if log := auditOf(t, store); !strings.Contains(log, `"actor":"`+agent.DeviceID+`"`) || !strings.Contains(log, "managedDevice.unenroll") {
			t.Error(log)
		}
		if _, err := agent.Enroll(t.Context(), secret, machine("again"), ""); err != nil {
			t.Errorf("its key is not free: %v", err)
		}
		checkIn(t, stays, &checkin.CheckInRequest{})
		verifyStore(t, store)
	})
}
