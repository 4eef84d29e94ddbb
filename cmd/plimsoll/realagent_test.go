package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"plimsoll/internal/agent"
)

// device is a machine by the folder of its agent, and the agent's process.
type device struct {
	folder  string
	command []string // before "plimsoll agent run"
	process *exec.Cmd
	exited  chan error
	log     *processLog
}

// newDevice enrols this machine in a folder of its own, as its administrator would.
func (s *testServer) newDevice(t *testing.T, secret, name string, args ...string) *device {
	t.Helper()
	d := &device{folder: filepath.Join(t.TempDir(), name), log: &processLog{}}
	out, err := runProgram(t, "", append([]string{"agent", "enroll", "--server", s.URL, "--token", secret, "--data", d.folder}, args...)...)
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, s.log)
	}
	return d
}

// runProgram runs the program to its end.
func runProgram(t *testing.T, stdin string, args ...string) (output string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "plimsoll", args...)
	cmd.Stdin = strings.NewReader(stdin)
	text, err := cmd.CombinedOutput()
	return string(text), err
}

// start starts the agent, which is stopped when the test ends.
func (d *device) start(t *testing.T) {
	t.Helper()
	words := append(append([]string{}, d.command...), "plimsoll", "agent", "run", "--data", d.folder)
	d.process, d.exited = exec.CommandContext(context.WithoutCancel(t.Context()), words[0], words[1:]...), make(chan error, 1)
	d.process.Stderr = d.log
	if err := d.process.Start(); err != nil {
		t.Fatal(err)
	}
	process, exited := d.process, d.exited
	go func() { exited <- process.Wait() }()
	t.Cleanup(func() { d.end(t, syscall.SIGTERM) })
}

// end ends the agent by a signal, and waits until it is gone.
func (d *device) end(t *testing.T, by os.Signal) {
	t.Helper()
	if d.process == nil {
		return
	}
	_ = d.process.Process.Signal(by)
	select {
	case err := <-d.exited:
		if by == syscall.SIGTERM && err != nil {
			t.Errorf("the agent ended with %v\n%s", err, d.log)
		}
	case <-time.After(time.Minute):
		t.Errorf("the agent did not end\n%s", d.log)
	}
	d.process = nil
}

func (d *device) status(t *testing.T) (status agent.Status) {
	t.Helper()
	out, err := runProgram(t, "", "--json", "agent", "status", "--data", d.folder)
	if err == nil {
		err = json.Unmarshal([]byte(out), &status)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return status
}

// assignToAll makes a script of a shell's text that all devices run hourly, and gives
// its id.
func (s *testServer) assignToAll(t *testing.T, name, content string) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"displayName": name, "detectionScriptContent": []byte(content)})
	if err != nil {
		t.Fatal(err)
	}
	id := s.must(t, http.StatusCreated, "POST", scripts, string(body)).json["id"].(string)
	s.must(t, http.StatusNoContent, "POST", scripts+"/"+id+"/assign", `{"deviceHealthScriptAssignments":[{
		"target":{"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget"},
		"runSchedule":{"@odata.type":"#microsoft.graph.deviceHealthScriptHourlySchedule","interval":1}}]}`)
	return id
}

// counts gives a script's run summary: healthy, issue, error, pending.
func (s *testServer) counts(t *testing.T, id string) string {
	t.Helper()
	summary := s.must(t, http.StatusOK, "GET", scripts+"/"+id+"/runSummary", "").json
	return fmt.Sprint(summary["noIssueDetectedDeviceCount"], summary["issueDetectedDeviceCount"],
		summary["detectionScriptErrorDeviceCount"], summary["detectionScriptPendingDeviceCount"])
}

// awaitCounts waits until a script's run summary reads so.
func (s *testServer) awaitCounts(t *testing.T, id, want string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); s.counts(t, id) != want; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the summary reads %s, not %s\n%s", s.counts(t, id), want, s.log)
		}
	}
}

// TestFleetWithGraphSDK has an administrator with an unmodified client of Graph
// post, assign and run a script on two devices.
func TestFleetWithGraphSDK(t *testing.T) {
	t.Parallel()
	dir := nodeProgram(t, "javascript")
	s := startForClients(t)
	secret := s.secretOverTLS(t, "plimsoll")
	s.newDevice(t, secret, "healthy", "--ca", s.CAFile).start(t)
	s.newDevice(t, secret, "other", "--ca", s.CAFile).start(t)
	s.walk(t, 5, dir, "node", "fleet.mjs")
}

