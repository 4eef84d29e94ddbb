package storetest

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"plimsoll"
	"plimsoll/internal/query"
	"plimsoll/internal/query/querytest"
)

func agreeDevice(*plimsoll.Device) error { return nil }

func deviceLife(t *testing.T, store Store) {
	t.Helper()
	token := addToken(t, store, nil)
	e := newEnrollment(&token, "a")
	e.Device.Inventory = plimsoll.Inventory{
		DeviceName: "a", OperatingSystem: "Windows", OSVersion: "10.0", Manufacturer: "m", Model: "o", SerialNumber: "s",
		EthernetMAC: "e", WiFiMAC: "w", UserID: "u", UserPrincipalName: "p", UserDisplayName: "d", EmailAddress: "é",
		IsEncrypted: true, PhysicalMemory: 1 << 40, TotalStorage: 2, FreeStorage: 1,
	}
	wantRefusals(t, store, []*plimsoll.Enrollment{e}, "")
	want := e.Device
	want.EnrollmentTokenID, want.Compliance = token.ID, plimsoll.ComplianceUnknown
	wantDevice(t, store, &want)

	_, err := store.UpdateDevice(t.Context(), want.ID, func(d *plimsoll.Device) error {
		d.Changes++
		d.Notes, d.Category, d.ManagedDeviceName, d.OwnerType = "n", "c", "m", plimsoll.OwnerPersonal
		return nil
	}, event("device.update", want.ID))
	must(t, err)
	want.Changes, want.Notes, want.Category, want.ManagedDeviceName, want.OwnerType = 2, "n", "c", "m", plimsoll.OwnerPersonal
	wantDevice(t, store, &want)
	want.Inventory = plimsoll.Inventory{DeviceName: "b", OperatingSystem: "Linux"}
	want.Changes, want.InventoryHash, want.LastSyncAt = 3, "h", noon().Add(time.Hour)
	must(t, store.UpdateInventory(t.Context(), want.ID, want.Inventory, "h", want.LastSyncAt))
	wantDevice(t, store, &want)

	key, err := store.DeviceKey(t.Context(), want.ID)
	if err != nil || !bytes.Equal(key, want.PublicKey) {
		t.Error(key, err)
	}
	must(t, store.DeleteDevice(t.Context(), want.ID, agreeDevice, event("device.delete", want.ID)))
	_, err = store.Device(t.Context(), want.ID)
	wantNotFound(t, err)
	_, err = store.DeviceKey(t.Context(), want.ID)
	wantNotFound(t, err)
	wantNotFound(t, store.DeleteDevice(t.Context(), want.ID, agreeDevice, event("x", want.ID)))
	wantNotFound(t, store.UpdateInventory(t.Context(), want.ID, want.Inventory, "h", noon()))
	wantRefusals(t, store, []*plimsoll.Enrollment{e}, "") // its key is free
	wantActivities(t, store, "enrollmentToken.create", "device.update", "device.delete")
}

func wantDevice(t *testing.T, store Store, want *plimsoll.Device) {
	t.Helper()
	got, err := store.Device(t.Context(), want.ID)
	must(t, err)
	if diff := cmp.Diff(*want, got); diff != "" {
		t.Error(diff)
	}
}

// deviceCompliance has scripts say one thing after the other.
func deviceCompliance(t *testing.T, store Store) {
	t.Helper()
	id := enrolled(t, store, "a")[0]
	want := func(want plimsoll.ComplianceState) {
		t.Helper()
		for _, state := range plimsoll.ComplianceStates() {
			page := everything()
			field := &query.Expr{Op: query.Field, Name: "complianceState", Type: complianceType()}
			value := &query.Expr{Op: query.Literal, Value: string(state), Type: complianceType()}
			page.Filter = querytest.Make(query.Eq, query.Boolean, field, value)
			list, err := store.Devices(t.Context(), page)
			must(t, err)
			d, err := store.Device(t.Context(), id)
			if err != nil || d.Compliance != want || len(list.Rows) == 1 != (state == want) {
				t.Errorf("the device is %q, want %q, and found %d times as %q; %v", d.Compliance, want, len(list.Rows), state, err)
			}
		}
	}
	first, second := addScript(t, store), addScript(t, store)
	push := func(script *plimsoll.Script, state plimsoll.RunState) {
		_, err := store.ChangeRunState(t.Context(), script.ID, id, true, func(r *plimsoll.DeviceRunState) error {
			r.State, r.RanAt = state, noon()
			return nil
		}, event("runState.create", script.ID))
		must(t, err)
	}
	want(plimsoll.ComplianceUnknown)
	push(first, plimsoll.StateSuccess)
	want(plimsoll.ComplianceCompliant)
	push(second, plimsoll.StateScriptError)
	want(plimsoll.ComplianceError)
	push(first, plimsoll.StateFail)
	want(plimsoll.ComplianceNoncompliant)
	_, err := store.UpdateScript(t.Context(), first.ID, func(s *plimsoll.Script) error {
		return s.Change(func(s *plimsoll.Script) { s.Content = []byte("#!/bin/true") }, noon())
	}, event("update", first.ID))
	must(t, err)
	want(plimsoll.ComplianceError) // what the first found is of an old revision
	for _, instance := range []string{"1", "2"} {
		must(t, startAgent(t, store, id, instance, noon()))
	}
	wantCode(t, startAgent(t, store, id, "1", noon()), plimsoll.Conflict)
	want(plimsoll.ComplianceConflict)
}

