// Package sqlitedrivers measures SQLite drivers for Go on what the store does most: small
// durable transactions, and reads by primary key. docs/sqlite-driver.md tells the result.
package sqlitedrivers

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
)

// schema has the store's shape: a compound key with the bucket first and a foreign key to check.
// Its last statement fails on a connection that isn't set as all the others are: a driver may
// well ignore what it can't read in its DSN, and would then win by not syncing.
const schema = `
CREATE TABLE bucket (id INTEGER PRIMARY KEY) STRICT;
CREATE TABLE run_state (
	bucket INTEGER NOT NULL REFERENCES bucket (id),
	device INTEGER NOT NULL,
	state  TEXT    NOT NULL,
	at     INTEGER NOT NULL,
	PRIMARY KEY (bucket, device)
) STRICT, WITHOUT ROWID;
CREATE TABLE setting (ok INTEGER NOT NULL CHECK (ok)) STRICT;
WITH RECURSIVE n (id) AS (SELECT 0 UNION ALL SELECT id + 1 FROM n WHERE id < 63)
INSERT INTO bucket SELECT id FROM n;
INSERT INTO setting
SELECT journal_mode = 'wal' AND synchronous = 2 AND foreign_keys = 1 AND timeout = 5000
FROM pragma_journal_mode, pragma_synchronous, pragma_foreign_keys, pragma_busy_timeout;`

const (
	insertSQL = `INSERT INTO run_state (bucket, device, state, at) VALUES ($1, $2, $3, $4)`
	selectSQL = `SELECT state FROM run_state WHERE bucket = $1 AND device = $2`
	buckets   = 64
	state     = "success: 120 characters stand for what a detection script prints, which is short when a device is as it should be......."
)

// A store is one open database. Insert writes the devices first to first+n-1 in one transaction
// and returns once it is on disk; find reads one. Both may be called from many goroutines.
type store interface {
	insert(first, n int64) error
	find(device int64) (string, error)
	close() error
}

// candidate names a driver and says how it makes a file with the schema, with at most conns
// connections, each with journal_mode=WAL, synchronous=FULL, foreign_keys on and a busy timeout of 5 s.
type candidate struct {
	name string
	open func(path string, conns int) (store, error)
}

// start opens a new database. It must lie on a disk: with TMPDIR on a tmpfs the figures say nothing.
func start(b *testing.B, c candidate) store {
	b.Helper()
	s, err := c.open(filepath.Join(b.TempDir(), "bench.db"), 8)
	check(b, err)
	b.Cleanup(func() { check(b, s.close()) })
	return s
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkInsert is the durable write: one row in a transaction, and 64 as group commit has them.
func BenchmarkInsert(b *testing.B) {
	for _, n := range []int64{1, 64} {
		for _, c := range candidates {
			b.Run(fmt.Sprintf("rows=%d/driver=%s", n, c.name), func(b *testing.B) {
				s := start(b, c)
				var next int64
				for b.Loop() {
					check(b, s.insert(next, n))
					next += n
				}
				b.ReportMetric(float64(next)/b.Elapsed().Seconds(), "rows/s")
			})
		}
	}
}

// BenchmarkSelect reads one row of 10,000 by its primary key, from one goroutine and from eight.
func BenchmarkSelect(b *testing.B) {
	const rows = 10_000
	for _, goroutines := range []int{1, 8} {
		for _, c := range candidates {
			b.Run(fmt.Sprintf("goroutines=%d/driver=%s", goroutines, c.name), func(b *testing.B) {
				s := start(b, c)
				check(b, s.insert(0, rows))
				b.ResetTimer()
				var wg sync.WaitGroup
				for g := range goroutines {
					wg.Go(func() {
						for i := g; i < b.N; i += goroutines {
							// A prime step spreads the reads over the whole table.
							if got, err := s.find(int64(i) * 7919 % rows); err != nil || got != state {
								b.Errorf("find: %q, %v", got, err)
								return
							}
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
			})
		}
	}
}

// BenchmarkOpen is the cold start: a new file, its schema, closed again.
func BenchmarkOpen(b *testing.B) {
	for _, c := range candidates {
		b.Run("driver="+c.name, func(b *testing.B) {
			dir := b.TempDir()
			for i := 0; b.Loop(); i++ {
				s, err := c.open(filepath.Join(dir, fmt.Sprint(i, ".db")), 1)
				check(b, err)
				check(b, s.close())
			}
		})
	}
}
