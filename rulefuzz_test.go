package plimsoll_test

import (
	"strings"
	"testing"

	"plimsoll"
)

// FuzzParseRule reads whatever comes: a refusal names its place, and what is
// taken can be evaluated and written as text that is the same rule.
func FuzzParseRule(f *testing.F) {
	for _, seed := range []string{
		`(device.osVersion -startsWith "12.") and (device.deviceName -ne "x")`,
		"not device.id in ['a''b', \"`\"``\"] -or -not (device.isEncrypted eq \"True\")",
		`device.physicalMemoryInBytes -ge -5 and device.model eq $null or device.id notMatch "^(a|b){2,}\d$"`,
		`device.deviceOwnership -eq "Corporate" and ((device.id ne "" or device.id eq "a") and device.id ne "b")`,
		`device.memberOf -any`, `((`, `device.id in [`, "device.id eq \"`", `device.id eq “x”`, "\xff", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rule, err := plimsoll.ParseRule("rule", text)
		if err != nil {
			checkRuleError(t, err)
			return
		}
		again, err := plimsoll.ParseRule("rule", rule.String())
		if err != nil || again.String() != rule.String() {
			t.Fatalf("%q reads %q, which reads %v, %v", text, rule, again, err)
		}
		for _, facts := range []*plimsoll.RuleFacts{{}, ruleFacts(), {ID: text, DeviceName: text, OSVersion: text, Model: text}} {
			if rule.Matches(facts) != again.Matches(facts) {
				t.Fatalf("%q and %q differ of %+v", text, rule, facts)
			}
		}
	})
}

func checkRuleError(t *testing.T, err error) {
	t.Helper()
	e, ok := err.(*plimsoll.Error) //nolint:errorlint // ParseRule wraps nothing
	if !ok || e.Code != plimsoll.Invalid || e.Property != "rule" {
		t.Fatalf("%#v is not a refusal of rule", err)
	}
	whole := strings.Contains(e.Message, "not valid UTF-8") || strings.Contains(e.Message, "U+0000") ||
		strings.HasPrefix(e.Message, "rule has ")
	if !whole && !strings.HasPrefix(e.Message, "rule, character ") {
		t.Fatalf("%q names no place", e.Message)
	}
}
