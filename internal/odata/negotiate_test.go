package odata

import (
	"errors"
	"strings"
	"testing"
)

func TestNegotiate(t *testing.T) {
	t.Parallel()
	json := Representation{Media: JSON}
	full := Representation{Media: JSON, Metadata: FullMetadata}
	none := Representation{Media: JSON, Metadata: NoMetadata}
	ieee := Representation{Media: JSON, IEEE754: true}
	xml := Representation{Media: XML}
	plain := Representation{Media: Plain}
	both, onlyJSON := []string{JSON, XML}, []string{JSON}
	xmlFirst := []string{XML, JSON}
	cases := []struct {
		accept, format string
		serves         []string
		want           Representation // Media "" is a refusal
	}{
		{"", "", onlyJSON, json},
		{" ", "", both, json},
		{"", "", xmlFirst, xml},
		{"application/json", "", onlyJSON, json},
		{"Application/JSON", "", onlyJSON, json},
		{"*/*", "", xmlFirst, xml},
		{"application/*", "", both, json},
		{"text/*", "", both, Representation{}},
		{"text/*", "", []string{Plain}, plain},
		{"text/plain;charset=utf-8", "", []string{Plain}, plain},
		{"application/octet-stream", "", []string{Binary}, Representation{Media: Binary}},
		{"text/html", "", both, Representation{}},
		{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "", both, xml},
		{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "", onlyJSON, json},
		{"*", "", onlyJSON, Representation{}},

		// forms of JSON
		{"application/json;odata.metadata=minimal", "", onlyJSON, json},
		{"application/json;odata.metadata=full", "", onlyJSON, full},
		{"application/json; odata.metadata=none", "", onlyJSON, none},
		{"application/json;ODATA.Metadata=none", "", onlyJSON, none},
		{`application/json;odata.metadata="full"`, "", onlyJSON, full},
		{"application/json;metadata=full", "", onlyJSON, full},
		{"application/json;odata.metadata=none;metadata=full", "", onlyJSON, none},
		{"application/json;odata.metadata=verbose", "", onlyJSON, Representation{}},
		{"application/json;odata.metadata=verbose,*/*;q=0.1", "", onlyJSON, json},
		{"application/json;odata.metadata=minimal;odata.streaming=true;charset=utf-8", "", onlyJSON, json},
		{"application/json;IEEE754Compatible=true", "", onlyJSON, ieee},
		{"application/json;ieee754compatible=TRUE", "", onlyJSON, ieee},
		{"application/json;IEEE754Compatible=false", "", onlyJSON, json},
		{
			"application/json;odata.metadata=none;IEEE754Compatible=true", "", onlyJSON,
			Representation{Media: JSON, Metadata: NoMetadata, IEEE754: true},
		},

		// weights
		{"application/json;q=0.2,application/xml;q=0.7", "", both, xml},
		{"application/xml;q=0.2,application/json;q=0.7", "", both, json},
		{"application/xml, application/json", "", both, json}, // as it is served, where both are liked as much
		{"application/xml, application/json, */*", "", both, json},
		{"application/json;odata.metadata=full;q=0.5,application/json;odata.metadata=none", "", onlyJSON, none},
		{"application/json;q=0.1,*/*", "", both, xml},
		{"*/*,application/json;q=0.1", "", both, xml},
		{"application/*;q=0.1,application/xml;q=0.2,*/*", "", both, xml},
		{"application/json;q=abc", "", onlyJSON, json},
		{"application/json;q=2", "", onlyJSON, json},
		{"application/json;q=NaN", "", onlyJSON, json},

		// refusals
		{"application/json;q=0", "", onlyJSON, Representation{}},
		{"application/json;q=0.000", "", onlyJSON, Representation{}},
		{"application/json;q=0,*/*", "", onlyJSON, Representation{}},
		{"*/*,application/json;q=0", "", onlyJSON, Representation{}},
		{"application/json;q=0,*/*", "", both, xml},
		{"*/*,application/json;q=0", "", both, xml},
		{"application/*;q=0,*/*", "", both, Representation{}},
		{"*/*;q=0", "", both, Representation{}},
		{"*/*;q=0,application/json", "", both, json},
		{"application/json;odata.metadata=full;q=0,application/json", "", onlyJSON, json},
		{"application/json;odata.metadata=full;q=0,*/*", "", onlyJSON, json},
		{"application/json;odata.metadata=full;q=0", "", onlyJSON, Representation{}},

		// what cannot be read
		{"application/json;bogus,*/*", "", onlyJSON, json},
		{"application/json;;q=1", "", onlyJSON, Representation{}},
		{",,application/json,", "", onlyJSON, json},
		{"garbage/", "", onlyJSON, Representation{}},

		// $format
		{"text/html", "json", onlyJSON, json},
		{"application/json", "XML", both, xml},
		{"application/json", "xml", onlyJSON, Representation{}},
		{"text/html", "JSON", both, json},
		{"", "application/json", both, json},
		{"", "application/json;odata.metadata=full", onlyJSON, full},
		{"", "application/json;metadata=none;IEEE754Compatible=true", onlyJSON, Representation{Media: JSON, Metadata: NoMetadata, IEEE754: true}},
		{"", "application/xml", both, xml},
		{"", "atom", both, Representation{}},
		{"*/*", "text/csv", both, Representation{}},
	}
	for _, c := range cases {
		got, err := Negotiate(c.accept, c.format, c.serves...)
		if got != c.want || (err == nil) != (c.want.Media != "") {
			t.Errorf("%q, %q of %v: %+v, %v, want %+v", c.accept, c.format, c.serves, got, err, c.want)
		}
		header := "Accept"
		if c.format != "" {
			header = "$format"
		}
		if e, ok := errors.AsType[*Error](err); err != nil && (!ok || e.Kind != NotAcceptable || e.Target != header) {
			t.Errorf("%q, %q: %+v", c.accept, c.format, err)
		}
	}
	_, err := Negotiate("text/html", "", JSON, XML)
	const want = "Only application/json or application/xml is served here (JSON with odata.metadata=minimal, none or full); " +
		`Accept asks for "text/html".`
	if err == nil || err.Error() != want {
		t.Error(err)
	}
	many := strings.Repeat("*/*,", 200_000) + "text/html"
	if got, err := Negotiate(many, "", JSON); err != nil || got != json {
		t.Error(got, err)
	}
}

