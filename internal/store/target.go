package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
)

// reach is which pairs of scripts and devices are looked at: the devices of one
// bucket with numbers from first to last, and of the scripts one, those whose
// assignments name a set, or all.
type reach struct {
	script      int64 // 0: not one alone
	set         int64 // 0: not those of a set alone
	bucket      int64
	first, last int64
}

// scripts gives the condition that a script's number is in reach.
func (r *reach) scripts(number string) string {
	switch {
	case r.script != 0:
		return number + " = " + strconv.FormatInt(r.script, 10)
	case r.set != 0:
		set := strconv.FormatInt(r.set, 10)
		return number + " IN (SELECT x.script FROM assignment x WHERE x.device_set = " + set + " OR x.filter = " + set + ")"
	default:
		return "true"
	}
}

// desired is a table of the pairs in reach that the assignments want, with the
// number of the one that holds: of those that reach a device, the first by rank.
// An exclusion wins over all.
func (r *reach) desired() string {
	return `WITH desired AS (
		SELECT d.number AS device, d.system, a.script, min(a.schedule_rank * 4294967296 + a.number) % 4294967296 AS assignment
		FROM device d JOIN assignment a ON ` + r.scripts("a.script") + `
		WHERE d.bucket = $1 AND d.number BETWEEN $2 AND $3 AND ` + reaches() + `
		GROUP BY d.number, d.system, a.script) `
}

// reaches gives the condition that an assignment a reaches a device d.
func reaches() string {
	return `CASE a.target
				WHEN 'allDevicesAssignmentTarget' THEN true
				WHEN 'allLicensedUsersAssignmentTarget' THEN d.user_id <> '' OR d.user_principal_name <> ''
				WHEN 'groupAssignmentTarget' THEN ` + isMember("a.device_set") + `
				ELSE false END
			AND (a.filter = 0 OR (a.filter_type = 'include') = ` + isMember("a.filter") + `)
			AND NOT EXISTS (SELECT 1 FROM assignment x
				JOIN device_set_member m ON m.bucket = d.bucket AND m.device = d.number AND m.device_set = x.device_set
				WHERE x.script = a.script AND x.target = 'exclusionGroupAssignmentTarget')`
}

func isMember(set string) string {
	return `EXISTS (SELECT 1 FROM device_set_member m
		WHERE m.bucket = d.bucket AND m.device = d.number AND m.device_set = ` + set + `)`
}

// lockOf makes the rows of a table that a SELECT gives the transaction's own,
// where the engine lets others write meanwhile.
func (d *dialect) lockOf(table string) string {
	if d.lockRow == "" {
		return ""
	}
	return d.lockRow + " OF " + table
}

