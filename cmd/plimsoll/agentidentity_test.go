package main

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"plimsoll"
	"plimsoll/internal/checkin"
	"plimsoll/internal/issuer"
	"plimsoll/internal/store"
	"plimsoll/internal/store/pgtest"
)

// resign gives a token with other claims, under the signature of the server that
// has the store.
func resign(t *testing.T, address, token string, change func(claims map[string]any)) string {
	t.Helper()
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]any{}
	if err := parsed.UnsafeClaimsWithoutVerification(&claims); err != nil {
		t.Fatal(err)
	}
	change(claims)
	s, err := store.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	signed, err := issuer.NewKeys(s, time.Now, rand.Reader, slog.New(slog.DiscardHandler)).Sign(t.Context(), claims)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// unknownDevice makes a token's claims those of a device that is not there.
func unknownDevice(claims map[string]any) {
	id := uuid.NewString()
	for _, claim := range []string{"sub", "oid", "azp", "appid"} {
		claims[claim] = id
	}
}

// TestBadDeviceTokens has tokens that do not hold: each is refused, and an agent
// to which that happens gets a new one, once.
func TestBadDeviceTokens(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, address string) {
		t.Helper()
		s, foreign := signedIn(t, address), signedIn(t, sqliteAddress(t))
		_, elsewhere := wiredAgent(t, foreign, foreign.enrollmentSecret(t))
		agent, w := wiredAgent(t, s, s.enrollmentSecret(t))
		ago := func(d time.Duration) float64 { return float64(time.Now().Add(-d).Unix()) }
		for name, spoil := range map[string]func(token string) string{
			"garbled":         func(token string) string { return token[:len(token)-10] + strings.Repeat("A", 10) },
			"cut":             func(token string) string { return token[:len(token)/2] },
			"no token at all": func(string) string { return "x" },
			"long":            func(token string) string { return token + strings.Repeat("A", 10<<10) },
			"unsigned": func(token string) string {
				return "eyJhbGciOiJub25lIn0." + strings.Split(token, ".")[1] + "."
			},
			"an administrator's": func(string) string { return s.token },
			"of another server":  func(string) string { return elsewhere.token },
			"expired": func(token string) string {
				return resign(t, address, token, func(c map[string]any) { c["exp"] = ago(time.Hour) })
			},
			"not yet valid": func(token string) string {
				return resign(t, address, token, func(c map[string]any) { c["nbf"] = ago(-time.Hour) })
			},
			"for another audience": func(token string) string { return resign(t, address, token, func(c map[string]any) { c["aud"] = "x" }) },
			"of another tenant": func(token string) string {
				return resign(t, address, token, func(c map[string]any) { c["tid"] = uuid.NewString() })
			},
			"of an unknown device": func(token string) string { return resign(t, address, token, unknownDevice) },
		} {
			w.spoil = func(token string) string {
				w.spoil = nil // only once
				return spoil(token)
			}
			w.calls, w.renewals = 0, 0
			if checkIn(t, agent, &checkin.CheckInRequest{}); w.calls != 2 || w.renewals != 1 {
				t.Errorf("%s: %d calls and %d new tokens", name, w.calls, w.renewals)
			}
			w.spoil, w.calls, w.renewals = spoil, 0, 0
			_, err := agent.CheckIn(t.Context(), &checkin.CheckInRequest{Instance: "first"})
			if e, ok := errors.AsType[*checkin.Error](err); !ok || !e.Gone() || e.Code != "InvalidAuthenticationToken" || w.calls != 2 || w.renewals != 1 {
				t.Errorf("%s: %v after %d calls and %d new tokens", name, err, w.calls, w.renewals)
			}
			w.spoil = nil
			checkIn(t, agent, &checkin.CheckInRequest{})
		}
		held := resign(t, address, w.token, func(map[string]any) {}) // or the above would prove nothing
		w.spoil, w.calls = func(string) string { return held }, 0
		if checkIn(t, agent, &checkin.CheckInRequest{}); w.calls != 1 {
			t.Errorf("a token that was signed again is refused: %d calls", w.calls)
		}
		s.must(t, http.StatusUnauthorized, "GET", scripts, "", "Authorization", "Bearer "+w.token) // is no administrator's
		r := s.must(t, http.StatusUnauthorized, "POST", s.URL+checkin.CheckInPath, strings.Repeat(" ", 1<<20), "Authorization", "Bearer x")
		if challenge := r.Header.Get("WWW-Authenticate"); !strings.Contains(challenge, `error="invalid_token"`) {
			t.Errorf("WWW-Authenticate: %s", challenge)
		}
	})
}

