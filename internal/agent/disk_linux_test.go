package agent

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFullDisk fills the agent's disk while it works: what it finds is reported all
// the same, and when there is room again it goes on as if nothing had been.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 { // whoever may not mount may in a namespace of their own
		out, err := exec.Command("unshare", "--map-root-user", "--mount", os.Args[0], "-test.run=^TestFullDisk$").CombinedOutput()
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=256k"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	}()
	s := newScripted(t)
	settings, log := s.settings(t, func(e *Enrolment) { e.Folder = filepath.Join(disk, "agent") })
	script := s.script(1, "#!/bin/sh\nexit 1\n")
	s.give(script)
	stop := runAgent(t, settings)
	defer stop()
	eventually(t, "the first run", log, func() bool { return len(s.results()) == 1 })
	ballast := filepath.Join(disk, "ballast")
	fill(t, ballast)
	script["runRequest"] = 1
	s.give(script)
	eventually(t, "a run on a full disk", log, func() bool { return len(s.results()) >= 2 })
	if got := s.results()[1]; got.State != "scriptError" || !strings.Contains(got.Error, "no space left on device") || got.Sequence != 2 {
		t.Errorf("%+v", got)
	}
	info, err := os.Stat(ballast)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(ballast, info.Size()-16<<10); err != nil { // room for the run, and not for its result
		t.Fatal(err)
	}
	script = s.script(1, "#!/bin/sh\nhead -c 30000 /dev/zero | tr '\\0' x\nexit 1\n")
	script["revision"] = 2
	s.give(script)
	eventually(t, "another", log, func() bool { return len(s.results()) >= 3 })
	if got := s.results()[2]; got.State != "fail" || len(got.Output) != 30000 || !strings.Contains(log.String(), "it is kept in memory") {
		t.Errorf("%s with %d bytes of output\n%s", got.State, len(got.Output), log)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	script["runRequest"] = 3
	s.give(script)
	eventually(t, "a run with room", log, func() bool { return s.results()[len(s.results())-1].Sequence >= 4 })
	settled(t, settings.Folder, log)
	stop()
	last := s.results()[len(s.results())-1].Sequence
	stop = runAgent(t, settings)
	script["runRequest"] = 4
	s.give(script)
	eventually(t, "a run of a new process", log, func() bool { return s.results()[len(s.results())-1].Sequence == last+1 })
	stop()
}

// fill writes a file until nothing more can be.
func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for piece := make([]byte, 4096); err == nil; {
		_, err = file.Write(piece)
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
}
