package storetest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"plimsoll"
)

// assignTo gives a script to targets, each with a schedule of its own.
func assignTo(t *testing.T, store Store, script string, targets ...plimsoll.Target) {
	t.Helper()
	all := make([]plimsoll.Assignment, len(targets))
	for i, target := range targets {
		all[i] = plimsoll.Assignment{
			ID: randomID(), ScriptID: script, Target: target,
			Schedule: plimsoll.Schedule{Kind: plimsoll.ScheduleHourly, Interval: int32(i + 1)},
		}
		must(t, all[i].Validate())
	}
	must(t, store.ReplaceAssignments(t.Context(), script, all, event("assign", script)))
}

// wantDifferences wants as many differences as there are words for them, each
// word in one, when all or no devices are settled.
func wantDifferences(t *testing.T, store Store, settled, unsettled int64, words ...string) {
	t.Helper()
	v, err := store.Verify(t.Context())
	must(t, err)
	if v.Settled != settled || v.Unsettled != unsettled || len(v.Differences) != len(words) {
		t.Errorf("%+v, want %d and %d devices, and %q", v, settled, unsettled, words)
	}
	for _, word := range words {
		if !strings.Contains(strings.Join(v.Differences, "\n"), word) {
			t.Errorf("nothing of %q in %q", word, v.Differences)
		}
	}
}

// verifyPairs breaks, behind the store's back, what devices are in and have to
// run: each time the recount says what, and nothing else.
func verifyPairs(t *testing.T, store Store) {
	t.Helper()
	install(t, store)
	ids := enrolled(t, store, "a", "b", "c")
	static, ruled := addGroup(t, store, ""), addGroup(t, store, nameIs("a"))
	must(t, store.AddMember(t.Context(), static, ids[1], event("add", static)))
	script, other := addScript(t, store), addScript(t, store)
	assignTo(t, store, script.ID, plimsoll.Target{Kind: plimsoll.TargetGroup, GroupID: ruled}, plimsoll.Target{Kind: plimsoll.TargetAllDevices})
	assignTo(t, store, other.ID, plimsoll.Target{Kind: plimsoll.TargetAllDevices}, plimsoll.Target{Kind: plimsoll.TargetExclusionGroup, GroupID: static})
	wantDifferences(t, store, 0, 3) // that nothing is there yet is none
	work(t, store)
	wantDifferences(t, store, 3, 0)

	pair := func(device int, script string) string {
		return fmt.Sprintf(` WHERE bucket = %d AND device = (SELECT number FROM device WHERE id = '%s')
			AND script = (SELECT number FROM script WHERE id = '%s')`, plimsoll.DeviceBucket(ids[device]), ids[device], script)
	}
	member := func(device int, group string) string {
		return fmt.Sprintf(`%d, (SELECT number FROM device WHERE id = '%s'), (SELECT number FROM device_set WHERE id = '%s')`,
			plimsoll.DeviceBucket(ids[device]), ids[device], group)
	}
	count := func(device int, script string, by int) string {
		return fmt.Sprintf(`UPDATE run_count SET n = n + %d WHERE bucket = %d AND script = (SELECT number FROM script WHERE id = '%s')`,
			by, plimsoll.DeviceBucket(ids[device]), script)
	}
	const copied = `INSERT INTO run_state (bucket, device, script, revision, state, sequence, ran_at, due_at, text, assignment, pushed)
		SELECT bucket, device, (SELECT number FROM script WHERE id = '%s'), revision, state, sequence, ran_at, due_at, text, assignment, pushed FROM run_state`
	for _, c := range []struct {
		damage, mend []string
		words        []string
	}{
		{ // a pair that is missing, and was counted no more
			[]string{`CREATE TABLE gone AS SELECT * FROM run_state` + pair(0, script.ID), `DELETE FROM run_state` + pair(0, script.ID), count(0, script.ID, -1)},
			[]string{`INSERT INTO run_state SELECT * FROM gone`, count(0, script.ID, 1)},
			[]string{ids[0] + " has no run state of the script " + script.ID},
		},
		{ // a pair too many, which is counted by no one
			[]string{fmt.Sprintf(copied, other.ID) + pair(1, script.ID)},
			[]string{`DELETE FROM run_state` + pair(1, other.ID)},
			[]string{ids[1] + " has a run state of the script " + other.ID + ", which is not assigned", "the count that is kept"},
		},
		{
			[]string{`UPDATE run_state SET assignment = (SELECT max(number) FROM assignment WHERE script = run_state.script)` + pair(0, script.ID)},
			[]string{`UPDATE run_state SET assignment = (SELECT min(number) FROM assignment WHERE script = run_state.script)` + pair(0, script.ID)},
			[]string{ids[0] + " runs the script " + script.ID + " by the assignment"},
		},
		{
			[]string{`UPDATE device SET operating_system = 'Windows' WHERE id = '` + ids[2] + `'`},
			[]string{`UPDATE device SET operating_system = 'Linux' WHERE id = '` + ids[2] + `'`},
			[]string{ids[2] + ": whether the script " + script.ID + " applies", ids[2] + ": whether the script " + other.ID + " applies"},
		},
		{ // whom a rule selects, and by which assignment the script is there then
			[]string{`DELETE FROM device_set_member WHERE (bucket, device, device_set) = (SELECT ` + member(0, ruled) + `)`},
			[]string{`INSERT INTO device_set_member (bucket, device, device_set) SELECT ` + member(0, ruled)},
			[]string{ids[0] + ": whether it is in the group " + ruled + " is kept as false", "by the assignment"},
		},
		{
			[]string{`UPDATE device SET device_name = 'x', folded_name = 'X' WHERE id = '` + ids[0] + `'`},
			[]string{`UPDATE device SET device_name = 'a', folded_name = 'a' WHERE id = '` + ids[0] + `'`},
			[]string{ids[0] + ": whether it is in the group " + ruled + " is kept as true", `by the name "X", and has another`},
		},
		{
			[]string{`INSERT INTO device_set_member (bucket, device, device_set) VALUES (1, 1000001, 1), (` +
				strings.SplitN(member(0, ruled), ", (SELECT number FROM device_set", 2)[0] + `, 1000002)`},
			[]string{`DELETE FROM device_set_member WHERE device = 1000001 OR device_set = 1000002`},
			[]string{"number 1000001 is in a group or a filter, and is not there", "with the number 1000002, which is not there"},
		},
	} {
		execAll(t, store, c.damage)
		wantDifferences(t, store, 3, 0, c.words...)
		execAll(t, store, c.mend)
		wantDifferences(t, store, 3, 0)
	}
	// A fleet of which nothing is right gives no more than can be read.
	enrolled(t, store, make([]string, 60)...)
	execAll(t, store, []string{`DELETE FROM run_count WHERE script > 0`, `DELETE FROM run_state`})
	v, err := store.Verify(t.Context())
	must(t, err)
	if last := v.Differences[len(v.Differences)-1]; len(v.Differences) != 101 || !strings.Contains(last, " 25 differences more") {
		t.Errorf("%d differences, the last %q", len(v.Differences), last)
	}
}

