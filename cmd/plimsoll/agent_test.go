package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"plimsoll"
	"plimsoll/internal/checkin"
)

// newAgent makes the client of a machine that is yet to enrol.
func newAgent(t *testing.T, s *testServer) *checkin.Client {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &checkin.Client{Server: s.URL, Key: key, HTTP: s.client, Now: time.Now, Random: rand.Reader}
}

// enrollmentSecret makes an enrolment token and gives its secret.
func (s *testServer) enrollmentSecret(t *testing.T) string {
	t.Helper()
	r := s.must(t, http.StatusCreated, "POST", "/deviceManagement/enrollmentTokens", `{"displayName":"Test"}`)
	secret, _ := r.json["token"].(string)
	if !strings.HasPrefix(secret, "ple_") {
		t.Fatal(r.text)
	}
	return secret
}

func machine(name string) *checkin.Inventory {
	return &checkin.Inventory{DeviceName: name, OperatingSystem: "Linux", OSVersion: "12"}
}

// assigned makes a script that all devices have to run, and waits until the
// agent is told of it.
func (s *testServer) assigned(t *testing.T, agent *checkin.Client, content string) checkin.Script {
	t.Helper()
	body := `{"displayName":"Disk encryption","detectionScriptContent":"` + content + `"}`
	id := s.must(t, http.StatusCreated, "POST", scripts, body).json["id"].(string)
	s.must(t, http.StatusNoContent, "POST", scripts+"/"+id+"/assign", `{"deviceHealthScriptAssignments":[{
		"target":{"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget"},
		"runSchedule":{"@odata.type":"#microsoft.graph.deviceHealthScriptHourlySchedule","interval":2}}]}`)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		for _, script := range checkIn(t, agent, &checkin.CheckInRequest{}).Scripts {
			if script.ID == id {
				return script
			}
		}
	}
	t.Fatalf("the script was not assigned in time\n%s", s.log)
	return checkin.Script{}
}

func checkIn(t *testing.T, agent *checkin.Client, request *checkin.CheckInRequest) *checkin.CheckInResponse {
	t.Helper()
	if request.Instance == "" {
		request.Instance = "first"
	}
	response, err := agent.CheckIn(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

func outcomes(response *checkin.CheckInResponse) (codes []plimsoll.Outcome) {
	for _, result := range response.Results {
		codes = append(codes, result.Code)
	}
	return codes
}

// TestAgent goes through a device's life, from its enrolment to its removal.
func TestAgent(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, store string) {
		t.Helper()
		s := signedIn(t, store, "--check-in-interval", "1m")
		var c credentials
		command(t, &c, "client", "create", "--store", store, "--name", "fleet",
			"--permission", "DeviceManagementManagedDevices.ReadWrite.All", "--permission", "DeviceManagementConfiguration.ReadWrite.All")
		s.token = s.signIn(t, &c)
		secret, agent := s.enrollmentSecret(t), newAgent(t, s)
		enrolled, err := agent.Enroll(t.Context(), secret, machine("one"), "h1")
		if err != nil || enrolled.CheckInSeconds != 60 || enrolled.TenantID != s.TenantID {
			t.Fatalf("%+v, %v\n%s", enrolled, err, s.log)
		}
		again, err := agent.Enroll(t.Context(), secret, machine("one"), "h1")
		if err != nil || again.DeviceID != enrolled.DeviceID {
			t.Fatalf("enrolled once more: %+v, %v", again, err)
		}
		script := s.assigned(t, agent, "IyEvYmluL3NoCg==") // #!/bin/sh
		s.runScript(t, agent, script)
		s.cloneAgent(t, agent, secret)
		s.must(t, http.StatusNoContent, "DELETE", "/deviceManagement/managedDevices/"+agent.DeviceID, "")
		_, err = agent.CheckIn(t.Context(), &checkin.CheckInRequest{Instance: "second"})
		if e, ok := errors.AsType[*checkin.Error](err); !ok || !e.Gone() {
			t.Errorf("a deleted device: %v", err)
		}
		s.stop(t) // which ends the log
		if strings.Contains(s.log.String(), secret) || strings.Contains(s.log.String(), "ple_") {
			t.Error("the log has the secret")
		}
	})
}

