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
// tables beside those of the product: what reports are measured against. A row
// tells what it replaced, so that the counts are those of the rows that stand.
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
			ran_at BIGINT, output TEXT, prev_state BIGINT, PRIMARY KEY (bucket, device, script))`,
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
	states := make([][]any, len(rows))
	for i := range rows {
		r := &rows[i]
		states[i] = []any{plimsoll.DeviceBucket(r.Device), r.Device, r.Script, int64(1), r.State, r.Sequence, r.RanAt, r.Output}
	}
	tx, err := f.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after the commit it does nothing
	deltas, err := f.upsert(ctx, tx, states)
	if err != nil {
		return err
	}
	table, args, err := f.table(deltas)
	if err != nil {
		return err
	}
	if _, err = tx.ExecContext(ctx, `INSERT INTO floor_count SELECT * FROM `+table+` WHERE true
		ON CONFLICT (bucket, script, revision, state) DO UPDATE SET n = floor_count.n + excluded.n`, args...); err != nil {
		return err
	}
	return tx.Commit()
}

// upsert writes the rows, and gives what they change of the counts.
func (f *Floor) upsert(ctx context.Context, tx *sql.Tx, states [][]any) (deltas [][]any, err error) {
	table, args, err := f.table(states)
	if err != nil {
		return nil, err
	}
	rows, err := tx.QueryContext(ctx, `INSERT INTO floor_state SELECT input.*, NULL FROM `+table+` WHERE true
		ON CONFLICT (bucket, device, script) DO UPDATE SET prev_state = floor_state.state,
			revision = excluded.revision, state = excluded.state, sequence = excluded.sequence,
			ran_at = excluded.ran_at, output = excluded.output
		RETURNING bucket, script, state, prev_state`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	counts := map[[3]int64]int64{}
	for rows.Next() {
		var bucket, script, state int64
		var before sql.NullInt64
		if err := rows.Scan(&bucket, &script, &state, &before); err != nil {
			return nil, err
		}
		counts[[3]int64{bucket, script, state}]++
		if before.Valid {
			counts[[3]int64{bucket, script, before.Int64}]--
		}
	}
	for key, n := range counts {
		deltas = append(deltas, []any{key[0], key[1], int64(1), key[2], n})
	}
	return deltas, rows.Err()
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
		return "(SELECT " + strings.Join(sources, ", ") + " FROM json_each($1)) AS input", []any{string(array)}, err
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
