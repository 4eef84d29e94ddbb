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

	"github.com/gofrs/flock"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"plimsoll"
	"plimsoll/internal/query"
)

// Store is an open database of either engine. Its methods are safe for
// concurrent use, also by several processes on one database.
type Store struct {
	readers, write *sql.DB // the same pool on PostgreSQL; on SQLite one writer beside many readers
	dialect        dialect
	read           reader        // readers, or a change set's transaction
	searches       chan struct{} // holds one for each list that is being read
	current        *sql.Stmt     // the hot read, prepared
	set            *changeSet    // nil unless the store is bound to one
	versions       *deviceVersions
	known          *known
	listening      *pgx.ConnConfig // of a connection of its own; nil where the engine runs in this process
	serving        *flock.Flock    // what one server at a time holds; nil where there may be several
}

// dialect holds what differs between the engines.
type dialect struct {
	name      string
	rows      string            // a table input(value) of the elements of the JSON array $1
	arrays    bool              // a statement takes arrays as arguments
	inside    bool              // the engine runs in this process
	lockRow   string            // after a SELECT: the row is this transaction's until it ends
	lockAll   string            // a change set's first statement, where a transaction does not keep all others from writing
	words     *strings.Replacer // from the migrations' words to the engine's
	byIndex   string            // has the transaction find each row by its key, in the order of joins; "" where that goes without saying
	counted   string            // of a statement that returns script and state: the rows of each, where the engine counts them
	binary    string            // the type of bytes
	collate   string            // behind text: it sorts by its bytes
	stepPairs int               // how many pairs of devices and scripts a step of the background looks at: so few that who waits for it does not notice
	// position, with two texts, gives the place of the second in the first, from
	// 1, or 0; elements, with a JSON array of text and an alias, a table of its
	// members under the name value.
	position, elements string
	number             string                                  // an element of rows as a number
	knows              bool                                    // it knows how many rows there are of which kind, and plans by that
	indexedBy          string                                  // behind a table, before the index that is read; "" where the engine decides better
	once               []any                                   // before the arguments of a statement that is not kept prepared
	changeCase         func(c *compiler, e *query.Expr) string // ToLower and ToUpper
	checks             []string                                // queries that give a sentence for each fault of the engine's own
}

// by says, behind a table, by which index it is read.
func (d *dialect) by(index string) string {
	if d.indexedBy == "" {
		return ""
	}
	return d.indexedBy + index
}

// Open opens the store that address names, "sqlite:PATH" or a postgres:// URL,
// and brings its schema up to date, under a lock where several start at once.
func Open(ctx context.Context, address string) (*Store, error) {
	s, err := connect(address)
	if err != nil {
		return nil, err
	}
	s.versions = &deviceVersions{under: map[*sql.Tx][]string{}, awaited: map[string]*listeners{}}
	s.versions.deaf.Store(!s.InProcess())
	s.known = newKnown()
	if err := s.prepare(ctx, address); err != nil {
		_ = s.Close() // what went wrong first is what counts
		return nil, fmt.Errorf("open the store: %w", refusal(err))
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
			"A store is sqlite:PATH or postgres://USER@HOST/DATABASE; one that begins with %q is neither.", scheme)
	}
}

func (s *Store) prepare(ctx context.Context, address string) (err error) {
	if err = s.migrate(ctx, address); err != nil {
		return err
	}
	s.read = s.readers
	s.current, err = s.readers.PrepareContext(ctx, currentRunSummary())
	return err
}

// Close ends all connections.
func (s *Store) Close() error {
	err := errors.Join(s.readers.Close(), s.write.Close())
	if s.serving != nil {
		err = errors.Join(err, s.serving.Close())
	}
	return err
}

// Serve makes this process a server of the store, until it is closed. It is
// Conflict where another is and there may be one: on SQLite a server would not
// hear of what another changes.
func (s *Store) Serve() error {
	if s.serving == nil {
		return nil
	}
	held, err := s.serving.TryLock()
	if err == nil && !held {
		err = plimsoll.Errorf(plimsoll.Conflict, "Another server has the store open. Several servers need PostgreSQL.")
	}
	return err
}

// Engine gives "sqlite" or "postgres".
func (s *Store) Engine() string { return s.dialect.name }

