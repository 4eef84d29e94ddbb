package odata

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func allOptions() []Option {
	return []Option{OptionSelect, OptionExpand, OptionTop, OptionCount, OptionSkipToken}
}

func TestParseQuery(t *testing.T) {
	t.Parallel()
	cases := map[string]Query{
		"":                               {Top: -1},
		"&":                              {Top: -1},
		"$top=5&$count=true":             {Top: 5, Count: true},
		"top=0&count=false":              {Top: 0},
		"%24top=5":                       {Top: 5},
		"$select=id,displayName&":        {Top: -1, Select: []string{"id", "displayName"}},
		"$select=id%2C%20name":           {Top: -1, Select: []string{"id", "name"}},
		"$select=*&$expand=runSummary":   {Top: -1, Select: []string{"*"}, Expand: []string{"runSummary"}},
		"$skiptoken=abc&$top=2147483647": {Top: 2147483647, SkipToken: "abc"},
	}
	for raw, want := range cases {
		got, err := ParseQuery(raw, allOptions()...)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v %s", raw, err, diff)
		}
	}
}

func TestParseQueryRefuses(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"$filter=x eq 1":          `"$filter" at position 0 is not supported here`,
		"$top=1&$orderby=name":    `"$orderby" at position 7 is not supported here`,
		"debug=1":                 `"debug" at position 0 is not supported here`,
		"$Top=1":                  `"$Top" at position 0 is not supported`,
		"$top=1&top=2":            "$top is given again at position 7",
		"=2":                      "at position 0 has no name",
		"$top=-1":                 `$top at position 0 must be an integer from 0 to 2147483647, not "-1"`,
		"$top=+1":                 "must be an integer",
		"$top=":                   "must be an integer",
		"$top=2147483648":         "must be an integer",
		"$top=ten":                "must be an integer",
		"$count=1":                "must be true or false",
		"$select=":                "must list",
		"$select=a,,b":            "must list",
		"$expand=a($select=b)":    "must list",
		"$select=%zz":             "not percent-encoded correctly at position 0",
		"$skiptoken=":             "must be the token",
		strings.Repeat("a", 9000): "at most 8192",
	}
	for raw, want := range cases {
		_, err := ParseQuery(raw, allOptions()...)
		if e, ok := errors.AsType[*Error](err); !ok || !strings.Contains(e.Message, want) {
			t.Errorf("%q: %v, want %q", raw, err, want)
		}
	}
}

func anyKey(string) bool { return true }

func TestSkipToken(t *testing.T) {
	t.Parallel()
	token := SkipToken("things", "key/1")
	if key, err := ParseSkipToken("things", token, anyKey); err != nil || key != "key/1" {
		t.Error(key, err)
	}
	for _, bad := range []string{"", "x", token + "A", token[1:], strings.ToUpper(token), "AAAAAAAAAAAAAAAA"} {
		if _, err := ParseSkipToken("things", bad, anyKey); err == nil {
			t.Errorf("%q was taken for a token", bad)
		}
	}
	if _, err := ParseSkipToken("others", token, anyKey); err == nil {
		t.Error("a token of another query was taken")
	}
	if _, err := ParseSkipToken("things", token, func(key string) bool { return key != "key/1" }); err == nil {
		t.Error("a token of what is no key was taken")
	}
}

func FuzzParseQuery(f *testing.F) {
	f.Add("$select=id,name&$top=5")
	f.Add("%24skiptoken=abc&count=true")
	f.Fuzz(func(t *testing.T, raw string) {
		if _, err := ParseQuery(raw, allOptions()...); err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("%q: %T", raw, err)
			}
		}
	})
}

func FuzzParseSkipToken(f *testing.F) {
	f.Add(SkipToken("things", "key"))
	f.Fuzz(func(t *testing.T, token string) {
		if key, err := ParseSkipToken("things", token, anyKey); err == nil && SkipToken("things", key) != token {
			t.Fatalf("%q is taken for the token of %q", token, key)
		}
	})
}

func TestNegotiation(t *testing.T) {
	t.Parallel()
	accepts := map[string]bool{
		"": true, "*/*": true, "application/json": true, "application/*": true,
		"text/html, application/json;q=0.9":                          true,
		"application/json;odata.metadata=minimal":                    true,
		"application/json;odata.metadata=minimal;q=1, */*":           true,
		"application/json;odata.metadata=full":                       false,
		"application/json;charset, */*":                              true,
		"application/json;odata.metadata=full;q=0, application/json": true,
		"application/json;q=0, */*":                                  false,
		"application/json;q=0":                                       false,
		"text/html":                                                  false,
		"application/xml":                                            false,
		";;;":                                                        false,
	}
	for header, want := range accepts {
		if err := CheckAccept(header, JSON); (err == nil) != want {
			t.Errorf("Accept %q: %v", header, err)
		}
	}
	types := map[string]bool{
		"application/json": true, "application/json; charset=UTF-8": true,
		"APPLICATION/JSON;odata.metadata=minimal": true,
		"": false, "text/plain": false, "application/json; charset=utf-16": false, "application/xml": false, "json": false,
	}
	for header, want := range types {
		if err := CheckContentType(header); (err == nil) != want {
			t.Errorf("Content-Type %q: %v", header, err)
		}
	}
	prefers := map[string]bool{
		"return=minimal": true, `return="minimal"`: true, "odata.maxpagesize=5, return=minimal; x=y": true,
		"return=representation": false, "": false, "return=representation, return=minimal": false,
	}
	for header, want := range prefers {
		if got := PrefersMinimal([]string{header}); got != want {
			t.Errorf("Prefer %q: %t", header, got)
		}
	}
}
