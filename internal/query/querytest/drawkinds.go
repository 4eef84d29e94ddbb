package querytest

import (
	"math"
	"math/big"
	"slices"

	"pgregory.net/rapid"

	"plimsoll/internal/query"
)

func comparisons() []query.Op {
	return []query.Op{query.Eq, query.Ne, query.Lt, query.Le, query.Gt, query.Ge}
}

func (d Drawing) condition(t *rapid.T, depth int) *query.Expr {
	boolean := query.Type{Kind: query.Boolean}
	switch rapid.IntRange(0, 6).Draw(t, "condition") {
	case 0:
		op := rapid.SampledFrom([]query.Op{query.And, query.Or}).Draw(t, "junction")
		args := []*query.Expr{d.expr(t, boolean, depth), d.expr(t, boolean, depth)}
		if rapid.Bool().Draw(t, "third") {
			args = append(args, d.expr(t, boolean, depth))
		}
		return Make(op, query.Boolean, args...)
	case 1:
		return Make(query.Not, query.Boolean, d.expr(t, boolean, depth))
	case 2:
		op := rapid.SampledFrom([]query.Op{query.StartsWith, query.EndsWith, query.Contains}).Draw(t, "function")
		return Make(op, query.Boolean, d.words(t, depth), d.words(t, depth))
	case 3:
		return d.lambda(t, depth)
	case 4:
		return d.in(t, depth)
	default:
		return d.comparison(t, depth)
	}
}

func (d Drawing) words(t *rapid.T, depth int) *query.Expr {
	return d.expr(t, query.Type{Kind: query.String}, depth)
}

func (d Drawing) kind(t *rapid.T) query.Type {
	kind := rapid.SampledFrom([]query.Kind{
		query.String, query.String, query.Number, query.Instant, query.Date, query.TimeOfDay, query.Duration, query.Boolean, query.Enum,
	}).Draw(t, "kind")
	if kind == query.Enum {
		return d.enum(t)
	}
	return query.Type{Kind: kind}
}

func (d Drawing) comparison(t *rapid.T, depth int) *query.Expr {
	ops := comparisons()
	wanted := d.kind(t)
	if rapid.IntRange(0, 9).Draw(t, "only equal") == 0 {
		ops = ops[:2]
		wanted.Kind, wanted.Enum = query.Binary, ""
		if rapid.Bool().Draw(t, "entity") {
			i := slices.IndexFunc(d.Fields, func(f *query.Expr) bool { return f.Type.Kind == query.Entity })
			if i >= 0 {
				return Make(rapid.SampledFrom(ops).Draw(t, "op"), query.Boolean, d.Fields[i], Value(query.Null, nil))
			}
		}
	}
	op := rapid.SampledFrom(ops).Draw(t, "op")
	return Make(op, query.Boolean, d.expr(t, wanted, depth), d.expr(t, wanted, depth))
}

func (d Drawing) in(t *rapid.T, depth int) *query.Expr {
	if collection := d.collection(t); collection != nil && rapid.IntRange(0, 3).Draw(t, "in a collection") == 0 {
		return Make(query.In, query.Boolean, d.words(t, depth), collection)
	}
	wanted := d.kind(t)
	args := []*query.Expr{d.expr(t, wanted, depth)}
	for range rapid.IntRange(1, 3).Draw(t, "others") {
		args = append(args, d.expr(t, wanted, rapid.IntRange(0, 1).Draw(t, "depth")))
	}
	return Make(query.In, query.Boolean, args...)
}

func (d Drawing) collection(t *rapid.T) *query.Expr {
	var fitting []*query.Expr
	for _, f := range d.Fields {
		if f.Type.Collection {
			fitting = append(fitting, f)
		}
	}
	if fitting == nil {
		return nil
	}
	return rapid.SampledFrom(fitting).Draw(t, "collection")
}

func (d Drawing) lambda(t *rapid.T, depth int) *query.Expr {
	collection := d.collection(t)
	if collection == nil {
		return d.comparison(t, depth)
	}
	op := rapid.SampledFrom([]query.Op{query.Any, query.Any, query.All}).Draw(t, "lambda")
	if op == query.Any && rapid.IntRange(0, 3).Draw(t, "bare") == 0 {
		return Make(op, query.Boolean, collection)
	}
	name := rapid.SampledFrom([]string{"x", "y"}).Draw(t, "name") // which may hide an outer one
	member := collection.Type
	member.Collection, member.Nullable = false, false
	inner := Drawing{d.Fields, append(slices.Clip(d.scope), &query.Expr{Op: query.Variable, Name: name, Type: member})}
	e := Make(op, query.Boolean, collection, inner.Filter(t, depth))
	e.Name = name
	return e
}

func (d Drawing) text(t *rapid.T, depth int) *query.Expr {
	switch rapid.IntRange(0, 4).Draw(t, "text function") {
	case 0:
		return Make(query.Concat, query.String, d.words(t, depth), d.words(t, depth))
	case 1:
		args := []*query.Expr{d.words(t, depth), d.expr(t, query.Type{Kind: query.Number}, depth)}
		if rapid.Bool().Draw(t, "length") {
			args = append(args, d.expr(t, query.Type{Kind: query.Number}, depth))
		}
		return Make(query.Substring, query.String, args...)
	default:
		op := rapid.SampledFrom([]query.Op{query.ToLower, query.ToUpper, query.Trim}).Draw(t, "change")
		return Make(op, query.String, d.words(t, depth))
	}
}

