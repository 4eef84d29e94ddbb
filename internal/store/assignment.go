package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"plimsoll"
	"plimsoll/internal/query"
)

const assignmentColumns = `a.id, a.target, a.group_id, a.filter_id, a.filter_type, a.run_remediation,
	a.schedule, a.run_interval, a.use_utc, a.run_time, a.run_date`

func scanAssignment(row scanner, more ...any) (a plimsoll.Assignment, err error) {
	var at int64
	dest := []any{
		&a.ID, &a.Target.Kind, &a.Target.GroupID, &a.Target.FilterID, &a.Target.FilterType, &a.RunRemediationScript,
		&a.Schedule.Kind, &a.Schedule.Interval, &a.Schedule.UseUTC, &at,
		instant{&a.Schedule.Date},
	}
	err = row.Scan(append(dest, more...)...)
	a.Schedule.Time = time.Duration(at) * plimsoll.Tick
	return a, err
}

// Assignments gives a script's assignments, the oldest first.
func (s *Store) Assignments(ctx context.Context, scriptID string) ([]plimsoll.Assignment, error) {
	number, err := scriptNumber(ctx, s.read, scriptID, "")
	if err != nil {
		return nil, err
	}
	return assignmentsOf(ctx, s.read, scriptID, number)
}

func assignmentsOf(ctx context.Context, db reader, scriptID string, script int64) ([]plimsoll.Assignment, error) {
	return collect(ctx, db, func(row scanner) (plimsoll.Assignment, error) {
		a, err := scanAssignment(row)
		a.ScriptID = scriptID
		return a, err
	}, `SELECT `+assignmentColumns+` FROM assignment a WHERE a.script = $1 ORDER BY a.number`, script)
}

// ReplaceAssignments makes all a script's assignments. One that reaches the same
// as one that stands takes its place: devices keep the script meanwhile.
func (s *Store) ReplaceAssignments(
	ctx context.Context, scriptID string, all []plimsoll.Assignment, event plimsoll.AuditEvent,
) error {
	return s.ChangeAssignments(ctx, scriptID, func(before []plimsoll.Assignment) ([]plimsoll.Assignment, error) {
		ids := map[plimsoll.Target]string{}
		for i := range before {
			ids[before[i].Target] = before[i].ID
		}
		all := slices.Clone(all)
		for i := range all {
			if id, ok := ids[all[i].Target]; ok {
				all[i].ID = id
				delete(ids, all[i].Target)
			}
		}
		return all, nil
	}, event)
}

// ChangeAssignments makes a script's assignments what change says. Whom they
// reach follows in the background; from the first assignment on, the script's
// summary is computed.
func (s *Store) ChangeAssignments(
	ctx context.Context, scriptID string,
	change func([]plimsoll.Assignment) ([]plimsoll.Assignment, error), event plimsoll.AuditEvent,
) error {
	return s.changeScripts(ctx, func(tx *sql.Tx, _ int64) error { // whoever looks at the number sees that something changed
		script, err := scriptNumber(ctx, tx, scriptID, s.dialect.lockRow)
		if err != nil {
			return err
		}
		all, err := assignmentsOf(ctx, tx, scriptID, script)
		if err != nil {
			return err
		}
		if all, err = change(all); err != nil {
			return err
		}
		if err = s.addTask(ctx, tx, taskScript, script); err != nil { // before the head: as the background does
			return err
		}
		if len(all) > 0 {
			if err = s.beginComputing(ctx, tx, scriptID, event.At); err != nil {
				return err
			}
		}
		if err = s.writeAssignments(ctx, tx, script, all); err != nil {
			return err
		}
		if err = s.changed(ctx, tx, wholeFleet); err != nil { // a schedule, say; whom they reach follows
			return err
		}
		return addAuditEvent(ctx, tx, event)
	})
}

// kept is what stands of an assignment by its number, which its run states name.
type kept struct {
	number, set, filter int64
	target              plimsoll.Target
}

