// Package store keeps the product's data in SQL: one text of statements for
// SQLite and PostgreSQL, and a small dialect for the words in which they
// differ. Every write is durable before its method returns.
package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"plimsoll"
)

// Store is an open database of either engine. Its methods are safe for
// concurrent use, also by several processes on one database.
type Store struct {
	read, write *sql.DB // the same pool on PostgreSQL; on SQLite one writer beside many readers
	dialect     dialect
	current     *sql.Stmt // the hot read, prepared
}

// dialect holds what differs between the engines.
type dialect struct {
	name    string
	rows    string            // a table r(value) of the elements of the JSON array $1
	lockRow string            // after a SELECT: the row is this transaction's until it ends
	words   *strings.Replacer // from the migrations' words to the engine's
	checks  []string          // queries that give a sentence for each fault of the engine's own
}

// Open opens the store that address names, "sqlite:PATH" or a postgres:// URL,
// and brings its schema up to date, under a lock where several start at once.
func Open(ctx context.Context, address string) (*Store, error) {
	s, err := connect(address)
	if err != nil {
		return nil, err
	}
	if err := s.prepare(ctx, address); err != nil {
		return nil, errors.Join(fmt.Errorf("open the store: %w", err), s.Close())
	}
	return s, nil
}

func connect(address string) (*Store, error) {
	switch scheme, rest, _ := strings.Cut(address, ":"); scheme {
	case "sqlite":
		return openSQLite(rest)
	case "postgres", "postgresql":
		return openPostgres(address)
	default:
		return nil, plimsoll.Errorf(plimsoll.Invalid,
			"A store is sqlite:PATH or postgres://USER@HOST/DATABASE; %q is neither.", scheme+":…")
	}
}

func (s *Store) prepare(ctx context.Context, address string) (err error) {
	if err = s.migrate(ctx, address); err != nil {
		return err
	}
	s.current, err = s.read.PrepareContext(ctx, currentRunSummary)
	return err
}

// Close ends all connections.
func (s *Store) Close() error { return errors.Join(s.read.Close(), s.write.Close()) }

// Engine gives "sqlite" or "postgres".
func (s *Store) Engine() string { return s.dialect.name }

// Ping tells whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	return refusal(s.read.QueryRowContext(ctx, "SELECT 1").Scan(&one))
}

// Pools gives the connection pools by what they are for, for metrics.
func (s *Store) Pools() map[string]*sql.DB {
	if s.read == s.write {
		return map[string]*sql.DB{"write": s.write}
	}
	return map[string]*sql.DB{"read": s.read, "write": s.write}
}

// transact runs work in one transaction, which is durable when transact returns
// nil and left no trace otherwise.
func (s *Store) transact(ctx context.Context, work func(tx *sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return refusal(err)
	}
	if err := work(tx); err != nil {
		return refusal(errors.Join(err, ignoreDone(tx.Rollback())))
	}
	return refusal(tx.Commit())
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// refusal gives an error of the database its code: Unavailable for what passes
// by itself, such as a server that restarts or a lock held too long.
func refusal(err error) error {
	if err == nil || plimsoll.ErrorCode(err) != plimsoll.Internal || !passes(err) {
		return err
	}
	return &plimsoll.Error{
		Code: plimsoll.Unavailable, RetryAfter: time.Second, Err: err,
		Message: "The database is not available now; try again in a moment.",
	}
}

func passes(err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch e.Code[:2] {
		case "08", "40", "53", "55", "57": // connection, rollback, resources, not ready, operator
			return true
		}
		return false
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()&0xff == sqlite3.SQLITE_BUSY
	}
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[net.Error](err)
	return connecting || network || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, io.ErrUnexpectedEOF) // the database's session was cut
}

// scanner is a row of one result, or the next of many.
type scanner interface{ Scan(dest ...any) error }

// collect reads every row of a query.
func collect[T any](ctx context.Context, db *sql.DB, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, refusal(err)
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, refusal(err)
		}
		all = append(all, one)
	}
	return all, refusal(rows.Err())
}
