package main

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"plimsoll/internal/checkin"
)

// untilThrottled does what agents do until it is refused for its rate, checks the
// refusal, and gives how often it was done before.
func untilThrottled(t *testing.T, message string, do func() error) (done int) {
	t.Helper()
	for ; done < 1000; done++ {
		err := do()
		if err == nil {
			continue
		}
		e, ok := errors.AsType[*checkin.Error](err)
		if !ok || e.Status != http.StatusTooManyRequests || e.Code != "TooManyRequests" ||
			!strings.Contains(e.Message, message) || e.RetryAfter < time.Second {
			t.Fatalf("after %d: %v", done, err)
		}
		return done
	}
	t.Fatal("nothing was refused")
	return 0
}

// TestThrottledAgents has devices that ask too much: each has a rate of its own,
// and enrolments have that of the address that they come from.
func TestThrottledAgents(t *testing.T) {
	t.Parallel()
	s := signedIn(t, sqliteAddress(t), "--rate-per-client", "1", "--rate-total", "1000", "--burst", "5s")
	secret, one, two := s.enrollmentSecret(t), newAgent(t, s), newAgent(t, s)
	enrol := func(agent *checkin.Client) func() error {
		return func() error {
			_, err := agent.Enroll(t.Context(), secret, machine("x"), "")
			return err
		}
	}
	const message = "more requests than one client may make here, 1 a second and 5 at once"
	if err := enrol(two)(); err != nil {
		t.Fatal(err)
	}
	if n := untilThrottled(t, message, enrol(one)); n < 4 {
		t.Errorf("%d more were enrolled at once", n)
	}
	wrong := func() error {
		_, err := newAgent(t, s).Enroll(t.Context(), "ple_wrong", machine("x"), "")
		return err
	}
	untilThrottled(t, message, wrong) // a token that is wrong is not looked at
	checkInOf := func(agent *checkin.Client) func() error {
		return func() error {
			_, err := agent.CheckIn(t.Context(), &checkin.CheckInRequest{Instance: "first"})
			return err
		}
	}
	if n := untilThrottled(t, message, checkInOf(one)); n < 5 {
		t.Errorf("%d check-ins were answered at once", n)
	}
	if _, err := one.Content(t.Context(), one.DeviceID, ""); err == nil || !strings.Contains(err.Error(), message) {
		t.Errorf("content is not counted with the check-ins: %v", err)
	}
	if err := checkInOf(two)(); err != nil {
		t.Errorf("another device: %v", err)
	}
	s.must(t, http.StatusUnauthorized, "POST", s.URL+checkin.CheckInPath, "{}") // is not counted
	s.must(t, http.StatusOK, "GET", scripts, "")
	s.throttled(t, 4, 0)
	time.Sleep(time.Second) // as Retry-After says
	if err := checkInOf(one)(); err != nil {
		t.Error(err)
	}
}

// TestThrottledAgentsInTotal has devices and an administrator share one rate.
func TestThrottledAgentsInTotal(t *testing.T) {
	t.Parallel()
	s := signedIn(t, sqliteAddress(t), "--rate-total", "1", "--burst", "5s")
	secret, agent := s.enrollmentSecret(t), newAgent(t, s)
	if _, err := agent.Enroll(t.Context(), secret, machine("x"), ""); err != nil {
		t.Fatal(err)
	}
	const message = "more requests than all clients together may make here, 1 a second and 5 at once"
	untilThrottled(t, message, func() error {
		_, err := agent.CheckIn(t.Context(), &checkin.CheckInRequest{Instance: "first"})
		return err
	})
	s.sendUntilThrottled(t, scripts, message)
	s.throttled(t, 0, 2)
}
