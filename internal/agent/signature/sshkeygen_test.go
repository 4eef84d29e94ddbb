package signature_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"plimsoll/internal/agent/signature"
)

// keygen runs ssh-keygen in a folder, and gives what it prints.
func keygen(t *testing.T, folder, stdin string, args ...string) (string, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "ssh-keygen", args...)
	command.Dir, command.Stdin = folder, strings.NewReader(stdin)
	output, err := command.CombinedOutput()
	if err != nil && command.ProcessState == nil {
		t.Fatalf("install OpenSSH's client (Debian, Ubuntu: openssh-client): %v", err)
	}
	return string(output), err
}

func mustKeygen(t *testing.T, folder, stdin string, args ...string) {
	t.Helper()
	if output, err := keygen(t, folder, stdin, args...); err != nil {
		t.Fatalf("ssh-keygen %q: %v\n%s", args, err, output)
	}
}

func write(t *testing.T, folder, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, folder, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// writeParts takes a signed script apart as a person would: the signed bytes and
// the armored signature.
func writeParts(t *testing.T, folder, signed string) {
	t.Helper()
	content, _, _ := strings.Cut(signed, "# -----BEGIN SSH SIGNATURE-----")
	write(t, folder, "content", content)
	write(t, folder, "content.sig", string(pemOf(t, signed)))
}

// TestInteroperation signs with one and verifies with the other.
func TestInteroperation(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string][]string{
		"ed25519": {"ed25519"}, "ecdsa 256": {"ecdsa", "-b", "256"}, "ecdsa 384": {"ecdsa", "-b", "384"},
		"ecdsa 521": {"ecdsa", "-b", "521"}, "rsa": {"rsa", "-b", "2048"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			mustKeygen(t, folder, "", append([]string{"-q", "-N", "", "-C", "a comment", "-f", "key", "-t"}, kind...)...)
			write(t, folder, "allowed", `alice@example.com namespaces="plimsoll" `+read(t, folder, "key.pub"))
			signers, err := signature.ParseAllowedSigners([]byte(read(t, folder, "allowed")))
			if err != nil {
				t.Fatal(err)
			}
			t.Run("signed here", func(t *testing.T) {
				t.Parallel()
				key, err := ssh.ParsePrivateKey([]byte(read(t, folder, "key")))
				if err != nil {
					t.Fatal(err)
				}
				verifyByKeygen(t, folder, sign(t, script, key))
			})
			for _, hash := range []string{"sha256", "sha512"} {
				t.Run("signed by ssh-keygen with "+hash, func(t *testing.T) {
					t.Parallel()
					for _, content := range []string{script, script + "# Signed: 2030-05-01T08:00:00Z\n"} {
						verifySignedByKeygen(t, folder, hash, content, signers)
					}
				})
			}
		})
	}
}

func verifyByKeygen(t *testing.T, keys, signed string) {
	t.Helper()
	folder := t.TempDir()
	writeParts(t, folder, signed)
	args := []string{
		"-Y", "verify", "-f", filepath.Join(keys, "allowed"), "-I", "alice@example.com", "-n", "plimsoll", "-s", "content.sig",
	}
	mustKeygen(t, folder, read(t, folder, "content"), args...)
	if output, err := keygen(t, folder, read(t, folder, "content")+"#", args...); err == nil {
		t.Error("ssh-keygen verifies other content: ", output)
	}
}

// verifySignedByKeygen puts the signature on as docs tell people to: by sed.
func verifySignedByKeygen(t *testing.T, keys, hash, content string, signers *signature.AllowedSigners) {
	t.Helper()
	folder := t.TempDir()
	write(t, folder, "script.sh", content)
	mustKeygen(t, folder, "", "-q", "-Y", "sign", "-n", "plimsoll", "-O", "hashalg="+hash, "-f", filepath.Join(keys, "key"), "script.sh")
	sed := exec.CommandContext(t.Context(), "sh", "-c", "sed 's/^/# /' script.sh.sig >> script.sh")
	sed.Dir = folder
	if output, err := sed.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	got, err := signature.Verify([]byte(read(t, folder, "script.sh")), signers, later())
	if err != nil || got.Principal != "alice@example.com" || got.SignedAt.IsZero() == strings.Contains(content, "Signed") {
		t.Errorf("%+v, %v", got, err)
	}
	fingerprint, err := keygen(t, keys, "", "-l", "-f", "key.pub")
	if err != nil || !strings.Contains(fingerprint, " "+got.Fingerprint+" ") {
		t.Errorf("%s is %s, %v", got.Fingerprint, fingerprint, err)
	}
}