// runScript fetches a script and reports its runs.
func (s *testServer) runScript(t *testing.T, agent *checkin.Client, script checkin.Script) {
	t.Helper()
	content, err := agent.Content(t.Context(), script.ID, script.ContentHash)
	if hash := sha256.Sum256([]byte("#!/bin/sh\n")); err != nil || string(content) != "#!/bin/sh\n" || script.ContentHash != hex.EncodeToString(hash[:]) {
		t.Fatalf("%q, %v", content, err)
	}
	if want := (checkin.Schedule{Kind: checkin.Hourly, Interval: 2}); script.Schedule != want || script.TimeLimitSeconds != 300 {
		t.Errorf("%+v", script)
	}
	now := time.Now().UTC()
	result := checkin.Result{ScriptID: script.ID, Revision: 1, Sequence: 1, State: "fail", RanAt: now, Output: "bad \xff\x00 text"}
	request := &checkin.CheckInRequest{InventoryHash: "h2", Results: []checkin.Result{result, result}}
	answer := checkIn(t, agent, request)
	if diff := cmp.Diff([]plimsoll.Outcome{"accepted", "duplicate"}, outcomes(answer)); diff != "" || !answer.InventoryWanted {
		t.Errorf("%+v: %s", answer, diff)
	}
	if n := s.must(t, http.StatusOK, "GET", scripts+"/"+script.ID+"/runSummary", "").json["issueDetectedDeviceCount"]; n != 1.0 {
		t.Errorf("%v devices have the issue", n)
	}
	request = &checkin.CheckInRequest{ETag: answer.ETag, InventoryHash: "h2", Inventory: machine("renamed"), Results: []checkin.Result{
		{ScriptID: script.ID, Revision: 1, Sequence: 2, State: "success", RanAt: now.Add(time.Hour)},
		{ScriptID: script.ID, Revision: 9, Sequence: 3, State: "success", RanAt: now},
		{ScriptID: script.ID, Revision: 1, Sequence: 3, State: "great", RanAt: now},
		{ScriptID: "none", Revision: 1, Sequence: 3, State: "fail", RanAt: now},
		{ScriptID: agent.DeviceID, Revision: 1, Sequence: 3, State: "fail", RanAt: now},
		{ScriptID: script.ID, Revision: 1, Sequence: 3, State: "fail"},
	}}
	answer = checkIn(t, agent, request)
	if diff := cmp.Diff([]plimsoll.Outcome{
		"acceptedClockAhead", "futureRevision", "invalid", "invalid", "notAssigned", "invalid",
	}, outcomes(answer)); diff != "" || answer.InventoryWanted || answer.Scripts != nil {
		t.Errorf("%+v: %s", answer, diff)
	}
	if name := s.must(t, http.StatusOK, "GET", "/deviceManagement/managedDevices/"+agent.DeviceID, "").json["deviceName"]; name != "renamed" {
		t.Errorf("the device is named %v", name)
	}
	if last := checkIn(t, agent, &checkin.CheckInRequest{}).Scripts[0].LastSequence; last != 2 {
		t.Errorf("the last sequence is %d", last)
	}
}

// cloneAgent lets a second process use the device's key, and then the first one
// again.
func (s *testServer) cloneAgent(t *testing.T, agent *checkin.Client, secret string) {
	t.Helper()
	checkIn(t, agent, &checkin.CheckInRequest{Instance: "second"})
	_, err := agent.CheckIn(t.Context(), &checkin.CheckInRequest{Instance: "first"})
	if e, ok := errors.AsType[*checkin.Error](err); !ok || e.Status != http.StatusConflict {
		t.Errorf("the process that was superseded: %v", err)
	}
	checkIn(t, agent, &checkin.CheckInRequest{Instance: "second"})
	other := newAgent(t, s)
	if _, err := other.Enroll(t.Context(), secret, machine("two"), ""); err != nil || other.DeviceID == agent.DeviceID {
		t.Errorf("another machine: %s, %v", other.DeviceID, err)
	}
	if _, err := newAgent(t, s).Enroll(t.Context(), "ple_wrong", machine("three"), ""); err == nil {
		t.Error("a machine without a token is enrolled")
	}
}

// TestAgentRefusals sends what is no check-in.
func TestAgentRefusals(t *testing.T) {
	t.Parallel()
	s := signedIn(t, "sqlite:"+t.TempDir()+"/plimsoll.db")
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "check-in", `{}`, 401}, // the token is an administrator's
		{"GET", "check-in", "", 405},
		{"GET", "nothing", "", 404},
		{"GET", "scripts/x/content", "", 401},
		{"POST", "enroll", `{"token":"ple_no","publicKey":"AAAA","inventory":{"deviceName":"x"}}`, 400},
		{"POST", "enroll", `{"token":"a","token":"b"}`, 400},
		{"POST", "enroll", `{} {}`, 400},
		{"POST", "enroll", `[]`, 400},
		{"POST", "enroll", `{"token":1}`, 400},
		{"POST", "enroll", `{"token":"` + strings.Repeat("x", 64<<10) + `"}`, 413},
		{"POST", "enroll", `{"token":"ple_no","publicKey":"` + strings.Repeat("A", 43) + `=","inventory":{"deviceName":"x"}}`, 401},
	} {
		r := s.must(t, c.status, c.method, s.URL+"/agent/v1/"+c.path, c.body)
		if !strings.Contains(r.text, `"request-id":"`+r.Header.Get("request-id")) || !strings.HasPrefix(r.text, `{"error":{"code":"`) {
			t.Error(r.text)
		}
	}
}
