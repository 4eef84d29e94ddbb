package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"plimsoll"
)

// Supervise runs the one job that it reads, writes its verdict, and returns when
// nothing of the script is left. When its input ends before, so does the script,
// and there is no verdict. It changes what its process may do: nothing else may
// go on in it.
func Supervise(stdin io.Reader, stdout io.Writer, now func() time.Time) error {
	runtime.LockOSThread() // what contain sets is the thread's, and so that of what it starts
	var job Job
	if err := json.NewDecoder(stdin).Decode(&job); err != nil {
		return fmt.Errorf("read the job: %w", err)
	}
	if err := contain(); err != nil {
		return fmt.Errorf("contain the script: %w", err)
	}
	abandoned := make(chan struct{})
	go func() {
		defer close(abandoned)
		_, _ = io.Copy(io.Discard, stdin)
	}()
	verdict, ok := job.run(abandoned, now)
	if !ok {
		return nil
	}
	return json.NewEncoder(stdout).Encode(verdict)
}

const (
	grace        = 3 * time.Second // between asking a script to end and ending it
	endWithin    = 3 * time.Second // for a script that was ended to be gone
	endAllWithin = 5 * time.Second // for all else that it began
)

// run is false where the job was abandoned.
func (j *Job) run(abandoned <-chan struct{}, now func() time.Time) (verdict Verdict, ok bool) {
	folder, err := j.makeFolder()
	if err != nil {
		return Failed("The script could not be started: %v.", err), true
	}
	defer func() {
		if err := remove(folder); err != nil && verdict.State != "" {
			verdict.Error = joined(verdict.Error, fmt.Sprintf("The run's folder could not be removed: %v.", err))
		}
	}()
	cmd, err := j.command(folder)
	if err != nil {
		return Failed("The script could not be started: %v", err), true
	}
	outputs, err := connect(cmd)
	if err != nil {
		return Failed("The script could not be started: %v.", err), true
	}
	begin := now()
	err = cmd.Start()
	outputs.started()
	if err != nil {
		outputs.close()
		return Failed("The script could not be started: %s.", startFault(err)), true
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // ProcessState says it all
	}()
	reason, ok := j.await(cmd, ended, abandoned)
	endAll(cmd.Process.Pid)
	outputs.close()
	if !ok {
		return Verdict{}, false
	}
	if verdict = Failed("%s", reason); reason == "" { // it ended by itself, and only then is there surely a state
		verdict = judge(cmd.ProcessState)
	}
	verdict.Took, verdict.Output = now().Sub(begin), outputs[0].String()
	verdict.Error = plimsoll.KeptText(joined(verdict.Error, outputs[1].String()))
	return verdict, true
}

// await waits for the script's end, or brings it about: at its time limit, of
// which reason then tells, or where the job is abandoned. What cannot be ended, as
// what waits for a dead disk, is not waited for.
func (j *Job) await(cmd *exec.Cmd, ended, abandoned <-chan struct{}) (reason string, ok bool) {
	limit := time.NewTimer(j.TimeLimit)
	defer limit.Stop()
	select {
	case <-ended:
		return "", true
	case <-limit.C:
		reason, ok = fmt.Sprintf("The script did not end within its time limit of %s.", j.TimeLimit), true
		askToEnd(cmd.Process)
		select {
		case <-ended:
			return reason, true
		case <-time.After(grace):
		case <-abandoned:
		}
	case <-abandoned:
	}
	end(cmd.Process)
	select {
	case <-ended:
	case <-time.After(endWithin):
		reason += " It could not be ended either: the system holds it, as for a disk that is away or a debugger."
	}
	return reason, ok
}

// judge gives the verdict by how a script ended by itself (DESIGN: exit code 0 is success,
// 1 is fail, anything else an error of the script).
func judge(state *os.ProcessState) Verdict {
	code := state.ExitCode()
	switch {
	case code == 0:
		return Verdict{State: plimsoll.StateSuccess}
	case code == 1:
		return Verdict{State: plimsoll.StateFail, ExitCode: 1}
	case code < 0:
		return Failed("The script was ended: %s.", state)
	}
	verdict := Failed("The script ended with exit code %d: 0 is healthy, 1 is the issue, and any other an error.", code)
	verdict.ExitCode = code
	return verdict
}

func joined(reason, complaint string) string {
	if reason == "" || complaint == "" {
		return reason + complaint
	}
	return strings.TrimSuffix(reason, "\n") + "\n" + complaint
}

// startFault gives why a program could not be started, as people read it.
func startFault(err error) string {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		if errors.Is(err, os.ErrNotExist) {
			return "there is no " + e.Path + " on this machine"
		}
		return e.Path + ": " + e.Err.Error()
	}
	return err.Error()
}

// makeFolder makes the run's folder, which only its account may enter.
func (j *Job) makeFolder() (string, error) {
	if err := os.MkdirAll(j.Folder, 0o700); err != nil {
		return "", err
	}
	if j.Account.Switch { // it passes through to its own, whatever the umask is
		if err := os.Chmod(j.Folder, 0o711); err != nil { //nolint:gosec // as it says
			return "", err
		}
	}
	return os.MkdirTemp(j.Folder, folderPrefix)
}

// write writes the script into the run's folder and gives it to the account.
func (j *Job) write(folder, name string) (path string, err error) {
	path = filepath.Join(folder, name)
	if err = os.WriteFile(path, j.Content, 0o500); err != nil { //nolint:gosec // it is a program
		return "", err
	}
	return path, j.Account.own(folder, path)
}
