package odata

import (
	"cmp"
	"encoding/json"
	"math"
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
	if t.Collection {
		return "a collection"
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
		if k := side.Type.Kind; k != query.Boolean && k != query.Null || side.Type.Collection {
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
func (p *parser) has(left, right *query.Expr, pos int) (*query.Expr, error) {
	if left.Type.Kind != query.Enum || left.Type.Collection || right.Op != query.Literal || right.Value == nil {
		return nil, p.at(pos, "has takes a property of an enum type and one of its members.")
	}
	return p.comparison("eq", left, right, pos)
}

// membership reads what follows in: a list, a collection, or an alias of either.
func (p *parser) membership(left *query.Expr, pos int) (*query.Expr, error) {
	args := []*query.Expr{left}
	items, err := p.items()
	if err != nil {
		return nil, err
	}
	if len(items) == 1 && items[0].Type.Collection {
		member := items[0].Type
		member.Collection = false
		if left, err = p.towards(left, member, pos); err != nil {
			return nil, err
		}
		if left.Type.Kind != member.Kind && left.Type.Kind != query.Null {
			return nil, p.at(pos, "in looks for %s in a collection of another type.", describeType(left.Type))
		}
		return p.node(query.Expr{Op: query.In, Type: boolean(false), Args: []*query.Expr{left, items[0]}})
	}
	for _, item := range items {
		unified, item, err := p.unify("in", args[0], item, pos)
		if err != nil {
			return nil, err
		}
		args[0] = unified // it may have got decimal places
		args = append(args, item)
	}
	for i := range args[1:] { // which those before it then need too
		if args[i+1], err = p.towards(args[i+1], args[0].Type, pos); err != nil {
			return nil, err
		}
	}
	if args[0].Type.Kind == query.Entity || args[0].Type.Collection {
		return nil, p.at(pos, "in does not take %s.", describeType(args[0].Type))
	}
	return p.node(query.Expr{Op: query.In, Type: boolean(false), Args: args})
}

// items reads the right side of in.
func (p *parser) items() ([]*query.Expr, error) {
	p.skipSpace()
	if p.peek() == '@' {
		inner, err := p.alias()
		if err != nil || inner == nil {
			return nil, cmp.Or(err, p.expected("an alias that the query gives a list, such as @list=['a','b']"))
		}
		defer func() { p.depth-- }()
		if strings.HasPrefix(inner.text, "[") {
			return inner.array()
		}
		return inner.items()
	}
	if !p.accept('(') {
		pos := p.pos
		e, err := p.unary()
		if err != nil {
			return nil, err
		}
		if !e.Type.Collection {
			return nil, p.at(pos, "in takes a list in parentheses, as in ('a','b'), or a collection.")
		}
		return []*query.Expr{e}, nil
	}
	var items []*query.Expr
	for {
		if len(items) == maxInItems {
			return nil, p.at(p.pos, "in takes at most %d items.", maxInItems)
		}
		item, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		if item.Type.Collection {
			return nil, p.at(p.pos, "in takes one collection, or a list of values.")
		}
		items = append(items, item)
		if p.skipSpace(); !p.accept(',') {
			return items, p.need(')')
		}
	}
}

// array reads a JSON array of literals, which is how an alias stands for a list.
func (p *parser) array() ([]*query.Expr, error) {
	var values []any
	d := json.NewDecoder(strings.NewReader(p.text))
	d.UseNumber()
	if err := d.Decode(&values); err != nil || d.More() || len(values) == 0 || len(values) > maxInItems {
		return nil, p.at(0, `expected a JSON array of 1 to %d values, such as ["a","b"].`, maxInItems)
	}
	items := make([]*query.Expr, len(values))
	for i, value := range values {
		var err error
		switch value := value.(type) {
		case string:
			items[i], err = p.literal(query.Type{Kind: query.String}, value)
		case bool:
			items[i], err = p.literal(boolean(false), value)
		case json.Number:
			items[i], err = p.decimal(value.String(), 0)
		case nil:
			items[i], err = p.literal(query.Type{Kind: query.Null, Nullable: true}, nil)
		default:
			err = p.at(0, "an item of the array is an object or an array.")
		}
		if err != nil {
			return nil, err
		}
	}
	return items, nil
}

// arithmetic types + - * / on numbers, durations, dates and instants.
func (p *parser) arithmetic(operator string, left, right *query.Expr, pos int) (*query.Expr, error) {
	if left.Type.Collection || right.Type.Collection {
		return nil, p.at(pos, "%s does not take a collection.", operator)
	}
	like := func(e, other *query.Expr) query.Type {
		if other.Type.Kind == query.Number || other.Type.Kind == query.Duration {
			return other.Type
		}
		return number(0, 0)
	}
	left, right = typed(left, like(left, right)), typed(right, like(right, left))
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
		t.Min, t.Max, ok = span(add, l, r, [2]int64{r.Min, r.Max})
	case "sub":
		op = query.Sub
		t.Min, t.Max, ok = span(subtract, l, r, [2]int64{r.Max, r.Min})
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
	if operator == "mod" {
		t.Max = max(magnitude(r.Min), magnitude(r.Max), 1) - 1
		t.Min = -t.Max
		return query.Mod, t
	}
	t.Max = max(magnitude(l.Min), magnitude(l.Max))
	t.Min = -t.Max
	return query.Div, t
}

// magnitude gives |n|, at most the greatest int64.
func magnitude(n int64) int64 {
	if n == math.MinInt64 {
		return math.MaxInt64
	}
	return max(n, -n)
}

func span(do func(a, b int64) (int64, bool), l, _ query.Type, with [2]int64) (least, most int64, ok bool) {
	least, okLeast := do(l.Min, with[0])
	most, okMost := do(l.Max, with[1])
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
