package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"plimsoll/internal/checkin"
	"plimsoll/internal/store"
	"plimsoll/internal/store/pgtest"
	"plimsoll/internal/store/storetest"
)

// BenchmarkQuietCheckIn compares check-ins that bring nothing new with a bare
// net/http handler that verifies the device's token, as the server does, and
// answers the same bytes.
func BenchmarkQuietCheckIn(b *testing.B) {
	program := builtServer(b)
	stores := map[string]func(testing.TB) string{"sqlite": sqliteAddress, "postgres": pgtest.URL}
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			s := benchServer(b, program, stores[engine](b))
			devices := s.benchDevices(b, benchClients)
			requests := make([][]byte, len(devices))
			for i, d := range devices {
				requests[i] = s.checkInRequest(d.token, fmt.Sprintf(`{"instance":"first","etag":%q,"inventoryHash":"h"}`, d.etag))
			}
			answer := s.benchSend(b, http.StatusOK, "POST", s.URL+checkin.CheckInPath,
				fmt.Sprintf(`{"instance":"first","etag":%q,"inventoryHash":"h"}`, devices[0].etag), "Authorization", "Bearer "+devices[0].token)
			subject := dialLoad(b, s.URL, http.StatusOK, requests...)
			floor := dialLoad(b, startBareHandler(b, answer, s.URL+"/"+s.TenantID+"/v2.0"), http.StatusOK, requests...)
			compareRates(b, subject, floor)
		})
	}
}

// BenchmarkCheckIn compares check-ins that each bring the results of three scripts,
// durable when they are answered, with the same rows written and counted by bare
// SQL on a database of its own, and shows how long they take at half the rate.
func BenchmarkCheckIn(b *testing.B) {
	const devices, clients, scriptCount = 2048, 256, 3 // each device reports now and then: there are more of them at once than clients of the API
	const slice = time.Second                          // a crowd of this size takes a while to set out and to come home
	program := builtServer(b)
	stores := map[string]func(testing.TB) string{
		"sqlite":   sqliteAddress,
		"postgres": func(tb testing.TB) string { tb.Helper(); return pgtest.Start(tb, pgtest.Durable).URL() },
	}
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			s := benchServer(b, program, stores[engine](b))
			enrolled := s.benchDevices(b, devices)
			body, ids := s.benchResults(b, scriptCount, enrolled), make([]string, devices)
			requests := make([][]byte, devices)
			for i, d := range enrolled {
				requests[i], ids[i] = s.checkInRequest(d.token, body), d.id
			}
			address := stores[engine](b) // the floor's disk work is not the server's
			if created, err := store.Open(b.Context(), address); err != nil || created.Close() != nil {
				b.Fatal(err)
			}
			floor, err := storetest.NewFloor(b.Context(), openRawDB(b, address), engine, ids, scriptCount)
			if err != nil {
				b.Fatal(err)
			}
			subject := dialClients(b, clients, s.URL, http.StatusOK, requests...)
			subject.slice = slice
			for _, c := range subject.clients {
				c.edit = nextRun
			}
			subject.run(b) // fills the caches
			var rates, floors series
			for b.Loop() {
				floors = append(floors, floorSlice(b, floor, slice, ids, scriptCount))
				rates = append(rates, scriptCount*subject.run(b))
			}
			report(b, rates, "results/s")
			report(b, floors, "floor-rows/s")
			report(b, rates.over(floors), "ratio")
			half := slices.Sorted(slices.Values(rates))[len(rates)/2] / scriptCount / 2
			b.ReportMetric(subject.pace(b, half, 0.99), "p99-ms")
		})
	}
}

// floorSlice writes as many rows to a transaction as a full group of check-ins
// has, for a slice, and gives the rows written in a second.
func floorSlice(b *testing.B, floor *storetest.Floor, slice time.Duration, devices []string, scriptCount int64) float64 {
	b.Helper()
	count, begin := 0, time.Now()
	for time.Since(begin) < slice {
		var rows []storetest.FloorRow
		for _, i := range mathrand.Perm(len(devices))[:commitReports] {
			for script := range scriptCount {
				rows = append(rows, storetest.FloorRow{
					Device: devices[i], Script: script + 1, State: 1 + mathrand.Int64N(2), Sequence: int64(count + 1),
					RanAt: time.Now().UnixNano(), Output: "encrypted: yes",
				})
			}
		}
		if err := floor.Write(b.Context(), rows); err != nil {
			b.Fatal(err)
		}
		count += len(rows)
	}
	return float64(count) / time.Since(begin).Seconds()
}

// firstSequence has as many digits as all that follow.
const firstSequence = 1_000_000_000

