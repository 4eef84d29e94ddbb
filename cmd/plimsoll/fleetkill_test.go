package main

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"plimsoll/internal/checkin"
	"plimsoll/internal/store/pgtest"
)

// TestReportsOutliveAServer has devices report to two servers, of which one is
// killed in the midst: what was acknowledged is there once, and the counts are
// those of a recount.
func TestReportsOutliveAServer(t *testing.T) {
	t.Parallel()
	const devices, rounds = 24, 25
	store := pgtest.URL(t)
	a, b := startTwo(t, store)
	secret := a.enrollmentSecret(t)
	agents := make([]*checkin.Client, devices)
	for i := range agents {
		agents[i] = newAgent(t, a)
		if _, err := agents[i].Enroll(t.Context(), secret, machine(fmt.Sprint("device ", i)), ""); err != nil {
			t.Fatal(err)
		}
	}
	script := a.assigned(t, agents[0], "IyEvYmluL3NoCg==")
	acknowledged := make([]int64, devices) // the last sequence of each
	var running sync.WaitGroup
	for i, agent := range agents {
		running.Go(func() {
			for sequence := int64(1); sequence <= rounds; sequence++ {
				agent.Server = []string{a.URL, b.URL}[(int(sequence)+i)%2]
				if reportUntilTaken(t, agent, script, sequence, a, b) {
					acknowledged[i] = sequence
				}
			}
		})
	}
	time.Sleep(150 * time.Millisecond)
	a.kill()
	running.Wait()
	for i, agent := range agents {
		state := b.must(t, http.StatusOK, "GET", scripts+"/"+script.ID+"/deviceRunStates/"+script.ID+":"+agent.DeviceID, "").json
		if want := fmt.Sprint("run ", acknowledged[i]); acknowledged[i] != rounds || state["scriptOutput"] != want {
			t.Errorf("device %d: %v is stored, want %q", i, state["scriptOutput"], want)
		}
	}
	summary := b.must(t, http.StatusOK, "GET", scripts+"/"+script.ID+"/runSummary", "").json
	if summary["issueDetectedDeviceCount"] != float64(devices) || summary["noIssueDetectedDeviceCount"] != 0.0 { // the last run is a fail
		t.Errorf("the summary is %v", summary)
	}
	var v struct{ Differences []string }
	command(t, &v, "verify", "--store", store)
	if len(v.Differences) > 0 {
		t.Error(v.Differences)
	}
}

// reportUntilTaken sends one result until either server has acknowledged it, as
// an agent does from its queue.
func reportUntilTaken(t *testing.T, agent *checkin.Client, script checkin.Script, sequence int64, servers ...*testServer) bool {
	t.Helper()
	result := checkin.Result{
		ScriptID: script.ID, Revision: script.Revision, Sequence: sequence, State: []string{"success", "fail"}[sequence%2],
		RanAt: time.Now().UTC(), Output: fmt.Sprint("run ", sequence),
	}
	for try := range 100 {
		answer, err := agent.CheckIn(t.Context(), &checkin.CheckInRequest{Instance: "first", Results: []checkin.Result{result}})
		if err == nil {
			code := answer.Results[0].Code
			if code != "accepted" && code != "duplicate" {
				t.Errorf("sequence %d: %s %s", sequence, code, answer.Results[0].Message)
			}
			return true
		}
		agent.Server = servers[try%len(servers)].URL
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("sequence %d was never taken", sequence)
	return false
}
