package runner

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	nice          = 10
	ioprioProcess = 1           // IOPRIO_WHO_PROCESS of ioprio_set(2)
	ioprioLowest  = 2<<13 | 0x7 // best effort, the lowest level
)

// contain sees to it that what this thread starts gets no new privileges, yields
// to others, leaves no core file, and comes to this process when its parent ends.
func contain() error {
	for _, set := range []func() error{
		func() error { return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) },
		func() error { return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) },
		func() error { return unix.Setpriority(unix.PRIO_PROCESS, 0, nice) },
		func() error { return unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) },
	} {
		if err := set(); err != nil {
			return err
		}
	}
	unix.Umask(0o077)
	_, _, _ = unix.Syscall(unix.SYS_IOPRIO_SET, ioprioProcess, 0, ioprioLowest) // some kernels have no such classes
	return nil
}

// session gives a script a session of its own, and the end of its supervisor as
// its own.
func session() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
}

// endAll ends every process that the script began and that is left, whatever group
// or session it is in: as their parents end, they become this process's children.
// Those that do not end even so are not waited for.
func endAll(group int) {
	_ = unix.Kill(-group, unix.SIGKILL)
	late := time.After(endAllWithin)
	for {
		for {
			pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
			if errors.Is(err, unix.ECHILD) {
				return
			}
			if pid <= 0 {
				break
			}
		}
		for _, child := range children(os.Getpid()) {
			_ = unix.Kill(child, unix.SIGKILL)
		}
		select {
		case <-late:
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// children gives the processes whose parent is the one given (proc(5), of
// /proc/pid/stat).
func children(of int) (all []int) {
	entries, _ := os.ReadDir("/proc") // without it there are none to be found
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + entry.Name() + "/stat")
		if err != nil {
			continue
		}
		// The name is in parentheses, and may hold any; then come state and parent.
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) > 1 && string(fields[1]) == strconv.Itoa(of) {
			all = append(all, pid)
		}
	}
	return all
}