func TestContentType(t *testing.T) {
	t.Parallel()
	cases := map[Representation]string{
		{Media: JSON}:                                      "application/json;odata.metadata=minimal;charset=utf-8",
		{Media: JSON, Metadata: FullMetadata}:              "application/json;odata.metadata=full;charset=utf-8",
		{Media: JSON, Metadata: NoMetadata, IEEE754: true}: "application/json;odata.metadata=none;IEEE754Compatible=true;charset=utf-8",
		{Media: XML}:                                       "application/xml;charset=utf-8",
		{Media: Plain}:                                     "text/plain;charset=utf-8",
		{Media: Binary, Metadata: FullMetadata, IEEE754: true}: "application/octet-stream",
	}
	for r, want := range cases {
		if got := r.ContentType(); got != want {
			t.Errorf("%+v: %s, want %s", r, got, want)
		}
	}
}

func TestCheckContentType(t *testing.T) {
	t.Parallel()
	for _, header := range []string{
		"application/json", "Application/JSON;charset=UTF-8", `application/json; charset="utf-8"`, "application/json;odata.metadata=minimal",
	} {
		if err := CheckContentType(header); err != nil {
			t.Errorf("%q: %v", header, err)
		}
	}
	for _, header := range []string{"", "text/json", "application/xml", "application/json;charset=latin1", "application/json;charset", "json", "application/json,text/plain"} {
		err := CheckContentType(header)
		if e, ok := errors.AsType[*Error](err); !ok || e.Kind != UnsupportedMediaType || e.Target != "Content-Type" {
			t.Errorf("%q: %v", header, err)
		}
	}
}

func TestCheckVersions(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{{"", ""}, {"4.0", ""}, {"4.01", "4.01"}, {"", "4.0"}, {"", "4"}, {"", "5.0"}, {"4.0", "10"}} {
		if err := CheckVersions(c[0], c[1]); err != nil {
			t.Errorf("%q: %v", c, err)
		}
	}
	for _, version := range []string{"3.0", "4", "4.00", "5.0", "x", "4.0;", " 4.0"} {
		if e, ok := errors.AsType[*Error](CheckVersions(version, "")); !ok || e.Kind != BadRequest || e.Target != "OData-Version" {
			t.Errorf("%q: %v", version, e)
		}
	}
	for _, most := range []string{"3.0", "3.99", "0", "-4.0", "x", "Inf", "NaN", "1e9", "0x1p4", "4.0;", "."} {
		if e, ok := errors.AsType[*Error](CheckVersions("", most)); !ok || e.Kind != BadRequest || e.Target != "OData-MaxVersion" {
			t.Errorf("%q: %v", most, e)
		}
	}
}

func TestParsePreferences(t *testing.T) {
	t.Parallel()
	cases := []struct {
		headers []string
		want    Preferences
	}{
		{nil, Preferences{}},
		{[]string{"", ","}, Preferences{}},
		{[]string{"return=minimal"}, Preferences{Return: "minimal"}},
		{[]string{`Return = "representation"`}, Preferences{Return: "representation"}},
		{[]string{"return=minimal;x=y"}, Preferences{Return: "minimal"}},
		{[]string{"return=other"}, Preferences{}},
		{[]string{"return=minimal, return=representation"}, Preferences{Return: "minimal"}},
		{[]string{"return=minimal", "return=representation"}, Preferences{Return: "minimal"}},
		{[]string{"return=other", "return=representation"}, Preferences{Return: "representation"}},
		{[]string{"odata.maxpagesize=5"}, Preferences{MaxPageSize: 5}},
		{[]string{"OData.MaxPageSize=5"}, Preferences{MaxPageSize: 5}},
		{[]string{"maxpagesize=5,odata.maxpagesize=6"}, Preferences{MaxPageSize: 5}},
		{[]string{"maxpagesize=0"}, Preferences{}},
		{[]string{"maxpagesize=-1,maxpagesize=x,maxpagesize=,maxpagesize,maxpagesize=2147483648"}, Preferences{}},
		{[]string{"maxpagesize=2147483647"}, Preferences{MaxPageSize: 2147483647}},
		{[]string{"continue-on-error"}, Preferences{ContinueOnError: true}},
		{[]string{"odata.continue-on-error=true"}, Preferences{ContinueOnError: true}},
		{[]string{"continue-on-error=false"}, Preferences{}},
		{[]string{"continue-on-error=false", "continue-on-error"}, Preferences{}},
		{
			[]string{"respond-async, wait=10, odata.continue-on-error, return=minimal", "odata.maxpagesize=7; foo"},
			Preferences{Return: "minimal", MaxPageSize: 7, ContinueOnError: true},
		},
	}
	for _, c := range cases {
		if got := ParsePreferences(c.headers); got != c.want {
			t.Errorf("%q: %+v, want %+v", c.headers, got, c.want)
		}
	}
}
