package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pairIn writes a certificate for localhost, its key and its authority to dir, as
// whoever renews them would.
func pairIn(t *testing.T, dir string, at time.Time, life time.Duration) *x509.Certificate {
	t.Helper()
	authorityKey, _, err := newKey()
	if err != nil {
		t.Fatal(err)
	}
	ca, err := certifyAuthority(filepath.Join(dir, "root.pem"), authorityKey, at)
	if err != nil {
		t.Fatal(err)
	}
	key, keyPEM, err := newKey()
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		NotBefore: at.Add(-time.Hour), NotAfter: at.Add(life),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	cert, certPEM, err := sign(template, ca.cert, &key.PublicKey, ca.key)
	if err != nil {
		t.Fatal(err)
	}
	write("cert.pem", string(certPEM))(t, dir)
	write("key.pem", string(keyPEM))(t, dir)
	return cert
}

func filesConfig(dir string) Config {
	return Config{Listen: "127.0.0.1:0", TLS: Files, CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
}

func TestFilesAreReadAgain(t *testing.T) {
	t.Parallel()
	dir, clock := t.TempDir(), newClock()
	root := filepath.Join(dir, "root.pem")
	first := pairIn(t, dir, clock.now(), 90*day)
	s := start(t, filesConfig(dir), clock.now, hello())
	if s.CAFile() != "" {
		t.Errorf("CAFile = %q, want none", s.CAFile())
	}
	if body := get(t, client(t, root), s.URL()); body != "hello over HTTP/2.0" {
		t.Errorf("body = %q", body)
	}
	if got := handshake(t, s.Server, root, "localhost", clock); !got.Equal(first) {
		t.Error("the certificate is not the file's")
	}
	second := pairIn(t, dir, clock.now(), 91*day)
	clock.advance(filesInterval)
	if got := handshake(t, s.Server, root, "localhost", clock); !got.Equal(second) {
		t.Error("the replaced file is not served")
	}
}

func TestFilesBadReplacementKeepsTheOld(t *testing.T) {
	t.Parallel()
	dir, clock := t.TempDir(), newClock()
	first := pairIn(t, dir, clock.now(), 90*day)
	root := filepath.Join(t.TempDir(), "root.pem")
	copied(dir, "root.pem")(t, filepath.Dir(root))
	var log logBuffer
	s, err := Listen(t.Context(), filesConfig(dir), log.logger(), clock.now)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, s, hello())
	other := t.TempDir()
	for name, spoil := range map[string]func(*testing.T, string){
		"half-written": write("cert.pem", "-----BEGIN CERT"),
		"missing":      remove("key.pem"),
		"expired":      func(t *testing.T, dir string) { t.Helper(); pairIn(t, dir, clock.now(), -time.Minute) },
		"key first": func(t *testing.T, dir string) {
			t.Helper()
			pairIn(t, other, clock.now(), day)
			copied(other, "key.pem")(t, dir)
		},
	} {
		spoil(t, dir)
		for range 3 {
			clock.advance(filesInterval)
			if got := handshake(t, s, root, "localhost", clock); !got.Equal(first) {
				t.Errorf("%s: another certificate is served", name)
			}
		}
	}
	if n := strings.Count(log.String(), "could not be refreshed"); n == 0 || n > 4 {
		t.Errorf("four failures were logged %d times: %s", n, log.String())
	}
	good := pairIn(t, dir, clock.now(), 91*day)
	clock.advance(filesInterval)
	if got := handshake(t, s, filepath.Join(dir, "root.pem"), "localhost", clock); !got.Equal(good) {
		t.Error("a good pair after bad ones is not served")
	}
}

func TestFilesRefusedAtStart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil   func(*testing.T, string)
		setting string
		says    string
	}{
		"expired":       {func(t *testing.T, dir string) { t.Helper(); pairIn(t, dir, time.Now(), -time.Minute) }, "CertFile", "renew it"},
		"not yet valid": {func(t *testing.T, dir string) { t.Helper(); pairIn(t, dir, time.Now().Add(2*time.Hour), day) }, "CertFile", "clock right"},
		"damaged":       {write("cert.pem", "torn"), "CertFile, KeyFile", "both PEM"},
		"key missing":   {remove("key.pem"), "KeyFile", "may read"},
		"not a pair": {func(t *testing.T, dir string) {
			t.Helper()
			other := t.TempDir()
			pairIn(t, other, time.Now(), day)
			copied(other, "key.pem")(t, dir)
		}, "CertFile, KeyFile", "its own private key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, clock := t.TempDir(), newClock()
			pairIn(t, dir, clock.now(), day)
			c.spoil(t, dir)
			s, err := Listen(t.Context(), filesConfig(dir), slog.New(slog.DiscardHandler), clock.now)
			if err == nil {
				s.Close()
				t.Fatal("not refused")
			}
			if refused, ok := errors.AsType[*SettingError](err); !ok || refused.Setting != c.setting || !strings.Contains(err.Error(), c.says) {
				t.Errorf("err = %v, want a SettingError about %s that says %q", err, c.setting, c.says)
			}
		})
	}
}

func TestPlainClientOfATLSPort(t *testing.T) {
	t.Parallel()
	dir, clock := t.TempDir(), newClock()
	pairIn(t, dir, clock.now(), day)
	s := start(t, filesConfig(dir), clock.now, hello())
	conn, err := tls.Dial("tcp", hostPort(t, s.Server), &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost"})
	if err == nil {
		conn.Close()
		t.Error("a client that trusts nobody was content")
	}
	if body := get(t, client(t, ""), "http://"+hostPort(t, s.Server)); !strings.Contains(body, "HTTPS server") {
		t.Errorf("plain HTTP to a TLS port got %q", body)
	}
}
