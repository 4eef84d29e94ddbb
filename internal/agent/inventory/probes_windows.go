package inventory

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// probes are those of this machine.
func probes() []probe {
	system := filepath.Join(os.Getenv("SystemRoot"), "System32")
	if dir, err := windows.GetSystemDirectory(); err == nil {
		system = dir
	}
	return windowsMachine{
		run:        command(),
		powershell: filepath.Join(system, `WindowsPowerShell\v1.0\powershell.exe`),
		version:    windowsVersion,
		size:       volumeSize, volume: filepath.VolumeName(system) + `\`,
		users: users,
	}.probes()
}

// windowsVersion gives, say, 10.0.22631.4317. What is behind the build is only in the
// registry: the updates.
func windowsVersion() (string, error) {
	v := windows.RtlGetVersion()
	version := fmt.Sprintf("%d.%d.%d", v.MajorVersion, v.MinorVersion, v.BuildNumber)
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, `SOFTWARE\Microsoft\Windows NT\CurrentVersion`, registry.QUERY_VALUE)
	if err != nil {
		return version, err
	}
	defer key.Close()
	revision, _, err := key.GetIntegerValue("UBR")
	if err != nil {
		return version, err
	}
	return fmt.Sprintf("%s.%d", version, revision), nil
}

func volumeSize(path string) (total, free int64, err error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, 0, err
	}
	var available, size uint64
	if err := windows.GetDiskFreeSpaceEx(name, &available, &size, nil); err != nil {
		return 0, 0, fmt.Errorf("the size of %s: %w", path, err)
	}
	return int64(min(size, math.MaxInt64)), int64(min(available, math.MaxInt64)), nil
}

// users tells who is signed in at the console, which only the system's own account
// learns, and who last signed in.
func users() (windowsUsers, error) {
	found := windowsUsers{principalNames: principalName}
	if sid := consoleSID(); sid != nil {
		found.console.sid = sid.String()
		if name, domain, _, err := sid.LookupAccount(""); err == nil {
			found.console.name = domain + `\` + name
		}
	}
	key, err := registry.OpenKey(registry.LOCAL_MACHINE,
		`SOFTWARE\Microsoft\Windows\CurrentVersion\Authentication\LogonUI`, registry.QUERY_VALUE)
	if err != nil {
		return found, err
	}
	defer key.Close()
	// A value that is not there is empty: nobody has signed in yet.
	found.last.sid, _, _ = key.GetStringValue("LastLoggedOnUserSID")
	found.last.name, _, _ = key.GetStringValue("LastLoggedOnSAMUser")
	found.last.displayName, _, _ = key.GetStringValue("LastLoggedOnDisplayName")
	return found, nil
}

// consoleSID gives who is signed in at the console, or nil.
func consoleSID() *windows.SID {
	var token windows.Token
	if err := windows.WTSQueryUserToken(windows.WTSGetActiveConsoleSessionId(), &token); err != nil {
		return nil
	}
	defer token.Close()
	user, err := token.GetTokenUser()
	if err != nil {
		return nil
	}
	return user.User.Sid
}

func signedIn(context.Context) (name string, err error) {
	sid := consoleSID()
	if sid == nil {
		return "", nobody()
	}
	name, domain, _, err := sid.LookupAccount("")
	return domain + `\` + name, err
}

// principalName gives the name that a user has in Entra ID, or "".
func principalName(sid string) string {
	key, err := registry.OpenKey(registry.LOCAL_MACHINE,
		`SOFTWARE\Microsoft\IdentityStore\Cache\`+sid+`\IdentityCache\`+sid, registry.QUERY_VALUE)
	if err != nil {
		return ""
	}
	defer key.Close()
	name, _, _ := key.GetStringValue("UserName")
	return name
}

// hideWindow has no window flash up on the screen of who runs the agent.
func hideWindow(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{HideWindow: true, CreationFlags: windows.CREATE_NO_WINDOW}
}
