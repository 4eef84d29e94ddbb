package odata

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"plimsoll/internal/query"
)

// mostNested is how deep the parser lets expressions nest, and some levels that
// it adds by itself.
const mostNested = maxDepth + 8

// checkExpr tells what is wrong with a filter by what package query says of
// expressions.
func checkExpr(e *query.Expr) error {
	if e == nil {
		return nil
	}
	if e.Type.Kind != query.Boolean || e.Type.Collection {
		return fmt.Errorf("a filter of the type %+v", e.Type)
	}
	return (&exprCheck{}).check(e, 0)
}

type exprCheck struct {
	scope []*query.Expr // the Any and All around
}

func (c *exprCheck) check(e *query.Expr, depth int) error {
	err := c.checkNode(e, depth)
	if err == nil {
		for i, arg := range e.Args {
			lambda := (e.Op == query.Any || e.Op == query.All) && i == 1
			if lambda {
				c.scope = append(c.scope, e)
			}
			if err = c.check(arg, depth+1); err != nil {
				return err
			}
			if lambda {
				c.scope = c.scope[:len(c.scope)-1]
			}
		}
		return nil
	}
	return fmt.Errorf("%s: %w", show(e), err)
}

func (c *exprCheck) checkNode(e *query.Expr, depth int) error {
	if depth > mostNested {
		return fmt.Errorf("nests %d deep", depth)
	}
	if err := checkType(e); err != nil {
		return err
	}
	for i, arg := range e.Args {
		ofCollection := i == 0 && (e.Op == query.Any || e.Op == query.All || e.Op == query.Count) ||
			i == 1 && e.Op == query.In && len(e.Args) == 2
		if arg.Type.Collection && !ofCollection {
			return fmt.Errorf("a collection as argument %d", i)
		}
	}
	switch e.Op {
	case query.Literal:
		return checkLiteral(e)
	case query.Field:
		return nil
	case query.Variable:
		for _, around := range slices.Backward(c.scope) {
			if around.Name == e.Name {
				return must(around.Args[0].Type.Kind == e.Type.Kind, "a variable of another kind than its collection")
			}
		}
		return fmt.Errorf("a variable that nothing binds")
	}
	return checkArguments(e)
}

func must(ok bool, message string) error {
	if !ok {
		return fmt.Errorf("%s", message)
	}
	return nil
}

func isWhole(k query.Kind) bool {
	return slices.Contains([]query.Kind{query.Number, query.Instant, query.Date, query.TimeOfDay, query.Duration}, k)
}

func checkType(e *query.Expr) error {
	t := e.Type
	switch {
	case isWhole(t.Kind) && t.Min > t.Max:
		return fmt.Errorf("from %d to %d", t.Min, t.Max)
	case t.Kind == query.Enum && (t.Enum == "" || len(t.Members) == 0):
		return fmt.Errorf("an enum without a type")
	case t.Kind == query.Null && (e.Op != query.Literal || e.Value != nil):
		return fmt.Errorf("null that is no literal")
	case t.Kind != query.Number && t.Scale != 0, t.Scale > maxScale+quotientScale:
		return fmt.Errorf("%d decimal places", t.Scale)
	case t.Collection && e.Op != query.Field:
		return fmt.Errorf("a collection that is no property")
	case t.Kind == query.Entity && e.Op != query.Field:
		return fmt.Errorf("an entity that is no property")
	}
	return nil
}

func checkLiteral(e *query.Expr) error {
	ok := false
	switch value := e.Value.(type) {
	case nil:
		ok = e.Type.Nullable
	case bool:
		ok = e.Type.Kind == query.Boolean
	case int64:
		ok = isWhole(e.Type.Kind) && e.Type.Min <= value && value <= e.Type.Max
	case string:
		ok = e.Type.Kind == query.String || e.Type.Kind == query.Enum && slices.Contains(e.Type.Members, value)
		ok = ok && utf8.ValidString(value) && !strings.ContainsRune(value, 0)
	case []byte:
		ok = e.Type.Kind == query.Binary
	}
	return must(ok, "a literal whose value does not fit its type")
}

// pattern is what an operation takes and gives, by kinds: one list of kinds for
// each argument.
type pattern struct {
	args   [][]query.Kind
	least  int // arguments, where not all
	result query.Kind
}

func patternOf(op query.Op) (p pattern, ok bool) {
	text, instant := []query.Kind{query.String}, []query.Kind{query.Instant}
	whole := []query.Kind{query.Number}
	switch op {
	case query.StartsWith, query.EndsWith, query.Contains:
		return pattern{[][]query.Kind{text, text}, 2, query.Boolean}, true
	case query.ToLower, query.ToUpper, query.Trim:
		return pattern{[][]query.Kind{text}, 1, query.String}, true
	case query.Length:
		return pattern{[][]query.Kind{text}, 1, query.Number}, true
	case query.IndexOf:
		return pattern{[][]query.Kind{text, text}, 2, query.Number}, true
	case query.Substring:
		return pattern{[][]query.Kind{text, whole, whole}, 2, query.String}, true
	case query.Concat:
		return pattern{[][]query.Kind{text, text}, 2, query.String}, true
	case query.Year, query.Month, query.Day:
		return pattern{[][]query.Kind{{query.Instant, query.Date}}, 1, query.Number}, true
	case query.Hour, query.Minute, query.Second:
		return pattern{[][]query.Kind{{query.Instant, query.TimeOfDay}}, 1, query.Number}, true
	case query.DateOf:
		return pattern{[][]query.Kind{instant}, 1, query.Date}, true
	case query.TimeOf:
		return pattern{[][]query.Kind{instant}, 1, query.TimeOfDay}, true
	}
	return p, false
}

