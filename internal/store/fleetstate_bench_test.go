package store_test

import (
	"fmt"
	"testing"
	"time"

	"plimsoll/internal/query"
	"plimsoll/internal/store"
	"plimsoll/internal/store/pgtest"
)

// BenchmarkOverview reads what an overview of 200 scripts shows, each counted over
// a fleet in every bucket and every state, with a history of 5,000 entries.
func BenchmarkOverview(b *testing.B) {
	const scripts, entries = 200, 5_000
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, engine := range []string{"sqlite", "postgres"} {
		address := sqliteAddress(b)
		if engine == "postgres" {
			address = pgtest.URL(b)
		}
		s, err := store.Open(b.Context(), address)
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		manyScripts(b, s, scripts)
		series := func(n int) string {
			return fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT CAST(1 AS bigint) UNION ALL SELECT i + 1 FROM n WHERE i < %d)`, n)
		}
		exec(b, s, `UPDATE run_summary_head SET computed = true, sequence = `+fmt.Sprint(entries))
		exec(b, s, `INSERT INTO run_count (script, bucket, revision, state, n, last_run) `+series(256)+`
			SELECT s.number, (n.i - 1) / 4, 1, n.i % 4, 1000, 7 FROM script s CROSS JOIN n`)
		exec(b, s, fmt.Sprintf(`INSERT INTO run_summary (script_id, sequence, id, no_issue_detected, issue_detected, detection_script_error,
				detection_script_pending, last_script_run, recorded_at, recorded_by, computed) `+series(entries)+`
			SELECT s.id, n.i, 'x', 1, 2, 3, 4, 5, %d + n.i * 600000000, 'plimsoll', true FROM script s CROSS JOIN n WHERE n.i > 1`,
			query.Ticks(now)))
		if engine == "postgres" {
			exec(b, s, `VACUUM ANALYZE`) // as it does by itself
		}
		b.Run(engine+"/state", func(b *testing.B) {
			for b.Loop() {
				if f, err := s.FleetState(b.Context()); err != nil || len(f.Summaries) != scripts || f.Summaries[0].NoIssueDetected != 64_000 {
					b.Fatal(len(f.Summaries), err)
				}
			}
		})
		b.Run(engine+"/summaries", func(b *testing.B) {
			at := now.Add(1000 * time.Minute)
			for b.Loop() {
				found, err := s.ScriptSummaries(b.Context(), at, 1000)
				if err != nil || len(found) != scripts || !found[0].Earlier.RecordedAt.Equal(at) {
					b.Fatal(len(found), err)
				}
			}
		})
	}
}
