package odata

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"plimsoll/internal/query"
)

// DateTimeOffset declares an Edm.DateTimeOffset that is never null.
func DateTimeOffset[T any](name string, field func(*T) *time.Time) Property[T] {
	return property(name, timeCodec(), field)
}

func timeCodec() codec[time.Time] {
	return codec[time.Time]{
		edm:   "Edm.DateTimeOffset",
		typ:   query.Type{Kind: query.Instant, Max: query.MaxInstant},
		want:  "a date and time with an offset, in the years 1 to 9999, such as 2017-01-01T00:01:17.4310553-08:00",
		write: quotedBy(AppendDateTimeOffset),
		raw:   AppendDateTimeOffset,
		read: func(token jsontext.Token) (time.Time, bool) {
			if token.Kind() != '"' {
				return time.Time{}, false
			}
			return ParseDateTimeOffset(token.String())
		},
	}
}

// NullableTime declares an Edm.DateTimeOffset; the zero time is null.
func NullableTime[T any](name string, field func(*T) *time.Time) Property[T] {
	return property(name, zeroIsNull(timeCodec()), field)
}

// TimeOfDay declares an Edm.TimeOfDay that is never null: the time since
// midnight, less than 24 hours. It is kept to 100 ns and written with all seven
// digits, as Graph does.
func TimeOfDay[T any](name string, field func(*T) *time.Duration) Property[T] {
	return property(name, codec[time.Duration]{
		edm:   "Edm.TimeOfDay",
		typ:   query.Type{Kind: query.TimeOfDay, Max: query.TicksPerDay - 1},
		want:  "a time of day such as 11:58:36.2550000",
		write: quotedBy(appendTimeOfDay),
		raw:   appendTimeOfDay,
		read: func(token jsontext.Token) (time.Duration, bool) {
			if token.Kind() != '"' {
				return 0, false
			}
			ticks, ok := parseTimeOfDay(token.String())
			return time.Duration(ticks * 100), ok
		},
	}, field)
}

func appendTimeOfDay(dst []byte, d time.Duration) []byte {
	return time.Time{}.Add(d).AppendFormat(dst, "15:04:05.0000000")
}

// Date declares an Edm.Date that is never null: midnight UTC of a day in the
// years 1 to 9999.
func Date[T any](name string, field func(*T) *time.Time) Property[T] {
	return property(name, codec[time.Time]{
		edm:   "Edm.Date",
		typ:   query.Type{Kind: query.Date, Max: query.MaxDate},
		want:  "a date such as 2017-01-01",
		write: quotedBy(appendDate),
		raw:   appendDate,
		read: func(token jsontext.Token) (time.Time, bool) {
			if token.Kind() != '"' {
				return time.Time{}, false
			}
			return parseDate(token.String())
		},
	}, field)
}

func appendDate(dst []byte, day time.Time) []byte { return day.AppendFormat(dst, time.DateOnly) }

// quotedBy writes in quotes what needs no escape.
func quotedBy[F any](write func([]byte, F) []byte) func([]byte, F) []byte {
	return func(dst []byte, f F) []byte { return append(write(append(dst, '"'), f), '"') }
}
