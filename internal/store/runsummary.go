package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"plimsoll"
)

const runSummaryColumns = `r.script_id, r.sequence, r.id, r.no_issue_detected, r.issue_detected,
	r.detection_script_error, r.detection_script_pending, r.last_script_run,
	r.recorded_at, r.recorded_by, r.removed_at, r.removed_by, r.computed`

// currentRunSummary tells an unknown script (no row) from one without a
// current summary (a row of NULLs).
func currentRunSummary() string {
	return `SELECT ` + currentColumns() + ` FROM script s ` + joinCurrent + ` WHERE s.id = $1`
}

func noRunSummary() error {
	return plimsoll.Errorf(plimsoll.NotFound, "The script has no run summary now; POST one to its runSummary.")
}

// runSummaryRow scans a record that may be all NULL.
type runSummaryRow struct {
	scriptID, id, recordedBy, removedBy sql.NullString
	sequence                            sql.NullInt64
	noIssue, issue, failed, pending     sql.NullInt64
	lastRun, recordedAt, removedAt      time.Time
	computed                            bool
}

func (r *runSummaryRow) dest() []any {
	return []any{
		&r.scriptID, &r.sequence, &r.id, &r.noIssue, &r.issue, &r.failed, &r.pending,
		instant{&r.lastRun},
		instant{&r.recordedAt},
		&r.recordedBy,
		instant{&r.removedAt},
		&r.removedBy,
		&r.computed,
	}
}

func (r *runSummaryRow) record() plimsoll.RunSummaryRecord {
	return plimsoll.RunSummaryRecord{
		RunSummary: plimsoll.RunSummary{
			ID: r.id.String, NoIssueDetected: count(r.noIssue), IssueDetected: count(r.issue),
			DetectionScriptError: count(r.failed), DetectionScriptPending: count(r.pending),
			LastScriptRun: r.lastRun,
		},
		Computed: r.computed,
		ScriptID: r.scriptID.String, Sequence: r.sequence.Int64,
		RecordedAt: r.recordedAt, RecordedBy: r.recordedBy.String,
		RemovedAt: r.removedAt, RemovedBy: r.removedBy.String,
	}
}

// count gives a number of devices as Graph's Int32.
func count(n sql.NullInt64) int32 {
	return int32(max(math.MinInt32, min(n.Int64, math.MaxInt32)))
}

// currentRecord gives the current summary. A computed one has no entry in the
// history that would tell one state of it from another: its sequence is a hash of
// what it says.
func (r *runSummaryRow) currentRecord() plimsoll.RunSummaryRecord {
	record := r.record()
	if r.computed {
		hash := fnv.New64a()
		fmt.Fprint(hash, record.RunSummary)
		record.Sequence = int64(hash.Sum64() >> 1)
	}
	return record
}

func scanCurrent(row scanner, scriptID string) (plimsoll.RunSummaryRecord, error) {
	var r runSummaryRow
	err := row.Scan(r.dest()...)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return plimsoll.RunSummaryRecord{}, noScript(scriptID)
	case err != nil:
		return plimsoll.RunSummaryRecord{}, refusal(err)
	case !r.sequence.Valid:
		return plimsoll.RunSummaryRecord{}, noRunSummary()
	}
	return r.currentRecord(), nil
}

// RunSummary gives a script's current summary.
func (s *Store) RunSummary(ctx context.Context, scriptID string) (plimsoll.RunSummaryRecord, error) {
	if s.set != nil {
		return scanCurrent(s.read.QueryRowContext(ctx, currentRunSummary(), scriptID), scriptID)
	}
	if s.dialect.inside {
		// The read takes microseconds; to watch for a cancellation meanwhile
		// costs a tenth of the whole request. It may have to wait for one of the
		// connections first, which other reads hold for milliseconds.
		ctx = context.WithoutCancel(ctx)
	}
	return scanCurrent(s.current.QueryRowContext(ctx, scriptID), scriptID)
}

