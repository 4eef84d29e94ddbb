package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const acmeName = "mdm.plimsoll.test"

// TestACME gets a certificate from a real authority, which proves the name by
// connecting to the listener, and then starts again without that authority.
func TestACME(t *testing.T) {
	t.Parallel()
	ca := newPebble(t)
	cfg := Config{
		Listen: "127.0.0.1:0", Hosts: []string{acmeName}, DataDir: filepath.Join(t.TempDir(), "data"),
		ACMEEmail: "operator@plimsoll.test", ACMEDirectory: ca.directory, ACMERootCAs: ca.apiRoot,
	}
	var log logBuffer
	s, err := Listen(t.Context(), cfg, log.logger(), newClock().now)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(s.URL(), "https://"+acmeName+":") || s.CAFile() != "" {
		t.Errorf("URL = %q, CAFile = %q", s.URL(), s.CAFile())
	}
	stopCA := ca.run(t, s.address().Port())
	roots := ca.issuingRoots(t)
	running := serve(t, s, hello())
	first, err := awaitCertificate(s, roots)
	if err != nil {
		t.Fatalf("no certificate: %v\n%s", err, log.String())
	}
	if !strings.Contains(log.String(), `msg="certificate obtained" host=`+acmeName) {
		t.Error("the log does not say that the certificate was obtained")
	}
	c := &http.Client{Transport: &http.Transport{
		ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, s.listener.Addr().String())
		},
		TLSClientConfig: &tls.Config{RootCAs: roots},
	}}
	defer c.CloseIdleConnections()
	if body := get(t, c, s.URL()); body != "hello over HTTP/2.0" {
		t.Errorf("body = %q", body)
	}
	response, err := c.Get(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if got := response.Header.Get("Strict-Transport-Security"); got != "max-age=31536000" {
		t.Errorf("Strict-Transport-Security is %q", got)
	}
	if conn, err := tls.Dial("tcp", s.listener.Addr().String(), &tls.Config{RootCAs: roots, ServerName: "other.plimsoll.test"}); err == nil {
		conn.Close()
		t.Error("a name nobody configured was served")
	}
	if err := running.stop(); err != nil {
		t.Errorf("Serve = %v", err)
	}
	stopCA()
	if info, err := os.Stat(filepath.Join(cfg.DataDir, "acme")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the account's directory: %v; want mode 0700", err)
	}

	again := start(t, cfg, newClock().now, hello())
	second, err := awaitCertificate(again.Server, roots)
	if err != nil || !second.Equal(first) {
		t.Errorf("a restart does not serve the certificate it has: %v", err)
	}
}

// awaitCertificate calls s by its ACME name until a handshake succeeds.
func awaitCertificate(s *Server, roots *x509.CertPool) (*x509.Certificate, error) {
	var last error
	for range 300 {
		conn, err := tls.Dial("tcp", s.listener.Addr().String(), &tls.Config{RootCAs: roots, ServerName: acmeName})
		if err == nil {
			defer conn.Close()
			return conn.ConnectionState().PeerCertificates[0], nil
		}
		last = err
		time.Sleep(100 * time.Millisecond)
	}
	return nil, last
}

// pebble is Let's Encrypt's ACME server for tests.
type pebble struct {
	dir, binary, apiRoot, directory string
	api, management                 int
}

// newPebble builds the server and picks its ports; the module of the tools pins its version.
func newPebble(t *testing.T) pebble {
	t.Helper()
	dir := t.TempDir()
	p := pebble{dir: dir, binary: filepath.Join(dir, "pebble"), apiRoot: filepath.Join(dir, "root.pem"), api: freePort(t), management: freePort(t)}
	p.directory = fmt.Sprintf("https://127.0.0.1:%d/dir", p.api)
	build := exec.Command("go", "build", "-C", filepath.Join("..", "..", "tools"), "-o", p.binary, "github.com/letsencrypt/pebble/v2/cmd/pebble")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build pebble: %v\n%s", err, output)
	}
	pairIn(t, dir, time.Now(), day)
	return p
}

// run starts the authority, which proves names on tlsPort of the address that the
// test's DNS gives; the function it returns stops it.
func (p pebble) run(t *testing.T, tlsPort uint16) (stop func()) {
	t.Helper()
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress":           fmt.Sprintf("127.0.0.1:%d", p.api),
		"managementListenAddress": fmt.Sprintf("127.0.0.1:%d", p.management),
		"certificate":             filepath.Join(p.dir, "cert.pem"),
		"privateKey":              filepath.Join(p.dir, "key.pem"),
		"httpPort":                1, // nothing listens there: HTTP-01 must not be what proves a name
		"tlsPort":                 tlsPort,
		"retryAfter":              map[string]int{"authz": 1, "order": 1},
		"keyAlgorithm":            "ecdsa",
	}})
	if err != nil {
		t.Fatal(err)
	}
	write("pebble.json", string(config))(t, p.dir)
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, p.binary, "-config", filepath.Join(p.dir, "pebble.json"), "-dnsserver", loopbackDNS(t))
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() { cancel(); _ = cmd.Wait() }
	t.Cleanup(stop)
	return stop
}

// issuingRoots waits for the authority to be up and asks what its certificates lead to.
func (p pebble) issuingRoots(t *testing.T) *x509.CertPool {
	t.Helper()
	c, url := client(t, p.apiRoot), fmt.Sprintf("https://127.0.0.1:%d/roots/0", p.management)
	for range 200 {
		if answer, err := c.Get(url); err == nil {
			answer.Body.Close()
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(get(t, c, url))) {
		t.Fatal("the authority gave no root")
	}
	return roots
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// loopbackDNS answers, over TCP, every question for an IPv4 address with 127.0.0.1,
// and every other with nothing.
func loopbackDNS(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answerDNS(conn)
		}
	}()
	return l.Addr().String()
}

// answerDNS answers one question; over TCP a message has its length before it.
func answerDNS(conn net.Conn) {
	defer conn.Close()
	var size uint16
	if binary.Read(conn, binary.BigEndian, &size) != nil {
		return
	}
	packet := make([]byte, size)
	if _, err := io.ReadFull(conn, packet); err != nil {
		return
	}
	var m dnsmessage.Message
	if m.Unpack(packet) != nil || len(m.Questions) != 1 {
		return
	}
	m.Response, m.Additionals = true, nil
	if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
			Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
		}}
	}
	if answer, err := m.Pack(); err == nil {
		_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
	}
}