// benchResults makes scripts that reach all devices, and gives a check-in with a
// result for each, by an agent that holds them.
func (s *benchedServer) benchResults(b *testing.B, scriptCount int, devices []benchedDevice) (body string) {
	b.Helper()
	var results []string
	for range scriptCount {
		id := s.benchSend(b, http.StatusCreated, "POST", scripts,
			`{"displayName":"Disk encryption","detectionScriptContent":"IyEvYmluL3NoCg=="}`).json["id"].(string)
		s.benchSend(b, http.StatusNoContent, "POST", scripts+"/"+id+"/assign",
			`{"deviceHealthScriptAssignments":[{"target":{"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget"}}]}`)
		for pending := 0.0; pending < float64(len(devices)); time.Sleep(10 * time.Millisecond) {
			pending, _ = s.benchSend(b, http.StatusOK, "GET", scripts+"/"+id+"/runSummary", "").json["detectionScriptPendingDeviceCount"].(float64)
		}
		results = append(results, fmt.Sprintf(`{"scriptId":%q,"revision":1,"state":"success","ranDateTime":%q,"output":"encrypted: yes","sequence":%d}`,
			id, time.Now().UTC().Format(time.RFC3339Nano), firstSequence))
	}
	etag := s.benchSend(b, http.StatusOK, "POST", s.URL+checkin.CheckInPath, `{"instance":"first","inventoryHash":"h"}`,
		"Authorization", "Bearer "+devices[0].token).json["etag"].(string) // the same for all
	return fmt.Sprintf(`{"instance":"first","etag":%q,"inventoryHash":"h","results":[%s]}`, etag, strings.Join(results, ","))
}

// nextRun makes the results in a request those of a later run, with another
// state.
func nextRun(request []byte, call int) {
	for _, member := range [][2]string{
		{`"sequence":`, strconv.Itoa(firstSequence + call)},
		{`"state":`, []string{`"success"`, `"fail"   `}[mathrand.IntN(2)]},
	} {
		for rest := request; ; {
			at := bytes.Index(rest, []byte(member[0]))
			if at < 0 {
				break
			}
			rest = rest[at+len(member[0]):]
			copy(rest, member[1])
		}
	}
}

// pace has the crowd send so many requests a second, whether or not the last was
// answered in time, and gives how many milliseconds the quantile took: from when
// each was due.
func (l *load) pace(b *testing.B, rate, quantile float64) float64 {
	b.Helper()
	interval := time.Duration(float64(len(l.clients)) / rate * float64(time.Second))
	var mu sync.Mutex
	var running sync.WaitGroup
	var all []time.Duration
	begin := time.Now()
	for i, c := range l.clients {
		running.Go(func() {
			due, took := begin.Add(interval*time.Duration(i)/time.Duration(len(l.clients))), []time.Duration(nil)
			for ; due.Before(begin.Add(12 * slice)); due = due.Add(interval) {
				time.Sleep(time.Until(due))
				if err := c.call(l.want); err != nil {
					b.Error(err)
					return
				}
				took = append(took, time.Since(due))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took...)
		})
	}
	running.Wait()
	slices.Sort(all)
	return float64(all[int(quantile*float64(len(all)))].Microseconds()) / 1000
}

// benchedDevice is a device of a server under measurement.
type benchedDevice struct{ id, token, etag string }

// benchDevices enrols devices, which check in once.
func (s *benchedServer) benchDevices(b *testing.B, n int) []benchedDevice {
	b.Helper()
	secret, _ := s.benchSend(b, http.StatusCreated, "POST", "/deviceManagement/enrollmentTokens", `{"displayName":"bench"}`).json["token"].(string)
	devices := make([]benchedDevice, n)
	var enrolling sync.WaitGroup
	for worker := range benchClients {
		enrolling.Go(func() {
			for i := worker; i < n; i += benchClients {
				devices[i] = s.benchDevice(b, secret, i)
			}
		})
	}
	enrolling.Wait()
	if b.Failed() {
		b.FailNow()
	}
	return devices
}

func (s *benchedServer) benchDevice(b *testing.B, secret string, i int) (d benchedDevice) {
	b.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Error(err)
		return d
	}
	spy := &tokenSpy{next: s.client.Transport}
	agent := &checkin.Client{Server: s.URL, Key: key, HTTP: &http.Client{Transport: spy}, Now: time.Now, Random: rand.Reader}
	if _, err = agent.Enroll(b.Context(), secret, machine(fmt.Sprint("device ", i)), "h"); err == nil {
		var answer *checkin.CheckInResponse
		answer, err = agent.CheckIn(b.Context(), &checkin.CheckInRequest{Instance: "first", InventoryHash: "h"})
		d = benchedDevice{agent.DeviceID, spy.token, answer.ETag}
	}
	if err != nil {
		b.Error(err)
	}
	return d
}

// tokenSpy learns a device's token.
type tokenSpy struct {
	next  http.RoundTripper
	token string
}

func (s *tokenSpy) RoundTrip(r *http.Request) (*http.Response, error) {
	s.token = strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	return s.next.RoundTrip(r)
}

// checkInRequest gives a check-in's bytes.
func (s *benchedServer) checkInRequest(token, body string) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nAccept: application/json\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		checkin.CheckInPath, strings.TrimPrefix(s.URL, "http://"), token, len(body), body)
}