// RunSummaries gives the current summaries of many scripts in one query:
// records[i], or the reason why there is none in refusals[i], belongs to ids[i].
func (s *Store) RunSummaries(
	ctx context.Context, ids []string,
) (records []plimsoll.RunSummaryRecord, refusals []error, err error) {
	input, found := make([][1]string, 0, len(ids)), make(map[string]*runSummaryRow, len(ids))
	for _, id := range ids {
		if _, twice := found[id]; !twice {
			input, found[id] = append(input, [1]string{id}), nil
		}
	}
	array, err := json.Marshal(input)
	if err != nil {
		return nil, nil, err
	}
	_, err = collect(ctx, s.read, func(row scanner) (struct{}, error) {
		var id string
		var summary runSummaryRow
		err := row.Scan(append([]any{&id}, summary.dest()...)...)
		found[id] = &summary
		return struct{}{}, err
	}, `SELECT s.id, `+currentColumns()+` FROM `+s.dialect.rows+` JOIN script s ON s.id = value ->> 0 `+joinCurrent,
		string(array))
	records, refusals = make([]plimsoll.RunSummaryRecord, len(ids)), make([]error, len(ids))
	for i, id := range ids {
		switch summary := found[id]; {
		case summary == nil:
			refusals[i] = noScript(id)
		case !summary.sequence.Valid:
			refusals[i] = noRunSummary()
		default:
			records[i] = summary.currentRecord()
		}
	}
	return records, refusals, err
}

// AppendRunSummaries adds summaries, each to its script's history, in one
// durable transaction of two statements, whatever their number. Those of one
// script follow one another in the order given. It sets their sequences;
// refusals[i] is the reason why records[i] was not added, or nil. An error means
// that none was added.
func (s *Store) AppendRunSummaries(
	ctx context.Context, records []*plimsoll.RunSummaryRecord,
) (refusals []error, err error) {
	for range len(records) + 1 {
		err = s.transact(ctx, func(tx *sql.Tx) error {
			next, err := s.raiseHeads(ctx, tx, records)
			if err != nil {
				return err
			}
			refusals = number(records, next)
			if err := s.explainComputed(ctx, tx, records, refusals); err != nil {
				return err
			}
			return s.insertRunSummaries(ctx, tx, records)
		})
		if s.set != nil || !lacksParent(err) {
			break
		}
		// A script was deleted after its row was read, and waited for. The next
		// transaction does not see it any more. No script is deleted beside a
		// change set.
	}
	return refusals, err
}

// lacksParent tells whether a row was refused because the one it belongs to is
// not there. On SQLite it always is: writers take turns.
func lacksParent(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == foreignKeyViolation
}

// raiseHeads raises each script's sequence by the number of its records, and
// gives the first new one of each script that exists. Rows are locked in the
// order of their keys, so that two servers never wait for each other.
func (s *Store) raiseHeads(
	ctx context.Context, tx *sql.Tx, records []*plimsoll.RunSummaryRecord,
) (map[string]int64, error) {
	counts := map[string]int64{}
	for _, r := range records {
		counts[r.ScriptID]++
	}
	input := make([][2]any, 0, len(counts))
	for id, n := range counts {
		input = append(input, [2]any{id, n})
	}
	array, err := json.Marshal(input)
	if err != nil {
		return nil, err
	}
	rows, err := tx.QueryContext(ctx, `INSERT INTO run_summary_head (script_id, sequence)
		SELECT s.id, CAST(value ->> 1 AS bigint) FROM `+s.dialect.rows+` JOIN script s ON s.id = value ->> 0
		WHERE true ORDER BY s.id
		ON CONFLICT (script_id) DO UPDATE SET sequence = run_summary_head.sequence + excluded.sequence
			WHERE NOT run_summary_head.computed
		RETURNING script_id, sequence`, string(array))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	next := make(map[string]int64, len(counts))
	for rows.Next() {
		var id string
		var last int64
		if err := rows.Scan(&id, &last); err != nil {
			return nil, err
		}
		next[id] = last - counts[id] + 1
	}
	return next, rows.Err()
}

// number gives every record its sequence, or the reason why it has none: its
// sequence is then 0.
func number(records []*plimsoll.RunSummaryRecord, next map[string]int64) []error {
	refusals := make([]error, len(records))
	for i, r := range records {
		sequence, exists := next[r.ScriptID]
		if !exists {
			r.Sequence = 0 // it may have had one in a transaction that failed
			refusals[i] = noScript(r.ScriptID)
			continue
		}
		r.Sequence = sequence
		next[r.ScriptID]++
	}
	return refusals
}

// isComputed refuses a change of a summary that follows from the devices.
func isComputed() error {
	return plimsoll.Errorf(plimsoll.Conflict,
		"The script's run summary is computed from its devices, because it has an assignment or a device run state: it cannot be reported. Report on deviceRunStates, or on a script without assignments.")
}

