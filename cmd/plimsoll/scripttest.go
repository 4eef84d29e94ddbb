package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"plimsoll"
	"plimsoll/internal/agent/inventory"
	"plimsoll/internal/agent/runner"
)

type scriptCommands struct {
	Sign   scriptSignCommand   `cmd:"" help:"Sign a script, as ssh-keygen -Y sign does, for devices that run signed scripts only."`
	Verify scriptVerifyCommand `cmd:"" help:"Tell who signed a script, if it is one of those allowed. Exits with 4 where it is not."`
	Test   scriptTest          `cmd:"" help:"Run a script here as an agent would, and show the verdict."`
}

type scriptTest struct {
	File      string        `arg:"" help:"The script; - is standard input."`
	As        string        `default:"system" enum:"system,user" help:"Whom it runs as: system is the account of this command, user the one who is signed in." env:"-"`
	TimeLimit time.Duration `default:"5m" help:"How long it may take, up to an hour." env:"-"`
	Run32Bit  bool          `name:"32-bit" help:"Use the 32-bit PowerShell, on Windows." env:"-"`
}

// tested is what a test shows.
type tested struct {
	State    plimsoll.RunState `json:"state"`
	ExitCode *int              `json:"exitCode"` // null for none
	Seconds  float64           `json:"seconds"`
	Output   string            `json:"output"`
	Error    string            `json:"error"`
}

// Run runs the script as an agent would, and shows the verdict.
func (c *scriptTest) Run(ctx context.Context, a *app) error {
	if c.TimeLimit < time.Second || c.TimeLimit > time.Hour {
		return plimsoll.Errorf(plimsoll.Invalid, "--time-limit must be from 1s to 1h")
	}
	content, err := readScript(c.File, a.stdin)
	if err != nil {
		return err
	}
	system := map[string]string{"linux": "Linux", "darwin": "macOS", "windows": "Windows"}[runtime.GOOS]
	if script := (plimsoll.Script{Content: content}); !script.RunsOn(system) {
		fmt.Fprintf(a.stderr, "plimsoll: without a platform of its own this script is not for %s: what begins with #! is for Linux and macOS, anything else for Windows\n", system)
	}
	account, err := runner.AccountFor(ctx, plimsoll.RunAsAccount(c.As), inventory.SignedIn)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "plimsoll-test-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if err := os.Chmod(folder, 0o711); err != nil { //nolint:gosec // the account passes through it
		return err
	}
	runs, err := newRunner()
	if err != nil {
		return err
	}
	verdict, err := runs.Run(ctx, &runner.Job{
		Content: content, TimeLimit: c.TimeLimit, Account: account, Folder: folder, RunAs32Bit: c.Run32Bit,
	})
	if err != nil {
		return err
	}
	shown := tested{State: verdict.State, Seconds: verdict.Took.Seconds(), Output: verdict.Output, Error: verdict.Error}
	if verdict.ExitCode != runner.NoExitCode {
		shown.ExitCode = &verdict.ExitCode
	}
	if err := a.print(shown, verdictText(&verdict)); err != nil {
		return err
	}
	if verdict.State == plimsoll.StateScriptError {
		return errors.New("the script could not tell: it is counted as an error")
	}
	return nil
}

func readScript(file string, stdin io.Reader) ([]byte, error) {
	if file != "-" {
		return readFile(file, plimsoll.MaxContent)
	}
	content, err := io.ReadAll(io.LimitReader(stdin, plimsoll.MaxContent+1))
	if err == nil && len(content) > plimsoll.MaxContent {
		err = plimsoll.Errorf(plimsoll.Invalid, "the script is larger than 1 MiB")
	}
	return content, err
}

func verdictText(v *runner.Verdict) string {
	meaning := map[plimsoll.RunState]string{
		plimsoll.StateSuccess: "success: no issue (exit code 0)", plimsoll.StateFail: "fail: the issue is detected (exit code 1)",
		plimsoll.StateScriptError: "scriptError: the script could not tell",
	}[v.State]
	var text strings.Builder
	text.WriteString(table([]string{"verdict", meaning}, []string{"time", v.Took.Round(time.Millisecond).String()}))
	for _, part := range []struct{ heading, text string }{{"output", v.Output}, {"error", v.Error}} {
		if part.text == "" {
			continue
		}
		text.WriteString(part.heading + "\n")
		for line := range strings.Lines(strings.TrimSuffix(part.text, "\n")) {
			text.WriteString("  " + strings.Map(printable, strings.TrimSuffix(line, "\n")) + "\n")
		}
	}
	return text.String()
}
