package inventory

import (
	"cmp"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"

	"plimsoll"
)

// known gives what a maker wrote of its machine, or nothing where that is what the
// firmware came with: a serial number that a thousand machines have names none.
func known(text string) string {
	folded := strings.ToLower(strings.Trim(text, " ."))
	isCount := len(folded) > 5 && strings.Contains("01234567890", folded)
	if folded == "" || isCount || strings.Trim(folded, folded[:1]) == "" || slices.Contains([]string{ // such as 00000000
		"to be filled by o.e.m", "to be filled by oem", "default string", "$(default_string)", "default",
		"system manufacturer", "system product name", "system serial number", "system version",
		"not specified", "not applicable", "not available", "not defined", "undefined", "unknown",
		"none", "null", "n/a", "na", "o.e.m", "oem", "invalid", "empty",
	}, folded) {
		return ""
	}
	return text
}

// linuxHardware gives a text that the firmware has of the machine: by DMI
// (Documentation/ABI/stable/sysfs-firmware-dmi of the kernel), or by the device tree
// of a board without it. "" is a text that it does not have.
func linuxHardware(root fs.FS, dmi, deviceTree string) (string, error) {
	text, err := read(root, "sys/class/dmi/id/"+dmi)
	return cmp.Or(known(trim(text)), known(readLine(root, "proc/device-tree/"+deviceTree))), err
}

// parseMemInfo gives the memory that Linux has, in bytes, by /proc/meminfo (proc(5)).
func parseMemInfo(text string) (int64, error) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "MemTotal:" {
			continue
		}
		if kib, err := strconv.ParseInt(fields[1], 10, 64); err == nil && 0 <= kib && kib <= math.MaxInt64>>10 {
			return kib << 10, nil
		}
	}
	return 0, plimsoll.Errorf(plimsoll.Invalid, "/proc/meminfo has no MemTotal.")
}

// platform is what a Mac says of itself.
type platform struct{ manufacturer, model, serial string }

// parseIOReg reads what ioreg prints of the class IOPlatformExpertDevice. A value
// is "text", or <"text"> where the registry holds it as data.
func parseIOReg(text []byte) (platform, error) {
	values := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, found := strings.Cut(strings.Trim(line, " |\r\n"), " = ")
		value, isText := strings.CutPrefix(strings.TrimPrefix(value, "<"), `"`)
		if value, _, closed := strings.Cut(value, `"`); found && isText && closed {
			values[strings.Trim(name, `"`)] = value
		}
	}
	p := platform{known(values["manufacturer"]), known(values["model"]), known(values["IOPlatformSerialNumber"])}
	if p == (platform{}) {
		return p, plimsoll.Errorf(plimsoll.Invalid, "ioreg tells no manufacturer, model or serial number.")
	}
	return p, nil
}
