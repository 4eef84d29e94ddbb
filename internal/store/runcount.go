package store

import (
	"cmp"
	"context"
	"database/sql"
	"maps"
	"slices"
	"time"
)

// DropOldCounts removes what counted run states of older revisions and counts none
// any more, so that a summary takes as long to read after a thousand revisions as
// after one. The row that holds the script's latest run stays.
func (s *Store) DropOldCounts(ctx context.Context, _ time.Time) error {
	const some = 1000
	for dropped := some; dropped == some; {
		if err := s.transact(ctx, func(tx *sql.Tx) error {
			old, err := collect(ctx, tx, func(row scanner) ([]int64, error) {
				key := make([]int64, 4)
				return key, row.Scan(&key[0], &key[1], &key[2], &key[3])
			}, `SELECT c.script, c.bucket, c.revision, c.state FROM run_count c JOIN script s ON s.number = c.script
					JOIN (SELECT script, max(last_run) AS at FROM run_count GROUP BY script) AS latest ON latest.script = c.script
				WHERE c.n = 0 AND c.revision < s.revision AND c.last_run < latest.at
				ORDER BY c.script, c.bucket, c.revision, c.state LIMIT $1`+s.dialect.lockOf("c"), some)
			if err != nil {
				return err
			}
			dropped = len(old)
			return s.execRows(ctx, tx, old, `DELETE FROM run_count WHERE (script, bucket, revision, state) IN (SELECT CAST(value ->> 0 AS bigint),
				CAST(value ->> 1 AS bigint), CAST(value ->> 2 AS bigint), CAST(value ->> 3 AS bigint) FROM `+s.dialect.rows+`)`)
		}); err != nil {
			return err
		}
	}
	return nil
}

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