// explainComputed tells the scripts that are computed from those that are not
// there.
func (s *Store) explainComputed(ctx context.Context, tx *sql.Tx, records []*plimsoll.RunSummaryRecord, refusals []error) error {
	for i, r := range records {
		if refusals[i] == nil {
			continue
		}
		var computed bool
		err := tx.QueryRowContext(ctx, `SELECT computed FROM run_summary_head WHERE script_id = $1`, r.ScriptID).Scan(&computed)
		if computed {
			refusals[i] = isComputed()
		}
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
	}
	return nil
}

func (s *Store) insertRunSummaries(ctx context.Context, tx *sql.Tx, records []*plimsoll.RunSummaryRecord) error {
	input := make([][11]any, 0, len(records))
	for _, r := range records {
		if r.Sequence == 0 {
			continue
		}
		input = append(input, [11]any{
			r.ScriptID, r.Sequence, r.ID, r.NoIssueDetected, r.IssueDetected, r.DetectionScriptError,
			r.DetectionScriptPending, ticks(r.LastScriptRun), ticks(r.RecordedAt), r.RecordedBy, r.Computed,
		})
	}
	array, err := json.Marshal(input)
	if err != nil || len(input) == 0 {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO run_summary (script_id, sequence, id, no_issue_detected, issue_detected,
			detection_script_error, detection_script_pending, last_script_run, recorded_at, recorded_by, computed)
		SELECT value ->> 0, CAST(value ->> 1 AS bigint), value ->> 2, CAST(value ->> 3 AS bigint),
			CAST(value ->> 4 AS bigint), CAST(value ->> 5 AS bigint), CAST(value ->> 6 AS bigint),
			CAST(value ->> 7 AS bigint), CAST(value ->> 8 AS bigint), value ->> 9, CAST(value ->> 10 AS boolean)
		FROM `+s.dialect.rows, string(array))
	return err
}

// lockCurrent reads a script's current summary in a transaction that no other
// change of the script's history can come into. It does not write: PostgreSQL
// checks the foreign key of a row that a transaction writes twice, and would
// wait for whoever deletes the script, who waits for this row.
func lockCurrent(ctx context.Context, tx *sql.Tx, d dialect, scriptID string) (plimsoll.RunSummaryRecord, error) {
	var sequence int64
	err := tx.QueryRowContext(ctx,
		`SELECT h.sequence FROM run_summary_head h WHERE h.script_id = $1`+d.lockRow, scriptID).Scan(&sequence)
	if errors.Is(err, sql.ErrNoRows) {
		return plimsoll.RunSummaryRecord{}, noScript(scriptID)
	}
	if err != nil {
		return plimsoll.RunSummaryRecord{}, err
	}
	record, err := scanCurrent(tx.QueryRowContext(ctx, currentRunSummary(), scriptID), scriptID)
	if err == nil && record.Computed {
		err = isComputed()
	}
	return record, err
}

// UpdateRunSummary adds what change makes of the current summary, with the same
// id, to the script's history; it becomes the current one.
func (s *Store) UpdateRunSummary(
	ctx context.Context, scriptID string, change func(*plimsoll.RunSummaryRecord) error,
) (plimsoll.RunSummaryRecord, error) {
	var record plimsoll.RunSummaryRecord
	err := s.transact(ctx, func(tx *sql.Tx) (err error) {
		if record, err = lockCurrent(ctx, tx, s.dialect, scriptID); err != nil {
			return err
		}
		if err = change(&record); err != nil {
			return err
		}
		record.Sequence++
		if _, err = tx.ExecContext(ctx, `UPDATE run_summary_head SET sequence = $2 WHERE script_id = $1`,
			scriptID, record.Sequence); err != nil {
			return err
		}
		return s.insertRunSummaries(ctx, tx, []*plimsoll.RunSummaryRecord{&record})
	})
	return record, err
}

// RemoveRunSummary marks the current summary as removed, when and by whom remove
// says. Its entry stays in the history.
func (s *Store) RemoveRunSummary(
	ctx context.Context, scriptID string, remove func(*plimsoll.RunSummaryRecord) error,
) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		record, err := lockCurrent(ctx, tx, s.dialect, scriptID)
		if err != nil {
			return err
		}
		if err = remove(&record); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE run_summary SET removed_at = $3, removed_by = $4
			WHERE script_id = $1 AND sequence = $2`,
			scriptID, record.Sequence, ticks(record.RemovedAt), record.RemovedBy)
		return err
	})
}
