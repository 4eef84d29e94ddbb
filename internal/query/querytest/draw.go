package querytest

import (
	"math"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"plimsoll/internal/query"
)

// HostileText gives text that something may trip over: quotes, the wild cards of
// LIKE, SQL, control characters, characters whose case is odd, and the ends of
// what is a character.
func HostileText() []string {
	return []string{
		"", " ", "a", "A", "ab", "abc", "b", "0", "1", "%", "_", `\`, `\%`, "'", `"`, "''", "`", "$1", "?", "--", "/*", ";", "null",
		"'; DROP TABLE script; --", "x' OR '1'='1", "\t", "\n", "\x01", "\x1f", "\x7f", "\u0085", "\u00a0", "\u2003a\u3000", "\u200b",
		"é", "e\u0301", "É", "İ", "ı", "I", "i", "ß", "ẞ", "Σ", "σ", "ς", "ǅ", "ǆ", "K", "ſ", "ﬁ", "Ⅷ", "ⅷ", "𐐀", "𐐨", "Ა",
		"😀", "👩\u200d🚀", "\u202e", "\u2028", "<&>", "\ud7ff", "\ue000", "\ufeff", "\ufffd", "\uffff", "\U00010000", "\U0010ffff",
		"a\U0010ffff", "a\ud7ff", "aé😀", " a ", "{}", "[]", `["a"]`, "Straße",
	}
}

// Text draws text, mostly out of hostile pieces.
func Text() *rapid.Generator[string] {
	piece := rapid.SampledFrom(HostileText())
	return rapid.Map(rapid.SliceOfN(piece, 1, 3), func(pieces []string) string { return strings.Join(pieces, "") })
}

// Drawing draws typed expressions over the fields given.
type Drawing struct {
	Fields []*query.Expr
	scope  []*query.Expr // variables of the lambdas around
}

// Filter draws a filter of at most the depth given.
func (d Drawing) Filter(t *rapid.T, depth int) *query.Expr {
	return d.expr(t, query.Type{Kind: query.Boolean}, depth)
}

// Key draws something to sort by.
func (d Drawing) Key(t *rapid.T, depth int) query.Key {
	kinds := []query.Kind{
		query.String, query.String, query.Number, query.Boolean, query.Enum,
		query.Instant, query.Date, query.TimeOfDay, query.Duration,
	}
	wanted := query.Type{Kind: rapid.SampledFrom(kinds).Draw(t, "kind")}
	if wanted.Kind == query.Enum {
		wanted = d.enum(t)
	}
	return query.Key{Expr: d.expr(t, wanted, depth), Descending: rapid.Bool().Draw(t, "descending")}
}

func (d Drawing) enum(t *rapid.T) query.Type {
	var types []query.Type
	for _, f := range d.Fields {
		if f.Type.Kind == query.Enum {
			types = append(types, f.Type)
		}
	}
	if types == nil {
		return query.Type{Kind: query.String}
	}
	return rapid.SampledFrom(types).Draw(t, "enum")
}

// expr draws an expression of a kind; of an Enum, of its type.
func (d Drawing) expr(t *rapid.T, wanted query.Type, depth int) *query.Expr {
	leaf := depth <= 0 || rapid.IntRange(0, 4).Draw(t, "leaf") == 0
	if !leaf {
		switch wanted.Kind {
		case query.Boolean:
			return d.condition(t, depth-1)
		case query.String:
			return d.text(t, depth-1)
		case query.Number, query.Duration, query.Instant, query.Date, query.TimeOfDay:
			return d.number(t, wanted.Kind, depth-1)
		}
	}
	var fitting []*query.Expr
	for _, f := range slices.Concat(d.Fields, d.scope) {
		if f.Type.Kind == wanted.Kind && f.Type.Enum == wanted.Enum && !f.Type.Collection {
			fitting = append(fitting, f)
		}
	}
	if len(fitting) > 0 && rapid.IntRange(0, 2).Draw(t, "field") > 0 {
		return rapid.SampledFrom(fitting).Draw(t, "which")
	}
	return literal(t, wanted)
}

// Make gives an expression, which is null at most where an argument is.
func Make(op query.Op, kind query.Kind, args ...*query.Expr) *query.Expr {
	e := &query.Expr{Op: op, Type: query.Type{Kind: kind}, Args: args}
	for _, arg := range args {
		e.Type.Nullable = e.Type.Nullable || arg.Type.Nullable
	}
	switch op {
	case query.Eq, query.Ne, query.Lt, query.Le, query.Gt, query.Ge, query.In, query.Any, query.All, query.Count:
		e.Type.Nullable = false
	case query.Div, query.Mod:
		e.Type.Nullable = true
	case query.Add, query.Sub:
		e.Type.Nullable = e.Type.Nullable || kind == query.Instant || kind == query.Date
	}
	return bounded(e)
}

// Value gives a literal; nil is the null that any kind has.
func Value(kind query.Kind, value any) *query.Expr {
	e := &query.Expr{Op: query.Literal, Type: query.Type{Kind: kind}, Value: value}
	if value == nil {
		e.Type = query.Type{Kind: query.Null, Nullable: true}
	}
	if n, ok := value.(int64); ok {
		e.Type.Min, e.Type.Max = n, n
	}
	return e
}

func literal(t *rapid.T, wanted query.Type) *query.Expr {
	if rapid.IntRange(0, 14).Draw(t, "null") == 0 {
		return Value(query.Null, nil)
	}
	number := func(low, high int64) *query.Expr {
		near := rapid.Int64Range(max(low, -20), min(high, 20))
		return Value(wanted.Kind, rapid.OneOf(near, rapid.Int64Range(low, high), rapid.SampledFrom([]int64{low, high})).Draw(t, "number"))
	}
	switch wanted.Kind {
	case query.Boolean:
		return Value(query.Boolean, rapid.Bool().Draw(t, "boolean"))
	case query.Enum:
		e := Value(query.Enum, rapid.SampledFrom(wanted.Members).Draw(t, "member"))
		e.Type.Enum, e.Type.Members = wanted.Enum, wanted.Members
		return e
	case query.Binary:
		return Value(query.Binary, []byte(Text().Draw(t, "bytes")))
	case query.Instant:
		return number(0, query.MaxInstant)
	case query.Date:
		return number(0, query.MaxDate)
	case query.TimeOfDay:
		return number(0, query.TicksPerDay-1)
	case query.Number, query.Duration:
		return number(math.MinInt64, math.MaxInt64)
	default:
		return Value(query.String, Text().Draw(t, "text"))
	}
}
