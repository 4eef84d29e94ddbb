package server

import (
	"net/http"
	"strings"
	"testing"
)

func TestErrorLog(t *testing.T) {
	t.Parallel()
	var log logBuffer
	to := errorLog(log.logger())
	to.Printf("http: TLS handshake error from 192.0.2.1:1234: EOF")
	to.Printf("http: panic serving 192.0.2.1:1234: boom")
	to.Printf("http: superfluous response.WriteHeader call")
	for i, line := range strings.Split(strings.TrimSpace(log.String()), "\n") {
		if want := []string{"DEBUG", "ERROR", "WARN"}[i]; !strings.Contains(line, "level="+want) {
			t.Errorf("%q is not logged as %s", line, want)
		}
	}
}

func TestPanicIsLoggedAndServingGoesOn(t *testing.T) {
	t.Parallel()
	var log logBuffer
	s, err := Listen(t.Context(), Config{Listen: "127.0.0.1:0"}, log.logger(), newClock().now)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", hello())
	mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic("boom") })
	serve(t, s, mux)
	if answer, err := http.Get(s.URL() + "/panic"); err == nil {
		answer.Body.Close()
		t.Error("a handler that panicked answered")
	}
	if body := get(t, client(t, ""), s.URL()); body != "hello over HTTP/1.1" {
		t.Errorf("body = %q", body)
	}
	if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "boom") {
		t.Errorf("the panic is not in the log: %s", log.String())
	}
}
