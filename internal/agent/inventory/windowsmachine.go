package inventory

import (
	"bytes"
	"cmp"
	"context"
	_ "embed" // the script
	"encoding/json"
	"errors"
	"fmt"

	"plimsoll"
)

//go:embed windows.ps1
var windowsScript string

// windowsMachine is what the probes of Windows ask.
type windowsMachine struct {
	run        runner
	powershell string // its path
	version    func() (string, error)
	size       func(path string) (total, free int64, err error) // of the volume, in bytes
	volume     string                                           // the system's, such as C:\
	users      func() (windowsUsers, error)
}

// windowsUsers are those who may have a machine. What is empty is unknown.
type windowsUsers struct {
	console, last  windowsUser // who is signed in at the console, and who last signed in
	principalNames func(sid string) string
}

type windowsUser struct{ sid, name, displayName string }

func (w windowsMachine) probes() []probe {
	return []probe{
		{"host name", askHostname},
		{"operating system", func(_ context.Context, inv *plimsoll.Inventory) (err error) {
			inv.OperatingSystem = "Windows"
			inv.OSVersion, err = w.version()
			return err
		}},
		askStorage(w.size, w.volume),
		{"user", func(_ context.Context, inv *plimsoll.Inventory) error {
			users, err := w.users()
			users.set(inv)
			return err
		}},
		{"hardware, encryption and network", func(ctx context.Context, inv *plimsoll.Inventory) error {
			text, err := w.run(ctx, w.powershell,
				"-NoLogo", "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "RemoteSigned", "-Command", windowsScript)
			if err != nil {
				return err
			}
			answer, err := parseWindows(text)
			answer.set(inv)
			return err
		}},
	}
}

// set tells who is signed in at the console, or who last was.
func (u windowsUsers) set(inv *plimsoll.Inventory) {
	user := u.console
	switch user.sid {
	case "":
		user = u.last
	case u.last.sid:
		user.displayName = cmp.Or(user.displayName, u.last.displayName)
	}
	if user.sid == "" {
		return
	}
	inv.UserID, inv.UserDisplayName = user.sid, user.displayName
	inv.UserPrincipalName = cmp.Or(u.principalNames(user.sid), user.name)
}

// windowsAnswer is what the script prints.
type windowsAnswer struct {
	Manufacturer, Model, SerialNumber string
	PhysicalMemory                    int64 // in bytes
	ProtectionStatus                  int   // of Win32_EncryptableVolume: 1 is on, wholly encrypted and the key guarded
	Adapters                          []windowsAdapter
	Faults                            []string
}

// windowsAdapter is an MSFT_NetAdapter.
type windowsAdapter struct {
	Name, PermanentAddress, MacAddress string
	NdisPhysicalMedium                 int // NDIS_PHYSICAL_MEDIUM
}

// parseWindows reads what the script prints. What can be read of it is given with
// the error.
func parseWindows(text []byte) (windowsAnswer, error) {
	var answer windowsAnswer
	if err := json.Unmarshal(bytes.TrimPrefix(text, []byte("\uFEFF")), &answer); err != nil {
		return answer, fmt.Errorf("what PowerShell prints: %w", err)
	}
	var faults []error
	for _, fault := range answer.Faults {
		faults = append(faults, plimsoll.Errorf(plimsoll.Unavailable, "PowerShell says: %s", clean(fault)))
	}
	return answer, errors.Join(faults...)
}

func (a windowsAnswer) set(inv *plimsoll.Inventory) {
	inv.Manufacturer, inv.Model, inv.SerialNumber = known(trim(a.Manufacturer)), known(trim(a.Model)), known(trim(a.SerialNumber))
	inv.PhysicalMemory = a.PhysicalMemory
	inv.IsEncrypted = a.ProtectionStatus == 1
	var ports []port
	for _, adapter := range a.Adapters {
		p := port{name: adapter.Name, mac: cmp.Or(formatMAC(adapter.PermanentAddress), adapter.MacAddress)}
		switch adapter.NdisPhysicalMedium {
		case 0, 14: // unspecified, as in virtual machines, and 802.3
		case 1, 9: // wireless LAN and native 802.11
			p.wireless = true
		default: // Bluetooth, mobile broadband
			continue
		}
		ports = append(ports, p)
	}
	setMACs(inv, ports)
}
