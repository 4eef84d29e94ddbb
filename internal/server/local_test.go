package server

import (
	"crypto/sha256"
	"crypto/tls"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func localConfig(dir string, hosts ...string) Config {
	return Config{Listen: "127.0.0.1:0", TLS: Local, DataDir: dir, Hosts: hosts}
}

func TestLocalNames(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := start(t, localConfig(t.TempDir(), "mdm.example.com", "192.0.2.7", "*.example.org", "2001:db8::7"), clock.now, hello())
	names := []string{"localhost", "127.0.0.1", "::1", "mdm.example.com", "192.0.2.7", "a.example.org", "2001:db8::7"}
	if hostname, err := os.Hostname(); err == nil {
		if _, err := canonicalHost(hostname); err == nil {
			names = append(names, hostname)
		}
	}
	for _, name := range names {
		handshake(t, s.Server, s.CAFile(), name, clock)
	}
	if conn, err := tls.Dial("tcp", hostPort(t, s.Server), &tls.Config{RootCAs: pool(t, s.CAFile()), ServerName: "other.example.com"}); err == nil {
		conn.Close()
		t.Error("the certificate is good for a name nobody gave")
	}
}

func TestLocalNamesOfEveryAddress(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := start(t, Config{Listen: ":0", DataDir: t.TempDir()}, clock.now, hello())
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range addresses {
		ip := address.(*net.IPNet).IP
		if !ip.IsLinkLocalUnicast() {
			handshake(t, s.Server, s.CAFile(), ip.String(), clock)
		}
	}
}

func TestLocalFiles(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "data")
	clock := newClock()
	s := start(t, localConfig(dir), clock.now, hello())
	if want := filepath.Join(dir, "ca.pem"); s.CAFile() != want {
		t.Errorf("CAFile = %q, want %q", s.CAFile(), want)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the data directory: %v, %v; want 0700", info.Mode(), err)
	}
	for _, name := range []string{"ca.pem", "ca-key.pem", "server.pem", "server-key.pem"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v; want mode 0600", name, err)
		}
	}
	leaf := handshake(t, s.Server, s.CAFile(), "localhost", clock)
	if life := leaf.NotAfter.Sub(leaf.NotBefore); life > 397*day || life < 396*day {
		t.Errorf("the certificate lives %s, want 397 days", life)
	}
	ca, err := decodeCertificate(read(t, dir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	if left := ca.NotAfter.Sub(clock.now()); left < 3649*day || left > 3654*day {
		t.Errorf("the authority lives %s, want ten years", left)
	}
}

func TestLocalSurvivesRestart(t *testing.T) {
	t.Parallel()
	dir, clock := t.TempDir(), newClock()
	first := start(t, localConfig(dir, "a.example"), clock.now, hello())
	before, authority := handshake(t, first.Server, first.CAFile(), "a.example", clock), read(t, dir, "ca.pem")
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	second := start(t, localConfig(dir, "a.example"), clock.now, hello())
	if after := handshake(t, second.Server, second.CAFile(), "a.example", clock); !after.Equal(before) {
		t.Error("a restart made another certificate, though the old one fits")
	}
	if !slices.Equal(read(t, dir, "ca.pem"), authority) {
		t.Error("a restart made another authority")
	}
}

func TestLocalHostsChange(t *testing.T) {
	t.Parallel()
	dir, clock := t.TempDir(), newClock()
	first := start(t, localConfig(dir, "a.example"), clock.now, hello())
	trusted := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(trusted, read(t, dir, "ca.pem"), 0o600); err != nil {
		t.Fatal(err)
	}
	handshake(t, first.Server, trusted, "a.example", clock)
	second := start(t, localConfig(dir, "b.example"), clock.now, hello())
	leaf := handshake(t, second.Server, trusted, "b.example", clock)
	if leaf.VerifyHostname("a.example") == nil {
		t.Error("the certificate still names a host that was taken out")
	}
}

func TestLocalRenewsWhileRunning(t *testing.T) {
	t.Parallel()
	dir, clock := t.TempDir(), newClock()
	s := start(t, localConfig(dir), clock.now, hello())
	first := handshake(t, s.Server, s.CAFile(), "localhost", clock)
	clock.advance(260 * day)
	if same := handshake(t, s.Server, s.CAFile(), "localhost", clock); !same.Equal(first) {
		t.Error("renewed with more than a third of its life left")
	}
	clock.advance(6 * day)
	second := handshake(t, s.Server, s.CAFile(), "localhost", clock)
	if second.Equal(first) {
		t.Fatal("not renewed with less than a third of its life left")
	}
	stored, err := decodeCertificate(read(t, dir, "server.pem"))
	if err != nil || !stored.Equal(second) {
		t.Errorf("what is served is not what is stored: %v", err)
	}
	if again := handshake(t, s.Server, s.CAFile(), "localhost", clock); !again.Equal(second) {
		t.Error("renewed twice")
	}
}

func TestLocalRenewalIsShared(t *testing.T) {
	t.Parallel()
	dir, clock := t.TempDir(), newClock()
	one, two := start(t, localConfig(dir), clock.now, hello()), start(t, localConfig(dir), clock.now, hello())
	clock.advance(300 * day)
	renewed := handshake(t, one.Server, one.CAFile(), "localhost", clock)
	if other := handshake(t, two.Server, two.CAFile(), "localhost", clock); !other.Equal(renewed) {
		t.Error("the second server made its own certificate, though the first had just renewed it")
	}
}

func TestLocalFailedRenewalKeepsServing(t *testing.T) {
	t.Parallel()
	dir, clock := t.TempDir(), newClock()
	var log logBuffer
	s, err := Listen(t.Context(), localConfig(dir), log.logger(), clock.now)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, s, hello())
	trusted, authority := filepath.Join(t.TempDir(), "ca.pem"), read(t, dir, "ca.pem")
	for path, text := range map[string][]byte{trusted: authority, filepath.Join(dir, "ca.pem"): []byte("torn")} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	first := handshake(t, s, trusted, "localhost", clock)
	for range 3 {
		clock.advance(100 * day)
		if kept := handshake(t, s, trusted, "localhost", clock); !kept.Equal(first) {
			t.Fatal("another certificate is served")
		}
	}
	if n := strings.Count(log.String(), "could not be refreshed"); n != 1 {
		t.Errorf("the failure was logged %d times, want once: %s", n, log.String())
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), authority, 0o600); err != nil {
		t.Fatal(err)
	}
	clock.advance(day)
	if handshake(t, s, trusted, "localhost", clock).Equal(first) {
		t.Error("not renewed once the authority was back")
	}
}

func TestLocalStartsAtOnce(t *testing.T) {
	t.Parallel()
	const processes = 8
	dir, clock := filepath.Join(t.TempDir(), "data"), newClock()
	servers := make([]*Server, processes)
	var group sync.WaitGroup
	for i := range servers {
		group.Go(func() {
			s, err := Listen(t.Context(), localConfig(dir), slog.New(slog.DiscardHandler), clock.now)
			if err != nil {
				t.Error(err)
				return
			}
			servers[i] = s
		})
	}
	group.Wait()
	seen := map[[32]byte]bool{}
	for _, s := range servers {
		if s == nil {
			continue
		}
		serve(t, s, hello())
		seen[sha256.Sum256(handshake(t, s, s.CAFile(), "localhost", clock).Raw)] = true
	}
	if len(seen) != 1 {
		t.Errorf("%d certificates, want one that all share", len(seen))
	}
}
