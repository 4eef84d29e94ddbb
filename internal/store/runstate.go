package store

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"time"

	"plimsoll"
)

func noRunStateFor(deviceID string) error {
	return plimsoll.Errorf(plimsoll.NotFound,
		"The script has no run state for a device with the id %q: no assignment reaches it, and nobody reported one.", deviceID)
}

// presentedState is the SQL of a run state, in a row of that alias, as it is read:
// see [plimsoll.RunState.Presented].
func presentedState(row string) string {
	sql := strings.Builder{}
	sql.WriteString("CASE WHEN " + row + ".revision < s.revision AND " + row + ".state <> 5 THEN 'pending'")
	for number, state := range plimsoll.RunStates() {
		sql.WriteString(" WHEN " + row + ".state = " + strconv.Itoa(number) + " THEN '" + string(state) + "'")
	}
	return sql.String() + " END"
}

func scanRunState(row scanner, more ...any) (state plimsoll.DeviceRunState, err error) {
	var ranAt, dueAt zeroInstant
	device, err := scanDevice(row, append([]any{&state.ScriptID, &state.State, &ranAt, &dueAt, &state.Output, &state.Error}, more...)...)
	state.DeviceID, state.LastSyncAt, state.Device = device.ID, device.LastSyncAt, &device
	state.RanAt, state.DueAt = time.Time(ranAt), time.Time(dueAt)
	return state, err
}

// RunState gives a script's run state of a device.
func (s *Store) RunState(ctx context.Context, scriptID, deviceID string) (plimsoll.DeviceRunState, error) {
	if _, err := scriptNumber(ctx, s.read, scriptID, ""); err != nil {
		return plimsoll.DeviceRunState{}, err
	}
	return runStateOf(ctx, s.read, scriptID, deviceID)
}

const tablesOfPair = `script s JOIN run_state r ON r.script = s.number JOIN device d ON d.bucket = r.bucket AND d.number = r.device` + outputTable

func runStateOf(ctx context.Context, db reader, scriptID, deviceID string) (plimsoll.DeviceRunState, error) {
	state, err := scanRunState(db.QueryRowContext(ctx, "SELECT "+runStateColumns()+" FROM "+tablesOfPair+
		" WHERE s.id = $1 AND d.bucket = $2 AND d.id = $3", scriptID, plimsoll.DeviceBucket(deviceID), deviceID))
	if errors.Is(err, sql.ErrNoRows) {
		return state, noRunStateFor(deviceID)
	}
	return state, refusal(err)
}

// ChangeRunState makes a script's run state of a device what change makes of it,
// at the script's current revision. One that is not there is made where create
// says so: the script's summary is computed from then on.
func (s *Store) ChangeRunState(
	ctx context.Context, scriptID, deviceID string, create bool,
	change func(*plimsoll.DeviceRunState) error, event plimsoll.AuditEvent,
) (state plimsoll.DeviceRunState, err error) {
	err = s.transact(ctx, func(tx *sql.Tx) error {
		counts := newTally()
		if create {
			if err := s.insertPair(ctx, tx, scriptID, deviceID, event.At, counts); err != nil {
				return err
			}
		}
		p, err := s.lockPair(ctx, tx, scriptID, deviceID)
		if err != nil {
			return err
		}
		if state, err = runStateOf(ctx, tx, scriptID, deviceID); err != nil {
			return err
		}
		if err = change(&state); err != nil {
			return err
		}
		before := p.countKey()
		p.run.Revision, p.run.State, p.run.RanAt, p.run.DueAt = p.revision, state.State, state.RanAt, state.DueAt
		p.setText(state.Output, state.Error)
		p.move(before, counts)
		if applied := before.state != stateNumber(plimsoll.StateNotApplicable); applied != (p.run.State != plimsoll.StateNotApplicable) {
			if err = s.checkPushed(ctx, tx, p); err != nil {
				return err
			}
			if err = s.changed(ctx, tx, deviceID); err != nil {
				return err
			}
		}
		if err = s.writePairs(ctx, tx, []*pair{p}); err != nil {
			return err
		}
		if err = s.applyCounts(ctx, tx, counts); err != nil {
			return err
		}
		if state, err = runStateOf(ctx, tx, scriptID, deviceID); err != nil {
			return err
		}
		return addAuditEvent(ctx, tx, event)
	})
	return state, err
}

