package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gofrs/flock"

	"plimsoll/internal/wholefile"
)

const (
	leafFile    = "server.pem"
	leafKeyFile = "server-key.pem"
	lockFile    = "tls.lock"

	// leafDays stays under what browsers accept of a server's certificate.
	leafDays = 397
	// localInterval is how soon renewal falls due and a new address of the machine is noticed.
	localInterval = time.Hour
	// authorityNotice is how long before its end the authority is complained about.
	authorityNotice = 180 * 24 * time.Hour
	lockPoll        = 20 * time.Millisecond
)

// localPair is the server's certificate from the local authority, kept in dir.
type localPair struct {
	dir, listenHost string
	hosts           []string
	now             func() time.Time
	log             *slog.Logger
	loaded          *tls.Certificate
}

func protectLocally(ctx context.Context, cfg Config, log *slog.Logger, now func() time.Time) (protection, error) {
	dir, err := filepath.Abs(cfg.DataDir)
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return protection{}, &SettingError{Setting: "DataDir", Problem: "name a directory this process may make and write to", Err: err}
	}
	host, _, _ := net.SplitHostPort(cfg.Listen)
	pair := &localPair{dir: dir, listenHost: host, hosts: cfg.Hosts, now: now, log: log}
	k := &keeper{now: now, log: log, interval: localInterval, source: pair.load}
	if err := k.load(ctx); err != nil {
		return protection{}, err
	}
	return protection{tls: k.tlsConfig(), caFile: filepath.Join(dir, caFile)}, nil
}

// load returns a certificate that fits: the one in use, else the one on disk, which
// another process may have renewed, else a new one. The lock is the directory's, so
// that processes which start at once end up with one authority.
func (p *localPair) load(ctx context.Context) (*tls.Certificate, error) {
	lock := flock.New(filepath.Join(p.dir, lockFile))
	if _, err := lock.TryLockContext(ctx, lockPoll); err != nil {
		return nil, fmt.Errorf("lock %s, which another process holds or this one may not write: %w", lock.Path(), err)
	}
	defer func() { _ = lock.Unlock() }() // closing the file releases it in any case
	at := p.now()
	ca, err := openAuthority(p.dir, at)
	if err != nil {
		return nil, err
	}
	if left := ca.cert.NotAfter.Sub(at); left < authorityNotice {
		p.log.Warn("the local authority expires soon; plan to replace it and to give clients the new ca.pem", "expires", ca.cert.NotAfter)
	}
	names := p.names()
	if p.loaded != nil && ca.fits(p.loaded.Leaf, names, at) {
		return p.loaded, nil
	}
	if stored, err := p.stored(); err == nil && ca.fits(stored.Leaf, names, at) {
		p.loaded = stored
		return stored, nil
	}
	p.loaded, err = p.issue(ca, names, at)
	return p.loaded, err
}

func (p *localPair) stored() (*tls.Certificate, error) {
	// A pair that is missing or torn by a crash is simply made again: nobody trusts it by itself.
	cert, err := tls.LoadX509KeyPair(filepath.Join(p.dir, leafFile), filepath.Join(p.dir, leafKeyFile))
	return &cert, err
}

// fits reports whether leaf is this authority's, names exactly names, and has more
// than a third of its life left, or as much as the authority can still give.
func (ca *authority) fits(leaf *x509.Certificate, names []string, at time.Time) bool {
	if leaf.CheckSignatureFrom(ca.cert) != nil || !slices.Equal(certificateNames(leaf), names) {
		return false
	}
	life, left := leaf.NotAfter.Sub(leaf.NotBefore), leaf.NotAfter.Sub(at)
	return !at.Before(leaf.NotBefore) && (left > life/3 || leaf.NotAfter.Equal(ca.cert.NotAfter))
}

func (p *localPair) issue(ca *authority, names []string, at time.Time) (*tls.Certificate, error) {
	key, keyPEM, err := newKey()
	if err != nil {
		return nil, err
	}
	_, certPEM, err := sign(leafTemplate(ca, names, at), ca.cert, &key.PublicKey, ca.key)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(wholefile.Write(filepath.Join(p.dir, leafKeyFile), keyPEM, 0o600), wholefile.Write(filepath.Join(p.dir, leafFile), certPEM, 0o600)); err != nil {
		return nil, fmt.Errorf("store the server's certificate: %w", err)
	}
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	return &cert, err
}

func leafTemplate(ca *authority, names []string, at time.Time) *x509.Certificate {
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "Plimsoll server"},
		NotBefore:             at.Add(-backdate),
		NotAfter:              at.Add(-backdate).AddDate(0, 0, leafDays),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	if template.NotAfter.After(ca.cert.NotAfter) {
		template.NotAfter = ca.cert.NotAfter
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	return template
}

// names are those the server may be reached by, sorted, each once.
func (p *localPair) names() []string {
	names := append([]string{"localhost", "127.0.0.1", "::1"}, p.hosts...)
	listen, err := netip.ParseAddr(p.listenHost)
	everywhere := p.listenHost == "" || err == nil && listen.IsUnspecified()
	// What the machine calls itself need not be a DNS name.
	if hostname, err := os.Hostname(); err == nil {
		names = appendName(names, hostname)
	}
	if everywhere {
		names = append(names, interfaceAddresses()...)
	} else {
		names = appendName(names, p.listenHost)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func appendName(names []string, name string) []string {
	if canonical, err := canonicalHost(name); err == nil {
		return append(names, canonical)
	}
	return names
}

// interfaceAddresses are those another machine can use: a link-local one means
// nothing without its zone.
func interfaceAddresses() []string {
	addresses, _ := net.InterfaceAddrs() // none is as good as an error: the other names remain
	var usable []string
	for _, address := range addresses {
		prefix, err := netip.ParsePrefix(address.String())
		if err == nil && !prefix.Addr().IsLinkLocalUnicast() {
			usable = append(usable, prefix.Addr().Unmap().String())
		}
	}
	return usable
}

// certificateNames are the subject alternative names of cert, in the order of names.
func certificateNames(cert *x509.Certificate) []string {
	names := slices.Clone(cert.DNSNames)
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	slices.Sort(names)
	return names
}
