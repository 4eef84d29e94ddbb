package inventory

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/user"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"plimsoll"
)

// captured gives the files of a machine in testdata, in its system's own formats, and
// a runner of its commands: in the archive their names have arguments.
func captured(t *testing.T, name string) (fstest.MapFS, runner) {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/" + name + ".txtar")
	if err != nil {
		t.Fatal(err)
	}
	root, printed := fstest.MapFS{}, map[string][]byte{}
	for _, file := range archive.Files {
		if strings.Contains(file.Name, " ") {
			printed[file.Name] = file.Data
		} else {
			root[file.Name] = &fstest.MapFile{Data: file.Data}
		}
	}
	return root, func(_ context.Context, name string, args ...string) ([]byte, error) {
		line := strings.Join(append([]string{name}, args...), " ")
		text, ok := printed[line]
		if !ok {
			return nil, errors.New("no such command: " + line)
		}
		return text, nil
	}
}

// sizes knows one volume, of 500 GB and a fifth of it free.
func sizes(volume string) func(string) (int64, int64, error) {
	return func(path string) (total, free int64, err error) {
		if path != volume {
			return 0, 0, fs.ErrNotExist
		}
		return 500e9, 100e9, nil
	}
}

// check compares an inventory, and which probes failed, with what they should be. A
// name that is not given is the host's.
func check(t *testing.T, probes []probe, want plimsoll.Inventory, faulty ...string) {
	t.Helper()
	inv, faults := gather(t.Context(), probes)
	if want.DeviceName == "" {
		want.DeviceName, _ = os.Hostname()
	}
	want.TotalStorage, want.FreeStorage = 500e9, 100e9
	if diff := cmp.Diff(want, inv); diff != "" {
		t.Errorf("the inventory (-want +got):\n%s", diff)
	}
	if err := inv.Validate(); err != nil {
		t.Errorf("the inventory is refused: %v", err)
	}
	var failed []string
	for _, fault := range faults {
		of, _, _ := strings.Cut(fault.Error(), ":")
		failed = append(failed, of)
	}
	if diff := cmp.Diff(faulty, failed); diff != "" {
		t.Errorf("the probes that failed (-want +got):\n%s\n%v", diff, faults)
	}
}

func TestLinuxMachines(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		volume string
		want   plimsoll.Inventory
		faulty []string
	}{
		"ubuntu-laptop": {volume: "/", want: plimsoll.Inventory{
			OSVersion: "24.04.1", Manufacturer: "LENOVO", Model: "20XW004BUS", SerialNumber: "PF3ABCDE",
			EthernetMAC: "54E1AD0A1B2C", WiFiMAC: "A46BB63D4E5F", IsEncrypted: true, PhysicalMemory: 32576460 << 10,
			UserID: "1000", UserPrincipalName: "ada", UserDisplayName: "Ada Lovelace",
		}},
		"debian-server": {volume: "/", want: plimsoll.Inventory{
			OSVersion: "12.7", Manufacturer: "Dell Inc.", Model: "PowerEdge R640", SerialNumber: "7XK4Q93",
			EthernetMAC: "B02628112230", PhysicalMemory: 131891324 << 10,
			UserID: "1000", UserPrincipalName: "linus", UserDisplayName: "Linus T.",
		}},
		"fedora-workstation": {volume: "/", want: plimsoll.Inventory{
			OSVersion: "41", Manufacturer: "Framework", Model: "Laptop 13 (AMD Ryzen 7040Series)", SerialNumber: "FRANDGCPA1234500AB",
			WiFiMAC: "14AC602E3F40", IsEncrypted: true, PhysicalMemory: 65170432 << 10,
			UserID: "1418201107", UserPrincipalName: "mary@corp.example", UserDisplayName: "Mary Jackson",
		}},
		"fedora-image": {volume: "/sysroot", want: plimsoll.Inventory{
			OSVersion: "42.20250512.0", Manufacturer: "HP", Model: "HP EliteBook 845 14 inch G9 Notebook PC", SerialNumber: "5CG2345XYZ",
			IsEncrypted: true, PhysicalMemory: 16228384 << 10,
		}},
		"alpine-vm": {volume: "/", want: plimsoll.Inventory{
			OSVersion: "3.19.1", Manufacturer: "QEMU", Model: "Standard PC (Q35 + ICH9, 2009)",
			EthernetMAC: "525400123456", PhysicalMemory: 2030480 << 10,
		}},
		"arch-desktop": {volume: "/", want: plimsoll.Inventory{
			OSVersion: "6.11.6", EthernetMAC: "D8BBC10F9A21", IsEncrypted: true, PhysicalMemory: 32798780 << 10,
			UserID: "1000", UserPrincipalName: "linus",
		}},
		"ubuntu-zfs": {volume: "/", want: plimsoll.Inventory{
			OSVersion: "22.04.5", Manufacturer: "Microsoft Corporation", Model: "Virtual Machine",
			SerialNumber: "0000-0011-2233-4455-6677-8899-00", EthernetMAC: "00155D010A0B", IsEncrypted: true, PhysicalMemory: 8123456 << 10,
		}},
		"container": {volume: "/", want: plimsoll.Inventory{OSVersion: "9.4", PhysicalMemory: 8123456 << 10}, faulty: []string{"encryption"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root, run := captured(t, name)
			test.want.OperatingSystem = "Linux"
			check(t, linuxMachine{root: root, run: run, size: sizes(test.volume)}.probes(), test.want, test.faulty...)
		})
	}
}

