package storetest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"plimsoll"
)

// requestsOf gives the requests to run of a device's scripts.
func requestsOf(agent *plimsoll.Agent) map[string]int64 {
	requests := map[string]int64{}
	for _, a := range agent.Scripts {
		requests[a.ScriptID] = a.RunRequest
	}
	return requests
}

// requestRun asks a device to run a script at once: that request rises and no
// other, or it is refused where the device does not have the script to run.
func (m *fleetModel) requestRun(rt *rapid.T) {
	id, device := pick(rt, m.scripts, "script"), pick(rt, m.devices, "device")
	if id == "" || device == "" {
		return
	}
	s, d := m.scripts[id], m.devices[device]
	run, there := s.runs[device]
	runs := there && run.State != plimsoll.StateNotApplicable && m.reaches(s, device, d) && s.appliesTo(d)
	agent, err := m.store.Agent(rt.Context(), device)
	fine(rt, err)
	want := requestsOf(&agent)
	err = m.store.RequestRun(rt.Context(), device, id, event("run", id))
	if !runs {
		if plimsoll.ErrorCode(err) != plimsoll.NotFound {
			rt.Fatalf("a device is asked to run what it has not: %v", err)
		}
		return
	}
	fine(rt, err)
	agent, err = m.store.Agent(rt.Context(), device)
	fine(rt, err)
	have := requestsOf(&agent)
	if have[id] <= want[id] {
		rt.Fatalf("a request leads from %d to %d", want[id], have[id])
	}
	want[id] = have[id]
	if diff := cmp.Diff(want, have); diff != "" {
		rt.Fatal(diff)
	}
}

// addShell adds a script that runs on the devices of [enrolled].
func addShell(t *testing.T, store Store) *plimsoll.Script {
	t.Helper()
	s := newScript(t, func(s *plimsoll.Script) { s.Content = []byte("#!/bin/sh\n") })
	must(t, store.CreateScript(t.Context(), s, event("create", s.ID)))
	return s
}

// requested is a device, and a script that it is asked to run at once.
type requested struct {
	store          Store
	device, script string
}

func (r requested) ask(t *testing.T, at time.Time) error {
	t.Helper()
	e := event("run", r.script)
	e.At = at
	return r.store.RequestRun(t.Context(), r.device, r.script, e)
}

// now gives the latest request. No other script may have any.
func (r requested) now(t *testing.T) int64 {
	t.Helper()
	agent, err := r.store.Agent(t.Context(), r.device)
	must(t, err)
	requests := requestsOf(&agent)
	request := requests[r.script]
	delete(requests, r.script)
	for script, n := range requests {
		if n != 0 {
			t.Errorf("another script is asked for: %s, %d", script, n)
		}
	}
	return request
}

func (r requested) wantRise(t *testing.T, what string, at time.Time) {
	t.Helper()
	before := r.now(t)
	must(t, r.ask(t, at))
	if after := r.now(t); after <= before {
		t.Errorf("%s: a request leads from %d to %d", what, before, after)
	}
}

// want wants the request to be as it is after what was done, and the background.
func (r requested) want(t *testing.T, what string, want int64, done error) {
	t.Helper()
	must(t, done)
	work(t, r.store)
	if n := r.now(t); n != want {
		t.Errorf("%s: the request is %d, want %d", what, n, want)
	}
}

// runRequests asks a device that has the script and one that has not, and follows a
// request through what happens to its pair.
func runRequests(t *testing.T, store Store) {
	t.Helper()
	install(t, store)
	id := enrolled(t, store, "a", "b")[0]
	script, other, group := addShell(t, store), addShell(t, store), addGroup(t, store, "")
	r := requested{store, id, script.ID}
	wantNotFound(t, r.ask(t, noon())) // not assigned
	wantNotFound(t, requested{store, "none", script.ID}.ask(t, noon()))
	for _, s := range []*plimsoll.Script{script, other} {
		assignTo(t, store, s.ID, plimsoll.Target{Kind: plimsoll.TargetAllDevices})
	}
	work(t, store)
	wantNotFound(t, requested{store, id, "none"}.ask(t, noon()))
	r.want(t, "nobody asked", 0, nil)
	r.wantRise(t, "the first", noon())
	r.wantRise(t, "at the same time", noon())
	r.wantRise(t, "by a clock that was set back", noon().Add(-time.Hour))
	wantDifferences(t, store, 2, 0)

	last := r.now(t)
	for sequence, results := range []int{1, 2} { // by either statement that takes results
		report := &plimsoll.Report{DeviceID: id, At: noon()}
		for i := range results {
			report.Results = append(report.Results, plimsoll.Result{
				ScriptID: script.ID, Revision: 1, Sequence: int64(2*sequence + i + 1), State: plimsoll.StateFail, RanAt: noon(),
			})
		}
		_, err := store.ApplyReports(t.Context(), []*plimsoll.Report{report})
		r.want(t, "a report", last, err)
	}
	_, err := store.UpdateScript(t.Context(), script.ID, func(s *plimsoll.Script) error {
		return s.Change(func(s *plimsoll.Script) { s.Content = append(s.Content, "#\n"...) }, noon())
	}, event("update", script.ID))
	r.want(t, "a revision", last, err)
	assignTo(t, store, script.ID, plimsoll.Target{Kind: plimsoll.TargetGroup, GroupID: group}, plimsoll.Target{Kind: plimsoll.TargetAllDevices})
	r.want(t, "another assignment that reaches it", last, store.AddMember(t.Context(), group, id, event("add", group)))
	wantNotFound(t, store.Atomically(t.Context(), func(bound Store) error {
		must(t, requested{bound, id, script.ID}.ask(t, noon()))
		return requested{bound, id, "none"}.ask(t, noon())
	}))
	r.want(t, "a change set that failed", last, nil)

	r.want(t, "a run state that is forgotten", 0, store.DeleteRunState(t.Context(), script.ID, id, event("delete", script.ID)))
	must(t, r.ask(t, noon().Add(time.Hour))) // time goes on
	if n := r.now(t); n <= last {
		t.Errorf("a pair that came back is asked with %d, after %d", n, last)
	}
	inventory := func(system string) error {
		return store.UpdateInventory(t.Context(), id, plimsoll.Inventory{DeviceName: "a", OperatingSystem: system}, system, noon())
	}
	r.want(t, "another system", 0, inventory("Windows"))
	wantNotFound(t, r.ask(t, noon()))
	r.want(t, "its own again", 0, inventory("Linux"))
	wantDifferences(t, store, 2, 0)
}

