package throttle_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"plimsoll"
	"plimsoll/internal/throttle"
)

// clock is a clock that a test sets.
type clock struct{ at time.Time }

func newClock() *clock                { return &clock{at: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)} }
func (c *clock) now() time.Time       { return c.at }
func (c *clock) wait(d time.Duration) { c.at = c.at.Add(d) }
func ignore(string)                   {}

// wait gives how long a request has to wait, 0 where it gets through.
func wait(t rapid.TB, err error) time.Duration {
	t.Helper()
	if err == nil {
		return 0
	}
	e, ok := errors.AsType[*plimsoll.Error](err)
	if !ok || e.Code != plimsoll.TooManyRequests || e.RetryAfter <= 0 {
		t.Fatalf("refused with %#v", err)
	}
	return e.RetryAfter
}

// bound is what a rate lets through at once.
func bound(rate float64, burst time.Duration) float64 {
	return max(1, math.Round(rate*burst.Seconds()))
}

// withinRate fails where in any window more passed than a rate allows.
func withinRate(t rapid.TB, whose string, passed []time.Time, rate float64, burst time.Duration) {
	t.Helper()
	if rate == 0 {
		return
	}
	for i, from := range passed {
		for j, to := range passed[i:] {
			// A thousandth is more than the highest rate brings in the nanosecond
			// that a bucket may be early.
			if allowed := bound(rate, burst) + rate*to.Sub(from).Seconds() + 1e-3; float64(j+1) > allowed {
				t.Fatalf("%s: %d passed in %v, of %.3f", whose, j+1, to.Sub(from), allowed)
			}
		}
	}
}

func drawLimits(t *rapid.T) throttle.Limits {
	rate := rapid.OneOf(rapid.Just(0.0), rapid.SampledFrom([]float64{0.001, 1. / 3, 1, 7, 100_000}), rapid.Float64Range(0.001, 100))
	return throttle.Limits{
		PerClient: rate.Draw(t, "per client"), Total: rate.Draw(t, "total"),
		Burst: time.Duration(rapid.Int64Range(0, int64(10*time.Second)).Draw(t, "burst")),
	}
}

// TestAnyArrivals sends requests of a few clients at any times. No window sees
// more than the limits allow; those that are refused cost nothing, so that a
// throttle that never saw them answers alike; and whoever is refused gets
// through by waiting as long as it was told, where no other comes.
func TestAnyArrivals(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limits, c := drawLimits(t), newClock()
		seen, spared := throttle.New(limits, ignore, c.now), throttle.New(limits, ignore, c.now)
		passed, all := map[string][]time.Time{}, []time.Time{}
		pause := rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(0, int64(time.Second)), rapid.Int64Range(0, int64(time.Minute)))
		client := rapid.SampledFrom([]string{"", "a", "b"})
		for range rapid.IntRange(1, 100).Draw(t, "requests") {
			c.wait(time.Duration(pause.Draw(t, "pause")))
			who := client.Draw(t, "client")
			if wait(t, seen.Take(who)) == 0 {
				passed[who], all = append(passed[who], c.at), append(all, c.at)
				if err := spared.Take(who); err != nil {
					t.Fatalf("a request that passed among refused ones is refused without them: %v", err)
				}
			}
		}
		withinRate(t, "all", all, limits.Total, limits.Burst)
		for who, times := range passed {
			withinRate(t, who, times, limits.PerClient, limits.Burst)
		}
		who := client.Draw(t, "last")
		told, without := wait(t, seen.Take(who)), wait(t, spared.Take(who))
		if difference := (told - without).Abs(); difference > time.Microsecond {
			t.Fatalf("told to wait %v, and without the refused ones %v", told, without)
		}
		if told > 0 {
			c.wait(told)
			if err := seen.Take(who); err != nil {
				t.Fatalf("waited %v and is refused: %v", told, err)
			}
		}
	})
}

// TestWhich names the limit that has to be waited for longer, with its figures.
func TestWhich(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		limits  throttle.Limits
		limit   string
		message string
		wait    time.Duration
	}{
		"client":      {throttle.Limits{PerClient: 0.5, Burst: 4 * time.Second}, "client", "one client may make here, 0.5 a second and 2 at once", 2 * time.Second},
		"total":       {throttle.Limits{Total: 2, Burst: time.Second}, "total", "all clients together may make here, 2 a second and 2 at once", time.Second / 2},
		"both":        {throttle.Limits{PerClient: 1, Total: 2, Burst: time.Second}, "client", "one client", time.Second},
		"the slower":  {throttle.Limits{PerClient: 100_000, Total: 0.001}, "total", "all clients together may make here, 0.001 a second and 1 at once", 1000 * time.Second},
		"the highest": {throttle.Limits{PerClient: 100_000}, "client", "100000 a second and 1 at once", 10 * time.Microsecond},
	}
	for name, c := range cases {
		var refused []string
		th := throttle.New(c.limits, func(limit string) { refused = append(refused, limit) }, newClock().now)
		var err error
		for passed := 0; err == nil && passed < 10; passed++ {
			err = th.Take("a")
		}
		// A nanosecond for what the bucket may have dropped.
		if told := wait(t, err); told < c.wait || told > c.wait+time.Nanosecond || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: %v, %q, want %v, %q", name, told, err, c.wait, c.message)
		}
		if fmt.Sprint(refused) != "["+c.limit+"]" {
			t.Errorf("%s: refused by %v", name, refused)
		}
	}
}

// TestOthers are not held up by a client that is.
func TestOthers(t *testing.T) {
	t.Parallel()
	th := throttle.New(throttle.Limits{PerClient: 1, Total: 3, Burst: time.Second}, ignore, newClock().now)
	passed := ""
	for range 10 {
		for _, who := range []string{"a", "b", ""} {
			if th.Take(who) == nil {
				passed += who + "."
			}
		}
	}
	if passed != "a.b.." {
		t.Errorf("passed %q", passed)
	}
}

// TestForgotten has more clients than are remembered: the longest unseen is
// forgotten, and the total holds all the same.
func TestForgotten(t *testing.T) {
	t.Parallel()
	th := throttle.New(throttle.Limits{PerClient: 0.001, Total: 100_000, Burst: time.Second}, ignore, newClock().now)
	passed := 0
	for range 2 {
		for i := range 1<<16 + 1 {
			if th.Take(fmt.Sprint(i)) == nil {
				passed++
			}
		}
	}
	if passed != 100_000 {
		t.Errorf("%d passed", passed)
	}
}

// TestConcurrent has many ask at once: exactly the burst gets through.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	th := throttle.New(throttle.Limits{PerClient: 10, Total: 100, Burst: time.Second}, ignore, newClock().now)
	results := make(chan error)
	for i := range 1000 {
		go func() { results <- th.Take(fmt.Sprint(i % 20)) }()
	}
	passed := 0
	for range 1000 {
		if <-results == nil {
			passed++
		}
	}
	if passed != 100 {
		t.Errorf("%d passed", passed)
	}
}

// BenchmarkRefused is what a refusal costs.
func BenchmarkRefused(b *testing.B) {
	th := throttle.New(throttle.Limits{PerClient: 0.001, Total: 1, Burst: time.Second}, ignore, newClock().now)
	for b.Loop() {
		_ = th.Take("a")
	}
}