// A board has no DMI, but a device tree, whose texts end in NUL.
func TestBoard(t *testing.T) {
	t.Parallel()
	root, run := captured(t, "debian-server")
	for name := range root {
		if strings.HasPrefix(name, "sys/class/dmi/") {
			delete(root, name)
		}
	}
	root["proc/device-tree/model"] = &fstest.MapFile{Data: []byte("Raspberry Pi 4 Model B Rev 1.4\x00")}
	root["proc/device-tree/serial-number"] = &fstest.MapFile{Data: []byte("100000003d1d1c36\x00")}
	inv, _ := gather(t.Context(), linuxMachine{root: root, run: run, size: sizes("/")}.probes())
	if inv.Manufacturer != "" || inv.Model != "Raspberry Pi 4 Model B Rev 1.4" || inv.SerialNumber != "100000003d1d1c36" {
		t.Errorf("the board is %q, %q, %q", inv.Manufacturer, inv.Model, inv.SerialNumber)
	}
}

// locked is files one of which is for root alone.
type locked struct {
	fstest.MapFS
	file string
}

func (l locked) Open(name string) (fs.File, error) {
	if name == l.file {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return l.MapFS.Open(name)
}

func (l locked) Stat(name string) (fs.FileInfo, error) { return l.MapFS.Stat(name) }

// An agent that is not root learns the rest of the hardware, and tells what it may
// not read.
func TestSerialNumberIsForRoot(t *testing.T) {
	t.Parallel()
	root, run := captured(t, "debian-server")
	inv, faults := gather(t.Context(), linuxMachine{
		root: locked{root, "sys/class/dmi/id/product_serial"}, run: run, size: sizes("/"),
	}.probes())
	if inv.Manufacturer != "Dell Inc." || inv.Model != "PowerEdge R640" || inv.SerialNumber != "" {
		t.Errorf("the hardware is %q, %q, %q", inv.Manufacturer, inv.Model, inv.SerialNumber)
	}
	if len(faults) != 1 || !errors.Is(faults[0], fs.ErrPermission) {
		t.Errorf("the faults are %v", faults)
	}
}

// Where every probe fails there is still an inventory that can be kept, and each
// failure is told.
func TestNothingKnown(t *testing.T) {
	t.Parallel()
	failing := func(context.Context, string, ...string) ([]byte, error) { return nil, errors.New("no command") }
	root := fstest.MapFS{}
	inv, faults := gather(t.Context(), linuxMachine{root: root, run: failing, size: sizes("nowhere")}.probes())
	if err := inv.Validate(); err != nil {
		t.Error(err)
	}
	if want := (plimsoll.Inventory{DeviceName: inv.DeviceName, OperatingSystem: "Linux"}); inv != want {
		t.Errorf("an empty machine has the inventory %+v", inv)
	}
	if len(faults) != 5 { // version, memory, storage, encryption, network
		t.Errorf("the faults are %v", faults)
	}
	if inv, _ := gather(t.Context(), nil); inv.DeviceName != "unknown" {
		t.Errorf("without a host name the device is called %q", inv.DeviceName)
	}
}

func TestMacs(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		version, console string
		want             plimsoll.Inventory
		faulty           []string
	}{
		"macos-15-macbook": {version: "15.1.1", console: "501", want: plimsoll.Inventory{
			DeviceName: "Ada’s MacBook Pro", Model: "MacBookPro18,3", SerialNumber: "F2WX1000Q6L",
			EthernetMAC: "644BF0132A08", WiFiMAC: "F4D4886A7B8C", IsEncrypted: true,
			UserID: "501", UserPrincipalName: "ada", UserDisplayName: "Ada Lovelace",
		}},
		"macos-14-mini": {version: "14.7.1", console: "0", want: plimsoll.Inventory{
			DeviceName: "build-mini", Model: "Mac14,3", SerialNumber: "HX2K0042QL", EthernetMAC: "1CF64C102030", WiFiMAC: "1CF64C102031",
		}},
		// Without the computer's name there is the host's.
		"macos-13-imac": {version: "13.7.1", console: "248", faulty: []string{"computer name"}, want: plimsoll.Inventory{
			Model: "iMac19,1", SerialNumber: "C02Z5001JV4X", EthernetMAC: "88665A001122", WiFiMAC: "88665A001123",
			UserID: "502", UserPrincipalName: "grace", UserDisplayName: "Grace Hopper",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, run := captured(t, name)
			test.want.OperatingSystem, test.want.OSVersion = "macOS", test.version
			test.want.Manufacturer, test.want.PhysicalMemory = "Apple Inc.", 16<<30
			check(t, macMachine{
				run: run, version: func() (string, error) { return test.version, nil },
				memory:  func() (uint64, error) { return 16 << 30, nil },
				size:    sizes("/System/Volumes/Data"),
				volume:  "/System/Volumes/Data",
				console: func() (string, error) { return test.console, nil },
				lookup: func(uid string) (*user.User, error) {
					people := map[string]*user.User{
						"501": {Uid: "501", Username: "ada", Name: "Ada Lovelace"},
						"502": {Uid: "502", Username: "grace", Name: "Grace Hopper"},
					}
					if u, ok := people[uid]; ok {
						return u, nil
					}
					return nil, user.UnknownUserError(uid)
				},
			}.probes(), test.want, test.faulty...)
		})
	}
}

