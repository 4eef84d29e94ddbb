package odata

import (
	"strconv"
	"testing"
	"time"
)

// BenchmarkParseFilter reads a filter of ten terms.
func BenchmarkParseFilter(b *testing.B) {
	typ := rowType()
	const raw = "$filter=name%20eq%20'a'%20and%20count%20gt%201%20and%20contains(note,'x')%20or%20at%20ge%202024-01-01T00:00:00Z" +
		"%20and%20sure%20eq%20true%20and%20color%20eq%20'red'%20and%20length(name)%20gt%203%20and%20labels/any(l:l%20eq%20'0')" +
		"%20and%20best/size%20lt%205%20and%20not%20startswith(name,'z')"
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseQuery(raw, typ, time.Time{}, OptionFilter); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParseFilterAtItsLimits reads as many terms as there may be.
func BenchmarkParseFilterAtItsLimits(b *testing.B) {
	typ := rowType()
	raw := "$filter=sure"
	for range 498 {
		raw += "%20or%20sure"
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseQuery(raw, typ, time.Time{}, OptionFilter); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAppendCollection writes a page of 100 entities, of which some
// properties are selected.
func BenchmarkAppendCollection(b *testing.B) {
	typ := noteType()
	list := Collection[note]{NextLink: "https://host/beta/notes?$skiptoken=x"}
	for i := range 100 {
		list.Rows = append(list.Rows, note{ID: strconv.Itoa(i), Text: "a text of some length", Changes: int64(i)})
	}
	q, err := ParseQuery("$select=id,text", typ.Type(), time.Time{}, OptionSelect)
	if err != nil {
		b.Fatal(err)
	}
	for _, metadata := range []struct {
		name  string
		level Metadata
	}{{"minimal", MinimalMetadata}, {"none", NoMetadata}, {"full", FullMetadata}} {
		b.Run(metadata.name, func(b *testing.B) {
			writer := &Writer{Metadata: metadata.level, Base: "https://host/beta"}
			dst := make([]byte, 0, 1<<16)
			b.ReportAllocs()
			for b.Loop() {
				dst = typ.AppendCollection(append(dst[:0], '{'), "", &list, q, writer, "notes")
			}
		})
	}
}
