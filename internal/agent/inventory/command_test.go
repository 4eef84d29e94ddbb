package inventory

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"plimsoll"
)

// TestMain has this very program stand in for the commands, so that they are the
// same on every system.
func TestMain(m *testing.M) {
	if len(os.Args) < 3 || os.Args[1] != "stand-in" {
		os.Exit(m.Run())
	}
	switch os.Args[2] {
	case "echo":
		os.Stdout.WriteString(strings.Join(os.Args[3:], "|") + "|" + os.Getenv("LC_ALL"))
		os.Stderr.WriteString(strings.Repeat("a warning\n", 1000))
	case "flood":
		for {
			if _, err := os.Stdout.Write(bytes.Repeat([]byte("y\n"), 1<<12)); err != nil {
				os.Exit(1)
			}
		}
	case "hang":
		time.Sleep(time.Hour)
	case "leave": // a child that holds the pipe and outlives its parent
		child := exec.Command(os.Args[0], "stand-in", "doze")
		child.Stdout = os.Stdout
		if child.Start() != nil {
			os.Exit(1)
		}
	case "doze":
		time.Sleep(20 * time.Second)
	case "fail":
		os.Stdout.WriteString("half an answer")
		os.Stderr.WriteString("you may not\n")
		os.Exit(3)
	}
}

// standIn runs a stand-in within small limits.
func standIn(ctx context.Context, t *testing.T, args ...string) ([]byte, error) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return limits{time: 5 * time.Second, output: 1 << 16}.run(ctx, program, append([]string{"stand-in"}, args...)...)
}

func TestCommand(t *testing.T) {
	t.Parallel()
	// What a shell would read is an argument as it is, and no amount of complaints
	// spoils the answer.
	text, err := standIn(t.Context(), t, "echo", "$HOME; *", "a b")
	if err != nil || string(text) != "$HOME; *|a b|C" {
		t.Errorf("the command printed %q, %v", text, err)
	}
	if _, err := command()(t.Context(), "no-such-program-here"); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("a program that is not there: %v", err)
	}
	text, err = standIn(t.Context(), t, "fail")
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 3 || text != nil || !strings.Contains(err.Error(), "you may not") {
		t.Errorf("a command that fails: %q, %v", text, err)
	}
	if text, err = standIn(t.Context(), t, "flood"); plimsoll.ErrorCode(err) != plimsoll.Invalid || text != nil {
		t.Errorf("a command that prints without end: %d bytes, %v", len(text), err)
	}
}

// A command that hangs is ended, and one that leaves a child with the pipe is not
// waited for.
func TestCommandTime(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	program, _ := os.Executable()
	short := limits{time: 100 * time.Millisecond, output: 1 << 10}
	if _, err := short.run(t.Context(), program, "stand-in", "hang"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a command that hangs: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := standIn(ctx, t, "hang"); !errors.Is(err, context.Canceled) {
		t.Errorf("a command when the agent stops: %v", err)
	}
	if _, err := standIn(t.Context(), t, "leave"); !errors.Is(err, exec.ErrWaitDelay) {
		t.Errorf("a command that leaves a child: %v", err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("the commands took %v", took)
	}
}
