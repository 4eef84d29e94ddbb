package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"

	"plimsoll"
)

// reader is what a pool of connections and a transaction are read by.
type reader interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// changeSet is the transaction of a bound store.
type changeSet struct {
	tx     *sql.Tx
	failed error // the first change that was refused
}

// keep remembers an error: a change that was refused may have left a part of
// itself behind, so that the set can only fail. Outside a set, where c is nil,
// the change's own transaction took it back.
func (c *changeSet) keep(err error) error {
	if c != nil && c.failed == nil {
		c.failed = err
	}
	return err
}

// Atomically runs work in one transaction, which is durable when Atomically
// returns nil and left no trace otherwise. All that bound is asked for goes
// through it and sees the set's earlier changes; one that is refused makes the
// whole set fail, also where work returns nil.
//
// bound is work's alone, for one call at a time. All that writes waits for a
// change set, so that work must write by no other store, and wait for no client.
// Where another transaction stood in the way, work is run again from the start.
func (s *Store) Atomically(ctx context.Context, work func(bound *Store) error) error {
	if s.set != nil {
		return s.set.keep(work(s))
	}
	return s.transact(ctx, func(tx *sql.Tx) error {
		if err := s.waitForTurn(ctx, tx); err != nil {
			return err
		}
		bound := s.bind(tx)
		err := work(bound)
		if err == nil || isCrossed(bound.set.failed) {
			err = bound.set.failed
		}
		return err
	})
}

// waitForTurn keeps all others from changing scripts and histories until the
// transaction ends; they can read. A change set takes its rows as they come, and
// a group of summaries takes many too: without turns they would wait for one
// another in a circle, which costs both a second. Whatever changes a script
// begins by taking a number, and whatever changes a history by its head.
func (s *Store) waitForTurn(ctx context.Context, tx *sql.Tx) error {
	if s.dialect.lockAll == "" {
		return nil
	}
	_, err := tx.ExecContext(ctx, s.dialect.lockAll)
	return err
}

// bind gives the store as it is within a transaction.
func (s *Store) bind(tx *sql.Tx) *Store {
	bound := *s
	bound.read, bound.set = tx, &changeSet{tx: tx}
	return &bound
}

// Submit adds one summary to its script's history. A bound store so stands in
// for the group commit.
func (s *Store) Submit(ctx context.Context, record *plimsoll.RunSummaryRecord) error {
	refusals, err := s.AppendRunSummaries(ctx, []*plimsoll.RunSummaryRecord{record})
	if err == nil {
		err = refusals[0]
	}
	return s.set.keep(err)
}

// The SQLSTATEs by which a transaction may be told to begin anew.
const (
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	foreignKeyViolation  = "23503"
)

// crossedTries is how often a transaction is begun that others cross. A deadlock
// takes PostgreSQL a second to see, and lets one of the two go on.
const crossedTries = 10

// isCrossed tells whether PostgreSQL ended a transaction for another one's sake.
// Ours take their rows in one order and give it no reason to; those of other
// programs on the same database may.
func isCrossed(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == deadlockDetected || e.Code == serializationFailure)
}
