package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The programs in clients/ are what users have: Graph's SDKs and a generator of
// OData clients, as their registries ship them, against the server over TLS.

func TestJavaScriptSDK(t *testing.T) {
	t.Parallel()
	dir := nodeProgram(t, "javascript")
	startForClients(t).walk(t, 34, dir, "node", "main.mjs")
}

func TestGoSDK(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("..", "..", "clients", "go")
	program := filepath.Join(t.TempDir(), "client")
	carryOut(t, nil, ".", "go", "build", "-C", dir, "-buildvcs=false", "-o", program, ".")
	startForClients(t).walk(t, 27, dir, program)
}

// TestClientGenerator has a client generated from the $metadata that is served,
// checks the types of a program on it, and runs that.
func TestClientGenerator(t *testing.T) {
	t.Parallel()
	dir := nodeProgram(t, "generator")
	s := startForClients(t)
	carryOut(t, s.environment(), dir, "npm", "run", "generate")
	carryOut(t, nil, dir, "npm", "run", "check")
	s.walk(t, 13, dir, "npm", "run", "--silent", "sample")
}

func startForClients(t *testing.T) *testServer {
	t.Helper()
	return startServer(t, "sqlite:"+t.TempDir()+"/plimsoll.db", "--tls", "local")
}

// environment is what the programs are told.
func (s *testServer) environment() []string {
	return []string{
		"PLIMSOLL_SERVER=" + s.URL, "PLIMSOLL_TENANT_ID=" + s.TenantID, "PLIMSOLL_CA_FILE=" + s.CAFile, "NODE_EXTRA_CA_CERTS=" + s.CAFile,
		"PLIMSOLL_CLIENT_ID=" + s.FirstClient.ClientID, "PLIMSOLL_CLIENT_SECRET=" + s.FirstClient.ClientSecret,
	}
}

// nodeProgram installs a folder of clients/ and what its lock file names,
// elsewhere: the tree stays as it is.
func nodeProgram(t *testing.T, name string) string {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%v: install Node.js 18 or later with npm (Debian, Ubuntu: apt-get install nodejs npm; macOS: brew install node)", err)
		}
	}
	from, to := filepath.Join("..", "..", "clients", name), t.TempDir()
	files, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if file.IsDir() { // what npm or the generator left there
			continue
		}
		text, err := os.ReadFile(filepath.Join(from, file.Name()))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, file.Name()), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	carryOut(t, nil, to, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
	return to
}

// carryOut runs a command that has to succeed.
func carryOut(tb testing.TB, environment []string, dir, command string, args ...string) {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), command, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), environment...)
	if output, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("%s %s: %v\n%s", command, strings.Join(args, " "), err, output)
	}
}

// walk runs a program that takes steps and reports each as a line of JSON: it
// makes a test of each, of which there have to be as many as are told.
func (s *testServer) walk(t *testing.T, steps int, dir, command string, args ...string) {
	t.Helper()
	var output, problem bytes.Buffer
	cmd := exec.CommandContext(t.Context(), command, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, append(os.Environ(), s.environment()...), &output, &problem
	ended := cmd.Run()
	taken, failed := 0, false
	for line := range strings.Lines(output.String()) {
		var report struct {
			Step, Error string
			OK          bool
		}
		if err := json.Unmarshal([]byte(line), &report); err != nil {
			t.Errorf("it printed %q: %v", line, err)
			continue
		}
		taken++
		t.Run(report.Step, func(t *testing.T) {
			if !report.OK {
				failed = true
				t.Error(report.Error)
			}
		})
	}
	if taken != steps || (ended != nil) != failed {
		t.Errorf("it took %d steps, want %d, and ended with %v\n%s\n%s", taken, steps, ended, &problem, s.log)
	}
}

// TestClientsPage finds what the page shows of a tested program in that program.
func TestClientsPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/clients.md")
	if err != nil {
		t.Fatal(err)
	}
	var sources []string
	err = filepath.WalkDir("../../clients", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "node_modules":
			return fs.SkipDir
		case slices.Contains([]string{".mjs", ".js", ".ts", ".go"}, filepath.Ext(path)):
			text, err := os.ReadFile(path)
			sources = append(sources, string(text))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```(?:js|ts|go)\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 3 {
		t.Errorf("the page shows %d", len(blocks))
	}
	for _, block := range blocks {
		if !slices.ContainsFunc(sources, func(text string) bool { return strings.Contains(text, strings.TrimSpace(block[1])) }) {
			t.Errorf("no program in clients/ has\n%s", block[1])
		}
	}
}
