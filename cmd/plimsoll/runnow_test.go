package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"plimsoll/internal/checkin"
)

// sameDevice makes another client of an agent's device.
func sameDevice(agent *checkin.Client) *checkin.Client {
	return &checkin.Client{
		Server: agent.Server, TenantID: agent.TenantID, DeviceID: agent.DeviceID, Key: agent.Key,
		HTTP: agent.HTTP, Now: agent.Now, Random: agent.Random,
	}
}

// TestRunNow asks a device to run a script at once, in every way that actions are
// asked for, and again.
func TestRunNow(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, store string) {
		t.Helper()
		s := signedIn(t, store)
		agent, _ := wiredAgent(t, s, s.enrollmentSecret(t))
		script := s.assigned(t, agent, "IyEvYmluL3NoCg==")
		etag := checkIn(t, agent, &checkin.CheckInRequest{}).ETag
		if script.RunRequest != 0 {
			t.Errorf("nobody asked, and the request is %d", script.RunRequest)
		}
		last := int64(0)
		risen := func(how string) {
			t.Helper()
			answer := checkIn(t, agent, &checkin.CheckInRequest{ETag: etag})
			if len(answer.Scripts) != 1 || answer.Scripts[0].RunRequest <= last || answer.ETag == etag {
				t.Fatalf("%s: after the request %d: %+v", how, last, answer)
			}
			etag, last = answer.ETag, answer.Scripts[0].RunRequest
		}
		path, keyed := devices+"/"+agent.DeviceID+"/", devices+"('"+agent.DeviceID+"')/"
		const action = "initiateOnDemandProactiveRemediation"
		body := `{"scriptPolicyId":"` + script.ID + `"}`
		for _, way := range []string{path + action, keyed + action, path + "microsoft.graph." + action} {
			if r := s.must(t, http.StatusNoContent, "POST", way, body); r.text != "" {
				t.Error(r.text)
			}
			risen(way)
		}
		s.must(t, http.StatusNoContent, "POST", path+action, `{"ScriptPolicyId":"`+script.ID+`"}`)
		risen("Graph's other spelling")
		answers := s.runBatch(t, "/beta", change("1", "POST", keyed+action, body), change("2", "POST", path+action, body).grouped())
		wantStatuses(t, answers, map[string]int{"1": 204, "2": 204})
		risen("a batch")
		mixed := asMixed("all", asChangeSet(asPart("1", "POST", "/beta"+keyed+action, body)))
		r := s.must(t, http.StatusOK, "POST", s.URL+"/beta/$batch", mixed, "Content-Type", "multipart/mixed; boundary=all")
		if sets := readMixed(t, r.Header.Get("Content-Type"), strings.NewReader(r.text)); len(sets) != 1 || sets[0][0].status != 204 {
			t.Errorf("a change set: %s", r.text)
		}
		risen("a change set")
		if answer := checkIn(t, agent, &checkin.CheckInRequest{ETag: etag}); answer.Scripts != nil || answer.ETag != etag {
			t.Errorf("nobody asked since: %+v", answer)
		}
		s.refuseToRun(t, agent, script)
		s.must(t, http.StatusOK, "PATCH", scripts+"/"+script.ID, `{"platform":"windows10"}`)
		s.must(t, http.StatusNotFound, "POST", path+action, body)
		if log := auditOf(t, store); strings.Count(log, "managedDevice.initiateOnDemandProactiveRemediation") != 7 ||
			!strings.Contains(log, script.ID+":"+agent.DeviceID) {
			t.Error(log)
		}
		verifyStore(t, store)
	})
}

// refuseToRun asks for what cannot be, and by whom it may not be asked.
func (s *testServer) refuseToRun(t *testing.T, agent *checkin.Client, script checkin.Script) {
	t.Helper()
	path := devices + "/" + agent.DeviceID + "/initiateOnDemandProactiveRemediation"
	body := `{"scriptPolicyId":"` + script.ID + `"}`
	for _, c := range []struct {
		path, body string
		status     int
		message    string
	}{
		{devices + "/none/initiateOnDemandProactiveRemediation", body, 404, "no managedDevice"},
		{path, `{"scriptPolicyId":"none"}`, 404, "to run: assign the script to it"},
		{path, `{"scriptPolicyId":"` + s.addScript(t) + `"}`, 404, "to run: assign the script to it"},
		{path, `{}`, 400, "scriptPolicyId is missing"},
		{path, ``, 400, "The body is empty"},
		{path, `{"scriptPolicyId":null}`, 400, "scriptPolicyId must be"},
		{path, `{"scriptPolicyId":1}`, 400, "scriptPolicyId must be"},
		{path, `{"scriptPolicyId":"a","more":1}`, 400, "more"},
		{path, `{"scriptPolicyId":"a","scriptPolicyId":"b"}`, 400, "twice"},
		{path, `{"scriptPolicyId":"a","ScriptPolicyId":"b"}`, 400, "ScriptPolicyId"},
	} {
		if r := s.must(t, c.status, "POST", c.path, c.body, "Content-Type", "application/json"); !strings.Contains(r.text, c.message) {
			t.Errorf("%s %s: %s, want %q", c.path, c.body, r.text, c.message)
		}
	}
	s.must(t, http.StatusMethodNotAllowed, "GET", path, "")
}

// TestRunNowPermissions has one client ask that may do nothing else, and one that may
// write scripts.
func TestRunNowPermissions(t *testing.T) {
	t.Parallel()
	store := sqliteAddress(t)
	s := signedIn(t, store)
	agent, _ := wiredAgent(t, s, s.enrollmentSecret(t))
	script := s.assigned(t, agent, "IyEvYmluL3NoCg==")
	for permission, status := range map[string]int{
		"DeviceManagementManagedDevices.PrivilegedOperations.All": 204,
		"DeviceManagementScripts.ReadWrite.All":                   403,
	} {
		var c credentials
		command(t, &c, "client", "create", "--store", store, "--name", permission, "--permission", permission)
		caller := *s
		caller.token = s.signIn(t, &c)
		caller.must(t, status, "POST", devices+"/"+agent.DeviceID+"/initiateOnDemandProactiveRemediation", `{"scriptPolicyId":"`+script.ID+`"}`)
	}
}

// auditOf gives what "plimsoll audit" says, as text.
func auditOf(t *testing.T, store string) string {
	t.Helper()
	var log json.RawMessage
	command(t, &log, "audit", "--store", store)
	return string(log)
}
