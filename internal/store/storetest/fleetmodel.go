package storetest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"plimsoll"
)

// The model of a fleet: what an administrator and devices did, and the run
// states that follow, worked out anew each time from all of it.
type (
	fleetModel struct {
		store   Store
		token   []byte
		devices map[string]*modelDevice
		scripts map[string]*modelScript
		groups  map[string]map[string]bool // members by group, of static ones
		rules   map[string]string          // of dynamic groups: the name that selects
		filters map[string]string
		agents  map[string]rememberedAgent
		turn    int64 // numbers all runs
	}
	modelDevice struct{ system, name, user string }
	modelScript struct {
		revision    int64
		windows     bool // it is for Windows, rather than Linux and macOS
		lastRun     time.Time
		assignments []plimsoll.Assignment
		runs        map[string]plimsoll.Run // by device, of those that are targeted
		pushed      map[string]bool
	}
)

// fleetTime is how long fleets are begun: SQLite in Go, with the race detector, is
// thirty times as slow as without, and would take minutes for rapid's hundred.
const fleetTime = 30 * time.Second

// fleet has a fleet live at random, and after every step its summaries equal
// what is counted by hand.
func fleet(t *testing.T, store Store) {
	t.Helper()
	late, stop := context.WithTimeout(t.Context(), fleetTime)
	defer stop()
	fleets, failed := 0, false
	defer func() { t.Logf("%d fleets", fleets) }()
	rapid.Check(t, func(rt *rapid.T) {
		if late.Err() != nil && !failed { // a failure is made smaller for as long as it takes
			return
		}
		fleets++
		ended := false
		defer func() { failed = failed || !ended }()
		m := newFleetModel(rt, store)
		defer m.clear(rt)
		steps := map[string]func(*rapid.T){
			"enrol": m.enrol, "enrol more": m.enrol, "rename": m.rename, "remove": m.remove,
			"script": m.addScript, "edit": m.edit, "assign": m.assign, "assign anew": m.assign,
			"group": m.addGroup, "join": m.join, "leave": m.leave, "filter": m.addFilter,
			"report": m.report, "report more": m.report, "report again": m.report, "push": m.push, "forget": m.forget,
			"run now":     m.requestRun,
			"change rule": m.changeRule, "change filter": m.changeFilter, "end group": m.endGroup, "end script": m.endScript,
			"change platform": m.changePlatform, "work": m.work,
		}
		for range 3 { // so that much has something to work on
			m.enrol(rt)
		}
		m.addScript(rt)
		m.assign(rt)
		m.settle(rt)
		names := slices.Sorted(maps.Keys(steps))
		for _, name := range rapid.SliceOfN(rapid.SampledFrom(names), 5, 40).Draw(rt, "steps") {
			steps[name](rt)
			m.settle(rt)
			m.compare(rt, name)
			m.recall(rt, name)
		}
		m.verify(rt, "all steps")
		ended = true
	})
}

func newFleetModel(rt *rapid.T, store Store) *fleetModel {
	secret := sha256.Sum256([]byte(randomID()))
	token := plimsoll.EnrollmentToken{ID: randomID(), Name: "x", Hash: secret[:], CreatedAt: noon()}
	fine(rt, store.CreateEnrollmentToken(rt.Context(), &token, event("enrollmentToken.create", token.ID)))
	return &fleetModel{
		store: store, token: secret[:], devices: map[string]*modelDevice{}, scripts: map[string]*modelScript{},
		groups: map[string]map[string]bool{}, rules: map[string]string{}, filters: map[string]string{}, agents: map[string]rememberedAgent{},
	}
}

