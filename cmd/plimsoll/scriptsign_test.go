package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"plimsoll"
)

// scriptCommand runs the commands for scripts, and gives what they print and their
// exit code.
func scriptCommand(t *testing.T, stdin io.Reader, args ...string) (stdout, stderr string, exit int) {
	t.Helper()
	var out, problem bytes.Buffer
	exit = run(t.Context(), append([]string{"script"}, args...), stdin, &out, &problem)
	return out.String(), problem.String(), exit
}

// scriptFolder is a folder with a script, a key of alice, and the file that allows it.
type scriptFolder string

func newScriptFolder(t *testing.T, kind, passphrase string) scriptFolder {
	t.Helper()
	f := scriptFolder(t.TempDir())
	f.keygen(t, "-q", "-t", kind, "-N", passphrase, "-C", "", "-f", f.path("key"))
	f.write(t, "allowed", "# Who may sign.\nalice@example.com "+f.read(t, "key.pub"))
	f.write(t, "check.sh", "#!/bin/sh\nexit 0\n")
	if err := os.Chmod(f.path("check.sh"), 0o750); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f scriptFolder) keygen(t *testing.T, args ...string) {
	t.Helper()
	if output, err := exec.CommandContext(t.Context(), "ssh-keygen", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v; is OpenSSH's client installed? %s", err, output)
	}
}

func (f scriptFolder) path(name string) string { return filepath.Join(string(f), name) }

