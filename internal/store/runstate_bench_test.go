package store_test

import (
	"context"
	"testing"
	"time"

	"plimsoll"
	"plimsoll/internal/query"
	"plimsoll/internal/query/querytest"
	"plimsoll/internal/store"
)

// BenchmarkRunStates reads first pages of 100 of a list of 1,000,000 run states,
// and counts them.
func BenchmarkRunStates(b *testing.B) {
	const devices = 1_000_000
	onSizedEngines(b, func(b *testing.B, s *store.Store) {
		b.Helper()
		manyDevices(b, s, devices)
		manyRunStates(b, s)
		for name, page := range runStatePages() {
			page.Limit, page.Budget = 100, 4<<20
			counted := page
			counted.Count = true
			for unit, page := range map[string]query.Page{"-ms": page, "-counted-ms": counted} {
				took := median(b, 5, func(ctx context.Context) error {
					_, err := s.RunStates(ctx, "all", page)
					return err
				})
				b.ReportMetric(float64(took.Microseconds())/1000, name+unit)
			}
		}
		took := median(b, 3, func(ctx context.Context) error {
			_, err := s.ErrorGroups(ctx, "all")
			return err
		})
		b.ReportMetric(float64(took.Microseconds())/1000, "error-groups-ms")
		took = median(b, 1, func(ctx context.Context) error {
			_, _, err := s.ReachedDevices(ctx, "all", []plimsoll.Assignment{{Target: plimsoll.Target{Kind: plimsoll.TargetAllDevices}}})
			return err
		})
		b.ReportMetric(float64(took.Microseconds())/1000, "reached-ms")
		b.ReportMetric(0, "ns/op")
	})
}

// manyRunStates has one script on all devices: of a thousand one has the issue,
// ten could not tell, and ten have not run it.
func manyRunStates(tb testing.TB, s *store.Store) {
	tb.Helper()
	script := plimsoll.NewScript()
	script.DisplayName, script.Content = "x", []byte("#!/bin/sh")
	if err := script.Create("all", time.Now()); err != nil {
		tb.Fatal(err)
	}
	if err := s.CreateScript(tb.Context(), &script, plimsoll.AuditEvent{At: time.Now()}); err != nil {
		tb.Fatal(err)
	}
	exec(tb, s, `INSERT INTO run_state (bucket, device, script, revision, state, sequence, ran_at, due_at, text, assignment, pushed)
		SELECT bucket, number, (SELECT number FROM script WHERE id = 'all'), 1,
			CASE WHEN number % 1000 = 7 THEN 2 WHEN number % 100 = 9 THEN 3 WHEN number % 100 = 11 THEN 4 ELSE 1 END, 1,
			CASE WHEN number % 100 = 11 THEN 0 ELSE 630000000000000000 + (number * 7919 % 1000003) * 100000 END, 0, CASE WHEN number % 10 = 9 THEN 1 ELSE 0 END, 1, false FROM device`)
	exec(tb, s, `INSERT INTO run_output (bucket, device, script, output, error)
		SELECT bucket, device, script, 'encrypted: yes', CASE WHEN state = 3 THEN 'line ' || device || ' of /etc/crypttab' ELSE '' END
		FROM run_state WHERE text = 1`)
	exec(tb, s, `INSERT INTO run_count (bucket, script, revision, state, n, last_run)
		SELECT bucket, script, revision, state, count(*), max(ran_at) FROM run_state GROUP BY bucket, script, revision, state
		UNION ALL SELECT bucket, 0, 0, 0, count(*), 0 FROM device GROUP BY bucket`)
	if s.Engine() == "postgres" {
		exec(tb, s, "VACUUM ANALYZE") // as it does by itself; SQLite never does
	} else {
		exec(tb, s, "DROP TABLE IF EXISTS sqlite_stat1")
	}
}

// runStatePages are what is asked for most.
func runStatePages() map[string]query.Page {
	name := property("managedDevice/deviceName", query.String, true)
	state := property("detectionState", query.Enum, false)
	for _, member := range plimsoll.RunStates() {
		state.Type.Members = append(state.Type.Members, string(member))
	}
	ranAt := property("lastStateUpdateDateTime", query.Instant, true)
	is := func(member string) *query.Expr {
		return querytest.Make(query.Eq, query.Boolean, state, &query.Expr{Op: query.Literal, Type: state.Type, Value: member})
	}
	named := func(op query.Op, text string) *query.Expr {
		return querytest.Make(op, query.Boolean, name, querytest.Value(query.String, text))
	}
	lower := func(text string) *query.Expr {
		return querytest.Make(query.Contains, query.Boolean, querytest.Make(query.ToLower, query.String, name), querytest.Value(query.String, text))
	}
	both := func(a, b *query.Expr) *query.Expr { return querytest.Make(query.And, query.Boolean, a, b) }
	by := func(e *query.Expr, descending bool) []query.Key {
		return []query.Key{{Expr: e, Descending: descending}}
	}
	return map[string]query.Page{
		"all":                 {},
		"fail":                {Filter: is("fail")},
		"pending":             {Filter: is("pending")},
		"starts-few":          {Filter: named(query.StartsWith, "device 7777"), Order: by(name, false)},
		"starts-many":         {Filter: named(query.StartsWith, "device 9"), Order: by(name, false)},
		"contains-none":       {Filter: named(query.Contains, "x"), Order: by(name, false)},
		"lower-none":          {Filter: lower("x"), Order: by(ranAt, true)},
		"lower-many":          {Filter: lower("77"), Order: by(ranAt, true)},
		"by-state":            {Order: by(state, false)},
		"by-state-desc":       {Order: by(state, true)},
		"success-by-state":    {Filter: is("success"), Order: by(state, true)},
		"lower-many-by-state": {Filter: lower("77"), Order: by(state, false)},
		"pending-by-time":     {Filter: is("pending"), Order: by(ranAt, true)},
		"pending-by-name":     {Filter: is("pending"), Order: by(name, true)},
		"success-lower-many":  {Filter: both(is("success"), lower("77")), Order: by(ranAt, true)},
		"success-lower-most":  {Filter: both(is("success"), lower("1")), Order: by(name, false)},
		"contains-few":        {Filter: named(query.Contains, "7777"), Order: by(name, false)},
		"contains-many":       {Filter: named(query.Contains, "77"), Order: by(name, false)},
		"contains-most":       {Filter: named(query.Contains, "1"), Order: by(name, false)},
		"most-by-time":        {Filter: named(query.Contains, "1"), Order: by(ranAt, true)},
		"by-name":             {Order: by(name, false)},
		"by-name-desc":        {Order: by(name, true)},
		"by-time":             {Order: by(ranAt, false)},
		"by-time-desc":        {Order: by(ranAt, true)},
		"fail-by-name":        {Filter: is("fail"), Order: by(name, false)},
		"fail-by-time":        {Filter: is("fail"), Order: by(ranAt, true)},
		"success-by-name":     {Filter: is("success"), Order: by(name, false)},
		"fail-contains-7":     {Filter: both(is("fail"), named(query.Contains, "7")), Order: by(name, false)},
		"success-by-time-few": {Filter: both(is("success"), named(query.Contains, "7777")), Order: by(ranAt, true)},
	}
}
