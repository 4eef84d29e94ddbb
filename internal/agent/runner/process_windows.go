package runner

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// apart keeps Ctrl-C, which is meant for the agent, from its supervisors.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.CREATE_NO_WINDOW}
}

// named gives the account of a user who is signed in at the console.
func named(name string) (Account, error) {
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

// own lets the user into the run's folder.
func (a *Account) own(folder string, _ ...string) error {
	if !a.Switch {
		return Restrict(folder)
	}
	sid, _, _, err := windows.LookupSID("", a.Name)
	if err != nil {
		return err
	}
	return restrict(folder, sid.String())
}

// Restrict keeps all but the system, administrators and its owner from a folder and
// what is in it: what folders of the system hold, every user may read.
func Restrict(folder string) error { return restrict(folder, "OW") }

func restrict(folder, user string) error {
	descriptor, err := windows.SecurityDescriptorFromString("D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;" + user + ")")
	if err != nil {
		return err
	}
	acl, _, err := descriptor.DACL()
	if err != nil {
		return err
	}
	return windows.SetNamedSecurityInfo(folder, windows.SE_FILE_OBJECT,
		windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, acl, nil)
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

// processList is JOBOBJECT_BASIC_PROCESS_ID_LIST.
type processList struct {
	assigned, listed uint32
	ids              [1024]uintptr
}

// endAll ends what is left in this process's job but the process itself, a few
// times over, as what ends may have begun more. What is left even so ends with the
// job.
func endAll(int) {
	self := uintptr(windows.GetCurrentProcessId())
	for range 10 {
		var list processList // of the calling process's own job, as no other is named
		if windows.QueryInformationJobObject(0, windows.JobObjectBasicProcessIdList,
			uintptr(unsafe.Pointer(&list)), uint32(unsafe.Sizeof(list)), nil) != nil {
			return
		}
		others := 0
		for _, id := range list.ids[:list.listed] {
			if id == self {
				continue
			}
			others++
			if process, err := windows.OpenProcess(windows.PROCESS_TERMINATE, false, uint32(id)); err == nil {
				_ = windows.TerminateProcess(process, 1)
				_ = windows.CloseHandle(process)
			}
		}
		if others == 0 {
			return
		}
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
	system, policy := "System32", "Bypass"
	if j.RunAs32Bit {
		system = "SysWOW64"
	}
	if j.AllSigned {
		policy = "AllSigned"
	}
	windowsFolder, err := windows.GetSystemWindowsDirectory()
	if err != nil {
		return nil, err
	}
	program := filepath.Join(windowsFolder, system, "WindowsPowerShell", "v1.0", "powershell.exe")
	cmd := &exec.Cmd{
		Path: program, Dir: folder, Env: append(os.Environ(), "TEMP="+folder, "TMP="+folder),
		Args:        []string{program, "-NoProfile", "-NonInteractive", "-NoLogo", "-ExecutionPolicy", policy, "-File", file},
		SysProcAttr: &syscall.SysProcAttr{CreationFlags: windows.CREATE_NO_WINDOW},
	}
	if !j.Account.Switch {
		return cmd, nil
	}
	var token windows.Token
	if err := windows.WTSQueryUserToken(windows.WTSGetActiveConsoleSessionId(), &token); err != nil {
		return nil, err
	}
	cmd.SysProcAttr.Token = syscall.Token(token)
	if cmd.Env, err = token.Environ(false); err != nil {
		return nil, err
	}
	return cmd, nil
}
