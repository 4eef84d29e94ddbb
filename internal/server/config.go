// Package server is how the service is reached: the listener, its TLS, its
// limits and time-outs, and a shutdown that finishes what was accepted.
//
// It wraps any http.Handler. Plain HTTP is served on loopback only, or behind a
// proxy that speaks TLS; any other address gets TLS from files, from an ACME
// authority, or from a local authority made in the data directory.
package server

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/idna"
)

// Mode is how the listener is protected.
type Mode string

// The modes of a listener.
const (
	// Auto takes what the rest of the configuration says: Files when CertFile or
	// KeyFile is set; else ACME when ACMEEmail or ACMEDirectory is set; else Off
	// on a loopback address or behind a proxy; else Local. The zero Mode is Auto.
	Auto Mode = "auto"
	// Off is plain HTTP, on loopback or behind a proxy only.
	Off Mode = "off"
	// Local is TLS with a certificate from an authority kept in DataDir.
	Local Mode = "local"
	// Files is TLS with CertFile and KeyFile, read again when they change.
	Files Mode = "files"
	// ACME is TLS with certificates for Hosts from an ACME authority (RFC 8555),
	// proved by TLS-ALPN-01 (RFC 8737) on the listener itself.
	ACME Mode = "acme"
)

const (
	defaultMaxConnections  = 10_000
	defaultShutdownTimeout = 30 * time.Second
)

// Config says where and how to listen.
type Config struct {
	// Listen is host:port. An empty host is every address of the machine; port 0
	// picks a free one.
	Listen string
	// TLS is how the listener is protected; the zero value is Auto.
	TLS Mode
	// BehindProxy says that every request comes through a proxy the operator
	// trusts: plain HTTP is then allowed on any address, and X-Forwarded-For,
	// -Host and -Proto replace the request's remote address, host and scheme.
	BehindProxy bool
	// DataDir is where the local authority and the ACME account live. It is made
	// (mode 0700) when Local or ACME needs it.
	DataDir string
	// Hosts are further DNS names and IP addresses for the local certificate, and
	// the names to get certificates for with ACME.
	Hosts []string

	// CertFile and KeyFile are PEM files: a certificate with its chain, and its
	// private key.
	CertFile, KeyFile string

	// ACMEEmail is the contact the ACME authority may write to; it may be empty.
	ACMEEmail string
	// ACMEDirectory is the authority's directory URL, Let's Encrypt's when empty.
	// Choosing ACME is agreeing to that authority's terms of service.
	ACMEDirectory string
	// ACMERootCAs is a PEM file of authorities to trust, besides the system's,
	// when talking to ACMEDirectory; a private authority needs it.
	ACMERootCAs string

	// MaxConnections is how many connections are served at once; more wait until
	// one closes. 0 is 10,000.
	MaxConnections int
	// ShutdownTimeout is how long requests in flight may take to finish once the
	// server is told to stop. 0 is 30 s.
	ShutdownTimeout time.Duration
}

// SettingError says which field of Config cannot be used, why, and what would be right.
type SettingError struct {
	Setting string // the name of the field
	Problem string
	Err     error // the cause; may be nil
}

func (e *SettingError) Error() string {
	if e.Err == nil {
		return e.Setting + ": " + e.Problem
	}
	return fmt.Sprintf("%s: %s: %v", e.Setting, e.Problem, e.Err)
}

// Unwrap returns the cause, if there is one.
func (e *SettingError) Unwrap() error { return e.Err }

