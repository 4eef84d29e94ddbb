//go:build unix

package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestKilledAgent kills an agent again and again, at any time of its work, while
// its scripts change: in the end each has its last verdict, and nothing else is left.
func TestKilledAgent(t *testing.T) {
	t.Parallel()
	store := "sqlite:" + t.TempDir() + "/plimsoll.db"
	s := signedIn(t, store)
	d := s.newDevice(t, s.enrollmentSecret(t), "agent")
	content := func(script, round int) string {
		return fmt.Sprintf("#!/bin/sh\n(setsid sleep 300 &)\nsleep 0.0%d\necho round %d\nexit %d\n", script, round, script%2)
	}
	var ids []string
	for script := range 6 {
		ids = append(ids, s.assignToAll(t, fmt.Sprint(script), content(script, 0)))
	}
	const rounds = 12
	for round := range rounds {
		d.start(t)
		time.Sleep(time.Duration(rand.IntN(150)) * time.Millisecond)
		for script, id := range ids {
			s.must(t, http.StatusOK, "PATCH", scripts+"/"+id, fmt.Sprintf(`{"detectionScriptContent":%q}`, base64Text(content(script, round+1))))
		}
		time.Sleep(time.Duration(rand.IntN(250)) * time.Millisecond)
		stopped := round%3 == 2 // in the middle of a check-in, which the server goes on with later
		if stopped {
			_ = s.process.Process.Signal(syscall.SIGSTOP)
			time.Sleep(100 * time.Millisecond)
		}
		d.end(t, syscall.SIGKILL)
		if stopped {
			_ = s.process.Process.Signal(syscall.SIGCONT)
		}
	}
	d.start(t)
	for script, id := range ids {
		want := []string{"1 0 0 0", "0 1 0 0"}[script%2]
		s.awaitCounts(t, id, want)
		states := s.must(t, http.StatusOK, "GET", scripts+"/"+id+"/deviceRunStates", "").text
		if last := fmt.Sprintf(`"scriptOutput":"round %d\n"`, rounds); !strings.Contains(states, strings.ReplaceAll(last, "\n", `\n`)) {
			t.Errorf("script %d: %s", script, states)
		}
	}
	for deadline := time.Now().Add(10 * time.Second); d.status(t).Queued > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("results are left: %+v", d.status(t))
		}
	}
	d.end(t, syscall.SIGTERM)
	if left, _ := filepath.Glob(d.folder + "/runs/*"); len(left) > 0 {
		t.Errorf("folders are left: %v", left)
	}
	if left := processesIn(t, d.folder); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
	s.stop(t)
	verifyStore(t, store)
}

// processesIn gives the processes whose folder is below one, or was.
func processesIn(t *testing.T, folder string) (found []string) {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if at, _ := os.Readlink(link); strings.HasPrefix(at, folder) {
			found = append(found, link+" -> "+at)
		}
	}
	return found
}
