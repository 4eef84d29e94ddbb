package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"plimsoll"
)

// TestMain lets this program be the supervisor of its own tests, as the product
// is of its agent, and an agent of which the test is the parent.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "agent" {
		v, err := hurried(os.Args[2]).Run(context.Background(), &Job{TimeLimit: time.Millisecond})
		fmt.Println(v.State, v.Error, err)
		return
	}
	if len(os.Args) == 2 && os.Args[1] == "supervise" {
		if err := Supervise(os.Stdin, os.Stdout, time.Now); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func newRunner(tb testing.TB) *Runner {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	return &Runner{Command: []string{self, "supervise"}}
}

func newJob(tb testing.TB, content string) *Job {
	tb.Helper()
	account, err := own()
	if err != nil {
		tb.Fatal(err)
	}
	// Not of tb.TempDir, which no other account may pass through.
	folder, err := os.MkdirTemp("", "plimsoll-runner") //nolint:usetesting // as the comment says
	if err != nil {
		tb.Fatal(err)
	}
	if err := os.Chmod(folder, 0o711); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if left, err := filepath.Glob(folder + "/*"); len(left) > 0 || err != nil {
			tb.Errorf("left behind: %v, %v", left, err)
		}
		_ = os.RemoveAll(folder)
	})
	return &Job{Content: []byte(content), TimeLimit: 20 * time.Second, Account: account, Folder: folder}
}

func verdictOf(tb testing.TB, job *Job) Verdict {
	tb.Helper()
	verdict, err := newRunner(tb).Run(tb.Context(), job)
	if err != nil {
		tb.Fatal(err)
	}
	return verdict
}

// TestVerdicts runs scripts that end in every way there is.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script string
		state  plimsoll.RunState
		code   int
		output string // a part of it, as of the error
		fault  string
	}{
		"healthy":           {"#!/bin/sh\necho all well", "success", 0, "all well\n", ""},
		"the issue":         {"#!/bin/sh\necho bad; echo why >&2; exit 1", "fail", 1, "bad\n", "why\n"},
		"another code":      {"#!/bin/sh\necho half; echo why >&2; exit 137", "scriptError", 137, "half\n", "exit code 137: 0 is healthy, 1 is the issue, and any other an error.\nwhy\n"},
		"a signal":          {"#!/bin/sh\nkill -9 $$", "scriptError", NoExitCode, "", "signal: killed"},
		"bash":              {"#!/bin/bash\n[[ a == a ]] && echo $BASH_VERSION", "success", 0, ".", ""},
		"by env":            {"#!/usr/bin/env python3\nprint('py')", "success", 0, "py\n", ""},
		"an argument":       {"#!/bin/sh -e\nfalse\nexit 0", "fail", 1, "", ""},
		"no first line":     {"echo plain", "success", 0, "plain\n", ""},
		"no content":        {"", "success", 0, "", ""},
		"no interpreter":    {"#!/opt/none/zsh\n", "scriptError", NoExitCode, "", "there is no /opt/none/zsh on this machine"},
		"of Windows":        {"#!/bin/sh\r\necho\r\n", "scriptError", NoExitCode, "", "CR LF"},
		"a name":            {"#!sh\n", "scriptError", NoExitCode, "", "whole path"},
		"a long first line": {"#!/bin/sh " + strings.Repeat("x", 300), "scriptError", NoExitCode, "", "longer than 255"},
		"not a program":     {"#!/etc/passwd\n", "scriptError", NoExitCode, "", "permission denied"},
		"closes its output": {"#!/bin/sh\nexec >&- 2>&-\nsleep 0.1\nexit 1", "fail", 1, "", ""},
		"no UTF-8":          {"#!/bin/sh\nprintf 'a\\377\\000b'", "success", 0, "a\ufffd\ufffdb", ""},
		"deletes its own":   {"#!/bin/sh\nrm -rf \"$PWD\"\nls /\nexit 1", "fail", 1, "etc", ""},
		"locks its own":     {"#!/bin/sh\nmkdir -p a/b\ntouch a/b/c\nchmod 0 a/b a .\nexit 0", "success", 0, "", ""},
		"no input":          {"#!/bin/sh\ncat; exit 0", "success", 0, "", ""},
		"no new privileges": {"#!/bin/sh\ngrep NoNewPrivs /proc/self/status", "success", 0, "1", ""},
		"yields":            {"#!/bin/sh\nnice; ulimit -c", "success", 0, "10\n0\n", ""},
		"a private folder":  {"#!/bin/sh\nstat -c %a . \"$0\"; test \"$PWD\" = \"$TMPDIR\"; umask", "success", 0, "700\n500\n0077\n", ""},
		"floods its output": {"#!/bin/sh\nyes | head -c 200000000; echo end", "success", 0, "end\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := verdictOf(t, newJob(t, c.script))
			if v.State != c.state || v.ExitCode != c.code || !strings.Contains(v.Output, c.output) || !strings.Contains(v.Error, c.fault) ||
				(c.output == "") != (v.Output == "") || (c.fault == "") != (v.Error == "") {
				t.Errorf("%s %d\n%s\n%s", v.State, v.ExitCode, v.Output, v.Error)
			}
			if len(v.Output) > 33<<10 {
				t.Errorf("%d bytes of output", len(v.Output))
			}
		})
	}
}

