package odata

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type shapeKind int

const (
	plainShape shapeKind = iota
	roundShape
	ringShape
	dayShape
)

// shape is the union of the derived types of a test.
type shape struct {
	Kind   shapeKind
	Note   *string
	Radius int64
	Hole   int32
	Time   time.Duration
	Day    time.Time
}

type box struct {
	Shape, Timer *shape
	Size         *int64
	Sure         *bool
	ID           string
	Lid          *testPart
	Parts        Collection[testPart]
}

func shapeType(abstract bool) *EntityType[shape] {
	kind := func(s *shape) *shapeKind { return &s.Kind }
	return Declare(EntityType[shape]{
		Name: "test.shape", Abstract: abstract,
		Properties: []Property[shape]{NullableString("note", func(s *shape) **string { return &s.Note })},
		Derived: []Derived[shape]{
			Derive("round", kind, roundShape, Int64("radius", func(s *shape) *int64 { return &s.Radius }).Required()),
			Derive("ring", kind, ringShape, Int32("hole", func(s *shape) *int32 { return &s.Hole })).From("round"),
			DeriveAbstract("timed", TimeOfDay("time", func(s *shape) *time.Duration { return &s.Time })),
			Derive("daily", kind, dayShape, Date("day", func(s *shape) *time.Time { return &s.Day })).From("timed"),
		},
	})
}

func boxType() *EntityType[box] {
	part := thingType().Type().navigation("parts").target
	parts := Declare(EntityType[testPart]{Name: part.name, Base: "test.entity"})
	return Declare(EntityType[box]{
		Name: "test.box", Base: "test.entity",
		Properties: []Property[box]{
			String("id", func(b *box) *string { return &b.ID }).ReadOnly(),
			Complex("shape", shapeType(false), func(b *box) **shape { return &b.Shape }),
			Complex("timer", shapeType(true), func(b *box) **shape { return &b.Timer }),
			NullableInt64("size", func(b *box) **int64 { return &b.Size }),
			NullableBoolean("sure", func(b *box) **bool { return &b.Sure }),
		},
		Navigations: []Navigation[box]{
			One("lid", parts, func(b *box) *testPart { return b.Lid }).Reference(),
			Many("parts", parts, func(b *box) *Collection[testPart] { return &b.Parts }).Reference(),
		},
		Key: func(b *box) string { return b.ID },
	})
}

const ring = `{"@odata.type":"#test.ring","note":null,"radius":9007199254740993,"hole":2}`

func TestComplexIsRead(t *testing.T) {
	t.Parallel()
	wantRing := box{Shape: &shape{Kind: ringShape, Radius: 9007199254740993, Hole: 2}}
	day := time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := 11*time.Hour + 58*time.Minute + 36*time.Second + 255*time.Millisecond
	for _, c := range []struct {
		body string
		want box
	}{
		{`{"shape":{}}`, box{Shape: &shape{}}},
		{`{"shape":null,"size":null,"sure":null}`, box{}},
		{`{"shape":` + ring + `}`, wantRing},
		{`{"shape":{"hole":2,"radius":9007199254740993,"@odata.type":"#test.ring"}}`, wantRing},  // last
		{`{"shape":{"@odata.type":"test.ring","hole":2,"radius":"9007199254740993"}}`, wantRing}, // without #, as a string
		{`{"shape":{"radius@odata.type":"#Int64","@odata.type":"#test.round","radius":1}}`, box{Shape: &shape{Kind: roundShape, Radius: 1}}},
		{`{"shape":{"@odata.type":"#test.shape"}}`, box{Shape: &shape{}}},
		{`{"size":"-9223372036854775808","sure":false}`, box{Size: new(int64(-1 << 63)), Sure: new(false)}},
		{`{"timer":{"time":"11:58:36.2550000","day":"2017-01-01","@odata.type":"test.daily"}}`, box{Timer: &shape{Kind: dayShape, Time: clock, Day: day}}},
	} {
		patch, err := boxType().Decode([]byte(c.body))
		if err != nil {
			t.Errorf("%s: %v", c.body, err)
			continue
		}
		var got box
		patch.Apply(&got)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.body, diff)
		}
	}
}

