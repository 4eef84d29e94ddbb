package inventory

import (
	"context"
	"io/fs"
	"maps"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"plimsoll"
)

// tree makes files of their texts.
func tree(files map[string]string) fstest.MapFS {
	root := fstest.MapFS{}
	for name, text := range files {
		root[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return root
}

func TestLinuxVersion(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ release, debian, kernel, want string }{
		"Debian 12":           {"VERSION_ID=\"12\"\nVERSION=\"12 (bookworm)\"", "12.7\n", "6.1.0-25-amd64", "12.7"},
		"Debian testing":      {"PRETTY_NAME=\"Debian GNU/Linux trixie/sid\"", "trixie/sid\n", "6.10.11-amd64", "6.10.11"},
		"only alike":          {`VERSION_ID="1"`, "12.7\n", "", "1"},
		"Ubuntu 24.04":        {"VERSION_ID=\"24.04\"\nVERSION=\"24.04.1 LTS (Noble Numbat)\"", "trixie/sid\n", "", "24.04.1"},
		"Linux Mint":          {"VERSION_ID=\"22\"\nVERSION=\"22 (Wilma)\"", "trixie/sid\n", "", "22"},
		"RHEL":                {"VERSION=\"9.4 (Plow)\"\nVERSION_ID='9.4'", "", "5.14.0-427.13.1.el9_4.x86_64", "9.4"},
		"openSUSE Tumbleweed": {`VERSION_ID="20241112"`, "", "6.11.7-1-default", "20241112"},
		"NixOS":               {"BUILD_ID=\"24.05.6229.dba414932936\"\nVERSION_ID=\"24.05\"\nVERSION=\"24.05 (Uakari)\"", "", "", "24.05"},
		"a build of days":     {"BUILD_ID=2024.09.22\n", "", "6.11.6-arch1-1", "2024.09.22"},
		"Arch Linux":          {"# a comment=1\nBUILD_ID=rolling\n", "", "6.11.6-arch1-1\n", "6.11.6"},
		"Void":                {"ID=\"void\"", "", "6.6.54_1", "6.6.54"},
		"nothing":             {"", "", "", ""},
	} {
		if got := linuxVersion(parseAssignments(test.release), test.debian, test.kernel); got != test.want {
			t.Errorf("%s has the version %q, not %q", name, got, test.want)
		}
	}
}

func TestAssignments(t *testing.T) {
	t.Parallel()
	got := parseAssignments("A=\"say \\\"\\$5\\\" \\\\ \\`x\\`\"\r\n  B='a\\\"b'\n#C=1\nD=\nE\nF=\"\nG=a=b\nH=''\n")
	want := map[string]string{"A": "say \"$5\" \\ `x`", "B": `a\"b`, "D": "", "F": `"`, "G": "a=b", "H": ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPlaceholders(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "0", "To Be Filled By O.E.M.", "To be filled by O.E.M.", "Default string", "System Serial Number", "System manufacturer",
		"None", "Not Specified", "N/A", "00000000", "XXXXXXXX", "....", "123456789", "0123456789", "01234567", "O.E.M.",
	} {
		if got := known(text); got != "" {
			t.Errorf("%q is taken for known", text)
		}
	}
	for _, text := range []string{"Dell Inc.", "7XK4Q93", "PF3ABCDE", "System76", "100000003d1d1c36", "12345", "Nonesuch"} {
		if got := known(text); got != text {
			t.Errorf("%q is made %q", text, got)
		}
	}
}

func TestMemInfo(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"MemTotal:       24684084 kB\nMemFree: 1 kB\n": 24684084 << 10,
		"MemTotal:":                         -1,
		"MemFree: 1 kB":                     -1,
		"MemTotal: -5 kB":                   -1,
		"MemTotal: 9223372036854775807 kB":  -1,
		"MemTotal: 99999999999999999999 kB": -1,
	} {
		got, err := parseMemInfo(text)
		if (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("%q is %d, %v", text, got, err)
		}
	}
}

func TestFormatMAC(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"0a:1b:2c:3d:4e:5f\n": "0A1B2C3D4E5F",
		"8C-8C-AA-0B-1C-2D":   "8C8CAA0B1C2D",
		"8C8CAA0B1C2D":        "8C8CAA0B1C2D",
		"00:00:00:00:00:00":   "",
		"ff:ff:ff:ff:ff:ff":   "",
		"01:00:5e:00:00:01":   "", // a group
		"0a:1b:2c:3d:4e":      "",
		"0a:1b:2c:3d:4e:5g":   "",
		"N/A":                 "",
		"":                    "",
	} {
		if got := formatMAC(text); got != want {
			t.Errorf("%q is made %q, not %q", text, got, want)
		}
	}
}

