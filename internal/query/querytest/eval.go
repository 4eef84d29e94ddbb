// Package querytest says what queries mean: an evaluator to hold stores to,
// made from the words of package query alone, and expressions to try.
package querytest

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"
	"unicode"

	"plimsoll/internal/query"
)

// Eval gives the value of an expression for a row: nil, or the Go type of its
// kind. row gives the value of a property; a collection is a []string, and an
// entity anything but nil.
func Eval(e *query.Expr, row func(name string) any) any {
	return scope{row: row}.eval(e)
}

// Compare orders two values of one expression: nil first, members of an Enum as
// they stand in its type.
func Compare(t query.Type, a, b any) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	switch a := a.(type) {
	case bool:
		return cmp.Compare(truth(a), truth(b.(bool)))
	case int64:
		return cmp.Compare(a, b.(int64))
	case []byte:
		return bytes.Compare(a, b.([]byte))
	case string:
		if t.Kind == query.Enum {
			return cmp.Compare(slices.Index(t.Members, a), slices.Index(t.Members, b.(string)))
		}
		return strings.Compare(a, b.(string))
	default:
		panic(fmt.Sprintf("a value of type %T", a))
	}
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

// scope is where an expression stands: in a row, and among lambdas.
type scope struct {
	row       func(string) any
	variables map[string]any
}

func (s scope) eval(e *query.Expr) any {
	switch e.Op {
	case query.Literal:
		return e.Value
	case query.Field:
		return s.row(e.Name)
	case query.Variable:
		return s.variables[e.Name]
	case query.Eq, query.Ne, query.Lt, query.Le, query.Gt, query.Ge:
		return compare(e, s.eval(e.Args[0]), s.eval(e.Args[1]))
	case query.In:
		return s.in(e)
	case query.And, query.Or:
		return s.junction(e)
	case query.Any, query.All, query.Count:
		return s.collection(e)
	}
	args := make([]any, len(e.Args))
	for i, arg := range e.Args {
		if args[i] = s.eval(arg); args[i] == nil {
			return nil
		}
	}
	switch e.Op {
	case query.Not:
		return !args[0].(bool)
	case query.Negate, query.Add, query.Sub, query.Mul, query.Div, query.Mod:
		return arithmetic(e, args)
	case query.Year, query.Month, query.Day, query.Hour, query.Minute, query.Second, query.DateOf, query.TimeOf:
		return timePart(e, args[0].(int64))
	default:
		return text(e.Op, args)
	}
}

func compare(e *query.Expr, a, b any) bool {
	if a == nil || b == nil {
		same := a == nil && b == nil
		return e.Op == query.Eq && same || e.Op == query.Ne && !same
	}
	t := e.Args[0].Type
	if t.Kind == query.Entity {
		return (e.Op == query.Eq) == (a == b)
	}
	order := Compare(t, a, b)
	switch e.Op {
	case query.Eq:
		return order == 0
	case query.Ne:
		return order != 0
	case query.Lt:
		return order < 0
	case query.Le:
		return order <= 0
	case query.Gt:
		return order > 0
	default:
		return order >= 0
	}
}

func (s scope) in(e *query.Expr) bool {
	x := s.eval(e.Args[0])
	if e.Args[1].Type.Collection {
		members, _ := s.eval(e.Args[1]).([]string)
		text, ok := x.(string)
		return ok && slices.Contains(members, text)
	}
	equal := &query.Expr{Op: query.Eq, Args: e.Args}
	return slices.ContainsFunc(e.Args[1:], func(other *query.Expr) bool { return compare(equal, x, s.eval(other)) })
}

// junction has the three values of SQL: what decides wins over null, and null
// over the rest.
func (s scope) junction(e *query.Expr) any {
	decides := e.Op == query.Or
	unknown := false
	for _, arg := range e.Args {
		switch s.eval(arg) {
		case decides:
			return decides
		case nil:
			unknown = true
		}
	}
	if unknown {
		return nil
	}
	return !decides
}