// wantGone wants an agent to be told that its device is not there, whatever token
// it has, and what it brings to count nowhere.
func wantGone(t *testing.T, agent *checkin.Client, results ...checkin.Result) {
	t.Helper()
	for range 2 { // with the token that it has, and without
		_, err := agent.CheckIn(t.Context(), &checkin.CheckInRequest{Instance: "first", Results: results})
		if e, ok := errors.AsType[*checkin.Error](err); !ok || !e.Gone() || e.Code != "invalid_client" {
			t.Errorf("%s: %v", agent.Server, err)
		}
	}
}

// TestDeviceIsGoneAtOnce deletes devices at one of two servers, both of which just
// heard of them: both refuse them from then on.
func TestDeviceIsGoneAtOnce(t *testing.T) {
	t.Parallel()
	a, b := startTwo(t, pgtest.URL(t))
	secret := a.enrollmentSecret(t)
	stays, _ := wiredAgent(t, a, secret)
	script := a.assigned(t, stays, "IyEvYmluL3NoCg==")
	result := checkin.Result{ScriptID: script.ID, Revision: 1, Sequence: 1, State: "fail", RanAt: time.Now().UTC()}
	checkIn(t, stays, &checkin.CheckInRequest{Results: []checkin.Result{result}})
	for _, deletes := range []*testServer{a, b} {
		first, w := wiredAgent(t, a, secret)
		second := sameDevice(first)
		second.Server = b.URL
		etag := ""
		for range 2 { // what both know of it
			etag = checkIn(t, first, &checkin.CheckInRequest{ETag: etag}).ETag
			checkIn(t, second, &checkin.CheckInRequest{ETag: etag})
		}
		deletes.must(t, http.StatusNoContent, "DELETE", devices+"/"+first.DeviceID, "")
		for _, s := range []*testServer{a, b} {
			for _, body := range []string{`{"instance":"first","etag":"` + etag + `"}`, `{"instance":"first"}`} {
				r := s.must(t, http.StatusUnauthorized, "POST", s.URL+checkin.CheckInPath, body, "Authorization", "Bearer "+w.token)
				if !strings.Contains(r.text, "There is no such device any more") {
					t.Error(r.text)
				}
			}
			s.must(t, http.StatusUnauthorized, "GET", s.URL+"/agent/v1/scripts/"+script.ID+"/content", "", "Authorization", "Bearer "+w.token)
		}
		result.Sequence++
		wantGone(t, first, result)
		wantGone(t, second, result)
		for _, s := range []*testServer{a, b} {
			s.wantIssues(t, script.ID, 1)
		}
		if _, err := first.Enroll(t.Context(), secret, machine("back"), ""); err != nil { // its key is free
			t.Error(err)
		}
		checkIn(t, first, &checkin.CheckInRequest{})
	}
	unknown := newAgent(t, a)
	unknown.TenantID, unknown.DeviceID = stays.TenantID, uuid.NewString()
	wantGone(t, unknown)
	thief := newAgent(t, a)
	thief.TenantID, thief.DeviceID = stays.TenantID, stays.DeviceID
	wantGone(t, thief)
	checkIn(t, stays, &checkin.CheckInRequest{})
}

// wantEnrolled wants a status of an enrolment, 0 for success.
func wantEnrolled(t *testing.T, agent *checkin.Client, secret string, status int, message string) {
	t.Helper()
	_, err := agent.Enroll(t.Context(), secret, machine("x"), "")
	e, refused := errors.AsType[*checkin.Error](err)
	if status == 0 && err == nil {
		return
	}
	if !refused || e.Status != status || !strings.Contains(e.Message, message) {
		t.Errorf("%v, want %d %q", err, status, message)
	}
}

