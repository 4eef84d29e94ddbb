// Package runner runs a detection script on this machine: in a folder of its own,
// with an environment that is written down, within its time, and such that
// nothing of it is left when it is over. A process of its own watches over each
// run (see [Supervise]), so that also an agent that dies leaves nothing behind.
package runner

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"plimsoll"
)

// Job is one run of a script.
type Job struct {
	Content   []byte        `json:"content"`
	TimeLimit time.Duration `json:"timeLimit"`
	Account   Account       `json:"account"`
	// Folder is where the run's own folder is made. Where the account is another,
	// it may pass through it.
	Folder string `json:"folder"`
	// RunAs32Bit and AllSigned are for Windows: the 32-bit PowerShell, and none but
	// scripts whose Authenticode signature the machine trusts.
	RunAs32Bit bool `json:"runAs32Bit"`
	AllSigned  bool `json:"allSigned"`
}

// Verdict is how a run ended.
type Verdict struct {
	State    plimsoll.RunState `json:"state"` // success, fail or scriptError
	ExitCode int               `json:"exitCode"`
	Output   string            `json:"output"`
	Error    string            `json:"error"` // why it is a scriptError, and what the script wrote to standard error
	Took     time.Duration     `json:"took"`
}

// NoExitCode is the exit code of a run that has none: it was not started, or a
// signal ended it.
const NoExitCode = -1

// Failed gives the verdict on a script that could not be run or did not end by
// itself.
func Failed(format string, args ...any) Verdict {
	return Verdict{State: plimsoll.StateScriptError, ExitCode: NoExitCode, Error: fmt.Sprintf(format, args...)}
}

// Runner runs scripts by a command that calls [Supervise].
type Runner struct {
	Command []string

	patience, ending time.Duration // other than what follows, for tests
}

const (
	patience = 30 * time.Second // how much longer than a script's time limit its supervisor may take
	ending   = 15 * time.Second // how long it may then take to end, before it is killed: longer than it ever should
)

// Run runs a script and gives its verdict. The one error is that of ctx, which
// ended before; of the script nothing is left then either.
func (r *Runner) Run(ctx context.Context, job *Job) (Verdict, error) {
	limit := job.TimeLimit + cmp.Or(r.patience, patience)
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	order, err := json.Marshal(job)
	if err != nil {
		return Failed("The script could not be handed to its supervisor: %v.", err), nil
	}
	said, complaint := bytes.Buffer{}, limitedBuffer{limit: 4 << 10}
	cmd := exec.CommandContext(limited, r.Command[0], r.Command[1:]...) //nolint:gosec // it is this program
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = &said, &complaint, apart()
	input, err := cmd.StdinPipe()
	cmd.WaitDelay = cmp.Or(r.ending, ending)
	cmd.Cancel = func() error { // the end of its input ends it, or else WaitDelay does
		go input.Close() // on Windows that may wait for what is being written
		return nil
	}
	if err == nil {
		err = cmd.Start()
	}
	if ctx.Err() != nil && err != nil {
		return Verdict{}, ctx.Err()
	}
	if err != nil {
		return Failed("The script's supervisor could not be started: %v.", err), nil
	}
	_, _ = input.Write(append(order, '\n')) // where it fails, so does what follows
	gone, err := wait(limited, cmd)
	var verdict Verdict
	switch {
	case ctx.Err() != nil:
		return Verdict{}, ctx.Err()
	case gone && json.Unmarshal(said.Bytes(), &verdict) == nil:
		return verdict, nil
	case limited.Err() != nil:
		return Failed("The script's supervisor gave no verdict within %s, and was ended.", limit), nil
	default:
		return Failed("The script's supervisor ended without a verdict (%v). %s", err, strings.TrimSpace(complaint.text.String())), nil
	}
}

// wait waits for a supervisor's end. gone is false for one that does not end even
// when it was killed, as when it waits for a dead disk: nothing of it may be read.
func wait(limited context.Context, supervisor *exec.Cmd) (gone bool, err error) {
	ended := make(chan error, 1)
	go func() { ended <- supervisor.Wait() }()
	select {
	case err = <-ended:
		return true, err
	case <-limited.Done():
	}
	select { // its delay until it is killed, and as long again
	case err = <-ended:
		return true, err
	case <-time.After(2 * supervisor.WaitDelay):
		return false, limited.Err()
	}
}

// limitedBuffer passes over what is beyond its limit. Its buffer is not embedded, for
// io.Copy would fill that without a call of Write.
type limitedBuffer struct {
	text  bytes.Buffer
	limit int
}

func (b *limitedBuffer) Write(p []byte) (int, error) {
	_, _ = b.text.Write(p[:min(len(p), b.limit-b.text.Len())])
	return len(p), nil
}

// folderPrefix begins the names of the runs' folders.
const folderPrefix = "run-"

// Sweep removes what runs left in the folder whose supervisor was ended too.
func Sweep(folder string) error {
	left, err := filepath.Glob(filepath.Join(folder, folderPrefix+"*"))
	for _, path := range left {
		if e := remove(path); e != nil {
			err = e
		}
	}
	return err
}

// remove removes a run's folder, also where the script took the right to away.
func remove(folder string) error {
	err := os.RemoveAll(folder)
	if err == nil || os.Geteuid() == 0 { // root needs no rights, and must not follow what a user puts there meanwhile
		return err
	}
	_ = filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if entry != nil && entry.IsDir() {
			_ = os.Chmod(path, 0o700) //nolint:gosec // a folder
		}
		return nil // and on with what can be removed
	})
	return os.RemoveAll(folder)
}
