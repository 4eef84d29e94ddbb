//go:build unix

package runner

import (
	"math"
	"os"
	"os/exec"
	"os/user"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"plimsoll"
)

// The paths on which a script's programs are found.
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// apart keeps a signal that is meant for the agent, such as that of Ctrl-C, from
// its supervisors.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// local gives the account of a user of whom Go's own library knows: without cgo on
// Linux, of this machine alone.
func local(name string) (Account, error) {
	found, err := user.Lookup(name)
	if err != nil {
		return Account{}, err
	}
	groups, err := found.GroupIds()
	if err != nil {
		return Account{}, err
	}
	return numbered(Account{Name: found.Username, Home: found.HomeDir}, append([]string{found.Uid, found.Gid}, groups...))
}

// numbered gives an account the numbers of its user, its group and all of its
// groups. It refuses root, whose rights no user's script is to have, and the number
// that means none (setresuid(2)).
func numbered(account Account, ids []string) (Account, error) {
	numbers := make([]uint32, len(ids))
	for i, id := range ids {
		n, err := strconv.ParseUint(id, 10, 32)
		if err != nil || n == math.MaxUint32 || i == 0 && n == 0 {
			return Account{}, plimsoll.Errorf(plimsoll.Invalid, "the user %s has the number %q among those of the user and the groups: a script may not run so", account.Name, id)
		}
		numbers[i] = uint32(n)
	}
	account.UID, account.GID, account.Groups = numbers[0], numbers[1], numbers[2:]
	account.Switch = int(account.UID) != os.Geteuid()
	return account, nil
}

// Restrict keeps all but its owner from what is in a folder, where that is not by the
// modes of the files, as it is here.
func Restrict(string) error { return nil }

// MayRunAsOthers tells whether the agent may run scripts as other accounts.
func MayRunAsOthers() bool { return os.Geteuid() == 0 }

func (a *Account) own(paths ...string) error {
	if !a.Switch {
		return nil
	}
	for _, p := range slices.Backward(paths) { // the folder last: from then on it is theirs to change
		if err := os.Lchown(p, int(a.UID), int(a.GID)); err != nil {
			return err
		}
	}
	return nil
}

// environment is all that a script finds in its environment.
func (j *Job) environment(folder string) []string {
	env := []string{
		"PATH=" + searchPath, "LANG=C.UTF-8", "SHELL=/bin/sh", "TMPDIR=" + folder,
		"HOME=" + j.Account.Home, "USER=" + j.Account.Name, "LOGNAME=" + j.Account.Name,
	}
	if zone, set := os.LookupEnv("TZ"); set {
		env = append(env, "TZ="+zone)
	}
	runtimeDir := "/run/user/" + strconv.FormatUint(uint64(j.Account.UID), 10)
	if _, err := os.Stat(runtimeDir); err == nil && j.Account.Switch {
		env = append(env, "XDG_RUNTIME_DIR="+runtimeDir)
	}
	return env
}

func (j *Job) command(folder string) (*exec.Cmd, error) {
	program, argument, err := shebang(j.Content)
	if err != nil {
		return nil, err
	}
	name := "script"
	if path.Base(program) == "pwsh" || strings.HasSuffix(argument, "pwsh") {
		name = "script.ps1" // PowerShell runs nothing else
	}
	file, err := j.write(folder, name)
	if err != nil {
		return nil, err
	}
	cmd := &exec.Cmd{Path: program, Args: []string{program}, Dir: folder, Env: j.environment(folder), SysProcAttr: session()}
	if argument != "" {
		cmd.Args = append(cmd.Args, argument)
	}
	cmd.Args = append(cmd.Args, file)
	if j.Account.Switch {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: j.Account.UID, Gid: j.Account.GID, Groups: j.Account.Groups}
	}
	return cmd, nil
}

// askToEnd tells all of the script's process group to end.
func askToEnd(leader *os.Process) { _ = syscall.Kill(-leader.Pid, syscall.SIGTERM) }

// end ends all of the script's process group.
func end(leader *os.Process) {
	_ = syscall.Kill(-leader.Pid, syscall.SIGKILL)
	_ = leader.Kill() // also where it left the group
}