// number draws an expression of a kind that is an int64. What may leave int64 is
// not made: a literal takes its place.
func (d Drawing) number(t *rapid.T, kind query.Kind, depth int) *query.Expr {
	e := d.anyNumber(t, kind, depth)
	if e.Type.Min > e.Type.Max {
		return literal(t, query.Type{Kind: kind})
	}
	return e
}

func (d Drawing) anyNumber(t *rapid.T, kind query.Kind, depth int) *query.Expr {
	of := func(kind query.Kind) *query.Expr { return d.expr(t, query.Type{Kind: kind}, depth) }
	switch kind {
	case query.Instant:
		return Make(rapid.SampledFrom([]query.Op{query.Add, query.Sub}).Draw(t, "move"), kind, of(kind), of(query.Duration))
	case query.Date:
		return Make(query.DateOf, kind, of(query.Instant))
	case query.TimeOfDay:
		return Make(query.TimeOf, kind, of(query.Instant))
	case query.Duration:
		if rapid.Bool().Draw(t, "between") {
			return Make(query.Sub, kind, of(query.Instant), of(query.Instant))
		}
	}
	if kind == query.Number && rapid.Bool().Draw(t, "property") {
		return d.measured(t, depth)
	}
	op := rapid.SampledFrom([]query.Op{query.Negate, query.Add, query.Sub, query.Mul, query.Div, query.Mod}).Draw(t, "arithmetic")
	if op == query.Negate {
		return Make(op, kind, of(kind))
	}
	return Make(op, kind, of(kind), of(kind))
}

// measured draws a number that something else has.
func (d Drawing) measured(t *rapid.T, depth int) *query.Expr {
	switch rapid.IntRange(0, 5).Draw(t, "measure") {
	case 0:
		return Make(query.Length, query.Number, d.words(t, depth))
	case 1:
		return Make(query.IndexOf, query.Number, d.words(t, depth), d.words(t, depth))
	case 2:
		if collection := d.collection(t); collection != nil {
			return Make(query.Count, query.Number, collection)
		}
		return Make(query.Length, query.Number, d.words(t, depth))
	case 3:
		op := rapid.SampledFrom([]query.Op{query.Hour, query.Minute, query.Second}).Draw(t, "part")
		of := rapid.SampledFrom([]query.Kind{query.Instant, query.TimeOfDay}).Draw(t, "of")
		return Make(op, query.Number, d.expr(t, query.Type{Kind: of}, depth))
	default:
		op := rapid.SampledFrom([]query.Op{query.Year, query.Month, query.Day}).Draw(t, "part")
		of := rapid.SampledFrom([]query.Kind{query.Instant, query.Date}).Draw(t, "of")
		return Make(op, query.Number, d.expr(t, query.Type{Kind: of}, depth))
	}
}

// bounded gives an expression its bounds: Min above Max where they leave int64.
func bounded(e *query.Expr) *query.Expr {
	low, high := int64(0), int64(0)
	switch e.Type.Kind {
	case query.Instant:
		high = query.MaxInstant
	case query.Date:
		high = query.MaxDate
	case query.TimeOfDay:
		high = query.TicksPerDay - 1
	case query.Number, query.Duration:
		low, high = numberBounds(e)
	}
	e.Type.Min, e.Type.Max = low, high
	return e
}

func numberBounds(e *query.Expr) (low, high int64) {
	var corners []*big.Int
	ends := func(e *query.Expr) []*big.Int { return []*big.Int{big.NewInt(e.Type.Min), big.NewInt(e.Type.Max)} }
	switch e.Op {
	case query.Negate:
		for _, a := range ends(e.Args[0]) {
			corners = append(corners, new(big.Int).Neg(a))
		}
	case query.Div, query.Mod: // at most as far from 0 as the first
		corners = append(ends(e.Args[0]), new(big.Int).Neg(ends(e.Args[0])[0]), new(big.Int).Neg(ends(e.Args[0])[1]))
	case query.Add, query.Sub, query.Mul:
		change := map[query.Op]func(z, a, b *big.Int) *big.Int{
			query.Add: (*big.Int).Add, query.Sub: (*big.Int).Sub, query.Mul: (*big.Int).Mul,
		}[e.Op]
		for _, a := range ends(e.Args[0]) {
			for _, b := range ends(e.Args[1]) {
				corners = append(corners, change(new(big.Int), a, b))
			}
		}
	default:
		return -1, 1 << 20 // what a text, a collection or a time has
	}
	low, high = math.MaxInt64, math.MinInt64
	for _, corner := range corners {
		if !corner.IsInt64() {
			return 1, 0
		}
		low, high = min(low, corner.Int64()), max(high, corner.Int64())
	}
	return low, high
}
