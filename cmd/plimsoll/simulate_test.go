package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"plimsoll/internal/simulate"
)

// simulation starts the program's simulation of a fleet against a server.
func simulation(t *testing.T, s *testServer, args ...string) (cmd *exec.Cmd, stdout, stderr *processLog) {
	t.Helper()
	stdout, stderr = &processLog{}, &processLog{}
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
		if err := errors.Join(cmd.Wait(), json.Unmarshal([]byte(stdout.String()), &r)); err != nil {
			t.Fatalf("%v\n%s%s", err, stdout, stderr)
		}
		// How many there are depends on how busy the machine is.
		if r.Devices != 60 || r.Scripts != 3 || r.Reports < 1 || r.Results < 3*r.Reports || r.ReportsPerSecond <= 0 ||
			r.P50Milliseconds <= 0 || r.P99Milliseconds < r.P50Milliseconds || r.Refused+int64(r.Mismatches)+int64(r.Undelivered) != 0 {
			t.Errorf("%+v", r)
		}
		wantNothing(t, s)
		verifyStore(t, store)
	})
}

// TestSimulateInterrupted stops a simulation while its devices enrol, and while
// they run: it leaves nothing behind, and of those that ran it tells the outcome.
func TestSimulateInterrupted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		devices string
		atWork  func(s *testServer, stderr *processLog) bool
		code    int
	}{
		"enrolling": {"5000", func(s *testServer, _ *processLog) bool {
			return s.must(t, http.StatusOK, "GET", devices+"/$count", "").text != "0"
		}, exitFailed},
		"running": {"20", func(_ *testServer, stderr *processLog) bool { return strings.Contains(stderr.String(), "run ") }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := signedIn(t, sqliteAddress(t))
			cmd, stdout, stderr := simulation(t, s, "--devices", c.devices, "--scripts", "1", "--duration", "2m", "--interval", "1s")
			waitUntil(t, "it is at work", func() bool { return c.atWork(s, stderr) })
			_ = cmd.Process.Signal(syscall.SIGINT) // unless it has ended, which the code would tell
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != c.code {
				t.Errorf("it ended with %d, want %d\n%s%s", code, c.code, stdout, stderr)
			}
			wantNothing(t, s)
		})
	}
}

// wantNothing wants a server without devices, scripts and groups.
func wantNothing(t *testing.T, s *testServer) {
	t.Helper()
	for _, list := range []string{devices, scripts, "/groups"} {
		if left := s.must(t, http.StatusOK, "GET", list, "").json["value"].([]any); len(left) > 0 {
			t.Errorf("%s: %d are left", list, len(left))
		}
	}
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
	if e, ok := errors.AsType[*exec.ExitError](err); !ok || e.ExitCode() != exitDifference || json.Unmarshal([]byte(stdout.String()), &r) != nil {
		t.Fatalf("%v\n%s%s", err, stdout, stderr)
	}
	if r.Mismatches == 0 || len(r.Differences) != r.Mismatches || !strings.Contains(stderr.String(), "not what the simulated devices reported") {
		t.Errorf("%+v\n%s", r, stderr)
	}
	if left := s.must(t, http.StatusOK, "GET", devices, "").json["value"].([]any); len(left) > 0 {
		t.Errorf("%d devices are left", len(left))
	}
}
