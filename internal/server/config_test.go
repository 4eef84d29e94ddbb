package server

import (
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestAutomaticMode(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, c := range []struct {
		name string
		cfg  Config
		want Mode
	}{
		{"loopback", Config{Listen: "127.0.0.1:0"}, Off},
		{"all of 127/8 is loopback", Config{Listen: "127.8.9.10:0"}, Off},
		{"loopback, IPv6", Config{Listen: "[::1]:0"}, Off},
		{"loopback, mapped", Config{Listen: "[::ffff:127.0.0.1]:0"}, Off},
		{"localhost", Config{Listen: "localhost:0"}, Off},
		{"every address", Config{Listen: ":8080", DataDir: dir}, Local},
		{"every IPv4 address", Config{Listen: "0.0.0.0:8080", DataDir: dir}, Local},
		{"one address", Config{Listen: "192.0.2.1:8080", DataDir: dir}, Local},
		{"a name", Config{Listen: "host.example:8080", DataDir: dir}, Local},
		{"behind a proxy", Config{Listen: ":8080", BehindProxy: true}, Off},
		{"files given", Config{Listen: "127.0.0.1:0", CertFile: "c", KeyFile: "k"}, Files},
		{"an ACME contact given", Config{Listen: ":443", ACMEEmail: "a@example.com", Hosts: []string{"a.example"}, DataDir: dir}, ACME},
		{"an ACME directory given", Config{Listen: ":443", ACMEDirectory: "https://ca/dir", Hosts: []string{"a.example"}, DataDir: dir}, ACME},
		{"spelled out", Config{Listen: "127.0.0.1:0", TLS: Local, DataDir: dir}, Local},
		{"off behind a proxy", Config{Listen: ":8080", TLS: Off, BehindProxy: true}, Off},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got, err := c.cfg.resolved(); err != nil || got.TLS != c.want {
				t.Errorf("mode %q, %v; want %q", got.TLS, err, c.want)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, c := range []struct {
		name          string
		cfg           Config
		setting, says string
	}{
		{"plain on every IPv4 address", Config{Listen: "0.0.0.0:0", TLS: Off}, "TLS", "listen on 127.0.0.1"},
		{"plain on every address", Config{Listen: ":0", TLS: Off}, "TLS", "BehindProxy"},
		{"no port", Config{Listen: "127.0.0.1"}, "Listen", "host:port"},
		{"no address", Config{}, "Listen", "host:port"},
		{"unknown mode", Config{Listen: "127.0.0.1:0", TLS: "on"}, "TLS", `"on" is not one of auto`},
		{"negative limit", Config{Listen: "127.0.0.1:0", MaxConnections: -1}, "MaxConnections, ShutdownTimeout", "negative"},
		{"half a pair", Config{Listen: "127.0.0.1:0", CertFile: "c.pem"}, "CertFile, KeyFile", "needs both"},
		{"no such file", Config{Listen: "127.0.0.1:0", CertFile: filepath.Join(dir, "no.pem"), KeyFile: filepath.Join(dir, "no.key")}, "CertFile", "name a PEM file"},
		{"nowhere to keep keys", Config{Listen: "127.0.0.1:0", TLS: Local}, "DataDir", "name a directory"},
		{"a file for a directory", Config{Listen: "127.0.0.1:0", TLS: Local, DataDir: filepath.Join("config.go", "data")}, "DataDir", "may make and write"},
		{"ACME for nobody", Config{Listen: "127.0.0.1:0", TLS: ACME, DataDir: dir}, "Hosts", "at least one"},
		{"ACME for a wildcard", Config{Listen: "127.0.0.1:0", TLS: ACME, DataDir: dir, Hosts: []string{"*.example.com"}}, "Hosts", "wildcard"},
		{"ACME roots that are none", Config{Listen: "127.0.0.1:0", TLS: ACME, DataDir: dir, Hosts: []string{"a.example"}, ACMERootCAs: "config.go"}, "ACMERootCAs", "PEM"},
		{"ACME roots not there", Config{Listen: "127.0.0.1:0", TLS: ACME, DataDir: dir, Hosts: []string{"a.example"}, ACMERootCAs: filepath.Join(dir, "no.pem")}, "ACMERootCAs", "may read"},
		{"a URL for a host", Config{Listen: "127.0.0.1:0", Hosts: []string{"https://a.example"}}, "Hosts", "without scheme or port"},
		{"a host with a port", Config{Listen: "127.0.0.1:0", Hosts: []string{"a.example:443"}}, "Hosts", "without scheme or port"},
		{"an empty host", Config{Listen: "127.0.0.1:0", Hosts: []string{""}}, "Hosts", "neither"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, err := Listen(t.Context(), c.cfg, slog.New(slog.DiscardHandler), newClock().now)
			if err == nil {
				s.Close()
				t.Fatal("not refused")
			}
			refused, ok := errors.AsType[*SettingError](err)
			if !ok || refused.Setting != c.setting || !strings.Contains(err.Error(), c.says) {
				t.Errorf("err = %v, want a SettingError about %s that says %q", err, c.setting, c.says)
			}
		})
	}
}

func TestHostsAreCanonical(t *testing.T) {
	t.Parallel()
	got, err := canonicalHosts([]string{"MDM.Example.COM", "bücher.example", "*.Example.com", "2001:DB8::0:1", "::ffff:192.0.2.1", "fe80::1%eth0", "mdm.example.com"})
	want := []string{"mdm.example.com", "xn--bcher-kva.example", "*.example.com", "2001:db8::1", "192.0.2.1", "fe80::1"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("canonicalHosts = %q, %v; want %q", got, err, want)
	}
}

func TestBaseURL(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]string{
		"http://127.0.0.1:8080":   baseURL(false, "127.0.0.1", 8080),
		"http://127.0.0.1":        baseURL(false, "127.0.0.1", 80),
		"https://[2001:db8::1]":   baseURL(true, "2001:db8::1", 443),
		"https://[::1]:8443":      baseURL(true, "::1", 8443),
		"https://mdm.example.com": baseURL(true, "mdm.example.com", 443),
		"http://localhost:443":    baseURL(false, "localhost", 443),
		"https://localhost:80":    baseURL(true, "localhost", 80),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestURLOfEveryAddress(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := listen(t, Config{Listen: ":0", DataDir: dir}, newClock().now)
	if !strings.HasPrefix(s.URL(), "https://localhost:") {
		t.Errorf("URL = %q, want localhost's", s.URL())
	}
	named := listen(t, Config{Listen: "0.0.0.0:0", DataDir: dir, Hosts: []string{"mdm.example.com"}}, newClock().now)
	if !strings.HasPrefix(named.URL(), "https://mdm.example.com:") {
		t.Errorf("URL = %q, want the host's", named.URL())
	}
}
