//go:build zombiezen

package main

import (
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

func init() {
	open = func(path string) error {
		c, err := sqlite.OpenConn(path)
		if err != nil {
			return err
		}
		kept = append(kept, c)
		return sqlitex.ExecuteTransient(c, "CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY)", nil)
	}
}