// clear takes away what later checks would count.
func (m *fleetModel) clear(rt *rapid.T) {
	for id := range m.scripts {
		fine(rt, m.store.DeleteScript(rt.Context(), id, func(*plimsoll.Script) error { return nil }, event("delete", id)))
	}
	for id := range m.devices {
		fine(rt, m.store.DeleteDevice(rt.Context(), id, func(*plimsoll.Device) error { return nil }, event("delete", id)))
	}
	for id := range m.groupIDs() {
		fine(rt, m.store.DeleteGroup(rt.Context(), id, func(*plimsoll.Group) error { return nil }, event("delete", id)))
	}
	for id := range m.filters {
		fine(rt, m.store.DeleteFilter(rt.Context(), id, func(*plimsoll.AssignmentFilter) error { return nil }, event("delete", id)))
	}
	m.settle(rt)
	m.verify(rt, "clear")
}

func (m *fleetModel) groupIDs() map[string]bool {
	ids := map[string]bool{}
	for id := range m.groups {
		ids[id] = true
	}
	for id := range m.rules {
		ids[id] = true
	}
	return ids
}

// settle does what is left to the background.
func (m *fleetModel) settle(rt *rapid.T) {
	for worked := true; worked; {
		var err error
		worked, err = m.store.Work(rt.Context())
		fine(rt, err)
	}
	for _, s := range m.scripts {
		m.retarget(s)
	}
}

// retarget makes a script's runs those of the devices that it reaches.
func (m *fleetModel) retarget(s *modelScript) {
	for id, d := range m.devices {
		run, there := s.runs[id]
		applies := s.appliesTo(d)
		switch {
		case s.pushed[id]:
		case !m.reaches(s, id, d):
			delete(s.runs, id)
		case !there || applies != (run.State != plimsoll.StateNotApplicable):
			s.runs[id] = plimsoll.Run{State: plimsoll.StatePending}
			if !applies {
				s.runs[id] = plimsoll.Run{State: plimsoll.StateNotApplicable}
			}
		}
	}
}

func (s *modelScript) appliesTo(d *modelDevice) bool {
	if s.windows {
		return d.system == "Windows"
	}
	return d.system == "Linux" || d.system == "macOS" // all scripts begin with #!
}

func (m *fleetModel) reaches(s *modelScript, id string, d *modelDevice) bool {
	reached := false
	for _, a := range s.assignments {
		in := m.isMember(a.Target.GroupID, id, d)
		switch a.Target.Kind {
		case plimsoll.TargetExclusionGroup:
			if in {
				return false
			}
			continue
		case plimsoll.TargetAllDevices:
			in = true
		case plimsoll.TargetAllLicensedUsers:
			in = d.user != ""
		}
		switch selected := m.filters[a.Target.FilterID] == d.name; a.Target.FilterType {
		case plimsoll.FilterInclude:
			in = in && selected
		case plimsoll.FilterExclude:
			in = in && !selected
		}
		reached = reached || in
	}
	return reached
}

func (m *fleetModel) isMember(group, id string, d *modelDevice) bool {
	if name, dynamic := m.rules[group]; dynamic {
		return name == d.name
	}
	return m.groups[group][id]
}

// compare holds every summary, and how many devices there are, to the model.
func (m *fleetModel) compare(rt *rapid.T, step string) {
	state, err := m.store.FleetState(rt.Context())
	fine(rt, err)
	if state.Devices != int64(len(m.devices)) {
		rt.Fatalf("after %s: there are %d devices, and counted are %d", step, len(m.devices), state.Devices)
	}
	watched := map[string]plimsoll.RunSummaryRecord{}
	for _, r := range state.Summaries {
		watched[r.ScriptID] = r
	}
	for id, s := range m.scripts {
		got, err := m.store.RunSummary(rt.Context(), id)
		if diff := cmp.Diff(got, watched[id]); diff != "" {
			rt.Fatalf("after %s: those who watch are told another summary: %s", step, diff)
		}
		if len(s.assignments) == 0 && len(s.runs) == 0 {
			s.lastRun = time.Time{} // what is counted later begins anew
			if plimsoll.ErrorCode(err) != plimsoll.NotFound {
				rt.Fatalf("after %s: the summary of a script that reaches nobody: %v %v", step, got, err)
			}
			continue
		}
		fine(rt, err)
		counts := plimsoll.Counts{Current: s.revision, Devices: map[int64]map[plimsoll.RunState]int64{}}
		for _, run := range s.runs {
			if counts.Devices[run.Revision] == nil {
				counts.Devices[run.Revision] = map[plimsoll.RunState]int64{}
			}
			counts.Devices[run.Revision][run.State]++
		}
		var want [4]int64
		want[0], want[1], want[2], want[3] = counts.Summary()
		have := [4]int64{
			int64(got.NoIssueDetected), int64(got.IssueDetected), int64(got.DetectionScriptError), int64(got.DetectionScriptPending),
		}
		if diff := cmp.Diff(want, have); diff != "" {
			rt.Fatalf("after %s: the summary of a script with %d runs: %s", step, len(s.runs), diff)
		}
		if lastRun := got.LastScriptRun; !lastRun.Equal(s.lastRun) {
			rt.Fatalf("after %s: the last run is of %v, want %v", step, lastRun, s.lastRun)
		}
	}
}

