package inventory

import (
	"math"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"plimsoll"
)

// This machine has an inventory, whatever it is: the probes are those of its system.
func TestGather(t *testing.T) {
	t.Parallel()
	inv, _ := Gather(t.Context())
	if err := inv.Validate(); err != nil {
		t.Error(err)
	}
	if inv.OperatingSystem == "" || inv.OSVersion == "" || inv.TotalStorage < 1<<20 || inv.FreeStorage > inv.TotalStorage {
		t.Errorf("this machine has the inventory %+v", inv)
	}
}

func TestHash(t *testing.T) {
	t.Parallel()
	inv := plimsoll.Inventory{DeviceName: "build-7", Model: "20XW004BUS", TotalStorage: 500e9, FreeStorage: 7<<30 + 5}
	hash := Hash(&inv)
	if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(hash) {
		t.Errorf("the hash is %q", hash)
	}
	for name, test := range map[string]struct {
		change func(*plimsoll.Inventory)
		same   bool
	}{
		"nothing":        {func(*plimsoll.Inventory) {}, true},
		"some free MiB":  {func(i *plimsoll.Inventory) { i.FreeStorage += 100 << 20 }, true},
		"a free GiB":     {func(i *plimsoll.Inventory) { i.FreeStorage -= 1 << 30 }, false},
		"the name":       {func(i *plimsoll.Inventory) { i.DeviceName = "build-8" }, false},
		"the encryption": {func(i *plimsoll.Inventory) { i.IsEncrypted = true }, false},
		"the storage":    {func(i *plimsoll.Inventory) { i.TotalStorage++ }, false},
		"what says what": {func(i *plimsoll.Inventory) { i.Model, i.SerialNumber = "", i.Model }, false},
	} {
		changed := inv
		test.change(&changed)
		if got := Hash(&changed) == hash; got != test.same {
			t.Errorf("%s changed, and that the hash is the same is %v", name, got)
		}
	}
	if inv.FreeStorage != 7<<30+5 {
		t.Errorf("hashing changed the inventory: %+v", inv)
	}
}

// kept fails unless an inventory can be kept, and has no control character.
func kept(t rapid.TB, inv plimsoll.Inventory) {
	t.Helper()
	if err := inv.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		inv.DeviceName, inv.OperatingSystem, inv.OSVersion, inv.Manufacturer, inv.Model, inv.SerialNumber,
		inv.EthernetMAC, inv.WiFiMAC, inv.UserID, inv.UserPrincipalName, inv.UserDisplayName, inv.EmailAddress,
	} {
		if strings.ContainsFunc(text, unicode.IsControl) || text != strings.TrimSpace(text) {
			t.Fatalf("the text %q is kept", text)
		}
	}
}

func TestAnythingIsTidied(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringN(250, 300, -1),
			rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
		size := rapid.Int64()
		inv := plimsoll.Inventory{
			DeviceName: text.Draw(t, "deviceName"), OSVersion: text.Draw(t, "osVersion"), Model: text.Draw(t, "model"),
			Manufacturer: text.Draw(t, "manufacturer"), SerialNumber: text.Draw(t, "serialNumber"),
			UserID: text.Draw(t, "userId"), UserPrincipalName: text.Draw(t, "userPrincipalName"),
			UserDisplayName: text.Draw(t, "userDisplayName"), EmailAddress: text.Draw(t, "emailAddress"),
			EthernetMAC: text.Draw(t, "ethernet"), WiFiMAC: text.Draw(t, "wifi"), OperatingSystem: text.Draw(t, "os"),
			PhysicalMemory: size.Draw(t, "memory"), TotalStorage: size.Draw(t, "total"), FreeStorage: size.Draw(t, "free"),
		}
		tidy(&inv)
		kept(t, inv)
	})
}

func TestClean(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"  Dell Inc.\n":                   "Dell Inc.",
		"a\x00b\tc\u0085d":                "a b c d",
		"M\xfcller":                       "M\uFFFDller",
		strings.Repeat("é", 300):          strings.Repeat("é", 256),
		strings.Repeat("é", 255) + "  xx": strings.Repeat("é", 255),
	} {
		if got := clean(text); got != want || utf8.RuneCountInString(got) > 256 {
			t.Errorf("%q is made %q, not %q", text, got, want)
		}
	}
	inv := plimsoll.Inventory{PhysicalMemory: -1, TotalStorage: math.MinInt64, FreeStorage: 7}
	tidy(&inv)
	if want := (plimsoll.Inventory{DeviceName: "unknown", FreeStorage: 7}); inv != want {
		t.Errorf("negative sizes become %+v", inv)
	}
}
