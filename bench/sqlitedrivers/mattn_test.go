//go:build yardstick

package sqlitedrivers

import _ "github.com/mattn/go-sqlite3"

// The cgo driver is measured for comparison only. It claims the name "sqlite3", as ncruces
// does, so the two can't be in one binary.
func init() {
	candidates = append(candidates, candidate{"mattn-cgo", func(path string, conns int) (store, error) {
		return openSQL("sqlite3", "file:"+path+
			"?_txlock=immediate&_busy_timeout=5000&_journal_mode=wal&_synchronous=full&_foreign_keys=on", conns)
	}})
}
