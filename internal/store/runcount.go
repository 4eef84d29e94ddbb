package store

import (
	"cmp"
	"context"
	"database/sql"
	"maps"
	"slices"
)

// countKey names a row of run_count.
type countKey struct{ script, bucket, revision, state int64 }

func compareCounts(a, b countKey) int {
	return cmp.Or(cmp.Compare(a.script, b.script), cmp.Compare(a.bucket, b.bucket),
		cmp.Compare(a.revision, b.revision), cmp.Compare(a.state, b.state))
}

// tally gathers what a transaction changes of run_count.
type tally map[countKey]*countChange

type countChange struct{ n, lastRun int64 }

func newTally() tally { return tally{} }

// add counts n run states more, the latest of which ran at lastRun.
func (t tally) add(key countKey, n, lastRun int64) {
	change := t[key]
	if change == nil {
		change = &countChange{}
		t[key] = change
	}
	change.n += n
	change.lastRun = max(change.lastRun, lastRun)
}

// applyCounts changes run_count as the same transaction changed run_state: once,
// as rows are taken in the order of their keys, and behind all others, so that two
// writers never wait for each other in a circle.
func (s *Store) applyCounts(ctx context.Context, tx *sql.Tx, counts tally) error {
	rows := make([][]int64, 0, len(counts))
	for _, key := range slices.SortedFunc(maps.Keys(counts), compareCounts) {
		if change := counts[key]; change.n != 0 || change.lastRun != 0 {
			rows = append(rows, []int64{key.script, key.bucket, key.revision, key.state, change.n, change.lastRun})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	table, args := s.dialect.table(inputRows("script bucket revision state n last_run", rows))
	_, err := tx.ExecContext(ctx, `INSERT INTO run_count (script, bucket, revision, state, n, last_run)
		SELECT script, bucket, revision, state, n, last_run FROM `+table+` WHERE true
		ON CONFLICT (script, bucket, revision, state) DO UPDATE SET n = run_count.n + excluded.n,
			last_run = CASE WHEN excluded.last_run > run_count.last_run THEN excluded.last_run ELSE run_count.last_run END`, args...)
	return err
}
