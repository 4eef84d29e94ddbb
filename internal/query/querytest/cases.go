package querytest

import (
	"fmt"
	"math"

	"plimsoll/internal/query"
)

// Case is a filter to try.
type Case struct {
	Name   string
	Filter *query.Expr
}

// Cases gives filters over a text, a text that may be null, an instant and a
// collection of texts: every operation, every hostile text and the ends of
// every number.
func Cases(text, nullable, instant, collection *query.Expr) []Case {
	var cases []Case
	add := func(filter *query.Expr, format string, args ...any) {
		cases = append(cases, Case{fmt.Sprintf(format, args...), filter})
	}
	for _, hostile := range HostileText() {
		for i, filter := range textCases(text, nullable, collection, Value(query.String, hostile)) {
			add(filter, "text %d of %q", i, hostile)
		}
	}
	for _, edge := range []int64{math.MinInt64, math.MinInt32, -1, 0, 1, 2, math.MaxInt32, math.MaxInt32 + 1, math.MaxInt64} {
		for i, filter := range numberCases(text, nullable, collection, edge) {
			add(filter, "number %d of %d", i, edge)
		}
	}
	for _, days := range []int64{0, 58, 59, 364, 365, 36524, 36525, 146096, 146097, 719468, 738000, query.MaxDate} {
		for i, filter := range dateCases(instant, days) {
			add(filter, "date %d of %d", i, days)
		}
	}
	for i, filter := range logicCases(text, nullable) {
		add(filter, "logic %d", i)
	}
	return cases
}

func textCases(text, nullable, collection, h *query.Expr) []*query.Expr {
	b, s := query.Boolean, query.String
	of := func(op query.Op, args ...*query.Expr) *query.Expr { return Make(op, b, args...) }
	null := Value(query.Null, nil)
	member := &query.Expr{Op: query.Variable, Name: "m", Type: query.Type{Kind: s}}
	some := of(query.Any, collection, of(query.Eq, member, h))
	some.Name = "m"
	all := of(query.All, collection, of(query.Contains, Make(query.ToLower, s, member), h))
	all.Name = "m"
	var filters []*query.Expr
	for _, op := range comparisons() { // without any property
		filters = append(filters, of(op, h, Value(s, "B")), of(op, Make(query.ToLower, s, h), Make(query.ToUpper, s, h)))
	}
	for _, field := range []*query.Expr{text, nullable} {
		for _, op := range comparisons() {
			filters = append(filters, of(op, field, h), of(query.Not, of(op, h, field)))
		}
		for _, op := range []query.Op{query.StartsWith, query.EndsWith, query.Contains} {
			filters = append(filters, of(op, field, h), of(query.Not, of(op, field, h)), of(op, h, field))
		}
		for _, op := range []query.Op{query.ToLower, query.ToUpper, query.Trim} {
			filters = append(filters, of(query.Eq, Make(op, s, field), Make(op, s, h)), of(query.Gt, Make(op, s, field), h))
		}
		filters = append(filters,
			of(query.In, field, h, null), of(query.In, field, h, Value(s, "a")), of(query.Not, of(query.In, field, h)),
			of(query.In, field, text, nullable), of(query.In, field, collection),
			of(query.Eq, Make(query.Concat, s, field, h), Make(query.Concat, s, h, field)),
			of(query.Eq, Make(query.Concat, s, field, null), h),
			of(query.Ge, Make(query.IndexOf, query.Number, field, h), Value(query.Number, int64(0))),
			of(query.Eq, Make(query.Length, query.Number, field), Make(query.Length, query.Number, h)))
	}
	return append(filters, some, all, of(query.In, null, collection), of(query.Not, of(query.In, null, collection)))
}

