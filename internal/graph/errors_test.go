package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"plimsoll"
	"plimsoll/internal/throttle"
)

// TestRefuse holds the error table to its statuses and codes, also those that
// are hard to bring about over the wire.
func TestRefuse(t *testing.T) {
	t.Parallel()
	secret := errors.New("secret detail")
	cases := []struct {
		err        error
		status     int
		code       string
		retryAfter string
		logged     bool
	}{
		{plimsoll.Errorf(plimsoll.Invalid, "said"), 400, "BadRequest", "", false},
		{plimsoll.Errorf(plimsoll.Unauthenticated, "said"), 401, "InvalidAuthenticationToken", "", false},
		{plimsoll.Errorf(plimsoll.Forbidden, "said"), 403, "Forbidden", "", false},
		{plimsoll.Errorf(plimsoll.NotFound, "said"), 404, "ResourceNotFound", "", false},
		{plimsoll.Errorf(plimsoll.Conflict, "said"), 409, "Conflict", "", false},
		{plimsoll.Errorf(plimsoll.PreconditionFailed, "said"), 412, "PreconditionFailed", "", false},
		{&plimsoll.Error{Code: plimsoll.TooManyRequests, Message: "said", RetryAfter: 1500 * time.Millisecond}, 429, "TooManyRequests", "2", false},
		{&plimsoll.Error{Code: plimsoll.Unavailable, Message: "said", RetryAfter: time.Second, Err: secret}, 503, "ServiceUnavailable", "1", true},
		{fmt.Errorf("wrapped: %w", plimsoll.Errorf(plimsoll.NotFound, "said")), 404, "ResourceNotFound", "", false},
		{context.Canceled, 503, "ServiceUnavailable", "1", true},
		{fmt.Errorf("query: %w", secret), 500, "InternalServerError", "", true},
		{&plimsoll.Error{Code: plimsoll.Internal, Message: "secret detail"}, 500, "InternalServerError", "", true},
	}
	for _, c := range cases {
		var log strings.Builder
		a := &API{log: slog.New(slog.NewTextHandler(&log, nil)), now: time.Now}
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		a.refuse(w, r, &call{r: r, requestID: "r1", clientRequestID: "c1"}, c.err)
		var body struct {
			Error struct{ Code, Message string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			t.Fatal(err)
		}
		if w.Code != c.status || body.Error.Code != c.code || body.Error.Message == "" || w.Header().Get("Retry-After") != c.retryAfter {
			t.Errorf("%v: %d %v %s", c.err, w.Code, w.Header(), w.Body)
		}
		if strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%v: the client learns %s", c.err, w.Body)
		}
		if logged := strings.Contains(log.String(), "request_id=r1"); logged != c.logged {
			t.Errorf("%v: the log has %q", c.err, log.String())
		}
	}
}

// TestFault has an operation fail and another fall over: each is a 500, and the
// log alone says why.
func TestFault(t *testing.T) {
	t.Parallel()
	cases := map[string]func(*call) (*answer, error){
		"error": func(*call) (*answer, error) { return nil, errors.New("secret detail") },
		"panic": func(*call) (*answer, error) { panic("secret detail") },
	}
	for name, handle := range cases {
		var log strings.Builder
		a := &API{
			log: slog.New(slog.NewTextHandler(&log, nil)), now: time.Now, random: strings.NewReader(strings.Repeat("x", 16)),
			observe:  func(string, string, int, time.Duration) {},
			throttle: throttle.New(throttle.Limits{}, nil, nil),
		}
		w := httptest.NewRecorder()
		a.resource("", "/x", operations{"GET": {handle: handle}}).ServeHTTP(w, httptest.NewRequest("GET", "/x", nil))
		if w.Code != 500 || strings.Contains(w.Body.String(), "secret") || !strings.Contains(log.String(), "secret detail") {
			t.Errorf("%s: %d %s, log %q", name, w.Code, w.Body, &log)
		}
	}
}
