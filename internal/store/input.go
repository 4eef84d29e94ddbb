package store

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// input is rows that a statement brings along, whatever their number, and reads
// as the table "input". A column is []int64 or []string.
type input struct {
	names   []string
	columns []any
}

// inputOf gives the input with the columns, the names of which are separated by
// spaces.
func inputOf(names string, columns ...any) input {
	return input{strings.Fields(names), columns}
}

// inputRows gives the input with rows of integers.
func inputRows(names string, rows [][]int64) input {
	in := input{names: strings.Fields(names)}
	for i := range in.names {
		column := make([]int64, len(rows))
		for k, row := range rows {
			column[k] = row[i]
		}
		in.columns = append(in.columns, column)
	}
	return in
}

// table gives the table, and the statement's first arguments, which it is made
// of. PostgreSQL takes arrays; SQLite has none, and takes JSON. Of an array
// PostgreSQL's planner expects ten rows: it is for a statement that finds others'
// rows by their keys alone, in a transaction that is told to (dialect.byIndex), or
// none.
func (d *dialect) table(in input) (table string, args []any) {
	if d.arrays {
		types := make([]string, len(in.columns))
		for i, column := range in.columns {
			types[i] = fmt.Sprintf("$%d::bigint[]", i+1)
			if _, text := column.([]string); text {
				types[i] = fmt.Sprintf("$%d::text[]", i+1)
			}
		}
		return "unnest(" + strings.Join(types, ", ") + ") AS input(" + strings.Join(in.names, ", ") + ")", in.columns
	}
	values := make([]string, len(in.names))
	for i, name := range in.names {
		values[i] = "value ->> " + strconv.Itoa(i) + " AS " + name
	}
	return "(SELECT " + strings.Join(values, ", ") + " FROM json_each($1)) AS input", []any{in.json()}
}

// json gives the rows as a JSON array of arrays.
func (in *input) json() string {
	text := []byte{'['}
	for row := range in.rows() {
		if row > 0 {
			text = append(text, ',')
		}
		for i, column := range in.columns {
			text = append(text, "[,"[min(i, 1)])
			switch column := column.(type) {
			case []int64:
				text = strconv.AppendInt(text, column[row], 10)
			case []string:
				text, _ = jsontext.AppendQuote(text, column[row]) // bytes that are not UTF-8 become U+FFFD
			}
		}
		text = append(text, ']')
	}
	return string(append(text, ']'))
}

func (in *input) rows() int {
	switch column := in.columns[0].(type) {
	case []int64:
		return len(column)
	case []string:
		return len(column)
	default:
		return 0
	}
}
