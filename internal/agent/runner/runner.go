// Package runner runs a detection script on this machine: in a folder of its own,
// with an environment that is written down, within its time, and such that
// nothing of it is left when it is over. A process of its own watches over each
// run (see [Supervise]), so that also an agent that dies leaves nothing behind.
package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
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
}

// patience is how much longer than a script's time limit its supervisor may take.
const patience = 30 * time.Second

// Run runs a script and gives its verdict. The one error is that of ctx, which
// ended before; of the script nothing is left then either.
func (r *Runner) Run(ctx context.Context, job *Job) (Verdict, error) {
	limited, cancel := context.WithTimeout(ctx, job.TimeLimit+patience)
	defer cancel()
	order, err := json.Marshal(job)
	if err != nil {
		return Failed("The script could not be handed to its supervisor: %v.", err), nil
	}
	said, complaint := bytes.Buffer{}, limitedBuffer{limit: 4 << 10}
	cmd := exec.Command(r.Command[0], r.Command[1:]...) //nolint:gosec,noctx // it is this program; the end of its input ends it
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = &said, &complaint, apart()
	cmd.WaitDelay = time.Second
	input, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return Failed("The script's supervisor could not be started: %v.", err), nil
	}
	_, _ = input.Write(append(order, '\n')) // where it fails, so does what follows
	stop := context.AfterFunc(limited, func() { _ = input.Close() })
	err = cmd.Wait()
	stop()
	if ctx.Err() != nil {
		return Verdict{}, ctx.Err()
	}
	var verdict Verdict
	if json.Unmarshal(said.Bytes(), &verdict) != nil {
		return Failed("The script's supervisor ended without a verdict (%v). %s", err, strings.TrimSpace(complaint.text.String())), nil
	}
	return verdict, nil
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

// drain copies what a script writes, until nobody can write any more or the pipe
// is closed.
func drain(pipe io.Reader, into *plimsoll.Transcript) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(into, pipe)
	}()
	return done
}
