//go:build !yardstick

package sqlitedrivers

import _ "github.com/ncruces/go-sqlite3/driver"

func init() {
	candidates = append(candidates, candidate{"ncruces", func(path string, conns int) (store, error) {
		return openSQL("sqlite3", "file:"+path+pragmas, conns)
	}})
}
