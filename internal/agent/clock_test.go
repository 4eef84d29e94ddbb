package agent

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
	_ "time/tzdata" // the zones, wherever the tests run

	"github.com/google/go-cmp/cmp"
)

// settleDown lets an agent do all that there is to do at the time that it is.
func settleDown(ctx context.Context, a *Agent) {
	for a.step(ctx); a.isBusy(); a.step(ctx) {
		(<-a.events)()
	}
}

// TestClocks lets an agent live through days whose clocks change, asleep and awake,
// and through clocks that are set: each script runs when it is due, once.
func TestClocks(t *testing.T) {
	t.Parallel()
	daily := map[string]any{"kind": "daily", "interval": 1, "useUtc": false, "time": "02:30:00"}
	const minute = time.Minute
	for name, c := range map[string]struct {
		zone, begin string
		schedule    map[string]any
		steps       []time.Duration // by which the clock goes on, or is set
		want        []string        // runs, but for the first, by the zone's clocks; this device's are eight minutes late
	}{
		"spring in Berlin": {
			"Europe/Berlin", "2027-03-27T00:00:00+01:00", daily, every(20*minute, 72*time.Hour),
			[]string{"27 02:40", "28 03:20", "29 02:40"},
		},
		"autumn in Berlin": {
			"Europe/Berlin", "2027-10-30T00:00:00+02:00", daily, every(20*minute, 72*time.Hour),
			[]string{"30 02:40", "31 02:40", "01 02:40"},
		},
		"spring in New York": {
			"America/New_York", "2027-03-13T00:00:00-05:00", daily, every(20*minute, 72*time.Hour),
			[]string{"13 02:40", "14 03:20", "15 02:40"},
		},
		"autumn on Lord Howe": {
			"Australia/Lord_Howe", "2027-04-03T00:00:00+11:00", daily, every(20*minute, 72*time.Hour),
			[]string{"03 02:40", "04 02:50", "05 02:50"},
		},
		"autumn in Berlin, in UTC": {
			"Europe/Berlin", "2027-10-30T00:00:00Z",
			map[string]any{"kind": "daily", "interval": 1, "useUtc": true, "time": "02:30:00"},
			every(20*minute, 72*time.Hour),
			[]string{"30 04:40", "31 03:40", "01 03:40"},
		},
		"asleep for four days": {
			"UTC", "2027-06-01T00:00:00Z", daily, append([]time.Duration{3 * time.Hour, 96 * time.Hour}, every(20*minute, 24*time.Hour)...),
			[]string{"01 03:00", "05 03:00", "06 02:40"},
		},
		"set back by an hour, twice": {
			"UTC", "2027-06-01T02:00:00Z", daily,
			append([]time.Duration{45 * minute, -time.Hour, 45 * minute, -time.Hour}, every(20*minute, 24*time.Hour)...),
			[]string{"01 02:45"},
		},
		"ahead by a year for a while": {
			"UTC", "2027-06-01T00:00:00Z", daily,
			append([]time.Duration{365 * 24 * time.Hour, -365 * 24 * time.Hour}, every(20*minute, 24*time.Hour)...),
			[]string{"31 00:00", "01 00:00", "01 02:40"},
		},
		"hourly, through the autumn": {
			"Europe/Berlin", "2027-10-31T01:00:00+02:00",
			map[string]any{"kind": "hourly", "interval": 1, "useUtc": false},
			every(10*minute, 4*time.Hour),
			[]string{"31 01:20", "31 02:20", "31 02:20", "31 03:20"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			zone, err := time.LoadLocation(c.zone)
			if err != nil {
				t.Fatal(err)
			}
			now, err := time.Parse(time.RFC3339, c.begin)
			if err != nil {
				t.Fatal(err)
			}
			s := newScripted(t)
			script := s.script(1, "#!/bin/sh\n")
			script["schedule"] = c.schedule
			s.give(script)
			settings, _ := s.settings(t, nil)
			var clock atomic.Pointer[time.Time] // also what waits for the server looks at it
			clock.Store(&now)
			settings.Now, settings.Zone = func() time.Time { return *clock.Load() }, func() *time.Location { return zone }
			a, err := Open(settings)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := a.Close(); err != nil {
					t.Error(err)
				}
			}()
			ctx, cancel := context.WithCancel(t.Context())
			defer a.work.Wait()
			defer cancel()
			settleDown(ctx, a)
			for i, step := range c.steps {
				clock.Store(new(clock.Load().Add(step)))
				settleDown(ctx, a)
				settleDown(ctx, a) // looking again changes nothing
				if i%10 == 9 {     // nor does a new process
					cancel()
					a.work.Wait()
					if err := a.Close(); err != nil {
						t.Fatal(err)
					}
					if a, err = Open(settings); err != nil {
						t.Fatal(err)
					}
					ctx, cancel = context.WithCancel(t.Context())
				}
			}
			cancel()
			var ran []string
			for _, result := range s.results()[1:] { // it ran at once, as it was new
				ran = append(ran, result.RanAt.In(zone).Format("02 15:04"))
				if !result.DueAt.After(result.RanAt) {
					t.Errorf("%s, and next at %s", result.RanAt, result.DueAt)
				}
			}
			if diff := cmp.Diff(c.want, ran); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func every(step, through time.Duration) (steps []time.Duration) {
	for at := step; at <= through; at += step {
		steps = append(steps, step)
	}
	return steps
}

// TestLocalZone changes the machine's zone while the agent runs.
func TestLocalZone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "localtime")
	z := LocalZone{file: path}
	if z.Location() != time.Local {
		t.Error("without a file it is another")
	}
	for _, name := range []string{"Europe/Berlin", "Asia/Tokyo", "Asia/Tokyo"} {
		data, err := os.ReadFile("/usr/share/zoneinfo/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		want, _ := time.LoadLocation(name)
		at := time.Unix(1_800_000_000, 0)
		if got := at.In(z.Location()).Format(time.RFC3339); got != at.In(want).Format(time.RFC3339) {
			t.Errorf("%s: %s", name, got)
		}
	}
	if err := os.WriteFile(path, []byte("no zone"), 0o600); err != nil {
		t.Fatal(err)
	}
	if z.Location() != time.Local {
		t.Error("of what is no zone comes another")
	}
}