func execAll(t *testing.T, store Store, statements []string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := store.Pools()["write"].ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// verifyMeanwhile recounts again and again while devices, groups and assignments
// change, and the background is at work: nothing is wrong at any moment.
func verifyMeanwhile(t *testing.T, store Store) {
	t.Helper()
	install(t, store)
	ids, static, ruled := enrolled(t, store, "a", "b", "c", "d", "e", "f"), addGroup(t, store, ""), addGroup(t, store, nameIs("1"))
	script := addScript(t, store)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	again := func(change func(turn int) error) {
		running.Go(func() {
			for turn := 0; ctx.Err() == nil; turn++ {
				if err := change(turn); err != nil && ctx.Err() == nil {
					t.Error(err)
					return
				}
			}
		})
	}
	again(func(turn int) error {
		name := strconv.Itoa(turn % 2)
		return store.UpdateInventory(ctx, ids[turn%len(ids)], plimsoll.Inventory{DeviceName: name, OperatingSystem: "Linux"}, name, noon())
	})
	again(func(turn int) error {
		change := store.AddMember
		if turn%2 == 1 {
			change = store.RemoveMember
		}
		return change(ctx, static, ids[turn/2%len(ids)], event("group.update", static))
	})
	again(func(turn int) error {
		if turn%4 > 0 {
			_, err := store.Work(ctx)
			return err
		}
		targets := []plimsoll.Target{{Kind: plimsoll.TargetGroup, GroupID: ruled}, {Kind: plimsoll.TargetAllDevices}}
		return store.ReplaceAssignments(ctx, script.ID, []plimsoll.Assignment{
			{ID: randomID(), ScriptID: script.ID, Target: targets[turn/4%2], Schedule: plimsoll.DefaultSchedule()},
			{ID: randomID(), ScriptID: script.ID, Target: plimsoll.Target{Kind: plimsoll.TargetExclusionGroup, GroupID: static}, Schedule: plimsoll.DefaultSchedule()},
		}, event("assign", script.ID))
	})
	var settled, unsettled int64
	for turn := 0; (turn < 150 || settled == 0 || unsettled == 0) && !t.Failed() && turn < 10_000; turn++ {
		v, err := store.Verify(t.Context())
		must(t, err)
		settled, unsettled = settled+v.Settled, unsettled+v.Unsettled
		if len(v.Differences) > 0 {
			t.Errorf("%q", v.Differences)
		}
	}
	stop()
	running.Wait()
	work(t, store)
	wantDifferences(t, store, int64(len(ids)), 0)
	if settled == 0 || unsettled == 0 {
		t.Errorf("%d devices were settled, %d were not", settled, unsettled)
	}
}
