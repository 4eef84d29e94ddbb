package odata

import (
	"errors"
	"strings"
	"testing"
	"time"

	"plimsoll/internal/query"
)

func TestParseQuery(t *testing.T) {
	t.Parallel()
	cases := []struct {
		raw  string
		want func(q *Query) bool
	}{
		{"", func(q *Query) bool {
			return q.Top == -1 && q.Skip == 0 && !q.Count && q.Select.All() && q.Filter == nil && q.Expand == nil
		}},
		{"&&", func(q *Query) bool { return q.Top == -1 }},
		{"$top=0", func(q *Query) bool { return q.Top == 0 }},
		{"$top=2147483647", func(q *Query) bool { return q.Top == 2147483647 }},
		{"top=5", func(q *Query) bool { return q.Top == 5 }},
		{"%24top=%35", func(q *Query) bool { return q.Top == 5 }},
		{"$TOP=007", func(q *Query) bool { return q.Top == 7 }},
		{"Skip=3&&$Count=true&", func(q *Query) bool { return q.Skip == 3 && q.Count }},
		{"$count=false", func(q *Query) bool { return !q.Count }},
		{"$format=application/json;odata.metadata=full", func(q *Query) bool { return q.Format == "application/json;odata.metadata=full" }},
		{"$skiptoken=abc", func(q *Query) bool { return q.SkipToken == "abc" }},
		{"$deltatoken=abc=", func(q *Query) bool { return q.DeltaToken == "abc=" }},
		{"$skip=0&$skiptoken=abc", func(q *Query) bool { return q.SkipToken == "abc" }},
		{"filter=", func(q *Query) bool { return q.Filter == nil }},
		{"$filter", func(q *Query) bool { return q.Filter == nil }},
		{"$filter=+%09", func(q *Query) bool { return q.Filter == nil }},
		{"$filter=name+eq+'a%2Bb%26c'", func(q *Query) bool { return show(q.Filter) == "(eq name 'a+b&c')" }},
		{"$filter=at+lt+2024-01-31T00:00:00+01:00", func(q *Query) bool { return show(q.Filter) == "(lt at 2024-01-30T23:00:00Z)" }},
		{"$filter=sure&$search=x", func(q *Query) bool {
			return show(q.Filter) == "(and sure (eq (or? (contains (tolower name) 'x') (contains? (tolower? note?) 'x')) true))"
		}},
		{"$filter=&$search=x", func(q *Query) bool { return strings.HasPrefix(show(q.Filter), "(eq (or? ") }},
	}
	for _, c := range cases {
		if q, err := parseQuery(c.raw); err != nil || !c.want(q) {
			t.Errorf("%q: %+v, %v", c.raw, q, err)
		}
	}
}

func TestParseQueryRefuses(t *testing.T) {
	t.Parallel()
	const natural = "must be an integer from 0 to 2147483647, not "
	cases := []struct{ raw, target, want string }{
		{"$top=", "$top", `Query at position 0: $top ` + natural + `"".`},
		{"$top=-1", "$top", `Query at position 0: $top ` + natural + `"-1".`},
		{"$top=+1", "$top", `Query at position 0: $top ` + natural + `" 1".`},
		{"$top=%2B1", "$top", `Query at position 0: $top ` + natural + `"+1".`},
		{"$top=1.0", "$top", `Query at position 0: $top ` + natural + `"1.0".`},
		{"$top=2147483648", "$top", `Query at position 0: $top ` + natural + `"2147483648".`},
		{"$count=true&skip=x", "$skip", `Query at position 12: $skip ` + natural + `"x".`},
		{"$count=True", "$count", `Query at position 0: $count must be true or false, not "True".`},
		{"$count", "$count", `Query at position 0: $count must be true or false, not "".`},
		{"$skiptoken=", "$skiptoken", `Query at position 0: $skiptoken must be the token of an @odata.nextLink, not "".`},
		{"$deltatoken=", "$deltatoken", `Query at position 0: $deltatoken must be the token of an @odata.deltaLink, not "".`},
		{"$skip=1&$skiptoken=x", "$skip", "$skip cannot stand beside $skiptoken: the token goes on where its page ended."},
		{"$top=1&$top=1", "$top", "Query at position 7: $top is given twice."},
		{"$top=1&TOP=1", "$top", "Query at position 7: $top is given twice."},
		{"$top=1&%24tOp=2", "$top", "Query at position 7: $top is given twice."},
		{"$filter=&filter=", "$filter", "Query at position 9: $filter is given twice."},
		{"$levels=1", "$levels", `Query at position 0: "$levels" is not supported here; these are: $filter, $search`},
		{"x=1", "$x", `Query at position 0: "$x" is not supported here; these are: `},
		{"&$apply=x", "$apply", `Query at position 1: "$apply" is not supported here; these are: `},
		{"$$top=1", "$$top", `Query at position 0: "$$top" is not supported here; these are: `},
		{"$top =1", "$top ", `Query at position 0: "$top " is not supported here; these are: `},
		{"$=1", "", "The query option at position 0 has no name."},
		{"$top=1&=1", "", "The query option at position 7 has no name."},
		{"$top=1&=", "", "The query option at position 7 has no name."},
		{"$top=%zz", "$top", `The query is not percent-encoded correctly at position 0: "$top=%zz".`},
		{"%=1", "%", `The query is not percent-encoded correctly at position 0: "%=1".`},
		{"$filter=name eq '%ff'", "$filter", `The query holds what is no text at position 0`},
		{"$top=1&$filter=name eq '%00'", "$filter", `The query holds what is no text at position 7`},
		{"$filter=name eq @a&@a='%c3'", "@a", `The query holds what is no text at position 19`},
		{"%ff=1", "%ff", `The query holds what is no text at position 0`},
	}
	for _, c := range cases {
		_, err := parseQuery(c.raw)
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Kind != BadRequest || e.Target != c.target || !strings.HasPrefix(e.Message, c.want) {
			t.Errorf("%q: %+v, want %s %s", c.raw, err, c.target, c.want)
		}
	}
}

