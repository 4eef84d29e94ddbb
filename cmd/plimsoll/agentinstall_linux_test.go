package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestInstall has systemd run the agent, as far as systemd is told: its commands are
// written down, and its unit is checked. It happens in a namespace of its own, with
// folders in place of the system's.
func TestInstall(t *testing.T) {
	t.Parallel()
	const inside = "PLIMSOLL_TEST_INSTALL"
	if os.Getenv(inside) == "" {
		s := signedIn(t, "sqlite:"+t.TempDir()+"/plimsoll.db")
		d := s.newDevice(t, s.enrollmentSecret(t), "agent")
		bin := t.TempDir()
		if err := os.WriteFile(filepath.Join(bin, "systemctl"), []byte("#!/bin/sh\necho \"$@\" >> "+bin+"/told\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		words := []string{"--mount", os.Args[0], "-test.run=^TestInstall$", "-test.count=1"}
		if os.Geteuid() != 0 {
			words = append([]string{"--map-root-user"}, words...)
		}
		cmd := exec.CommandContext(t.Context(), "unshare", words...)
		cmd.Env = append(os.Environ(), inside+"="+d.folder, "PATH="+bin+":"+os.Getenv("PATH"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	folder := os.Getenv(inside)
	for _, over := range []string{"/run", "/etc/systemd/system", "/usr/local/bin"} {
		if err := unix.Mount("tmpfs", over, "tmpfs", 0, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir("/run/systemd", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("/run/systemd/system", 0o700); err != nil { // systemd is what runs this system
		t.Fatal(err)
	}
	systemctl, err := exec.LookPath("systemctl")
	if err != nil {
		t.Fatal(err)
	}
	told := filepath.Join(filepath.Dir(systemctl), "told")
	program, err := exec.LookPath("plimsoll")
	if err != nil {
		t.Fatal(err)
	}
	stays := "/usr/local/bin/plimsoll"
	if out, err := exec.CommandContext(t.Context(), "cp", program, stays).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := runProgram(t, "", "agent", "install", "--data", folder); err == nil || !strings.Contains(out, "copy it to where it shall") {
		t.Errorf("a program that will not stay was installed: %v, %s", err, out)
	}
	for _, command := range []string{"install", "stop", "start"} {
		if out, err := exec.CommandContext(t.Context(), stays, "agent", command, "--data", folder).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
	unit := "/etc/systemd/system/plimsoll-agent.service"
	text, err := os.ReadFile(unit)
	if want := `ExecStart=/usr/local/bin/plimsoll "agent" "run" "--data" "` + folder + `"`; err != nil || !strings.Contains(string(text), want+"\nRestart=always\n") {
		t.Errorf("%v\n%s\nwant %s", err, text, want)
	}
	if out, err := exec.CommandContext(t.Context(), "systemd-analyze", "verify", unit).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := exec.CommandContext(t.Context(), stays, "agent", "uninstall", "--unenroll", "--data", folder).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := os.Stat(unit); err == nil {
		t.Error("the unit is left")
	}
	commands, err := os.ReadFile(told)
	want := "enable plimsoll-agent.service\ndaemon-reload\nstart plimsoll-agent.service\nstop plimsoll-agent.service\nstart plimsoll-agent.service\n" +
		"stop plimsoll-agent.service\ndisable plimsoll-agent.service\ndaemon-reload\n"
	if err != nil || string(commands) != want {
		t.Errorf("%v: systemd was told\n%s", err, commands)
	}
	if left, _ := os.ReadDir(folder); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}
