package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkAgentAtRest shows what an agent takes between its check-ins, of memory
// and of one core, and how many bytes one with nothing new is each way, with all
// that carries it over TCP: TLS and HTTP/2. The server's waits count too.
func BenchmarkAgentAtRest(b *testing.B) {
	program := filepath.Join(b.TempDir(), "plimsoll")
	carryOut(b, nil, ".", "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", program, ".") // as make build does
	info, err := os.Stat(program)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		interval time.Duration
	}{{"resting", 15 * time.Minute}, {"checking-in", 10 * time.Second}} {
		b.Run(c.name, func(b *testing.B) {
			s := &benchedServer{process: launch(b, nil, program, "serve", "--json", "--listen", "127.0.0.1:0", "--tls", "local",
				"--data", b.TempDir(), "--check-in-interval", c.interval.String())}
			if err := json.Unmarshal([]byte(s.line), &s.announcement); err != nil {
				b.Fatal(err)
			}
			s.client = &http.Client{}
			s.trust(b)
			port := s.URL[strings.LastIndex(s.URL, ":"):]
			var meter meter
			metered := relay(b, "127.0.0.1:0", "127.0.0.1"+port,
				func(to, from net.Conn) { count(to, from, &meter.sent) }, func(to, from net.Conn) { count(to, from, &meter.received) })
			folder := filepath.Join(b.TempDir(), "agent")
			token := s.secretOverTLS(b, program)
			carryOut(b, nil, ".", program, "agent", "enroll", "--server", "https://"+metered.String(), "--ca", s.CAFile, "--token", token, "--data", folder)
			agent := exec.CommandContext(b.Context(), program, "agent", "run", "--data", folder)
			if err := agent.Start(); err != nil {
				b.Fatal(err)
			}
			time.Sleep(5 * time.Second)
			for b.Loop() {
				const long = time.Minute
				cpu, sent, received, done := cpuTime(b, agent.Process.Pid), meter.sent.Load(), meter.received.Load(), checkIns(b, s)
				time.Sleep(long)
				b.ReportMetric(residentMiB(b, agent.Process.Pid), "MiB")
				b.ReportMetric(100*(cpuTime(b, agent.Process.Pid)-cpu).Seconds()/long.Seconds(), "%core")
				if n := checkIns(b, s) - done; n > 0 {
					b.ReportMetric(float64(meter.sent.Load()-sent)/float64(n), "B-sent/check-in")
					b.ReportMetric(float64(meter.received.Load()-received)/float64(n), "B-received/check-in")
				}
				b.ReportMetric(float64(info.Size())/(1<<20), "MiB-program")
			}
			_ = agent.Process.Kill()
			_ = agent.Wait()
			s.end(b)
		})
	}
}

// cpuTime gives how long a process has been on a core (proc(5), of
// /proc/pid/schedstat of its threads).
func cpuTime(b *testing.B, pid int) (total time.Duration) {
	b.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		b.Fatal(err)
	}
	for _, path := range threads {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		var onCore int64
		if _, err := fmt.Sscan(string(text), &onCore); err != nil {
			b.Fatal(err)
		}
		total += time.Duration(onCore)
	}
	return total
}

// checkIns gives how many the server has answered.
func checkIns(b *testing.B, s *benchedServer) (n int) {
	b.Helper()
	for line := range strings.Lines(s.benchSend(b, http.StatusOK, "GET", s.URL+"/metrics", "").text) {
		if strings.Contains(line, `_count{`) && strings.Contains(line, `/agent/v1/check-in`) {
			_, _ = fmt.Sscan(line[strings.LastIndexByte(line, ' '):], &n)
		}
	}
	return n
}

// meter counts what a relay hands on, in bytes.
type meter struct{ sent, received atomic.Int64 }

func count(to, from net.Conn, counter *atomic.Int64) {
	defer to.Close()
	for data := make([]byte, 16<<10); ; {
		n, err := from.Read(data)
		counter.Add(int64(n))
		if _, e := to.Write(data[:n]); e != nil || err != nil {
			_, _ = io.Copy(io.Discard, from)
			return
		}
	}
}
