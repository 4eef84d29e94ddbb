package store

import (
	"fmt"

	"plimsoll/internal/query"
)

// whiteSpace is every character of Unicode's White_Space property.
const whiteSpace = "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a" +
	"\u2028\u2029\u202f\u205f\u3000"

// format writes the arguments of e into their places.
func (c *compiler) format(form string, e *query.Expr) string {
	args := make([]any, len(e.Args))
	for i, arg := range e.Args {
		args[i] = c.value(arg)
	}
	return fmt.Sprintf(form, args...)
}

// function writes what is null where an argument is.
func (c *compiler) function(e *query.Expr) string {
	switch e.Op {
	case query.Negate, query.Add, query.Sub, query.Mul, query.Div, query.Mod:
		return c.arithmetic(e)
	case query.StartsWith:
		return "(" + c.format(c.dialect.position, e) + " = 1)"
	case query.Contains:
		return "(" + c.format(c.dialect.position, e) + " > 0)"
	case query.EndsWith:
		return c.let(func(v ...string) string {
			return fmt.Sprintf("length(%[1]s) >= length(%[2]s) AND substr(%[1]s, length(%[1]s) - length(%[2]s) + 1) = %[2]s",
				v[0], v[1])
		}, e.Args...)
	case query.IndexOf:
		return "(CAST(" + c.format(c.dialect.position, e) + " AS bigint) - 1)"
	case query.Length:
		return c.format("CAST(length(%s) AS bigint)", e)
	case query.Concat:
		return c.format("(%s || %s)", e)
	case query.Trim:
		return "trim(" + c.value(e.Args[0]) + ", " + c.bind(whiteSpace, query.String) + ")"
	case query.ToLower, query.ToUpper:
		if sql := c.columns[e.Args[0].Name+folded]; sql != "" && e.Op == query.ToLower && e.Args[0].Op == query.Field {
			return sql
		}
		return c.dialect.changeCase(c, e)
	case query.Substring:
		return c.let(substring, e.Args...)
	default:
		return c.timePart(e)
	}
}

func (c *compiler) arithmetic(e *query.Expr) string {
	switch e.Op {
	case query.Negate:
		return c.format("(-%s)", e)
	case query.Mul:
		return c.format("(%s * %s)", e)
	case query.Div:
		return c.format("(%s / nullif(%s, 0))", e)
	case query.Mod:
		return c.format("(%s %% nullif(%s, 0))", e)
	}
	if kind := e.Type.Kind; kind == query.Instant || kind == query.Date {
		return c.moved(e)
	}
	if e.Op == query.Add {
		return c.format("(%s + %s)", e)
	}
	return c.format("(%s - %s)", e)
}

// moved writes an Instant or a Date that is moved, or null where it would leave
// its range. The condition itself cannot overflow.
func (c *compiler) moved(e *query.Expr) string {
	last := query.MaxInstant
	if e.Type.Kind == query.Date {
		last = query.MaxDate
	}
	form := "CASE WHEN %[2]s BETWEEN 0 - %[1]s AND %[3]d - %[1]s THEN %[1]s + %[2]s END"
	if e.Op == query.Sub {
		form = "CASE WHEN %[2]s BETWEEN %[1]s - %[3]d AND %[1]s THEN %[1]s - %[2]s END"
	}
	return c.let(func(v ...string) string { return fmt.Sprintf(form, v[0], v[1], last) }, e.Args...)
}

// substring counts from 1 and bounds its numbers by more than any text has
// characters: PostgreSQL takes an int4 and refuses a negative length.
func substring(v ...string) string {
	const bounded = "CAST(CASE WHEN %[1]s < 0 THEN 0 WHEN %[1]s > 1000000000 THEN 1000000000 ELSE %[1]s END AS integer)"
	from := fmt.Sprintf(bounded, v[1]) + " + 1"
	if len(v) == 2 {
		return "substr(" + v[0] + ", " + from + ")"
	}
	return "substr(" + v[0] + ", " + from + ", " + fmt.Sprintf(bounded, v[2]) + ")"
}

// civil counts days in years that begin in March, so that the leap day comes
// last: y is the year, from 0; doy the day of it, from 0; mp its month, from 0.
const civil = `(SELECT %s FROM (SELECT y, doy, (5 * doy + 2) / 153 AS mp FROM
	(SELECT era * 400 + yoe AS y, doe - (365 * yoe + yoe / 4 - yoe / 100) AS doy FROM
	(SELECT era, doe, (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365 AS yoe FROM
	(SELECT z / 146097 AS era, z %% 146097 AS doe FROM
	(SELECT %s + 306 AS z LIMIT 1) AS d0) AS d1) AS d2) AS d3) AS d4)`

func (c *compiler) timePart(e *query.Expr) string {
	switch e.Op {
	case query.Year:
		return fmt.Sprintf(civil, "CASE WHEN mp < 10 THEN y ELSE y + 1 END", c.days(e.Args[0]))
	case query.Month:
		return fmt.Sprintf(civil, "CASE WHEN mp < 10 THEN mp + 3 ELSE mp - 9 END", c.days(e.Args[0]))
	case query.Day:
		return fmt.Sprintf(civil, "doy - (153 * mp + 2) / 5 + 1", c.days(e.Args[0]))
	case query.Hour:
		return c.format("(%s / 36000000000 %% 24)", e)
	case query.Minute:
		return c.format("(%s / 600000000 %% 60)", e)
	case query.Second:
		return c.format("(%s / 10000000 %% 60)", e)
	case query.DateOf:
		return c.days(e.Args[0])
	case query.TimeOf:
		return c.format(fmt.Sprintf("(%%s %%%% %d)", query.TicksPerDay), e)
	default:
		return c.fault("operation %d is unknown", e.Op)
	}
}

// days writes the Date of an Instant or a Date.
func (c *compiler) days(e *query.Expr) string {
	if e.Type.Kind == query.Date {
		return c.value(e)
	}
	return fmt.Sprintf("(%s / %d)", c.value(e), query.TicksPerDay)
}
