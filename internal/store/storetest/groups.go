package storetest

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"plimsoll"
)

func addGroup(t *testing.T, store Store, rule string) (id string) {
	t.Helper()
	g := plimsoll.Group{
		ID: randomID(), Changes: 1, DisplayName: "laptops", MailNickname: "x", MembershipRule: rule, CreatedAt: noon(),
	}
	must(t, store.CreateGroup(t.Context(), &g, event("group.create", g.ID)))
	return g.ID
}

func nameIs(name string) string { return fmt.Sprintf("device.displayName -eq %q", name) }

// work does what is left to the background.
func work(t *testing.T, store Store) {
	t.Helper()
	for {
		worked, err := store.Work(t.Context())
		must(t, err)
		if !worked {
			return
		}
	}
}

// wantMembers wants the devices with the names in a group, and none else.
func wantMembers(t *testing.T, store Store, group string, want ...string) {
	t.Helper()
	wantMatching(t, store, group, want)
	list, err := store.Members(t.Context(), group, everything())
	must(t, err)
	got := make([]string, 0, len(list.Rows))
	for i := range list.Rows {
		got = append(got, list.Rows[i].DeviceName)
	}
	slices.Sort(got)
	if diff := cmp.Diff(append([]string{}, want...), got); diff != "" || int(list.Total) != len(want) {
		t.Errorf("the members: %s; counted as %d", diff, list.Total)
	}
	if n, err := store.CountMembers(t.Context(), group, nil); err != nil || int(n) != len(want) {
		t.Errorf("%d members are counted, want %d; %v", n, len(want), err)
	}
}

// wantMatching holds what is told of a group's rule beforehand to its effect.
func wantMatching(t *testing.T, store Store, group string, want []string) {
	t.Helper()
	g, err := store.Group(t.Context(), group)
	must(t, err)
	if g.MembershipRule == "" || g.RulePaused {
		return
	}
	rule, err := plimsoll.ParseRule("rule", g.MembershipRule)
	must(t, err)
	for _, limit := range []int{0, 1, 100} {
		found, err := store.MatchingDevices(t.Context(), rule, limit)
		must(t, err)
		if found.Total != int64(len(want)) || len(found.Rows) != min(limit, len(want)) {
			t.Errorf("the rule selects %d devices, and %d of at most %d are given; it made %q members", found.Total, len(found.Rows), limit, want)
		}
		for i := range found.Rows {
			if !slices.Contains(want, found.Rows[i].DeviceName) {
				t.Errorf("the rule selects %s, who is no member", found.Rows[i].DeviceName)
			}
		}
	}
}

func changeGroup(t *testing.T, store Store, id string, change func(*plimsoll.Group)) {
	t.Helper()
	_, err := store.UpdateGroup(t.Context(), id, func(g *plimsoll.Group) error {
		g.Changes++
		change(g)
		return nil
	}, event("group.update", id))
	must(t, err)
}

func staticGroups(t *testing.T, store Store) {
	t.Helper()
	ids, group := enrolled(t, store, "a", "b"), addGroup(t, store, "")
	add := func(group, device string) error {
		return store.AddMember(t.Context(), group, device, event("add", group))
	}
	remove := func(group, device string) error {
		return store.RemoveMember(t.Context(), group, device, event("remove", group))
	}
	must(t, add(group, ids[0]))
	must(t, add(group, ids[1]))
	wantCode(t, add(group, ids[1]), plimsoll.Invalid) // as in Graph
	wantNotFound(t, add(group, randomID()))
	wantNotFound(t, add(randomID(), ids[0]))
	wantMembers(t, store, group, "a", "b")
	must(t, remove(group, ids[0]))
	wantNotFound(t, remove(group, ids[0]))
	wantMembers(t, store, group, "b")

	changeGroup(t, store, group, func(g *plimsoll.Group) { g.DisplayName, g.Description = "x", new("y") })
	got, err := store.Group(t.Context(), group)
	must(t, err)
	want := plimsoll.Group{ID: group, Changes: 2, DisplayName: "x", Description: new("y"), MailNickname: "x", CreatedAt: noon()}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	agree := func(*plimsoll.Group) error { return nil }
	wantCode(t, store.DeleteGroup(t.Context(), group, func(*plimsoll.Group) error {
		return plimsoll.Errorf(plimsoll.PreconditionFailed, "It changed.")
	}, event("x", group)), plimsoll.PreconditionFailed)
	must(t, store.DeleteGroup(t.Context(), group, agree, event("delete", group)))
	_, err = store.Group(t.Context(), group)
	wantNotFound(t, err)
	_, err = store.Members(t.Context(), group, everything())
	wantNotFound(t, err)
	wantNotFound(t, add(group, ids[0]))
	wantNotFound(t, store.DeleteGroup(t.Context(), group, agree, event("x", group)))
	work(t, store)
	if list, err := store.Groups(t.Context(), everything()); err != nil || len(list.Rows) != 0 {
		t.Error(list.Rows, err)
	}
}

