package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"plimsoll"
	"plimsoll/internal/query"
	"plimsoll/internal/query/querytest"
)

// push has another runner report a run state.
func push(t *testing.T, store Store, script, device string, state plimsoll.RunState, ranAt time.Time, failure string) {
	t.Helper()
	_, err := store.ChangeRunState(t.Context(), script, device, true, func(s *plimsoll.DeviceRunState) error {
		s.State, s.RanAt, s.Error = state, ranAt, failure
		return nil
	}, event("runState.create", script+":"+device))
	must(t, err)
}

// deviceRunStates lists what scripts found on a device, and on no other.
func deviceRunStates(t *testing.T, store Store) {
	t.Helper()
	ids := enrolled(t, store, "a", "b")
	scripts := []*plimsoll.Script{addScript(t, store), addScript(t, store), addScript(t, store)}
	for i, script := range scripts {
		push(t, store, script.ID, ids[0], plimsoll.StateScriptError, noon().Add(time.Duration(i)*time.Hour), fmt.Sprint("error ", i))
	}
	push(t, store, scripts[0].ID, ids[1], plimsoll.StateFail, noon(), "")
	_, err := store.UpdateScript(t.Context(), scripts[1].ID, func(s *plimsoll.Script) error {
		s.DisplayName = "another"
		s.Revision++
		return nil
	}, event("update", scripts[1].ID))
	must(t, err)
	list, err := store.DeviceRunStates(t.Context(), ids[0], everything())
	must(t, err)
	var got []string
	for _, s := range list.Rows {
		got = append(got, fmt.Sprint(s.ScriptName, " ", s.State, " ", s.Error, " ", s.RanAt.Equal(noon()), " ", s.DeviceID == ids[0], " ", s.LastSyncAt.Equal(noon())))
	}
	want := []string{
		"disk encryption scriptError error 0 true true true", "another pending error 1 false true true", "disk encryption scriptError error 2 false true true",
	}
	if diff := cmp.Diff(want, got); diff != "" || list.Total != 3 {
		t.Errorf("%s; %d in all", diff, list.Total)
	}
	page := query.Page{
		Limit: 1, Budget: 1 << 20, Count: true, Order: []query.Key{{Expr: field("scriptName", query.String, false), Descending: true}},
		Filter: querytest.Make(query.Ne, query.Boolean, field("scriptId", query.String, false), querytest.Value(query.String, scripts[2].ID)),
	}
	first, err := store.DeviceRunStates(t.Context(), ids[0], page)
	must(t, err)
	page.After = first.Last
	second, err := store.DeviceRunStates(t.Context(), ids[0], page)
	must(t, err)
	if first.Total != 2 || first.Rows[0].ScriptID != scripts[0].ID || second.Rows[0].ScriptID != scripts[1].ID || second.Last != nil {
		t.Errorf("%+v, then %+v", first, second)
	}
	_, err = store.DeviceRunStates(t.Context(), "x", everything())
	wantNotFound(t, err)
}

