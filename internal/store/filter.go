package store

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"plimsoll/internal/query"
)

// compiler writes expressions as SQL that gives the same on both engines. What
// comes from a query is bound as a parameter; a property's name only finds its
// SQL among the columns. The compiler keeps the first fault it meets: what it
// wrote is then of no use.
type compiler struct {
	dialect *dialect
	columns map[string]string // the SQL of each property
	args    []any
	sorted  map[string]string              // of some properties, as in a list
	equal   map[string]func(string) string // likewise
	aliases int
	members map[string]string // the SQL of each Variable where it stands
	err     error
}

func (s *Store) compiler(columns map[string]string, args ...any) *compiler {
	return &compiler{dialect: &s.dialect, columns: columns, args: slices.Clone(args), members: map[string]string{}}
}

// fault is a fault of ours: no request can ask for what no store can do.
func (c *compiler) fault(format string, args ...any) string {
	if c.err == nil {
		c.err = fmt.Errorf("write a query in SQL: "+format, args...)
	}
	return "NULL"
}

func (c *compiler) alias() string {
	c.aliases++
	return "q" + strconv.Itoa(c.aliases)
}

// bind makes value a parameter. Its type is said, so that PostgreSQL has none to
// guess, and so is the order of text, which is else that of the database.
func (c *compiler) bind(value any, kind query.Kind) string {
	c.args = append(c.args, value)
	sql := "CAST($" + strconv.Itoa(len(c.args)) + " AS " + c.dialect.typeOf(kind) + ")"
	if kind == query.String || kind == query.Enum {
		sql += c.dialect.collate
	}
	return sql
}

func (d *dialect) typeOf(kind query.Kind) string {
	switch kind {
	case query.Boolean, query.Null:
		return "boolean"
	case query.String, query.Enum:
		return "text"
	case query.Binary:
		return d.binary
	default:
		return "bigint"
	}
}

func (c *compiler) null(kind query.Kind) string {
	return "CAST(NULL AS " + c.dialect.typeOf(kind) + ")"
}

func isNull(e *query.Expr) bool { return e.Op == query.Literal && e.Value == nil }

// truth writes a condition that is true where e is, and false or null where e is
// either: enough for a filter, and what an index can serve.
func (c *compiler) truth(e *query.Expr) string {
	switch e.Op {
	case query.And:
		return c.junction(" AND ", e.Args, c.truth)
	case query.Or:
		return c.junction(" OR ", e.Args, c.truth)
	case query.Eq, query.Ne, query.Lt, query.Le, query.Gt, query.Ge:
		if sql := c.indexed(e); sql != "" {
			return sql
		}
		return c.comparison(e, true)
	case query.In:
		return c.in(e, true)
	case query.StartsWith:
		if prefix, ok := e.Args[1].Value.(string); ok && e.Args[0].Op == query.Field {
			return c.prefixed(e.Args[0], prefix)
		}
	}
	return c.value(e)
}

// indexed writes the condition that a property is a member of its enum in the
// words of an index, or "" where there is none.
func (c *compiler) indexed(e *query.Expr) string {
	for i, arg := range e.Args {
		member, isText := e.Args[1-i].Value.(string)
		if condition := c.equal[arg.Name]; e.Op == query.Eq && arg.Op == query.Field && isText && condition != nil {
			return condition(member)
		}
	}
	return ""
}

// value writes an expression with exactly its value, null included.
func (c *compiler) value(e *query.Expr) string {
	switch e.Op {
	case query.Literal:
		if e.Value == nil {
			return c.null(e.Type.Kind)
		}
		return c.bind(e.Value, e.Type.Kind)
	case query.Field:
		return c.found(c.columns, e.Name)
	case query.Variable:
		return c.found(c.members, e.Name)
	case query.Eq, query.Ne, query.Lt, query.Le, query.Gt, query.Ge:
		return c.comparison(e, false)
	case query.In:
		return c.in(e, false)
	case query.And:
		return c.junction(" AND ", e.Args, c.value)
	case query.Or:
		return c.junction(" OR ", e.Args, c.value)
	case query.Not:
		return "(NOT " + c.value(e.Args[0]) + ")"
	case query.Any, query.All, query.Count:
		return c.collection(e)
	default:
		if slices.ContainsFunc(e.Args, isNull) {
			return c.null(e.Type.Kind) // PostgreSQL could not tell which type the null is of
		}
		return c.function(e)
	}
}

