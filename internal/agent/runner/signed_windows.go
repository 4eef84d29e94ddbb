package runner

import (
	"errors"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"

	"plimsoll"
)

// Of PowerShell's execution policies.
const (
	allSigned  = "AllSigned"
	bypass     = "Bypass"
	restricted = "Restricted"
)

// policy gives the execution policy under which a script runs. One of the machine's
// administrators overrules that of the command line, and what PowerShell refuses by it
// ends with exit code 1, which is to mean something else: it is kept to before.
func (j *Job) policy() (string, error) {
	ruled, err := j.groupPolicy()
	if err != nil {
		return "", err
	}
	needsNone := slices.ContainsFunc([]string{"", bypass, "Unrestricted", "RemoteSigned"}, func(p string) bool { return strings.EqualFold(p, ruled) })
	switch {
	case !needsNone && !strings.EqualFold(ruled, allSigned): // Restricted, or what PowerShell takes for it
		return "", plimsoll.Errorf(plimsoll.Forbidden, "by this machine's group policy, PowerShell runs no scripts")
	case j.AllSigned || !needsNone:
		return allSigned, nil
	}
	return bypass, nil
}

// groupPolicy gives the execution policy of the machine's group policy or else the
// account's, or "" (about_Group_Policy_Settings: Turn on Script Execution).
func (j *Job) groupPolicy() (string, error) {
	const path = `Software\Policies\Microsoft\Windows\PowerShell`
	user, under := registry.CURRENT_USER, path
	if j.Account.Switch {
		sid, _, _, err := windows.LookupSID("", j.Account.Name)
		if err != nil {
			return "", err
		}
		user, under = registry.USERS, sid.String()+`\`+path
	}
	ruled, err := turnedOn(registry.LOCAL_MACHINE, path)
	if ruled != "" || err != nil {
		return ruled, err
	}
	return turnedOn(user, under)
}

func turnedOn(root registry.Key, path string) (string, error) {
	key, err := registry.OpenKey(root, path, registry.QUERY_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer key.Close()
	enabled, _, err := key.GetIntegerValue("EnableScripts")
	if err == nil && enabled == 0 {
		return restricted, nil
	}
	var policy string
	if err == nil && enabled == 1 {
		policy, _, err = key.GetStringValue("ExecutionPolicy")
	}
	if errors.Is(err, registry.ErrNotExist) {
		return "", nil
	}
	return policy, err
}

// verifySigned refuses a script that the policy AllSigned refuses: one without an
// Authenticode signature that holds, of a publisher among the machine's trusted ones.
// Whether the certificate was revoked is not asked, as PowerShell does not.
func verifySigned(file string) error {
	path, err := windows.UTF16PtrFromString(file)
	if err != nil {
		return err
	}
	info := windows.WinTrustFileInfo{Size: uint32(unsafe.Sizeof(windows.WinTrustFileInfo{})), FilePath: path}
	data := windows.WinTrustData{
		Size: uint32(unsafe.Sizeof(windows.WinTrustData{})), UIChoice: windows.WTD_UI_NONE,
		RevocationChecks: windows.WTD_REVOKE_NONE, ProvFlags: windows.WTD_REVOCATION_CHECK_NONE,
		UnionChoice: windows.WTD_CHOICE_FILE, FileOrCatalogOrBlobOrSgnrOrCert: unsafe.Pointer(&info),
		StateAction: windows.WTD_STATEACTION_VERIFY,
	}
	action := windows.WINTRUST_ACTION_GENERIC_VERIFY_V2
	err = windows.WinVerifyTrustEx(windows.InvalidHWND, &action, &data)
	defer func() {
		data.StateAction = windows.WTD_STATEACTION_CLOSE
		_ = windows.WinVerifyTrustEx(windows.InvalidHWND, &action, &data)
	}()
	if err != nil {
		return plimsoll.Errorf(plimsoll.Forbidden, "its Authenticode signature does not hold: %v", err)
	}
	return isTrusted(data.StateData)
}

// isTrusted refuses what the certificate signed that is not among those of trusted
// publishers. Of an account's store, the machine's is part.
func isTrusted(state windows.Handle) error {
	signer, err := signerOf(state)
	if err != nil {
		return err
	}
	name, err := windows.UTF16PtrFromString("TrustedPublisher")
	if err != nil {
		return err
	}
	store, err := windows.CertOpenStore(windows.CERT_STORE_PROV_SYSTEM, 0, 0,
		windows.CERT_SYSTEM_STORE_CURRENT_USER|windows.CERT_STORE_READONLY_FLAG, uintptr(unsafe.Pointer(name)))
	if err != nil {
		return err
	}
	defer func() { _ = windows.CertCloseStore(store, 0) }()
	found, err := windows.CertFindCertificateInStore(store, windows.X509_ASN_ENCODING|windows.PKCS_7_ASN_ENCODING, 0,
		windows.CERT_FIND_EXISTING, unsafe.Pointer(signer), nil)
	if err != nil {
		return plimsoll.Errorf(plimsoll.Forbidden, "its signature holds, but its publisher is none of the trusted publishers of this machine: %v", err)
	}
	return windows.CertFreeCertificateContext(found)
}

// signerOf gives the certificate by which a verified file was signed. It is the
// verification's, and closed with it.
func signerOf(state windows.Handle) (*windows.CertContext, error) {
	wintrust := windows.NewLazySystemDLL("wintrust.dll")
	at := uintptr(state)
	for _, step := range []struct {
		name string
		args []uintptr
	}{
		{"WTHelperProvDataFromStateData", nil},
		{"WTHelperGetProvSignerFromChain", []uintptr{0, 0, 0}}, // the first signer, who signed no signature
		{"WTHelperGetProvCertFromChain", []uintptr{0}},         // at whom the chain begins
	} {
		if at, _, _ = wintrust.NewProc(step.name).Call(append([]uintptr{at}, step.args...)...); at == 0 {
			return nil, plimsoll.Errorf(plimsoll.Forbidden, "its signature does not say whose it is")
		}
	}
	// CRYPT_PROVIDER_CERT begins so (wintrust.h).
	type providerCert struct {
		_       uint32 // its size
		context *windows.CertContext
	}
	return (*(**providerCert)(unsafe.Pointer(&at))).context, nil
}
