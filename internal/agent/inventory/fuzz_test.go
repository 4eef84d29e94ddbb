package inventory

import (
	"context"
	"math"
	"os"
	"os/user"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzParsers gives every parser the same text: none panics, and whatever they make
// of it can be kept.
func FuzzParsers(f *testing.F) {
	captures, err := filepath.Glob("testdata/*.*")
	if err != nil || len(captures) == 0 {
		f.Fatalf("no captures: %v", err)
	}
	for _, name := range captures {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
		for _, file := range txtar.Parse(text).Files {
			f.Add(file.Data)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		printing := func(context.Context, string, ...string) ([]byte, error) { return text, nil }
		size := func(string) (int64, int64, error) { return int64(len(text)), -1, nil }
		file := string(text)
		root := tree(map[string]string{
			"etc/os-release": file, "etc/debian_version": file, "proc/sys/kernel/osrelease": file, "proc/meminfo": file,
			"sys/class/dmi/id/sys_vendor": file, "proc/device-tree/model": file, "sys/class/dmi/id/product_serial": file,
			"proc/self/mountinfo": file, "sys/dev/block/252:1/uevent": file, "sys/class/block/dm-1/dm/uuid": file,
			"sys/class/net/eth0/uevent": file, "sys/class/net/eth0/address": file,
			"sys/class/net/wlan0/wireless/x": "", "sys/class/net/wlan0/device/x": "", "sys/class/net/wlan0/type": "1", "sys/class/net/wlan0/address": file,
			"etc/passwd": file, "run/systemd/sessions/1": file, "run/systemd/sessions/2": "UID=1000\nSEAT=seat0\nCLASS=user\n",
		})
		inv, _ := gather(t.Context(), linuxMachine{root: root, run: printing, size: size}.probes())
		kept(t, inv)
		for _, fsType := range []string{"btrfs", "zfs"} {
			_, _ = linuxMachine{root: root, run: printing}.isEncrypted(t.Context(), mount{"0:1", fsType, file})
		}
		inv, _ = gather(t.Context(), macMachine{
			run: printing, size: size,
			version: func() (string, error) { return file, nil },
			memory:  func() (uint64, error) { return math.MaxUint64, nil },
			console: func() (string, error) { return file, nil },
			lookup:  func(uid string) (*user.User, error) { return &user.User{Uid: uid, Username: file, Name: file}, nil },
		}.probes())
		kept(t, inv)
		inv, _ = gather(t.Context(), windowsMachine{
			run: printing, size: size,
			version: func() (string, error) { return file, nil },
			users: func() (windowsUsers, error) {
				return windowsUsers{windowsUser{file, file, file}, windowsUser{}, func(sid string) string { return sid }}, nil
			},
		}.probes())
		kept(t, inv)
	})
}
