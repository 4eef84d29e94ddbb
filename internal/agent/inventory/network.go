package inventory

import (
	"cmp"
	"encoding/hex"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"plimsoll"
)

// port is a physical network interface.
type port struct {
	name, mac string
	wireless  bool
}

// setMACs tells the first Ethernet port and the first Wi-Fi port, by name and not by
// which is up: what is connected changes all day, and the inventory should not.
func setMACs(inv *plimsoll.Inventory, ports []port) {
	slices.SortStableFunc(ports, func(a, b port) int { return compareNames(a.name, b.name) })
	for _, p := range ports {
		if mac := formatMAC(p.mac); p.wireless {
			inv.WiFiMAC = cmp.Or(inv.WiFiMAC, mac)
		} else {
			inv.EthernetMAC = cmp.Or(inv.EthernetMAC, mac)
		}
	}
}

// compareNames orders names with numbers by these: en9 is before en10.
func compareNames(a, b string) int {
	for {
		aStem, aNumber, aRest := cutNumber(a)
		bStem, bNumber, bRest := cutNumber(b)
		order := cmp.Or(strings.Compare(aStem, bStem), cmp.Compare(aNumber, bNumber))
		if order != 0 || aRest == "" && bRest == "" {
			return order
		}
		a, b = aRest, bRest
	}
}

// cutNumber parts a name at its first number, which is 0 if it has none.
func cutNumber(name string) (stem string, number uint64, rest string) {
	const digits = "0123456789"
	at := strings.IndexAny(name, digits)
	if at < 0 {
		return name, 0, ""
	}
	rest = strings.TrimLeft(name[at:], digits)
	number, _ = strconv.ParseUint(name[at:len(name)-len(rest)], 10, 64) // the highest if it is higher
	return name[:at], number, rest
}

// formatMAC gives an address as Graph shows it: upper-case hex without separators.
// What is no address of one machine is "".
func formatMAC(text string) string {
	octets, err := hex.DecodeString(strings.NewReplacer(":", "", "-", "").Replace(strings.TrimSpace(text)))
	if err != nil || len(octets) != 6 || octets[0]&1 != 0 || !slices.ContainsFunc(octets, func(b byte) bool { return b != 0 }) {
		return ""
	}
	return strings.ToUpper(hex.EncodeToString(octets))
}

// linuxPorts finds the physical interfaces in sysfs
// (Documentation/ABI/testing/sysfs-class-net of the kernel).
func linuxPorts(root fs.FS) ([]port, error) {
	const class = "sys/class/net"
	entries, err := fs.ReadDir(root, class)
	if err != nil {
		return nil, err
	}
	var ports []port
	for _, entry := range entries {
		dir := path.Join(class, entry.Name())
		kind := parseAssignments(readLine(root, path.Join(dir, "uevent")))["DEVTYPE"] // none of Ethernet
		wireless := kind == "wlan" || exists(root, path.Join(dir, "wireless"))
		// What is virtual has no device; 1 is ARPHRD_ETHER; Bluetooth and mobile
		// broadband call themselves Ethernet too, but not by their kind.
		if !exists(root, path.Join(dir, "device")) || readLine(root, path.Join(dir, "type")) != "1" || !wireless && kind != "" {
			continue
		}
		ports = append(ports, port{entry.Name(), cmp.Or( // the maker's, rather than one taken for a while
			readLine(root, path.Join(dir, "phy80211/macaddress")),
			readLine(root, path.Join(dir, "bonding_slave/perm_hwaddr")),
			readLine(root, path.Join(dir, "address")),
		), wireless})
	}
	return ports, nil
}

// parseHardwarePorts reads what networksetup -listallhardwareports prints.
func parseHardwarePorts(text []byte) ([]port, error) {
	var ports []port
	var hardware, device string
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch name {
		case "Hardware Port":
			hardware, device = value, ""
		case "Device":
			device = value
		case "Ethernet Address":
			p := port{device, value, hardware == "Wi-Fi" || hardware == "AirPort"}
			if strings.HasPrefix(device, "en") && (p.wireless || isMacEthernet(hardware, value)) {
				ports = append(ports, p)
			}
		}
	}
	if hardware == "" {
		return nil, plimsoll.Errorf(plimsoll.Invalid, "networksetup lists no hardware port.")
	}
	return ports, nil
}

// isMacEthernet tells an Ethernet port of a Mac from those that only look like one.
// Thunderbolt's bridge members and the ports that Apple's chips keep for themselves,
// "Ethernet Adapter (en4)", have addresses that are locally administered (IEEE 802,
// the second bit of the first octet).
func isMacEthernet(hardware, mac string) bool {
	for _, other := range []string{"Bluetooth", "iPhone", "iPad", "FireWire"} {
		if strings.HasPrefix(hardware, other) {
			return false
		}
	}
	mac = formatMAC(mac)
	return mac != "" && strings.ContainsRune("048C", rune(mac[1]))
}