func (f scriptFolder) read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(f.path(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func (f scriptFolder) write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(f.path(name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// must runs a command that must end well.
func (f scriptFolder) must(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	stdout, stderr, exit := scriptCommand(t, strings.NewReader(stdin), args...)
	if exit != 0 {
		t.Fatalf("%q exits with %d: %s", args, exit, stderr)
	}
	return stdout
}

func (f scriptFolder) verify(t *testing.T, name string) signedScript {
	t.Helper()
	var verified signedScript
	text := f.must(t, "", "verify", f.path(name), "--allowed-signers", f.path("allowed"), "--json")
	if err := json.Unmarshal([]byte(text), &verified); err != nil {
		t.Fatal(err)
	}
	return verified
}

func TestScriptIsSignedInItsPlace(t *testing.T) {
	t.Parallel()
	f := newScriptFolder(t, "ed25519", "")
	if err := os.Symlink("check.sh", f.path("link.sh")); err != nil {
		t.Fatal(err)
	}
	before := time.Now().Truncate(time.Second)
	told := f.must(t, "", "sign", f.path("link.sh"), "--key", f.path("key"))
	verified := f.verify(t, "check.sh")
	if verified.Principal != "alice@example.com" || verified.SignedAt == nil ||
		verified.SignedAt.Before(before) || verified.SignedAt.After(time.Now()) {
		t.Errorf("%+v", verified)
	}
	if !strings.Contains(told, verified.Fingerprint) || !strings.Contains(told, f.path("link.sh")) {
		t.Error(told)
	}
	shown := f.must(t, "", "verify", f.path("link.sh"), "--allowed-signers", f.path("allowed"))
	for _, want := range []string{"alice@example.com", verified.Fingerprint, stamp(*verified.SignedAt)} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is not in\n%s", want, shown)
		}
	}
	if info, err := os.Stat(f.path("check.sh")); err != nil || info.Mode() != 0o750 {
		t.Errorf("the mode is %v, %v", info.Mode(), err)
	}
	if info, err := os.Lstat(f.path("link.sh")); err != nil || info.Mode().IsRegular() {
		t.Errorf("the link became a file, %v", err)
	}
	if output, err := exec.CommandContext(t.Context(), f.path("check.sh")).CombinedOutput(); err != nil {
		t.Errorf("the signed script does not run: %v: %s", err, output)
	}

	f.must(t, "", "sign", f.path("check.sh"), "--key", f.path("key"))
	if again := f.read(t, "check.sh"); strings.Count(again, "BEGIN SSH SIGNATURE") != 1 || strings.Count(again, "# Signed: ") != 1 {
		t.Errorf("signed twice:\n%s", again)
	}
	if names, err := filepath.Glob(f.path("*")); err != nil || len(names) != 5 {
		t.Errorf("the folder has %q, %v", names, err)
	}
}

func TestScriptIsSignedIntoAnother(t *testing.T) {
	t.Parallel()
	f := newScriptFolder(t, "ecdsa", "")
	unsigned := f.read(t, "check.sh")
	var made signedScript
	told := f.must(t, "", "sign", "--json", f.path("check.sh"), "--key", f.path("key"), "--output", f.path("signed.sh"))
	if err := json.Unmarshal([]byte(told), &made); err != nil || made.File != f.path("signed.sh") || made.SignedAt == nil {
		t.Errorf("%s, %v", told, err)
	}
	if info, err := os.Stat(f.path("signed.sh")); err != nil || info.Mode() != 0o750 {
		t.Errorf("the mode is %v, %v", info.Mode(), err)
	}
	if verified := f.verify(t, "signed.sh"); verified.Fingerprint != made.Fingerprint || !verified.SignedAt.Equal(*made.SignedAt) {
		t.Errorf("%+v was made, %+v verified", made, verified)
	}
	f.write(t, "printed.sh", f.must(t, "", "sign", f.path("check.sh"), "--key", f.path("key"), "--output", "-"))
	f.verify(t, "printed.sh")
	f.must(t, "", "sign", f.path("check.sh"), "--key", f.path("key"), "--output", os.DevNull)
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Fatal(os.DevNull + " became a file")
	}
	if f.read(t, "check.sh") != unsigned {
		t.Error("the script itself was changed")
	}
}

// TestScriptCommandsRefuse gives the reason, and the exit code that goes with it.
func TestScriptCommandsRefuse(t *testing.T) {
	t.Parallel()
	f := newScriptFolder(t, "ed25519", "")
	f.write(t, "unsigned.sh", f.read(t, "check.sh"))
	f.must(t, "", "sign", f.path("check.sh"), "--key", f.path("key"))
	signed := f.read(t, "check.sh")
	f.write(t, "changed.sh", strings.Replace(signed, "exit 0", "exit 1", 1))
	f.write(t, "longer.sh", signed+"exit 0\n")
	f.write(t, "split.sh", strings.Replace(signed, "\n# -----END", "\nexit 0\n# -----END", 1))
	f.write(t, "large.sh", strings.Repeat("#", plimsoll.MaxContent+1))
	f.write(t, "nobody", "")
	f.write(t, "broken", "\nalice@example.com no-pty "+f.read(t, "key.pub"))
	f.write(t, "over", `alice@example.com valid-before="20200101Z" `+f.read(t, "key.pub"))
	f.write(t, "broken-key", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n")
	f.write(t, "empty-key", "")
	for _, test := range []struct {
		args string // names of files stand behind @
		exit int
		want string
	}{
		{"verify @unsigned.sh --allowed-signers @allowed", exitDifference, "unsigned.sh: the script is not signed"},
		{"verify @changed.sh --allowed-signers @allowed", exitDifference, "was changed after it was signed"},
		{"verify @longer.sh --allowed-signers @allowed", exitDifference, "nothing may follow it"},
		{"verify @check.sh --allowed-signers @nobody", exitDifference, "not among the allowed signers: SHA256:"},
		{"verify @check.sh --allowed-signers @over", exitDifference, "is over"},
		{"verify @check.sh --allowed-signers @broken", exitUsage, "broken: line 2 of the allowed signers: has the option \"no-pty\""},
		{"verify @large.sh --allowed-signers @allowed", exitUsage, "large.sh is larger than 1048576 bytes"},
		{"verify @none.sh --allowed-signers @allowed", exitFailed, "none.sh"},
		{"verify @check.sh --allowed-signers @none", exitFailed, "none"},
		{"sign @large.sh --key @key", exitUsage, "large.sh is larger than 1048576 bytes"},
		{"sign @split.sh --key @key", exitDifference, "remove the lines of the old signature by hand"},
		{"sign @none.sh --key @key", exitFailed, "none.sh"},
		{"sign @unsigned.sh --key @none", exitFailed, "none"},
		{"sign @unsigned.sh --key @broken-key", exitUsage, "broken-key is no private key that can be read"},
		{"sign @unsigned.sh --key @empty-key", exitUsage, "empty-key is neither a private nor a public key"},
		{"sign @unsigned.sh --key @unsigned.sh", exitUsage, "unsigned.sh is neither a private nor a public key"},
		{"sign @unsigned.sh --key @key.pub --ssh-auth-sock=", exitUsage, "SSH_AUTH_SOCK"},
		{"sign @unsigned.sh --key @key.pub --ssh-auth-sock=@none", exitFailed, "does not answer"},
		{"sign @unsigned.sh --key @key --output @none/signed.sh", exitFailed, "none"},
		{"sign " + os.DevNull + " --key @key", exitUsage, "give --output"},
	} {
		t.Run(test.args, func(t *testing.T) {
			t.Parallel()
			args := strings.Fields(strings.ReplaceAll(test.args, "@", string(f)+string(filepath.Separator)))
			stdout, stderr, exit := scriptCommand(t, strings.NewReader(""), args...)
			if exit != test.exit || stdout != "" || !strings.Contains(stderr, test.want) {
				t.Errorf("exits with %d and %q, want %d and %q", exit, stdout+stderr, test.exit, test.want)
			}
		})
	}
	_, stderr, _ := scriptCommand(t, nil, "verify", "--json", f.path("unsigned.sh"), "--allowed-signers", f.path("allowed"))
	if !strings.HasPrefix(stderr, `{"error":{"code":"unauthenticated","message":"`) {
		t.Error(stderr)
	}
}

func TestScriptIsSignedWithAnEncryptedKey(t *testing.T) {
	t.Parallel()
	f := newScriptFolder(t, "ed25519", "two words ")
	for name, test := range map[string]struct{ stdin, want string }{
		"none":    {"", "key is encrypted"},
		"another": {"two words\n", "that is not the passphrase of"},
	} {
		_, stderr, exit := scriptCommand(t, strings.NewReader(test.stdin), "sign", f.path("check.sh"), "--key", f.path("key"))
		if exit != exitUsage || !strings.Contains(stderr, test.want) || strings.Contains(stderr, "two words") {
			t.Errorf("%s: exits with %d: %s", name, exit, stderr)
		}
	}
	f.must(t, "two words \r\n", "sign", f.path("check.sh"), "--key", f.path("key"))
	f.verify(t, "check.sh")
}

// TestSSHAgentSigns has the real one sign, of which RSA needs more: it
// must be asked for SHA-512.
func TestSSHAgentSigns(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"ed25519", "rsa"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f := newScriptFolder(t, kind, "")
			socket := startSSHAgent(t)
			sign := []string{"sign", f.path("check.sh"), "--key", f.path("key.pub"), "--ssh-auth-sock", socket}
			_, stderr, exit := scriptCommand(t, strings.NewReader(""), sign...)
			if exit != exitNotFound || !strings.Contains(stderr, "ssh-add it") {
				t.Errorf("exits with %d: %s", exit, stderr)
			}
			add := exec.CommandContext(t.Context(), "ssh-add", "-q", f.path("key"))
			add.Env = append(os.Environ(), "SSH_AUTH_SOCK="+socket)
			if output, err := add.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, output)
			}
			f.must(t, "", sign...)
			f.verify(t, "check.sh")
		})
	}
}

// startSSHAgent gives the socket of an ssh-agent that ends with the test.
func startSSHAgent(t *testing.T) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	command := exec.CommandContext(t.Context(), "ssh-agent", "-D", "-a", socket)
	if err := command.Start(); err != nil {
		t.Fatalf("%v; is OpenSSH's client installed?", err)
	}
	t.Cleanup(func() { _ = command.Wait() }) // the test's context has ended it
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(socket); err == nil {
			return socket
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
