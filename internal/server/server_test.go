package server

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
)

func TestPlainOnLoopback(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Listen: "127.0.0.1:0"}, newClock().now, hello())
	if !strings.HasPrefix(s.URL(), "http://127.0.0.1:") || strings.HasSuffix(s.URL(), ":0") {
		t.Errorf("URL = %q, want plain HTTP with the real port", s.URL())
	}
	if s.CAFile() != "" {
		t.Errorf("CAFile = %q, want none", s.CAFile())
	}
	if body := get(t, client(t, ""), s.URL()); body != "hello over HTTP/1.1" {
		t.Errorf("body = %q", body)
	}
	if err := s.stop(); err != nil {
		t.Errorf("Serve = %v, want nil once told to stop", err)
	}
}

func TestHTTP2IsNegotiatedUnderTLS(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Listen: "127.0.0.1:0", TLS: Local, DataDir: t.TempDir()}, newClock().now, hello())
	if body := get(t, client(t, s.CAFile()), s.URL()); body != "hello over HTTP/2.0" {
		t.Errorf("body = %q", body)
	}
	old, err := tls.Dial("tcp", hostPort(t, s.Server), &tls.Config{RootCAs: pool(t, s.CAFile()), MaxVersion: tls.VersionTLS11})
	if err == nil {
		old.Close()
		t.Error("TLS 1.1 was accepted")
	}
}

func TestServeWithoutListener(t *testing.T) {
	t.Parallel()
	s := listen(t, Config{Listen: "127.0.0.1:0"}, newClock().now)
	s.Close()
	if err := s.Serve(t.Context(), hello()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve = %v, want net.ErrClosed", err)
	}
}

func TestPortTaken(t *testing.T) {
	t.Parallel()
	s := listen(t, Config{Listen: "127.0.0.1:0"}, newClock().now)
	again, err := Listen(t.Context(), Config{Listen: hostPort(t, s)}, slog.New(slog.DiscardHandler), newClock().now)
	if err == nil {
		again.Close()
		t.Fatal("one port was opened twice")
	}
	if refused, ok := errors.AsType[*SettingError](err); !ok || refused.Setting != "Listen" {
		t.Errorf("err = %v, want a SettingError about Listen", err)
	}
}
