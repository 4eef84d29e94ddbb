// Package inventory finds out what a device's agent tells the server of its
// machine. Each probe is a small function that asks the system and a parser that
// knows no system, so that every parser is tested on every system.
package inventory

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"unicode"

	"plimsoll"
)

// Gather probes the machine. A probe that fails leaves its members unknown, false
// where they are booleans; the faults are for the log. The inventory is always one
// that [plimsoll.Inventory.Validate] takes. It takes a second or two on Windows and
// milliseconds elsewhere; where the system hangs, ten seconds a command at most.
func Gather(ctx context.Context) (inv plimsoll.Inventory, faults []error) {
	return gather(ctx, probes())
}

// SignedIn gives the name of the user who sits at the machine now. It is NotFound
// where nobody does; with another error, somebody may whose account cannot be looked
// up. On Windows only the system's own account learns it.
func SignedIn(ctx context.Context) (name string, err error) { return signedIn(ctx) }

func nobody() error {
	return plimsoll.Errorf(plimsoll.NotFound, "it runs as the user who is signed in, and nobody is")
}

// Hash names an inventory, as the protocol's inventoryHash: SHA-256 in hex. Free
// storage counts in whole GiB only, so that a steady machine has a steady hash.
func Hash(inv *plimsoll.Inventory) string {
	steady := *inv
	steady.FreeStorage >>= 30
	text, _ := json.Marshal(steady) // never fails: texts, numbers and a boolean
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// probe learns some members of an inventory, and sets no others. It may set some
// and still fail.
type probe struct {
	of  string // what it learns, for the log
	ask func(context.Context, *plimsoll.Inventory) error
}

func gather(ctx context.Context, probes []probe) (inv plimsoll.Inventory, faults []error) {
	for _, p := range probes {
		if err := p.ask(ctx, &inv); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", p.of, err))
		}
	}
	tidy(&inv)
	return inv, faults
}

// tidy makes an inventory one that can be kept.
func tidy(inv *plimsoll.Inventory) {
	for _, text := range []*string{
		&inv.DeviceName, &inv.OperatingSystem, &inv.OSVersion, &inv.Manufacturer, &inv.Model, &inv.SerialNumber,
		&inv.EthernetMAC, &inv.WiFiMAC, &inv.UserID, &inv.UserPrincipalName, &inv.UserDisplayName, &inv.EmailAddress,
	} {
		*text = clean(*text)
	}
	inv.DeviceName = cmp.Or(inv.DeviceName, "unknown")
	for _, size := range []*int64{&inv.PhysicalMemory, &inv.TotalStorage, &inv.FreeStorage} {
		*size = max(*size, 0)
	}
}

// clean makes a text one that can be kept: control characters become spaces, what
// is not UTF-8 becomes U+FFFD, and what is too long is cut.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	text = strings.TrimSpace(text)
	if runes := []rune(text); len(runes) > plimsoll.MaxInventoryText {
		text = strings.TrimSpace(string(runes[:plimsoll.MaxInventoryText]))
	}
	return text
}

// askHostname learns the device's name where nothing better is known.
func askHostname(_ context.Context, inv *plimsoll.Inventory) error {
	name, err := os.Hostname()
	inv.DeviceName = cmp.Or(inv.DeviceName, name)
	return err
}

// askStorage makes a probe of the volume at a path, by a function that gives its
// size and what is free for anyone, in bytes.
func askStorage(size func(path string) (total, free int64, err error), path string) probe {
	return probe{"storage", func(_ context.Context, inv *plimsoll.Inventory) (err error) {
		inv.TotalStorage, inv.FreeStorage, err = size(path)
		return err
	}}
}
