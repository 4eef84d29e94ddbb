package odata

import (
	"fmt"
	"math"
	"strings"

	"plimsoll/internal/query"
)

// signature is a function's parameters and result.
type signature struct {
	op     query.Op
	params []query.Type // Kinds are what counts
	other  query.Kind   // what the first parameter may be too
	least  int          // parameters that must be given
	result query.Type
}

// signatureOf gives the canonical functions (OData 4.01 URL Conventions,
// sections 5.1.1.5 to 5.1.1.8) but those without arguments.
func signatureOf(name string) (s signature, ok bool) {
	text := query.Type{Kind: query.String}
	instant := query.Type{Kind: query.Instant}
	s.least = 1
	s.params = []query.Type{text}
	s.result = text
	switch name {
	case "contains", "startswith", "endswith":
		s.op = query.Contains
		switch name {
		case "startswith":
			s.op = query.StartsWith
		case "endswith":
			s.op = query.EndsWith
		}
		s.params, s.least, s.result = []query.Type{text, text}, 2, boolean(false)
	case "tolower":
		s.op = query.ToLower
	case "toupper":
		s.op = query.ToUpper
	case "trim":
		s.op = query.Trim
	case "length":
		s.op, s.result = query.Length, number(0, math.MaxInt32)
	case "indexof":
		s.op, s.params, s.least, s.result = query.IndexOf, []query.Type{text, text}, 2, number(-1, math.MaxInt32)
	case "concat":
		s.op, s.params, s.least = query.Concat, []query.Type{text, text}, 2
	case "substring":
		s.op, s.params, s.least = query.Substring, []query.Type{text, number(0, 0), number(0, 0)}, 2
	case "date":
		s.op, s.params, s.result = query.DateOf, []query.Type{instant}, query.Type{Kind: query.Date, Max: query.MaxDate}
	case "time":
		s.op, s.params = query.TimeOf, []query.Type{instant}
		s.result = query.Type{Kind: query.TimeOfDay, Max: query.TicksPerDay - 1}
	default:
		return partOfTime(name)
	}
	return s, true
}

// partOfTime gives the functions that take a part out of a time.
func partOfTime(name string) (s signature, ok bool) {
	s.params, s.least = []query.Type{{Kind: query.Instant}}, 1
	switch name {
	case "year":
		s.op, s.other, s.result = query.Year, query.Date, number(1, 9999)
	case "month":
		s.op, s.other, s.result = query.Month, query.Date, number(1, 12)
	case "day":
		s.op, s.other, s.result = query.Day, query.Date, number(1, 31)
	case "hour":
		s.op, s.other, s.result = query.Hour, query.TimeOfDay, number(0, 23)
	case "minute":
		s.op, s.other, s.result = query.Minute, query.TimeOfDay, number(0, 59)
	case "second":
		s.op, s.other, s.result = query.Second, query.TimeOfDay, number(0, 59)
	default:
		return s, false
	}
	return s, true
}

const functions = "contains, startswith, endswith, tolower, toupper, trim, length, indexof, substring, concat, " +
	"year, month, day, hour, minute, second, fractionalseconds, date, time, now, mindatetime, maxdatetime, totalseconds"

// call reads a function's parentheses. Names may be written in any case (OData
// 4.01).
func (p *parser) call(name string, pos int) (*query.Expr, error) {
	lower := strings.ToLower(name)
	p.pos++ // the parenthesis
	args, err := p.arguments()
	if err != nil {
		return nil, err
	}
	switch lower {
	case "now", "mindatetime", "maxdatetime":
		if len(args) != 0 {
			return nil, p.at(pos, "%s takes no arguments.", lower)
		}
		if lower == "now" {
			p.env.nows++
		}
		at := map[string]int64{"now": p.env.now, "mindatetime": 0, "maxdatetime": query.MaxInstant}[lower]
		return p.literal(query.Type{Kind: query.Instant}, at)
	case "fractionalseconds", "totalseconds":
		return p.seconds(lower, args, pos)
	}
	s, known := signatureOf(lower)
	if !known {
		return nil, p.at(pos, "%s is no function that is known here; these are: %s.", quote(name), functions)
	}
	if len(args) < s.least || len(args) > len(s.params) {
		return nil, p.at(pos, "%s takes %s, not %d.", lower, s.takes(), len(args))
	}
	for i, arg := range args {
		want := s.params[i]
		typed(arg, want)
		if arg.Type.Collection || arg.Type.Kind != want.Kind && (i > 0 || s.other == 0 || arg.Type.Kind != s.other) || arg.Type.Scale > 0 {
			return nil, p.at(pos, "%s takes %s as argument %d, not %s.", lower, describeType(want), i+1, describeType(arg.Type))
		}
		s.result.Nullable = s.result.Nullable || arg.Type.Nullable
	}
	return p.node(query.Expr{Op: s.op, Type: s.result, Args: args})
}

// takes tells how many arguments there must be.
func (s *signature) takes() string {
	switch most := len(s.params); {
	case s.least < most:
		return fmt.Sprintf("%d or %d arguments", s.least, most)
	case most == 1:
		return "1 argument"
	default:
		return fmt.Sprintf("%d arguments", most)
	}
}

func (p *parser) arguments() ([]*query.Expr, error) {
	if p.skipSpace(); p.accept(')') {
		return nil, nil
	}
	args := make([]*query.Expr, 0, 2)
	for {
		arg, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
		if p.skipSpace(); !p.accept(',') {
			return args, p.need(')')
		}
	}
}

// seconds makes the functions whose result has seven decimal places: ticks.
func (p *parser) seconds(name string, args []*query.Expr, pos int) (*query.Expr, error) {
	if len(args) != 1 {
		return nil, p.at(pos, "%s takes 1 argument, not %d.", name, len(args))
	}
	const places = 7
	null := query.Type{Kind: query.Instant}
	if name == "totalseconds" {
		null.Kind = query.Duration
	}
	arg := typed(args[0], null)
	kind := arg.Type.Kind
	switch {
	case name == "totalseconds" && kind == query.Duration:
		return p.times(arg, 1, query.Type{Kind: query.Number, Scale: places}, pos)
	case name == "fractionalseconds" && (kind == query.Instant || kind == query.TimeOfDay):
		second, err := p.literal(number(0, 0), query.TicksPerSecond)
		if err != nil {
			return nil, err
		}
		return p.combine("mod", arg, second, query.Type{Kind: query.Number, Scale: places}, pos)
	}
	return nil, p.at(pos, "%s does not take %s.", name, describeType(arg.Type))
}