func dynamicGroups(t *testing.T, store Store) {
	t.Helper()
	ids, group := enrolled(t, store, "a", "b"), addGroup(t, store, nameIs("a"))
	work(t, store)
	wantMembers(t, store, group, "a")
	wantCode(t, store.AddMember(t.Context(), group, ids[1], event("x", group)), plimsoll.Invalid)
	wantCode(t, store.RemoveMember(t.Context(), group, ids[0], event("x", group)), plimsoll.Invalid)

	late := enrolled(t, store, "a")[0] // who enrols, or changes, is a member at once
	wantMembers(t, store, group, "a", "a")
	must(t, store.UpdateInventory(t.Context(), late, plimsoll.Inventory{DeviceName: "c"}, "h", noon()))
	wantMembers(t, store, group, "a")

	changeGroup(t, store, group, func(g *plimsoll.Group) { g.RulePaused, g.MembershipRule = true, nameIs("b") })
	work(t, store)
	must(t, store.UpdateInventory(t.Context(), ids[0], plimsoll.Inventory{DeviceName: "d"}, "h", noon()))
	wantMembers(t, store, group, "d") // whoever was
	changeGroup(t, store, group, func(g *plimsoll.Group) { g.RulePaused = false })
	work(t, store)
	wantMembers(t, store, group, "b")

	changeGroup(t, store, group, func(g *plimsoll.Group) { g.MembershipRule = "" })
	work(t, store)
	wantMembers(t, store, group, "b")
	must(t, store.AddMember(t.Context(), group, late, event("add", group)))
	wantMembers(t, store, group, "b", "c")
	changeGroup(t, store, group, func(g *plimsoll.Group) { g.MembershipRule = nameIs("d") })
	work(t, store)
	wantMembers(t, store, group, "d")
}

func assignmentFilters(t *testing.T, store Store) {
	t.Helper()
	enrolled(t, store, "a", "b")
	f := plimsoll.AssignmentFilter{
		ID: randomID(), Changes: 1, DisplayName: "x", Description: new(""), Platform: "windows10AndLater",
		Rule: `(device.deviceName -eq "a")`, RoleScopeTags: []string{"0", "1"}, CreatedAt: noon(), ModifiedAt: noon(),
	}
	must(t, store.CreateFilter(t.Context(), &f, event("filter.create", f.ID)))
	got, err := store.Filter(t.Context(), f.ID)
	must(t, err)
	if diff := cmp.Diff(f, got); diff != "" {
		t.Error(diff)
	}
	script := addScript(t, store)
	must(t, store.ReplaceAssignments(t.Context(), script.ID, []plimsoll.Assignment{{
		ID: randomID(), ScriptID: script.ID, Schedule: plimsoll.DefaultSchedule(),
		Target: plimsoll.Target{Kind: plimsoll.TargetAllDevices, FilterID: f.ID, FilterType: plimsoll.FilterInclude},
	}}, event("assign", script.ID)))
	agree := func(*plimsoll.AssignmentFilter) error { return nil }
	wantCode(t, store.DeleteFilter(t.Context(), f.ID, agree, event("x", f.ID)), plimsoll.Conflict)
	must(t, store.ReplaceAssignments(t.Context(), script.ID, nil, event("assign", script.ID)))
	must(t, store.DeleteFilter(t.Context(), f.ID, agree, event("delete", f.ID)))
	_, err = store.Filter(t.Context(), f.ID)
	wantNotFound(t, err)
	_, err = store.UpdateFilter(t.Context(), f.ID, agree, event("x", f.ID))
	wantNotFound(t, err)
	work(t, store)
}

// groupAgainstAssignments has one change a group's rule while another assigns a
// script to it: neither waits for the other in a circle, which costs a second.
func groupAgainstAssignments(t *testing.T, store Store) {
	t.Helper()
	group, script := addGroup(t, store, nameIs("a")), addScript(t, store)
	const rounds = 30
	var running sync.WaitGroup
	running.Go(func() {
		for i := range rounds {
			_, err := store.UpdateGroup(t.Context(), group, func(g *plimsoll.Group) error {
				g.MembershipRule = nameIs(strconv.Itoa(i))
				return nil
			}, event("group.update", group))
			check(t, err)
		}
	})
	running.Go(func() {
		for range rounds {
			check(t, store.ReplaceAssignments(t.Context(), script.ID, []plimsoll.Assignment{{
				ID: randomID(), ScriptID: script.ID, Schedule: plimsoll.DefaultSchedule(),
				Target: plimsoll.Target{Kind: plimsoll.TargetGroup, GroupID: group, FilterType: plimsoll.FilterNone},
			}}, event("assign", script.ID)))
		}
	})
	running.Wait()
}