func (m *fleetModel) verify(rt *rapid.T, step string) {
	v, err := m.store.Verify(rt.Context())
	fine(rt, err)
	for _, difference := range v.Differences {
		if difference != "The store is empty: it holds no installation." {
			rt.Fatalf("after %s: %s", step, difference)
		}
	}
}

func pick[V any](rt *rapid.T, all map[string]V, label string) string {
	if len(all) == 0 {
		return ""
	}
	return rapid.SampledFrom(slices.Sorted(maps.Keys(all))).Draw(rt, label)
}

// enrol has a few devices enrol at once.
func (m *fleetModel) enrol(rt *rapid.T) {
	var all []*plimsoll.Enrollment
	for range rapid.IntRange(1, 3).Draw(rt, "devices") {
		id := randomID()
		d := &modelDevice{
			system: rapid.SampledFrom([]string{"Linux", "macOS", "Windows", ""}).Draw(rt, "system"),
			name:   rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "name"),
			user:   rapid.SampledFrom([]string{"", "someone@example.com"}).Draw(rt, "user"),
		}
		key := sha256.Sum256([]byte(id))
		all = append(all, &plimsoll.Enrollment{TokenHash: m.token, Device: plimsoll.Device{
			ID: id, PublicKey: key[:], EnrolledAt: noon(), LastSyncAt: noon(), OwnerType: plimsoll.OwnerCompany, Changes: 1,
			Inventory: plimsoll.Inventory{DeviceName: d.name, OperatingSystem: d.system, UserPrincipalName: d.user},
		}})
		m.devices[id] = d
	}
	refusals, err := m.store.EnrollDevices(rt.Context(), all)
	fine(rt, err)
	for _, refused := range refusals {
		fine(rt, refused)
	}
}

// rename has a device send another inventory.
func (m *fleetModel) rename(rt *rapid.T) {
	id := pick(rt, m.devices, "device")
	if id == "" {
		return
	}
	d := m.devices[id]
	d.name = rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "name")
	d.system = rapid.SampledFrom([]string{"Linux", "Windows"}).Draw(rt, "system")
	fine(rt, m.store.UpdateInventory(rt.Context(), id,
		plimsoll.Inventory{DeviceName: d.name, OperatingSystem: d.system, UserPrincipalName: d.user}, d.name+d.system, noon()))
}

func (m *fleetModel) remove(rt *rapid.T) {
	id := pick(rt, m.devices, "device")
	if id == "" {
		return
	}
	fine(rt, m.store.DeleteDevice(rt.Context(), id, func(*plimsoll.Device) error { return nil }, event("delete", id)))
	delete(m.devices, id)
	for _, s := range m.scripts {
		delete(s.runs, id)
		delete(s.pushed, id)
	}
	for _, members := range m.groups {
		delete(members, id)
	}
}

