package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// TestPassphraseIsAskedFor has a person at a terminal sign.
func TestPassphraseIsAskedFor(t *testing.T) {
	t.Parallel()
	f := newScriptFolder(t, "ed25519", "secret")
	person, terminal := openTerminal(t)
	if _, err := person.WriteString("secret\n"); err != nil {
		t.Fatal(err)
	}
	_, stderr, exit := scriptCommand(t, terminal, "sign", f.path("check.sh"), "--key", f.path("key"))
	if want := "Passphrase of " + f.path("key") + ": \n"; exit != 0 || stderr != want {
		t.Errorf("exits with %d: %q, want %q", exit, stderr, want)
	}
	f.verify(t, "check.sh")
	if _, stderr, exit := scriptCommand(t, strings.NewReader("secret\n"), "sign", f.path("check.sh"), "--key", f.path("key")); exit != 0 ||
		strings.Contains(stderr, "Passphrase") {
		t.Errorf("asks where there is no terminal: %d, %s", exit, stderr)
	}
}

// openTerminal gives both ends of a pseudo-terminal (pty(7)).
func openTerminal(t *testing.T) (person, terminal *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = person.Close() })
	var locked, number int32
	for request, argument := range map[uintptr]*int32{syscall.TIOCSPTLCK: &locked, syscall.TIOCGPTN: &number} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, person.Fd(), request, uintptr(unsafe.Pointer(argument))); errno != 0 {
			t.Fatal(errno)
		}
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = terminal.Close() })
	return person, terminal
}