// errorGroups groups the errors that stand: those of the current revision.
func errorGroups(t *testing.T, store Store) {
	t.Helper()
	ids, script := enrolled(t, store, "a", "b", "c", "d", "e"), addScript(t, store)
	empty, err := store.ErrorGroups(t.Context(), script.ID)
	must(t, err)
	if diff := cmp.Diff(plimsoll.ErrorGroups{Groups: []plimsoll.ErrorGroup{}, Complete: true}, empty); diff != "" {
		t.Error(diff)
	}
	push(t, store, script.ID, ids[3], plimsoll.StateScriptError, noon(), "of a revision before")
	_, err = store.UpdateScript(t.Context(), script.ID, func(s *plimsoll.Script) error { s.Revision++; return nil }, event("update", script.ID))
	must(t, err)
	for i, text := range []string{"disk 1 is full", "disk 22 is full", ""} {
		push(t, store, script.ID, ids[i], plimsoll.StateScriptError, noon().Add(time.Duration(i)*time.Hour), text)
	}
	push(t, store, script.ID, ids[4], plimsoll.StateFail, noon(), "an issue, and no error")
	got, err := store.ErrorGroups(t.Context(), script.ID)
	must(t, err)
	want := plimsoll.ErrorGroups{Counted: 3, Complete: true, Groups: []plimsoll.ErrorGroup{
		{Text: "disk <number> is full", Count: 2, Example: plimsoll.DeviceError{DeviceID: ids[1], DeviceName: "b", Text: "disk 22 is full"}},
		{Text: "", Count: 1, Example: plimsoll.DeviceError{DeviceID: ids[2], DeviceName: "c"}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	_, err = store.ErrorGroups(t.Context(), "x")
	wantNotFound(t, err)
}

// reached tells whom assignments would reach, assigns them, and finds it was so.
func reached(t *testing.T, store Store) {
	t.Helper()
	ids := enrolled(t, store, "a", "b", "c", "d", "e")
	windows := plimsoll.Inventory{DeviceName: "e", OperatingSystem: "Windows", UserID: "ann"}
	must(t, store.UpdateInventory(t.Context(), ids[4], windows, "x", noon()))
	static, ruled := addGroup(t, store, ""), addGroup(t, store, nameIs("c"))
	for _, id := range []string{ids[0], ids[1], ids[4]} {
		must(t, store.AddMember(t.Context(), static, id, event("add", static)))
	}
	f := plimsoll.AssignmentFilter{ID: randomID(), Changes: 1, DisplayName: "x", Rule: `(device.deviceName -eq "a")`, CreatedAt: noon(), ModifiedAt: noon()}
	must(t, store.CreateFilter(t.Context(), &f, event("filter.create", f.ID)))
	work(t, store)
	all := plimsoll.Target{Kind: plimsoll.TargetAllDevices}
	group := func(id string) plimsoll.Target { return plimsoll.Target{Kind: plimsoll.TargetGroup, GroupID: id} }
	without := func(id string) plimsoll.Target {
		return plimsoll.Target{Kind: plimsoll.TargetExclusionGroup, GroupID: id}
	}
	filtered := func(target plimsoll.Target, how plimsoll.FilterType) plimsoll.Target {
		target.FilterID, target.FilterType = f.ID, how
		return target
	}
	script := newScript(t, func(s *plimsoll.Script) { s.Platform = plimsoll.PlatformLinux })
	must(t, store.CreateScript(t.Context(), script, event("create", script.ID)))
	for i, c := range []struct {
		targets   []plimsoll.Target
		want, not int64
	}{
		{nil, 0, 0},
		{[]plimsoll.Target{all}, 5, 1},
		{[]plimsoll.Target{all, group(static)}, 5, 1}, // nobody twice
		{[]plimsoll.Target{group(static), group(ruled)}, 4, 1},
		{[]plimsoll.Target{all, without(static)}, 2, 0},
		{[]plimsoll.Target{without(static)}, 0, 0},
		{[]plimsoll.Target{{Kind: plimsoll.TargetAllLicensedUsers}}, 1, 1},
		{[]plimsoll.Target{filtered(all, plimsoll.FilterInclude)}, 1, 0},
		{[]plimsoll.Target{filtered(group(static), plimsoll.FilterExclude), group(ruled)}, 3, 1},
		{[]plimsoll.Target{filtered(all, plimsoll.FilterExclude), without(ruled)}, 3, 1},
	} {
		assignments := make([]plimsoll.Assignment, len(c.targets))
		for j, target := range c.targets {
			assignments[j].Target = target
			must(t, assignments[j].Validate())
		}
		n, not, err := store.ReachedDevices(t.Context(), script.ID, assignments)
		must(t, err)
		assignTo(t, store, script.ID, c.targets...)
		work(t, store)
		wantReached(t, store, script.ID, n, not)
		if n != c.want || not != c.not {
			t.Errorf("case %d reaches %d, %d of them to no avail; want %d, %d", i, n, not, c.want, c.not)
		}
	}
	unknown := []plimsoll.Assignment{{Target: group("x")}}
	_, _, err := store.ReachedDevices(t.Context(), script.ID, unknown)
	wantCode(t, err, plimsoll.Invalid)
	_, _, err = store.ReachedDevices(t.Context(), "x", nil)
	wantNotFound(t, err)
	// An assignment to a group that is gone may stay, and reaches nobody.
	assignTo(t, store, script.ID, group(static))
	must(t, store.DeleteGroup(t.Context(), static, func(*plimsoll.Group) error { return nil }, event("group.delete", static)))
	work(t, store)
	gone := []plimsoll.Assignment{{Target: group(static)}}
	must(t, gone[0].Validate())
	if n, _, err := store.ReachedDevices(t.Context(), script.ID, gone); err != nil || n != 0 {
		t.Errorf("a group that is gone reaches %d, %v", n, err)
	}
}

// wantReached wants so many devices to have a script, so many of them to no avail.
func wantReached(t *testing.T, store Store, script string, want, notApplicable int64) {
	t.Helper()
	list, err := store.RunStates(t.Context(), script, everything())
	must(t, err)
	not := slices.DeleteFunc(list.Rows, func(s plimsoll.DeviceRunState) bool { return s.State != plimsoll.StateNotApplicable })
	if list.Total != want || int64(len(not)) != notApplicable {
		t.Errorf("%d devices have the script, %d to no avail; it was said %d, %d", list.Total, len(not), want, notApplicable)
	}
}

// auditTrail finds events by their time and by what they are about.
func auditTrail(t *testing.T, store Store) {
	t.Helper()
	client := plimsoll.Client{ID: "tester", Name: "ci", CreatedAt: noon()}
	script := addScript(t, store)
	ann := addUser(t, store, "Ann")
	must(t, store.CreateClient(t.Context(), client, plimsoll.AuditEvent{At: noon().Add(time.Hour), Actor: ann.ID, Activity: "client.create", ObjectID: "tester"}))
	_, err := store.UpdateScript(t.Context(), script.ID, func(*plimsoll.Script) error { return nil },
		plimsoll.AuditEvent{At: noon().Add(2 * time.Hour), Actor: "tester", Activity: "deviceComplianceScript.update", ObjectID: script.ID})
	must(t, err)
	list, err := store.AuditTrail(t.Context(), everything())
	must(t, err)
	want := []plimsoll.AuditEvent{
		{At: noon().Add(2 * time.Hour), Actor: "tester", ActorName: "ci", Activity: "deviceComplianceScript.update", ObjectID: script.ID, ObjectName: "disk encryption"},
		{At: noon().Add(time.Hour), Actor: ann.ID, UserName: "Ann", Activity: "client.create", ObjectID: "tester", ObjectName: "ci"},
		{At: noon(), Actor: "tester", ActorName: "ci", Activity: "user.create", ObjectID: ann.ID, ObjectName: "Ann"},
		{At: noon(), Actor: "tester", ActorName: "ci", Activity: "create", ObjectID: script.ID, ObjectName: "disk encryption"},
	}
	for i := range list.Rows {
		one, err := store.AuditEvent(t.Context(), fmt.Sprint(list.Rows[i].ID))
		must(t, err)
		if diff := cmp.Diff(list.Rows[i], one); diff != "" {
			t.Error(diff)
		}
		list.Rows[i].ID = 0
	}
	if diff := cmp.Diff(want, list.Rows); diff != "" {
		t.Error(diff)
	}
	text := func(name, value string) *query.Expr {
		return querytest.Make(query.Eq, query.Boolean, field(name, query.String, false), querytest.Value(query.String, value))
	}
	for name, c := range map[string]struct {
		filter *query.Expr
		want   int64
	}{
		"of the script": {text("resourceId", script.ID), 2}, "updates": {text("activityOperationType", "Patch"), 1},
		"creates": {text("activityOperationType", "Create"), 2}, "all else": {text("activityOperationType", "Action"), 1},
		"late": {querytest.Make(query.Gt, query.Boolean, field("activityDateTime", query.Instant, false),
			querytest.Value(query.Instant, query.Ticks(noon()))), 2},
	} {
		if n, err := store.CountAuditEvents(t.Context(), c.filter); err != nil || n != c.want {
			t.Errorf("%s: %d, want %d; %v", name, n, c.want, err)
		}
	}
	for _, id := range []string{"0", "x", "01", "-1", "9223372036854775808"} {
		_, err := store.AuditEvent(t.Context(), id)
		wantNotFound(t, err)
	}
}
