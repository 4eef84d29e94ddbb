package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/term"

	"plimsoll"
	"plimsoll/internal/agent/signature"
	"plimsoll/internal/wholefile"
)

// maxKeyFile bounds what is read of a key's file, in bytes.
const maxKeyFile = 64 << 10

type scriptSignCommand struct {
	File   string `arg:"" help:"The script." type:"path"`
	Key    string `env:"-" help:"OpenSSH private key, or a .pub whose private half is in ssh-agent. The passphrase of an encrypted one is asked for on the terminal, or else read from standard input." placeholder:"FILE" required:"" type:"path"`
	Output string `env:"-" help:"Where the signed script goes, - being standard output; by default it takes the script's place." placeholder:"FILE" type:"path"`
	Agent  string `env:"SSH_AUTH_SOCK" help:"Socket of ssh-agent, which sets the variable." name:"ssh-auth-sock" placeholder:"PATH"`
}

type scriptVerifyCommand struct {
	File           string `arg:"" help:"The script." type:"path"`
	AllowedSigners string `help:"File of who may sign, in the format of ssh-keygen's allowed signers." placeholder:"FILE" required:"" type:"path"`
}

// signedScript is what the commands print of a signature.
type signedScript struct {
	File        string     `json:"file"`
	Principal   string     `json:"principal,omitempty"` // where it was verified
	Fingerprint string     `json:"fingerprint"`
	SignedAt    *time.Time `json:"signedDateTime"` // null where the script does not say
}

// Run signs the script.
func (c *scriptSignCommand) Run(ctx context.Context, a *app) error {
	info, err := os.Stat(c.File)
	if err != nil {
		return err
	}
	if c.Output == "" && !info.Mode().IsRegular() {
		return plimsoll.Errorf(plimsoll.Invalid, "%s is not a regular file, whose place the signed script could take: give --output", c.File)
	}
	content, err := readFile(c.File, plimsoll.MaxContent)
	if err != nil {
		return err
	}
	return c.withSigner(ctx, a, func(signer ssh.Signer) error {
		now := a.now().UTC().Truncate(time.Second)
		signed, err := signature.Sign(content, signer, now)
		if err != nil {
			return fmt.Errorf("%s: %w", c.File, err)
		}
		if c.Output == "-" {
			_, err := a.stdout.Write(signed)
			return err
		}
		made := signedScript{File: c.Output, Fingerprint: ssh.FingerprintSHA256(signer.PublicKey()), SignedAt: &now}
		if made.File == "" {
			made.File = c.File
		}
		if err := replaceFile(made.File, info.Mode().Perm(), signed); err != nil {
			return err
		}
		return a.print(made, "Signed "+made.File+" with "+made.Fingerprint+".\n")
	})
}

// Run verifies the script's signature.
func (c *scriptVerifyCommand) Run(a *app) error {
	text, err := readFile(c.AllowedSigners, signature.MaxAllowedSigners)
	if err != nil {
		return err
	}
	signers, err := signature.ParseAllowedSigners(text)
	if err != nil {
		return fmt.Errorf("%s: %w", c.AllowedSigners, err)
	}
	content, err := readFile(c.File, plimsoll.MaxContent)
	if err != nil {
		return err
	}
	verified, err := signature.Verify(content, signers, a.now())
	if err != nil {
		return notVerified{fmt.Errorf("%s: %w", c.File, err)}
	}
	shown := signedScript{File: c.File, Principal: verified.Principal, Fingerprint: verified.Fingerprint}
	said := "the script does not say"
	if !verified.SignedAt.IsZero() {
		shown.SignedAt, said = &verified.SignedAt, stamp(verified.SignedAt)
	}
	return a.print(shown, table([]string{"signed by", shown.Principal}, []string{"key", shown.Fingerprint}, []string{"signed at", said}))
}

// notVerified ends the program as every verification that found something does,
// whatever the code of the reason.
type notVerified struct{ error }

func (n notVerified) Unwrap() error { return n.error }