func (c *compiler) found(names map[string]string, name string) string {
	if sql, ok := names[name]; ok {
		return sql
	}
	return c.fault("nothing is called %q here", name)
}

func (c *compiler) junction(word string, args []*query.Expr, write func(*query.Expr) string) string {
	parts := make([]string, len(args))
	for i, arg := range args {
		parts[i] = write(arg)
	}
	return balanced(parts, word)
}

// balanced joins conditions. Many are put into pairs of halves: SQLite takes a
// flat chain for a tree as deep as it is long, and refuses it.
func balanced(parts []string, word string) string {
	const flat = 8
	if len(parts) > flat {
		half := len(parts) / 2
		return "(" + balanced(parts[:half], word) + word + balanced(parts[half:], word) + ")"
	}
	return "(" + strings.Join(parts, word) + ")"
}

// let writes each argument once, whatever body does with the names it gets for
// them: text that doubled with every level could grow without bound. LIMIT keeps
// PostgreSQL from writing them out again when it plans.
func (c *compiler) let(body func(names ...string) string, args ...*query.Expr) string {
	names, alias := make([]string, len(args)), c.alias()
	var columns []string
	for i, arg := range args {
		names[i] = c.value(arg)
		if len(arg.Args) > 0 {
			column := fmt.Sprintf("v%d", i)
			columns = append(columns, names[i]+" AS "+column)
			names[i] = alias + "." + column
		}
	}
	if columns == nil {
		return "(" + body(names...) + ")"
	}
	return "(SELECT " + body(names...) + " FROM (SELECT " + strings.Join(columns, ", ") + " LIMIT 1) AS " + alias + ")"
}

// comparison writes a comparison, which is never null; where only its truth
// matters it may be, so that an index can serve.
func (c *compiler) comparison(e *query.Expr, onlyTruth bool) string {
	a, b := e.Args[0], e.Args[1]
	if isNull(a) {
		a, b = b, a
	}
	sure, both := !a.Type.Nullable && !b.Type.Nullable, a.Type.Nullable && b.Type.Nullable
	ordered := func(operator string) string {
		sql := "(" + c.ranked(a) + operator + c.ranked(b) + ")"
		if onlyTruth || sure {
			return sql
		}
		return "coalesce(" + sql + ", FALSE)"
	}
	switch {
	case e.Op == query.Eq && isNull(b):
		return "(" + c.value(a) + " IS NULL)"
	case e.Op == query.Ne && isNull(b):
		return "(" + c.value(a) + " IS NOT NULL)"
	case isNull(b):
		return "FALSE"
	case e.Op == query.Eq && (sure || onlyTruth && !both):
		return "(" + c.value(a) + " = " + c.value(b) + ")"
	case e.Op == query.Eq:
		return "(" + c.value(a) + " IS NOT DISTINCT FROM " + c.value(b) + ")"
	case e.Op == query.Ne && sure:
		return "(" + c.value(a) + " <> " + c.value(b) + ")"
	case e.Op == query.Ne:
		return "(" + c.value(a) + " IS DISTINCT FROM " + c.value(b) + ")"
	case e.Op == query.Lt:
		return ordered(" < ")
	case e.Op == query.Le:
		return ordered(" <= ")
	case e.Op == query.Gt:
		return ordered(" > ")
	default:
		return ordered(" >= ")
	}
}