func TestComplexIsRefused(t *testing.T) {
	t.Parallel()
	for body, message := range map[string]string{
		`{"shape":7}`:            "shape must be an object, not 7.",
		`{"shape":[]}`:           "shape must be an object, not an array.",
		`{"shape":{"x":1}}`:      `"shape/x" is no property of test.shape.`,
		`{"shape":{"note":7}}`:   "shape/note must be a string or null, not 7.",
		`{"shape":{"radius":7}}`: `"shape/radius" is no property of test.shape.`,
		`{"shape":{"@odata.type":"#test.round","radius":1,"hole":1}}`: `"shape/hole" is no property of test.round.`,
		`{"shape":{"@odata.type":"#test.round"}}`:                     "Required and missing: shape/radius.",
		`{"shape":{"@odata.type":"#test.round","radius":1.0}}`:        "shape/radius must be an integer",
		`{"shape":{"@odata.type":"#test.round","radius":"1x"}}`:       "shape/radius must be an integer",
		`{"shape":{"note":null,"note":null}}`:                         `The body gives "shape/note" twice.`,
		`{"shape":{"@odata.type":"#test.ring","@odata.type":"a"}}`:    `The body gives "shape/@odata.type" twice.`,
		`{"shape":{"@odata.type":"ring"}}`:                            `shape/@odata.type must be one of #test.shape, #test.round, #test.ring, #test.daily, not the string "ring".`,
		`{"shape":{"@odata.type":7}}`:                                 "shape/@odata.type must be one of",
		`{"timer":{}}`:                                                "timer/@odata.type is missing: it must be one of #test.round, #test.ring, #test.daily.",
		`{"timer":{"@odata.type":"#test.shape"}}`:                     "timer/@odata.type must be one of #test.round",
		`{"timer":{"@odata.type":"#test.timed"}}`:                     "timer/@odata.type must be one of #test.round",
		`{"timer":{"@odata.type":"#test.daily","time":"24:00"}}`:      "timer/time must be a time of day such as",
		`{"timer":{"@odata.type":"#test.daily","day":"2017-02-29"}}`:  "timer/day must be a date such as",
		`{"timer":{"@odata.type":"#test.daily","day":"0000-01-01"}}`:  "timer/day must be a date such as",
		`{"timer":{"@odata.type":"#test.daily","time":7}}`:            "timer/time must be a time of day such as",
		`{"shape":{"note":nul}}`:                                      "not valid JSON at byte",
		`{"lids@odata.bind":"x"}`:                                     `"lids@odata.bind": test.box has no such navigation.`,
		`{"lid@odata.bind":["x"]}`:                                    "lid@odata.bind must be the address of an entity as a string, not an array.",
		`{"parts@odata.bind":"x"}`:                                    `parts@odata.bind must be an array of strings, not the string "x".`,
		`{"parts@odata.bind":["x",7]}`:                                "parts@odata.bind[1] must be a string, not 7.",
	} {
		_, err := boxType().Decode([]byte(body))
		if e, ok := errors.AsType[*Error](err); !ok || e.Kind != BadRequest || !strings.Contains(e.Message, message) {
			t.Errorf("%s: %v, want %q", body, err, message)
		}
	}
}

func TestComplexIsWritten(t *testing.T) {
	t.Parallel()
	b := box{ID: "1", Shape: &shape{Kind: ringShape, Radius: 3, Hole: 2}, Size: new(int64(5))}
	daily := box{ID: "1", Timer: &shape{Kind: dayShape, Time: 255 * time.Millisecond, Day: time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC)}}
	for _, c := range []struct {
		w       Writer
		b       box
		options string
		want    string
	}{
		{Writer{}, b, "", `{"@odata.type":"#test.box","id":"1","shape":{"@odata.type":"#test.ring","note":null,"radius":3,"hole":2},"timer":null,"size":5,"sure":null}`},
		{Writer{Metadata: NoMetadata, IEEE754: true}, b, "", `{"id":"1","shape":{"note":null,"radius":"3","hole":2},"timer":null,"size":"5","sure":null}`},
		{Writer{IEEE754: true}, box{}, "$select=size,shape", `{"@odata.type":"#test.box","shape":null,"size":null}`},
		{Writer{}, box{Shape: &shape{}}, "$select=shape", `{"@odata.type":"#test.box","shape":{"note":null}}`},
		{Writer{Metadata: NoMetadata}, daily, "$select=timer", `{"timer":{"note":null,"time":"00:00:00.2550000","day":"2017-01-01"}}`},
		{
			Writer{Metadata: FullMetadata},
			daily, "$select=timer",
			`{"@odata.type":"#test.box","@odata.id":"/b","@odata.editLink":"b","timer":{"@odata.type":"#test.daily","note":null,` +
				`"time@odata.type":"#TimeOfDay","time":"00:00:00.2550000","day@odata.type":"#Date","day":"2017-01-01"}}`,
		},
	} {
		q, err := ParseQuery(c.options, boxType().Type(), time.Now(), OptionSelect)
		if err != nil {
			t.Fatal(err)
		}
		got := string(append(boxType().AppendEntity([]byte{'{'}, &c.b, q, &c.w, "b"), '}'))
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestComplexIsNotCompared(t *testing.T) {
	t.Parallel()
	for _, option := range []string{"$filter=shape%20eq%20null", "$filter=shape/note%20eq%20'x'", "$orderby=shape"} {
		_, err := ParseQuery(option, boxType().Type(), time.Now(), OptionFilter, OptionOrderBy)
		if e, ok := errors.AsType[*Error](err); !ok || !strings.Contains(e.Message, "shape is of a complex type") {
			t.Errorf("%s: %v", option, err)
		}
	}
}

func TestComplexPropertyStandsAlone(t *testing.T) {
	t.Parallel()
	p := &boxType().Properties[1]
	none, some := &box{}, &box{Shape: &shape{}}
	if !p.IsComplex() || p.Raw(some) != nil || !p.IsNull(none) || p.IsNull(some) || string(p.Append(nil, some)) != `{"note":null}` {
		t.Error("a complex property has no bare value, and is null where it is nil")
	}
	if size := &boxType().Properties[3]; !size.IsNull(none) || size.IsNull(&box{Size: new(int64)}) {
		t.Error("a property is null where its value is")
	}
}

func TestBindingsAndGiven(t *testing.T) {
	t.Parallel()
	patch, err := boxType().Decode([]byte(`{"id":"mine","lid@odata.bind":"a","parts@odata.bind":["b","c"],"lid@x.y":7}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]string{{"a"}, {"b", "c"}, nil}, [][]string{patch.Bindings("lid"), patch.Bindings("parts"), patch.Bindings("x")}); diff != "" {
		t.Error(diff)
	}
	if patch.Given("id") != "mine" || patch.Given("x") != "" {
		t.Errorf("given %q", patch.Given("id"))
	}
}