// resolved returns cfg with its defaults filled in, its mode decided and its
// hosts in canonical form, or a *SettingError.
func (cfg Config) resolved() (Config, error) {
	host, _, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return cfg, &SettingError{Setting: "Listen", Problem: "write host:port, for example 127.0.0.1:8080 or :8443", Err: err}
	}
	if cfg.Hosts, err = canonicalHosts(cfg.Hosts); err != nil {
		return cfg, err
	}
	if cfg.MaxConnections < 0 || cfg.ShutdownTimeout < 0 {
		return cfg, &SettingError{Setting: "MaxConnections, ShutdownTimeout", Problem: "must not be negative; 0 takes the default"}
	}
	if cfg.MaxConnections == 0 {
		cfg.MaxConnections = defaultMaxConnections
	}
	if cfg.ShutdownTimeout == 0 {
		cfg.ShutdownTimeout = defaultShutdownTimeout
	}
	if cfg.TLS == "" || cfg.TLS == Auto {
		cfg.TLS = cfg.automatic(host)
	}
	return cfg, cfg.check(host)
}

// automatic is what Auto means for this configuration.
func (cfg Config) automatic(host string) Mode {
	switch {
	case cfg.CertFile != "" || cfg.KeyFile != "":
		return Files
	case cfg.ACMEEmail != "" || cfg.ACMEDirectory != "":
		return ACME
	case isLoopback(host) || cfg.BehindProxy:
		return Off
	default:
		return Local
	}
}

// check says what the decided mode still lacks.
func (cfg Config) check(host string) error {
	switch cfg.TLS {
	case Off:
		if !cfg.BehindProxy && !isLoopback(host) {
			return plainRefusal(cfg.Listen)
		}
	case Files:
		if cfg.CertFile == "" || cfg.KeyFile == "" {
			return &SettingError{Setting: "CertFile, KeyFile", Problem: "TLS from files needs both the certificate's file and its key's"}
		}
	case Local:
		return cfg.needDataDir()
	case ACME:
		if len(cfg.Hosts) == 0 {
			return &SettingError{Setting: "Hosts", Problem: "ACME needs the names to get a certificate for; name at least one"}
		}
		if i := slices.IndexFunc(cfg.Hosts, func(h string) bool { return strings.HasPrefix(h, "*.") }); i >= 0 {
			return &SettingError{Setting: "Hosts", Problem: fmt.Sprintf("TLS-ALPN-01 cannot prove the wildcard %q; name each host, or get the certificate elsewhere and use files", cfg.Hosts[i])}
		}
		return cfg.needDataDir()
	default:
		return &SettingError{Setting: "TLS", Problem: fmt.Sprintf("%q is not one of auto, off, local, files, acme", cfg.TLS)}
	}
	return nil
}

func (cfg Config) needDataDir() error {
	if cfg.DataDir == "" {
		return &SettingError{Setting: "DataDir", Problem: fmt.Sprintf("TLS %s keeps its keys there; name a directory", cfg.TLS)}
	}
	return nil
}

func plainRefusal(listen string) error {
	return &SettingError{Setting: "TLS", Problem: fmt.Sprintf(
		"off on %q would carry tokens readably over the network; listen on 127.0.0.1, or use auto, local, files or acme, or set BehindProxy when a proxy in front speaks TLS", listen)}
}

// isLoopback reports whether a listen host can be reached from this machine only.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// canonicalHosts checks each host and returns them lower-case, in ASCII, each once, in their order.
func canonicalHosts(hosts []string) ([]string, error) {
	canonical := make([]string, 0, len(hosts))
	for _, host := range hosts {
		name, err := canonicalHost(host)
		if err != nil {
			return nil, &SettingError{Setting: "Hosts", Problem: fmt.Sprintf("%q is neither a DNS name nor an IP address; write only the name, without scheme or port", host), Err: err}
		}
		if !slices.Contains(canonical, name) {
			canonical = append(canonical, name)
		}
	}
	return canonical, nil
}

func canonicalHost(host string) (string, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().WithZone("").String(), nil
	}
	bare, wildcard := strings.CutPrefix(host, "*.")
	name, err := idna.Lookup.ToASCII(bare)
	if err == nil && name == "" {
		err = fmt.Errorf("it is empty")
	}
	if wildcard {
		name = "*." + name
	}
	return name, err
}
