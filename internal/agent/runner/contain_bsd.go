//go:build unix && !linux

package runner

import (
	"context"
	"syscall"
)

const nice = 10

// contain sees to it that what this process starts yields to others and leaves no
// core file.
func contain() error {
	syscall.Umask(0o077)
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return err
	}
	return syscall.Setpriority(syscall.PRIO_PROCESS, 0, nice)
}

// session gives a script a session of its own.
func session() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// endAll ends what is left of the script's process group.
func endAll(group int) { _ = syscall.Kill(-group, syscall.SIGKILL) }

// named gives the account of a user: here the system's own library is asked, which
// knows those of directories.
func named(_ context.Context, name string) (Account, error) { return local(name) }