// checkPushed refuses to change whether a script applies to a device that an
// assignment reaches: that follows from the platforms of the two.
func (s *Store) checkPushed(ctx context.Context, tx *sql.Tx, p *pair) error {
	var pushed bool
	err := tx.QueryRowContext(ctx, `SELECT pushed FROM run_state WHERE bucket = $1 AND device = $2 AND script = $3`,
		p.bucket, p.device, p.script).Scan(&pushed)
	if err == nil && !pushed {
		err = plimsoll.Errorf(plimsoll.Conflict, "An assignment reaches the device: "+
			"whether the script applies to it (notApplicable) follows from the device's operating system and the script, and cannot be reported.")
	}
	return err
}

// insertPair makes a pair that another runner reports, unless it is there.
func (s *Store) insertPair(ctx context.Context, tx *sql.Tx, scriptID, deviceID string, at time.Time, counts tally) error {
	device, script, err := s.lockForPair(ctx, tx, scriptID, deviceID)
	if err != nil {
		return err
	}
	key := countKey{script: script, bucket: plimsoll.DeviceBucket(deviceID), state: stateNumber(plimsoll.StatePending)}
	if err = s.beginComputing(ctx, tx, scriptID, at); err != nil {
		return err
	}
	result, err := tx.ExecContext(ctx, `INSERT INTO run_state
			(bucket, device, script, revision, state, sequence, ran_at, due_at, text, assignment, pushed)
		VALUES ($1, $2, $3, 0, $4, 0, 0, 0, 0, 0, true)
		ON CONFLICT (bucket, device, script) DO NOTHING`,
		key.bucket, device, key.script, key.state)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return err
	}
	counts.add(key, 1, 0)
	return nil
}

// lockPair reads one pair, which is the transaction's until it ends.
func (s *Store) lockPair(ctx context.Context, tx *sql.Tx, scriptID, deviceID string) (*pair, error) {
	key := pairKey{deviceID, scriptID}
	pairs, _, err := s.readPairs(ctx, tx, []pairKey{key}, s.dialect.lockOf("r"))
	if err == nil && pairs[key] == nil {
		err = noRunStateFor(deviceID)
	}
	return pairs[key], err
}

// DeleteRunState forgets the runs of a script on a device. The pair goes, unless
// an assignment reaches the device: the script is then pending there again.
func (s *Store) DeleteRunState(ctx context.Context, scriptID, deviceID string, event plimsoll.AuditEvent) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		device, script, err := s.lockForPair(ctx, tx, scriptID, deviceID)
		if err != nil {
			return err
		}
		if err = s.lockHead(ctx, tx, script); err != nil {
			return err
		}
		key := []int64{plimsoll.DeviceBucket(deviceID), device, script}
		// Not by lockPair: the plan that retarget then had would be kept for the background.
		there, err := collect(ctx, tx, column[int64], `SELECT device FROM run_state
			WHERE bucket = $1 AND device = $2 AND script = $3`+s.dialect.lockRow, key[0], device, script)
		if err != nil {
			return err
		}
		if len(there) == 0 {
			return noRunStateFor(deviceID)
		}
		if err = s.changed(ctx, tx, deviceID); err != nil { // it may be made anew as another kind
			return err
		}
		counts := newTally()
		if err = s.removePairs(ctx, tx, [][]int64{key}, counts); err != nil {
			return err
		}
		if err = s.retarget(ctx, tx, reach{script: script, bucket: key[0], first: device, last: device}, counts); err != nil {
			return err
		}
		if err = s.applyCounts(ctx, tx, counts); err != nil {
			return err
		}
		if err = s.endComputing(ctx, tx, script); err != nil {
			return err
		}
		return addAuditEvent(ctx, tx, event)
	})
}

// lockForPair gives the numbers of a device, whose row is the transaction's then,
// and of a script.
func (s *Store) lockForPair(ctx context.Context, tx *sql.Tx, scriptID, deviceID string) (device, script int64, err error) {
	if script, err = scriptNumber(ctx, tx, scriptID, ""); err != nil {
		return 0, 0, err
	}
	device, err = s.lockDevice(ctx, tx, deviceID)
	return device, script, err
}
