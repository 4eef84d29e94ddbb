package inventory

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"

	"golang.org/x/sys/unix"
)

// probes are those of this machine.
func probes() []probe {
	volume := "/System/Volumes/Data" // since macOS 10.15, / is sealed and small
	if _, err := os.Stat(volume); err != nil {
		volume = "/"
	}
	return macMachine{
		run:     command(),
		version: func() (string, error) { return unix.Sysctl("kern.osproductversion") },
		memory:  func() (uint64, error) { return unix.SysctlUint64("hw.memsize") },
		size:    volumeSize, volume: volume,
		console: consoleUser, lookup: user.LookupId,
	}.probes()
}

func volumeSize(path string) (total, free int64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return 0, 0, fmt.Errorf("statfs %s: %w", path, err)
	}
	return int64(s.Blocks) * int64(s.Bsize), int64(s.Bavail) * int64(s.Bsize), nil //nolint:gosec // no volume has 2^63 blocks
}

// consoleUser gives the number of the owner of the console: who has the screen.
func consoleUser() (string, error) {
	var s unix.Stat_t
	if err := unix.Stat("/dev/console", &s); err != nil {
		return "", fmt.Errorf("stat /dev/console: %w", err)
	}
	return strconv.FormatUint(uint64(s.Uid), 10), nil
}

func signedIn(context.Context) (name string, err error) {
	uid, err := consoleUser()
	if err != nil {
		return "", err
	}
	if !isMacHuman(uid) { // at the login window it is root's
		return "", nobody()
	}
	found, err := user.LookupId(uid)
	if err != nil {
		return "", err
	}
	return found.Username, nil
}

func hideWindow(*exec.Cmd) {}
