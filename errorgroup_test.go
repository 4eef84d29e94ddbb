package plimsoll_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"plimsoll"
)

func TestLikeness(t *testing.T) {
	t.Parallel()
	tally := plimsoll.NewErrorTally()
	for text, want := range map[string]string{
		"":                                    "",
		" \n\t":                               "",
		"\n\n  cannot open  the\tdisk \nmore": "cannot open the disk",
		"can't open 'C:\\Users\\ann\\x' or \"it\"":            "can't open <text> or <text>",
		"the user’s ‘home’ and “that” and «this» and `those'": "the user’s <text> and <text> and <text> and <text>",
		"open /var/lib/dpkg/lock-frontend: permission denied": "open <path>: permission denied",
		"and/or neither/nor":                                          "and/or neither/nor",
		"C:\\Windows\\Temp\\a.ps1:12 char:5":                          "<path>:<number> char:<number>",
		"\\\\server\\share\\x is away":                                "<path> is away",
		"get https://10.0.0.1:8443/x?y=1 failed":                      "get <url> failed",
		"dial tcp 10.20.30.40:443: i/o timeout":                       "dial tcp <number>:<number>: i/o timeout",
		"at 2026-03-01T12:00:00.123Z it ended":                        "at <time> it ended",
		"2026-03-01 12:00:00,123 +0100 ERROR x":                       "<time> ERROR x",
		"01/02/2026 3:04:05 PM: no":                                   "<time> <time>: no",
		"device 6f9619ff-8b86-d011-b42d-00cf4fc964ff is gone":         "device <guid> is gone",
		"class {6F9619FF-8B86-D011-B42D-00CF4FC964FF} not registered": "class <guid> not registered",
		"exit status 3, 17 of 20,000 bytes":                           "exit status <number>, <number> of <number> bytes",
		"0x80070005 at deadbeef01 and 1234567890 and deadbeef":        "<hex> at <hex> and <number> and deadbeef",
		"E1042: KB5034441 is missing on x86_64":                       "E1042: KB5034441 is missing on x86_64",
		"\x1b[1;31merror:\x1b[0m no\u202e key\x00\x07":                "error: no key",
		"\x1b[":                               "",
		"no <b>bold</b> here":                 "no <b>bold</b> here",
		"Datei „x“ fehlt 5×":                  "Datei „x“ fehlt <number>×",
		strings.Repeat("é", 300):              strings.Repeat("é", 200),
		strings.Repeat("1 ", 300):             strings.Repeat("<number> ", 22) + "<n",
		"x" + strings.Repeat("é", 2000) + "!": "x" + strings.Repeat("é", 199),
	} {
		if got := tally.Likeness(text); got != want {
			t.Errorf("%.60q is like %q, want %q", text, got, want)
		}
	}
}

func TestErrorGroups(t *testing.T) {
	t.Parallel()
	tally := plimsoll.NewErrorTally()
	example := func(i int, text string) plimsoll.DeviceError {
		return plimsoll.DeviceError{DeviceID: fmt.Sprint(i), DeviceName: fmt.Sprint("device ", i), Text: text}
	}
	for i, text := range []string{"disk 1 is full", "no key", "disk 22 is full", "", "disk 333 is full", "no key"} {
		tally.Add(example(i, text))
	}
	want := []plimsoll.ErrorGroup{
		{Text: "disk <number> is full", Count: 3, Example: example(0, "disk 1 is full")},
		{Text: "no key", Count: 2, Example: example(1, "no key")},
		{Text: "", Count: 1, Example: example(3, "")},
	}
	if diff := cmp.Diff(plimsoll.ErrorGroups{Groups: want, Counted: 6, Complete: true}, tally.Groups(6)); diff != "" {
		t.Error(diff)
	}
	if tally.Groups(7).Complete {
		t.Error("one that was not counted is missing")
	}
	letters := func(i int) string { return strings.Repeat("x", i+1) }
	for i := range plimsoll.MaxErrorGroups {
		tally.Add(example(i, letters(i)))
	}
	got := tally.Groups(6 + plimsoll.MaxErrorGroups)
	if got.Complete || len(got.Groups) != plimsoll.MaxErrorGroups || got.Groups[0].Count != 3 {
		t.Errorf("complete: %t, with %d groups", got.Complete, len(got.Groups))
	}
}

func FuzzLikeness(f *testing.F) {
	for _, seed := range []string{"", "disk 1", "\x1b[31m\x1b[", "a\xffb", "'x' \"y\" /a/b 0x1f 2026-01-01T00:00:00Z"} {
		f.Add(seed)
	}
	tally := plimsoll.NewErrorTally()
	f.Fuzz(func(t *testing.T, text string) {
		likeness := tally.Likeness(text)
		if !utf8.ValidString(likeness) || utf8.RuneCountInString(likeness) > plimsoll.MaxLikeness ||
			strings.ContainsAny(likeness, "\n\r\x00\x1b") || likeness != strings.TrimLeft(likeness, " ") {
			t.Errorf("%q is like %q", text, likeness)
		}
		if again := tally.Likeness(text + "\nand more"); strings.TrimSpace(text) != "" && len(text) < plimsoll.MaxErrorsRead &&
			likeness != "" && again != likeness {
			t.Errorf("%q is like %q, and with a line more like %q", text, likeness, again)
		}
	})
}
