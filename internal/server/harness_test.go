package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// clock is a clock that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Now()} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(by)
}

// logBuffer keeps what is logged, for tests that ask.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (b *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func listen(t *testing.T, cfg Config, now func() time.Time) *Server {
	t.Helper()
	s, err := Listen(t.Context(), cfg, slog.New(slog.NewTextHandler(t.Output(), nil)), now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// running is a server that serves until stop.
type running struct {
	*Server
	stop func() error
}

// serve runs s until the test ends or calls stop, which returns what Serve did.
func serve(t *testing.T, s *Server, h http.Handler) running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, h) }()
	stop := sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(20 * time.Second):
			return errors.New("Serve did not return")
		}
	})
	t.Cleanup(func() { _ = stop() })
	return running{s, stop}
}

func start(t *testing.T, cfg Config, now func() time.Time, h http.Handler) running {
	t.Helper()
	return serve(t, listen(t, cfg, now), h)
}

// hello answers with the protocol it was asked in.
func hello() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "hello over %s", r.Proto) })
}

// client trusts the authorities in caFile and no other.
func client(t *testing.T, caFile string) *http.Client {
	t.Helper()
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: pool(t, caFile)}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

func pool(t *testing.T, caFile string) *x509.CertPool {
	t.Helper()
	roots := x509.NewCertPool()
	if caFile == "" {
		return roots
	}
	text, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	if !roots.AppendCertsFromPEM(text) {
		t.Fatalf("%s holds no certificate", caFile)
	}
	return roots
}

func get(t *testing.T, c *http.Client, url string) string {
	t.Helper()
	answer, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// hostPort is where s listens, as a client dials it.
func hostPort(t *testing.T, s *Server) string {
	t.Helper()
	u, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

const day = 24 * time.Hour

// handshake returns the certificate that s presents to a client which trusts caFile
// alone, calls s by name and has clock's time.
func handshake(t *testing.T, s *Server, caFile, name string, clock *clock) *x509.Certificate {
	t.Helper()
	conn, err := tls.Dial("tcp", hostPort(t, s), &tls.Config{RootCAs: pool(t, caFile), ServerName: name, Time: clock.now})
	if err != nil {
		t.Fatalf("as %s: %v", name, err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0]
}

func contents(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, entry := range entries {
		all.WriteString(entry.Name() + "\n" + string(read(t, dir, entry.Name())))
	}
	return all.String()
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func write(name, text string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func remove(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func copied(from string, names ...string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		for _, name := range names {
			write(name, string(read(t, from, name)))(t, dir)
		}
	}
}
