package runner

import (
	"golang.org/x/sys/windows"

	"plimsoll"
)

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

// Restrict keeps all but the system and administrators from a folder and what is in
// it, for what folders of the system hold, every user may read; where the agent is
// none of those, all but them and the folder's owner. It refuses a folder that is
// another user's, and a link: whoever owns a folder says who may do what in it.
func Restrict(folder string) error { return restrict(folder, "") }

func restrict(folder, user string) error {
	admins, err := windows.CreateWellKnownSid(windows.WinBuiltinAdministratorsSid)
	if err != nil {
		return err
	}
	isAdmin, err := windows.Token(0).IsMember(admins) // not where they are but could be
	if err != nil {
		return err
	}
	access := uint32(windows.READ_CONTROL | windows.WRITE_DAC | windows.FILE_READ_ATTRIBUTES | windows.FILE_LIST_DIRECTORY)
	parts := windows.SECURITY_INFORMATION(windows.DACL_SECURITY_INFORMATION | windows.PROTECTED_DACL_SECURITY_INFORMATION)
	rights := "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"
	if isAdmin {
		access, parts = access|windows.WRITE_OWNER, parts|windows.OWNER_SECURITY_INFORMATION
	} else {
		admins, user = nil, "OW"
	}
	if user != "" {
		rights += "(A;OICI;FA;;;" + user + ")"
	}
	descriptor, err := windows.SecurityDescriptorFromString(rights)
	if err != nil {
		return err
	}
	acl, _, err := descriptor.DACL()
	if err != nil {
		return err
	}
	handle, err := openOwned(folder, access)
	if err != nil {
		return err
	}
	defer func() { _ = windows.CloseHandle(handle) }()
	return windows.SetSecurityInfo(handle, windows.SE_FILE_OBJECT, parts, admins, nil, acl, nil)
}

// openOwned opens a folder itself, of which nobody can make another meanwhile, and
// refuses one of another user.
func openOwned(folder string, access uint32) (windows.Handle, error) {
	path, err := windows.UTF16PtrFromString(folder)
	if err != nil {
		return 0, err
	}
	handle, err := windows.CreateFile(path, access, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE, nil,
		windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS|windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if err != nil {
		return 0, plimsoll.Errorf(plimsoll.Forbidden, "the rights in %s cannot be changed: %v", folder, err)
	}
	if err := checkOwned(folder, handle); err != nil {
		_ = windows.CloseHandle(handle)
		return 0, err
	}
	return handle, nil
}

func checkOwned(folder string, handle windows.Handle) error {
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(handle, &info); err != nil {
		return err
	}
	const link = windows.FILE_ATTRIBUTE_REPARSE_POINT
	if info.FileAttributes&(windows.FILE_ATTRIBUTE_DIRECTORY|link) != windows.FILE_ATTRIBUTE_DIRECTORY {
		return plimsoll.Errorf(plimsoll.Forbidden, "%s is no folder, but a link or a file: remove it, or use another folder", folder)
	}
	descriptor, err := windows.GetSecurityInfo(handle, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return err
	}
	owner, _, err := descriptor.Owner()
	if err != nil {
		return err
	}
	current, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return err
	}
	if !owner.IsWellKnown(windows.WinLocalSystemSid) && !owner.IsWellKnown(windows.WinBuiltinAdministratorsSid) && !owner.Equals(current.User.Sid) {
		return plimsoll.Errorf(plimsoll.Forbidden, "%s belongs to another user (%s), who could change what is in it: remove it, or use another folder", folder, owner)
	}
	return nil
}