func TestWindowsMachines(t *testing.T) {
	t.Parallel()
	nobody := func(string) string { return "" }
	ada := windowsUser{"S-1-12-1-1234567890-1122334455-2233445566-3344556677", `AzureAD\AdaLovelace`, "Ada Lovelace"}
	for name, test := range map[string]struct {
		version string
		users   windowsUsers
		want    plimsoll.Inventory
		faulty  []string
	}{
		"windows-11": {
			version: "10.0.22631.4317",
			users: windowsUsers{
				windowsUser{sid: ada.sid, name: ada.name},
				ada,
				func(sid string) string { return map[string]string{ada.sid: "ada@contoso.example"}[sid] },
			},
			want: plimsoll.Inventory{
				Manufacturer: "HP", Model: "HP EliteBook 840 14 inch G9 Notebook PC", SerialNumber: "5CD1234ABC",
				EthernetMAC: "8C8CAA0B1C2D", WiFiMAC: "A46BB63D4E5F", IsEncrypted: true, PhysicalMemory: 34048368640,
				UserID: ada.sid, UserPrincipalName: "ada@contoso.example", UserDisplayName: "Ada Lovelace",
			},
		},
		// Nobody is signed in, and the agent may not ask for BitLocker.
		"windows-10-home": {
			version: "10.0.19045.5131",
			users:   windowsUsers{windowsUser{}, windowsUser{"S-1-5-21-1-2-3-1001", `DESKTOP-7\grace`, "Grace Hopper"}, nobody},
			want: plimsoll.Inventory{
				EthernetMAC: "D8BBC10F9A21", PhysicalMemory: 17103716352,
				UserID: "S-1-5-21-1-2-3-1001", UserPrincipalName: `DESKTOP-7\grace`, UserDisplayName: "Grace Hopper",
			},
			faulty: []string{"hardware, encryption and network"},
		},
		// Another than the last is at the console: the name shown is not theirs.
		"windows-server-2022": {
			version: "10.0.20348.2849",
			users:   windowsUsers{windowsUser{sid: "S-1-5-21-1-2-3-500", name: `SRV\Administrator`}, ada, nobody},
			want: plimsoll.Inventory{
				Manufacturer: "Microsoft Corporation", Model: "Virtual Machine", SerialNumber: "0000-0011-2233-4455-6677-8899-00",
				EthernetMAC: "00155D010A0B", PhysicalMemory: 8589398016,
				UserID: "S-1-5-21-1-2-3-500", UserPrincipalName: `SRV\Administrator`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile("testdata/" + name + ".json")
			if err != nil {
				t.Fatal(err)
			}
			test.want.OperatingSystem, test.want.OSVersion = "Windows", test.version
			check(t, windowsMachine{
				run: func(_ context.Context, name string, args ...string) ([]byte, error) {
					if name != "powershell.exe" || args[len(args)-1] != windowsScript {
						t.Errorf("%s %q is run", name, args)
					}
					return text, nil
				},
				powershell: "powershell.exe",
				version:    func() (string, error) { return test.version, nil },
				size:       sizes(`C:\`), volume: `C:\`,
				users: func() (windowsUsers, error) { return test.users, nil },
			}.probes(), test.want, test.faulty...)
		})
	}
}

// The script is an argument of a command line, where a double quote would end it.
func TestScriptIsOneArgument(t *testing.T) {
	t.Parallel()
	if i := strings.IndexByte(windowsScript, '"'); i >= 0 || len(windowsScript) > 8<<10 {
		t.Errorf("the script has a double quote at %d, or is too long: %d bytes", i, len(windowsScript))
	}
}
