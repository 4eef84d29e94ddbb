package odata

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type color string

// thing has a property of every kind.
type thing struct {
	ID     string
	Name   string
	Note   *string
	Count  int32
	Sure   bool
	At     time.Time
	Data   []byte
	Color  color
	Shade  color
	Labels []string
	Best   *testPart
	Parts  Collection[testPart]
}

type testPart struct {
	Name string
	Size int32
}

func thingType() *EntityType[thing] {
	colors := Enumeration[color]{Name: "test.color", Members: []color{"red", "green", "unknownFutureValue"}}
	part := Declare(EntityType[testPart]{
		Name: "test.part", Base: "test.entity",
		Properties: []Property[testPart]{
			String("name", func(p *testPart) *string { return &p.Name }).Searched(),
			Int32("size", func(p *testPart) *int32 { return &p.Size }),
		},
	})
	return Declare(EntityType[thing]{
		Name: "test.thing", Aliases: []string{"test.old.thing"}, Base: "test.entity",
		Properties: []Property[thing]{
			String("id", func(t *thing) *string { return &t.ID }).ReadOnly(),
			String("name", func(t *thing) *string { return &t.Name }).Required(),
			NullableString("note", func(t *thing) **string { return &t.Note }),
			Int32("count", func(t *thing) *int32 { return &t.Count }).Required(),
			Boolean("sure", func(t *thing) *bool { return &t.Sure }),
			DateTimeOffset("at", func(t *thing) *time.Time { return &t.At }),
			NullableBinary("data", func(t *thing) *[]byte { return &t.Data }),
			Enum("color", colors, func(t *thing) *color { return &t.Color }),
			NullableEnum("shade", colors, func(t *thing) *color { return &t.Shade }),
			Strings("labels", func(t *thing) *[]string { return &t.Labels }),
		},
		Navigations: []Navigation[thing]{
			Many("parts", part, func(t *thing) *Collection[testPart] { return &t.Parts }),
			One("best", part, func(t *thing) *testPart { return t.Best }),
		},
		Key: func(t *thing) string { return t.ID },
	})
}

