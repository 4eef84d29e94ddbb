package store

import (
	"fmt"
	"slices"
	"strings"

	"plimsoll/internal/query"
)

// sortKey is one of the things that a list is sorted by, in SQL.
type sortKey struct {
	sql                  string
	kind                 query.Kind // String or Number
	nullable, descending bool
}

// sortKeys writes the keys of an order, and behind them the list's own.
func (c *compiler) sortKeys(order []query.Key, own sortKey) []sortKey {
	keys := make([]sortKey, 0, len(order)+1)
	for _, key := range order {
		keys = append(keys, c.sortKey(key))
		own.descending = key.Descending
	}
	return append(keys, own)
}

func (c *compiler) sortKey(k query.Key) sortKey {
	key := sortKey{kind: query.Number, nullable: k.Expr.Type.Nullable || isNull(k.Expr), descending: k.Descending}
	kind := k.Expr.Type.Kind
	if sql, ok := c.sorted[k.Expr.Name]; ok && k.Expr.Op == query.Field {
		if kind == query.String {
			key.kind = query.String
		}
		key.sql, key.nullable = sql, false
		return key
	}
	switch {
	case kind == query.Binary, kind == query.Entity, k.Expr.Type.Collection:
		c.fault("nothing is sorted by %q", k.Expr.Name)
	case kind == query.Boolean, kind == query.Null:
		key.sql = c.let(func(v ...string) string {
			return "CASE WHEN " + v[0] + " THEN 1 WHEN NOT " + v[0] + " THEN 0 END"
		}, k.Expr)
	case kind == query.String:
		key.kind, key.sql = query.String, c.value(k.Expr)
	default:
		key.sql = c.ranked(k.Expr)
	}
	return key
}

// orderBy says where nulls stand only for what may be null: PostgreSQL would not
// use the index of a column that is never.
func orderBy(keys []sortKey) string {
	parts := make([]string, len(keys))
	for i, k := range keys {
		parts[i] = k.sql
		if k.descending {
			parts[i] += " DESC"
		}
		switch {
		case k.nullable && k.descending:
			parts[i] += " NULLS LAST"
		case k.nullable:
			parts[i] += " NULLS FIRST"
		}
	}
	return " ORDER BY " + strings.Join(parts, ", ")
}

// comparison holds keys, as one row, to the values they had where a page ended.
type comparison struct {
	first    int    // the place of the first key; one for each value, or one alone
	operator string // without values: IS NULL or IS NOT NULL
	values   []any
}

// ranges gives the rows after the values, as parts of the list that follow one
// another: each has no row of another, and an index finds where it begins. A
// part is what makes all its comparisons true.
func ranges(keys []sortKey, after []any) ([][]comparison, error) {
	if after == nil {
		return [][]comparison{nil}, nil
	}
	if err := checkAfter(keys, after); err != nil {
		return nil, err
	}
	if alike(keys) {
		return [][]comparison{{{0, beyond(keys[0]), after}}}, nil
	}
	var parts [][]comparison
	for last, key := range slices.Backward(keys) {
		var same []comparison
		for i := range last {
			same = append(same, equal(i, after[i]))
		}
		for _, next := range following(key, last, after[last]) {
			parts = append(parts, append(same[:last:last], next))
		}
	}
	return parts, nil
}

func checkAfter(keys []sortKey, after []any) error {
	wrong := len(keys) != len(after)
	for i := 0; i < len(keys) && !wrong; i++ {
		switch after[i].(type) {
		case nil:
			wrong = !keys[i].nullable
		case string:
			wrong = keys[i].kind != query.String
		case int64:
			wrong = keys[i].kind == query.String
		default:
			wrong = true
		}
	}
	if wrong {
		return fmt.Errorf("a page cannot begin after %d values of these types: the list has %d keys", len(after), len(keys))
	}
	return nil
}

// alike tells whether one comparison of rows says it all.
func alike(keys []sortKey) bool {
	for _, k := range keys {
		if k.nullable || k.descending != keys[0].descending {
			return false
		}
	}
	return true
}

func beyond(k sortKey) string {
	if k.descending {
		return " < "
	}
	return " > "
}

func equal(place int, value any) comparison {
	if value == nil {
		return comparison{place, " IS NULL", nil}
	}
	return comparison{place, " = ", []any{value}}
}

// following gives what comes after value in the key at place, in its order.
func following(k sortKey, place int, value any) []comparison {
	switch {
	case value == nil && k.descending:
		return nil
	case value == nil:
		return []comparison{{place, " IS NOT NULL", nil}}
	case k.nullable && k.descending:
		return []comparison{{place, " < ", []any{value}}, equal(place, nil)}
	default:
		return []comparison{{place, beyond(k), []any{value}}}
	}
}

// compared writes a comparison of keys.
func (c *compiler) compared(r comparison, keys []sortKey) string {
	if r.values == nil {
		return keys[r.first].sql + r.operator
	}
	var left, right []string
	for i, value := range r.values {
		key := keys[r.first+i]
		left, right = append(left, key.sql), append(right, c.bind(value, key.kind))
	}
	return "(" + strings.Join(left, ", ") + ")" + r.operator + "(" + strings.Join(right, ", ") + ")"
}
