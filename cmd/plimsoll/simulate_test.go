package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"plimsoll/internal/simulate"
)

// simulation starts the program's simulation of a fleet against a server.
func simulation(t *testing.T, s *testServer, args ...string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	t.Helper()
	stdout, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	cmd = exec.CommandContext(t.Context(), "plimsoll", append([]string{
		"simulate", "--json", "--server", s.URL, "--client-id", s.FirstClient.ClientID, "--client-secret", s.FirstClient.ClientSecret,
	}, args...)...)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, stdout, stderr
}

// TestSimulate plays a fleet on each engine, finds nothing amiss, and leaves
// nothing behind.
func TestSimulate(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, store string) {
		t.Helper()
		s := signedIn(t, store)
		cmd, stdout, stderr := simulation(t, s, "--devices", "60", "--scripts", "3", "--duration", "5s", "--interval", "1s")
		var r simulate.Report
		if err := errors.Join(cmd.Wait(), json.Unmarshal(stdout.Bytes(), &r)); err != nil {
			t.Fatalf("%v\n%s%s", err, stdout, stderr)
		}
		// How many there are depends on how busy the machine is.
		if r.Devices != 60 || r.Scripts != 3 || r.Reports < 1 || r.Results < 3*r.Reports || r.ReportsPerSecond <= 0 ||
			r.P50Milliseconds <= 0 || r.P99Milliseconds < r.P50Milliseconds || r.Refused+int64(r.Mismatches)+int64(r.Undelivered) != 0 {
			t.Errorf("%+v", r)
		}
		for _, list := range []string{"/deviceManagement/managedDevices", scripts, "/groups"} {
			if left := s.must(t, http.StatusOK, "GET", list, "").json["value"].([]any); len(left) > 0 {
				t.Errorf("%s: %d are left", list, len(left))
			}
		}
		verifyStore(t, store)
	})
}

// TestSimulateMismatch has another runner report a state of a simulated device
// behind its back: the simulation tells, and cleans up all the same.
func TestSimulateMismatch(t *testing.T) {
	t.Parallel()
	s := signedIn(t, sqliteAddress(t))
	token := s.enrollmentSecret(t)
	cmd, stdout, stderr := simulation(t, s, "--devices", "10", "--scripts", "1", "--duration", "10s", "--interval", "60s", // so that nobody reports
		"--enrollment-token", token)
	var states []any
	var id string
	waitUntil(t, "all devices have the script", func() bool {
		if all := s.must(t, http.StatusOK, "GET", scripts, "").json["value"].([]any); len(all) > 0 {
			id = all[0].(map[string]any)["id"].(string)
			states = s.must(t, http.StatusOK, "GET", scripts+"/"+id+"/deviceRunStates", "").json["value"].([]any)
		}
		return len(states) == 10
	})
	waitUntil(t, "the script is revised", func() bool {
		content := s.must(t, http.StatusOK, "GET", scripts+"/"+id, "").json["detectionScriptContent"].(string)
		return content != "IyEvYmluL3NoCg=="
	})
	for _, state := range states {
		path := scripts + "/" + id + "/deviceRunStates/" + state.(map[string]any)["id"].(string)
		s.must(t, http.StatusOK, "PATCH", path, `{"detectionState":"fail"}`)
	}
	err := cmd.Wait()
	var r simulate.Report
	if e, ok := errors.AsType[*exec.ExitError](err); !ok || e.ExitCode() != exitDifference || json.Unmarshal(stdout.Bytes(), &r) != nil {
		t.Fatalf("%v\n%s%s", err, stdout, stderr)
	}
	if r.Mismatches == 0 || len(r.Differences) != r.Mismatches || !strings.Contains(stderr.String(), "not what the simulated devices reported") {
		t.Errorf("%+v\n%s", r, stderr)
	}
	if left := s.must(t, http.StatusOK, "GET", "/deviceManagement/managedDevices", "").json["value"].([]any); len(left) > 0 {
		t.Errorf("%d devices are left", len(left))
	}
}