// The choice does not hang on the order in which the system lists its ports.
func TestPortsAreChosenByName(t *testing.T) {
	t.Parallel()
	ports := []port{
		{"Ethernet 10", "00:00:00:00:00:10", false},
		{"Ethernet 2", "00:00:00:00:00:02", false},
		{"wlan1", "00:00:00:00:01:01", true},
		{"Ethernet", "", false}, // has no address
		{"wlan0", "00:00:00:00:01:00", true},
	}
	for range len(ports) {
		ports = append(ports[1:], ports[0])
		var inv plimsoll.Inventory
		setMACs(&inv, append([]port(nil), ports...))
		if inv.EthernetMAC != "000000000002" || inv.WiFiMAC != "000000000100" {
			t.Errorf("of %v the addresses are %q and %q", ports, inv.EthernetMAC, inv.WiFiMAC)
		}
	}
}

func TestFileVault(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"FileVault is On.\n":  "yes",
		"FileVault is Off.\n": "no",
		"FileVault is Off, but will be enabled after the next restart.\n":             "no",
		"FileVault is Off.\nDeferred enablement appears to be active for user 'ada'.": "no",
		"FileVault is On.\nEncryption in progress: Percent completed = 22.84\n":       "no",
		"FileVault is On.\nDecryption in progress: Percent completed = 3\n":           "no",
		"FileVault is On.\nFileVault master keychain appears to be installed.\n":      "yes",
		"Error: This command requires root.\n":                                        "unknown",
		"":                                                                            "unknown",
	} {
		on, err := parseFileVault([]byte(text))
		if got := verdict(on, err); got != want {
			t.Errorf("%q means %s, not %s", text, got, want)
		}
	}
}

func TestZFSEncryption(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"aes-256-gcm\n": "yes", "on\n": "yes", "off\n": "no", "-\n": "no", "": "unknown", "cannot open 'rpool'": "unknown",
	} {
		on, err := parseZFSEncryption([]byte(text))
		if got := verdict(on, err); got != want {
			t.Errorf("%q means %s, not %s", text, got, want)
		}
	}
}

func verdict(on bool, err error) string {
	switch {
	case err != nil:
		return "unknown"
	case on:
		return "yes"
	}
	return "no"
}

func TestMountInfo(t *testing.T) {
	t.Parallel()
	got := parseMountInfo(`36 35 98:0 /mnt1 /a\040b rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue
37 35 98:1 / / rw - ext4 /dev/sda1 rw
38 35 98:2 / / rw - xfs /dev/sda2 rw
too short - x y
39 35 98:3 / /c rw - ext4
`)
	want := map[string]mount{"/a b": {"98:0", "ext3", "/dev/root"}, "/": {"98:2", "xfs", "/dev/sda2"}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(mount{})); diff != "" {
		t.Error(diff)
	}
}

