//go:build modernc || ncruces || mattn

package main

import "database/sql"

func init() {
	open = func(path string) error {
		db, err := sql.Open(driver, "file:"+path)
		if err != nil {
			return err
		}
		kept = append(kept, db)
		_, err = db.Exec("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY)")
		return err
	}
}
