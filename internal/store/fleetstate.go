package store

import (
	"context"
	"time"

	"plimsoll"
)

// FleetState gives what those who watch the fleet are told of. The devices are
// counted by tally.addDevices.
func (s *Store) FleetState(ctx context.Context) (f plimsoll.FleetState, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT (SELECT sequence FROM script_change),
		(SELECT coalesce(CAST(sum(n) AS bigint), 0) FROM run_count WHERE script = 0)`).Scan(&f.ScriptChanges, &f.Devices)
	if err != nil {
		return f, refusal(err)
	}
	f.Summaries, err = collect(ctx, s.read, func(row scanner) (plimsoll.RunSummaryRecord, error) {
		var r runSummaryRow
		err := row.Scan(r.dest()...)
		return r.currentRecord(), err
	}, `SELECT `+currentOfAll().columns()+` FROM script s `+joinCurrent+joinCounts+` WHERE h.computed OR r.sequence IS NOT NULL ORDER BY s.id`)
	return f, err
}

// countOfDevices gives how many devices there are, which is kept.
func (s *Store) countOfDevices(ctx context.Context) (n int64, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT coalesce(CAST(sum(n) AS bigint), 0) FROM run_count WHERE script = 0`).Scan(&n)
	return n, refusal(err)
}

// ScriptSummaries gives up to limit scripts by their names, each with its run
// summary of now and of an earlier time.
//
// A history grows in the order of its sequences, and so as good as in that of
// time: the entry that was current then is found by halving, as in a table that
// has no index by time, which each report would have to write to.
func (s *Store) ScriptSummaries(ctx context.Context, at time.Time, limit int) ([]plimsoll.ScriptSummary, error) {
	const place = `WITH RECURSIVE place (script_id, low, high) AS (
			SELECT s.id, CAST(0 AS bigint), h.sequence + 1
			FROM (SELECT id FROM script ORDER BY display_name, id LIMIT $1) AS s JOIN run_summary_head h ON h.script_id = s.id
			UNION ALL
			SELECT p.script_id, CASE WHEN e.recorded_at > $2 THEN p.low ELSE (p.low + p.high) / 2 END,
				CASE WHEN e.recorded_at > $2 THEN (p.low + p.high) / 2 ELSE p.high END
			FROM place p LEFT JOIN run_summary e ON e.script_id = p.script_id AND e.sequence = (
				SELECT max(l.sequence) FROM run_summary l WHERE l.script_id = p.script_id AND l.sequence <= (p.low + p.high) / 2)
			WHERE p.high - p.low > 1)
		SELECT s.id, s.display_name, s.platform, `
	const earlier = `, e.script_id, e.sequence, e.id, e.no_issue_detected, e.issue_detected, e.detection_script_error,
			e.detection_script_pending, e.last_script_run, e.recorded_at, e.recorded_by, e.removed_at, e.removed_by, coalesce(e.computed, false)
		FROM script s ` + joinCurrent + joinCounts + `
		LEFT JOIN (SELECT script_id, max(low) AS sequence FROM place GROUP BY script_id) AS p ON p.script_id = s.id
		LEFT JOIN run_summary e ON e.script_id = s.id AND (e.removed_at IS NULL OR e.removed_at > $2) AND e.sequence = (
			SELECT max(l.sequence) FROM run_summary l WHERE l.script_id = s.id AND l.sequence <= p.sequence)
		ORDER BY s.display_name, s.id LIMIT $1`
	return collect(ctx, s.read, scanScriptSummary, place+currentOfAll().columns()+earlier, s.dialect.passing([]any{limit, ticks(at)})...)
}

func scanScriptSummary(row scanner) (found plimsoll.ScriptSummary, err error) {
	var now, then runSummaryRow
	err = row.Scan(append(append([]any{&found.ID, &found.DisplayName, &found.Platform}, now.dest()...), then.dest()...)...)
	if now.sequence.Valid {
		found.Current = new(now.currentRecord())
	}
	if then.sequence.Valid {
		found.Earlier = new(then.record())
	}
	return found, err
}

// addDevices counts n devices more in a bucket.
func (t tally) addDevices(bucket, n int64) { t.add(countKey{bucket: bucket}, n, 0) }

// checkDevices recounts the devices.
const checkDevices = `SELECT 'The count of devices that is kept is ' || CAST(sum(n) AS bigint) || ' above those that there are, in the bucket ' || bucket || '.'
	FROM (SELECT bucket, n FROM run_count WHERE script = 0 UNION ALL SELECT bucket, -1 FROM device) AS counted
	GROUP BY bucket HAVING sum(n) <> 0`
