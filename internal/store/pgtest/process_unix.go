//go:build unix

package pgtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// account returns whom PostgreSQL runs as when root runs the tests, as it refuses root; otherwise nil, for the user
// who runs them.
func account() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL doesn't run as root: %w", err)
	}
	uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(uidErr, gidErr)
}

// demote makes cmd run as PostgreSQL's account.
func demote(cmd *exec.Cmd) error {
	credential, err := account()
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	return err
}

// handOver makes dir belong to PostgreSQL's account.
func handOver(dir string) error {
	credential, err := account()
	if err != nil || credential == nil {
		return err
	}
	return os.Chown(dir, int(credential.Uid), int(credential.Gid))
}

// detach makes cmd outlive this process and the signals of its terminal.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
