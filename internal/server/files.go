package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"time"
)

// filesInterval is how soon a replaced file is noticed.
const filesInterval = 3 * time.Second

// filePair is a certificate and its key on disk, which something else renews.
type filePair struct {
	certFile, keyFile string
	now               func() time.Time
	loaded            *tls.Certificate
	stamps            [2]stamp
}

// stamp tells one state of a file from another.
type stamp struct{ modified, size int64 }

func protectWithFiles(ctx context.Context, cfg Config, log *slog.Logger, now func() time.Time) (protection, error) {
	pair := &filePair{certFile: cfg.CertFile, keyFile: cfg.KeyFile, now: now}
	k := &keeper{now: now, log: log, interval: filesInterval, source: pair.load}
	if err := k.load(ctx); err != nil {
		return protection{}, err
	}
	return protection{tls: k.tlsConfig()}, nil
}

// load returns the pair on disk, read again only when a file has changed. A pair
// caught half-written fails, leaves no stamp, and is looked at again.
func (p *filePair) load(context.Context) (*tls.Certificate, error) {
	stamps, err := p.stat()
	if err != nil {
		return nil, err
	}
	if p.loaded != nil && stamps == p.stamps {
		return p.loaded, nil
	}
	cert, err := tls.LoadX509KeyPair(p.certFile, p.keyFile)
	if err != nil {
		return nil, &SettingError{Setting: "CertFile, KeyFile", Problem: fmt.Sprintf("%s and %s must be a certificate and its own private key, both PEM", p.certFile, p.keyFile), Err: err}
	}
	if err := inForce(cert.Leaf, p.now()); err != nil {
		return nil, &SettingError{Setting: "CertFile", Problem: p.certFile + " cannot be used now; renew it", Err: err}
	}
	p.loaded, p.stamps = &cert, stamps
	return p.loaded, nil
}

func (p *filePair) stat() (stamps [2]stamp, err error) {
	for i, setting := range []struct{ name, file string }{{"CertFile", p.certFile}, {"KeyFile", p.keyFile}} {
		info, err := os.Stat(setting.file)
		if err != nil {
			return stamps, &SettingError{Setting: setting.name, Problem: "name a PEM file this process may read", Err: err}
		}
		stamps[i] = stamp{modified: info.ModTime().UnixNano(), size: info.Size()}
	}
	return stamps, nil
}

// inForce says when cert is outside its validity.
func inForce(cert *x509.Certificate, at time.Time) error {
	switch {
	case at.After(cert.NotAfter):
		return fmt.Errorf("it expired on %s", cert.NotAfter.UTC().Format(time.DateTime))
	case at.Before(cert.NotBefore):
		return fmt.Errorf("it is valid only from %s; is this machine's clock right?", cert.NotBefore.UTC().Format(time.DateTime))
	}
	return nil
}
