package odata

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"plimsoll/internal/query"
)

// literal makes a literal; a number's bounds are itself.
func (p *parser) literal(t query.Type, value any) (*query.Expr, error) {
	if n, ok := value.(int64); ok {
		t.Min, t.Max = n, n
	}
	return p.node(query.Expr{Op: query.Literal, Type: t, Value: value})
}

// quoted reads a text in single quotes, in which a quote is doubled.
func (p *parser) quoted() (string, error) {
	start := p.pos
	p.pos++
	from, doubled := p.pos, false
	for p.pos < len(p.text) {
		if p.text[p.pos] != '\'' {
			p.pos++
			continue
		}
		if p.pos+1 < len(p.text) && p.text[p.pos+1] == '\'' {
			p.pos, doubled = p.pos+2, true
			continue
		}
		text := p.text[from:p.pos]
		p.pos++
		if doubled {
			text = strings.ReplaceAll(text, "''", "'")
		}
		return text, nil
	}
	return "", p.at(start, "the text that begins here has no end: expected a closing quote; a quote within is doubled.")
}

// number reads what begins with a digit or a sign: a number, a date, a time, an
// instant or a GUID. A key is a String here, and so a GUID is its text.
func (p *parser) number() (*query.Expr, error) {
	pos := p.pos
	if p.isGUID() {
		p.pos += guidSize
		return p.literal(query.Type{Kind: query.String}, strings.ToLower(p.text[pos:p.pos]))
	}
	end := pos + 1
	for end < len(p.text) && isNumberByte(p.text[end]) {
		end++
	}
	text := p.text[pos:end]
	if hasShape(text, "dddd-dd-ddT") || hasShape(text, "dddd-dd-ddt") {
		// A + that was not encoded came as a space.
		if rest := p.text[end:]; hasShape(rest, " dd:dd") {
			text, end = text+"+"+rest[1:6], end+6
		}
	}
	p.pos = end
	switch {
	case hasShape(text, "dddd-dd-dd"):
		return p.date(text, pos)
	case hasShape(text, "dd:dd"):
		ticks, ok := parseTimeOfDay(text)
		if !ok {
			return nil, p.at(pos, "expected a time of day such as 07:59:59.999, found %s.", quote(text))
		}
		return p.literal(query.Type{Kind: query.TimeOfDay}, ticks)
	default:
		return p.decimal(text, pos)
	}
}

func isNumberByte(c byte) bool {
	return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '.' || c == ':' || c == '-' || c == '+'
}

// date reads a Date, or with a time an instant.
func (p *parser) date(text string, pos int) (*query.Expr, error) {
	if len(text) > len("2006-01-02") {
		t, ok := ParseDateTimeOffset(text)
		if !ok {
			return nil, p.at(pos, "expected a date and time with an offset, such as 2024-01-31T08:00:00Z, found %s.", quote(text))
		}
		return p.literal(query.Type{Kind: query.Instant}, query.Ticks(t))
	}
	t, ok := parseDate(text)
	if !ok {
		return nil, p.at(pos, "expected a date such as 2024-01-31, found %s.", quote(text))
	}
	return p.literal(query.Type{Kind: query.Date}, query.Ticks(t)/query.TicksPerDay)
}

// parseDate reads an Edm.Date in the years 1 to 9999.
func parseDate(text string) (time.Time, bool) {
	t, err := time.Parse(time.DateOnly, text)
	return t, err == nil && t.Year() >= 1
}

// parseTimeOfDay reads an Edm.TimeOfDay: hh:mm, and if given :ss and a fraction.
func parseTimeOfDay(text string) (ticks int64, ok bool) {
	if len(text) == len("15:04") {
		text += ":00"
	}
	text, ok = cutFraction(text)
	if !ok || !hasShape(text, "dd:dd:dd") {
		return 0, false
	}
	t, err := time.Parse("15:04:05", text)
	if err != nil {
		return 0, false
	}
	return query.Ticks(t.AddDate(1, 0, 0)) % query.TicksPerDay, true // Go reads it into the year 0
}

// decimal reads a number, which is kept exactly.
func (p *parser) decimal(text string, pos int) (*query.Expr, error) {
	mantissa, exponent, hasExponent := strings.Cut(strings.ToLower(text), "e")
	whole, fraction, hasPoint := strings.Cut(mantissa, ".")
	power := 0
	var err error
	if hasExponent {
		power, err = strconv.Atoi(exponent)
	}
	digits := strings.TrimPrefix(whole, "-") + fraction
	if err != nil || hasPoint && fraction == "" || digits == "" || strings.Trim(digits, "0123456789") != "" || whole == "-" || whole == "" {
		return nil, p.at(pos, "expected a number, found %s.", quote(text))
	}
	fraction = strings.TrimRight(fraction, "0")
	if power < -maxScale-20 || power > 20 {
		return nil, p.tooManyDigits(text, pos)
	}
	scale := len(fraction) - power
	literal := whole + fraction
	for ; scale > 0 && strings.HasSuffix(literal, "0"); scale-- {
		literal = literal[:len(literal)-1]
	}
	if scale < 0 {
		literal, scale = literal+strings.Repeat("0", -scale), 0
	}
	if literal == "" || literal == "-" {
		literal, scale = "0", 0
	}
	value, err := strconv.ParseInt(literal, 10, 64)
	if err != nil || scale > maxScale {
		return nil, p.tooManyDigits(text, pos)
	}
	if tenths, fits := multiply(value, 10); hasPoint && scale == 0 && fits {
		value, scale = tenths, 1 // 2.0 is a decimal, by which div does not cut
	}
	return p.literal(query.Type{Kind: query.Number, Scale: uint8(scale)}, value) //nolint:gosec // from 0 to maxScale
}

