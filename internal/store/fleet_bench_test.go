package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"plimsoll"
	"plimsoll/internal/store"
	"plimsoll/internal/store/pgtest"
	"plimsoll/internal/store/storetest"
)

// BenchmarkFleet has a script reach a million devices, which then report, and
// shows what each step costs.
func BenchmarkFleet(b *testing.B) {
	const devices = 1_000_000
	onSizedEngines(b, func(b *testing.B, s *store.Store) {
		b.Helper()
		f := &benchedFleet{Store: s, devices: manyDevices(b, s, devices)}
		small := f.assign(b, 1_000)
		large := f.beside(b, small, func() string { return f.assign(b, devices) })
		f.summaries(b, small, large)
		f.reports(b, large)
		f.revise(b, large)
		b.ReportMetric(0, "ns/op")
	})
}

// onSizedEngines measures something once on each engine, of which PostgreSQL has the
// memory of a server.
func onSizedEngines(b *testing.B, measure func(b *testing.B, s *store.Store)) {
	b.Helper()
	stores := map[string]func(testing.TB) string{
		"sqlite":   sqliteAddress,
		"postgres": func(tb testing.TB) string { tb.Helper(); return pgtest.Start(tb, pgtest.Sized).URL() },
	}
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			s, err := store.Open(b.Context(), stores[engine](b))
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			for b.Loop() { // all is measured below, once: Loop forgets what was reported before
			}
			measure(b, s)
		})
	}
}

type benchedFleet struct {
	*store.Store

	devices []string
}

// manyDevices stores n devices, and gives their ids.
func manyDevices(tb testing.TB, s *store.Store, n int) []string {
	tb.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = uuid.NewString()
	}
	table := "json_each($1) AS input"
	if s.Engine() == "postgres" {
		table = "json_array_elements($1::json) AS input(value)"
	}
	for start := 0; start < n; start += 10_000 {
		var rows [][3]any
		for i := start; i < min(n, start+10_000); i++ {
			rows = append(rows, [3]any{plimsoll.DeviceBucket(ids[i]), i + 1, ids[i]})
		}
		exec(tb, s, `INSERT INTO device (bucket, number, id, changes, public_key, enrollment_token_id, instance, previous_instance,
				inventory_hash, system, device_name, folded_name, managed_device_name, operating_system, os_version, manufacturer, model,
				serial_number, ethernet_mac, wifi_mac, user_id, user_principal_name, user_display_name, email_address, category,
				notes, owner_type, role_scope_tag_ids, is_encrypted, physical_memory, total_storage, free_storage, enrolled_at, last_sync_at)
			SELECT CAST(value ->> 0 AS bigint), CAST(value ->> 1 AS bigint), value ->> 2, 1, CAST('key' AS `+blob(s)+`), '', '', '', '', 1,
				'device ' || (value ->> 1), 'device ' || (value ->> 1), '', 'Linux', '12.5', 'Lenovo', 'X1', 'serial', '', '', '', '', '', '', '', '', 'company', '[]',
				true, 1, 2, 3, 4, 5 FROM `+table, toJSON(tb, rows))
	}
	exec(tb, s, `UPDATE fleet_number SET number = `+fmt.Sprint(n))
	exec(tb, s, `ANALYZE`)
	return ids
}

func blob(s *store.Store) string {
	if s.Engine() == "postgres" {
		return "bytea"
	}
	return "blob"
}

func exec(tb testing.TB, s *store.Store, statement string, args ...any) {
	tb.Helper()
	if _, err := s.Pools()["write"].ExecContext(tb.Context(), statement, args...); err != nil {
		tb.Fatal(err)
	}
}

func toJSON(tb testing.TB, rows any) string {
	tb.Helper()
	array, err := json.Marshal(rows)
	if err != nil {
		tb.Fatal(err)
	}
	return string(array)
}

// assign makes a script that reaches the first n devices, and measures how many
// pairs the background makes a second.
func (f *benchedFleet) assign(b *testing.B, n int) (scriptID string) {
	b.Helper()
	script := plimsoll.NewScript()
	script.DisplayName, script.Content = "x", []byte("#!/bin/sh")
	event := plimsoll.AuditEvent{At: time.Now()}
	a := plimsoll.Assignment{ID: uuid.NewString(), Target: plimsoll.Target{Kind: plimsoll.TargetAllDevices}}
	if err := script.Create(uuid.NewString(), time.Now()); err != nil {
		b.Fatal(err)
	}
	if err := f.CreateScript(b.Context(), &script, event); err != nil {
		b.Fatal(err)
	}
	if n < len(f.devices) { // those with a user
		exec(b, f.Store, fmt.Sprintf(`UPDATE device SET user_id = 'x' WHERE number <= %d`, n))
		a.Target.Kind = plimsoll.TargetAllLicensedUsers
	}
	if err := a.Validate(); err != nil {
		b.Fatal(err)
	}
	if err := f.ReplaceAssignments(b.Context(), script.ID, []plimsoll.Assignment{a}, event); err != nil {
		b.Fatal(err)
	}
	begin, longest := time.Now(), time.Duration(0)
	for worked := true; worked; {
		step, err := time.Now(), error(nil)
		if worked, err = f.Work(b.Context()); err != nil {
			b.Fatal(err)
		}
		longest = max(longest, time.Since(step))
	}
	if n == len(f.devices) {
		b.ReportMetric(float64(n)/time.Since(begin).Seconds(), "assigned-pairs/s")
		b.ReportMetric(float64(longest.Microseconds())/1000, "longest-step-ms")
	}
	return script.ID
}

