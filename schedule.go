package plimsoll

import (
	"hash/fnv"
	"time"
)

// ScheduleKind is how often a script runs.
type ScheduleKind string

// The kinds, by Graph's types.
const (
	ScheduleHourly ScheduleKind = "deviceHealthScriptHourlySchedule"  // every Interval hours
	ScheduleDaily  ScheduleKind = "deviceHealthScriptDailySchedule"   // every Interval days, at Time
	ScheduleOnce   ScheduleKind = "deviceHealthScriptRunOnceSchedule" // on Date, at Time
)

// Schedule says when a script runs on a device.
type Schedule struct {
	Kind     ScheduleKind
	Interval int32         // 1 to 23; hours of an hourly schedule, days of a daily one
	UseUTC   bool          // Time and Date are in UTC, and else in the device's own zone
	Time     time.Duration // since midnight; of a daily and a run-once schedule
	Date     time.Time     // midnight in UTC of the day; of a run-once schedule
}

// every gives how long lies between two runs, to tell which schedule is shorter.
func (s *Schedule) every() time.Duration {
	switch s.Kind {
	case ScheduleHourly:
		return time.Duration(s.Interval) * time.Hour
	case ScheduleDaily:
		return time.Duration(s.Interval) * 24 * time.Hour
	default:
		return 100 * 365 * 24 * time.Hour
	}
}

// Rank orders schedules: of several that reach a device, the one with the lowest
// rank holds, which is that of the shortest interval.
func (s *Schedule) Rank() int64 { return int64(s.every() / time.Hour) }

// DefaultSchedule is that of an assignment without one: every day at midnight of
// the device.
func DefaultSchedule() Schedule { return Schedule{Kind: ScheduleDaily, Interval: 1} }

// Validate refuses a schedule by which nothing can run.
func (s *Schedule) Validate() error {
	switch s.Kind {
	case ScheduleHourly, ScheduleDaily:
		if s.Interval < 1 || s.Interval > 23 {
			return Invalidf("runSchedule/interval", "runSchedule/interval must be from 1 to 23.")
		}
	case ScheduleOnce:
		if s.Date.IsZero() {
			return Invalidf("runSchedule/date", "runSchedule/date must be the day of the run, such as 2027-01-31.")
		}
	default:
		return Invalidf("runSchedule", "runSchedule must be one of %s, %s and %s.", ScheduleHourly, ScheduleDaily, ScheduleOnce)
	}
	if s.Time < 0 || s.Time >= day {
		return Invalidf("runSchedule/time", "runSchedule/time must be a time of day.")
	}
	return nil
}

// Spread is where a device stands among all that run a script: what runs at the
// same time by its schedule begins a little later on one than on another.
type Spread uint64

// SpreadOf gives the spread of a script's runs on a device: always the same.
func SpreadOf(deviceID, scriptID string) Spread {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(deviceID + ":" + scriptID)) // never fails
	return Spread(hash.Sum64())
}

const (
	day = 24 * time.Hour
	// latest is how much later than the time of its schedule a daily script, or one
	// that runs once, begins at most.
	latest = 10 * time.Minute
)

// within gives the spread as a part of d, in whole seconds.
func (s Spread) within(d time.Duration) time.Duration {
	return time.Duration(uint64(s)%uint64(d/time.Second)) * time.Second //nolint:gosec // less than d
}

// Next gives the first time after another at which a script runs by its schedule,
// on a device in the zone; the zero time is never. An hourly script runs every so
// many hours of the clock that knows no daylight-saving time. For the others, a
// time that the zone's clocks pass over is the moment at which they do, and of a
// time that they show twice it is the first.
func (s *Schedule) Next(after time.Time, zone *time.Location, spread Spread) time.Time {
	if s.UseUTC {
		zone = time.UTC
	}
	switch s.Kind {
	case ScheduleHourly:
		return spread.Next(after, s.every())
	case ScheduleOnce:
		year, month, date := s.Date.Date()
		if at := s.on(year, month, date, zone, spread); at.After(after) {
			return at
		}
		return time.Time{}
	default:
		return s.nextDaily(after, zone, spread)
	}
}

// Next gives the first time after another at which the device does what all do every
// so often, in whole seconds: each has its own place within.
func (s Spread) Next(after time.Time, every time.Duration) time.Time {
	period := int64(every / time.Second)
	offset := int64(s.within(every) / time.Second)
	seconds := after.Unix() - offset
	periods := seconds / period
	if seconds < 0 && seconds%period != 0 {
		periods-- // rounded down, also before 1970
	}
	return time.Unix((periods+1)*period+offset, 0).UTC()
}

// nextDaily looks at the days from the one before, as the spread may take a run
// past midnight.
func (s *Schedule) nextDaily(after time.Time, zone *time.Location, spread Spread) time.Time {
	year, month, date := after.In(zone).Date()
	for d := date - 1; ; d++ {
		number := time.Date(year, month, d, 0, 0, 0, 0, time.UTC).Unix() / int64(day/time.Second)
		if (number+int64(spread%23))%int64(s.Interval) != 0 { // each device has its own days
			continue
		}
		if at := s.on(year, month, d, zone, spread); at.After(after) {
			return at
		}
	}
}

// on gives when the script runs on a day.
func (s *Schedule) on(year int, month time.Month, date int, zone *time.Location, spread Spread) time.Time {
	wall := time.Date(year, month, date, 0, 0, 0, 0, time.UTC).Add(s.Time)
	return atWall(wall, zone).Add(spread.within(latest)).UTC()
}

// atWall gives when clocks in the zone show first what wall shows in UTC, or the
// moment at which they pass over it.
func atWall(wall time.Time, zone *time.Location) time.Time {
	at := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), wall.Nanosecond(), zone)
	start, end := at.ZoneBounds()
	switch shown := shownBy(at); {
	case shown.After(wall): // passed over, and taken by the offset before
		return start
	case shown.Before(wall):
		return end
	}
	if start.IsZero() {
		return at
	}
	_, before := start.Add(-1).Zone()
	if earlier := wall.Add(-time.Duration(before) * time.Second); earlier.Before(start) {
		return earlier // and at is the second time
	}
	return at
}

// shownBy gives what clocks show at a time, as if they were in UTC.
func shownBy(at time.Time) time.Time {
	_, offset := at.Zone()
	return at.UTC().Add(time.Duration(offset) * time.Second)
}

// Progress is how far a device is with a script.
type Progress struct {
	Revision   int64     // of the latest run; 0: it never ran
	RanAt      time.Time // when that run began, by the device's clock
	RunRequest int64     // the latest request to run at once that a run answered
}

// DueAt gives when a script of the revision is to run next on a device, at the
// time now; the zero time is never. A revision that is new to the device is due at
// once, unless it is to run once and later. What was missed is due once, however
// often it was. A clock that was set back a little runs nothing twice; one that was
// ahead by more than the interval says nothing of when the script ran, and so it is
// due at once.
func (s *Schedule) DueAt(p *Progress, revision int64, now time.Time, zone *time.Location, spread Spread) time.Time {
	if p.Revision != revision {
		if first := s.Next(now, zone, spread); s.Kind == ScheduleOnce && !first.IsZero() {
			return first
		}
		return now
	}
	if p.RanAt.After(now.Add(s.every())) {
		return now
	}
	return s.Next(p.RanAt, zone, spread)
}