func (m *fleetModel) addScript(rt *rapid.T) {
	s := plimsoll.NewScript()
	s.DisplayName, s.Content = "x", []byte("#!/bin/sh\nexit 0\n")
	fine(rt, s.Create(randomID(), noon()))
	fine(rt, m.store.CreateScript(rt.Context(), &s, event("create", s.ID)))
	m.scripts[s.ID] = &modelScript{revision: 1, runs: map[string]plimsoll.Run{}, pushed: map[string]bool{}}
}

// edit makes a new revision.
func (m *fleetModel) edit(rt *rapid.T) {
	id := pick(rt, m.scripts, "script")
	if id == "" {
		return
	}
	s, err := m.store.UpdateScript(rt.Context(), id, func(s *plimsoll.Script) error {
		return s.Change(func(s *plimsoll.Script) { s.Content = append(slices.Clone(s.Content), '#') }, noon())
	}, event("update", id))
	fine(rt, err)
	m.scripts[id].revision = s.Revision
}

func (m *fleetModel) assign(rt *rapid.T) {
	id := pick(rt, m.scripts, "script")
	if id == "" {
		return
	}
	var all []plimsoll.Assignment
	for range rapid.IntRange(0, 3).Draw(rt, "assignments") {
		a := plimsoll.Assignment{ID: randomID(), ScriptID: id, Target: plimsoll.Target{
			Kind: rapid.SampledFrom([]plimsoll.TargetKind{
				plimsoll.TargetAllDevices, plimsoll.TargetAllLicensedUsers, plimsoll.TargetGroup, plimsoll.TargetExclusionGroup,
			}).Draw(rt, "target"),
		}}
		if a.Target.Kind == plimsoll.TargetGroup || a.Target.Kind == plimsoll.TargetExclusionGroup {
			a.Target.GroupID = pick(rt, m.groupIDs(), "group")
		}
		if filter := pick(rt, m.filters, "filter"); filter != "" && a.Target.Kind != plimsoll.TargetExclusionGroup {
			a.Target.FilterType = rapid.SampledFrom([]plimsoll.FilterType{
				plimsoll.FilterNone, plimsoll.FilterInclude, plimsoll.FilterExclude,
			}).Draw(rt, "filter type")
			if a.Target.FilterType != plimsoll.FilterNone {
				a.Target.FilterID = filter
			}
		}
		a.Schedule = plimsoll.Schedule{Kind: plimsoll.ScheduleHourly, Interval: rapid.Int32Range(1, 23).Draw(rt, "interval")}
		if a.Validate() == nil {
			all = append(all, a)
		}
	}
	fine(rt, m.store.ReplaceAssignments(rt.Context(), id, all, event("assign", id)))
	m.scripts[id].assignments = all
}

func (m *fleetModel) addGroup(rt *rapid.T) {
	g := plimsoll.Group{ID: randomID(), Changes: 1, DisplayName: "x", MailNickname: "x", CreatedAt: noon()}
	if rapid.Bool().Draw(rt, "dynamic") {
		m.rules[g.ID] = rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "name")
		g.MembershipRule = fmt.Sprintf("device.deviceName -eq %q", m.rules[g.ID])
	} else {
		m.groups[g.ID] = map[string]bool{}
	}
	fine(rt, m.store.CreateGroup(rt.Context(), &g, event("group.create", g.ID)))
}

func (m *fleetModel) addFilter(rt *rapid.T) {
	f := plimsoll.AssignmentFilter{ID: randomID(), Changes: 1, DisplayName: "x", CreatedAt: noon(), ModifiedAt: noon()}
	m.filters[f.ID] = rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "name")
	f.Rule = fmt.Sprintf("(device.deviceName -eq %q)", m.filters[f.ID])
	fine(rt, m.store.CreateFilter(rt.Context(), &f, event("filter.create", f.ID)))
}

func (m *fleetModel) join(rt *rapid.T) {
	group, device := pick(rt, m.groups, "group"), pick(rt, m.devices, "device")
	if group == "" || device == "" || m.groups[group][device] {
		return
	}
	fine(rt, m.store.AddMember(rt.Context(), group, device, event("join", group)))
	m.groups[group][device] = true
}

