package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"sync"
	"time"

	"golang.org/x/net/netutil"
)

// timeouts are the limits of one connection; a test shortens them.
type timeouts struct {
	readHeader, read, write, idle time.Duration
}

// maxHeaderBytes leaves room for the largest bearer tokens seen, and not much more.
const maxHeaderBytes = 32 << 10

// Server is an open listener, ready to serve.
type Server struct {
	cfg       Config
	log       *slog.Logger
	listener  net.Listener
	protected protection
	timeouts  timeouts
	closed    sync.Once
}

// protection is what a Mode comes to once the port is known.
type protection struct {
	tls    *tls.Config                 // nil: plain HTTP
	caFile string                      // the file clients must trust; "" when none
	begin  func(context.Context) error // starts background work; nil when there is none
	end    func()                      // ends it; nil when there is none
}

// Listen opens the port and makes ready what protects it; connections wait until
// Serve. The clock is asked when certificates are made, checked and renewed, save
// those of ACME, whose client keeps its own time.
//
// The error is a *SettingError when cfg cannot be used, and an *AuthorityError when
// the files of the local authority cannot. A caller that does not go on to Serve
// must Close.
func Listen(ctx context.Context, cfg Config, log *slog.Logger, now func() time.Time) (*Server, error) {
	cfg, err := cfg.resolved()
	if err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return nil, &SettingError{Setting: "Listen", Problem: "the address must be one of this machine's, its port free and permitted", Err: err}
	}
	s := &Server{
		cfg: cfg, log: log, listener: listener,
		timeouts: timeouts{readHeader: 10 * time.Second, read: 60 * time.Second, write: 90 * time.Second, idle: 60 * time.Second},
	}
	if s.protected, err = s.protect(ctx, now); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return s, nil
}

func (s *Server) protect(ctx context.Context, now func() time.Time) (protection, error) {
	switch s.cfg.TLS {
	case Local:
		return protectLocally(ctx, s.cfg, s.log, now)
	case Files:
		return protectWithFiles(ctx, s.cfg, s.log, now)
	case ACME:
		return protectWithACME(s.cfg, s.address(), s.log)
	}
	// A resolver decides what "localhost" is; the opened port is what counts.
	if !s.cfg.BehindProxy && !isLoopback(s.address().Addr().String()) {
		return protection{}, plainRefusal(s.address().String())
	}
	return protection{}, nil
}

// address is the opened one, with the port that was picked.
func (s *Server) address() netip.AddrPort {
	address, err := netip.ParseAddrPort(s.listener.Addr().String())
	if err != nil {
		return netip.AddrPort{} // a TCP listener's address always parses
	}
	return netip.AddrPortFrom(address.Addr().Unmap(), address.Port())
}

// URL is where the listener is reached, with the real port unless it is the
// scheme's own: "http://127.0.0.1:8080". The host is the first of Hosts with ACME;
// otherwise the one listened on or, when that is every address, the first of Hosts
// or else localhost.
func (s *Server) URL() string {
	host, _, _ := net.SplitHostPort(s.cfg.Listen)
	ip, err := netip.ParseAddr(host)
	everywhere := host == "" || err == nil && ip.IsUnspecified()
	switch {
	case len(s.cfg.Hosts) > 0 && (everywhere || s.cfg.TLS == ACME):
		host = s.cfg.Hosts[0]
	case everywhere:
		host = "localhost"
	}
	return baseURL(s.protected.tls != nil, host, s.address().Port())
}

func baseURL(secure bool, host string, port uint16) string {
	scheme, usual := "http", uint16(80)
	if secure {
		scheme, usual = "https", 443
	}
	u := url.URL{Scheme: scheme, Host: net.JoinHostPort(host, strconv.Itoa(int(port)))}
	if port == usual {
		u.Host = u.Host[:len(u.Host)-len(u.Port())-1]
	}
	return u.String()
}

// CAFile is the path of the certificate that clients must trust: the local
// authority's, or "" with any other mode.
func (s *Server) CAFile() string { return s.protected.caFile }

// Close gives the port back and ends what runs for it. Serve does so itself when it
// returns; a second call does nothing.
func (s *Server) Close() {
	s.closed.Do(func() {
		_ = s.listener.Close() // nothing was written to it that could be lost
		if s.protected.end != nil {
			s.protected.end()
		}
	})
}

// Serve answers requests with h until ctx is done. It then accepts no more, lets
// requests in flight finish for up to ShutdownTimeout, and returns nil, or an error
// when some had to be cut. The requests' contexts outlive ctx, and end when Serve
// returns. A Server serves once.
func (s *Server) Serve(ctx context.Context, h http.Handler) error {
	defer s.Close()
	requests, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	if s.protected.begin != nil {
		if err := s.protected.begin(ctx); err != nil {
			return fmt.Errorf("prepare TLS: %w", err)
		}
	}
	hs := s.httpServer(requests, h)
	ended := make(chan error, 1)
	go func() { ended <- s.accept(hs) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve %s: %w", s.URL(), err)
	case <-ctx.Done():
	}
	err := s.shutDown(requests, hs)
	if why := <-ended; !errors.Is(why, http.ErrServerClosed) {
		err = errors.Join(err, why)
	}
	return err
}

func (s *Server) httpServer(requests context.Context, h http.Handler) *http.Server {
	return &http.Server{
		Handler:           strict(forwarded(h, s.cfg.BehindProxy), s.cfg.TLS),
		TLSConfig:         s.protected.tls,
		ReadHeaderTimeout: s.timeouts.readHeader, // also bounds the TLS handshake
		ReadTimeout:       s.timeouts.read,
		WriteTimeout:      s.timeouts.write,
		IdleTimeout:       s.timeouts.idle,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          errorLog(s.log),
		BaseContext:       func(net.Listener) context.Context { return requests },
	}
}

func (s *Server) accept(hs *http.Server) error {
	limited := netutil.LimitListener(s.listener, s.cfg.MaxConnections)
	if s.protected.tls == nil {
		return hs.Serve(limited)
	}
	return hs.ServeTLS(limited, "", "")
}

func (s *Server) shutDown(requests context.Context, hs *http.Server) error {
	patience, cancel := context.WithTimeout(requests, s.cfg.ShutdownTimeout)
	defer cancel()
	err := hs.Shutdown(patience)
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.Join(fmt.Errorf("requests still running after %s were cut: %w", s.cfg.ShutdownTimeout, err), hs.Close())
	}
	return err
}
