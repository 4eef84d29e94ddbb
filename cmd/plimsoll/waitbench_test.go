package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"plimsoll/internal/checkin"
)

// BenchmarkWaitingAgents has many agents wait, each on a connection of its own, and
// shows how much of the server's memory each takes. Then a script is assigned to all
// of them, and it shows how many learn of it in a second.
func BenchmarkWaitingAgents(b *testing.B) {
	const agents = 2000
	program := builtServer(b)
	for _, form := range []struct {
		name, tls string
		http2     bool
	}{{"HTTP1", "off", false}, {"TLS-HTTP1", "local", false}, {"TLS-HTTP2", "local", true}} {
		b.Run(form.name, func(b *testing.B) {
			for b.Loop() {
				store, data := sqliteAddress(b), b.TempDir()
				s := waitBenchServer(b, program, "--tls", form.tls, "--data", data, "--store", store)
				devices, first := s.benchDevices(b, agents), s
				first.end(b)
				s = waitBenchServer(b, program, "--tls", form.tls, "--data", data, "--store", store) // which holds nothing yet
				s.token = first.token
				time.Sleep(2 * time.Second)
				before := residentMiB(b, s.cmd.Process.Pid)
				ctx, leave := context.WithCancel(b.Context())
				learned := make(chan int, agents)
				var waiting sync.WaitGroup
				for _, d := range devices {
					transport := s.client.Transport.(*http.Transport).Clone()
					transport.ForceAttemptHTTP2, transport.DisableKeepAlives = form.http2, !form.http2
					if !form.http2 {
						transport.TLSClientConfig = &tls.Config{RootCAs: transport.TLSClientConfig.RootCAs, MinVersion: tls.VersionTLS12}
						transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
					}
					waiting.Go(func() {
						learned <- s.benchWait(ctx, b, transport, d)
						transport.CloseIdleConnections()
					})
				}
				for text := ""; !strings.Contains(text, fmt.Sprintf("\nplimsoll_waiting_agents %d\n", agents)); time.Sleep(100 * time.Millisecond) {
					text = s.benchSend(b, http.StatusOK, "GET", s.URL+"/metrics", "").text
				}
				time.Sleep(2 * time.Second)
				b.ReportMetric((residentMiB(b, s.cmd.Process.Pid)-before)*1024/agents, "KiB/agent")
				_ = s.benchResults(b, 1, devices)
				began := time.Now()
				for range agents {
					if status := <-learned; status != http.StatusNoContent {
						b.Fatalf("a wait ended with %d", status)
					}
				}
				b.ReportMetric(agents/time.Since(began).Seconds(), "learn/s")
				leave()
				waiting.Wait()
				s.end(b)
			}
		})
	}
}

// waitBenchServer starts a server with flags of its own.
func waitBenchServer(b *testing.B, program string, flags ...string) *benchedServer {
	b.Helper()
	s := &benchedServer{process: launch(b, nil, program, append([]string{"serve", "--json", "--listen", "127.0.0.1:0"}, flags...)...)}
	if err := json.Unmarshal([]byte(s.line), &s.announcement); err != nil {
		b.Fatal(err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if s.CAFile != "" {
		pem, err := os.ReadFile(s.CAFile)
		if err != nil {
			b.Fatal(err)
		}
		transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem)
	}
	s.client = &http.Client{Timeout: time.Minute, Transport: transport}
	if s.FirstClient == nil {
		return s
	}
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {s.FirstClient.ClientID}, "client_secret": {s.FirstClient.ClientSecret},
	}
	answer := s.benchSend(b, http.StatusOK, "POST", s.URL+"/"+s.TenantID+"/oauth2/v2.0/token", form.Encode(),
		"Content-Type", "application/x-www-form-urlencoded", "Authorization", "")
	s.token, _ = answer.json["access_token"].(string)
	return s
}

// benchWait waits as a device, and gives the status of the answer.
func (s *benchedServer) benchWait(ctx context.Context, b *testing.B, transport http.RoundTripper, d benchedDevice) int {
	b.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+checkin.WaitPath, http.NoBody)
	if err != nil {
		b.Error(err)
		return 0
	}
	r.Header = http.Header{"Authorization": {"Bearer " + d.token}, "Prefer": {"wait=240"}, "If-None-Match": {`"` + d.etag + `"`}}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		b.Error(err)
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}