func complianceType() query.Type {
	members := make([]string, 0, 7)
	for _, state := range plimsoll.ComplianceStates() {
		members = append(members, string(state))
	}
	return query.Type{Kind: query.Enum, Enum: "microsoft.graph.complianceState", Members: members}
}

// deviceLists sorts by every property, and finds what is null.
func deviceLists(t *testing.T, store Store) {
	t.Helper()
	ids := enrolled(t, store, "b", "a", "c")
	texts := []string{
		"azureADDeviceId", "id", "deviceCategoryDisplayName", "deviceName", "emailAddress", "ethernetMacAddress", "managedDeviceName",
		"manufacturer", "model", "notes", "operatingSystem", "osVersion", "serialNumber", "userDisplayName", "userId",
		"userPrincipalName", "wiFiMacAddress",
	}
	types := map[string]query.Type{
		"enrolledDateTime": {Kind: query.Instant}, "lastSyncDateTime": {Kind: query.Instant}, "isEncrypted": {Kind: query.Boolean},
		"freeStorageSpaceInBytes": {Kind: query.Number}, "physicalMemoryInBytes": {Kind: query.Number},
		"totalStorageSpaceInBytes": {Kind: query.Number}, "complianceState": complianceType(),
		"managementAgent":        {Kind: query.Enum, Members: []string{"eas", "unknown"}},
		"managedDeviceOwnerType": {Kind: query.Enum, Members: []string{"unknown", "company", "personal"}},
	}
	for _, name := range texts {
		types[name] = query.Type{Kind: query.String, Nullable: true}
	}
	for name, kind := range types {
		page := query.Page{Limit: 2, Budget: 1 << 30, Order: []query.Key{{
			Expr: &query.Expr{Op: query.Field, Name: name, Type: kind}, Descending: true,
		}}}
		first, err := store.Devices(t.Context(), page)
		must(t, err)
		page.After = first.Last
		rest, err := store.Devices(t.Context(), page)
		must(t, err)
		var got []string
		for _, rows := range [][]plimsoll.Device{first.Rows, rest.Rows} {
			for i := range rows {
				got = append(got, rows[i].ID)
			}
		}
		want := []string{ids[2], ids[1], ids[0]} // the youngest first, where all are equal
		switch name {
		case "deviceName":
			want = []string{ids[2], ids[0], ids[1]}
		case "id", "azureADDeviceId":
			slices.Sort(want)
			slices.Reverse(want)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("by %s: %s", name, diff)
		}
	}
	null := querytest.Make(query.Eq, query.Boolean, &query.Expr{Op: query.Field, Name: "notes", Type: types["notes"]},
		&query.Expr{Op: query.Literal, Type: query.Type{Kind: query.Null, Nullable: true}})
	if n, err := store.CountDevices(t.Context(), null); err != nil || n != 3 {
		t.Errorf("%d devices have no notes, want 3; %v", n, err)
	}
}

// namesInLowerCase finds devices by what their names are in lower case, and by no
// name that one had before.
func namesInLowerCase(t *testing.T, store Store) {
	t.Helper()
	ids := enrolled(t, store, "ÄRGER-Mac", "ärger-pc", "old")
	must(t, store.UpdateInventory(t.Context(), ids[2], plimsoll.Inventory{DeviceName: "NEW Ärger"}, "h", noon()))
	name := &query.Expr{Op: query.Field, Name: "deviceName", Type: query.Type{Kind: query.String, Nullable: true}}
	for text, want := range map[string]int64{"ärger": 3, "Ärger": 0, "-mac": 1, "old": 0, "new ": 1} {
		filter := querytest.Make(query.Contains, query.Boolean, querytest.Make(query.ToLower, query.String, name), querytest.Value(query.String, text))
		if n, err := store.CountDevices(t.Context(), filter); err != nil || n != want {
			t.Errorf("%d devices have %q in their name in lower case, want %d; %v", n, text, want, err)
		}
	}
}

