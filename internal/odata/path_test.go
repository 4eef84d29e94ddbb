package odata

import (
	"errors"
	"maps"
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
		"/things/ns.g(to=2)/x":  {"things", "ns.g", "x"},
		"/things/ns.g":          {"things", "ns.g"},
		"/$metadata":            {"$metadata"},
		"/%24metadata":          {"$metadata"},
	}
	for path, want := range cases {
		got, _, err := ParsePath(path, testFunction)
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
		"/things()":                     NotFound,
		"/things/ns.f(from=1)":          BadRequest,
		"/things/ns.f(":                 BadRequest,
		"/things/ns.g(from=1":           BadRequest,
		"/things/ns.g(from=)":           BadRequest,
		"/things/ns.g(from)":            BadRequest,
		"/things/ns.g(from=1,from=2)":   BadRequest,
		"/things/ns.g(from=1,)":         BadRequest,
		"/things/ns.g(other=1)":         BadRequest,
	}
	for path, want := range cases {
		got, _, err := ParsePath(path, testFunction)
		if e, ok := errors.AsType[*Error](err); !ok || e.Kind != want {
			t.Errorf("%q: %q, %v, want %d", path, got, err, want)
		}
	}
}

func FuzzParsePath(f *testing.F) {
	f.Add("/beta/things('it''s')/part")
	f.Add("/beta/things(%271%27)/ns.f()")
	f.Add("/things/ns.g(from=1,to=2)")
	f.Fuzz(func(t *testing.T, path string) {
		segments, arguments, err := ParsePath(path, testFunction)
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("%q: %T", path, err)
			}
			return
		}
		for name, value := range arguments {
			if name != "from" && name != "to" || value == "" {
				t.Fatalf("%q has the argument %q=%q", path, name, value)
			}
		}
		for _, segment := range segments {
			if segment == "" || segment == "." || segment == ".." {
				t.Fatalf("%q has the segment %q", path, segment)
			}
		}
	})
}

func testFunction(name string) (parameters []string, isFunction bool) {
	if name == "ns.g" {
		parameters = []string{"from", "to"}
	}
	return parameters, name == "ns.f" || name == "ns.g"
}

func TestParsePathArguments(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]map[string]string{
		"/things/ns.f()":     nil,
		"/things/ns.g()":     nil,
		"/things/ns.g(to=2)": {"to": "2"},
		"/things/ns.g(from=2026-01-01T00:00:00Z,to=a=b)": {"from": "2026-01-01T00:00:00Z", "to": "a=b"},
		"/things/ns.g%28from%3D00%3A00%2B01%3A00%29":     {"from": "00:00+01:00"},
	} {
		_, got, err := ParsePath(path, testFunction)
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("%q: %q, %v, want %q", path, got, err, want)
		}
	}
}