func (notVerified) Is(target error) bool { return target == errDifference }

// withSigner runs work with the key.
func (c *scriptSignCommand) withSigner(ctx context.Context, a *app, work func(ssh.Signer) error) error {
	text, err := readFile(c.Key, maxKeyFile)
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(bytes.TrimSpace(text), []byte("-----BEGIN ")) {
		return c.withAgentSigner(ctx, text, work)
	}
	signer, err := ssh.ParsePrivateKey(text)
	if _, encrypted := errors.AsType[*ssh.PassphraseMissingError](err); encrypted {
		var passphrase []byte
		if passphrase, err = a.passphrase(c.Key); err != nil {
			return err
		}
		signer, err = ssh.ParsePrivateKeyWithPassphrase(text, passphrase)
	}
	if errors.Is(err, x509.IncorrectPasswordError) {
		return plimsoll.Errorf(plimsoll.Invalid, "that is not the passphrase of %s", c.Key)
	}
	if err != nil {
		return plimsoll.Errorf(plimsoll.Invalid,
			"%s is no private key that can be read (%v); that of a security key must be in ssh-agent: name its .pub", c.Key, err)
	}
	return work(signer)
}

// passphrase asks for a key's passphrase. It is no flag and no variable: those are
// seen by others, and by every program that is started.
func (a *app) passphrase(path string) ([]byte, error) {
	if file, ok := a.stdin.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		fmt.Fprintf(a.stderr, "Passphrase of %s: ", path)
		text, err := term.ReadPassword(int(file.Fd()))
		fmt.Fprintln(a.stderr)
		return text, err
	}
	line, _ := bufio.NewReader(a.stdin).ReadString('\n')
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return nil, plimsoll.Errorf(plimsoll.Invalid,
			"%s is encrypted: write its passphrase to standard input, or add it to ssh-agent and name its .pub", path)
	}
	return []byte(line), nil
}

// withAgentSigner runs work with the private half that ssh-agent has of a public key.
func (c *scriptSignCommand) withAgentSigner(ctx context.Context, text []byte, work func(ssh.Signer) error) error {
	public, _, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		return plimsoll.Errorf(plimsoll.Invalid, "%s is neither a private nor a public key of OpenSSH", c.Key)
	}
	if c.Agent == "" {
		return plimsoll.Errorf(plimsoll.Invalid,
			"%s is a public key, and no ssh-agent is known to have its private half: name the private key's file, or start ssh-agent and set SSH_AUTH_SOCK", c.Key)
	}
	connection, err := (&net.Dialer{}).DialContext(ctx, "unix", c.Agent)
	if err != nil {
		return &plimsoll.Error{Code: plimsoll.Unavailable, Message: "ssh-agent does not answer at " + c.Agent, Err: err}
	}
	defer connection.Close()
	defer context.AfterFunc(ctx, func() { _ = connection.Close() })() // it may wait for a touch of the key
	signers, err := agent.NewClient(connection).Signers()
	if err != nil {
		return &plimsoll.Error{Code: plimsoll.Unavailable, Message: "ssh-agent does not tell its keys", Err: err}
	}
	for _, signer := range signers {
		if bytes.Equal(signer.PublicKey().Marshal(), public.Marshal()) {
			return work(signer)
		}
	}
	return plimsoll.Errorf(plimsoll.NotFound, "ssh-agent does not have the private half of %s, %s: ssh-add it",
		c.Key, ssh.FingerprintSHA256(public))
}

// readFile reads a file of up to limit bytes.
func readFile(path string, limit int) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, int64(limit)+1))
	if err == nil && len(content) > limit {
		err = plimsoll.Errorf(plimsoll.Invalid, "%s is larger than %d bytes", path, limit)
	}
	return content, err
}

// replaceFile puts content in the place of a file, or of what a link there leads
// to, at once and as a whole. What is no file, such as a pipe, is written to.
func replaceFile(path string, mode os.FileMode, content []byte) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(path, content, mode)
	}
	return wholefile.Write(path, content, mode)
}
