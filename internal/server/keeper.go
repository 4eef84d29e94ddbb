package server

import (
	"context"
	"crypto/tls"
	"log/slog"
	"sync"
	"time"
)

// sourcePatience bounds how long a start or a handshake waits for a source.
const sourcePatience = 10 * time.Second

// keeper holds the certificate being served, and at handshakes, at most once an
// interval, asks its source for the one to serve from then on. No goroutine and no
// timer: a server that nobody calls needs no renewal.
type keeper struct {
	now      func() time.Time
	log      *slog.Logger
	interval time.Duration
	source   func(context.Context) (*tls.Certificate, error)

	mu      sync.Mutex
	current *tls.Certificate
	next    time.Time // when the source is asked again
	problem string    // the last failure that was logged
}

// load asks the source for the first time, when there is nothing yet to fall back on.
func (k *keeper) load(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, sourcePatience)
	defer cancel()
	first, err := k.source(ctx)
	if err != nil {
		return err
	}
	k.current, k.next = first, k.now().Add(k.interval)
	return nil
}

// tlsConfig serves what the keeper holds.
func (k *keeper) tlsConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: k.certificate}
}

func (k *keeper) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.now().Before(k.next) {
		// Another client's renewal must not fail because this one hung up.
		k.refresh(context.WithoutCancel(hello.Context()))
	}
	return k.current, nil
}

// refresh keeps the certificate it has when the source fails.
func (k *keeper) refresh(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, sourcePatience)
	defer cancel()
	fresh, err := k.source(ctx)
	k.next = k.now().Add(k.interval)
	if err != nil {
		k.report(err)
		return
	}
	if fresh != k.current {
		k.log.Info("serving a new certificate", "expires", fresh.Leaf.NotAfter)
	}
	k.current, k.problem = fresh, ""
}

// report says a failure once, not at every look.
func (k *keeper) report(err error) {
	if err.Error() == k.problem {
		return
	}
	k.problem = err.Error()
	k.log.Warn("the certificate could not be refreshed, the old one is kept", "error", err, "expires", k.current.Leaf.NotAfter)
}
