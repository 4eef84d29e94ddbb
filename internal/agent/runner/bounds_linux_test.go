package runner

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"plimsoll"
)

// hold has the process that writes its number into a note not go when it is killed,
// until the test is over: a debugger holds it, as the system itself does what waits
// for a dead disk.
func hold(t *testing.T, note string) (held <-chan error) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // the debugger is the thread, and ends with it
		for t.Context().Err() == nil {
			text, err := os.ReadFile(note)
			if err != nil || !strings.HasSuffix(string(text), "\n") {
				time.Sleep(time.Millisecond)
				continue
			}
			pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
			done <- unix.PtraceSeize(pid)
			<-t.Context().Done()
		}
	}()
	return done
}

// TestScriptThatCannotBeEnded runs a script that stays when it is killed.
func TestScriptThatCannotBeEnded(t *testing.T) {
	t.Parallel()
	note := filepath.Join(t.TempDir(), "pid")
	held := hold(t, note)
	job := newJob(t, "#!/bin/sh\necho begun\necho $$ > "+note+"\nsleep 300")
	job.TimeLimit = 2 * time.Second
	begin := time.Now()
	v := verdictOf(t, job)
	if err := <-held; err != nil {
		t.Fatal(err)
	}
	const fault = "The script did not end within its time limit of 2s. It could not be ended either: "
	if v.State != plimsoll.StateScriptError || v.ExitCode != NoExitCode || !strings.HasPrefix(v.Error, fault) || v.Output != "begun\n" {
		t.Errorf("%+v", v)
	}
	if took := time.Since(begin); took > job.TimeLimit+grace+endWithin+endAllWithin+dregs+closing+2*time.Second {
		t.Errorf("it took %s", took)
	}
}

// hurried gives a runner without much patience, whose supervisor is a shell.
func hurried(script string) *Runner {
	return &Runner{Command: []string{"/bin/sh", "-c", script}, patience: 500 * time.Millisecond, ending: time.Second}
}

const late = "The script's supervisor gave no verdict within 501ms, and was ended."

// TestSupervisorThatIsLate has supervisors that do not end when they should, of
// which some do not even read what they are to do.
func TestSupervisorThatIsLate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		supervisor string
		stop       bool
		state      plimsoll.RunState // "" for the error of the context
	}{
		"answers when its input ends":     {"cat > /dev/null; echo '{\"state\":\"success\"}'", false, plimsoll.StateSuccess},
		"answers later":                   {"sleep 0.8; echo '{\"state\":\"fail\"}'", false, plimsoll.StateFail},
		"ignores the end of its input":    {"trap '' TERM; exec sleep 60", false, plimsoll.StateScriptError},
		"leaves a child with its output":  {"sleep 10 & exec sleep 60", false, plimsoll.StateScriptError},
		"ignores it when the agent stops": {"exec sleep 60", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			note := filepath.Join(t.TempDir(), "pid")
			r := hurried("echo $$ > " + note + "; " + c.supervisor)
			job := newJob(t, strings.Repeat("#", plimsoll.MaxContent)) // more than a pipe takes at once
			job.TimeLimit = time.Millisecond
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.stop {
				job.TimeLimit = time.Hour
				time.AfterFunc(r.patience, cancel)
			}
			begin := time.Now()
			v, err := r.Run(ctx, job)
			if took := time.Since(begin); took > r.patience+2*r.ending+2*time.Second {
				t.Errorf("it took %s", took)
			}
			if v.State != c.state || (c.state == "") != errors.Is(err, context.Canceled) || (c.state == plimsoll.StateScriptError) != (v.Error == late) {
				t.Errorf("%+v, %v", v, err)
			}
			if pid, err := os.ReadFile(note); err != nil || alive(t, string(pid)) {
				t.Errorf("supervisor %s is left, %v", pid, err)
			}
		})
	}
}

// TestSupervisorThatCannotBeKilled has a supervisor stay when it is killed. The
// agent is another process, for of its own threads' holding an agent would know.
func TestSupervisorThatCannotBeKilled(t *testing.T) {
	t.Parallel()
	note := filepath.Join(t.TempDir(), "pid")
	held := hold(t, note)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	said, err := exec.CommandContext(t.Context(), self, "agent", "echo $$ > "+note+"; exec sleep 60").Output()
	took, r := time.Since(begin), hurried("")
	if want := "scriptError " + late + " <nil>\n"; string(said) != want || err != nil || took < r.patience+2*r.ending || took > r.patience+2*r.ending+3*time.Second {
		t.Errorf("%q, %v after %s, want %q", said, err, took, want)
	}
	if err := <-held; err != nil {
		t.Error(err)
	}
}

// TestStoppedBefore runs a script when the agent stops already: that is no verdict.
func TestStoppedBefore(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if v, err := newRunner(t).Run(ctx, newJob(t, "#!/bin/sh\n")); !errors.Is(err, context.Canceled) || v.State != "" {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestHeldPipes closes pipes that something else holds, also such as do not end
// their reading by that, like those of Windows.
func TestHeldPipes(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string]int{"closable": unix.O_NONBLOCK, "not closable": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var all streams
			for range 2 {
				var fds [2]int
				if err := unix.Pipe2(fds[:], flags|unix.O_CLOEXEC); err != nil {
					t.Fatal(err)
				}
				all = append(all, newStream(os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")))
			}
			for _, s := range all {
				if _, err := s.theirs.WriteString("kept"); err != nil {
					t.Fatal(err)
				}
			}
			begin := time.Now()
			all.close()
			if took := time.Since(begin); took < dregs || took > dregs+closing+2*time.Second {
				t.Errorf("it took %s", took)
			}
			for _, s := range all {
				_, _ = s.theirs.WriteString("more") // which may be read, at the same time
				if text := s.String(); !strings.HasPrefix(text, "kept") {
					t.Errorf("%q", text)
				}
				_ = s.theirs.Close()
				<-s.drained
			}
		})
	}
}