func (m *fleetModel) leave(rt *rapid.T) {
	group := pick(rt, m.groups, "group")
	device := pick(rt, m.groups[group], "device")
	if group == "" || device == "" {
		return
	}
	fine(rt, m.store.RemoveMember(rt.Context(), group, device, event("leave", group)))
	delete(m.groups[group], device)
}

// report has devices send results, in one transaction: new ones, old ones, those
// of the future, and those of scripts that they have not.
func (m *fleetModel) report(rt *rapid.T) {
	if len(m.devices) == 0 || len(m.scripts) == 0 {
		return
	}
	var reports []*plimsoll.Report
	var want, have [][]plimsoll.Outcome
	for range rapid.IntRange(1, 3).Draw(rt, "reports") {
		r := &plimsoll.Report{DeviceID: pick(rt, m.devices, "device"), At: noon()}
		var outcomes []plimsoll.Outcome
		for range rapid.IntRange(1, 4).Draw(rt, "results") {
			id := pick(rt, m.scripts, "script")
			result := m.result(rt, id, r.DeviceID)
			r.Results, outcomes = append(r.Results, result), append(outcomes, m.accept(r.DeviceID, &result))
		}
		reports, want = append(reports, r), append(want, outcomes)
	}
	_, err := m.store.ApplyReports(rt.Context(), reports)
	fine(rt, err)
	for _, r := range reports {
		have = append(have, r.Outcomes)
	}
	if diff := cmp.Diff(want, have); diff != "" {
		rt.Fatal(diff)
	}
}

func (m *fleetModel) result(rt *rapid.T, id, device string) plimsoll.Result {
	s := m.scripts[id]
	m.turn++
	sequences := []int64{s.runs[device].Sequence, m.turn, rapid.Int64Range(1, m.turn).Draw(rt, "any")}
	return plimsoll.Result{
		ScriptID: id, Revision: rapid.Int64Range(1, s.revision+1).Draw(rt, "revision"),
		Sequence: max(1, rapid.SampledFrom(sequences).Draw(rt, "sequence")),
		RanAt:    noon().Add(time.Duration(rapid.IntRange(-400, 400).Draw(rt, "seconds")) * time.Second),
		State:    rapid.SampledFrom([]plimsoll.RunState{plimsoll.StateSuccess, plimsoll.StateFail, plimsoll.StateScriptError}).Draw(rt, "state"),
		Output:   rapid.SampledFrom([]string{"", "x", "it's \"so\"\n"}).Draw(rt, "output"),
	}
}

// accept does what the store has to do with a result that arrives at noon.
func (m *fleetModel) accept(device string, result *plimsoll.Result) plimsoll.Outcome {
	s := m.scripts[result.ScriptID]
	run, there := s.runs[device]
	switch {
	case !there || run.State == plimsoll.StateNotApplicable:
		return plimsoll.OutcomeNotAssigned
	case result.Revision > s.revision:
		return plimsoll.OutcomeFutureRevision
	case result.Sequence <= run.Sequence:
		return plimsoll.OutcomeDuplicate
	}
	s.runs[device] = plimsoll.Run{Revision: result.Revision, State: result.State, Sequence: result.Sequence}
	ranAt, outcome := result.RanAt, plimsoll.OutcomeAccepted
	if ranAt.After(noon().Add(5 * time.Minute)) {
		ranAt, outcome = noon(), plimsoll.OutcomeClockAhead
	}
	s.ran(ranAt)
	return outcome
}

// ran notes a run of a script.
func (s *modelScript) ran(at time.Time) {
	if at.After(s.lastRun) {
		s.lastRun = at
	}
}

// changeRule gives a dynamic group another rule.
func (m *fleetModel) changeRule(rt *rapid.T) {
	id := pick(rt, m.rules, "group")
	if id == "" {
		return
	}
	m.rules[id] = rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "name")
	_, err := m.store.UpdateGroup(rt.Context(), id, func(g *plimsoll.Group) error {
		g.MembershipRule = fmt.Sprintf("device.deviceName -eq %q", m.rules[id])
		return nil
	}, event("group.update", id))
	fine(rt, err)
}

