package odata

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// note has an entity tag, a part of its own and a list of parts.
type note struct {
	ID      string
	Text    string
	Changes int64
	Best    *testPart
	Parts   Collection[testPart]
}

func noteType() *EntityType[note] {
	part := Declare(EntityType[testPart]{
		Name: "test.part", Base: "test.entity",
		Properties: []Property[testPart]{
			String("name", func(p *testPart) *string { return &p.Name }),
			Int32("size", func(p *testPart) *int32 { return &p.Size }),
		},
		Key: func(p *testPart) string { return p.Name },
	})
	return Declare(EntityType[note]{
		Name: "test.note", Base: "test.entity",
		Properties: []Property[note]{
			String("id", func(n *note) *string { return &n.ID }),
			TextOrNull("text", func(n *note) *string { return &n.Text }),
		},
		Navigations: []Navigation[note]{
			One("best", part, func(n *note) *testPart { return n.Best }),
			Many("parts", part, func(n *note) *Collection[testPart] { return &n.Parts }),
		},
		Key:     func(n *note) string { return n.ID },
		Changes: func(n *note) int64 { return n.Changes },
	})
}

func TestAppendEntity(t *testing.T) {
	t.Parallel()
	n := note{
		ID: "it's/1", Text: "<\"ü\u2028\xff>", Changes: 3, Best: &testPart{Name: "b", Size: 1},
		Parts: Collection[testPart]{Rows: []testPart{{"p", 2}, {"q", -3}}, Total: 7, NextLink: "https://h/beta/next?a=1&b=2"},
	}
	empty := note{ID: "2"}
	cases := []struct {
		name   string
		value  note
		raw    string
		writer Writer
		want   []string // the members, in order
	}{
		{"none", n, "", Writer{Metadata: NoMetadata}, []string{`"id":"it's/1"`, "\"text\":\"<\\\"ü\u2028\ufffd>\""}},
		{"minimal", n, "", Writer{}, []string{`"@odata.etag":"W/\"3\""`, `"@odata.type":"#test.note"`, `"id":"it's/1"`, "\"text\":\"<\\\"ü\u2028\ufffd>\""}},
		{"null", empty, "$select=text", Writer{Metadata: NoMetadata}, []string{`"text":null`}},
		{"nothing selected", empty, "$select=best", Writer{Metadata: NoMetadata}, nil},
		{"selected in another order", empty, "$select=text,id", Writer{Metadata: NoMetadata}, []string{`"id":"2"`, `"text":null`}},
		{"full", empty, "", Writer{Metadata: FullMetadata, Base: "https://h/beta"}, []string{
			`"@odata.etag":"W/\"0\""`, `"@odata.type":"#test.note"`,
			`"@odata.id":"https://h/beta/notes('2')"`, `"@odata.editLink":"notes('2')"`,
			`"id":"2"`, `"text":null`,
			`"best@odata.navigationLink":"https://h/beta/notes('2')/best"`,
			`"parts@odata.navigationLink":"https://h/beta/notes('2')/parts"`,
		}},
		{"full, of what is selected", empty, "$select=text,parts", Writer{Metadata: FullMetadata, Base: "https://h/beta"}, []string{
			`"@odata.etag":"W/\"0\""`, `"@odata.type":"#test.note"`,
			`"@odata.id":"https://h/beta/notes('2')"`, `"@odata.editLink":"notes('2')"`,
			`"text":null`,
			`"parts@odata.navigationLink":"https://h/beta/notes('2')/parts"`,
		}},
		{"one that is not there", empty, "$select=id&$expand=best", Writer{Metadata: NoMetadata}, []string{`"id":"2"`, `"best":null`}},
		{"none of many", empty, "$select=id&$expand=parts($count=true)", Writer{Metadata: NoMetadata}, []string{
			`"id":"2"`, `"parts@odata.count":0`, `"parts":[]`,
		}},
		{"expanded", n, "$select=id&$expand=parts($select=size;$count=true),best($select=name)", Writer{IEEE754: true}, []string{
			`"@odata.etag":"W/\"3\""`, `"@odata.type":"#test.note"`, `"id":"it's/1"`,
			`"best":{"@odata.type":"#test.part","name":"b"}`,
			`"parts@odata.count":"7"`,
			`"parts":[{"@odata.type":"#test.part","size":2},{"@odata.type":"#test.part","size":-3}]`,
			`"parts@odata.nextLink":"https://h/beta/next?a=1&b=2"`,
		}},
		{"expanded, full", n, "$select=id&$expand=best,parts($select=size)", Writer{Metadata: FullMetadata, Base: "https://h/beta"}, []string{
			`"@odata.etag":"W/\"3\""`, `"@odata.type":"#test.note"`,
			`"@odata.id":"https://h/beta/notes('2')"`, `"@odata.editLink":"notes('2')"`, `"id":"it's/1"`,
			`"best":{"@odata.type":"#test.part","@odata.id":"https://h/beta/notes('2')/best","@odata.editLink":"notes('2')/best",` +
				`"name":"b","size@odata.type":"#Int32","size":1}`,
			`"parts":[{"@odata.type":"#test.part","@odata.id":"https://h/beta/notes('2')/parts('p')","@odata.editLink":"notes('2')/parts('p')",` +
				`"size@odata.type":"#Int32","size":2},` +
				`{"@odata.type":"#test.part","@odata.id":"https://h/beta/notes('2')/parts('q')","@odata.editLink":"notes('2')/parts('q')",` +
				`"size@odata.type":"#Int32","size":-3}]`,
			`"parts@odata.nextLink":"https://h/beta/next?a=1&b=2"`,
		}},
	}
	typ := noteType()
	for _, c := range cases {
		q, err := ParseQuery(c.raw, typ.Type(), time.Time{}, OptionSelect, OptionExpand)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got := string(typ.AppendEntity([]byte("{"), &c.value, q, &c.writer, "notes('2')")) + "}"
		if want := "{" + strings.Join(c.want, ",") + "}"; got != want || !json.Valid([]byte(got)) {
			t.Errorf("%s:\ngives %s\nwant  %s", c.name, got, want)
		}
	}
}

