package store

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"plimsoll/internal/query"
)

// list is a list that is read in pages: where its rows are and how one is read.
type list[T any] struct {
	from    string            // the tables
	where   string            // which rows belong to the list, "" for all
	args    []any             // the parameters of where
	columns map[string]string // the SQL of each property that a filter or an order may name
	own     sortKey           // what tells all rows apart, and sorts them where nothing else does
	selects string            // the columns that scan reads, before those it is given
	scan    func(row scanner, more ...any) (T, error)
	size    func(*T) int // about how many bytes a row takes

	// Of some properties: SQL that sorts alike and is never null, as an index has
	// it; and a condition that an index serves, for the property to be a member of
	// its enum, or "".
	sorted map[string]string
	equal  map[string]func(member string) string
	// counted gives how many rows a filter wants, where it knows without reading
	// them; nil never does.
	counted func(ctx context.Context, filter *query.Expr) (n int64, known bool, err error)
}

func (l *list[T]) compiler(s *Store) *compiler {
	c := s.compiler(l.columns, l.args...)
	c.sorted, c.equal = l.sorted, l.equal
	return c
}

// statement is a query with its parameters.
type statement struct {
	text string
	args []any
}

// reading is a page as it is read.
type reading[T any] struct {
	list *list[T]
	page *query.Page
	rows query.Rows[T]
	keys []any // of the row read last
	size int
}

// read gives one page of l.
func (l *list[T]) read(ctx context.Context, s *Store, page *query.Page) (rows query.Rows[T], err error) {
	err = s.search(ctx, func(ctx context.Context) (err error) {
		rows, err = l.readPage(ctx, s, page)
		return err
	})
	return rows, err
}

func (l *list[T]) readPage(ctx context.Context, s *Store, page *query.Page) (query.Rows[T], error) {
	r := reading[T]{list: l, page: page, rows: query.Rows[T]{Total: -1}}
	if page.Limit > 0 {
		if err := r.readRows(ctx, s); err != nil {
			return r.rows, err
		}
	}
	if !page.Count {
		return r.rows, nil
	}
	if n := len(r.rows.Rows); n > 0 && page.After == nil && r.rows.Last == nil {
		r.rows.Total = int64(page.Skip + n) // they were read to their end
		return r.rows, nil
	}
	var err error
	r.rows.Total, err = l.count(ctx, s, page.Filter)
	return r.rows, err
}

// readRows reads the parts of the list that follow page.After one after the
// other, until the page is full and one row more is known to follow.
func (r *reading[T]) readRows(ctx context.Context, s *Store) error {
	parts, err := r.list.statements(s, r.page)
	for i := 0; i < len(parts) && err == nil && r.rows.Last == nil; i++ {
		limit := " LIMIT " + strconv.Itoa(r.page.Limit+1-len(r.rows.Rows))
		if r.page.After == nil && r.page.Skip > 0 {
			limit += " OFFSET " + strconv.Itoa(r.page.Skip)
		}
		_, err = collect(ctx, s.read, func(row scanner) (struct{}, error) {
			return struct{}{}, r.add(row)
		}, parts[i].text+limit, s.dialect.passing(parts[i].args)...)
	}
	return err
}

// add reads one row, unless the page is full.
func (r *reading[T]) add(row scanner) error {
	if len(r.rows.Rows) == r.page.Limit || r.size > r.page.Budget {
		r.rows.Last = r.keys
		return errEnough
	}
	r.keys = make([]any, len(r.page.Order)+1)
	more := make([]any, len(r.keys))
	for i := range more {
		more[i] = &r.keys[i]
	}
	one, err := r.list.scan(row, more...)
	r.rows.Rows = append(r.rows.Rows, one)
	r.size += r.list.size(&one)
	return err
}

// statements writes the query of each part of the list that follows page.After.
func (l *list[T]) statements(s *Store, page *query.Page) ([]statement, error) {
	c := l.compiler(s)
	keys := c.sortKeys(page.Order, l.own)
	parts, err := ranges(keys, beginning(keys, page.After))
	if err = errors.Join(err, c.err); err != nil {
		return nil, err
	}
	statements := make([]statement, 0, len(parts))
	for _, part := range parts {
		// Each is written anew: PostgreSQL takes no parameter that is not used.
		c := l.compiler(s)
		keys := c.sortKeys(page.Order, l.own)
		conditions := l.conditions(c, page.Filter)
		for _, one := range part {
			conditions = append(conditions, c.compared(one, keys))
		}
		columns := []string{l.selects}
		for _, key := range keys {
			columns = append(columns, key.sql)
		}
		text := "SELECT " + strings.Join(columns, ", ") + " FROM " + l.from + where(conditions) + orderBy(keys)
		if c.err != nil {
			return nil, c.err
		}
		statements = append(statements, statement{text, c.args})
	}
	return statements, nil
}

// beginning gives where a page begins: a key that is never null sorts by 0 or ""
// what the property it stands for calls null.
func beginning(keys []sortKey, after []any) []any {
	after = slices.Clone(after)
	for i := range after {
		switch {
		case after[i] != nil || i >= len(keys) || keys[i].nullable:
		case keys[i].kind == query.String:
			after[i] = ""
		default:
			after[i] = int64(0)
		}
	}
	return after
}

func (l *list[T]) conditions(c *compiler, filter *query.Expr) (conditions []string) {
	if l.where != "" {
		conditions = append(conditions, l.where)
	}
	if filter != nil {
		conditions = append(conditions, c.truth(filter))
	}
	return conditions
}

func where(conditions []string) string {
	if conditions == nil {
		return ""
	}
	return " WHERE " + strings.Join(conditions, " AND ")
}

// passing gives the arguments of a statement whose text is of a client's making:
// kept prepared, as others are, each would take a server's memory for good.
func (d *dialect) passing(args []any) []any { return append(slices.Clone(d.once), args...) }

// count gives the number of rows that filter wants.
func (l *list[T]) count(ctx context.Context, s *Store, filter *query.Expr) (n int64, err error) {
	if l.counted != nil {
		if n, known, err := l.counted(ctx, filter); known || err != nil {
			return n, err
		}
	}
	c := l.compiler(s)
	text := "SELECT count(*) FROM " + l.from + where(l.conditions(c, filter))
	if c.err != nil {
		return 0, c.err
	}
	err = s.read.QueryRowContext(ctx, text, s.dialect.passing(c.args)...).Scan(&n)
	return n, refusal(err)
}

// total gives the number of rows that filter wants, as a list of its own.
func (l *list[T]) total(ctx context.Context, s *Store, filter *query.Expr) (n int64, err error) {
	err = s.search(ctx, func(ctx context.Context) (err error) {
		n, err = l.count(ctx, s, filter)
		return err
	})
	return n, err
}

// looksAt tells whether the filter or the order of a page looks at a property or at
// something behind it.
func looksAt(page *query.Page, property string) bool {
	if page.Filter != nil && mentions(page.Filter, property) {
		return true
	}
	return slices.ContainsFunc(page.Order, func(k query.Key) bool { return mentions(k.Expr, property) })
}

func mentions(e *query.Expr, property string) bool {
	if e.Op == query.Field && (e.Name == property || strings.HasPrefix(e.Name, property+"/")) {
		return true
	}
	return slices.ContainsFunc(e.Args, func(arg *query.Expr) bool { return mentions(arg, property) })
}
