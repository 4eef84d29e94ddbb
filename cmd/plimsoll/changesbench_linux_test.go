package main

import (
	"bufio"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// BenchmarkOpenPages has a thousand pages follow what changes of 200 scripts, and shows how
// much of the server's memory each takes, how much of a core they take while nothing
// changes, and how long after a report was acknowledged the last of them has it.
func BenchmarkOpenPages(b *testing.B) {
	const pages, reports = 1000, 10
	program := builtServer(b)
	for b.Loop() {
		s := benchServer(b, program, sqliteAddress(b))
		var script string
		for range 200 {
			script = s.benchScript(b)
			s.benchSend(b, http.StatusCreated, "POST", scripts+"/"+script+"/runSummary", summaryBody(0))
		}
		time.Sleep(2 * time.Second)
		before := residentMiB(b, s.cmd.Process.Pid)
		shown := make(chan struct{}, pages)
		var open sync.WaitGroup
		transport := &http.Transport{DisableKeepAlives: true}
		for range pages {
			open.Go(func() { s.benchPage(b, transport, script, shown) })
		}
		for range pages { // the first event
			<-shown
		}
		time.Sleep(2 * time.Second)
		b.ReportMetric((residentMiB(b, s.cmd.Process.Pid)-before)*1024/pages, "KiB/page")
		began := cpuTime(b, s.cmd.Process.Pid)
		time.Sleep(5 * time.Second)
		b.ReportMetric(100*(cpuTime(b, s.cmd.Process.Pid)-began).Seconds()/5, "%core-at-rest")
		var longest time.Duration
		for n := range reports {
			s.benchSend(b, http.StatusCreated, "POST", scripts+"/"+script+"/runSummary", summaryBody(n+1))
			acknowledged := time.Now()
			for range pages {
				<-shown
			}
			longest = max(longest, time.Since(acknowledged))
		}
		b.ReportMetric(float64(longest.Milliseconds()), "ms-to-all")
		s.end(b)
		open.Wait()
	}
	b.ReportMetric(0, "ns/op")
}

// benchPage opens a page, and tells of each event that has a script's summary.
func (s *benchedServer) benchPage(b *testing.B, transport http.RoundTripper, script string, shown chan<- struct{}) {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, s.URL+"/beta"+changes, http.NoBody)
	if err != nil {
		b.Error(err)
		return
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	answer, err := transport.RoundTrip(r)
	if err != nil {
		b.Error(err)
		return
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	for lines.Buffer(nil, 1<<20); lines.Scan(); {
		if strings.Contains(lines.Text(), script) {
			shown <- struct{}{}
		}
	}
}
