package inventory

import (
	"context"
	"os/user"

	"plimsoll"
)

// macMachine is what the probes of macOS ask.
type macMachine struct {
	run     runner
	version func() (string, error)
	memory  func() (uint64, error)                           // in bytes
	size    func(path string) (total, free int64, err error) // of the volume, in bytes
	volume  string                                           // where people's files are
	console func() (uid string, err error)                   // who has the screen; root if nobody is signed in
	lookup  func(uid string) (*user.User, error)
}

func (m macMachine) probes() []probe {
	return []probe{
		{"computer name", m.askName},
		{"host name", askHostname},
		{"operating system", func(_ context.Context, inv *plimsoll.Inventory) (err error) {
			inv.OperatingSystem = "macOS"
			inv.OSVersion, err = m.version()
			return err
		}},
		{"hardware", m.askHardware},
		{"memory", func(_ context.Context, inv *plimsoll.Inventory) error {
			bytes, err := m.memory()
			inv.PhysicalMemory = int64(bytes) //nolint:gosec // what is beyond int64 is made 0 in the end
			return err
		}},
		askStorage(m.size, m.volume),
		{"encryption", func(ctx context.Context, inv *plimsoll.Inventory) error {
			text, err := m.run(ctx, "/usr/bin/fdesetup", "status")
			if err == nil {
				inv.IsEncrypted, err = parseFileVault(text)
			}
			return err
		}},
		{"network", func(ctx context.Context, inv *plimsoll.Inventory) error {
			text, err := m.run(ctx, "/usr/sbin/networksetup", "-listallhardwareports")
			if err != nil {
				return err
			}
			ports, err := parseHardwarePorts(text)
			setMACs(inv, ports)
			return err
		}},
		{"user", m.askUser},
	}
}

// askName learns the name that people gave the computer: the host name is made of
// it, or by the network.
func (m macMachine) askName(ctx context.Context, inv *plimsoll.Inventory) error {
	text, err := m.run(ctx, "/usr/sbin/scutil", "--get", "ComputerName")
	inv.DeviceName = clean(string(text))
	return err
}

func (m macMachine) askHardware(ctx context.Context, inv *plimsoll.Inventory) error {
	text, err := m.run(ctx, "/usr/sbin/ioreg", "-rd1", "-w0", "-c", "IOPlatformExpertDevice")
	if err != nil {
		return err
	}
	p, err := parseIOReg(text)
	inv.Manufacturer, inv.Model, inv.SerialNumber = p.manufacturer, p.model, p.serial
	return err
}

// askUser takes who has the screen for the one who has the machine, or else the
// only person with an account.
func (m macMachine) askUser(ctx context.Context, inv *plimsoll.Inventory) error {
	uid, err := m.console()
	if err != nil {
		return err
	}
	if !isMacHuman(uid) {
		text, err := m.run(ctx, "/usr/bin/dscl", ".", "-list", "/Users", "UniqueID")
		if err != nil {
			return err
		}
		if uid = parseMacUsers(text); uid == "" {
			return nil
		}
	}
	u, err := m.lookup(uid)
	if err != nil {
		return err
	}
	inv.UserID, inv.UserPrincipalName, inv.UserDisplayName = u.Uid, u.Username, u.Name
	return nil
}