func TestAppendCollection(t *testing.T) {
	t.Parallel()
	rows := []note{{ID: "1", Text: "a"}, {ID: "it's/2"}}
	cases := []struct {
		name   string
		list   Collection[note]
		raw    string
		writer Writer
		want   string
	}{
		{"empty", Collection[note]{}, "", Writer{}, `{"value":[]}`},
		{"empty and counted", Collection[note]{}, "$count=true", Writer{}, `{"@odata.count":0,"value":[]}`},
		{"not asked for a count", Collection[note]{Total: 5}, "", Writer{}, `{"value":[]}`},
		{"large", Collection[note]{Total: 1 << 60}, "$count=true", Writer{IEEE754: true}, `{"@odata.count":"1152921504606846976","value":[]}`},
		{
			"rows",
			Collection[note]{Rows: rows, Total: 2, NextLink: `https://h/?$skiptoken="`},
			"$select=text&$count=true",
			Writer{},
			`{"@odata.count":2,"value":[{"@odata.etag":"W/\"0\"","@odata.type":"#test.note","text":"a"},` +
				`{"@odata.etag":"W/\"0\"","@odata.type":"#test.note","text":null}],"@odata.nextLink":"https://h/?$skiptoken=\""}`,
		},
		{
			"a delta",
			Collection[note]{Rows: rows[:1], DeltaLink: "https://h/delta"},
			"$select=id",
			Writer{Metadata: NoMetadata},
			`{"value":[{"id":"1"}],"@odata.deltaLink":"https://h/delta"}`,
		},
		{ // a quote in a key is doubled, and what no path holds is escaped
			"full",
			Collection[note]{Rows: rows[1:]},
			"$select=id",
			Writer{Metadata: FullMetadata, Base: "https://h/beta"},
			`{"value":[{"@odata.etag":"W/\"0\"","@odata.type":"#test.note","@odata.id":"https://h/beta/notes('it%27%27s%2F2')",` +
				`"@odata.editLink":"notes('it%27%27s%2F2')","id":"it's/2"}]}`,
		},
	}
	typ := noteType()
	for _, c := range cases {
		q, err := ParseQuery(c.raw, typ.Type(), time.Time{}, OptionSelect, OptionCount)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got := string(typ.AppendCollection([]byte("{"), "", &c.list, q, &c.writer, "notes")) + "}"
		if got != c.want || !json.Valid([]byte(got)) {
			t.Errorf("%s:\ngives %s\nwant  %s", c.name, got, c.want)
		}
	}
}

