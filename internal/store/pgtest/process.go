package pgtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
)

// process is one process. A pid alone is not: the system gives it out again.
type process struct {
	pid   int
	start string // in ticks since boot; "" where there is no /proc
}

// parent returns the process that a shared server lives as long as.
func parent() process {
	pid := os.Getppid()
	if pid <= 1 { // init never ends, so what an orphan starts must end with itself
		pid = os.Getpid()
	}
	return identify(pid)
}

func identify(pid int) process {
	p := process{pid: pid}
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)) // absent but on Linux
	// The name, field 2, may hold spaces and parentheses; what follows it has none. The start is field 22: proc(5).
	if fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:]); len(fields) > 19 {
		p.start = string(fields[19])
	}
	return p
}

// reaper is given the owner's pid and start and the server's directory. It waits until the owner is no more, or the
// directory, then stops the server and removes what is left. A zombie counts as gone: in a container nobody may
// collect it.
const reaper = `
alive() {
	kill -0 "$1" || return 1
	[ -n "$2" ] || return 0
	read -r stat <"/proc/$1/stat" || return 1
	set -- "$2" ${stat##*) }
	[ "$2" != Z ] && [ "${21}" = "$1" ]
}
while [ -d "$3" ] && alive "$1" "$2"; do sleep 1; done
lock=$3/data/postmaster.pid
read -r postmaster <"$lock" && kill -QUIT "$postmaster"
for i in 1 2 3 4 5 6 7 8 9 10; do [ -e "$lock" ] && sleep 1; done
rm -rf "$3"
`

// reap starts the reaper in a session of its own and without this process's pipes, which `go test` waits for.
func reap(owner process, dir string) error {
	//nolint:noctx,gosec // the script is a constant, and it outlives every context of this process: that is its purpose
	cmd := exec.Command("sh", "-c", reaper, "plimsoll-pgtest-reaper", strconv.Itoa(owner.pid), owner.start, dir)
	cmd.Dir = "/" // the current one may have to be removed
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Release()
}