// TestSecurityKeyInteroperation has ssh-keygen verify what the security key of
// these tests signs: it is one, then.
func TestSecurityKeyInteroperation(t *testing.T) {
	t.Parallel()
	key := securityKey(t, touched)
	folder := t.TempDir()
	write(t, folder, "allowed", "alice@example.com "+string(ssh.MarshalAuthorizedKey(key.PublicKey())))
	verifyByKeygen(t, folder, sign(t, script, key))
}

// TestAllowedSignersAsSSHKeygen reads the same files and decides alike.
func TestAllowedSignersAsSSHKeygen(t *testing.T) {
	t.Parallel()
	key := newSigner(t, 1)
	line := string(bytes.TrimSpace(ssh.MarshalAuthorizedKey(key.PublicKey())))
	other := string(bytes.TrimSpace(ssh.MarshalAuthorizedKey(newSigner(t, 2).PublicKey())))
	now := time.Date(2030, 5, 1, 8, 0, 0, 0, time.UTC)
	for options, allowed := range map[string]bool{
		"": true, `namespaces="plimsoll"`: true, `namespaces="git,plimsoll"`: true, `namespaces="*"`: true, `NameSpaces="plim*ll"`: true,
		`namespaces="p?imsoll"`: true, `namespaces="git"`: false, `namespaces=""`: false, `namespaces="*,!plimsoll"`: false,
		`namespaces="!git"`: false, `namespaces="!git,*"`: true, `namespaces="Plimsoll"`: false, `namespaces="[p]limsoll"`: false,
		`namespaces="plimsol"`: false, `namespaces="plimsoll?"`: false, `namespaces="plimsoll*"`: true, `namespaces="git, plimsoll"`: false,
		`valid-after="20300501080000Z"`: true, `valid-after="20300501080001Z"`: false, `valid-after="203005010800Z"`: true,
		`valid-after="20300501Z"`: true, `valid-after="20300502Z"`: false, `valid-after="20300430"`: true, `valid-after="20300503"`: false,
		`valid-before="20300501080000Z"`: true, `valid-before="20300501075959Z"`: false, `valid-before="203005010801Z"`: true,
		`valid-before="20300501Z"`: false, `valid-before="203005020000"`: true, `valid-before="20300430120000"`: false,
		`valid-after="20300101Z",valid-before="20300601Z",namespaces="plimsoll"`: true,
		`valid-after="20300101Z",valid-before="20300601Z",namespaces="git"`:      false,
		// Not in the format at all: ssh-keygen passes over the line, Plimsoll refuses the file.
		`valid-after=20300101Z`: false, `valid-after="2030"`: false, `valid-after="20301301Z"`: false, `valid-after=""`: false, `valid-after`: false,
		`namespaces=plimsoll`: false, `namespaces="plimsoll`: false, `namespaces="a",namespaces="plimsoll"`: false, `no-pty`: false,
		`namespaces="plimsoll",x`: false, `namespaces="plimsoll"x`: false,
		`valid-after="20300101Z",valid-before="20300101Z"`: false, `cert-authority`: false,
	} {
		t.Run(options, func(t *testing.T) {
			t.Parallel()
			file := "# Who may sign.\n\n  \t# and so on\nbob@example.com " + other + "\r\nalice@example.com  \t" + options + " " + line + " a \"comment\n"
			signers, err := signature.ParseAllowedSigners([]byte(file))
			if err == nil {
				_, err = signature.Verify([]byte(signByHand(t, script, "plimsoll", "sha512", key)), signers, now)
			}
			if (err == nil) != allowed {
				t.Errorf("allowed: %v (%v), want %v", err == nil, err, allowed)
			}
			folder := t.TempDir()
			write(t, folder, "allowed", file)
			writeParts(t, folder, signByHand(t, script, "plimsoll", "sha512", key))
			output, err := keygen(t, folder, script, "-Y", "verify", "-f", "allowed", "-I", "alice@example.com", "-n", "plimsoll",
				"-s", "content.sig", "-O", "verify-time=20300501080000Z")
			if (err == nil) != allowed {
				t.Errorf("ssh-keygen allows: %v, want %v: %s", err == nil, allowed, output)
			}
		})
	}
}