// TestEnvironment holds a script's environment to what is written down of it.
func TestEnvironment(t *testing.T) {
	t.Setenv("PLIMSOLL_SECRET", "not for scripts")
	t.Setenv("TZ", "Asia/Tokyo")
	job := newJob(t, "#!/usr/bin/python3\nimport os\nprint('\\n'.join(sorted(os.environ)))")
	want := "HOME LANG LC_CTYPE LOGNAME PATH SHELL TMPDIR TZ USER"
	got := strings.Join(strings.Fields(verdictOf(t, job).Output), " ")
	if got = strings.Replace(got, "LC_CTYPE ", "", 1); got != strings.Replace(want, "LC_CTYPE ", "", 1) { // Python's own
		t.Errorf("%s, want %s", got, want)
	}
}

// alive tells whether a process is, and is no zombie.
func alive(t *testing.T, pid string) bool {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(pid))
	if err != nil {
		t.Fatalf("%q is no process", pid)
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", n))
	if err == nil {
		return !strings.Contains(string(stat), ") Z ")
	}
	return syscall.Kill(n, 0) == nil
}

// TestNothingIsLeft runs scripts that leave processes behind, in every way.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"a child":                   "#!/bin/sh\nsleep 300 & echo $!",
		"a child without output":    "#!/bin/sh\nsleep 300 >/dev/null 2>&1 & echo $!",
		"one that left the session": "#!/bin/sh\nsetsid sleep 300 & echo $!",
		"a daemon, its environment gone": "#!/usr/bin/python3\nimport os\n" +
			"if os.fork():\n  os.wait()\n  os._exit(0)\nos.setsid()\npid = os.fork()\nif pid:\n  print(pid, flush=True)\n  os._exit(0)\n" +
			"os.execve('/bin/sleep', ['sleep', '300'], {})\n",
		"one that ignores its end": "#!/bin/sh\n(trap '' TERM HUP INT; sleep 300) & echo $!",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			v := verdictOf(t, newJob(t, script))
			if v.State != plimsoll.StateSuccess || time.Since(begin) > 10*time.Second {
				t.Fatalf("%+v after %s", v, time.Since(begin))
			}
			if alive(t, v.Output) {
				t.Errorf("process %s is left", v.Output)
			}
		})
	}
}

// TestTimeLimit runs scripts that do not end.
func TestTimeLimit(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"sleeps for ever":  "#!/bin/sh\necho $$\nsleep 300",
		"ignores its end":  "#!/bin/sh\ntrap '' TERM\necho $$\nwhile :; do sleep 1; done",
		"ends when asked":  "#!/bin/sh\ntrap 'exit 0' TERM\necho $$\nwhile :; do sleep 0.1; done",
		"floods for ever":  "#!/bin/sh\necho $$\nexec yes",
		"begins ever more": "#!/bin/sh\necho $$\nwhile :; do setsid sleep 300 & sleep 0.05; done",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			job := newJob(t, script)
			job.TimeLimit = time.Second
			begin := time.Now()
			v := verdictOf(t, job)
			if v.State != plimsoll.StateScriptError || v.ExitCode != NoExitCode || !strings.HasPrefix(v.Error, "The script did not end within its time limit of 1s.") {
				t.Errorf("%+v", v)
			}
			if took := time.Since(begin); took > 15*time.Second || v.Took < time.Second {
				t.Errorf("%s, of which the run took %s", took, v.Took)
			}
			if pid, _, _ := strings.Cut(v.Output, "\n"); alive(t, pid) {
				t.Errorf("process %s is left", pid)
			}
		})
	}
}