// ranked writes an expression as something that sorts as its values do: a member
// of an Enum by its place.
func (c *compiler) ranked(e *query.Expr) string {
	sql := c.value(e)
	if e.Type.Kind != query.Enum {
		return sql
	}
	sql = "(CASE " + sql
	for place, member := range e.Type.Members {
		sql += " WHEN " + c.bind(member, query.Enum) + " THEN " + strconv.Itoa(place)
	}
	return sql + " END)"
}

func (c *compiler) in(e *query.Expr, onlyTruth bool) string {
	x, others := e.Args[0], e.Args[1:]
	if others[0].Type.Collection {
		if isNull(x) {
			return "FALSE" // no member is null
		}
		alias := c.alias()
		return "EXISTS (SELECT 1 FROM " + c.elements(others[0], alias) +
			" WHERE " + alias + ".value" + c.dialect.collate + " = " + c.value(x) + ")"
	}
	if isNull(x) {
		return c.junction(" OR ", others, func(other *query.Expr) string { return c.value(other) + " IS NULL" })
	}
	sql := c.let(func(v ...string) string { return c.among(v[0], others) }, x)
	if onlyTruth || !x.Type.Nullable {
		return sql
	}
	return "coalesce(" + sql + ", FALSE)"
}

func (c *compiler) among(x string, others []*query.Expr) string {
	var list, parts []string
	for _, other := range others {
		switch {
		case isNull(other):
			parts = append(parts, x+" IS NULL")
		case other.Op == query.Literal:
			list = append(list, c.value(other))
		default:
			parts = append(parts, x+" IS NOT DISTINCT FROM "+c.value(other))
		}
	}
	if list != nil {
		parts = append(parts, x+" IN ("+strings.Join(list, ", ")+")")
	}
	return strings.Join(parts, " OR ")
}

// prefixed writes StartsWith as the range of text that starts so.
func (c *compiler) prefixed(field *query.Expr, prefix string) string {
	x := c.value(field)
	sql := "(" + x + " >= " + c.bind(prefix, query.String)
	if end, ok := successor(prefix); ok {
		sql += " AND " + x + " < " + c.bind(end, query.String)
	}
	return sql + ")"
}

// successor gives the least text that is greater than every one that starts with
// prefix, in the order of code points, which is that of UTF-8's bytes.
func successor(prefix string) (text string, ok bool) {
	for prefix != "" {
		last, size := utf8.DecodeLastRuneInString(prefix)
		prefix = prefix[:len(prefix)-size]
		switch last {
		case utf8.MaxRune: // nothing is greater in this place
		case 0xD7FF: // the surrogates follow, which are no characters
			return prefix + "\uE000", true
		default:
			return prefix + string(last+1), true
		}
	}
	return "", false
}

// collection writes what is asked of a collection, which is kept as a JSON array
// of text.
func (c *compiler) collection(e *query.Expr) string {
	alias := c.alias()
	from := " FROM " + c.elements(e.Args[0], alias)
	switch {
	case e.Op == query.Count:
		return "(SELECT count(*)" + from + ")"
	case len(e.Args) == 1:
		return "EXISTS (SELECT 1" + from + ")"
	}
	outer, shadows := c.members[e.Name]
	c.members[e.Name] = alias + ".value" + c.dialect.collate
	condition := c.truth(e.Args[1])
	delete(c.members, e.Name)
	if shadows {
		c.members[e.Name] = outer
	}
	if e.Op == query.All {
		return "(NOT EXISTS (SELECT 1" + from + " WHERE " + condition + " IS NOT TRUE))"
	}
	return "EXISTS (SELECT 1" + from + " WHERE " + condition + ")"
}

func (c *compiler) elements(e *query.Expr, alias string) string {
	if kind := e.Type.Kind; !e.Type.Collection || kind != query.String && kind != query.Enum {
		return c.fault("%q is no collection of text", e.Name)
	}
	return fmt.Sprintf(c.dialect.elements, c.value(e), alias)
}