// InProcess tells whether the engine runs in this process, so that a read costs
// no way to another.
func (s *Store) InProcess() bool { return s.dialect.inside }

// Ping tells whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	return refusal(s.read.QueryRowContext(ctx, "SELECT 1").Scan(&one))
}

// Pools gives the connection pools by what they are for, for metrics.
func (s *Store) Pools() map[string]*sql.DB {
	if s.readers == s.write {
		return map[string]*sql.DB{"write": s.write}
	}
	return map[string]*sql.DB{"read": s.readers, "write": s.write}
}

// transact runs work in one transaction, which is durable when transact returns
// nil and left no trace otherwise. It begins anew where another transaction
// stood in its way, so that work sets whatever it hands out each time. In a
// change set the one transaction is the set's.
func (s *Store) transact(ctx context.Context, work func(tx *sql.Tx) error) error {
	if s.set != nil {
		return s.set.keep(refusal(work(s.set.tx)))
	}
	err := s.transactOnce(ctx, work)
	for try := 1; isCrossed(err) && try < crossedTries; try++ {
		err = s.transactOnce(ctx, work)
	}
	return refusal(err)
}

func (s *Store) transactOnce(ctx context.Context, work func(tx *sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	for try := 1; isBusy(err) && try < beginTries; try++ {
		tx, err = s.write.BeginTx(ctx, nil)
	}
	if err != nil {
		return err
	}
	defer s.versions.ended(tx)
	defer func() { _ = tx.Rollback() }() // after an error or a panic; after a commit it does nothing
	if err := work(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	s.awaitHeard(ctx, s.versions.ended(tx))
	return nil
}

// isBusy tells whether another process writes to the SQLite file.
func isBusy(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code()&0xff == sqlite3.SQLITE_BUSY
}

// refusal gives an error of the database its code: Unavailable for what passes,
// such as a server that restarts, a lock held too long or a disk that is full;
// Damaged for what does not.
func refusal(err error) error {
	if err == nil || plimsoll.ErrorCode(err) != plimsoll.Internal {
		return err
	}
	switch code := errorCode(err); code {
	case plimsoll.Unavailable:
		return &plimsoll.Error{
			Code: code, RetryAfter: time.Second, Err: err,
			Message: "The database is not available now; try again in a moment.",
		}
	case plimsoll.Damaged:
		return &plimsoll.Error{Code: code, Err: err, Message: "The database is damaged; restore a backup."}
	default:
		return err
	}
}

func errorCode(err error) plimsoll.Code {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return postgresCode(e.Code)
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return sqliteCode(e.Code() & 0xff)
	}
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[net.Error](err)
	if connecting || network || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, io.ErrUnexpectedEOF) { // the database's session was cut
		return plimsoll.Unavailable
	}
	return plimsoll.Internal
}

// postgresCode takes an SQLSTATE.
func postgresCode(state string) plimsoll.Code {
	switch state {
	case "XX001", "XX002": // data_corrupted, index_corrupted
		return plimsoll.Damaged
	case foreignKeyViolation: // what the row belongs to went meanwhile
		return plimsoll.Unavailable
	}
	switch state[:2] {
	case "08", "40", "53", "55", "57", "58": // connection, rollback, resources, not ready, operator, system
		return plimsoll.Unavailable
	}
	return plimsoll.Internal
}

// sqliteCode takes a primary result code.
func sqliteCode(result int) plimsoll.Code {
	switch result {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN:
		return plimsoll.Unavailable
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return plimsoll.Damaged
	}
	return plimsoll.Internal
}

// scanner is a row of one result, or the next of many.
type scanner interface{ Scan(dest ...any) error }

// column reads the one column of a row.
func column[T any](row scanner) (value T, err error) { return value, row.Scan(&value) }

// errEnough is what scan returns to leave the rest of the rows.
var errEnough = errors.New("enough rows")

// collect reads every row of a query, or as many as scan wants.
func collect[T any](ctx context.Context, db reader, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, refusal(err)
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if errors.Is(err, errEnough) {
			return all, nil
		}
		if err != nil {
			return nil, refusal(err)
		}
		all = append(all, one)
	}
	return all, refusal(rows.Err())
}
