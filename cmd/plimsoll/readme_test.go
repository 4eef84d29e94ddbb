//go:build unix

package main

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReadme types what the README says and compares what it shows. Ids, secrets
// and the port are others each time; all else must be the same to the letter.
func TestReadme(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	sessions := consoles(string(text))
	if len(sessions) < 8 {
		t.Fatalf("the README has %d consoles", len(sessions))
	}
	dir := t.TempDir()
	port := freePort(t)
	shown, printed := serveAsShown(t, sessions[0], dir, port)
	own := secrets(shown, printed)
	var commands []exchange
	for _, session := range sessions[1:] {
		commands = append(commands, session...)
	}
	outputs := typeAll(t, commands, dir, func(text string) string {
		return strings.ReplaceAll(own.Replace(text), "127.0.0.1:8080", "127.0.0.1:"+port)
	})
	for i, c := range commands {
		got := strings.NewReplacer("127.0.0.1:"+port, "127.0.0.1:8080", "\r", "").Replace(outputs[i])
		if diff := cmp.Diff(anonymous(c.output), anonymous(got)); diff != "" {
			t.Errorf("$ %s\n(-README +here)\n%s", c.command, diff)
		}
	}
}

// exchange is a command that the README types, and what it shows of the answer.
type exchange struct{ command, output string }

// consoles gives the exchanges of each console block. A command goes on while
// its quotes are open.
func consoles(text string) (sessions [][]exchange) {
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(text, -1) {
		var session []exchange
		for line := range strings.Lines(block[1]) {
			last := len(session) - 1
			command, typed := strings.CutPrefix(line, "$ ")
			switch {
			case typed:
				session = append(session, exchange{command: command})
			case strings.Count(session[last].command, "'")%2 == 1:
				session[last].command += line
			default:
				session[last].output += line
			}
		}
		sessions = append(sessions, session)
	}
	return sessions
}

// serveAsShown runs the first console: the server, which goes on.
func serveAsShown(t *testing.T, session []exchange, dir, port string) (shown, printed string) {
	t.Helper()
	server := exec.CommandContext(t.Context(), "bash", "-c", "exec "+session[0].command)
	server.Dir, server.Env = "../..", append(os.Environ(), "PLIMSOLL_LISTEN=127.0.0.1:"+port, "PLIMSOLL_DATA="+dir+"/plimsoll-data")
	server.Stderr = os.Stderr
	server.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // go run has a child
	server.Cancel = func() error { return syscall.Kill(-server.Process.Pid, syscall.SIGTERM) }
	stdout, err := server.StdoutPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Wait() })
	lines := bufio.NewScanner(stdout)
	for range strings.Count(session[0].output, "\n") {
		lines.Scan()
		printed += lines.Text() + "\n"
	}
	go func() {
		for lines.Scan() { // the rest, so that the server never waits for a reader
		}
	}()
	same := strings.NewReplacer("127.0.0.1:"+port, "127.0.0.1:8080", dir+"/", "/home/ada/plimsoll/").Replace(printed)
	if diff := cmp.Diff(anonymous(session[0].output), anonymous(same)); diff != "" {
		t.Fatalf("$ %s\n(-README +here)\n%s", session[0].command, diff)
	}
	return session[0].output, printed
}

const idOrSecret = `[0-9a-f]{8}-[0-9a-f-]{27}|pls_[A-Za-z0-9_-]{43}`

// secrets replaces the ids and secrets that the README shows by those printed.
func secrets(shown, printed string) *strings.Replacer {
	pattern := regexp.MustCompile(idOrSecret)
	theirs, ours := pattern.FindAllString(shown, -1), pattern.FindAllString(printed, -1)
	var pairs []string
	for i := range theirs {
		pairs = append(pairs, theirs[i], ours[i])
	}
	return strings.NewReplacer(pairs...)
}

func anonymous(text string) string {
	return regexp.MustCompile(idOrSecret).ReplaceAllString(text, "…")
}

// typeAll types commands into one shell, in which plimsoll is run from the
// module's root and files are written to dir.
func typeAll(t *testing.T, commands []exchange, dir string, fill func(string) string) []string {
	t.Helper()
	const mark = "@@@ the next command @@@"
	script := "cd ../..\n"
	var files []string // that the README makes
	for _, name := range []string{"script.json", "passwd.sh", "agent.log", "my-agent"} {
		files = append(files, name, filepath.Join(dir, name))
	}
	written := strings.NewReplacer(files...)
	for _, c := range commands {
		script += fill(written.Replace(c.command)) + "echo '" + mark + "'\n"
	}
	shell := exec.CommandContext(t.Context(), "bash", "-c", script)
	// The agent's own folder is named on the command line, which comes first.
	shell.Env = append(os.Environ(), "PLIMSOLL_DATA="+dir+"/plimsoll-data", "PLIMSOLL_SERVER="+fill("http://127.0.0.1:8080"))
	output, err := shell.CombinedOutput()
	outputs := strings.Split(string(output), mark+"\n")
	if err != nil || len(outputs) != len(commands)+1 {
		t.Fatalf("%v\n%s", err, output)
	}
	return outputs
}

// freePort gives a port that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}
