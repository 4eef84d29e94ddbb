package odata

import (
	"slices"
	"strings"

	"plimsoll/internal/query"
)

func boolean(nullable bool) query.Type { return query.Type{Kind: query.Boolean, Nullable: nullable} }

// number is the type of a whole number within bounds.
func number(least, most int64) query.Type {
	return query.Type{Kind: query.Number, Min: least, Max: most}
}

// describeType names a type in a message.
func describeType(t query.Type) string {
	switch {
	case t.Collection:
		return "a collection"
	case t.Scale > 0:
		return "a decimal number"
	}
	switch t.Kind {
	case query.Null:
		return "null"
	case query.Boolean:
		return "a Boolean"
	case query.Number:
		return "a number"
	case query.String:
		return "a String"
	case query.Instant:
		return "a DateTimeOffset"
	case query.Date:
		return "a Date"
	case query.TimeOfDay:
		return "a TimeOfDay"
	case query.Duration:
		return "a Duration"
	case query.Enum:
		return "a " + t.Enum
	case query.Binary:
		return "a Binary"
	default:
		return "an entity"
	}
}

// typed gives a null literal the type that is wanted of it, and any other
// expression as it is.
func typed(e *query.Expr, t query.Type) *query.Expr {
	if e.Type.Kind == query.Null {
		t.Nullable = true
		e.Type = t
	}
	return e
}

func (p *parser) logical(operator string, left, right *query.Expr, pos int) (*query.Expr, error) {
	op := query.And
	if operator == "or" {
		op = query.Or
	}
	for _, side := range []*query.Expr{left, right} {
		if !isCondition(side.Type) {
			return nil, p.at(pos, "%s takes conditions, not %s.", operator, describeType(side.Type))
		}
		typed(side, boolean(true))
	}
	if left.Op == op { // a and b and c is one
		left.Args = append(left.Args, right)
		left.Type.Nullable = left.Type.Nullable || right.Type.Nullable
		return left, nil
	}
	nullable := left.Type.Nullable || right.Type.Nullable
	return p.node(query.Expr{Op: op, Type: boolean(nullable), Args: []*query.Expr{left, right}})
}

func comparisonOp(operator string) query.Op {
	switch operator {
	case "eq":
		return query.Eq
	case "ne":
		return query.Ne
	case "lt":
		return query.Lt
	case "le":
		return query.Le
	case "gt":
		return query.Gt
	default:
		return query.Ge
	}
}

func (p *parser) comparison(operator string, left, right *query.Expr, pos int) (*query.Expr, error) {
	left, right, err := p.unify(operator, left, right, pos)
	if err != nil {
		return nil, err
	}
	op := comparisonOp(operator)
	kind := left.Type.Kind
	if kind == query.Null {
		kind = right.Type.Kind
	}
	if equality := op == query.Eq || op == query.Ne; !equality && (kind == query.Binary || kind == query.Entity) {
		return nil, p.at(pos, "%s does not take %s: such values have no order.", operator, describeType(query.Type{Kind: kind}))
	}
	return p.node(query.Expr{Op: op, Type: boolean(false), Args: []*query.Expr{left, right}})
}

// unify brings the two sides of a comparison to one kind.
func (p *parser) unify(operator string, left, right *query.Expr, pos int) (l, r *query.Expr, err error) {
	if left.Type.Collection || right.Type.Collection {
		return nil, nil, p.at(pos, "%s does not take a collection; ask with any(…) or all(…).", operator)
	}
	if left.Type.Kind == query.Null || right.Type.Kind == query.Null {
		return left, right, nil
	}
	if left, err = p.towards(left, right.Type, pos); err == nil {
		right, err = p.towards(right, left.Type, pos)
	}
	switch {
	case err != nil:
		return nil, nil, err
	case left.Type.Kind != right.Type.Kind || left.Type.Enum != right.Type.Enum || left.Type.Kind == query.Entity:
		return nil, nil, p.at(pos, "%s compares %s with %s%s.", operator,
			describeType(left.Type), describeType(right.Type), advice(left, right))
	}
	return left, right, nil
}

// advice tells of what is often meant: a date in quotes.
func advice(sides ...*query.Expr) string {
	for i, side := range sides {
		text, isText := side.Value.(string)
		if other := sides[1-i].Type.Kind; isText && side.Op == query.Literal &&
			(other == query.Instant || other == query.Number || other == query.Boolean) {
			return "; write it without quotes, as in " + example(other, text)
		}
	}
	return ""
}

func example(kind query.Kind, text string) string {
	switch kind {
	case query.Instant:
		if _, ok := ParseDateTimeOffset(text); ok {
			return text
		}
		return "2024-01-31T00:00:00Z"
	case query.Boolean:
		return "true"
	default:
		return "42"
	}
}

// towards converts e to a type it is compared with, where that loses nothing: a
// member of an enum from its name, a Date to its first instant, a number to more
// decimal places.
func (p *parser) towards(e *query.Expr, t query.Type, pos int) (*query.Expr, error) {
	switch from := e.Type.Kind; {
	case from == query.String && t.Kind == query.Enum && e.Op == query.Literal:
		if name, _ := e.Value.(string); !slices.Contains(t.Members, name) {
			return nil, p.at(pos, "%s is no member of %s; they are %s.", quote(name), t.Enum, strings.Join(t.Members, ", "))
		}
		t.Nullable = false
		e.Type = t
	case from == query.Date && t.Kind == query.Instant:
		return p.times(e, query.TicksPerDay, query.Type{Kind: query.Instant}, pos)
	case from == query.Number && t.Kind == query.Number && t.Scale > e.Type.Scale:
		return p.times(e, power(t.Scale-e.Type.Scale), query.Type{Kind: query.Number, Scale: t.Scale}, pos)
	}
	return e, nil
}

func power(scale uint8) int64 {
	n := int64(1)
	for range scale {
		n *= 10
	}
	return n
}

// times multiplies e by a constant; the result has the type given, with the
// bounds that follow.
func (p *parser) times(e *query.Expr, factor int64, t query.Type, pos int) (*query.Expr, error) {
	least, okLeast := multiply(e.Type.Min, factor)
	most, okMost := multiply(e.Type.Max, factor)
	if !okLeast || !okMost {
		return nil, p.tooLarge(pos)
	}
	t.Min, t.Max, t.Nullable = least, most, e.Type.Nullable
	if value, isLiteral := e.Value.(int64); isLiteral {
		e.Type, e.Value = t, value*factor
		return e, nil
	}
	by, err := p.literal(number(factor, factor), factor)
	if err != nil {
		return nil, err
	}
	return p.node(query.Expr{Op: query.Mul, Type: t, Args: []*query.Expr{e, by}})
}

func (p *parser) tooLarge(pos int) error {
	return p.at(pos, "the result may be larger than the 64 bits that numbers have here.")
}

// has asks for a member of an enum. No type that is served holds several at
// once, so that it is eq (OData 4.01 URL Conventions, section 5.1.1.1.9).
func (p *parser) has(left *query.Expr, pos int) (*query.Expr, error) {
	p.skipSpace()
	right, err := p.primary()
	if err != nil {
		return nil, err
	}
	if left.Type.Kind != query.Enum || left.Type.Collection || right.Op != query.Literal || right.Value == nil {
		return nil, p.at(pos, "has takes a property of an enum type and one of its members.")
	}
	left, right, err = p.unify("has", left, right, pos)
	if err != nil {
		return nil, err
	}
	return p.node(query.Expr{Op: query.Eq, Type: boolean(false), Args: []*query.Expr{left, right}})
}
