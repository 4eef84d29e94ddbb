package plimsoll_test

import (
	"testing"
	"time"
	_ "time/tzdata" // the zones, wherever the tests run

	"pgregory.net/rapid"

	"plimsoll"
)

func zone(t rapid.TB, name string) *time.Location {
	t.Helper()
	location, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return location
}

// TestDailyThroughClockChanges holds daily runs against what clocks show on the
// days on which they change.
func TestDailyThroughClockChanges(t *testing.T) {
	t.Parallel()
	const hour = time.Hour
	for _, c := range []struct {
		zone  string
		time  time.Duration
		after string
		want  string
	}{
		{"Europe/Berlin", 11 * hour, "2027-03-27T10:00:00Z", "2027-03-28T09:00:00Z"},               // 11:00 is an hour earlier from here on
		{"Europe/Berlin", 2*hour + 30*time.Minute, "2027-03-28T00:00:00Z", "2027-03-28T01:00:00Z"}, // 02:30 is passed over at 02:00
		{"Europe/Berlin", 2*hour + 30*time.Minute, "2027-03-28T01:00:00Z", "2027-03-29T00:30:00Z"},
		{"Europe/Berlin", 2*hour + 30*time.Minute, "2027-10-31T00:00:00Z", "2027-10-31T00:30:00Z"}, // the first 02:30
		{"Europe/Berlin", 2*hour + 30*time.Minute, "2027-10-31T00:30:00Z", "2027-11-01T01:30:00Z"}, // and not the second
		{"America/New_York", 2 * hour, "2027-03-14T06:00:00Z", "2027-03-14T07:00:00Z"},
		{"America/New_York", 1*hour + 30*time.Minute, "2027-11-07T05:00:00Z", "2027-11-07T05:30:00Z"},
		{"America/New_York", 1*hour + 30*time.Minute, "2027-11-07T06:00:00Z", "2027-11-08T06:30:00Z"},
		{"Australia/Lord_Howe", 2*hour + 15*time.Minute, "2027-10-02T15:00:00Z", "2027-10-02T15:30:00Z"}, // half an hour is passed over
		{"America/Sao_Paulo", 0, "2018-11-03T12:00:00Z", "2018-11-04T03:00:00Z"},                         // a day that begins at 01:00
		{"Africa/Casablanca", 2 * hour, "2027-02-06T12:00:00Z", "2027-02-07T01:00:00Z"},                  // Ramadan takes an hour back
		{"Pacific/Apia", 12 * hour, "2011-12-29T23:00:00Z", "2011-12-30T10:00:00Z"},                      // a day that never was
		{"Pacific/Apia", 12 * hour, "2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z"},
		{"Asia/Kathmandu", 0, "2027-01-01T00:00:00Z", "2027-01-01T18:15:00Z"},
		{"UTC", 23*hour + 59*time.Minute + 59*time.Second, "2027-01-01T23:59:59Z", "2027-01-02T23:59:59Z"},
	} {
		s := plimsoll.Schedule{Kind: plimsoll.ScheduleDaily, Interval: 1, Time: c.time}
		if got := s.Next(instant(t, c.after), zone(t, c.zone), 0); got.Format(time.RFC3339) != c.want {
			t.Errorf("%s at %s after %s: %s, want %s", c.zone, c.time, c.after, got.Format(time.RFC3339), c.want)
		}
	}
}

