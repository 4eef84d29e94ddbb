package store

import (
	"database/sql"
	"time"

	"plimsoll/internal/query"
)

// ticks gives an instant as it is stored: 100 ns steps since year 1, in UTC.
// They sort as time does, in either engine, and reach past the year 9999.
func ticks(t time.Time) int64 { return query.Ticks(t) }

// nullTicks gives NULL for the zero time.
func nullTicks(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: ticks(t), Valid: !t.IsZero()}
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
		*i.to = query.Time(n.Int64)
	}
	return nil
}

// zeroInstant scans ticks into a time; 0 is the zero time.
type zeroInstant time.Time

// Scan implements [sql.Scanner].
func (i *zeroInstant) Scan(value any) error {
	var n sql.NullInt64
	if err := n.Scan(value); err != nil {
		return err
	}
	*i = zeroInstant{}
	if n.Int64 != 0 {
		*i = zeroInstant(query.Time(n.Int64))
	}
	return nil
}
