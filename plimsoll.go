// Package plimsoll is the domain of a compliance service: what a detection
// script is, what its run summary says, and which values are refused.
//
// It imports the standard library only and knows neither transport nor
// storage. Words are those of Microsoft Graph beta's
// deviceManagement/deviceComplianceScripts.
package plimsoll

import (
	"time"
	"unicode/utf8"
)

// Tick is the resolution of every instant: 100 nanoseconds, that of
// Edm.DateTimeOffset as Graph serves it.
const Tick = 100 * time.Nanosecond

// Instant gives t in UTC, cut to a Tick. The year must lie from 1 to 9999 in
// UTC; the error is [Invalid] and names property.
func Instant(property string, t time.Time) (time.Time, error) {
	t = t.UTC()
	if t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, Invalidf(property, "%s must lie in the years 1 to 9999 in UTC.", property)
	}
	return t.Truncate(Tick), nil
}

// checkText refuses what some engine could not keep as it is: text longer than
// limit characters, invalid UTF-8, or U+0000.
func checkText(property, text string, limit int) error {
	if n := utf8.RuneCountInString(text); n > limit {
		return Invalidf(property, "%s has %d characters; at most %d are kept.", property, n, limit)
	}
	if !utf8.ValidString(text) {
		return Invalidf(property, "%s is not valid UTF-8.", property)
	}
	for i := range len(text) {
		if text[i] == 0 {
			return Invalidf(property, "%s holds the character U+0000, which cannot be kept; leave it out.", property)
		}
	}
	return nil
}
