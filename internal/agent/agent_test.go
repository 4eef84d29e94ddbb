package agent

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"plimsoll"
	"plimsoll/internal/agent/signature"
	"plimsoll/internal/checkin"
)

// TestScriptsRunAndAreReported goes through what an agent does all its life: new
// scripts, new revisions, requests to run at once, an answer that is lost, a new
// process.
func TestScriptsRunAndAreReported(t *testing.T) {
	t.Parallel()
	s := newScripted(t)
	c, log := s.settings(t, nil)
	first := s.script(1, "#!/bin/sh\necho found; exit 1\n")
	s.give(first)
	s.unsent = 1
	stop := runAgent(t, c)
	eventually(t, "the first run", log, func() bool { return len(s.results()) >= 1 })
	got := s.results()[0]
	if got.Sequence != 1 || got.Revision != 1 || got.State != "fail" || got.Output != "found\n" || time.Since(got.RanAt) > time.Minute ||
		got.DueAt.Before(time.Now()) || got.DueAt.After(time.Now().Add(time.Hour)) {
		t.Errorf("%+v", got)
	}
	first["runRequest"] = 1
	s.give(first)
	eventually(t, "a run on request", log, func() bool { return s.results()[len(s.results())-1].Sequence == 2 })
	stop()
	first = s.script(1, "#!/bin/sh\necho gone\n")
	first["revision"], first["runRequest"] = 2, 1
	s.give(first, s.script(2, "#!/bin/sh\nexit 7\n"))
	stop = runAgent(t, c)
	eventually(t, "a new revision", log, func() bool { return len(s.results()) >= 4 })
	settled(t, c.Folder, log)
	stop()
	if at := slices.IndexFunc(s.results(), func(r checkin.Result) bool { return r.Sequence == 3 }); at < 0 || s.results()[at].Output != "gone\n" {
		t.Errorf("%+v", s.results())
	}
	last := s.results()[len(s.results())-1]
	n := len(s.results())
	stop = runAgent(t, c) // there is nothing to do
	time.Sleep(300 * time.Millisecond)
	stop()
	if len(s.results()) != n {
		t.Errorf("%+v after %+v", s.results()[n:], last)
	}
	status, err := ReadStatus(c.Folder)
	if err != nil || len(status.Scripts) != 2 || status.Scripts[0].State != plimsoll.StateSuccess || !status.Scripts[0].Reported ||
		status.Scripts[1].State != plimsoll.StateScriptError || !strings.Contains(status.Scripts[1].Problem, "exit code 7") || status.Queued != 0 {
		t.Errorf("%+v, %v", status, err)
	}
	if left, _ := filepath.Glob(c.Folder + "/scripts/*"); len(left) != 2 {
		t.Errorf("contents that are kept: %v", left)
	}
}

// TestTwoAtOnce gives a device a hundred scripts.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	s := newScripted(t)
	c, log := s.settings(t, nil)
	folder := t.TempDir()
	var scripts []map[string]any
	for n := range 100 {
		scripts = append(scripts, s.script(n, fmt.Sprintf("#!/bin/sh\ncd %s\ntouch $$\nsleep 0.05\nls | wc -l\nrm $$\n# %d\n", folder, n)))
	}
	s.give(scripts...)
	runAgent(t, c)
	eventually(t, "a hundred results", log, func() bool { return len(s.results()) == 100 })
	seen := map[string]int{}
	for _, result := range s.results() {
		seen[strings.TrimSpace(result.Output)]++
	}
	if seen["1"]+seen["2"] != 100 || seen["2"] == 0 {
		t.Errorf("so many ran at once: %v", seen)
	}
}

