package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"

	"plimsoll"
)

// leastStep is how few devices one step looks at, however many scripts reach them.
const leastStep = 20

// task is work in the background, and how far it is.
type task struct {
	kind                   string
	number, bucket, device int64
}

// HasWork tells whether anything is left to do in the background.
func (s *Store) HasWork(ctx context.Context) (has bool, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM fleet_task)`).Scan(&has)
	return has, refusal(err)
}

// Work does a step of what is left to do in the background, in a transaction of
// its own, and tells whether there was any. Servers take turns: the task's row is
// the transaction's.
func (s *Store) Work(ctx context.Context) (worked bool, err error) {
	if worked, err = s.HasWork(ctx); err != nil || !worked { // most often: nobody is kept from writing
		return false, err
	}
	err = s.transact(ctx, func(tx *sql.Tx) error {
		var t task
		err := tx.QueryRowContext(ctx, `SELECT kind, number, bucket, device FROM fleet_task
			ORDER BY kind, number LIMIT 1`+s.dialect.lockRow).Scan(&t.kind, &t.number, &t.bucket, &t.device)
		if worked = err == nil; errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return s.step(ctx, tx, t)
	})
	return worked, err
}

// step looks at the devices that are next.
func (s *Store) step(ctx context.Context, tx *sql.Tx, t task) error {
	if t.bucket == plimsoll.Buckets { // a step of its own: it takes the script's head, which comes before run states and counts
		return s.finish(ctx, tx, t)
	}
	counts := newTally()
	scripts, err := s.scriptsOf(ctx, tx, t)
	if err != nil {
		return err
	}
	for left := max(s.dialect.stepPairs/max(scripts, 1), leastStep); t.bucket < plimsoll.Buckets && left > 0; {
		n, first, last, err := s.lockDevices(ctx, tx, t, left)
		if err != nil {
			return err
		}
		if n > 0 {
			if err = s.workOn(ctx, tx, t, first, last, counts); err != nil {
				return err
			}
			left -= n
		}
		if t.device = last; n == 0 || left > 0 {
			t.bucket, t.device = t.bucket+1, 0
		}
	}
	if err := s.applyCounts(ctx, tx, counts); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE fleet_task SET bucket = $3, device = $4 WHERE kind = $1 AND number = $2`,
		t.kind, t.number, t.bucket, t.device)
	return err
}

// scriptsOf gives how many scripts a task holds each device against.
func (s *Store) scriptsOf(ctx context.Context, tx *sql.Tx, t task) (n int, err error) {
	if t.kind == taskScript {
		return 1, nil
	}
	return n, tx.QueryRowContext(ctx, `SELECT count(DISTINCT script) FROM assignment WHERE device_set = $1 OR filter = $1`, t.number).Scan(&n)
}

// lockDevices makes the next devices of a task's bucket the transaction's.
func (s *Store) lockDevices(ctx context.Context, tx *sql.Tx, t task, limit int) (n int, first, last int64, err error) {
	numbers, err := collect(ctx, tx, column[int64], `SELECT number FROM device WHERE bucket = $1 AND number > $2 ORDER BY number LIMIT $3`+s.dialect.lockRow,
		t.bucket, t.device, limit)
	if err != nil || len(numbers) == 0 {
		return 0, 0, 0, err
	}
	return len(numbers), numbers[0], numbers[len(numbers)-1], nil
}

func (s *Store) workOn(ctx context.Context, tx *sql.Tx, t task, first, last int64, counts tally) error {
	r := reach{bucket: t.bucket, first: first, last: last}
	if t.kind == taskScript {
		r.script = t.number
	} else {
		r.set = t.number
		if err := s.evaluateSets(ctx, tx, t.number, t.bucket, first, last); err != nil {
			return err
		}
	}
	if err := s.changed(ctx, tx, bucketChanged(t.bucket)); err != nil {
		return err
	}
	return s.retarget(ctx, tx, r, counts)
}

// finish removes a task that is done, and what it leaves without use.
func (s *Store) finish(ctx context.Context, tx *sql.Tx, t task) (err error) {
	if t.kind == taskScript {
		err = s.endComputing(ctx, tx, t.number)
	} else {
		_, err = tx.ExecContext(ctx, `DELETE FROM device_set WHERE number = $1 AND kind = 'gone'`, t.number)
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, `DELETE FROM fleet_task WHERE kind = $1 AND number = $2`, t.kind, t.number)
	}
	return err
}

// endComputing lets the summary of a script that reaches nobody be reported. The
// head is locked by a statement of its own: what follows sees whatever others did
// who had it before.
func (s *Store) endComputing(ctx context.Context, tx *sql.Tx, script int64) error {
	const useless = ` NOT EXISTS (SELECT 1 FROM assignment a WHERE a.script = $1)
		AND NOT EXISTS (SELECT 1 FROM run_state r WHERE r.script = $1)`
	const head = `(SELECT s.id FROM script s WHERE s.number = $1)`
	if err := s.lockHead(ctx, tx, script); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE run_summary_head SET computed = false WHERE script_id = `+head+` AND`+useless, script); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM run_count WHERE script = $1 AND n = 0 AND`+useless, script)
	return err
}

// lockHead makes the head of a script's summaries the transaction's. It comes
// before run states and counts.
func (s *Store) lockHead(ctx context.Context, tx *sql.Tx, script int64) error {
	_, err := collect(ctx, tx, column[string], `SELECT h.script_id FROM run_summary_head h JOIN script s ON s.id = h.script_id
		WHERE s.number = $1`+s.dialect.lockOf("h"), script)
	return err
}

// derivedID gives the id of a script's computed summary: a GUID that is always
// the same for the script (RFC 9562, section 5.5).
func derivedID(scriptID string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("plimsoll:runSummary:"+scriptID)).String()
}

// workPause is how long the background rests where nothing was left to do, and
// after a fault.
const workPause = 200 * time.Millisecond

// RunWork does what is left to do in the background until ctx ends. observe is
// told of faults, after which it goes on.
func (s *Store) RunWork(ctx context.Context, observe func(error)) {
	for ctx.Err() == nil {
		worked, err := s.Work(ctx)
		if err != nil && ctx.Err() == nil {
			observe(err)
		}
		if err != nil || !worked {
			pause(ctx, workPause)
		}
	}
}