func numberCases(text, nullable, collection *query.Expr, edge int64) []*query.Expr {
	n, s := query.Number, query.String
	value, null := Value(n, edge), Value(query.Null, nil)
	of := func(op query.Op, args ...*query.Expr) *query.Expr { return Make(op, query.Boolean, args...) }
	var filters []*query.Expr
	for _, field := range []*query.Expr{text, nullable} {
		length := Make(query.Length, n, field)
		for _, op := range []query.Op{query.Div, query.Mod} {
			filters = append(filters, of(query.Eq, Make(op, n, length, value), null), of(query.Gt, Make(op, n, value, length), value),
				of(query.Eq, Make(op, n, length, value), Make(op, n, Value(n, int64(-7)), length)))
		}
		for _, op := range comparisons() {
			filters = append(filters, of(op, length, value), of(op, Make(query.Count, n, collection), value))
		}
		filters = append(filters,
			of(query.Eq, Make(query.Substring, s, field, value), field),
			of(query.Eq, Make(query.Substring, s, field, value, value), Value(s, "")),
			of(query.Eq, Make(query.Substring, s, field, Value(n, int64(1)), value), null),
			of(query.Eq, Make(query.Substring, s, field, length, length), Value(s, "")))
	}
	return filters
}

func dateCases(instant *query.Expr, days int64) []*query.Expr {
	n := query.Number
	at := Value(query.Instant, days*query.TicksPerDay+query.TicksPerDay-1)
	span := Value(query.Duration, days*query.TicksPerDay)
	of := func(op query.Op, args ...*query.Expr) *query.Expr { return Make(op, query.Boolean, args...) }
	var filters []*query.Expr
	for _, op := range comparisons() {
		filters = append(filters, of(op, instant, at), of(op, Make(query.DateOf, query.Date, instant), Value(query.Date, days)),
			of(op, Make(query.TimeOf, query.TimeOfDay, instant), Make(query.TimeOf, query.TimeOfDay, at)))
	}
	for _, part := range []query.Op{query.Year, query.Month, query.Day, query.Hour, query.Minute, query.Second} {
		filters = append(filters, of(query.Eq, Make(part, n, instant), Make(part, n, at)),
			of(query.Le, Make(part, n, at), Make(part, n, instant)))
	}
	for _, part := range []query.Op{query.Year, query.Month, query.Day} {
		filters = append(filters, of(query.Eq, Make(part, n, Value(query.Date, days)), Make(part, n, instant)))
	}
	for _, op := range []query.Op{query.Add, query.Sub} {
		moved := Make(op, query.Instant, instant, span)
		filters = append(filters, of(query.Eq, moved, Value(query.Null, nil)), of(query.Lt, moved, at), of(query.Not, of(query.Lt, moved, at)))
	}
	return append(filters, of(query.Gt, Make(query.Sub, query.Duration, instant, at), span))
}

// logicCases have a condition that is null among others, under every operation.
func logicCases(text, nullable *query.Expr) []*query.Expr {
	b := query.Boolean
	of := func(op query.Op, args ...*query.Expr) *query.Expr { return Make(op, b, args...) }
	a := Value(query.String, "a")
	maybe, sure := of(query.Contains, nullable, a), of(query.Contains, text, a)
	null := Value(query.Null, nil)
	filters := []*query.Expr{null, maybe, of(query.Not, null), of(query.Eq, null, null), of(query.Ne, null, null), of(query.In, null, nullable, a)}
	for _, x := range []*query.Expr{maybe, sure, null, Value(b, true), Value(b, false)} {
		for _, op := range []query.Op{query.And, query.Or} {
			both := of(op, maybe, x)
			filters = append(filters, both, of(query.Not, both), of(query.Not, of(op, of(query.Not, x), maybe, sure)),
				of(query.Eq, both, null), of(query.Ne, of(query.Not, both), Value(b, true)))
		}
		for _, op := range comparisons() {
			filters = append(filters, of(op, maybe, x), of(query.Not, of(op, maybe, x)), of(op, of(op, maybe, x), sure))
		}
	}
	return filters
}