func (p *pattern) check(e *query.Expr) error {
	if len(e.Args) < p.least || len(e.Args) > len(p.args) || e.Type.Kind != p.result || e.Type.Scale != 0 {
		return fmt.Errorf("%d arguments give %+v", len(e.Args), e.Type)
	}
	nullable := false
	for i, arg := range e.Args {
		if !slices.Contains(p.args[i], arg.Type.Kind) || arg.Type.Scale != 0 {
			return fmt.Errorf("argument %d is %+v", i, arg.Type)
		}
		nullable = nullable || arg.Type.Nullable
	}
	return must(nullable == e.Type.Nullable, "nullable without reason, or not with one")
}

func checkArguments(e *query.Expr) error {
	if p, ok := patternOf(e.Op); ok {
		return p.check(e)
	}
	switch e.Op {
	case query.Eq, query.Ne, query.Lt, query.Le, query.Gt, query.Ge:
		if len(e.Args) != 2 {
			return fmt.Errorf("%d arguments", len(e.Args))
		}
		return checkAlike(e)
	case query.In:
		if len(e.Args) < 2 {
			return fmt.Errorf("%d arguments", len(e.Args))
		}
		return checkAlike(e)
	case query.And, query.Or, query.Not:
		return checkLogic(e)
	case query.Any, query.All, query.Count:
		return checkOfCollection(e)
	case query.Negate, query.Add, query.Sub, query.Mul, query.Div, query.Mod:
		return checkArithmetic(e)
	default:
		return fmt.Errorf("the operation %d", e.Op)
	}
}

// checkAlike holds all arguments but nulls to one kind, pair by pair.
func checkAlike(e *query.Expr) error {
	if e.Type.Kind != query.Boolean || e.Type.Nullable {
		return fmt.Errorf("a comparison gives %+v", e.Type)
	}
	ordered := e.Op != query.Eq && e.Op != query.Ne && e.Op != query.In
	for i, a := range e.Args {
		if ordered && (a.Type.Kind == query.Binary || a.Type.Kind == query.Entity) {
			return fmt.Errorf("an order of %+v", a.Type)
		}
		for _, b := range e.Args[:i] {
			if a.Type.Kind == query.Null || b.Type.Kind == query.Null {
				continue
			}
			if a.Type.Kind != b.Type.Kind || a.Type.Scale != b.Type.Scale || a.Type.Enum != b.Type.Enum || a.Type.Kind == query.Entity {
				return fmt.Errorf("%+v beside %+v", a.Type, b.Type)
			}
		}
		if a.Type.Kind == query.Entity && e.Op == query.In {
			return fmt.Errorf("an entity in a list")
		}
	}
	return nil
}

func checkLogic(e *query.Expr) error {
	nullable := false
	for _, arg := range e.Args {
		if arg.Type.Kind != query.Boolean {
			return fmt.Errorf("%+v is no condition", arg.Type)
		}
		nullable = nullable || arg.Type.Nullable
	}
	count := len(e.Args) >= 2
	if e.Op == query.Not {
		count = len(e.Args) == 1
	}
	return must(count && e.Type.Kind == query.Boolean && e.Type.Nullable == nullable, "logic of another type or count")
}

func checkOfCollection(e *query.Expr) error {
	if !e.Args[0].Type.Collection {
		return fmt.Errorf("of no collection")
	}
	switch {
	case e.Op == query.Count:
		return must(len(e.Args) == 1 && e.Type.Kind == query.Number && !e.Type.Nullable, "a count of another type")
	case e.Op == query.Any && len(e.Args) == 1:
		return nil
	default:
		return must(len(e.Args) == 2 && e.Args[1].Type.Kind == query.Boolean && e.Name != "", "no condition on a member")
	}
}

func checkArithmetic(e *query.Expr) error {
	nullable := false
	for i, arg := range e.Args {
		if !isWhole(arg.Type.Kind) {
			return fmt.Errorf("argument %d is %+v", i, arg.Type)
		}
		nullable = nullable || arg.Type.Nullable
	}
	if !isWhole(e.Type.Kind) || nullable && !e.Type.Nullable {
		return fmt.Errorf("gives %+v", e.Type)
	}
	if e.Op == query.Negate {
		a := e.Args[0].Type
		return must(len(e.Args) == 1 && a.Kind == e.Type.Kind && e.Type.Min == -a.Max && e.Type.Max == -a.Min, "another range")
	}
	if len(e.Args) != 2 {
		return fmt.Errorf("%d arguments", len(e.Args))
	}
	a, b := e.Args[0].Type, e.Args[1].Type
	switch e.Op {
	case query.Add, query.Sub:
		alike := a.Kind == b.Kind && a.Scale == b.Scale
		shift := a.Kind == query.Instant && b.Kind == query.Duration
		apart := e.Op == query.Sub && a.Kind == query.Instant && b.Kind == query.Instant && e.Type.Kind == query.Duration
		days := e.Op == query.Sub && a.Kind == query.Date && b.Kind == query.Date && e.Type.Kind == query.Number
		same := alike && a.Kind != query.Instant && a.Kind != query.Date && e.Type.Kind == a.Kind && e.Type.Scale == a.Scale
		return must(same || apart || days || shift && e.Type.Kind == query.Instant && e.Type.Nullable, "of kinds that do not go together")
	case query.Div, query.Mod:
		value, isLiteral := e.Args[1].Value.(int64)
		return must(isLiteral && value != 0 || e.Type.Nullable, "a division by zero that is not null")
	}
	return nil
}
