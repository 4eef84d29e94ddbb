package query

import "time"

// secondsToYear1 is Unix time at 0001-01-01T00:00:00Z, negated.
const secondsToYear1 = 62_135_596_800

// Ticks gives a time as an [Instant]; what is finer than a tick is cut off.
func Ticks(t time.Time) int64 {
	return (t.Unix()+secondsToYear1)*TicksPerSecond + int64(t.Nanosecond())/100
}

// Time gives the time, in UTC, of an [Instant].
func Time(ticks int64) time.Time {
	return time.Unix(ticks/TicksPerSecond-secondsToYear1, ticks%TicksPerSecond*100).UTC()
}