// retarget makes the run states of what r reaches those that the assignments
// want. The devices' rows are this transaction's already, before it looked at what
// is wanted: whoever changes that afterwards comes by again. What is new comes first: that may wait for a report of what is there, and
// so must hold nothing that a report waits for.
func (s *Store) retarget(ctx context.Context, tx *sql.Tx, r reach, counts tally) error {
	var some bool
	if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM run_state r
		WHERE r.bucket = $1 AND r.device BETWEEN $2 AND $3 AND `+r.scripts(byPair)+`)`,
		r.bucket, r.first, r.last).Scan(&some); err != nil {
		return err
	}
	if err := s.addPairs(ctx, tx, r, some, counts); err != nil || !some {
		return err
	}
	return s.changePairs(ctx, tx, r, counts)
}

// byPair is the script of a run state that is found by its bucket and device: as
// no index has the sum, none by scripts is taken, which would go through the
// devices of all buckets.
const byPair = "r.script + 0"

// addPairs makes the pairs in reach that are wanted. Where there are some already,
// these are passed over by the table's key: a join would read the whole of it by a
// plan made while it was small. Which scripts name a set may change meanwhile.
func (s *Store) addPairs(ctx context.Context, tx *sql.Tx, r reach, some bool, counts tally) error {
	orSkip := ""
	if some || r.set != 0 {
		orSkip = `WHERE true ON CONFLICT (bucket, device, script) DO NOTHING `
	}
	_, err := collect(ctx, tx, func(row scanner) (struct{}, error) {
		key, n := countKey{bucket: r.bucket}, int64(0)
		err := row.Scan(&key.script, &key.state, &n)
		counts.add(key, n, 0)
		return struct{}{}, err
	}, fmt.Sprintf(s.dialect.counted, `INSERT INTO run_state
			(bucket, device, script, revision, state, sequence, ran_at, due_at, text, assignment, pushed)
		`+r.desired()+`SELECT $1, w.device, w.script, 0, `+firstState+`, 0, 0, 0, 0, w.assignment, false
		FROM desired w JOIN script s ON s.number = w.script `+orSkip+`RETURNING script, state`), r.bucket, r.first, r.last)
	return err
}

// firstState is the state in which a script begins on a device: pending, or not
// applicable there.
const firstState = `CASE WHEN s.runs_on & w.system <> 0 THEN 4 ELSE 5 END`

// changePairs removes the pairs in reach that no assignment wants any more, and
// begins anew those that are for another system now. Those that another runner
// reports stay. Of the others it notes which assignment holds now.
func (s *Store) changePairs(ctx context.Context, tx *sql.Tx, r reach, counts tally) error {
	var gone, anew, kept [][]int64
	_, err := collect(ctx, tx, func(row scanner) (struct{}, error) {
		var device, script, assignment, first int64
		var remove, begin bool
		err := row.Scan(&device, &script, &assignment, &remove, &begin, &first)
		switch key := []int64{r.bucket, device, script}; {
		case remove:
			gone = append(gone, key)
		case begin:
			anew = append(anew, append(key, assignment, first))
		default:
			kept = append(kept, append(key, assignment))
		}
		return struct{}{}, err
	}, r.desired()+`SELECT r.device, r.script, coalesce(w.assignment, 0),
			s.number IS NULL OR NOT r.pushed AND w.device IS NULL,
			coalesce(NOT r.pushed AND r.state <> `+firstState+` AND 5 IN (r.state, `+firstState+`), false), `+firstState+`
		FROM run_state r LEFT JOIN desired w ON w.device = r.device AND w.script = r.script
			LEFT JOIN script s ON s.number = r.script
		WHERE r.bucket = $1 AND r.device BETWEEN $2 AND $3 AND `+r.scripts(byPair)+`
			AND (s.number IS NULL OR coalesce(w.assignment, 0) <> r.assignment
				OR NOT r.pushed AND (r.state = 5) <> (s.runs_on & w.system = 0))
		ORDER BY r.device, r.script`+s.dialect.lockOf("r"), r.bucket, r.first, r.last)
	if err != nil {
		return err
	}
	if err = s.removePairs(ctx, tx, gone, counts); err != nil {
		return err
	}
	if err = s.beginAnew(ctx, tx, anew, counts); err != nil {
		return err
	}
	return s.execRows(ctx, tx, kept, `UPDATE run_state SET assignment = CAST(value ->> 3 AS bigint) FROM `+s.dialect.rows+pairInRow)
}

// beginAnew forgets the runs of pairs that are locked: of each the key, the
// assignment and the state.
func (s *Store) beginAnew(ctx context.Context, tx *sql.Tx, rows [][]int64, counts tally) error {
	keys := make([][]int64, len(rows))
	for i, row := range rows {
		keys[i] = row[:3]
	}
	if err := s.removePairs(ctx, tx, keys, counts); err != nil {
		return err
	}
	for _, row := range rows {
		counts.add(countKey{bucket: row[0], script: row[2], state: row[4]}, 1, 0)
	}
	return s.execRows(ctx, tx, rows, `INSERT INTO run_state
			(bucket, device, script, revision, state, sequence, ran_at, due_at, text, assignment, pushed)
		SELECT CAST(value ->> 0 AS bigint), CAST(value ->> 1 AS bigint), CAST(value ->> 2 AS bigint), 0, CAST(value ->> 4 AS bigint),
			0, 0, 0, 0, CAST(value ->> 3 AS bigint), false FROM `+s.dialect.rows)
}

// pairInRow holds a run state against the key at the beginning of a row.
const pairInRow = ` WHERE run_state.bucket = CAST(value ->> 0 AS bigint)
	AND run_state.device = CAST(value ->> 1 AS bigint) AND run_state.script = CAST(value ->> 2 AS bigint)`

// removePairs removes run states by their keys, which are locked.
func (s *Store) removePairs(ctx context.Context, tx *sql.Tx, keys [][]int64, counts tally) error {
	if len(keys) == 0 {
		return nil
	}
	array, err := json.Marshal(keys)
	if err != nil {
		return err
	}
	inRows := `(bucket, device, script) IN (SELECT CAST(value ->> 0 AS bigint), CAST(value ->> 1 AS bigint),
		CAST(value ->> 2 AS bigint) FROM ` + s.dialect.rows + `)`
	if _, err := tx.ExecContext(ctx, `DELETE FROM run_output WHERE `+inRows, string(array)); err != nil {
		return err
	}
	_, err = collect(ctx, tx, func(row scanner) (struct{}, error) {
		var key countKey
		err := row.Scan(&key.bucket, &key.script, &key.revision, &key.state)
		counts.add(key, -1, 0)
		return struct{}{}, err
	}, `DELETE FROM run_state WHERE `+inRows+` RETURNING bucket, script, revision, state`, string(array))
	return err
}

// execRows carries out a statement over rows, if there are any.
func (s *Store) execRows(ctx context.Context, tx *sql.Tx, rows [][]int64, statement string) error {
	if len(rows) == 0 {
		return nil
	}
	array, err := json.Marshal(rows)
	if err == nil {
		_, err = tx.ExecContext(ctx, statement, string(array))
	}
	return err
}

// The kinds of tasks.
const (
	taskScript = "script" // hold every device against a script's assignments
	taskSet    = "set"    // hold every device against a set's rule, and the assignments that name the set
)

// addTask leaves work to the background, from the first device on.
func (s *Store) addTask(ctx context.Context, tx *sql.Tx, kind string, number int64) error {
	if err := s.lockFleet(ctx, tx); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO fleet_task (kind, number, bucket, device) VALUES ($1, $2, 0, 0)
		ON CONFLICT (kind, number) DO UPDATE SET bucket = 0, device = 0`, kind, number)
	return err
}

// lockFleet waits for the devices that enrol now, whom the background could not
// see; those that enrol later see what this transaction changes. It comes before
// the lock of a set, wherever both are taken.
func (s *Store) lockFleet(ctx context.Context, tx *sql.Tx) error {
	var last int64
	return tx.QueryRowContext(ctx, `SELECT number FROM fleet_number`+s.dialect.lockRow).Scan(&last)
}

// nextNumber gives the next of the numbers of devices, sets and assignments.
func nextNumber(ctx context.Context, tx *sql.Tx) (number int64, err error) {
	err = tx.QueryRowContext(ctx, `UPDATE fleet_number SET number = number + 1 RETURNING number`).Scan(&number)
	return number, err
}
