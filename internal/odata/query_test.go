package odata

import (
	"testing"
	"time"
)

func TestTryout(t *testing.T) {
	for _, raw := range []string{
		"$filter=name eq 'it''s' and not contains(tolower(note),'x') or count add 1 gt 2.5",
		"$filter=labels/any(l: l eq '0')&$orderby=best/size desc,length(name)",
		"$filter=at ge 2024-01-01T00:00:00+01:00 and shade ne null and color eq test.color'red'",
		"$filter=at gt now() sub duration'P1D'", "$filter=count in (1,2,3)", "$filter='x' in labels",
		"$select=name,best/size&$expand=best,parts($filter=size gt 1;$orderby=name desc;$select=name;$top=3)",
		"$filter=name eq @n&@n='x'", "$filter=name eq", "$filter=(name eq 'x'", "$filter=foo eq 1", "$filter=not name eq 'x'",
		"$filter=count eq 'x'", "$filter=at gt '2024-01-01T00:00:00Z'", "$filter=nam(name) eq 1", "$filter=count mul count mul count gt 1",
		"$filter=name eq 'x' garbage", "$expand=foo", "$expand=parts($bar=1)", "$expand=best($top=1)", "$orderby=data",
		"$filter=year(at) eq 2024 and date(at) eq 2024-02-03 and time(at) lt 12:00", "$filter=best eq null", "$filter=labels/$count gt 2",
		"$filter=color eq 'blue'", "$filter=best/name in ('a',null)", "@x=1", "$filter=name in @l&@l=[\"a\",\"b\"]", "$filter=name eq 'x",
	} {
		q, err := ParseQuery(raw, thingType().Type(), time.Now(), OptionFilter, OptionSelect, OptionExpand, OptionOrderBy, OptionTop)
		t.Logf("%s\n   %v %v", raw, err, q != nil)
	}
}

func BenchmarkFilter(b *testing.B) {
	typ := thingType().Type()
	raw := "$filter=name%20eq%20'a'%20and%20count%20gt%201%20and%20contains(note,'x')%20or%20at%20ge%202024-01-01T00:00:00Z%20and%20sure%20eq%20true%20and%20color%20eq%20'red'%20and%20length(name)%20gt%203%20and%20labels/any(l:l%20eq%20'0')%20and%20best/size%20lt%205%20and%20not%20startswith(name,'z')"
	for b.Loop() {
		if _, err := ParseQuery(raw, typ, time.Time{}, OptionFilter); err != nil {
			b.Fatal(err)
		}
	}
}
