package odata

import (
	"math"

	"plimsoll/internal/query"
)

// arithmetic types + - * / on numbers, durations, dates and instants.
func (p *parser) arithmetic(operator string, left, right *query.Expr, pos int) (*query.Expr, error) {
	if left.Type.Collection || right.Type.Collection {
		return nil, p.at(pos, "%s does not take a collection.", operator)
	}
	left = typed(left, beside(operator, right.Type))
	right = typed(right, beside(operator, left.Type))
	l, r := left.Type.Kind, right.Type.Kind
	switch {
	case l == query.Number && r == query.Number:
		return p.ofNumbers(operator, left, right, pos)
	case (operator == "add" || operator == "sub") && (l == query.Instant || l == query.Duration) && r == query.Duration:
		return p.combine(operator, left, right, query.Type{Kind: l}, pos)
	case operator == "add" && l == query.Duration && r == query.Instant:
		return p.combine(operator, right, left, query.Type{Kind: query.Instant}, pos)
	case operator == "sub" && l == query.Instant && r == query.Instant:
		return p.combine(operator, left, right, query.Type{Kind: query.Duration}, pos)
	case operator == "sub" && l == query.Date && r == query.Date:
		days, err := p.combine(operator, left, right, query.Type{Kind: query.Number}, pos)
		if err != nil {
			return nil, err
		}
		return p.times(days, query.TicksPerDay, query.Type{Kind: query.Duration}, pos)
	case (operator == "mul" || operator == "div") && l == query.Duration && r == query.Number && right.Type.Scale == 0:
		return p.combine(operator, left, right, query.Type{Kind: query.Duration}, pos)
	case operator == "mul" && l == query.Number && r == query.Duration && left.Type.Scale == 0:
		return p.combine(operator, right, left, query.Type{Kind: query.Duration}, pos)
	}
	return nil, p.at(pos, "%s does not take %s and %s.", operator, describeType(left.Type), describeType(right.Type))
}

// beside gives the type that a null has beside another operand.
func beside(operator string, other query.Type) query.Type {
	sum := operator == "add" || operator == "sub"
	switch {
	case other.Kind == query.Number:
		return other
	case sum && (other.Kind == query.Duration || other.Kind == query.Instant):
		return query.Type{Kind: query.Duration}
	default:
		return number(0, 0)
	}
}

// Decimal places: of any number, and of what divby gives.
const (
	maxScale      = 9
	quotientScale = 6
)

// ofNumbers keeps numbers exact: they are whole numbers of 10 to the power of
// minus their scale.
func (p *parser) ofNumbers(operator string, left, right *query.Expr, pos int) (_ *query.Expr, err error) {
	result := query.Type{Kind: query.Number}
	whole := left.Type.Scale == 0 && right.Type.Scale == 0
	switch {
	case operator == "mul":
		result.Scale = left.Type.Scale + right.Type.Scale
	case operator == "divby", operator == "div" && !whole:
		operator, result.Scale = "div", quotientScale
		scale := query.Type{Kind: query.Number, Scale: right.Type.Scale + quotientScale}
		if scale.Scale < left.Type.Scale {
			result.Scale, scale.Scale = left.Type.Scale-right.Type.Scale, left.Type.Scale
		}
		if left, err = p.towards(left, scale, pos); err != nil {
			return nil, err
		}
	default:
		if left, err = p.towards(left, right.Type, pos); err != nil {
			return nil, err
		}
		if right, err = p.towards(right, left.Type, pos); err != nil {
			return nil, err
		}
		result.Scale = left.Type.Scale
	}
	if result.Scale > maxScale {
		return nil, p.at(pos, "the result may have more than %d decimal places.", maxScale)
	}
	return p.combine(operator, left, right, result, pos)
}

// combine makes the operation on the int64s of both sides, with the bounds of
// its result.
func (p *parser) combine(operator string, left, right *query.Expr, t query.Type, pos int) (*query.Expr, error) {
	var op query.Op
	ok := true
	l, r := left.Type, right.Type
	switch operator {
	case "add":
		op = query.Add
		t.Min, t.Max, ok = span(add, l, r.Min, r.Max)
	case "sub":
		op = query.Sub
		t.Min, t.Max, ok = span(subtract, l, r.Max, r.Min)
	case "mul":
		op = query.Mul
		t.Min, t.Max, ok = product(l, r)
	case "div", "mod":
		if value, isLiteral := right.Value.(int64); isLiteral && value == 0 {
			return nil, p.at(pos, "%s by zero.", operator)
		}
		op, t = ofQuotient(operator, l, r, t)
		ok = l.Min > math.MinInt64
		t.Nullable = right.Op != query.Literal
	}
	if !ok {
		return nil, p.tooLarge(pos)
	}
	t.Nullable = t.Nullable || l.Nullable || r.Nullable
	if t.Kind == query.Instant {
		t.Min, t.Max, t.Nullable = 0, query.MaxInstant, true // out of its range it is null
	}
	return p.node(query.Expr{Op: op, Type: t, Args: []*query.Expr{left, right}})
}

func ofQuotient(operator string, l, r, t query.Type) (query.Op, query.Type) {
	op := query.Div
	t.Max = max(magnitude(l.Min), magnitude(l.Max))
	if operator == "mod" {
		op = query.Mod
		if r.Min > math.MinInt64 {
			t.Max = min(t.Max, max(magnitude(r.Min), magnitude(r.Max), 1)-1)
		}
	}
	t.Min = -t.Max
	return op, t
}

// magnitude gives |n|, at most the greatest int64.
func magnitude(n int64) int64 {
	if n == math.MinInt64 {
		return math.MaxInt64
	}
	return max(n, -n)
}

// span does an operation on the bounds of l: on the least with one number, and on
// the greatest with another.
func span(do func(a, b int64) (int64, bool), l query.Type, withLeast, withMost int64) (least, most int64, ok bool) {
	least, okLeast := do(l.Min, withLeast)
	most, okMost := do(l.Max, withMost)
	return least, most, okLeast && okMost
}

func product(l, r query.Type) (least, most int64, ok bool) {
	least, most = math.MaxInt64, math.MinInt64
	for _, a := range []int64{l.Min, l.Max} {
		for _, b := range []int64{r.Min, r.Max} {
			n, fits := multiply(a, b)
			if !fits {
				return 0, 0, false
			}
			least, most = min(least, n), max(most, n)
		}
	}
	return least, most, true
}

func add(a, b int64) (int64, bool) {
	sum := a + b
	return sum, (sum > a) == (b > 0)
}

func subtract(a, b int64) (int64, bool) {
	difference := a - b
	return difference, (difference < a) == (b > 0)
}

func multiply(a, b int64) (int64, bool) {
	if a == 0 || b == 0 {
		return 0, true
	}
	n := a * b
	return n, n/b == a && (a != -1 || b != math.MinInt64) && (b != -1 || a != math.MinInt64)
}
