package store

import (
	"database/sql"
	"time"
)

const (
	ticksPerSecond = 10_000_000
	// secondsToYear1 is Unix time at 0001-01-01T00:00:00Z, negated.
	secondsToYear1 = 62_135_596_800
)

// ticks gives an instant as it is stored: 100 ns steps since year 1, in UTC.
// They sort as time does, in either engine, and reach past the year 9999.
func ticks(t time.Time) int64 {
	return (t.Unix()+secondsToYear1)*ticksPerSecond + int64(t.Nanosecond())/100
}

// nullTicks gives NULL for the zero time.
func nullTicks(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: ticks(t), Valid: !t.IsZero()}
}

func fromTicks(n int64) time.Time {
	return time.Unix(n/ticksPerSecond-secondsToYear1, n%ticksPerSecond*100).UTC()
}

// instant scans ticks into a time; NULL is the zero time.
type instant struct{ to *time.Time }

func (i instant) Scan(value any) error {
	var n sql.NullInt64
	if err := n.Scan(value); err != nil {
		return err
	}
	*i.to = time.Time{}
	if n.Valid {
		*i.to = fromTicks(n.Int64)
	}
	return nil
}
