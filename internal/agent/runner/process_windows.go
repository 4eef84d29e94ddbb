package runner

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// apart keeps Ctrl-C, which is meant for the agent, from its supervisors.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.CREATE_NO_WINDOW}
}

// named gives the account of a user who is signed in at the console.
func named(_ context.Context, name string) (Account, error) {
	found, err := user.Lookup(name)
	if err != nil {
		return Account{}, err
	}
	current, err := user.Current()
	if err != nil {
		return Account{}, err
	}
	return Account{Name: found.Username, Home: found.HomeDir, Switch: found.Uid != current.Uid}, nil
}

// MayRunAsOthers tells whether the agent may run scripts as other accounts: only
// LocalSystem is given the tokens of those who are signed in.
func MayRunAsOthers() bool {
	current, err := user.Current()
	return err == nil && current.Uid == "S-1-5-18"
}

// contain puts this process, and so all that it starts, into a job that ends with
// it, at a low priority.
func contain() error {
	job, err := windows.CreateJobObject(nil, nil) // its handle is closed by the end of the process
	if err != nil {
		return err
	}
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{BasicLimitInformation: windows.JOBOBJECT_BASIC_LIMIT_INFORMATION{
		LimitFlags:    windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | windows.JOB_OBJECT_LIMIT_PRIORITY_CLASS,
		PriorityClass: windows.BELOW_NORMAL_PRIORITY_CLASS,
	}}
	if _, err := windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits))); err != nil {
		return err
	}
	return windows.AssignProcessToJobObject(job, windows.CurrentProcess())
}

// endAll ends what is left in this process's job but the process itself, over and
// over, as what ends may have begun more. What is left even so ends with the job.
func endAll(int) {
	late := time.After(endAllWithin)
	for {
		others := false
		for _, id := range ofJob() {
			if id == uintptr(windows.GetCurrentProcessId()) {
				continue
			}
			others = true
			if process, err := windows.OpenProcess(windows.PROCESS_TERMINATE, false, uint32(id)); err == nil { //nolint:gosec // it is a DWORD
				_ = windows.TerminateProcess(process, 1)
				_ = windows.CloseHandle(process)
			}
		}
		if !others {
			return
		}
		select {
		case <-late:
			return
		case <-time.After(10 * time.Millisecond): // they are not gone at once
		}
	}
}

// ofJob gives the processes of this one's job.
func ofJob() []uintptr {
	for room := 1 << 10; ; room *= 2 {
		// JOBOBJECT_BASIC_PROCESS_ID_LIST: two numbers of 32 bits, of processes in the
		// job and of those listed, and then the list.
		list := make([]uint64, 1+room)
		err := windows.QueryInformationJobObject(0, windows.JobObjectBasicProcessIdList, // 0: of the calling process
			uintptr(unsafe.Pointer(&list[0])), uint32(len(list)*8), nil) //nolint:gosec // far less than 4 GiB
		if errors.Is(err, windows.ERROR_MORE_DATA) && room < 1<<20 {
			continue
		}
		if err != nil {
			return nil
		}
		listed := (*[2]uint32)(unsafe.Pointer(&list[0]))[1]
		return unsafe.Slice((*uintptr)(unsafe.Pointer(&list[1])), listed)
	}
}

// askToEnd ends the script: a process without a window cannot be asked.
func askToEnd(leader *os.Process) { _ = leader.Kill() }

func end(leader *os.Process) { _ = leader.Kill() }

// command runs the script by Windows PowerShell, which every Windows has.
func (j *Job) command(folder string) (*exec.Cmd, error) {
	file, err := j.write(folder, "script.ps1")
	if err != nil {
		return nil, err
	}
	policy, err := j.policy()
	if err != nil {
		return nil, err
	}
	if policy == allSigned {
		if err := verifySigned(file); err != nil {
			return nil, err
		}
	}
	system := "System32"
	if j.RunAs32Bit {
		system = "SysWOW64"
	}
	windowsFolder, err := windows.GetSystemWindowsDirectory()
	if err != nil {
		return nil, err
	}
	program := filepath.Join(windowsFolder, system, "WindowsPowerShell", "v1.0", "powershell.exe")
	cmd := &exec.Cmd{
		Path: program, Dir: folder, Env: os.Environ(),
		Args:        []string{program, "-NoProfile", "-NonInteractive", "-NoLogo", "-ExecutionPolicy", policy, "-File", file},
		SysProcAttr: &syscall.SysProcAttr{CreationFlags: windows.CREATE_NO_WINDOW},
	}
	if j.Account.Switch {
		var token windows.Token
		if err := windows.WTSQueryUserToken(windows.WTSGetActiveConsoleSessionId(), &token); err != nil {
			return nil, err
		}
		cmd.SysProcAttr.Token = syscall.Token(token)
		if cmd.Env, err = token.Environ(false); err != nil {
			return nil, err
		}
	}
	cmd.Env = append(cmd.Env, "TEMP="+folder, "TMP="+folder) // the last of a name counts
	return cmd, nil
}