// runRequestsAtOnce has many ask one device while it reports: each request rises
// above the one before, and no report is lost.
func runRequestsAtOnce(t *testing.T, store Store) {
	t.Helper()
	install(t, store)
	id, script := enrolled(t, store, "a")[0], addShell(t, store)
	assignTo(t, store, script.ID, plimsoll.Target{Kind: plimsoll.TargetAllDevices})
	work(t, store)
	const asking, times = 4, 5
	var running sync.WaitGroup
	for range asking {
		running.Go(func() {
			for range times {
				check(t, store.RequestRun(t.Context(), id, script.ID, event("run", script.ID)))
			}
		})
	}
	for sequence := range int64(times) {
		reports := []*plimsoll.Report{{DeviceID: id, At: noon(), Results: []plimsoll.Result{
			{ScriptID: script.ID, Revision: 1, Sequence: sequence + 1, State: plimsoll.StateFail, RanAt: noon()},
		}}}
		_, err := store.ApplyReports(t.Context(), reports)
		must(t, err)
		if outcome := reports[0].Outcomes[0]; outcome != plimsoll.OutcomeAccepted {
			t.Error(outcome)
		}
	}
	running.Wait()
	agent, err := store.Agent(t.Context(), id)
	must(t, err)
	if want := noon().UnixMilli() + asking*times - 1; agent.Scripts[0].RunRequest != want || agent.Scripts[0].LastSequence != times {
		t.Errorf("%+v, want the request %d", agent.Scripts[0], want)
	}
	wantDifferences(t, store, 1, 0)
}

// watching tells who is woken by what: those whose device it concerns, by the one
// channel or the other, once however often.
func watching(t *testing.T, store Store) {
	t.Helper()
	ids := enrolled(t, store, "a", "b")
	script, group := addShell(t, store), addGroup(t, store, "")
	assignTo(t, store, script.ID, plimsoll.Target{Kind: plimsoll.TargetAllDevices})
	work(t, store)
	type channels struct{ own, others <-chan struct{} }
	watch := func(id string) (channels, func()) {
		own, others, stop := store.Watch(id)
		return channels{own, others}, stop
	}
	first, stopFirst := watch(ids[0])
	again, stopAgain := watch(ids[0])
	other, stopOther := watch(ids[1])
	defer stopOther()
	woken := func(what string, want map[string]bool, do error) {
		t.Helper()
		must(t, do)
		have := map[string]bool{}
		for name, c := range map[string]<-chan struct{}{
			"own": first.own, "others": first.others, "again": again.own, "other": other.own, "other's others": other.others,
		} {
			for range 2 {
				select {
				case <-c:
					if have[name] {
						t.Errorf("%s: %s is woken twice", what, name)
					}
					have[name] = true
				default:
				}
			}
		}
		if diff := cmp.Diff(want, have); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	run := event("run", script.ID)
	its := map[string]bool{"own": true, "again": true}
	woken("a request", its, store.RequestRun(t.Context(), ids[0], script.ID, run))
	woken("two requests", its, errors.Join(
		store.RequestRun(t.Context(), ids[0], script.ID, run), store.RequestRun(t.Context(), ids[0], script.ID, run)))
	woken("a member", its, store.AddMember(t.Context(), group, ids[0], event("join", group)))
	woken("a change set", its, store.Atomically(t.Context(), func(bound Store) error {
		return bound.RequestRun(t.Context(), ids[0], script.ID, run)
	}))
	_, err := store.ApplyReports(t.Context(), []*plimsoll.Report{{DeviceID: ids[0], At: noon(), Results: []plimsoll.Result{
		{ScriptID: script.ID, Revision: 1, Sequence: 1, State: plimsoll.StateFail, RanAt: noon()},
	}}})
	woken("a report", map[string]bool{}, err)
	assignTo(t, store, script.ID, plimsoll.Target{Kind: plimsoll.TargetGroup, GroupID: group})
	everyone := map[string]bool{"others": true, "other's others": true}
	woken("an assignment", everyone, nil)
	work(t, store)
	woken("what follows from it", everyone, nil)
	stopAgain()
	woken("a deletion", map[string]bool{"own": true}, store.DeleteDevice(t.Context(), ids[0], agreeDevice, event("delete", ids[0])))
	stopFirst()
	woken("another's member", map[string]bool{"other": true}, store.AddMember(t.Context(), group, ids[1], event("join", group)))
}