// TestAbandoned ends the runner's context, and kills the agent, while a script
// runs.
func TestAbandoned(t *testing.T) {
	t.Parallel()
	for name, abandon := range map[string]func(cancel context.CancelFunc, runs *os.Process){
		"given up":              func(cancel context.CancelFunc, _ *os.Process) { cancel() },
		"the supervisor killed": func(_ context.CancelFunc, supervisor *os.Process) { _ = supervisor.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			note := filepath.Join(t.TempDir(), "pid")
			job := newJob(t, "#!/bin/sh\necho $PPID $$ > "+note+".new; mv "+note+".new "+note+"\nsleep 300")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() {
				for ctx.Err() == nil {
					if text, err := os.ReadFile(note); err == nil {
						parent, _ := strconv.Atoi(strings.Fields(string(text))[0])
						process, _ := os.FindProcess(parent)
						abandon(cancel, process)
						return
					}
					time.Sleep(10 * time.Millisecond)
				}
			}()
			v, err := newRunner(t).Run(ctx, job)
			if name == "given up" && !errors.Is(err, context.Canceled) || name != "given up" && (err != nil || !strings.Contains(v.Error, "without a verdict")) {
				t.Errorf("%+v, %v", v, err)
			}
			text, _ := os.ReadFile(note)
			pid := strings.Fields(string(text))[1]
			for deadline := time.Now().Add(5 * time.Second); alive(t, pid); time.Sleep(10 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("process %s is left", pid)
				}
			}
			if err := Sweep(job.Folder); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestAnotherAccount runs a script as somebody who may do less.
func TestAnotherAccount(t *testing.T) {
	t.Parallel()
	job := newJob(t, "#!/bin/sh\nid -un; echo $HOME; touch mine && stat -c %U . mine; cat /etc/shadow")
	nobody, err := named(t.Context(), "nobody")
	if err != nil || nobody.Switch != (os.Geteuid() != int(nobody.UID)) {
		t.Fatal(nobody, err)
	}
	job.Account = nobody
	job.Folder = filepath.Join(job.Folder, "runs") // which is made
	v := verdictOf(t, job)
	if err := os.RemoveAll(job.Folder); err != nil {
		t.Error(err)
	}
	if nobody.Switch && !MayRunAsOthers() {
		if v.State != plimsoll.StateScriptError || !strings.Contains(v.Error, "not permitted") {
			t.Errorf("%+v", v)
		}
		return
	}
	want := "nobody\n" + nobody.Home + "\nnobody\nnobody\n"
	if v.State != plimsoll.StateFail || v.Output != want || !strings.Contains(v.Error, "ermission denied") {
		t.Errorf("%+v, want %q", v, want)
	}
	if _, err := named(t.Context(), "no-such-user"); err == nil {
		t.Error("there is no such user")
	}
}

// TestFullDisk runs a script where its folder cannot be made.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	job := newJob(t, "#!/bin/sh\n")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	job.Folder = file
	if v := verdictOf(t, job); v.State != plimsoll.StateScriptError || !strings.HasPrefix(v.Error, "The script could not be started: ") {
		t.Errorf("%+v", v)
	}
	if v, err := (&Runner{Command: []string{"/none"}}).Run(t.Context(), job); err != nil || !strings.Contains(v.Error, "supervisor could not be started") {
		t.Errorf("%+v, %v", v, err)
	}
	if v, err := (&Runner{Command: []string{"/bin/false"}}).Run(t.Context(), job); err != nil || !strings.Contains(v.Error, "without a verdict") {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestShebang(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][2]string{
		"#!/bin/sh":                       {"/bin/sh", ""},
		"#! /bin/sh \t\n":                 {"/bin/sh", ""},
		"#!/usr/bin/env -S python3 -u\nx": {"/usr/bin/env", "-S python3 -u"},
		"#!/bin/sh\t-e":                   {"/bin/sh", "-e"},
		"echo":                            {"/bin/sh", ""},
		"#!/bin/sh\n" + strings.Repeat("x", 1000): {"/bin/sh", ""},
	} {
		program, argument, err := shebang([]byte(line))
		if diff := cmp.Diff(want, [2]string{program, argument}); diff != "" || err != nil {
			t.Errorf("%q: %s, %v", line, diff, err)
		}
	}
}

// FuzzShebang reads any first line: what it names is a whole path, or refused.
func FuzzShebang(f *testing.F) {
	f.Add([]byte("#!/bin/sh -e\n"))
	f.Add([]byte("#!\x00/"))
	f.Fuzz(func(t *testing.T, content []byte) {
		program, _, err := shebang(content)
		if err == nil && !strings.HasPrefix(program, "/") {
			t.Errorf("%q: %q", content, program)
		}
	})
}

// BenchmarkRun holds what a run takes to starting the interpreter alone.
func BenchmarkRun(b *testing.B) {
	const script = "#!/bin/sh\nexit 0\n"
	job, runner := newJob(b, script), newRunner(b)
	file := filepath.Join(b.TempDir(), "script")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		b.Fatal(err)
	}
	var floor, took time.Duration
	for b.Loop() {
		begin := time.Now()
		if err := exec.Command("/bin/sh", file).Run(); err != nil {
			b.Fatal(err)
		}
		floor += time.Since(begin)
		begin = time.Now()
		if v, err := runner.Run(b.Context(), job); err != nil || v.State != plimsoll.StateSuccess {
			b.Fatal(v, err)
		}
		took += time.Since(begin)
	}
	b.ReportMetric(float64(took)/float64(floor), "x-sh")
}

// TestTalkativeSupervisor has a supervisor that says a lot, and gives no verdict.
func TestTalkativeSupervisor(t *testing.T) {
	t.Parallel()
	r := &Runner{Command: []string{"/bin/sh", "-c", "yes | head -c 10000000 >&2"}}
	v, err := r.Run(t.Context(), newJob(t, "#!/bin/sh\n"))
	if err != nil || v.State != plimsoll.StateScriptError || len(v.Error) > 5<<10 {
		t.Errorf("%d bytes of error, %v", len(v.Error), err)
	}
}