// TestAgentCommands goes through an agent's life by the command line.
func TestAgentCommands(t *testing.T) {
	t.Parallel()
	s := signedIn(t, "sqlite:"+t.TempDir()+"/plimsoll.db")
	secret := s.enrollmentSecret(t)
	d := s.newDevice(t, secret, "agent")
	want := func(part, stdin string, args ...string) {
		t.Helper()
		if out, err := runProgram(t, stdin, append(args, "--data", d.folder)...); !strings.Contains(out, part) {
			t.Errorf("%v: %v\n%s\nwant %q", args, err, out, part)
		}
	}
	want("is device "+d.status(t).DeviceID, secret, "agent", "enroll", "--server", s.URL, "--token", "-")
	want("not running", "", "agent", "status")
	want("last check-in  never", "", "agent", "status")
	issue := s.assignToAll(t, "Bad", "#!/bin/sh\nexit 1\n")
	s.assignToAll(t, "Good", "#!/bin/sh\nexit 0\n")
	want("", "", "agent", "run", "--once")
	s.awaitCounts(t, issue, "0 1 0 0")
	status := d.status(t)
	if len(status.Scripts) != 2 || status.CheckedIn.IsZero() || status.Queued != 0 {
		t.Errorf("%+v", status)
	}
	want("hourly    fail", "", "agent", "status")
	d.start(t)
	for deadline := time.Now().Add(10 * time.Second); !agent.IsRunning(d.folder); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(d.log)
		}
	}
	want("running (process", "", "agent", "status")
	want("An agent is at work", "", "agent", "run")
	want("An agent is at work", "", "agent", "unenroll")
	d.end(t, syscall.SIGTERM)
	want("--again makes another device", "", "agent", "enroll", "--server", s.URL, "--token", secret)
	before := status.DeviceID
	want("This machine is device", "", "agent", "enroll", "--server", s.URL, "--token", secret, "--again")
	if d.status(t).DeviceID == before {
		t.Error("it is the same device")
	}
	want("is no device any more", "", "agent", "unenroll")
	want("enrol it with plimsoll agent enroll", "", "agent", "status")
	var left struct{ Value []struct{ ID string } }
	if err := json.Unmarshal([]byte(s.must(t, http.StatusOK, "GET", "/deviceManagement/managedDevices", "").text), &left); err != nil || len(left.Value) != 1 || left.Value[0].ID != before {
		t.Errorf("%+v, %v", left, err)
	}
	if files, _ := os.ReadDir(d.folder); len(files) != 1 { // the lock
		t.Errorf("left behind: %v", files)
	}
}

// TestPinnedAuthority enrols a device that believes what the system does, and takes
// that away: the authority that it met stays the one that it believes.
func TestPinnedAuthority(t *testing.T) {
	t.Parallel()
	s := startForClients(t)
	secret := s.secretOverTLS(t, "plimsoll")
	folder := filepath.Join(t.TempDir(), "agent")
	enroll := exec.CommandContext(t.Context(), "plimsoll", "agent", "enroll", "--server", s.URL, "--token", secret, "--data", folder)
	if out, err := enroll.CombinedOutput(); err == nil || !bytes.Contains(out, []byte("enrol with --ca FILE")) {
		t.Errorf("a certificate of nobody was believed: %s", out)
	}
	enroll = exec.CommandContext(t.Context(), enroll.Args[0], enroll.Args[1:]...)
	enroll.Env = append(os.Environ(), "SSL_CERT_FILE="+s.CAFile)
	if out, err := enroll.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := runProgram(t, "", "agent", "run", "--once", "--data", folder); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	identity, err := agent.LoadIdentity(folder)
	authority, readErr := os.ReadFile(s.CAFile)
	if err != nil || readErr != nil || strings.TrimSpace(identity.Authority) != strings.TrimSpace(string(authority)) {
		t.Errorf("pinned is %s (%v, %v)", identity.Authority, err, readErr)
	}
}

// secretOverTLS makes an enrolment token by the command line of a program, and gives
// its secret.
func (s *testServer) secretOverTLS(tb testing.TB, program string) string {
	tb.Helper()
	create := exec.CommandContext(tb.Context(), program, "--json", "enrollment-token", "create", "--server", s.URL, "--ca", s.CAFile, "--name", "Test")
	create.Env = append(os.Environ(), s.environment()...)
	out, err := create.CombinedOutput()
	var token listedToken
	if err == nil {
		err = json.Unmarshal(out, &token)
	}
	if err != nil {
		tb.Fatalf("%v\n%s", err, out)
	}
	return *token.Token
}

// trust lets the test's client believe the server's own authority.
func (s *testServer) trust(tb testing.TB) {
	tb.Helper()
	authority, err := os.ReadFile(s.CAFile)
	if err != nil {
		tb.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	s.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
}

func base64Text(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