func (s scope) collection(e *query.Expr) any {
	members, _ := s.eval(e.Args[0]).([]string)
	if e.Op == query.Count {
		return int64(len(members))
	}
	holds := func(member string) bool {
		inner := scope{s.row, maps.Clone(s.variables)}
		if inner.variables == nil {
			inner.variables = map[string]any{}
		}
		inner.variables[e.Name] = member
		return inner.eval(e.Args[1]) == true
	}
	if e.Op == query.All {
		return !slices.ContainsFunc(members, func(member string) bool { return !holds(member) })
	}
	return len(e.Args) == 1 && len(members) > 0 || len(e.Args) == 2 && slices.ContainsFunc(members, holds)
}

// arithmetic counts without bounds, and then looks at them.
func arithmetic(e *query.Expr, args []any) any {
	a, b, result := big.NewInt(args[0].(int64)), new(big.Int), new(big.Int)
	if len(args) == 2 {
		b.SetInt64(args[1].(int64))
	}
	switch e.Op {
	case query.Negate:
		result.Neg(a)
	case query.Add:
		result.Add(a, b)
	case query.Sub:
		result.Sub(a, b)
	case query.Mul:
		result.Mul(a, b)
	case query.Div, query.Mod:
		if b.Sign() == 0 {
			return nil
		}
		if result.Quo(a, b); e.Op == query.Mod {
			result.Rem(a, b)
		}
	}
	limit, bounded := map[query.Kind]int64{query.Instant: query.MaxInstant, query.Date: query.MaxDate}[e.Type.Kind]
	if bounded && (result.Sign() < 0 || result.Cmp(big.NewInt(limit)) > 0) {
		return nil
	}
	if !result.IsInt64() {
		panic(fmt.Sprintf("%v leaves int64: the expression is wrong", result))
	}
	return result.Int64()
}

func timePart(e *query.Expr, n int64) any {
	days, ticks := int64(0), n
	switch e.Args[0].Type.Kind {
	case query.Date:
		days, ticks = n, 0
	case query.Instant:
		days, ticks = n/query.TicksPerDay, n%query.TicksPerDay
	}
	day := time.Date(1, 1, 1+int(days), 0, 0, 0, 0, time.UTC)
	clock := time.Duration(ticks * 100)
	switch e.Op {
	case query.Year:
		return int64(day.Year())
	case query.Month:
		return int64(day.Month())
	case query.Day:
		return int64(day.Day())
	case query.Hour:
		return int64(clock / time.Hour)
	case query.Minute:
		return int64(clock / time.Minute % 60)
	case query.Second:
		return int64(clock / time.Second % 60)
	case query.DateOf:
		return days
	default:
		return ticks
	}
}

func text(op query.Op, args []any) any {
	a := args[0].(string)
	switch op {
	case query.ToLower:
		return strings.Map(unicode.ToLower, a)
	case query.ToUpper:
		return strings.Map(unicode.ToUpper, a)
	case query.Trim:
		return strings.TrimFunc(a, unicode.IsSpace)
	case query.Length:
		return int64(len([]rune(a)))
	case query.Substring:
		return substring([]rune(a), args[1:])
	}
	b := args[1].(string)
	switch op {
	case query.StartsWith:
		return strings.HasPrefix(a, b)
	case query.EndsWith:
		return strings.HasSuffix(a, b)
	case query.Contains:
		return strings.Contains(a, b)
	case query.IndexOf:
		before, _, found := strings.Cut(a, b)
		if !found {
			return int64(-1)
		}
		return int64(len([]rune(before)))
	case query.Concat:
		return a + b
	default:
		panic(fmt.Sprintf("operation %d", op))
	}
}

func substring(chars []rune, bounds []any) string {
	from := min(max(bounds[0].(int64), 0), int64(len(chars)))
	chars = chars[from:]
	if len(bounds) == 2 {
		chars = chars[:min(max(bounds[1].(int64), 0), int64(len(chars)))]
	}
	return string(chars)
}