func deviceInstances(t *testing.T, store Store) {
	t.Helper()
	ids := enrolled(t, store, "a", "b")
	id, other := ids[0], ids[1]
	at := func(i int) time.Time { return noon().Add(time.Duration(i) * time.Hour) }
	steps := []struct {
		instance string
		want     plimsoll.Code
	}{{"1", ""}, {"1", ""}, {"2", ""}, {"2", ""}, {"1", plimsoll.Conflict}, {"1", plimsoll.Conflict}, {"2", ""}, {"3", ""}, {"2", plimsoll.Conflict}}
	together := []*plimsoll.AgentStart{{DeviceID: "x", Instance: "1", At: noon()}} // in one transaction, by another device
	for i, step := range steps {
		together = append(together, &plimsoll.AgentStart{DeviceID: other, Instance: step.instance, At: at(i)})
		err := startAgent(t, store, id, step.instance, at(i))
		if code := plimsoll.ErrorCode(err); code != step.want {
			t.Errorf("step %d: %v, want %q", i, err, step.want)
		}
	}
	refusals, err := store.StartAgents(t.Context(), together)
	must(t, err)
	wantNotFound(t, refusals[0])
	for i, step := range steps {
		if code := plimsoll.ErrorCode(refusals[i+1]); code != step.want {
			t.Errorf("step %d beside the others: %q, want %q", i, code, step.want)
		}
	}
	if d, err := store.Device(t.Context(), id); err != nil || !d.ClonedAt.Equal(at(4)) {
		t.Errorf("it was found to be cloned at %s; %v", d.ClonedAt, err)
	}
	d, err := store.Device(t.Context(), other)
	must(t, err)
	agent, err := store.Agent(t.Context(), other)
	must(t, err)
	if !d.ClonedAt.Equal(at(4)) || agent.Instance != "3" {
		t.Errorf("the other is %q, found to be cloned at %s", agent.Instance, d.ClonedAt)
	}
	wantNotFound(t, startAgent(t, store, "x", "1", noon()))
}

func devicesSeen(t *testing.T, store Store) {
	t.Helper()
	ids := enrolled(t, store, "a", "b", "c")
	must(t, store.Seen(t.Context(), nil))
	must(t, store.Seen(t.Context(), map[string]time.Time{
		ids[0]: noon().Add(time.Hour), ids[1]: noon().Add(-time.Hour), "x": noon().Add(time.Hour),
	}))
	for i, want := range []time.Time{noon().Add(time.Hour), noon(), noon()} {
		if d, err := store.Device(t.Context(), ids[i]); err != nil || !d.LastSyncAt.Equal(want) {
			t.Errorf("device %d was last seen at %s, want %s; %v", i, d.LastSyncAt, want, err)
		}
	}
}

// lastPushed has a script computed from what another runner reports of one
// device, and of nothing once that is gone: its summary may be reported again.
func lastPushed(t *testing.T, store Store) {
	t.Helper()
	script, device := addScript(t, store), enrolled(t, store, "a")[0]
	_, err := store.ChangeRunState(t.Context(), script.ID, device, true, func(s *plimsoll.DeviceRunState) error {
		s.State, s.RanAt = plimsoll.StateFail, noon()
		return nil
	}, event("runState.create", script.ID))
	must(t, err)
	record := &plimsoll.RunSummaryRecord{ScriptID: script.ID, RecordedAt: noon()}
	record.ID, record.LastScriptRun = randomID(), noon()
	refusals, err := store.AppendRunSummaries(t.Context(), []*plimsoll.RunSummaryRecord{record})
	must(t, err)
	wantCode(t, refusals[0], plimsoll.Conflict)
	must(t, store.DeleteDevice(t.Context(), device, agreeDevice, event("device.delete", device)))
	_, err = store.RunSummary(t.Context(), script.ID)
	wantNotFound(t, err)
	refusals, err = store.AppendRunSummaries(t.Context(), []*plimsoll.RunSummaryRecord{record})
	must(t, err)
	must(t, refusals[0])
}
