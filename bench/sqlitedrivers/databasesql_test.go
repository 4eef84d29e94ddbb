package sqlitedrivers

import (
	"database/sql"
	"errors"

	"modernc.org/sqlite"
)

// candidates are measured in this order; the files with build tags add theirs.
var candidates = []candidate{
	{"modernc", openModernc(false)},
	{"modernc-fdatasync", openModernc(true)},
	{"zombiezen", openZombiezen},
}

// pragmas is the form of the DSN that modernc and ncruces share.
const pragmas = "?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)" +
	"&_pragma=synchronous(full)&_pragma=foreign_keys(on)"

func openModernc(fdatasync bool) func(string, int) (store, error) {
	return func(path string, conns int) (store, error) {
		if err := setFdatasync(fdatasync); err != nil {
			return nil, err
		}
		return openSQL("sqlite", "file:"+path+pragmas, conns)
	}
}

// setFdatasync chooses the system call of a commit. The choice is the whole process's and
// zombiezen's too, which is built on modernc's translation, so each of them makes it anew.
func setFdatasync(on bool) error {
	_, err := sqlite.Fdatasync(on)
	if errors.Is(err, sqlite.ErrFdatasyncUnavailable) && !on {
		return nil
	}
	return err
}

// sqlStore is any driver behind database/sql.
type sqlStore struct {
	db           *sql.DB
	write, query *sql.Stmt
}

func openSQL(driver, dsn string, conns int) (store, error) {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	if _, err := db.Exec(schema); err != nil {
		return nil, err
	}
	write, err := db.Prepare(insertSQL)
	if err != nil {
		return nil, err
	}
	query, err := db.Prepare(selectSQL)
	return sqlStore{db, write, query}, err
}

func (s sqlStore) insert(first, n int64) error {
	tx, err := s.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	write := tx.Stmt(s.write)
	for device := first; device < first+n; device++ {
		if _, err := write.Exec(device%buckets, device, state, device); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (s sqlStore) find(device int64) (got string, err error) {
	err = s.query.QueryRow(device%buckets, device).Scan(&got)
	return got, err
}

func (s sqlStore) close() error { return s.db.Close() }
