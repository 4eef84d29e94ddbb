package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"
)

// BenchmarkOpenPages has many pages follow what changes, each on a connection of its
// own, and shows how much of the server's memory each takes, and of its processor's
// time while nothing changes. Then a summary of one of many scripts is reported, time
// and again: it shows how long until the first and the last page are told, the second
// in which the store is looked at included, and what processor's time that took.
func BenchmarkOpenPages(b *testing.B) {
	const (
		pages       = 1000
		manyScripts = 200
		rounds      = 10
	)
	program := builtServer(b)
	for _, form := range []struct {
		name, tls string
		http2     bool
	}{{"HTTP1", "off", false}, {"TLS-HTTP2", "local", true}} {
		b.Run(form.name, func(b *testing.B) {
			for b.Loop() {
				s := waitBenchServer(b, program, "--tls", form.tls, "--data", b.TempDir(), "--store", sqliteAddress(b))
				for range manyScripts {
					s.benchSend(b, http.StatusCreated, "POST", scripts+"/"+s.benchScript(b)+"/runSummary", summaryBody(-1))
				}
				reported := s.benchScript(b)
				s.benchSend(b, http.StatusCreated, "POST", scripts+"/"+reported+"/runSummary", summaryBody(-1))
				time.Sleep(2 * time.Second)
				before := residentMiB(b, s.cmd.Process.Pid)
				ctx, leave := context.WithCancel(b.Context())
				told := make(chan time.Time, pages)
				var open sync.WaitGroup
				for range pages {
					open.Go(func() { s.benchPage(ctx, b, s.pageTransport(form.http2), told) })
				}
				for range pages { // the first event
					<-told
				}
				rest := cpuTime(b, s.cmd.Process.Pid)
				time.Sleep(4 * time.Second)
				b.ReportMetric((cpuTime(b, s.cmd.Process.Pid)-rest).Seconds()/4*100, "%CPU-at-rest")
				b.ReportMetric((residentMiB(b, s.cmd.Process.Pid)-before)*1024/pages, "KiB/page")
				s.benchReports(b, reported, rounds, pages, told)
				leave()
				open.Wait()
				s.end(b)
			}
		})
	}
}

// benchReports reports a summary some times, and shows how all pages are told.
func (s *benchedServer) benchReports(b *testing.B, script string, rounds, pages int, told <-chan time.Time) {
	b.Helper()
	var firsts, spreads, lasts, processor series
	for n := range rounds {
		time.Sleep(time.Duration(n) * 130 * time.Millisecond) // not always as long before the next look
		cpu, began := cpuTime(b, s.cmd.Process.Pid), time.Now()
		s.benchSend(b, http.StatusCreated, "POST", scripts+"/"+script+"/runSummary", summaryBody(n))
		var first, last time.Time
		for range pages {
			at := <-told
			if first.IsZero() || at.Before(first) {
				first = at
			}
			if at.After(last) {
				last = at
			}
		}
		firsts, lasts = append(firsts, milliseconds(first.Sub(began))), append(lasts, milliseconds(last.Sub(began)))
		spreads = append(spreads, milliseconds(last.Sub(first)))
		processor = append(processor, milliseconds(cpuTime(b, s.cmd.Process.Pid)-cpu))
	}
	report(b, firsts, "ms-to-first")
	report(b, lasts, "ms-to-last")
	report(b, spreads, "ms-first-to-last")
	report(b, processor, "CPU-ms/change")
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// pageTransport is a connection of its own, as each browser has.
func (s *benchedServer) pageTransport(http2 bool) *http.Transport {
	transport := s.client.Transport.(*http.Transport).Clone()
	transport.ForceAttemptHTTP2 = http2
	if !http2 {
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	return transport
}

// benchPage follows what changes, and tells when it is told of it, until ctx ends.
func (s *benchedServer) benchPage(ctx context.Context, b *testing.B, transport *http.Transport, told chan<- time.Time) {
	b.Helper()
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/beta"+changes, http.NoBody)
	if err != nil {
		b.Error(err)
		return
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	answer, err := transport.RoundTrip(r)
	if err != nil || answer.StatusCode != http.StatusOK {
		b.Errorf("%+v, %v", answer, err)
		return
	}
	defer answer.Body.Close()
	const name = "event: summaries\n"
	part, end := make([]byte, 64<<10), 0
	for {
		n, err := answer.Body.Read(part[end:])
		if err != nil {
			if ctx.Err() == nil {
				b.Error(io.ErrUnexpectedEOF)
			}
			return
		}
		end += n
		if at := bytes.LastIndex(part[:end], []byte(name)); at >= 0 {
			told <- time.Now()
			end = 0
		} else if end > len(name) {
			end = copy(part, part[end-len(name):end])
		}
	}
}
