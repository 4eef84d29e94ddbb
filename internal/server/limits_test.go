package server

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

func TestSlowHeaderIsCut(t *testing.T) {
	t.Parallel()
	s := listen(t, Config{Listen: "127.0.0.1:0"}, newClock().now)
	if s.timeouts.readHeader != 10*time.Second {
		t.Errorf("a header may take %s, want 10s", s.timeouts.readHeader)
	}
	s.timeouts.readHeader = 100 * time.Millisecond
	serve(t, s, hello())
	conn, err := net.Dial("tcp", hostPort(t, s))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: slow\r\nX-Slow: "); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	rest, err := io.ReadAll(conn)
	if err != nil {
		t.Fatalf("the connection was not closed: %v", err)
	}
	if strings.Contains(string(rest), "200 OK") {
		t.Errorf("half a header was answered: %q", rest)
	}
}

func TestSlowHandshakeIsCut(t *testing.T) {
	t.Parallel()
	s := listen(t, Config{Listen: "127.0.0.1:0", TLS: Local, DataDir: t.TempDir()}, newClock().now)
	s.timeouts.readHeader = 100 * time.Millisecond
	serve(t, s, hello())
	conn, err := net.Dial("tcp", hostPort(t, s))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("a client that never speaks is kept")
	}
}

func TestHeaderTooLarge(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Listen: "127.0.0.1:0"}, newClock().now, hello())
	ask := func(size int) int {
		r, err := http.NewRequest(http.MethodGet, s.URL(), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+strings.Repeat("a", size))
		answer, err := client(t, "").Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.StatusCode
	}
	if status := ask(24 << 10); status != http.StatusOK {
		t.Errorf("24 KiB of header: %d, want 200", status)
	}
	if status := ask(48 << 10); status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("48 KiB of header: %d, want 431", status)
	}
}

func TestMoreConnectionsWait(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Listen: "127.0.0.1:0", MaxConnections: 1}, newClock().now, hello())
	ask := func() net.Conn {
		conn, err := net.Dial("tcp", hostPort(t, s.Server))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		return conn
	}
	first := ask()
	if _, err := bufio.NewReader(first).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	second := ask()
	defer second.Close()
	_ = second.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	if _, err := bufio.NewReader(second).ReadString('\n'); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("a second connection was served beyond the limit: %v", err)
	}
	first.Close()
	_ = second.SetReadDeadline(time.Now().Add(10 * time.Second))
	if line, err := bufio.NewReader(second).ReadString('\n'); err != nil || !strings.Contains(line, "200 OK") {
		t.Errorf("once there is room: %q, %v", line, err)
	}
}