// TestEndedEnrollmentTokens has tokens that let nobody in any more, at either of
// two servers, and keys that came before.
func TestEndedEnrollmentTokens(t *testing.T) {
	t.Parallel()
	a, b := startTwo(t, pgtest.URL(t))
	made := func(more string) (id, secret string) {
		r := a.must(t, http.StatusCreated, "POST", tokens, `{"displayName":"x"`+more+`}`).json
		return r["id"].(string), r["token"].(string)
	}
	for _, s := range []*testServer{a, b} {
		_, two := made(`,"maximumUses":2`)
		id, revoked := made("")
		expires := time.Now().Add(2 * time.Second).UTC()
		_, expired := made(`,"expirationDateTime":"` + expires.Format(time.RFC3339Nano) + `"`)
		first, second, early := newAgent(t, s), newAgent(t, b), newAgent(t, s)
		wantEnrolled(t, first, two, 0, "")
		wantEnrolled(t, early, expired, 0, "")
		wantEnrolled(t, first, revoked, http.StatusConflict, "enrolled already, as the device "+first.DeviceID)
		wantEnrolled(t, second, two, 0, "")
		wantEnrolled(t, newAgent(t, s), two, http.StatusForbidden, "used up")
		was := first.DeviceID
		if wantEnrolled(t, first, two, 0, ""); first.DeviceID != was { // its answer was lost
			t.Errorf("the device is %s, and was %s", first.DeviceID, was)
		}
		wantEnrolled(t, newAgent(t, s), "", http.StatusUnauthorized, "not known")
		old := newAgent(t, b)
		wantEnrolled(t, old, revoked, 0, "")
		a.must(t, http.StatusNoContent, "DELETE", tokens+"/"+id, "")
		for _, agent := range []*checkin.Client{newAgent(t, s), old} {
			wantEnrolled(t, agent, revoked, http.StatusForbidden, "revoked")
		}
		checkIn(t, old, &checkin.CheckInRequest{}) // the device stays
		time.Sleep(time.Until(expires))
		for _, agent := range []*checkin.Client{newAgent(t, s), early} {
			wantEnrolled(t, agent, expired, http.StatusForbidden, "expired")
		}
		checkIn(t, early, &checkin.CheckInRequest{})
	}
}

// TestClonedDevice runs two agents with one key: the first is stopped, the device
// is marked, and the first brings its results as a device of its own.
func TestClonedDevice(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, store string) {
		t.Helper()
		s := signedIn(t, store)
		secret := s.enrollmentSecret(t)
		first, _ := wiredAgent(t, s, secret)
		script := s.assigned(t, first, "IyEvYmluL3NoCg==")
		result := checkin.Result{ScriptID: script.ID, Revision: 1, Sequence: 1, State: "fail", RanAt: time.Now().UTC()}
		second := sameDevice(first)
		marked := func(state string) {
			t.Helper()
			if r := s.must(t, http.StatusOK, "GET", devices+"/"+first.DeviceID, ""); r.json["complianceState"] != state {
				t.Errorf("the device is not %s: %s", state, r.text)
			}
		}
		checkIn(t, second, &checkin.CheckInRequest{Instance: "second"})
		marked("unknown") // an agent may be started again
		for range 3 {
			_, err := first.CheckIn(t.Context(), &checkin.CheckInRequest{Instance: "first", Results: []checkin.Result{result}})
			if e, ok := errors.AsType[*checkin.Error](err); !ok || e.Status != http.StatusConflict || !strings.Contains(e.Message, "two machines use one key") {
				t.Errorf("the first: %v", err)
			}
			marked("conflict")
			checkIn(t, second, &checkin.CheckInRequest{Instance: "second"})
		}
		s.wantIssues(t, script.ID, 0)
		answer := checkIn(t, second, &checkin.CheckInRequest{Instance: "second", Results: []checkin.Result{result}})
		if diff := cmp.Diff([]plimsoll.Outcome{plimsoll.OutcomeAccepted}, outcomes(answer)); diff != "" {
			t.Error(diff)
		}
		anew := newAgent(t, s)
		wantEnrolled(t, first, s.enrollmentSecret(t), http.StatusConflict, "enrolled already")
		wantEnrolled(t, anew, secret, 0, "")
		if diff := cmp.Diff([]plimsoll.Outcome{plimsoll.OutcomeAccepted},
			outcomes(checkIn(t, anew, &checkin.CheckInRequest{Results: []checkin.Result{result}}))); diff != "" || anew.DeviceID == second.DeviceID {
			t.Error(diff, anew.DeviceID)
		}
		s.wantIssues(t, script.ID, 2)
		verifyStore(t, store)
	})
}
