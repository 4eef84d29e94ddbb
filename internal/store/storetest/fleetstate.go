package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"plimsoll"
)

// fleetState follows what those who watch the fleet are told of.
func fleetState(t *testing.T, store Store) {
	t.Helper()
	before := wantFleetState(t, store, 0)
	changes := func(what string, want bool) {
		t.Helper()
		after, err := store.FleetState(t.Context())
		must(t, err)
		if changed := after.ScriptChanges > before.ScriptChanges; changed != want {
			t.Errorf("%s: from %d to %d", what, before.ScriptChanges, after.ScriptChanges)
		}
		before = after
	}
	reported, assigned := addScript(t, store), addScript(t, store)
	changes("new scripts", true)
	wantFleetState(t, store, 0)
	report(t, store, reported.ID, 7)
	changes("a report", false)
	wantFleetState(t, store, 0, reported.ID)
	ids := enrolled(t, store, "a", "b", "c")
	changes("devices", false)
	wantFleetState(t, store, 3, reported.ID)
	all := plimsoll.Assignment{ID: randomID(), Target: plimsoll.Target{Kind: plimsoll.TargetAllDevices}}
	must(t, all.Validate())
	must(t, store.ReplaceAssignments(t.Context(), assigned.ID, []plimsoll.Assignment{all}, event("assign", assigned.ID)))
	changes("an assignment", true)
	for worked := true; worked; {
		var err error
		worked, err = store.Work(t.Context())
		must(t, err)
	}
	wantFleetState(t, store, 3, reported.ID, assigned.ID)
	must(t, store.DeleteDevice(t.Context(), ids[1], agreeDevice, event("device.delete", ids[1])))
	changes("a device that is gone", false)
	wantFleetState(t, store, 2, reported.ID, assigned.ID)
	must(t, store.ReplaceAssignments(t.Context(), assigned.ID, nil, event("assign", assigned.ID)))
	changes("the last assignment gone", true)
	must(t, touch(t, store, assigned.ID))
	changes("a script changed", true)
	must(t, store.DeleteScript(t.Context(), reported.ID, func(*plimsoll.Script) error { return nil }, event("delete", reported.ID)))
	changes("a script gone", true)
	execAll(t, store, []string{`UPDATE run_count SET n = n + 1 WHERE script = 0`})
	if v, err := store.Verify(t.Context()); err != nil || len(v.Differences) < 2 { // one is that the store is nobody's
		t.Error(v.Differences, err)
	}
}

// wantFleetState holds the state of the fleet to what is read one by one.
func wantFleetState(t *testing.T, store Store, devices int64, scripts ...string) plimsoll.FleetState {
	t.Helper()
	state, err := store.FleetState(t.Context())
	must(t, err)
	want := plimsoll.FleetState{Devices: devices}
	want.ScriptChanges, err = store.LastScriptChange(t.Context())
	must(t, err)
	for _, id := range slices.Sorted(slices.Values(scripts)) {
		summary, err := store.RunSummary(t.Context(), id)
		must(t, err)
		want.Summaries = append(want.Summaries, summary)
	}
	if diff := gocmp.Diff(want, state); diff != "" {
		t.Error(diff)
	}
	return state
}

// summaryThen looks at histories of any kind as they were at any time.
func summaryThen(t *testing.T, store Store) {
	t.Helper()
	if found, err := store.ScriptSummaries(t.Context(), noon(), 10); err != nil || len(found) != 0 {
		t.Error(found, err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		c := &changer{store: store, live: map[string]plimsoll.Script{}}
		defer c.deleteAll(rt)
		histories, minutes := map[string][]plimsoll.RunSummaryRecord{}, 0
		for range rapid.IntRange(0, 3).Draw(rt, "scripts") {
			c.create(rt, store)
		}
		for range rapid.IntRange(0, 12).Draw(rt, "steps") {
			minutes += rapid.IntRange(0, 2).Draw(rt, "pause")
			if id := c.one(rt); id != "" {
				histories[id] = growHistory(rt, store, id, histories[id], noon().Add(time.Duration(minutes)*time.Minute))
			}
		}
		at := noon().Add(time.Duration(rapid.IntRange(-1, minutes+1).Draw(rt, "at")) * time.Minute)
		limit := rapid.IntRange(1, 4).Draw(rt, "limit")
		got, err := store.ScriptSummaries(rt.Context(), at, limit)
		fine(rt, err)
		var want []plimsoll.ScriptSummary
		for id, script := range c.live {
			now, then := wasCurrent(histories[id], noon().Add(time.Hour)), wasCurrent(histories[id], at)
			want = append(want, plimsoll.ScriptSummary{ID: id, DisplayName: script.DisplayName, Platform: script.Platform, Current: now, Earlier: then})
		}
		slices.SortFunc(want, func(a, b plimsoll.ScriptSummary) int { return cmp.Compare(a.ID, b.ID) }) // they have one name
		if diff := gocmp.Diff(want[:min(len(want), limit)], got); diff != "" {
			rt.Errorf("at %v: %s", at, diff)
		}
	})
}

// wasCurrent gives the entry of a history that was current at a time, or nil.
func wasCurrent(history []plimsoll.RunSummaryRecord, at time.Time) (entry *plimsoll.RunSummaryRecord) {
	for i := range history {
		if e := &history[i]; !e.RecordedAt.After(at) {
			entry = e
		}
	}
	if entry != nil && !entry.RemovedAt.IsZero() && !entry.RemovedAt.After(at) {
		return nil
	}
	return entry
}

// growHistory does something to a script's history, and gives what it is then.
func growHistory(
	rt *rapid.T, store Store, id string, history []plimsoll.RunSummaryRecord, now time.Time,
) []plimsoll.RunSummaryRecord {
	last := len(history) - 1
	switch step := rapid.SampledFrom([]string{"report", "report", "remove", "lose"}).Draw(rt, "step"); {
	case step == "remove" && last >= 0 && history[last].RemovedAt.IsZero():
		fine(rt, store.RemoveRunSummary(rt.Context(), id, func(r *plimsoll.RunSummaryRecord) error {
			r.RemovedAt, r.RemovedBy = now, "remover"
			return nil
		}))
		history[last].RemovedAt, history[last].RemovedBy = now, "remover"
	case step == "lose" && last > 0: // as a computed summary's entries are thinned
		i := rapid.IntRange(0, last-1).Draw(rt, "entry")
		_, err := store.Pools()["write"].ExecContext(rt.Context(),
			fmt.Sprintf(`DELETE FROM run_summary WHERE script_id = '%s' AND sequence = %d`, id, history[i].Sequence))
		fine(rt, err)
		history = slices.Delete(history, i, i+1)
	case step == "report":
		r := newRecord(id, rapid.Int32().Draw(rt, "count"))
		r.RecordedAt = now
		refusals, err := store.AppendRunSummaries(rt.Context(), []*plimsoll.RunSummaryRecord{r})
		fine(rt, err)
		fine(rt, refusals[0])
		history = append(history, *r)
	}
	return history
}