func instant(t rapid.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestOnce(t *testing.T) {
	t.Parallel()
	day := time.Date(2027, 3, 28, 0, 0, 0, 0, time.UTC)
	local := plimsoll.Schedule{Kind: plimsoll.ScheduleOnce, Date: day, Time: 11 * time.Hour}
	utc := local
	utc.UseUTC = true
	berlin, at, atUTC := zone(t, "Europe/Berlin"), day.Add(9*time.Hour), day.Add(11*time.Hour)
	never := time.Time{}
	for name, c := range map[string]struct {
		schedule plimsoll.Schedule
		progress plimsoll.Progress
		revision int64
		now      time.Time
		want     time.Time
	}{
		"waits for its day":                 {local, plimsoll.Progress{}, 1, day, at},
		"in UTC":                            {utc, plimsoll.Progress{}, 1, day, atUTC},
		"missed, runs at once":              {local, plimsoll.Progress{}, 1, day.Add(48 * time.Hour), day.Add(48 * time.Hour)},
		"ran":                               {local, plimsoll.Progress{Revision: 1, RanAt: at.Add(time.Second)}, 1, at.Add(time.Hour), never},
		"ran, and a new revision came":      {local, plimsoll.Progress{Revision: 1, RanAt: at}, 2, at.Add(time.Hour), at.Add(time.Hour)},
		"ran, and is to run on a later day": {local, plimsoll.Progress{Revision: 1, RanAt: day.Add(-time.Hour)}, 1, day, at},
		"ran, and the clock was set back":   {local, plimsoll.Progress{Revision: 1, RanAt: at}, 1, day, never},
	} {
		if got := c.schedule.DueAt(&c.progress, c.revision, c.now, berlin, 0); !got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func drawSchedule(t *rapid.T) plimsoll.Schedule {
	return plimsoll.Schedule{
		Kind:     rapid.SampledFrom([]plimsoll.ScheduleKind{plimsoll.ScheduleHourly, plimsoll.ScheduleDaily}).Draw(t, "kind"),
		Interval: rapid.Int32Range(1, 23).Draw(t, "interval"),
		UseUTC:   rapid.Bool().Draw(t, "utc"),
		Time:     time.Duration(rapid.Int64Range(0, int64(24*time.Hour)-1).Draw(t, "time")),
	}
}

func drawZone(t *rapid.T) *time.Location {
	return zone(t, rapid.SampledFrom([]string{
		"UTC", "Europe/Berlin", "Europe/London", "America/New_York", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia",
		"Africa/Casablanca", "America/Sao_Paulo", "Asia/Tehran", "Asia/Kathmandu", "Pacific/Chatham", "America/Nuuk",
	}).Draw(t, "zone"))
}

func drawInstant(t *rapid.T) time.Time {
	return time.Unix(rapid.Int64Range(instant(t, "2000-01-01T00:00:00Z").Unix(), instant(t, "2040-01-01T00:00:00Z").Unix()).Draw(t, "at"), 0)
}

// TestNextIsNext holds schedules to what makes them one: each next time is later,
// no time lies between two that follow each other, and they follow as closely as
// the schedule says, but for what the zone's clocks do.
func TestNextIsNext(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, where, spread := drawSchedule(t), drawZone(t), plimsoll.Spread(rapid.Uint64().Draw(t, "spread"))
		after := drawInstant(t)
		first := s.Next(after, where, spread)
		second := s.Next(first, where, spread)
		if !first.After(after) || !second.After(first) {
			t.Fatalf("after %s: %s, %s", after, first, second)
		}
		between := first.Add(time.Duration(rapid.Int64Range(0, int64(second.Sub(first))-1).Draw(t, "between")))
		if got := s.Next(between, where, spread); !got.Equal(second) {
			t.Fatalf("after %s: %s, want %s", between, got, second)
		}
		every, slack := time.Duration(s.Interval)*time.Hour, time.Duration(0)
		if s.Kind == plimsoll.ScheduleDaily {
			every = 24 * every
			if !s.UseUTC && where != time.UTC {
				slack = 3 * time.Hour
				if where.String() == "Pacific/Apia" {
					slack = 25 * time.Hour
				}
			}
		}
		if gap := second.Sub(first); gap < every-slack || gap > every+slack {
			t.Fatalf("%s after %s, not %s", second, first, every)
		}
	})
}

// TestSpread has a thousand devices run the same script.
func TestSpread(t *testing.T) {
	t.Parallel()
	after := instant(t, "2027-06-01T10:30:00Z")
	hourly := plimsoll.Schedule{Kind: plimsoll.ScheduleHourly, Interval: 4}
	daily := plimsoll.Schedule{Kind: plimsoll.ScheduleDaily, Interval: 1, Time: 11 * time.Hour}
	quarters, minutes := map[int]int{}, map[int]int{}
	for i := range 1000 {
		spread := plimsoll.SpreadOf(string(rune('a'+i%26))+time.Duration(i).String(), "script")
		quarters[int(hourly.Next(after, time.UTC, spread).Sub(after)/time.Hour)]++
		late := daily.Next(after, time.UTC, spread).Sub(instant(t, "2027-06-01T11:00:00Z"))
		if late < 0 || late >= 10*time.Minute {
			t.Errorf("%s late", late)
		}
		minutes[int(late/time.Minute)]++
	}
	if len(quarters) != 4 || len(minutes) != 10 {
		t.Errorf("%v, %v", quarters, minutes)
	}
	for _, n := range quarters {
		if n < 150 {
			t.Errorf("unevenly spread: %v", quarters)
		}
	}
}

// TestRunsThroughAnyClock lets a device live through days in which its clock
// jumps, it sleeps and it starts again, and looks at what is due whenever it is
// awake: a missed run happens once on waking, none happens twice, and none is held
// up for longer than the schedule's interval.
func TestRunsThroughAnyClock(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, where, spread := drawSchedule(t), drawZone(t), plimsoll.Spread(rapid.Uint64().Draw(t, "spread"))
		every := time.Duration(s.Interval) * time.Hour
		if s.Kind == plimsoll.ScheduleDaily {
			every *= 24
		}
		now := drawInstant(t)
		var p plimsoll.Progress
		var idle time.Duration // awake or not, since the last run, by a clock that is never set
		for range 50 {
			runs := 0
			for range 3 { // a device that looks again and again
				if due := s.DueAt(&p, 1, now, where, spread); !due.IsZero() && !due.After(now) {
					p, runs, idle = plimsoll.Progress{Revision: 1, RanAt: now}, runs+1, 0
				}
			}
			if runs > 1 {
				t.Fatalf("%d runs at %s", runs, now)
			}
			if idle > 3*every+72*time.Hour {
				t.Fatalf("nothing for %s at %s, every %s", idle, now, every)
			}
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0: // time passes
				d := time.Duration(rapid.Int64Range(0, int64(every)).Draw(t, "passes"))
				now, idle = now.Add(d), idle+d
			case 1: // it sleeps for long
				d := time.Duration(rapid.Int64Range(0, int64(every*10)).Draw(t, "sleeps"))
				if before := s.Next(p.RanAt, where, spread); now.Add(d).After(before) && !s.DueAt(&p, 1, now.Add(d), where, spread).Equal(before) {
					t.Fatalf("what was missed at %s is not due at %s", before, now.Add(d))
				}
				now, idle = now.Add(d), 0
			case 2: // its clock is set back a little: what ran at a time does not run at it again
				set := now.Add(-time.Duration(rapid.Int64Range(0, int64(every)/2).Draw(t, "back")))
				if due := s.DueAt(&p, 1, set, where, spread); !due.After(p.RanAt) && p.RanAt.Sub(set) <= every {
					t.Fatalf("%s is due again, though it ran at %s", due, p.RanAt)
				}
				now = set
			case 3: // its clock was years ahead
				ahead := now.AddDate(8, 0, 0)
				far := plimsoll.Progress{Revision: 1, RanAt: ahead}
				if due := s.DueAt(&far, 1, now, where, spread); !due.Equal(now) {
					t.Fatalf("held up until %s at %s", due, now)
				}
			}
		}
	})
}
