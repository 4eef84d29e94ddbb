package plimsoll_test

import (
	"strings"
	"testing"

	"plimsoll"
)

func ruleFacts() *plimsoll.RuleFacts {
	return &plimsoll.RuleFacts{
		ID: "0f6c1b2a-7c7e-4a0e-9a53-5d8f6f1c2b3d", DeviceName: "PC-0042",
		OperatingSystem: "Linux", OSVersion: "12.4", Manufacturer: "Müller", Model: "ΣΟΦΟΣ \"X\" `9`",
		SerialNumber: "", Category: "Kiosk", OwnerType: "company", UserPrincipalName: "o'hara@example.com",
		IsEncrypted: true, PhysicalMemory: 8 << 30, TotalStorage: 1 << 40, FreeStorage: 0,
	}
}

func TestRuleMatches(t *testing.T) {
	t.Parallel()
	cases := map[string]bool{
		// text
		`device.deviceName -eq "PC-0042"`:                    true,
		`device.deviceName -eq "pc-0042"`:                    true,
		`device.deviceName -eq "PC-004"`:                     false,
		`device.deviceName -ne "pc-0042"`:                    false,
		`device.deviceName -ne "x"`:                          true,
		`device.osVersion -startsWith "12."`:                 true,
		`device.osVersion -startsWith "2."`:                  false,
		`device.osVersion -startsWith ""`:                    true,
		`device.osVersion -notStartsWith "12."`:              false,
		`device.osVersion -notStartsWith "13."`:              true,
		`device.osVersion -endsWith ".4"`:                    true,
		`device.osVersion -endsWith "12"`:                    false,
		`device.osVersion -notEndsWith "12"`:                 true,
		`device.osVersion -notEndsWith "4"`:                  false,
		`device.deviceName -contains "c-00"`:                 true,
		`device.deviceName -contains "c00"`:                  false,
		`device.deviceName -notContains "c00"`:               true,
		`device.deviceName -notContains "PC"`:                false,
		`device.deviceName -in ["a", "pc-0042"]`:             true,
		`device.deviceName -in ["a"]`:                        false,
		`device.deviceName -notIn ["a","b"]`:                 true,
		`device.deviceName -notIn ["PC-0042"]`:               false,
		`device.deviceName -match "^pc-\d{4}$"`:              true,
		`device.deviceName -match "00"`:                      true,
		`device.deviceName -match "^00"`:                     false,
		`device.deviceName -match "x|PC"`:                    true,
		`device.deviceName -match "x|pc"`:                    true,
		`device.deviceName -match "(?-i)pc"`:                 false,
		`device.deviceName -notMatch "^00"`:                  true,
		`device.deviceName -notMatch "42"`:                   false,
		`device.manufacturer -eq "MÜLLER"`:                   true,
		`device.manufacturer -eq "MULLER"`:                   false,
		`device.model -startsWith "σοφος"`:                   true,
		`device.model -startsWith "σοφοσ"`:                   true,
		"device.model -eq \"σοφοσ `\"x`\" ``9``\"":           true,
		"device.model -eq 'σοφοσ \"x\" ``9``'":               true,
		`device.userPrincipalName -eq 'O''Hara@example.com'`: true,
		"device.userPrincipalName -eq 'O`'Hara@example.com'": true,
		`device.userPrincipalName -eq "O'Hara@example.com"`:  true,

		// what is not known
		`device.serialNumber -eq null`:         true,
		`device.serialNumber -eq $null`:        true,
		`device.serialNumber -eq NULL`:         true,
		`device.serialNumber -eq ""`:           true,
		`device.serialNumber -eq "null"`:       false,
		`device.serialNumber -ne null`:         false,
		`device.serialNumber -ne "x"`:          true,
		`device.serialNumber -in ["", "x"]`:    true,
		`device.serialNumber -notContains "x"`: true,
		`device.serialNumber -match "."`:       false,
		`device.serialNumber -match ""`:        true,
		`device.deviceName -eq null`:           false,
		`device.deviceName -ne null`:           true,
		`device.deviceName -eq ''`:             false,

		// names
		`DEVICE.DisplayName EQ 'pc-0042'`:                true,
		`device.id -startsWith "0F6C"`:                   true,
		`device.deviceId -startsWith "0f6c"`:             true,
		`device.operatingSystem -eq "linux"`:             true,
		`device.osType -eq "linux"`:                      true,
		`device.deviceOSType -eq "linux"`:                true,
		`device.operatingSystemVersion eq "12.4"`:        true,
		`device.deviceOSVersion -eq "12.4"`:              true,
		`device.deviceManufacturer -eq "müller"`:         true,
		`device.deviceModel -contains "9"`:               true,
		`device.deviceCategory -eq "kiosk"`:              true,
		`device.deviceOwnership -eq "Company"`:           true,
		`device.managedDeviceOwnerType eq "company"`:     true,
		`device.deviceOwnership -eq "Corporate"`:         true,
		`device.deviceOwnership -in ["x", "corporate"]`:  true,
		`device.deviceOwnership -ne "Corporate"`:         false,
		`device.deviceOwnership -startsWith "Corporate"`: false,
		`device.deviceOwnership -eq "Personal"`:          false,

		// truth and numbers
		`device.isEncrypted -eq true`:                            true,
		`device.isEncrypted -eq True`:                            true,
		`device.isEncrypted -eq "True"`:                          true,
		`device.isEncrypted -eq $true`:                           true,
		`device.isEncrypted -ne false`:                           true,
		`device.isEncrypted -eq false`:                           false,
		`device.isEncrypted -ne true`:                            false,
		`device.physicalMemoryInBytes -eq 8589934592`:            true,
		`device.physicalMemoryInBytes -ne 8589934592`:            false,
		`device.physicalMemoryInBytes -ge 8589934592`:            true,
		`device.physicalMemoryInBytes -gt 8589934592`:            false,
		`device.physicalMemoryInBytes -gt 8589934591`:            true,
		`device.physicalMemoryInBytes -le 8589934592`:            true,
		`device.physicalMemoryInBytes -le 8589934591`:            false,
		`device.physicalMemoryInBytes -lt 8589934592`:            false,
		`device.physicalMemoryInBytes -lt 9223372036854775807`:   true,
		`device.totalStorageSpaceInBytes -in [1, 1099511627776]`: true,
		`device.totalStorageSpaceInBytes -notIn [1]`:             true,
		`device.freeStorageSpaceInBytes -eq 0`:                   true,
		`device.freeStorageSpaceInBytes -gt -1`:                  true,

		// logic: not, then and, then or
		`device.id eq "" and device.id eq "" or device.model ne ""`:            true,
		`device.model ne "" or device.id eq "" and device.id eq ""`:            true,
		`(device.model ne "" or device.id eq "") and device.id eq ""`:          false,
		`not device.id eq "" and device.model ne ""`:                           true,
		`-not device.model ne "" or device.model ne ""`:                        true,
		`-not (device.model ne "" or device.model ne "")`:                      false,
		`-not(device.id eq "")`:                                                true,
		`not not device.model ne ""`:                                           true,
		`(device.osVersion -startsWith "12.") and (device.deviceName -ne "x")`: true,
		`(device.osVersion -startsWith "12.")-AND(device.deviceName-eq"x")`:    false,
		"\t( (device.isEncrypted\n-eq true) )\r\n":                             true,
	}
	for text, want := range cases {
		rule, err := plimsoll.ParseRule("membershipRule", text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := rule.Matches(ruleFacts()); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
		again, err := plimsoll.ParseRule("membershipRule", rule.String())
		if err != nil || again.String() != rule.String() || again.Matches(ruleFacts()) != want {
			t.Errorf("%s: reads %s, which reads %v, %v", text, rule, again, err)
		}
	}
}

func TestRuleString(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		`( (DEVICE.ID EQ 'a') )`:                       `device.deviceId -eq "a"`,
		`device.osType in['a',"b"]`:                    `device.operatingSystem -in ["a", "b"]`,
		`device.isEncrypted eq "TRUE"`:                 `device.isEncrypted -eq true`,
		`device.freeStorageSpaceInBytes notin[007,-1]`: `device.freeStorageSpaceInBytes -notIn [7, -1]`,
		`device.id eq '"''' -OR device.id EQ $NULL`:    "device.deviceId -eq \"`\"'\" or device.deviceId -eq null",
		`device.deviceOwnership eq 'corporate'`:        `device.deviceOwnership -eq "Company"`,
		`(device.id eq "1" or device.id eq "2") -and -not(device.id eq "3" -and (device.id eq "4" and device.id eq "5"))`: //
		`(device.deviceId -eq "1" or device.deviceId -eq "2") and ` +
			`not (device.deviceId -eq "3" and device.deviceId -eq "4" and device.deviceId -eq "5")`,
		`(device.id eq "1" and device.id eq "2") or device.id eq "3"`://
		`device.deviceId -eq "1" and device.deviceId -eq "2" or device.deviceId -eq "3"`,
	}
	for text, want := range cases {
		if got := mustParseRule(t, text).String(); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	// The names written out would make this one longer than a rule may be.
	long := strings.Repeat(`device.id eq"" or `, 80) + `device.id in["` + strings.Repeat(`","`, 480) + `"]`
	rule := mustParseRule(t, long)
	if rule.String() != long {
		t.Errorf("a rule of %d characters became one of %d", len(long), len(rule.String()))
	}
}

func TestRuleRefusals(t *testing.T) {
	t.Parallel()
	const known = "device.deviceName, device.deviceId, device.operatingSystem, device.osVersion"
	term := `device.id eq "a"`
	cases := []struct{ text, want string }{
		{"", "character 1: A rule must not be empty"},
		{" \n", "character 1: A rule must not be empty"},
		{strings.Repeat("é", plimsoll.MaxRule+1), "has 3073 characters; at most 3072"},
		{"device.id eq \"\xff\"", "not valid UTF-8"},
		{"device.id eq \"\x00\"", "U+0000"},
		{`device.osVersio eq "1"`, "character 1: device.osVersio is not a property. The properties are " + known},
		{`(osVersion eq "1")`, "character 2: osVersion is not a property"},
		{`-device.id eq "1"`, "character 1: -device.id is not a property"},
		{`device.memberOf -any (group.objectId -in ["x"])`, "not of groups or other rules"},
		{`user.department eq "x"`, "a rule speaks of devices"},
		{`"a" eq "a"`, `character 1: the text "a" is unexpected`},
		{`device.id`, "character 10: The end is not an operator for device.deviceId, which is text. Its operators are -eq, -ne"},
		{`device.id -like "x"`, "character 11: -like is not an operator"},
		{`device.id = "x"`, "character 11: '=' is unexpected"},
		{`device.id -lt "x"`, "character 11: -lt is not an operator"},
		{`device.isEncrypted -contains true`, "which is true or false. Its operators are -eq, -ne."},
		{`device.physicalMemoryInBytes -match "1"`, "which is a whole number. Its operators are -eq, -ne, -lt"},
		{`device.id eq`, "character 13: The end is not a value"},
		{`device.id eq x`, "character 14: x is not a value: text stands in quotation marks"},
		{`device.id eq 5`, "character 14: -eq compares device.deviceId with text, which 5 is not"},
		{`device.id eq true`, "which true is not"},
		{`device.id startsWith null`, "which null is not"},
		{`device.id in ["a", null]`, "character 20: -in compares"},
		{`device.isEncrypted eq "yes"`, `true or false, which the text "yes" is not`},
		{`device.isEncrypted eq null`, "which null is not"},
		{`device.physicalMemoryInBytes eq "5"`, `a whole number, which the text "5" is not`},
		{`device.physicalMemoryInBytes gt null`, "which null is not"},
		{`device.physicalMemoryInBytes gt 9223372036854775808`, "beyond the whole numbers of 64 bits"},
		{`device.physicalMemoryInBytes gt 1.5`, "character 33: 1.5 is not a whole number"},
		{`device.physicalMemoryInBytes gt - 1`, "character 33: '-' is unexpected"},
		{`device.id eq "a`, `character 14: The text that begins here has no closing "`},
		{`device.id eq 'a''`, `character 14: The text that begins here has no closing '`},
		{"device.id eq \"a`b\"", "character 16: A backtick escapes"},
		{"device.id eq \"a`", "character 16: A backtick escapes"},
		{`device.id eq “a”`, "character 14: “ is not a quotation mark here"},
		{`device.id eq "é" x`, "character 18: x is unexpected: after a comparison comes and, or, or the end"},
		{`device.id eq ["a"]`, "character 14: -eq compares with one value"},
		{`device.id in "a"`, "character 14: the text \"a\" is unexpected: -in takes a list"},
		{`device.id in []`, "character 15: ] is not a value"},
		{`device.id in ["a""b"]`, `character 18: the text "b" is unexpected: a list's values are parted by commas`},
		{`device.id in ["a"`, "character 18: The end is unexpected: a list's values"},
		{`device.id in ["a",]`, "character 19: ] is not a value"},
		{`(` + term, "character 18: The end is unexpected: after a comparison comes and, or, or )"},
		{term + `)`, "character 17: ) is unexpected"},
		{term + ` and`, "character 21: The end is unexpected: here stands a property"},
		{`and ` + term, "character 1: and is not a property"},
		{`()`, "character 2: ) is unexpected"},
		{`device.id match "a("`, "character 17: The pattern is not one of RE2's: missing closing ), a("},
		{`device.id match "(?=a)"`, "The pattern is not one of RE2's: invalid or unsupported Perl syntax, (?="},
		{`device.id match "a)|(b"`, "The pattern is not one of RE2's: unexpected ), a)|(b"},
		{`device.id match "` + strings.Repeat("é", 501) + `"`, "The pattern has 501 characters; at most 500"},
		{`device.id match "((abcd){20}){50}"`, "their repetitions written out, come to"},
		{`device.id match "(abcd){999,}"`, "their repetitions written out, come to"},
		{strings.Repeat(`device.id match "a{999}" and `, 5), "character 133: The rule's patterns, their repetitions written out, come to 4995"},
		{strings.Repeat("(", 51) + term, "character 51: Parentheses and -not are nested at most 50 deep"},
		{strings.Repeat("not ", 51) + term, "nested at most 50 deep"},
		{strings.Repeat(term+" or ", 100) + term, "character 2001: A rule has at most 100 comparisons"},
		{`device.id in [""` + strings.Repeat(`,""`, 500) + `]`, "A list has at most 500 values"},
		{strings.Repeat("x", 3000), strings.Repeat("x", 60) + "… is not a property"},
	}
	for _, c := range cases {
		_, err := plimsoll.ParseRule("membershipRule", c.text)
		e, ok := err.(*plimsoll.Error) //nolint:errorlint // ParseRule wraps nothing
		if !ok || e.Code != plimsoll.Invalid || e.Property != "membershipRule" ||
			!strings.HasPrefix(e.Message, "membershipRule") || !strings.Contains(e.Message, c.want) {
			t.Errorf("%.80s:\n got %v\nwant %s", c.text, err, c.want)
		}
	}
}

// TestRuleLimits takes what stands just within each limit.
func TestRuleLimits(t *testing.T) {
	t.Parallel()
	term := `device.id ne "a"`
	for _, text := range []string{
		strings.Repeat("(", 50) + term + strings.Repeat(")", 50),
		strings.Repeat("not ", 50) + term,
		strings.Repeat(term+" and ", 99) + term,
		`device.id notIn ["x"` + strings.Repeat(`,""`, 499) + `]`,
		`device.id notMatch "` + strings.Repeat("é", 500) + `"`,
		`device.id notMatch "(ab){400}"`,
		`device.id ne "` + strings.Repeat("é", plimsoll.MaxRule-15) + `"`,
	} {
		if !mustParseRule(t, text).Matches(ruleFacts()) {
			t.Errorf("%.40s is false", text)
		}
	}
}

func mustParseRule(tb testing.TB, text string) *plimsoll.Rule {
	tb.Helper()
	rule, err := plimsoll.ParseRule("rule", text)
	if err != nil {
		tb.Fatal(text, err)
	}
	return rule
}

func BenchmarkRule(b *testing.B) {
	rule := mustParseRule(b, `device.operatingSystem -eq "linux" and device.osVersion -startsWith "12." and `+
		`device.deviceName -match "^pc-\d+" and device.deviceCategory -in ["desk", "kiosk"] and `+
		`device.physicalMemoryInBytes -ge 8589934592`)
	facts := ruleFacts()
	b.ReportAllocs()
	for b.Loop() {
		if !rule.Matches(facts) {
			b.Fatal("no match")
		}
	}
}
