package server

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

func TestShutdownFinishesWhatWasAccepted(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]Config{
		"plain": {Listen: "127.0.0.1:0"},
		"h2":    {Listen: "127.0.0.1:0", TLS: Local, DataDir: t.TempDir()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entered, release := make(chan struct{}), make(chan struct{})
			s := start(t, cfg, newClock().now, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				close(entered)
				<-release
				if r.Context().Err() != nil {
					t.Error("the request's context ended with the server's")
				}
				_, _ = io.WriteString(w, "finished")
			}))
			c, body := client(t, s.CAFile()), make(chan string, 1)
			go func() { body <- get(t, c, s.URL()) }()
			<-entered
			stopped := make(chan error, 1)
			go func() { stopped <- s.stop() }()
			refuses(t, hostPort(t, s.Server))
			close(release)
			if got := <-body; got != "finished" {
				t.Errorf("the request in flight got %q", got)
			}
			if err := <-stopped; err != nil {
				t.Errorf("Serve = %v, want nil", err)
			}
		})
	}
}

// refuses waits until nothing is accepted at address any more.
func refuses(t *testing.T, address string) {
	t.Helper()
	for range 500 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		conn.Close()
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("connections are still accepted after the server was told to stop")
}

func TestShutdownCutsWhatDoesNotFinish(t *testing.T) {
	t.Parallel()
	entered, ended := make(chan struct{}), make(chan struct{})
	s := start(t, Config{Listen: "127.0.0.1:0", ShutdownTimeout: 50 * time.Millisecond}, newClock().now,
		http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(entered)
			<-r.Context().Done()
			close(ended)
		}))
	go func() {
		if answer, err := http.Get(s.URL()); err == nil {
			answer.Body.Close()
			t.Error("a request that never finishes was answered")
		}
	}()
	<-entered
	if err := s.stop(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Serve = %v, want context.DeadlineExceeded", err)
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the handler was not told that its request is over")
	}
}
