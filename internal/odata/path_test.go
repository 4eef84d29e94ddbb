package odata

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestParsePath(t *testing.T) {
	t.Parallel()
	cases := map[string][]string{
		"":                      nil,
		"/":                     nil,
		"/beta/":                {"beta"},
		"/beta/things/1":        {"beta", "things", "1"},
		"/beta/things('1')":     {"beta", "things", "'1'"},
		"/beta/things(id='1')":  {"beta", "things", "'1'"},
		"/things('1')/part":     {"things", "'1'", "part"},
		"/things(%271%27)/part": {"things", "'1'", "part"},
		"/things('it''s')":      {"things", "'it's'"},
		"/things('a%2Fb')":      {"things", "'a/b'"},
		"/things/a%2Fb":         {"things", "a/b"},
		"/things('(')":          {"things", "'('"},
		"/things/1/ns.f()":      {"things", "1", "ns.f"},
		"/$metadata":            {"$metadata"},
		"/%24metadata":          {"$metadata"},
	}
	for path, want := range cases {
		got, err := ParsePath(path, isTestFunction)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v, want %q", path, got, err, want)
		}
	}
}

func TestParsePathRefuses(t *testing.T) {
	t.Parallel()
	cases := map[string]Kind{
		"/a//b":                         NotFound,
		"//a":                           NotFound,
		"/a/./b":                        NotFound,
		"/a/../b":                       NotFound,
		"/a/%2e%2e/b":                   NotFound,
		"/things('..')":                 NotFound,
		"/things/'1'":                   NotFound,
		"/a/%00":                        NotFound,
		"/a/%ff":                        NotFound,
		"/things('%0a')":                NotFound,
		"/a/%zz":                        NotFound,
		"/.('1')":                       NotFound,
		strings.Repeat("/a", 17):        NotFound,
		"/" + strings.Repeat("a", 4096): NotFound,
		"/things(1)":                    BadRequest,
		"/things('1'":                   BadRequest,
		"/things('')":                   BadRequest,
		"/things('it's')":               BadRequest,
		"/things(key='1')":              BadRequest,
	}
	for path, want := range cases {
		got, err := ParsePath(path, isTestFunction)
		if e, ok := errors.AsType[*Error](err); !ok || e.Kind != want {
			t.Errorf("%q: %q, %v, want %d", path, got, err, want)
		}
	}
}

func FuzzParsePath(f *testing.F) {
	f.Add("/beta/things('it''s')/part")
	f.Add("/beta/things(%271%27)/ns.f()")
	f.Fuzz(func(t *testing.T, path string) {
		segments, err := ParsePath(path, isTestFunction)
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("%q: %T", path, err)
			}
			return
		}
		for _, segment := range segments {
			if segment == "" || segment == "." || segment == ".." {
				t.Fatalf("%q has the segment %q", path, segment)
			}
		}
	})
}

func isTestFunction(name string) bool { return name == "ns.f" }
