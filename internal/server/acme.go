package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"
	"go.uber.org/zap"
)

// acmePort is where an authority connects to for TLS-ALPN-01 (RFC 8737, section 3).
const acmePort = 443

func protectWithACME(cfg Config, address netip.AddrPort, log *slog.Logger) (protection, error) {
	roots, err := acmeRoots(cfg.ACMERootCAs)
	if err != nil {
		return protection{}, err
	}
	dir := filepath.Join(cfg.DataDir, "acme")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return protection{}, &SettingError{Setting: "DataDir", Problem: "name a directory this process may make and write to", Err: err}
	}
	if address.Port() != acmePort {
		log.Warn("an ACME authority connects to port 443 of each host; it must lead to this listener", "listener", address.String())
	}
	magic, cache := newMagic(cfg, dir, roots, address, log)
	return protection{
		tls: &tls.Config{
			MinVersion:     tls.VersionTLS12,
			GetCertificate: magic.GetCertificate,
			NextProtos:     []string{"h2", "http/1.1", acmez.ACMETLS1Protocol},
		},
		begin: func(ctx context.Context) error { return magic.ManageAsync(ctx, cfg.Hosts) },
		end:   cache.Stop,
	}, nil
}

// newMagic obtains and renews certificates for cfg.Hosts only: certmagic makes none
// on demand unless told to.
func newMagic(cfg Config, dir string, roots *x509.CertPool, address netip.AddrPort, log *slog.Logger) (*certmagic.Config, *certmagic.Cache) {
	logger := zap.New(&zapToSlog{to: log})
	var magic *certmagic.Config
	cache := certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return magic, nil },
		Logger:           logger,
	})
	magic = certmagic.New(cache, certmagic.Config{
		Storage:           &certmagic.FileStorage{Path: dir},
		DefaultServerName: cfg.Hosts[0], // for clients that give no name
		Logger:            logger,
		OnEvent:           announce(log),
	})
	issuer := certmagic.NewACMEIssuer(magic, certmagic.ACMEIssuer{
		CA: cfg.ACMEDirectory, Email: cfg.ACMEEmail, Agreed: true,
		TrustedRoots:         roots,
		DisableHTTPChallenge: true,
		// Where certmagic finds this very listener, and so starts none of its own.
		ListenHost: listenHost(cfg.Listen), AltTLSALPNPort: int(address.Port()),
		Logger: logger,
	})
	magic.Issuers = []certmagic.Issuer{issuer}
	return magic, cache
}

func listenHost(listen string) string {
	host, _, _ := net.SplitHostPort(listen)
	return host
}

// announce logs the one event an operator waits for; failures certmagic logs itself.
func announce(log *slog.Logger) func(context.Context, string, map[string]any) error {
	return func(ctx context.Context, event string, data map[string]any) error {
		if event == "cert_obtained" {
			log.InfoContext(ctx, "certificate obtained", "host", data["identifier"], "issuer", data["issuer"])
		}
		return nil
	}
}

// acmeRoots are the system's authorities and those in file; nil when there is no file.
func acmeRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, &SettingError{Setting: "ACMERootCAs", Problem: "name a PEM file this process may read", Err: err}
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("the system's certificate authorities: %w", err)
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, &SettingError{Setting: "ACMERootCAs", Problem: file + " must hold certificates in PEM", Err: errors.New("it holds none")}
	}
	return pool, nil
}
