package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"plimsoll"
)

// pointInterval is the least time between two entries of a computed summary in
// its history.
const pointInterval = time.Minute

// RecordSummaries adds the computed summaries that changed to their histories,
// each at most once a minute.
func (s *Store) RecordSummaries(ctx context.Context, now time.Time) error {
	ids, err := collect(ctx, s.read, column[string], `SELECT script_id FROM run_summary_head WHERE computed ORDER BY script_id`)
	for i := 0; i < len(ids) && err == nil; i++ {
		err = s.recordSummary(ctx, ids[i], now)
	}
	return err
}

// recordSummary adds a script's computed summary to its history, unless the last
// entry says the same or is younger than a minute.
func (s *Store) recordSummary(ctx context.Context, scriptID string, now time.Time) error {
	now = now.UTC().Truncate(plimsoll.Tick)
	if due, err := s.pointIsDue(ctx, s.read, scriptID, now); err != nil || !due {
		return err
	}
	return s.transact(ctx, func(tx *sql.Tx) error {
		record := plimsoll.RunSummaryRecord{}
		if err := tx.QueryRowContext(ctx, `SELECT sequence FROM run_summary_head WHERE script_id = $1 AND computed`+s.dialect.lockRow,
			scriptID).Scan(&record.Sequence); err != nil {
			return ignoreNoRows(err) // it is computed no more
		}
		if due, err := s.pointIsDue(ctx, tx, scriptID, now); err != nil || !due {
			return err
		}
		sequence := record.Sequence + 1
		record, err := scanCurrent(tx.QueryRowContext(ctx, currentRunSummary(), scriptID), scriptID)
		if err != nil {
			return err
		}
		record.Sequence, record.RecordedAt, record.RecordedBy = sequence, now, computedBy
		if _, err = tx.ExecContext(ctx, `UPDATE run_summary_head SET sequence = $2 WHERE script_id = $1`, scriptID, sequence); err != nil {
			return err
		}
		return s.insertRunSummaries(ctx, tx, []*plimsoll.RunSummaryRecord{&record})
	})
}

// pointIsDue tells whether a script's computed summary is to be added to its
// history.
func (s *Store) pointIsDue(ctx context.Context, db reader, scriptID string, now time.Time) (bool, error) {
	current, err := scanCurrent(db.QueryRowContext(ctx, currentRunSummary(), scriptID), scriptID)
	if err != nil || !current.Computed {
		return false, ignoreMissing(err)
	}
	var r runSummaryRow
	err = db.QueryRowContext(ctx, `SELECT `+runSummaryColumns+` FROM run_summary r WHERE r.script_id = $1
		ORDER BY r.sequence DESC LIMIT 1`, scriptID).Scan(r.dest()...)
	if err != nil {
		return errors.Is(err, sql.ErrNoRows), ignoreNoRows(err)
	}
	last := r.record()
	return !last.Computed || last.RunSummary != current.RunSummary && !now.Before(last.RecordedAt.Add(pointInterval)), nil
}

func ignoreNoRows(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return refusal(err)
}

// ignoreMissing passes over a script that was deleted meanwhile.
func ignoreMissing(err error) error {
	if plimsoll.ErrorCode(err) == plimsoll.NotFound {
		return nil
	}
	return err
}

// How long a computed summary's entries are kept: all for two days, the last of
// each hour for ninety, and then the last of each day.
const (
	keptWhole  = 48 * time.Hour
	keptHourly = 90 * 24 * time.Hour
)

// ThinHistories removes what is not kept of the entries of computed summaries.
func (s *Store) ThinHistories(ctx context.Context, now time.Time) error {
	ids, err := collect(ctx, s.read, column[string], `SELECT DISTINCT script_id FROM run_summary WHERE computed AND recorded_at < $1`, ticks(now.Add(-keptWhole)))
	for i := 0; i < len(ids) && err == nil; i++ {
		err = s.transact(ctx, func(tx *sql.Tx) error {
			return s.thin(ctx, tx, ids[i], now)
		})
	}
	return err
}

func (s *Store) thin(ctx context.Context, tx *sql.Tx, scriptID string, now time.Time) error {
	var thinned int64
	for _, span := range []struct {
		until time.Time
		each  time.Duration
	}{{now.Add(-keptWhole), time.Hour}, {now.Add(-keptHourly), 24 * time.Hour}} {
		result, err := tx.ExecContext(ctx, `DELETE FROM run_summary WHERE script_id = $1 AND computed AND recorded_at < $2
			AND sequence NOT IN (SELECT max(sequence) FROM run_summary
				WHERE script_id = $1 AND computed GROUP BY recorded_at / $3)`,
			scriptID, ticks(span.until), int64(span.each/plimsoll.Tick))
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		if err != nil {
			return err
		}
		thinned += n
	}
	_, err := tx.ExecContext(ctx, `UPDATE run_summary_head SET thinned = thinned + $2 WHERE script_id = $1`, scriptID, thinned)
	return err
}
