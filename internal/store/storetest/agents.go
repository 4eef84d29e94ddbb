package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"plimsoll"
)

// rememberedAgent is what was read of a device's agent, at a version.
type rememberedAgent struct {
	version uint64
	plimsoll.Agent
}

// recall holds what was read of the agents earlier against what is so now: it is
// the same where the version is.
func (m *fleetModel) recall(rt *rapid.T, step string) {
	for id := range m.devices {
		version, _ := m.store.DeviceVersion(id)
		agent, err := m.store.Agent(rt.Context(), id)
		fine(rt, err)
		for i := range agent.Scripts {
			agent.Scripts[i].LastSequence = 0 // reports change it, and agents need it only where they know nothing
		}
		if before, ok := m.agents[id]; ok && before.version == version {
			if diff := cmp.Diff(before.Agent, agent); diff != "" {
				rt.Fatalf("%s: an agent's device has the same version, and another content: %s", step, diff)
			}
		}
		m.agents[id] = rememberedAgent{version, agent}
	}
}

// agentVersions tells of what changes a device's version, and of what does not.
func agentVersions(t *testing.T, store Store) {
	t.Helper()
	ids := enrolled(t, store, "a", "b", "c")
	script := addScript(t, store)
	a := plimsoll.Assignment{ID: randomID(), Target: plimsoll.Target{Kind: plimsoll.TargetAllDevices}}
	must(t, a.Validate())
	must(t, store.ReplaceAssignments(t.Context(), script.ID, []plimsoll.Assignment{a}, event("assign", script.ID)))
	work(t, store)
	group := addGroup(t, store, "")
	edit := func(store Store, change func(*plimsoll.Script)) error {
		_, err := store.UpdateScript(t.Context(), script.ID, func(s *plimsoll.Script) error { return s.Change(change, noon()) },
			event("update", script.ID))
		return err
	}
	shell := func(s *plimsoll.Script) { s.Content = append(s.Content, "#\n"...) }
	const everyone, nobody = -1, -2
	enough := errors.New("enough")
	for _, c := range []struct {
		what  string
		do    func() error
		whose int // the place of the device whose version is another then
	}{
		{"a revision", func() error { return edit(store, shell) }, everyone},
		{"a description", func() error { return edit(store, func(s *plimsoll.Script) { s.DisplayName = "another name" }) }, nobody},
		{"assignments", func() error {
			return store.ReplaceAssignments(t.Context(), script.ID, []plimsoll.Assignment{a}, event("assign", script.ID))
		}, everyone},
		{"a member", func() error { return store.AddMember(t.Context(), group, ids[0], event("join", group)) }, 0},
		{"inventory", func() error {
			return store.UpdateInventory(t.Context(), ids[0], plimsoll.Inventory{DeviceName: "c"}, "h", noon())
		}, 0},
		{"a process", func() error { return startAgent(t, store, ids[0], "1", noon()) }, 0},
		{"the same process", func() error { return startAgent(t, store, ids[0], "1", noon()) }, nobody},
		{"a report", func() error {
			_, err := store.ApplyReports(t.Context(), []*plimsoll.Report{{DeviceID: ids[0], At: noon(), Results: []plimsoll.Result{
				{ScriptID: script.ID, Revision: 1, Sequence: 1, State: plimsoll.StateFail, RanAt: noon()},
			}}})
			return err
		}, nobody},
		{"a change set", func() error {
			return store.Atomically(t.Context(), func(bound Store) error { return edit(bound, shell) })
		}, everyone},
		{"a read of it", func() error {
			_, err := store.Agent(t.Context(), ids[0])
			return err
		}, nobody},
		{"a deletion that was not allowed", func() error {
			err := store.DeleteDevice(t.Context(), ids[1], func(*plimsoll.Device) error { return enough }, event("delete", ids[1]))
			if !errors.Is(err, enough) {
				return errors.New("it was deleted")
			}
			return nil
		}, nobody},
		{"a deletion", func() error {
			return store.DeleteDevice(t.Context(), ids[1], func(*plimsoll.Device) error { return nil }, event("delete", ids[1]))
		}, 1},
	} {
		before := versions(store, ids)
		if err := c.do(); err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		others, changed := 0, 0 // of the others: two devices may share a counter, so that one may change
		for i, version := range versions(store, ids) {
			switch {
			case i == c.whose && version == before[i]:
				t.Errorf("%s: the device's version is %d still", c.what, version)
			case i != c.whose && version != before[i]:
				changed++
				fallthrough
			case i != c.whose:
				others++
			}
		}
		if all := changed == others; all != (c.whose == everyone) || c.whose == nobody && changed > 0 {
			t.Errorf("%s: %d of %d other devices have another version", c.what, changed, others)
		}
	}
	_, err := store.Agent(t.Context(), ids[1])
	wantCode(t, err, plimsoll.NotFound)
}

func versions(store Store, ids []string) []uint64 {
	all := make([]uint64, len(ids))
	for i, id := range ids {
		all[i], _ = store.DeviceVersion(id)
	}
	return all
}

// startAgent has one process of a device's agent begin.
func startAgent(t *testing.T, store Store, id, instance string, at time.Time) error {
	t.Helper()
	refusals, err := store.StartAgents(t.Context(), []*plimsoll.AgentStart{{DeviceID: id, Instance: instance, At: at}})
	if err != nil {
		return err
	}
	return refusals[0]
}