func TestProperties(t *testing.T) {
	t.Parallel()
	text := "x\"y"
	value := thing{
		ID: "1", Name: "", Note: &text, Count: -5, Sure: true, At: time.Date(2024, 1, 31, 12, 0, 0, 100, time.UTC),
		Data: []byte{0xff, 0}, Color: "red", Labels: []string{"a", "ü"},
	}
	cases := []struct{ name, json, raw, media, annotation string }{
		{"id", `"1"`, "1", "text/plain;charset=utf-8", ""},
		{"name", `""`, "", "text/plain;charset=utf-8", ""},
		{"note", `"x\"y"`, `x"y`, "text/plain;charset=utf-8", ""},
		{"count", "-5", "-5", "text/plain;charset=utf-8", "#Int32"},
		{"sure", "true", "true", "text/plain;charset=utf-8", ""},
		{"at", `"2024-01-31T12:00:00.0000001Z"`, "2024-01-31T12:00:00.0000001Z", "text/plain;charset=utf-8", "#DateTimeOffset"},
		{"data", `"/wA="`, "\xff\x00", "application/octet-stream", "#Binary"},
		{"color", `"red"`, "red", "text/plain;charset=utf-8", "#test.color"},
		{"shade", "null", "-", "text/plain;charset=utf-8", "#test.color"},
		{"labels", `["a","ü"]`, "", "", "#Collection(String)"},
	}
	typ := thingType()
	for _, c := range cases {
		p := findProperty(typ, c.name)
		if p == nil || p.Name() != c.name || p.IsCollection() != (c.name == "labels") {
			t.Errorf("%s: %+v", c.name, p)
			continue
		}
		if got := string(p.Append([]byte("x"), &value)); got != "x"+c.json {
			t.Errorf("%s: %s, want %s", c.name, got, c.json)
		}
		if c.annotation != "" && p.annotation() != c.annotation || p.annotated() != (c.annotation != "") {
			t.Errorf("%s: annotated as %s, %t", c.name, p.annotation(), p.annotated())
		}
		if p.IsCollection() {
			continue
		}
		raw := p.Raw(&value)
		if got := string(raw); p.Media() != c.media || (raw == nil) != (c.raw == "-") || raw != nil && got != c.raw {
			t.Errorf("%s: %q as %s, want %q", c.name, raw, p.Media(), c.raw)
		}
	}
	if findProperty(typ, "parts") != nil || findProperty(typ, "Name") != nil {
		t.Error("what is no property was found")
	}
	null := thing{}
	for _, name := range []string{"note", "data", "shade"} {
		if p := findProperty(typ, name); p.Raw(&null) != nil || string(p.Append(nil, &null)) != "null" {
			t.Errorf("%s: %q", name, p.Raw(&null))
		}
	}
	if raw := findProperty(typ, "data").Raw(&thing{Data: []byte{}}); raw == nil || len(raw) != 0 {
		t.Errorf("empty data is %v", raw)
	}
}

func TestNullableProperties(t *testing.T) {
	t.Parallel()
	type row struct {
		Count *bool
		At    time.Time
	}
	yes := true
	property := property("sure", nullable(codec[bool]{write: func(dst []byte, b bool) []byte { return append(dst, "yes"...) }}),
		func(r *row) **bool { return &r.Count })
	if got := property.Raw(&row{Count: &yes}); string(got) != "yes" || property.Raw(&row{}) != nil {
		t.Errorf("%q", got)
	}
	at := NullableTime("at", func(r *row) *time.Time { return &r.At })
	if got := at.Raw(&row{At: time.Unix(0, 0)}); string(got) != "1970-01-01T00:00:00Z" || at.Raw(&row{}) != nil {
		t.Errorf("%q", got)
	}
}

func TestDeclareHoldsToASelection(t *testing.T) {
	t.Parallel()
	declare := func(n int) (panicked bool) {
		defer func() { panicked = recover() != nil }()
		typ := EntityType[note]{Name: "test.wide"}
		for range n {
			typ.Properties = append(typ.Properties, String("x", func(n *note) *string { return &n.ID }))
		}
		Declare(typ)
		return false
	}
	if declare(maxProperties) || !declare(maxProperties+1) {
		t.Error("a type may have as many properties as a Selection tells apart, and no more")
	}
}

// findProperty gives a property by its name, or nil.
func findProperty(t *EntityType[thing], name string) *Property[thing] {
	if i := t.structure.index(name); i >= 0 {
		return &t.Properties[i]
	}
	return nil
}
