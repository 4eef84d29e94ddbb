package storetest

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"plimsoll"
)

// Floor keeps results by bare batched SQL, two statements to a transaction, in
// tables beside those of the product: what reports are measured against.
type Floor struct {
	db     *sql.DB
	arrays bool // the engine takes arrays; else rows come as JSON
}

// FloorRow is one result.
type FloorRow struct {
	Device          string
	Script, State   int64
	Sequence, RanAt int64
	Output          string
}

// NewFloor makes the tables in db, on SQLite or PostgreSQL, with a row for each
// pair of the devices and of the scripts from 1.
func NewFloor(ctx context.Context, db *sql.DB, engine string, devices []string, scripts int64) (*Floor, error) {
	f := &Floor{db: db, arrays: engine == "postgres"}
	for _, statement := range []string{
		`CREATE TABLE floor_state (bucket BIGINT, device TEXT, script BIGINT, revision BIGINT, state BIGINT, sequence BIGINT,
			ran_at BIGINT, output TEXT, PRIMARY KEY (bucket, device, script))`,
		`CREATE TABLE floor_count (bucket BIGINT, script BIGINT, revision BIGINT, state BIGINT, n BIGINT,
			PRIMARY KEY (bucket, script, revision, state))`,
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return nil, err
		}
	}
	for some := range slices.Chunk(devices, 1000) {
		var rows []FloorRow
		for _, device := range some {
			for script := range scripts {
				rows = append(rows, FloorRow{Device: device, Script: script + 1, State: 4})
			}
		}
		if err := f.Write(ctx, rows); err != nil {
			return nil, err
		}
	}
	_, err := db.ExecContext(ctx, `ANALYZE`)
	return f, err
}

// Write upserts the rows, one for each pair, and counts them, in one transaction.
func (f *Floor) Write(ctx context.Context, rows []FloorRow) error {
	slices.SortFunc(rows, func(x, y FloorRow) int {
		return cmp.Or(cmp.Compare(x.Device, y.Device), cmp.Compare(x.Script, y.Script))
	})
	states, counts, deltas := [][]any{}, map[[3]int64]int64{}, [][]any{}
	for i := range rows {
		r := &rows[i]
		bucket := plimsoll.DeviceBucket(r.Device)
		states = append(states, []any{bucket, r.Device, r.Script, int64(1), r.State, r.Sequence, r.RanAt, r.Output})
		counts[[3]int64{bucket, r.Script, r.State}]++
	}
	for key, n := range counts {
		deltas = append(deltas, []any{key[0], key[1], int64(1), key[2], n})
	}
	tx, err := f.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after the commit it does nothing
	for _, step := range []struct {
		rows      [][]any
		statement string
	}{
		{states, `INSERT INTO floor_state SELECT * FROM %s WHERE true ON CONFLICT (bucket, device, script) DO UPDATE SET
				revision = excluded.revision, state = excluded.state, sequence = excluded.sequence,
				ran_at = excluded.ran_at, output = excluded.output`},
		{deltas, `INSERT INTO floor_count SELECT * FROM %s WHERE true
			ON CONFLICT (bucket, script, revision, state) DO UPDATE SET n = floor_count.n + excluded.n`},
	} {
		table, args, err := f.table(step.rows)
		if err != nil {
			return err
		}
		if _, err = tx.ExecContext(ctx, fmt.Sprintf(step.statement, table), args...); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// table gives the table of the rows, and the arguments that it is made of, in
// the way that is fastest on the engine.
func (f *Floor) table(rows [][]any) (table string, args []any, err error) {
	sources := make([]string, len(rows[0]))
	if !f.arrays {
		for i := range sources {
			sources[i] = fmt.Sprintf("value ->> %d", i)
		}
		array, err := json.Marshal(rows)
		return "(SELECT " + strings.Join(sources, ", ") + " FROM json_each($1))", []any{string(array)}, err
	}
	for i := range sources {
		sources[i] = fmt.Sprintf("$%d::bigint[]", i+1)
		if _, text := rows[0][i].(string); text {
			sources[i] = fmt.Sprintf("$%d::text[]", i+1)
			args = append(args, column[string](rows, i))
		} else {
			args = append(args, column[int64](rows, i))
		}
	}
	return "unnest(" + strings.Join(sources, ", ") + ") AS input", args, nil
}

func column[T any](rows [][]any, i int) []T {
	values := make([]T, len(rows))
	for k, row := range rows {
		values[k], _ = row[i].(T)
	}
	return values
}