func TestDecode(t *testing.T) {
	t.Parallel()
	note := "ü\n"
	cases := map[string]thing{
		`{}`: {},
		`{"@odata.type":"#test.thing","id":"mine","name":"a","@odata.context":{"x":[1]},"note@odata.type":"#String"}`: {Name: "a"},
		`{"name":"a","@odata.type":"test.old.thing"}`:                                                                 {Name: "a"},
		`{"note":"\u00fc\n"}`:                    {Note: &note},
		`{"note":null,"shade":null,"data":null}`: {},
		`{"count":-2147483648}`:                  {Count: -2147483648},
		`{"count":2147483647,"sure":true}`:       {Count: 2147483647, Sure: true},
		`{"data":"/+8="}`:                        {Data: []byte{0xff, 0xef}},
		`{"data":"_-8"}`:                         {Data: []byte{0xff, 0xef}},
		`{"data":"/\r\n+8="}`:                    {Data: []byte{0xff, 0xef}},
		`{"data":""}`:                            {Data: []byte{}},
		`{"color":"green","shade":"red"}`:        {Color: "green", Shade: "red"},
		`{"labels":["a","b"]}`:                   {Labels: []string{"a", "b"}},
		"\ufeff" + `{"name":"a"}`:                {Name: "a"},
		` { "labels" : [ ] } ` + "\n":            {Labels: []string{}},
		`{"at":"2017-01-01T00:00:00.0000001Z","id":{"ignored":true}}`: {At: time.Date(2017, 1, 1, 0, 0, 0, 100, time.UTC)},
	}
	for body, want := range cases {
		patch, err := thingType().Decode([]byte(body))
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		var got thing
		patch.Apply(&got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", body, diff)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	cases := []struct{ body, message string }{
		{``, "The body is empty; a JSON object is needed."},
		{` `, "The body is empty; a JSON object is needed."},
		{`null`, "The body must be a JSON object, not null."},
		{`[]`, "The body must be a JSON object, not an array."},
		{`"x"`, `The body must be a JSON object, not the string "x".`},
		{`{`, "not valid JSON at byte 1"},
		{`{"name":"a",}`, "not valid JSON at byte 11"},
		{`{'name':"a"}`, "not valid JSON at byte 1"},
		{`{"name":"a"} x`, "data follows byte 12"},
		{`{"name":"a"}{}`, "data follows byte 12"},
		{"{\"name\":\"\xff\"}", "not valid JSON at byte 9"},
		{`{"name":"\ud800"}`, "not valid JSON at byte 9"},
		{`{"name":"a","name":"b"}`, `The body gives "name" twice.`},
		{`{"x@y":{"a":1,"a":2}}`, `The body gives "x@y/a" twice.`},
		{`{"@odata.context":` + deep + `}`, `"@odata.context" nests deeper than 32.`},
		{`{"Name":"a"}`, `"Name" is no property of test.thing.`},
		{`{"surprise":` + deep + `}`, `"surprise" is no property of test.thing.`},
		{`{"parts":[]}`, "parts is not part of this body"},
		{`{"@odata.type":"#test.other"}`, `@odata.type must be "#test.thing", not the string "#test.other".`},
		{`{"@odata.type":7}`, `@odata.type must be "#test.thing", not 7.`},
		{`{"name":null}`, "name must be a string, not null."},
		{`{"name":7}`, "name must be a string, not 7."},
		{`{"note":[]}`, "note must be a string or null, not an array."},
		{`{"count":2147483648}`, "count must be an integer from -2147483648 to 2147483647, not 2147483648."},
		{`{"count":-2147483649}`, "not -2147483649."},
		{`{"count":1.5}`, "not 1.5."},
		{`{"count":1.0}`, "not 1.0."},
		{`{"count":1e3}`, "not 1e3."},
		{`{"count":"10"}`, `not the string "10".`},
		{`{"count":null}`, "not null."},
		{`{"count":true}`, "not true."},
		{`{"count":{}}`, "not an object."},
		{`{"sure":"true"}`, `sure must be true or false, not the string "true".`},
		{`{"at":"2017-01-01T00:00:00"}`, "at must be a date and time with an offset"},
		{`{"at":1483228800}`, "at must be a date and time with an offset"},
		{`{"data":"*"}`, "data must be base64 text or null"},
		{`{"color":"Red"}`, `color must be one of red, green, not the string "Red".`},
		{`{"color":null}`, "color must be one of red, green, not null."},
		{`{"shade":"unknownFutureValue"}`, "shade must be one of red, green or null"},
		{`{"shade":"blue"}`, "shade must be one of red, green or null"},
		{`{"labels":null}`, "labels must be an array of strings, not null."},
		{`{"labels":["a",1]}`, "labels[1] must be a string, not 1."},
		{`{"name":"` + strings.Repeat("x", 100) + `","count":"` + strings.Repeat("y", 100) + `"}`, strings.Repeat("y", 64) + `"….`},
	}
	for _, c := range cases {
		_, err := thingType().Decode([]byte(c.body))
		if e, ok := errors.AsType[*Error](err); !ok || e.Kind != BadRequest || !strings.Contains(e.Message, c.message) {
			t.Errorf("%s: %v, want %q", c.body, err, c.message)
		}
	}
}

func TestRequireAll(t *testing.T) {
	t.Parallel()
	patch, err := thingType().Decode([]byte(`{"note":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := patch.RequireAll(); err == nil || err.Error() != "Required and missing: name, count." {
		t.Error(err)
	}
	patch, err = thingType().Decode([]byte(`{"count":0,"name":""}`))
	if err != nil || patch.RequireAll() != nil {
		t.Error(err, patch.RequireAll())
	}
}

func TestPatchLeavesTheRest(t *testing.T) {
	t.Parallel()
	patch, err := thingType().Decode([]byte(`{"count":5,"shade":null}`))
	if err != nil {
		t.Fatal(err)
	}
	got := thing{ID: "1", Name: "kept", Count: 4, Shade: "red"}
	patch.Apply(&got)
	if diff := cmp.Diff(thing{ID: "1", Name: "kept", Count: 5}, got); diff != "" {
		t.Error(diff)
	}
}

// FuzzDecode holds the decoder to three promises: it refuses all that the
// standard library calls invalid, it fails with an *Error alone, and what it
// reads it writes so that it reads the same again.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"name":"a","count":1,"at":"2017-01-01T00:01:17.4310553-08:00","labels":["x"],"data":"AA=="}`))
	f.Add([]byte(`{"name":"\ud800","@odata.type":"#test.thing","x@y":[[[]]]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		typ := thingType()
		patch, err := typ.Decode(body)
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("%q: %T %v", body, err, err)
			}
			return
		}
		if !json.Valid(bytes.TrimPrefix(body, []byte("\ufeff"))) {
			t.Fatalf("%q is not JSON and was read", body)
		}
		var first, second thing
		patch.Apply(&first)
		if first.Color == "" {
			first.Color = "red" // it is not null, so that it has no zero on the wire
		}
		text := append(typ.AppendEntity([]byte{'{'}, &first, &Query{Select: SelectAll()}, &Writer{}, ""), '}')
		again, err := typ.Decode(text)
		if err != nil {
			t.Fatalf("%q was written as %q, which is refused: %v", body, text, err)
		}
		again.Apply(&second)
		if first.Labels == nil {
			first.Labels = []string{}
		}
		first.ID = ""
		if diff := cmp.Diff(first, second); diff != "" {
			t.Fatalf("%q: %s", body, diff)
		}
	})
}

// FuzzDecodeDerived holds the decoder to the same promises where types are
// derived.
func FuzzDecodeDerived(f *testing.F) {
	f.Add([]byte(`{"shape":{"radius":"1","hole":2,"@odata.type":"#test.ring"},"size":-1,"sure":true}`))
	f.Add([]byte(`{"timer":{"time":"11:58:36.2550000","day":"2017-01-01","@odata.type":"test.daily"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		typ := boxType()
		patch, err := typ.Decode(body)
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("%q: %T %v", body, err, err)
			}
			return
		}
		if !json.Valid(bytes.TrimPrefix(body, []byte("\ufeff"))) {
			t.Fatalf("%q is not JSON and was read", body)
		}
		var first, second box
		patch.Apply(&first)
		if first.Timer != nil && first.Timer.Kind == dayShape && first.Timer.Day.IsZero() {
			first.Timer.Day = first.Timer.Day.UTC() // as it is read
		}
		text := append(typ.AppendEntity([]byte{'{'}, &first, &Query{Select: SelectAll()}, &Writer{IEEE754: true}, ""), '}')
		again, err := typ.Decode(text)
		if err != nil {
			t.Fatalf("%q was written as %q, which is refused: %v", body, text, err)
		}
		again.Apply(&second)
		if diff := cmp.Diff(first, second); diff != "" {
			t.Fatalf("%q: %s", body, diff)
		}
	})
}