// beside has devices report while work goes on, ten at a time, and measures how
// long they wait.
func (f *benchedFleet) beside(b *testing.B, scriptID string, work func() string) string {
	b.Helper()
	ctx, stop := context.WithCancel(b.Context())
	var reporting sync.WaitGroup
	var took []time.Duration
	reporting.Go(func() {
		for round := int64(1); ctx.Err() == nil; round++ {
			begin := time.Now()
			if _, err := f.ApplyReports(b.Context(), someReports(f.devices[:1000], scriptID, 10, round)); err != nil {
				b.Error(err)
				return
			}
			took = append(took, time.Since(begin))
			time.Sleep(10 * time.Millisecond)
		}
	})
	made := work()
	stop()
	reporting.Wait()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "report-p99-ms")
	return made
}

// someReports gives reports of devices by chance, each with a result that follows
// those of the rounds before.
func someReports(devices []string, scriptID string, n int, round int64) []*plimsoll.Report {
	reports := make([]*plimsoll.Report, n)
	for i := range reports {
		reports[i] = &plimsoll.Report{
			DeviceID: devices[rand.IntN(len(devices))], At: time.Now(),
			Results: []plimsoll.Result{{
				ScriptID: scriptID, Revision: 1, Sequence: round, State: plimsoll.RunStates()[1+rand.IntN(2)],
				RanAt: time.Now().UTC(), Output: "encrypted: yes",
			}},
		}
	}
	return reports
}

// median gives the median time of a call.
func median(b *testing.B, times int, call func(ctx context.Context) error) time.Duration {
	b.Helper()
	took := make([]time.Duration, times)
	for i := range took {
		begin := time.Now()
		if err := call(b.Context()); err != nil {
			b.Fatal(err)
		}
		took[i] = time.Since(begin)
	}
	slices.Sort(took)
	return took[times/2]
}

// summaries compares reading the summary of a few devices with that of many, and
// with a recount.
func (f *benchedFleet) summaries(b *testing.B, small, large string) {
	b.Helper()
	read := func(id string) time.Duration {
		return median(b, 201, func(ctx context.Context) error {
			_, err := f.RunSummary(ctx, id)
			return err
		})
	}
	few, many := read(small), read(large)
	recount := median(b, 3, func(ctx context.Context) error {
		var n int64
		return f.Pools()["write"].QueryRowContext(ctx, `SELECT count(*) FROM (SELECT r.state, r.revision, count(*) FROM run_state r
			JOIN script s ON s.number = r.script WHERE s.id = $1 GROUP BY r.state, r.revision) AS counted`, large).Scan(&n)
	})
	b.ReportMetric(float64(many.Microseconds())/1000, "summary-ms")
	b.ReportMetric(float64(many)/float64(few), "summary-ratio")
	b.ReportMetric(float64(recount.Microseconds())/1000, "recount-ms")
}

func (f *benchedFleet) revise(b *testing.B, scriptID string) {
	b.Helper()
	begin := time.Now()
	_, err := f.UpdateScript(b.Context(), scriptID, func(s *plimsoll.Script) error {
		return s.Change(func(s *plimsoll.Script) { s.Content = []byte("#!/bin/sh\n:") }, time.Now())
	}, plimsoll.AuditEvent{At: time.Now()})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(time.Since(begin).Microseconds())/1000, "revision-ms")
}

// reports compares results that arrive in groups with the same rows written and
// counted by bare statements.
func (f *benchedFleet) reports(b *testing.B, scriptID string) {
	b.Helper()
	const group, rounds = 500, 40
	floor, err := storetest.NewFloor(b.Context(), f.Pools()["write"], f.Engine(), f.devices, 1)
	if err != nil {
		b.Fatal(err)
	}
	var ours, bare time.Duration
	for round := range rounds {
		reports := someReports(f.devices, scriptID, group, int64(round+1))
		begin := time.Now()
		if _, err := f.ApplyReports(b.Context(), reports); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(begin)
		rows := make([]storetest.FloorRow, 0, group)
		for _, r := range reports {
			rows = append(rows, storetest.FloorRow{
				Device: r.DeviceID, Script: 1, State: int64(slices.Index(plimsoll.RunStates(), r.Results[0].State)),
				Sequence: r.Results[0].Sequence, RanAt: r.At.UnixNano(), Output: r.Results[0].Output,
			})
		}
		slices.SortFunc(rows, func(x, y storetest.FloorRow) int { return strings.Compare(x.Device, y.Device) })
		rows = slices.CompactFunc(rows, func(x, y storetest.FloorRow) bool { return x.Device == y.Device })
		begin = time.Now()
		if err := floor.Write(b.Context(), rows); err != nil {
			b.Fatal(err)
		}
		bare += time.Since(begin)
	}
	rate := group * rounds / ours.Seconds()
	b.ReportMetric(rate, "results/s")
	b.ReportMetric(group*rounds/bare.Seconds(), "floor-rows/s")
	b.ReportMetric(bare.Seconds()/ours.Seconds(), "results-ratio")
}
