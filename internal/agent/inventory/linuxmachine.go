package inventory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"

	"plimsoll"
)

// linuxMachine is what the probes of Linux ask.
type linuxMachine struct {
	root fs.FS
	run  runner
	size func(path string) (total, free int64, err error) // of the volume, in bytes
}

func (l linuxMachine) probes() []probe {
	volume, mounted := systemVolume(l.root)
	return []probe{
		{"host name", askHostname},
		{"operating system", l.askSystem},
		{"hardware", l.askHardware},
		{"memory", l.askMemory},
		askStorage(l.size, volume),
		{"encryption", func(ctx context.Context, inv *plimsoll.Inventory) (err error) {
			inv.IsEncrypted, err = l.isEncrypted(ctx, mounted)
			return err
		}},
		{"network", func(_ context.Context, inv *plimsoll.Inventory) error {
			ports, err := linuxPorts(l.root)
			setMACs(inv, ports)
			return err
		}},
		{"user", l.askUser},
	}
}

func (l linuxMachine) askSystem(_ context.Context, inv *plimsoll.Inventory) error {
	release := cmp.Or(readLine(l.root, "etc/os-release"), readLine(l.root, "usr/lib/os-release"))
	inv.OperatingSystem = "Linux"
	inv.OSVersion = linuxVersion(parseAssignments(release),
		readLine(l.root, "etc/debian_version"), readLine(l.root, "proc/sys/kernel/osrelease"))
	if inv.OSVersion == "" {
		return plimsoll.Errorf(plimsoll.Invalid, "neither os-release nor the kernel tells a version.")
	}
	return nil
}

// askHardware fails in part where the agent is not root: the serial number is for
// root alone.
func (l linuxMachine) askHardware(_ context.Context, inv *plimsoll.Inventory) error {
	var errs [3]error
	inv.Manufacturer, errs[0] = linuxHardware(l.root, "sys_vendor", "vendor")
	inv.Model, errs[1] = linuxHardware(l.root, "product_name", "model")
	inv.SerialNumber, errs[2] = linuxHardware(l.root, "product_serial", "serial-number")
	return errors.Join(errs[:]...)
}

func (l linuxMachine) askMemory(_ context.Context, inv *plimsoll.Inventory) error {
	text, err := read(l.root, "proc/meminfo")
	if err == nil {
		inv.PhysicalMemory, err = parseMemInfo(text)
	}
	return err
}

func (l linuxMachine) isEncrypted(ctx context.Context, m mount) (bool, error) {
	if m.fsType != "zfs" {
		return isEncrypted(l.root, m)
	}
	text, err := l.run(ctx, "zfs", "get", "-H", "-o", "value", "encryption", m.source)
	if err != nil {
		return false, err
	}
	return parseZFSEncryption(text)
}

// askUser takes who sits at the machine for the one who has it, or else the only
// person with an account.
func (l linuxMachine) askUser(ctx context.Context, inv *plimsoll.Inventory) error {
	text, err := read(l.root, "etc/passwd")
	accounts := parsePasswd(text)
	has, lookupErr := l.atSeat(ctx, accounts)
	if has == nil {
		has = soleHuman(accounts)
	}
	if has != nil {
		has.set(inv)
	}
	return errors.Join(err, lookupErr)
}

// atSeat gives who sits at the machine, or nil.
func (l linuxMachine) atSeat(ctx context.Context, accounts []account) (_ *account, err error) {
	for _, uid := range seated(l.root) {
		a, lookupErr := l.lookup(ctx, accounts, uid)
		err = errors.Join(err, lookupErr)
		if a != nil && a.signsIn && uid >= firstHuman {
			return a, err
		}
	}
	return nil, err
}

func (l linuxMachine) signedIn(ctx context.Context) (name string, err error) {
	text, _ := read(l.root, "etc/passwd") // without it, a directory may know them
	a, err := l.atSeat(ctx, parsePasswd(text))
	switch {
	case a != nil:
		return a.name, nil
	case err != nil:
		return "", fmt.Errorf("who is signed in cannot be looked up: %w", err)
	default:
		return "", nobody()
	}
}

// lookup gives the account with a number: one of the machine, or of a directory such
// as LDAP, which may have any number.
func (l linuxMachine) lookup(ctx context.Context, accounts []account, uid int64) (*account, error) {
	isIt := func(a account) bool { return a.uid == uid }
	if i := slices.IndexFunc(accounts, isIt); i >= 0 {
		return &accounts[i], nil
	}
	text, err := l.run(ctx, "getent", "passwd", strconv.FormatInt(uid, 10))
	if err != nil {
		return nil, err
	}
	accounts = parsePasswd(string(text))
	if i := slices.IndexFunc(accounts, isIt); i >= 0 {
		return &accounts[i], nil
	}
	return nil, plimsoll.Errorf(plimsoll.Invalid, "getent knows no account with the number %d.", uid)
}
