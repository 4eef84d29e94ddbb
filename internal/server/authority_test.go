package server

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestLocalEndOfTheAuthority(t *testing.T) {
	t.Parallel()
	dir, clock := t.TempDir(), newClock()
	listen(t, localConfig(dir), clock.now).Close()
	clock.advance(10*365*day - 100*day)
	var log logBuffer
	s, err := Listen(t.Context(), localConfig(dir), log.logger(), clock.now)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, s, hello())
	if !strings.Contains(log.String(), "the local authority expires soon") {
		t.Error("nothing says that the authority is about to expire")
	}
	leaf := handshake(t, s, s.CAFile(), "localhost", clock)
	if left := leaf.NotAfter.Sub(clock.now()); left > 103*day {
		t.Errorf("the certificate outlives its authority: %s left", left)
	}
	clock.advance(90 * day)
	if !handshake(t, s, s.CAFile(), "localhost", clock).Equal(leaf) {
		t.Error("made again, though the authority can give it no longer life")
	}
}

func TestLocalTornFiles(t *testing.T) {
	t.Parallel()
	other := t.TempDir()
	listen(t, localConfig(other), newClock().now)
	for _, c := range []struct {
		name   string
		change func(*testing.T, string)
		wants  string // what the refusal says; "" when the start mends it
	}{
		{"the server's certificate is damaged", write("server.pem", "torn"), ""},
		{"the server's key is missing", remove("server-key.pem"), ""},
		{"the server's key is another's", copied(other, "server-key.pem"), ""},
		{"the server's pair is another authority's", copied(other, "server.pem", "server-key.pem"), ""},
		{"a start was cut before the authority's certificate", remove("ca.pem"), ""},
		{"the authority's certificate is damaged", write("ca.pem", "torn"), "is damaged"},
		{"the authority's certificate is empty", write("ca.pem", ""), "is damaged"},
		{"the authority's key is damaged", write("ca-key.pem", "torn"), "is damaged"},
		{"the authority's key is missing", remove("ca-key.pem"), "is missing"},
		{"the authority's key is another's", copied(other, "ca-key.pem"), "does not belong"},
		{"the authority's certificate is a server's", func(t *testing.T, dir string) {
			t.Helper()
			write("ca.pem", string(read(t, dir, "server.pem")))(t, dir)
		}, "not the certificate of an authority"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir, clock := t.TempDir(), newClock()
			listen(t, localConfig(dir), clock.now).Close()
			c.change(t, dir)
			if c.wants == "" {
				s := start(t, localConfig(dir), clock.now, hello())
				handshake(t, s.Server, s.CAFile(), "localhost", clock)
				return
			}
			refusedUntouched(t, dir, clock, c.wants, "restore")
		})
	}
}

func TestLocalAuthorityOutOfTime(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		by          time.Duration
		says, doing string
	}{
		"expired":       {11 * 365 * day, "has expired", "move ca.pem"},
		"not yet valid": {-365 * day, "is not valid yet", "clock right"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, clock := t.TempDir(), newClock()
			listen(t, localConfig(dir), clock.now).Close()
			clock.advance(c.by)
			refusedUntouched(t, dir, clock, c.says, c.doing)
		})
	}
}

// refusedUntouched checks that a start in dir is refused in words that say what is
// wrong and what to do, and that it changes no file.
func refusedUntouched(t *testing.T, dir string, clock *clock, says, doing string) {
	t.Helper()
	before := contents(t, dir)
	s, err := Listen(t.Context(), localConfig(dir), slog.New(slog.DiscardHandler), clock.now)
	if err == nil {
		s.Close()
		t.Fatal("not refused")
	}
	if _, ok := errors.AsType[*AuthorityError](err); !ok || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), doing) {
		t.Errorf("err = %v, want an AuthorityError that says %q and %q", err, says, doing)
	}
	if after := contents(t, dir); after != before {
		t.Error("a refused start changed the files")
	}
}