// What counts is that all of what the volume rests on is encrypted.
func TestEncryption(t *testing.T) {
	t.Parallel()
	const crypt, lvm = "sys/class/block/dm-0/dm/uuid", "LVM-x"
	root := mount{"252:1", "ext4", "/dev/mapper/root"}
	base := map[string]string{
		"sys/dev/block/252:1/uevent":           "DEVNAME=dm-1\n",
		"sys/class/block/dm-1/dm/name":         "root\n",
		"sys/class/block/dm-1/dm/uuid":         lvm,
		"sys/class/block/dm-1/slaves/dm-0/dev": "",
	}
	for name, test := range map[string]struct {
		mount mount
		files map[string]string
		want  string
	}{
		"LUKS below LVM":        {root, map[string]string{crypt: "CRYPT-LUKS2-1-x"}, "yes"},
		"plain dm-crypt":        {root, map[string]string{crypt: "CRYPT-PLAIN-x"}, "yes"},
		"BitLocker":             {root, map[string]string{crypt: "CRYPT-BITLK-1-x"}, "yes"},
		"dm-verity":             {root, map[string]string{crypt: "CRYPT-VERITY-1-x"}, "no"},
		"dm-integrity":          {root, map[string]string{crypt: "CRYPT-INTEGRITY-1-x"}, "no"},
		"LVM alone":             {root, map[string]string{crypt: lvm}, "no"},
		"one of two is not":     {root, map[string]string{crypt: "CRYPT-LUKS2-1-x", "sys/class/block/dm-1/slaves/sda2/dev": ""}, "no"},
		"what rests on itself":  {root, map[string]string{crypt: lvm, "sys/class/block/dm-0/slaves/dm-1/dev": ""}, "no"},
		"btrfs by its name":     {mount{"0:32", "btrfs", "/dev/mapper/root"}, map[string]string{crypt: "CRYPT-LUKS2-1-x"}, "yes"},
		"btrfs by its node":     {mount{"0:32", "btrfs", "/dev/dm-1"}, map[string]string{crypt: "CRYPT-LUKS2-1-x"}, "yes"},
		"btrfs over a bare one": {mount{"0:32", "btrfs", "/dev/dm-1"}, map[string]string{crypt: "CRYPT-LUKS2-1-x", "sys/fs/btrfs/u/devices/dm-1/x": "", "sys/fs/btrfs/u/devices/sdb/x": ""}, "no"},
		"another machine's":     {mount{"0:50", "nfs4", "server:/srv/dm-0"}, map[string]string{crypt: "CRYPT-LUKS2-1-x"}, "unknown"},
		"in memory":             {mount{"0:2", "tmpfs", "rootfs"}, nil, "unknown"},
		"no mount":              {mount{}, nil, "unknown"},
	} {
		files := maps.Clone(base)
		maps.Copy(files, test.files)
		on, err := isEncrypted(tree(files), test.mount)
		if got := verdict(on, err); got != test.want {
			t.Errorf("%s: encrypted is %s, not %s (%v)", name, got, test.want, err)
		}
	}
	// The link that udev makes leads to the device too.
	linked := tree(base)
	linked[crypt] = &fstest.MapFile{Data: []byte("CRYPT-LUKS2-1-x")}
	linked["dev/disk/by-uuid/u"] = &fstest.MapFile{Data: []byte("../../dm-1"), Mode: fs.ModeSymlink | 0o777}
	linked["dev/dm-1"] = &fstest.MapFile{}
	if on, err := isEncrypted(linked, mount{"0:32", "btrfs", "/dev/disk/by-uuid/u"}); !on || err != nil {
		t.Errorf("by a link of udev encrypted is %v, %v", on, err)
	}
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	passwd := "root:x:0:0:root:/root:/bin/bash\n" +
		"ada:x:1000:1000:Ada Lovelace,,,:/home/ada:/bin/bash\n" +
		"nixbld1:x:30001:30000:Nix build user 1:/var/empty:/run/current-system/sw/bin/nologin\n" +
		"dyn:x:61184:61184::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\nshort:x:1002\nbad:x:y:1::/:/bin/sh\n+::::::\n"
	if sole := soleHuman(parsePasswd(passwd)); sole == nil || *sole != (account{"ada", "Ada Lovelace", 1000, true}) {
		t.Errorf("the only person is %+v", sole)
	}
	if sole := soleHuman(parsePasswd(passwd + "eve:x:1001:1001::/home/eve:\n")); sole != nil {
		t.Errorf("of two people %+v is the only one", sole)
	}
	for text, want := range map[string]string{
		"ada  501\n_www 70\nroot 0\nnobody -2\n": "501", "ada 501\neve 502\n": "", "": "", "_spotlight 600\nx y\n": "",
	} {
		if got := parseMacUsers([]byte(text)); got != want {
			t.Errorf("of %q the only person is %q, not %q", text, got, want)
		}
	}
}

