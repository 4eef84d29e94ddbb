package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/gofrs/flock"
	"modernc.org/sqlite"

	"plimsoll"
	"plimsoll/internal/query"
)

// Another process may hold the file's one write lock: SQLite then looks again
// after 1 ms, 2, 5 and so on up to 100 ms. A busy server leaves it free for
// moments only, which long steps miss; so a writer gives up soon and begins
// anew, with short steps, as often as beginTries.
const (
	readTimeout  = "busy_timeout(10000)"
	writeTimeout = "busy_timeout(50)"
	beginTries   = 400
)

// openSQLite opens the file at path with one connection that writes and a few
// that read, which WAL mode lets go on meanwhile. The pragmas stand in the DSN,
// so that every connection has them. docs/sqlite-driver.md says why this driver.
func openSQLite(path string) (*Store, error) {
	if path == "" {
		return nil, plimsoll.Errorf(plimsoll.Invalid, "A store on SQLite needs a file: sqlite:PATH.")
	}
	if err := createPrivate(path); err != nil {
		return nil, fmt.Errorf("open the store's file: %w", err)
	}
	pragmas := []string{"journal_mode(WAL)", "synchronous(FULL)", "fullfsync(1)", "foreign_keys(1)"}
	engine, err := sqliteDriver()
	if err != nil {
		return nil, err
	}
	write := sql.OpenDB(sqliteConnector{engine, sqliteDSN(path, append([]string{writeTimeout}, pragmas...))})
	write.SetMaxOpenConns(1)
	read := sql.OpenDB(sqliteConnector{engine, sqliteDSN(path, append([]string{readTimeout, "query_only(1)"}, pragmas...))})
	readers := max(4, runtime.NumCPU())
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	return &Store{readers: read, write: write, serving: flock.New(path + ".server"), searches: make(chan struct{}, readers/2), dialect: dialect{
		name:      "sqlite",
		counted:   "%s, 1",
		stepPairs: 1000, // one step keeps all others from writing
		rows:      "json_each($1) AS input",
		number:    "input.value",
		indexedBy: " INDEXED BY ",
		inside:    true,
		words:     strings.NewReplacer(" NULLS FIRST", ""), // as SQLite sorts anyway, and its indexes take no word for it
		binary:    "blob", position: "instr(%s, %s)", elements: "json_each(%s) AS %s",
		changeCase: func(c *compiler, e *query.Expr) string {
			plain, ours := "lower", "unicode_lower"
			if e.Op == query.ToUpper {
				plain, ours = "upper", "unicode_upper"
			}
			return c.let(func(v ...string) string { // SQLite's own knows ASCII alone, and is many times as quick
				return fmt.Sprintf("CASE WHEN octet_length(%[1]s) = length(%[1]s) THEN %[2]s(%[1]s) ELSE %[3]s(%[1]s) END", v[0], plain, ours)
			}, e.Args...)
		},
		checks: []string{
			`SELECT 'The file is damaged: ' || integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'`,
			`SELECT 'A row of ' || "table" || ' belongs to a row of ' || parent || ' that is not there.'
				FROM pragma_foreign_key_check`,
		},
	}}, nil
}

// sqliteDriver gives a driver of our own, with the functions of text that SQLite
// lacks: its own know ASCII alone.
func sqliteDriver() (*sqlite.Driver, error) {
	engine := &sqlite.Driver{}
	if err := engine.RegisterDeterministicScalarFunction("sha256", 1, // as PostgreSQL has it
		func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
			content, _ := args[0].([]byte)
			hash := sha256.Sum256(content)
			return hash[:], nil
		}); err != nil {
		return nil, err
	}
	for name, change := range map[string]func(string) string{
		"unicode_lower": strings.ToLower, "unicode_upper": strings.ToUpper,
	} {
		if err := engine.RegisterDeterministicScalarFunction(name, 1,
			func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
				if text, ok := args[0].(string); ok {
					return change(text), nil
				}
				return nil, nil
			}); err != nil {
			return nil, err
		}
	}
	return engine, nil
}

// sqliteConnector opens connections with its own driver.
type sqliteConnector struct {
	engine *sqlite.Driver
	dsn    string
}

func (c sqliteConnector) Connect(context.Context) (driver.Conn, error) { return c.engine.Open(c.dsn) }

func (c sqliteConnector) Driver() driver.Driver { return c.engine }

func sqliteDSN(path string, pragmas []string) string {
	query := url.Values{"_pragma": pragmas, "_txlock": {"immediate"}}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: query.Encode()}).String()
}

// createPrivate makes the file, and the folder it is in, for its owner alone:
// the issuer's private keys rest in it.
func createPrivate(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}
