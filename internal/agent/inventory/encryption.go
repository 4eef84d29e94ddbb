package inventory

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"plimsoll"
)

// mount is a line of mountinfo, proc_pid_mountinfo(5).
type mount struct {
	device string // major:minor; major 0 where the file system has no one device
	fsType string
	source string
}

// parseMountInfo gives what is mounted, by its place. Of several at one place the
// last covers the others.
func parseMountInfo(text string) map[string]mount {
	mounts := map[string]mount{}
	octal := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		dash := slices.Index(fields, "-") // behind optional fields
		if dash < 6 || len(fields) < dash+3 {
			continue
		}
		mounts[octal.Replace(fields[4])] = mount{fields[2], fields[dash+1], octal.Replace(fields[dash+2])}
	}
	return mounts
}

// systemVolume gives where the system's volume is mounted. Where a system is an
// image, as of OSTree, / is only a view of it, and the volume itself is /sysroot.
func systemVolume(root fs.FS) (string, mount) {
	text, _ := read(root, "proc/self/mountinfo") // without it, / is the best guess
	mounts := parseMountInfo(text)
	if m, ok := mounts["/sysroot"]; ok {
		return "/sysroot", m
	}
	return "/", mounts["/"]
}

// isEncrypted tells whether a mounted file system rests on encrypted devices alone:
// on LUKS, say, below LVM, RAID or btrfs. It walks the kernel's own tree of block
// devices, where lsblk would call dm-verity encryption as well.
func isEncrypted(root fs.FS, m mount) (bool, error) {
	name := blockDevice(root, m)
	if !exists(root, "sys/class/block/"+name) {
		return false, plimsoll.Errorf(plimsoll.Invalid, "the system's volume is on %q (%s), which is no block device.", m.source, m.fsType)
	}
	devices := []string{name}
	if m.fsType == "btrfs" {
		devices = btrfsDevices(root, name)
	}
	return allEncrypted(root, devices, 16), nil
}

// blockDevice gives the kernel's name of the device that is mounted, such as dm-0.
func blockDevice(root fs.FS, m mount) string {
	if !strings.HasPrefix(m.device, "0:") {
		name := parseAssignments(readLine(root, "sys/dev/block/"+m.device+"/uevent"))["DEVNAME"]
		return strings.ReplaceAll(name, "/", "!") // sysfs has no / in names
	}
	if mapped, ok := strings.CutPrefix(m.source, "/dev/mapper/"); ok {
		for _, name := range names(root, "sys/class/block") {
			if readLine(root, "sys/class/block/"+name+"/dm/name") == mapped {
				return name
			}
		}
	}
	if !strings.HasPrefix(m.source, "/dev/") {
		return "" // the path on another machine, say
	}
	if target, err := fs.ReadLink(root, m.source[1:]); err == nil { // of udev
		return path.Base(target)
	}
	return path.Base(m.source)
}

// btrfsDevices gives all devices of the btrfs that one of them belongs to.
func btrfsDevices(root fs.FS, name string) []string {
	for _, id := range names(root, "sys/fs/btrfs") {
		if devices := names(root, "sys/fs/btrfs/"+id+"/devices"); slices.Contains(devices, name) {
			return devices
		}
	}
	return []string{name}
}

// allEncrypted tells whether each of some devices is encrypted, or rests on devices
// that are. Depth bounds the walk.
func allEncrypted(root fs.FS, devices []string, depth int) bool {
	for _, name := range devices {
		dir := "sys/class/block/" + name
		if isCrypt(readLine(root, dir+"/dm/uuid")) {
			continue
		}
		below := names(root, dir+"/slaves")
		for _, disk := range names(root, "sys/block") {
			if exists(root, "sys/block/"+disk+"/"+name+"/partition") {
				below = []string{disk}
			}
		}
		if depth == 0 || len(below) == 0 || !allEncrypted(root, below, depth-1) {
			return false
		}
	}
	return len(devices) > 0
}

// isCrypt tells by its UUID whether device mapper encrypts a device. cryptsetup
// makes the UUIDs CRYPT-{type}-…, also where it only checks what is read.
func isCrypt(uuid string) bool {
	kind, ok := strings.CutPrefix(uuid, "CRYPT-")
	kind, _, _ = strings.Cut(kind, "-")
	return ok && !slices.Contains([]string{"VERITY", "INTEGRITY", "SUBDEV"}, kind)
}

// names gives what is in a directory; nothing if it cannot be read.
func names(root fs.FS, dir string) []string {
	entries, err := fs.ReadDir(root, dir)
	if err != nil {
		return nil
	}
	list := make([]string, len(entries))
	for i, entry := range entries {
		list[i] = entry.Name()
	}
	return list
}

// parseZFSEncryption reads what zfs get -H -o value encryption prints of a data set
// (zfsprops(7)).
func parseZFSEncryption(text []byte) (bool, error) {
	switch value := strings.TrimSpace(string(text)); {
	case value == "off", value == "-":
		return false, nil
	case value == "on", strings.HasPrefix(value, "aes-"):
		return true, nil
	default:
		return false, plimsoll.Errorf(plimsoll.Invalid, "zfs gives %q for encryption.", clean(value))
	}
}

// parseFileVault reads what fdesetup status prints. A disk that is on its way, to
// or from, is not encrypted.
func parseFileVault(text []byte) (bool, error) {
	status, more, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	switch {
	case strings.HasPrefix(status, "FileVault is On"):
		return !strings.Contains(more, "in progress"), nil
	case strings.HasPrefix(status, "FileVault is Off"):
		return false, nil
	}
	return false, plimsoll.Errorf(plimsoll.Invalid, "fdesetup says %q, which is neither on nor off.", clean(status))
}