func TestParseQueryAllowsWhatItIsTold(t *testing.T) {
	t.Parallel()
	if _, err := ParseQuery("$top=1", rowType(), noon); err == nil || err.Error() != `Query at position 0: "$top" is not supported here; none is.` {
		t.Error(err)
	}
	if _, err := ParseQuery("$top=1", rowType(), noon, OptionTop); err != nil {
		t.Error(err)
	}
}

func TestNow(t *testing.T) {
	t.Parallel()
	now := time.Date(2024, 1, 31, 12, 0, 0, 123456789, time.FixedZone("", 3600))
	q, err := ParseQuery("$filter=at lt now()", rowType(), now, OptionFilter)
	if err != nil || show(q.Filter) != "(lt at 2024-01-31T11:00:00.1234567Z)" {
		t.Error(show(q.Filter), err)
	}
}

func TestOrderBy(t *testing.T) {
	t.Parallel()
	cases := []struct{ text, want string }{
		{"name", "name"},
		{"name desc", "name desc"},
		{" name\tDESC , note  Asc,count", "name desc, note?, count"},
		{"best/name desc,length(name)", "best/name? desc, (length name)"},
		{"count add 1 desc", "(add count 1) desc"},
		{"(name)desc", "name desc"},
		{"sure and unsure desc,color,at,on,daily,lasts", "(and? sure unsure?) desc, color, at, on, daily, lasts"},
		{"labels/$count", "(count labels)"},
		{"tolower(@x)&@x=name", "(tolower name)"},
		{"name eq 'a,b'", "(eq name 'a,b')"},
	}
	for _, c := range cases {
		q, err := parseQuery("$orderby=" + c.text)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		if got := showOrder(q.OrderBy); got != c.want {
			t.Errorf("%q gives %s, want %s", c.text, got, c.want)
		}
	}
}

func showOrder(keys []query.Key) string {
	texts := make([]string, len(keys))
	for i, key := range keys {
		if texts[i] = show(key.Expr); key.Descending {
			texts[i] += " desc"
		}
	}
	return strings.Join(texts, ", ")
}

func TestOrderByRefuses(t *testing.T) {
	t.Parallel()
	cases := []struct{ text, want string }{
		{"", "0: expected a property, a literal, a function or a parenthesis, found the end."},
		{"name,", "5: expected a property, a literal, a function or a parenthesis, found the end."},
		{",name", `0: expected a property, a literal, a function or a parenthesis, found ",name".`},
		{"nme", `0: "nme" is no property of test.row; its properties are `},
		{"name, nme desc", `6: "nme" is no property of test.row; its properties are `},
		{"name down", `5: expected asc, desc, a comma or the end, found "down".`},
		{"name desc asc", `10: expected asc, desc, a comma or the end, found "asc".`},
		{"name;note", `4: expected asc, desc, a comma or the end, found ";note".`},
		{"name, labels", "6: a collection cannot be sorted by."},
		{"data", "0: a Binary cannot be sorted by."},
		{"best", "0: an entity cannot be sorted by."},
		{"null", "0: null cannot be sorted by."},
		{"parts/name", "0: parts leads to many: it can be expanded, and not filtered or sorted by."},
		{"total add 1", "6: the result may be larger than the 64 bits that numbers have here."},
	}
	for _, c := range cases {
		_, err := parseQuery("$orderby=" + c.text)
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Target != "$orderby" || !strings.HasPrefix(e.Message, "$orderby at position "+c.want) {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
}
