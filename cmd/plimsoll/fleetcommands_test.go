package main

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// asClient runs a command as a client of the server, and gives what it prints.
func (s *testServer) asClient(t *testing.T, exit int, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "plimsoll", args...)
	command.Env = append(os.Environ(), "PLIMSOLL_SERVER="+s.URL,
		"PLIMSOLL_CLIENT_ID="+s.FirstClient.ClientID, "PLIMSOLL_CLIENT_SECRET="+s.FirstClient.ClientSecret)
	output, _ := command.CombinedOutput()
	if got := command.ProcessState.ExitCode(); got != exit {
		t.Fatalf("plimsoll %s exits with %d, want %d\n%s", strings.Join(args, " "), got, exit, output)
	}
	return string(output)
}

// TestFleetCommands manages enrolment tokens and devices on the command line.
func TestFleetCommands(t *testing.T) {
	t.Parallel()
	s := signedIn(t, sqliteAddress(t))
	var made listedToken
	if err := json.Unmarshal([]byte(s.asClient(t, 0, "enrollment-token", "create", "--json",
		"--name", "Laptops", "--max-uses", "1", "--expires-in", "24h")), &made); err != nil || made.Token == nil || made.Expires == nil {
		t.Fatalf("%+v, %v", made, err)
	}
	agent := newAgent(t, s)
	if _, err := agent.Enroll(t.Context(), *made.Token, machine("one\n\x1b[1m"), ""); err != nil {
		t.Fatal(err)
	}
	if list := s.asClient(t, 0, "enrollment-token", "list"); !strings.Contains(list, "1 of 1") || !strings.Contains(list, "used up") ||
		strings.Contains(list, *made.Token) {
		t.Error(list)
	}
	s.asClient(t, 0, "enrollment-token", "revoke", made.ID)
	if list := s.asClient(t, 0, "enrollment-token", "list"); !strings.Contains(list, "revoked") {
		t.Error(list)
	}
	list := s.asClient(t, 0, "device", "list", "--filter", "startsWith(deviceName,'one')")
	if !strings.Contains(list, agent.DeviceID) || !strings.Contains(list, "Linux 12") || strings.Contains(list, "\x1b") {
		t.Error(list)
	}
	if none := s.asClient(t, 0, "device", "list", "--json", "--filter", "deviceName eq 'two'"); none != "[]\n" {
		t.Error(none)
	}
	if shown := s.asClient(t, 0, "device", "show", agent.DeviceID); !strings.Contains(shown, "osVersion") {
		t.Error(shown)
	}
	s.asClient(t, exitUsage, "device", "list", "--filter", "nothing eq 1")
	s.asClient(t, 0, "device", "delete", agent.DeviceID)
	s.asClient(t, exitNotFound, "device", "show", agent.DeviceID)
	s.must(t, http.StatusNotFound, "GET", "/deviceManagement/managedDevices/"+agent.DeviceID, "")
}
