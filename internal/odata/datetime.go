package odata

import (
	"strings"
	"time"
)

// ParseDateTimeOffset reads an Edm.DateTimeOffset (OData ABNF,
// dateTimeOffsetValue): a date, a time with up to 12 fractional digits, and an
// offset, which is required. The instant is given in UTC and cut to 100 ns, as
// Graph keeps it; its year in UTC is from 1 to 9999.
func ParseDateTimeOffset(text string) (time.Time, bool) {
	upper := strings.ToUpper(text) // the ABNF leaves the case open; Go does not
	if len(upper) > len("2006-01-02T15:04:05.123456789012+14:00") || !hasShape(upper, "dddd-dd-ddTdd:dd") {
		return time.Time{}, false
	}
	layout := time.RFC3339Nano
	if upper[16:] != "" && upper[16] != ':' { // the ABNF leaves the seconds open too
		layout = "2006-01-02T15:04Z07:00"
	} else if !hasShape(upper[16:], ":dd") {
		return time.Time{}, false
	}
	upper, ok := cutFraction(upper)
	if !ok || !offsetInRange(upper) {
		return time.Time{}, false
	}
	t, err := time.Parse(layout, upper)
	if err != nil {
		return time.Time{}, false
	}
	t = t.UTC()
	return t, t.Year() >= 1 && t.Year() <= 9999
}

// hasShape tells whether text begins with shape, in which d is any digit.
func hasShape(text, shape string) bool {
	if len(text) < len(shape) {
		return false
	}
	for i := range len(shape) {
		isDigit := text[i] >= '0' && text[i] <= '9'
		if shape[i] == 'd' && !isDigit || shape[i] != 'd' && text[i] != shape[i] {
			return false
		}
	}
	return true
}

// cutFraction shortens the fraction of a second to 7 digits, and refuses what
// Go's parser would let pass: a comma for the point, more than 12 digits.
func cutFraction(text string) (string, bool) {
	if strings.Contains(text, ",") {
		return "", false
	}
	point := strings.IndexByte(text, '.')
	if point < 0 {
		return text, true
	}
	end := point + 1
	for end < len(text) && text[end] >= '0' && text[end] <= '9' {
		end++
	}
	digits := end - point - 1
	if digits == 0 || digits > 12 {
		return "", false
	}
	return text[:point+1+min(digits, 7)] + text[end:], true
}

// offsetInRange holds the offset to the 14 hours that XML Schema and .NET allow.
func offsetInRange(text string) bool {
	if strings.HasSuffix(text, "Z") {
		return true
	}
	if len(text) < 6 {
		return false
	}
	offset := text[len(text)-5:]
	return offset <= "14:00"
}

// AppendDateTimeOffset writes t as Graph does: UTC, with up to 7 fractional
// digits and without trailing zeros.
func AppendDateTimeOffset(dst []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(dst, "2006-01-02T15:04:05.9999999Z")
}