// changeFilter gives a filter another rule.
func (m *fleetModel) changeFilter(rt *rapid.T) {
	id := pick(rt, m.filters, "filter")
	if id == "" {
		return
	}
	m.filters[id] = rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "name")
	_, err := m.store.UpdateFilter(rt.Context(), id, func(f *plimsoll.AssignmentFilter) error {
		f.Rule = fmt.Sprintf("device.deviceName -eq %q", m.filters[id])
		return nil
	}, event("filter.update", id))
	fine(rt, err)
}

// endGroup deletes a group: what its assignments reach, they reach no more.
func (m *fleetModel) endGroup(rt *rapid.T) {
	id := pick(rt, m.groupIDs(), "group")
	if id == "" {
		return
	}
	fine(rt, m.store.DeleteGroup(rt.Context(), id, func(*plimsoll.Group) error { return nil }, event("group.delete", id)))
	delete(m.rules, id)
	delete(m.groups, id)
}

func (m *fleetModel) endScript(rt *rapid.T) {
	id := pick(rt, m.scripts, "script")
	if id == "" || len(m.scripts) == 1 {
		return
	}
	fine(rt, m.store.DeleteScript(rt.Context(), id, func(*plimsoll.Script) error { return nil }, event("delete", id)))
	delete(m.scripts, id)
}

// changePlatform has a script be for other devices.
func (m *fleetModel) changePlatform(rt *rapid.T) {
	id := pick(rt, m.scripts, "script")
	if id == "" {
		return
	}
	s := m.scripts[id]
	s.windows = !s.windows
	_, err := m.store.UpdateScript(rt.Context(), id, func(script *plimsoll.Script) error {
		return script.Change(func(script *plimsoll.Script) {
			if script.Platform = ""; s.windows {
				script.Platform = plimsoll.PlatformWindows10
			}
		}, noon())
	}, event("update", id))
	fine(rt, err)
}

// work does what servers do now and then.
func (m *fleetModel) work(rt *rapid.T) {
	fine(rt, m.store.DropOldCounts(rt.Context(), noon()))
}

// push has another runner report a device's state.
func (m *fleetModel) push(rt *rapid.T) {
	id, device := pick(rt, m.scripts, "script"), pick(rt, m.devices, "device")
	if id == "" || device == "" {
		return
	}
	s, state := m.scripts[id], rapid.SampledFrom(plimsoll.RunStates()[:4]).Draw(rt, "state")
	run, there := s.runs[device]
	reached := there && !s.pushed[device]
	if reached && rapid.Bool().Draw(rt, "inapplicable") {
		state = plimsoll.StateNotApplicable
	}
	_, err := m.store.ChangeRunState(rt.Context(), id, device, true, func(r *plimsoll.DeviceRunState) error {
		r.State, r.RanAt, r.Output = state, noon(), "pushed"
		return nil
	}, event("runState.create", id))
	if reached && (state == plimsoll.StateNotApplicable) != (run.State == plimsoll.StateNotApplicable) {
		if plimsoll.ErrorCode(err) != plimsoll.Conflict {
			rt.Fatalf("%s on a pair that is %s, by an assignment: %v", state, run.State, err)
		}
		return
	}
	fine(rt, err)
	s.ran(noon())
	s.runs[device] = plimsoll.Run{Revision: s.revision, State: state, Sequence: run.Sequence}
	s.pushed[device] = s.pushed[device] || !there
}

// forget deletes a run state: a pair that is reached is pending again.
func (m *fleetModel) forget(rt *rapid.T) {
	id := pick(rt, m.scripts, "script")
	if id == "" {
		return
	}
	s := m.scripts[id]
	device := pick(rt, s.runs, "device")
	if device == "" {
		return
	}
	fine(rt, m.store.DeleteRunState(rt.Context(), id, device, event("runState.delete", id)))
	delete(s.runs, device)
	delete(s.pushed, device)
}