func (s *Store) writeAssignments(ctx context.Context, tx *sql.Tx, script int64, all []plimsoll.Assignment) error {
	before := map[string]kept{}
	_, err := collect(ctx, tx, func(row scanner) (struct{}, error) {
		var k kept
		a, err := scanAssignment(row, &k.number, &k.set, &k.filter)
		k.target = a.Target
		before[a.ID] = k
		return struct{}{}, err
	}, `SELECT `+assignmentColumns+`, a.number, a.device_set, a.filter FROM assignment a WHERE a.script = $1`, script)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM assignment WHERE script = $1`, script); err != nil {
		return err
	}
	for i := range all {
		if err := s.insertAssignment(ctx, tx, script, &all[i], before[all[i].ID]); err != nil {
			return err
		}
	}
	return nil
}

// insertAssignment writes an assignment, under the number that it had. What it
// names is looked up unless it names what it did: a group may be gone.
func (s *Store) insertAssignment(ctx context.Context, tx *sql.Tx, script int64, a *plimsoll.Assignment, k kept) (err error) {
	if k.number == 0 {
		if k.number, err = nextNumber(ctx, tx); err != nil {
			return err
		}
	}
	if k.target != a.Target {
		if k.set, k.filter, err = s.named(ctx, tx, a, s.dialect.lockRow); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO assignment (number, id, script, target, device_set, group_id, filter, filter_id,
			filter_type, run_remediation, schedule, run_interval, use_utc, run_time, run_date, schedule_rank)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
		k.number, a.ID, script, string(a.Target.Kind), k.set, a.Target.GroupID, k.filter, a.Target.FilterID,
		string(a.Target.FilterType), a.RunRemediationScript, string(a.Schedule.Kind), a.Schedule.Interval, a.Schedule.UseUTC,
		int64(a.Schedule.Time/plimsoll.Tick), nullTicks(a.Schedule.Date), a.Schedule.Rank())
	return err
}

// named gives the numbers of the group and the filter that an assignment names;
// 0 for none. lock keeps others from deleting them before a transaction ends.
func (s *Store) named(ctx context.Context, db reader, a *plimsoll.Assignment, lock string) (set, filter int64, err error) {
	if set, err = setNumber(ctx, db, setGroup, a.Target.GroupID, "target/groupId", lock); err != nil {
		return 0, 0, err
	}
	filter, err = setNumber(ctx, db, setFilter, a.Target.FilterID, "target/deviceAndAppManagementAssignmentFilterId", lock)
	return set, filter, err
}

func setNumber(ctx context.Context, db reader, kind, id, property, lock string) (number int64, err error) {
	if id == "" {
		return 0, nil
	}
	err = db.QueryRowContext(ctx, `SELECT number FROM device_set WHERE kind = $1 AND id = $2`+lock, kind, id).Scan(&number)
	if errors.Is(err, sql.ErrNoRows) {
		err = plimsoll.Invalidf(property, "%s names no %s that there is: %q.", property, kind, id)
	}
	return number, refusal(err)
}

// beginComputing makes a script's summary a computed one, unless it is. What was
// reported last stays in the history, as removed. The head is the transaction's
// in any case, so that nobody ends the computing meanwhile.
func (s *Store) beginComputing(ctx context.Context, tx *sql.Tx, scriptID string, at time.Time) error {
	var computed bool
	err := tx.QueryRowContext(ctx, `SELECT computed FROM run_summary_head WHERE script_id = $1`+s.dialect.lockRow,
		scriptID).Scan(&computed)
	if errors.Is(err, sql.ErrNoRows) { // the script was deleted meanwhile
		err = noScript(scriptID)
	}
	if err != nil || computed {
		return err
	}
	if _, err = tx.ExecContext(ctx, `UPDATE run_summary_head SET computed = true, computed_id = $2 WHERE script_id = $1`,
		scriptID, derivedID(scriptID)); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE run_summary SET removed_at = $2, removed_by = $3
		WHERE script_id = $1 AND removed_at IS NULL AND NOT computed
			AND sequence = (SELECT h.sequence FROM run_summary_head h WHERE h.script_id = $1)`,
		scriptID, query.Ticks(at), computedBy)
	return err
}

// computedBy stands for the user where a summary is computed.
const computedBy = "plimsoll"