// Only who sits at the machine has it: the lowest number first, whatever their
// sessions are called.
func TestSeated(t *testing.T) {
	t.Parallel()
	const dir = "run/systemd/sessions/"
	root := tree(map[string]string{
		dir + "1":  "UID=1003\nSEAT=seat0\nCLASS=user\nSTATE=active\n",
		dir + "2":  "UID=1002\nSEAT=seat0\nCLASS=user-early\nSTATE=online\n",
		dir + "3":  "UID=1001\nSEAT=seat0\nCLASS=user\nSTATE=closing\n",
		dir + "4":  "UID=1000\nCLASS=user\nSTATE=active\nREMOTE=1\n",
		dir + "5":  "UID=0\nSEAT=seat0\nCLASS=user\nSTATE=active\n",
		dir + "c1": "UID=60578\nSEAT=seat0\nCLASS=greeter\nSTATE=active\n",
		dir + "c2": "SEAT=seat0\nCLASS=user\nSTATE=active\n",
	})
	if diff := cmp.Diff([]int64{0, 1002, 1003}, seated(root)); diff != "" {
		t.Error(diff)
	}
	root["etc/passwd"] = &fstest.MapFile{Data: []byte(
		"root:x:0:0:root:/root:/bin/bash\nada:x:1002:1002:Ada:/home/ada:/bin/false\neve:x:1003:1003:Eve:/home/eve:/bin/sh\n",
	)}
	var inv plimsoll.Inventory
	if err := (linuxMachine{root: root}).askUser(t.Context(), &inv); err != nil || inv.UserID != "1003" {
		t.Errorf("past root and who has no shell the user is %+v, %v", inv, err)
	}
	if name, err := (linuxMachine{root: root}).signedIn(t.Context()); name != "eve" || err != nil {
		t.Errorf("%q is signed in", name)
	}
	delete(root, dir+"1")
	root["run/systemd/sessions/9"] = &fstest.MapFile{Data: []byte("UID=500001\nSEAT=seat0\nCLASS=user\nSTATE=active\n")}
	away := linuxMachine{root: root, run: func(context.Context, string, ...string) ([]byte, error) { return nil, fs.ErrNotExist }}
	if name, err := away.signedIn(t.Context()); err == nil || plimsoll.ErrorCode(err) == plimsoll.NotFound {
		t.Errorf("of a directory that is away: %q, %v", name, err)
	}
	if name, err := (linuxMachine{root: tree(nil)}).signedIn(t.Context()); plimsoll.ErrorCode(err) != plimsoll.NotFound {
		t.Errorf("of nobody: %q, %v", name, err)
	}
}

// Beside each session's file is a named pipe, which must not be opened.
func TestSessionPipes(t *testing.T) {
	t.Parallel()
	root := tree(map[string]string{"run/systemd/sessions/2": "UID=1001\nSEAT=seat0\nCLASS=user\nSTATE=active\n"})
	pipe := "UID=1000\nSEAT=seat0\nCLASS=user\n"
	root["run/systemd/sessions/2.ref"] = &fstest.MapFile{Data: []byte(pipe), Mode: fs.ModeNamedPipe}
	if diff := cmp.Diff([]int64{1001}, seated(root)); diff != "" {
		t.Error(diff)
	}
	if _, err := read(root, "run/systemd/sessions/2.ref"); plimsoll.ErrorCode(err) != plimsoll.Invalid {
		t.Errorf("a pipe is read: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, parse := range map[string]func([]byte) error{
		"ioreg":        func(b []byte) error { _, err := parseIOReg(b); return err },
		"networksetup": func(b []byte) error { _, err := parseHardwarePorts(b); return err },
		"fdesetup":     func(b []byte) error { _, err := parseFileVault(b); return err },
		"zfs":          func(b []byte) error { _, err := parseZFSEncryption(b); return err },
		"PowerShell":   func(b []byte) error { _, err := parseWindows(b); return err },
		"meminfo":      func(b []byte) error { _, err := parseMemInfo(string(b)); return err },
	} {
		for _, text := range []string{"", "\n", "Segmentation fault\n", "\x00\xff"} {
			if parse([]byte(text)) == nil {
				t.Errorf("%s may have printed %q", name, text)
			}
		}
	}
}

// What of PowerShell's answer has the wrong type costs the rest nothing.
func TestWindowsAnswerInPart(t *testing.T) {
	t.Parallel()
	answer, err := parseWindows([]byte("\uFEFF" + `{"model":7,"serialNumber":"5CD1234ABC","physicalMemory":1e30,"adapters":null,"protectionStatus":1}`))
	var inv plimsoll.Inventory
	answer.set(&inv)
	if want := (plimsoll.Inventory{SerialNumber: "5CD1234ABC", IsEncrypted: true}); inv != want || err == nil {
		t.Errorf("the inventory is %+v, %v", inv, err)
	}
}