// TestWhatIsNotRun gives a device what it must not run as if nothing were: each is
// reported as an error of its script, and costs its neighbour nothing.
func TestWhatIsNotRun(t *testing.T) {
	t.Parallel()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	_, strangerKey, _ := ed25519.GenerateKey(rand.Reader)
	stranger, _ := ssh.NewSignerFromKey(strangerKey)
	allowed := []byte("ada@example.com " + string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
	sign := func(by ssh.Signer, at time.Time) string {
		text, err := signature.Sign([]byte("#!/bin/sh\necho signed\n"), by, at)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	now := time.Now()
	signed := sign(signer, now)
	for name, c := range map[string]struct {
		content string
		change  func(s *scripted, script map[string]any)
		fault   string // "" where it runs
		only    bool   // the device runs signed scripts only
	}{
		"no signature is needed":    {content: "#!/bin/sh\necho signed\n"},
		"a good signature":          {content: signed, change: enforced},
		"not signed":                {content: "#!/bin/sh\necho signed\n", change: enforced, fault: "not signed"},
		"not signed, by the device": {content: "#!/bin/sh\necho signed\n", only: true, fault: "not signed"},
		"signed, by the device":     {content: signed, only: true},
		"content changed":           {content: strings.Replace(signed, "echo", "ecHo", 1), change: enforced, fault: "changed after it was signed"},
		"signature changed":         {content: strings.Replace(signed, "# U1NI", "# U1NJ", 1), change: enforced, fault: "signature"},
		"behind the signature":      {content: signed + "echo more\n", change: enforced, fault: "nothing may follow"},
		"an unknown signer":         {content: sign(stranger, now), change: enforced, fault: "SHA256:"},
		"a hash that does not match": {content: "#!/bin/sh\n", change: func(s *scripted, script map[string]any) {
			s.contents[script["id"].(string)] = []byte("#!/bin/sh\nrm -rf /\n")
		}, fault: "not the one that was assigned"},
		"too large":          {content: "#!/bin/sh\n", change: func(s *scripted, script map[string]any) { s.contents[script["id"].(string)] = make([]byte, 2<<20) }, fault: "larger"},
		"an unknown member":  {content: "#!/bin/sh\n", change: func(_ *scripted, script map[string]any) { script["inContainer"] = true }, fault: "inContainer"},
		"an unknown account": {content: "#!/bin/sh\n", change: func(_ *scripted, script map[string]any) { script["runAsAccount"] = "root" }, fault: "runAsAccount"},
		"an unknown schedule": {content: "#!/bin/sh\n", change: func(_ *scripted, script map[string]any) {
			script["schedule"] = map[string]any{"kind": "weekly", "useUtc": true}
		}, fault: "schedule"},
		"no time to run": {content: "#!/bin/sh\n", change: func(_ *scripted, script map[string]any) { script["timeLimitSeconds"] = 0 }, fault: "timeLimitSeconds"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScripted(t)
			settings, log := s.settings(t, func(e *Enrolment) { e.AllowedSigners, e.SignedOnly = allowed, c.only })
			script := s.script(1, c.content)
			if c.change != nil {
				c.change(s, script)
			}
			neighbour := s.script(2, signed)
			s.give(script, neighbour)
			runAgent(t, settings)
			eventually(t, "both results", log, func() bool { return len(s.results()) == 2 })
			for _, result := range s.results() {
				bad := result.ScriptID == script["id"] && c.fault != ""
				if !bad && (result.State != "success" || result.Output != "signed\n") {
					t.Errorf("%+v", result)
				}
				if bad && (result.State != "scriptError" || !strings.Contains(result.Error, c.fault) || result.Output != "" || result.Revision != 1) {
					t.Errorf("%+v, want %q", result, c.fault)
				}
			}
		})
	}
}

func enforced(_ *scripted, script map[string]any) { script["enforceSignatureCheck"] = true }

// TestReplay has a server go back to what it gave before: an older revision, and
// under a newer one a content that was signed before the one that ran.
func TestReplay(t *testing.T) {
	t.Parallel()
	_, key, _ := ed25519.GenerateKey(rand.Reader)
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(text string, at time.Time) string {
		signed, err := signature.Sign([]byte(text), signer, at)
		if err != nil {
			t.Fatal(err)
		}
		return string(signed)
	}
	s := newScripted(t)
	settings, log := s.settings(t, func(e *Enrolment) {
		e.SignedOnly, e.AllowedSigners = true, []byte("ada "+string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
	})
	now := time.Now().Truncate(time.Second)
	older, newer := sign("#!/bin/sh\necho older\n", now.Add(-time.Hour)), sign("#!/bin/sh\necho newer\n", now)
	runAgent(t, settings)
	for n, step := range []struct {
		content  string
		revision int
		want     string
	}{
		{older, 1, "older\n"},
		{newer, 3, "newer\n"},
		{newer, 4, "newer\n"},
		{older, 2, "its revision is 2, and this device has had revision 4"},
		{older, 5, "an older one is not run again"},
		{"#!/bin/sh\necho bare\n", 6, "not signed"},
		{newer, 7, "newer\n"},
	} {
		script := s.script(1, step.content)
		script["revision"] = step.revision
		s.give(script)
		eventually(t, step.want, log, func() bool { return len(s.results()) == n+1 })
		got := s.results()[n]
		if got.Revision != int64(step.revision) || got.Sequence != int64(n+1) || !strings.Contains(got.Output+got.Error, step.want) {
			t.Errorf("%d: %+v, want %q", n, got, step.want)
		}
	}
}

// TestSuperseded is told that another machine has its key: also a new process of
// the agent stays away then, and keeps its results.
func TestSuperseded(t *testing.T) {
	t.Parallel()
	s := newScripted(t)
	c, _ := s.settings(t, nil)
	s.answer = func(w http.ResponseWriter, _ *checkin.CheckInRequest) bool {
		w.WriteHeader(http.StatusConflict)
		return true
	}
	for range 2 {
		a, err := Open(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Run(t.Context()); plimsoll.ErrorCode(err) != plimsoll.Conflict || !strings.Contains(err.Error(), "--again") {
			t.Errorf("%v", err)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if s.checkIns != 1 {
		t.Errorf("%d check-ins", s.checkIns)
	}
}

// TestOneAgent starts another agent in the same folder, and enrols there.
func TestOneAgent(t *testing.T) {
	t.Parallel()
	s := newScripted(t)
	c, _ := s.settings(t, nil)
	stop := runAgent(t, c)
	if _, err := Open(c); plimsoll.ErrorCode(err) != plimsoll.Conflict || !IsRunning(c.Folder) {
		t.Errorf("a second agent: %v", err)
	}
	again := &Enrolment{Folder: c.Folder, Server: s.URL, Token: "t", Again: true, Inventory: c.Inventory, Now: c.Now, Random: c.Random}
	if _, err := Enroll(t.Context(), again); plimsoll.ErrorCode(err) != plimsoll.Conflict {
		t.Errorf("enrolled beside an agent: %v", err)
	}
	stop()
	if IsRunning(c.Folder) {
		t.Error("none runs")
	}
	before, _ := LoadIdentity(c.Folder)
	again.Again = false
	if _, err := Enroll(t.Context(), again); plimsoll.ErrorCode(err) != plimsoll.Conflict {
		t.Errorf("enrolled twice: %v", err)
	}
	again.Again = true
	after, err := Enroll(t.Context(), again)
	if err != nil || after.PrivateKey == before.PrivateKey {
		t.Errorf("enrolled again: %v", err)
	}
	info, err := os.Stat(filepath.Join(c.Folder, identityFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

// TestWatch looks at an agent that goes on, and at one that does not.
func TestWatch(t *testing.T) {
	t.Parallel()
	a := &Agent{}
	stuck := make(chan error, 1)
	go a.Watch(t.Context(), 5*time.Millisecond, func(err error) { stuck <- err })
	for range 20 {
		a.pulse.Add(1)
		time.Sleep(5 * time.Millisecond)
	}
	select {
	case err := <-stuck:
		t.Error(err)
	default:
	}
	select {
	case err := <-stuck:
		t.Logf("seen: %v", err)
	case <-time.After(10 * time.Second):
		t.Error("an agent that does not go on goes unnoticed")
	}
}
