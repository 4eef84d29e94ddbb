package store

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"plimsoll"
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
	write, err := sql.Open("sqlite", sqliteDSN(path, append([]string{writeTimeout}, pragmas...)))
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	read, err := sql.Open("sqlite", sqliteDSN(path, append([]string{readTimeout, "query_only(1)"}, pragmas...)))
	if err != nil {
		return nil, err
	}
	readers := max(4, runtime.NumCPU())
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	return &Store{readers: read, write: write, dialect: dialect{
		name:   "sqlite",
		rows:   "json_each($1) AS input",
		inside: true,
		words:  strings.NewReplacer(),
		checks: []string{
			`SELECT 'The file is damaged: ' || integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'`,
			`SELECT 'A row of ' || "table" || ' belongs to a row of ' || parent || ' that is not there.'
				FROM pragma_foreign_key_check`,
		},
	}}, nil
}

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