func (p *parser) tooManyDigits(text string, pos int) error {
	return p.at(pos, "%s has more digits than are kept: 64 bits, and %d decimal places.", quote(text), maxScale)
}

const guidSize = len("00000000-0000-0000-0000-000000000000")

// isGUID tells whether a GUID comes next.
func (p *parser) isGUID() bool {
	rest := p.text[p.pos:]
	if len(rest) < guidSize || len(rest) > guidSize && isNumberByte(rest[guidSize]) {
		return false
	}
	for i := range guidSize {
		c := rest[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'f') {
				return false
			}
		}
	}
	return true
}

// typedLiteral reads a literal that begins with its type: duration'P1D',
// binary'…', or a member of an enum.
func (p *parser) typedLiteral(name string, pos int) (*query.Expr, error) {
	text, err := p.quoted()
	if err != nil {
		return nil, err
	}
	switch strings.ToLower(name) {
	case "duration":
		ticks, ok := parseDuration(text)
		if !ok {
			return nil, p.at(pos, "expected a duration such as duration'P1DT2H30M', found %s.", quote(text))
		}
		return p.literal(query.Type{Kind: query.Duration}, ticks)
	case "binary":
		binary, ok := decodeBase64(text)
		if !ok {
			return nil, p.at(pos, "expected base64 in binary'…', found %s.", quote(text))
		}
		return p.literal(query.Type{Kind: query.Binary}, binary)
	case "guid", "datetime", "datetimeoffset", "time":
		return nil, p.at(pos, "%s'…' is of older versions: write the value without it and without quotes.", name)
	}
	enum := p.typ.enum(name)
	if enum == nil {
		return nil, p.at(pos, "%s is no type of a literal here; durations, binaries and enums have one.", quote(name))
	}
	if !slices.Contains(enum.Members, text) {
		return nil, p.at(pos, "%s is no member of %s; they are %s.", quote(text), name, strings.Join(enum.Members, ", "))
	}
	return p.literal(query.Type{Kind: query.Enum, Enum: enum.Enum, Members: enum.Members}, text)
}

// parseDuration reads an Edm.Duration (XML Schema's dayTimeDuration), of at most
// the ten thousand years that instants span.
func parseDuration(text string) (ticks int64, ok bool) {
	rest, negative := strings.CutPrefix(text, "-")
	if !negative {
		rest = strings.TrimPrefix(rest, "+")
	}
	upper := strings.ToUpper(rest)
	isASCII := len(upper) == len(rest) // letters beyond it, such as the long s, grow or shrink
	rest, ok = strings.CutPrefix(upper, "P")
	if !ok || !isASCII || rest == "" {
		return 0, false
	}
	days, clock, hasTime := strings.Cut(rest, "T")
	if hasTime && clock == "" {
		return 0, false
	}
	ticks, days, ok = durationPart(days, "D", query.TicksPerDay)
	if !ok || days != "" {
		return 0, false
	}
	for _, part := range []struct {
		unit  string
		ticks int64
	}{{"H", 3600 * query.TicksPerSecond}, {"M", 60 * query.TicksPerSecond}, {"S", query.TicksPerSecond}} {
		var n int64
		if n, clock, ok = durationPart(clock, part.unit, part.ticks); !ok {
			return 0, false
		}
		if ticks += n; ticks > query.MaxInstant {
			return 0, false
		}
	}
	if clock != "" {
		return 0, false
	}
	if negative {
		ticks = -ticks
	}
	return ticks, true
}

// durationPart takes the number of a unit from the beginning of text, if it is
// there. Only seconds have a fraction.
func durationPart(text, unit string, ticksEach int64) (ticks int64, rest string, ok bool) {
	number, rest, found := strings.Cut(text, unit)
	if !found {
		return 0, text, true
	}
	whole, fraction, hasPoint := strings.Cut(number, ".")
	n, err := strconv.ParseUint(whole, 10, 63)
	if err != nil || hasPoint && (unit != "S" || fraction == "" || len(fraction) > 12 || strings.Trim(fraction, "0123456789") != "") {
		return 0, "", false
	}
	ticks, fits := multiply(int64(n), ticksEach)
	if !fits || ticks > query.MaxInstant {
		return 0, "", false
	}
	if hasPoint {
		part, _ := strconv.ParseInt((fraction + "0000000")[:7], 10, 64)
		ticks += part
	}
	return ticks, rest, true
}
