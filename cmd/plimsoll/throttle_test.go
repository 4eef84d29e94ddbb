package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// sendUntilThrottled sends requests until one is refused, checks the refusal,
// and gives how many were answered before it.
func (s *testServer) sendUntilThrottled(t *testing.T, path, message string) (answered int) {
	t.Helper()
	for ; answered < 1000; answered++ {
		r, err := s.send(t.Context(), "GET", path, "")
		if err != nil {
			t.Fatal(err)
		}
		if r.StatusCode == http.StatusOK {
			continue
		}
		checkRefusal(t, refusal{status: http.StatusTooManyRequests, code: "TooManyRequests", message: message}, r)
		if r.Header.Get("Retry-After") != "1" {
			t.Errorf("Retry-After %q", r.Header.Get("Retry-After"))
		}
		return answered
	}
	t.Fatal("no request was throttled")
	return 0
}

// throttled fails where /metrics counts other refusals by the limits.
func (s *testServer) throttled(t *testing.T, client, total int) {
	t.Helper()
	metrics := s.must(t, http.StatusOK, "GET", s.URL+"/metrics", "").text
	for limit, count := range map[string]int{"client": client, "total": total} {
		if want := fmt.Sprintf("plimsoll_throttled_requests_total{limit=%q} %d\n", limit, count); !strings.Contains(metrics, want) {
			t.Errorf("no %q in %s", want, metrics)
		}
	}
}

// another signs a further client in.
func (s *testServer) another(t *testing.T, store string) *testServer {
	t.Helper()
	var c credentials
	command(t, &c, "client", "create", "--store", store, "--name", "another", "--permission", "DeviceManagementScripts.Read.All")
	client := *s
	client.token = s.signIn(t, &c)
	return &client
}

func TestThrottledClient(t *testing.T) {
	t.Parallel()
	store := "sqlite:" + t.TempDir() + "/plimsoll.db"
	s := signedIn(t, store, "--rate-per-client", "1", "--rate-total", "1000", "--burst", "5s")
	other := s.another(t, store)
	const message = "more requests than one client may make here, 1 a second and 5 at once"
	if answered := s.sendUntilThrottled(t, scripts, message); answered < 5 {
		t.Errorf("%d were answered at once", answered)
	}
	other.must(t, http.StatusOK, "GET", scripts, "")
	s.must(t, http.StatusUnauthorized, "GET", scripts, "", "Authorization", "")
	s.must(t, http.StatusOK, "GET", "/$metadata", "", "Authorization", "")
	s.sendUntilThrottled(t, "/$metadata", message) // whoever it is, with a token or without
	other.must(t, http.StatusOK, "GET", scripts, "")
	s.throttled(t, 2, 0)
	time.Sleep(time.Second) // as Retry-After says
	s.must(t, http.StatusOK, "GET", scripts, "")
}

func TestThrottledInTotal(t *testing.T) {
	t.Parallel()
	store := "sqlite:" + t.TempDir() + "/plimsoll.db"
	s := signedIn(t, store, "--rate-total", "1", "--burst", "5s")
	other := s.another(t, store)
	const message = "more requests than all clients together may make here, 1 a second and 5 at once"
	s.sendUntilThrottled(t, scripts, message)
	other.sendUntilThrottled(t, scripts, message)
	s.sendUntilThrottled(t, "/$metadata", message)
	s.must(t, http.StatusUnauthorized, "GET", scripts, "", "Authorization", "")
	s.throttled(t, 0, 3)
	time.Sleep(time.Second)
	other.must(t, http.StatusOK, "GET", scripts, "")
}

// TestNotThrottled is how a server is that nobody set a limit for.
func TestNotThrottled(t *testing.T) {
	t.Parallel()
	s := signedIn(t, "sqlite:"+t.TempDir()+"/plimsoll.db")
	for range 500 {
		s.must(t, http.StatusOK, "GET", scripts, "")
	}
	s.throttled(t, 0, 0)
}
