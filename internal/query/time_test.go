package query

import (
	"testing"
	"time"
)

func TestTicks(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"0001-01-01T00:00:00Z":              0,
		"0001-01-01T00:00:00.000000199Z":    1, // what is finer is cut off
		"0001-01-02T01:00:00+01:00":         TicksPerDay,
		"1970-01-01T00:00:00Z":              621_355_968_000_000_000,
		"9999-12-31T00:00:00Z":              MaxDate * TicksPerDay,
		"9999-12-31T23:59:59.9999999-00:00": MaxInstant,
	} {
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		if got := Ticks(at); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
		if again := Time(want); !again.Equal(at.Truncate(100*time.Nanosecond)) || again.Location() != time.UTC {
			t.Errorf("%s comes back as %s", text, again)
		}
	}
}

func TestWants(t *testing.T) {
	t.Parallel()
	page := Page{With: []string{"a", "b"}}
	if !page.Wants("b") || page.Wants("c") || (&Page{}).Wants("") {
		t.Error("a page wants what is among With")
	}
}
