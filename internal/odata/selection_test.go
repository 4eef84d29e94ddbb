package odata

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// showQuery prints what a query selects and expands, and what an expansion is
// asked for.
func showQuery(q *Query, typ *StructuredType) string {
	var text []string
	for i, a := range typ.attributes {
		if q.Select.has(i) && !q.Select.all {
			text = append(text, a.name)
		}
	}
	if q.Select.all {
		text = append(text, "*")
	}
	for _, e := range q.Expand {
		text = append(text, e.Navigation+"{"+showQuery(&e.Query, typ.navigation(e.Navigation).target)+"}")
	}
	if q.Filter != nil {
		text = append(text, show(q.Filter))
	}
	if q.OrderBy != nil {
		text = append(text, "by "+showOrder(q.OrderBy))
	}
	if q.Top >= 0 || q.Skip > 0 {
		text = append(text, fmt.Sprint(q.Skip, "+", q.Top))
	}
	if q.Count {
		text = append(text, "count")
	}
	return strings.Join(text, " ")
}

func TestSelectAndExpand(t *testing.T) {
	t.Parallel()
	cases := []struct{ raw, want, context string }{
		{"", "*", ""},
		{"$select=name", "name", "(name)"},
		{"$select= note , name ", "name note", "(note,name)"},
		{"select=name,name", "name", "(name)"},
		{"$select=*", "*", "(*)"},
		{"$select=*,name", "*", "(*,name)"},
		{"$select=best", "", "(best)"},
		{"$select=name,parts,parts", "name", "(name,parts)"},
		{"$select=best/size", "best{size}", "(best(size))"},
		{"$select=best/size,best/name,name", "name best{name size}", "(name,best(size,name))"},
		{"$select=best/*", "best{*}", "(best(*))"},
		{"$select=best/maker/name", "best{maker{name}}", "(best(maker(name)))"},
		{"$expand=best", "* best{*}", "(best())"},
		{"expand= best , parts ", "* best{*} parts{*}", "(best(),parts())"},
		{"$expand=*", "* best{*} parts{*}", "(best(),parts())"},
		{"$expand=parts,*", "* parts{*} best{*}", "(parts(),best())"},
		{"$expand=*($levels=1)", "* best{*} parts{*}", "(best(),parts())"},
		{"$expand=best()", "* best{*}", "(best())"},
		{"$expand=best($select=name)", "* best{name}", "(best(name))"},
		{"$expand=best(select=name;;$Expand=maker)", "* best{name maker{*}}", "(best(name,maker()))"},
		{"$expand=best ( $select = name , size ; $levels=max)", "* best{name size}", "(best(name,size))"},
		{"$select=name&$expand=best", "name best{*}", "(name,best())"},
		{"$select=name,best&$expand=best", "name best{*}", "(name,best,best())"},
		{"$select=best/size&$expand=best", "best{size}", "(best(size))"},
		{"$expand=best&$select=name,best/size", "name best{size}", "(name,best(size))"},
		{"$expand=best($select=name)&$select=best/size", "best{name size}", "(best(name,size))"},
		{"$expand=best($select=*)&$select=best/size", "best{*}", "(best(*,size))"},
		{"$expand=best($expand=maker($expand=next($select=name)))", "* best{* maker{* next{name}}}", "(best(maker(next(name))))"},
		{
			"$expand=parts($filter=size gt 1 and name eq ');''(';$orderby=name desc,size;$top=3;$skip=2;$count=true;$search=\"a)b;\" c)",
			"* parts{* (and (and (gt size 1) (eq name ');'(')) (and (eq (contains (tolower name) 'a)b;') true) " +
				"(eq (contains (tolower name) 'c') true))) by name desc, size 2+3 count}",
			"(parts())",
		},
		{"$expand=parts($filter=name eq @n)&@n='x'", "* parts{* (eq name 'x')}", "(parts())"},
		{"$expand=parts($filter=;$count=false)", "* parts{*}", "(parts())"},
		{"$expand=parts($filter=tags/any(t:t eq name))", "* parts{* (any t: tags (eq t name))}", "(parts())"},
	}
	for _, c := range cases {
		q, err := parseQuery(c.raw)
		if err != nil {
			t.Errorf("%s: %v", c.raw, err)
			continue
		}
		got := showQuery(q, rowType())
		if got != c.want {
			t.Errorf("%s\ngives %s\nwant  %s", c.raw, got, c.want)
		}
		if got := q.Context(); got != c.context {
			t.Errorf("%s: the context is %s, want %s", c.raw, got, c.context)
		}
	}
}

func TestSelectAndExpandRefuse(t *testing.T) {
	t.Parallel()
	const supports = "these are: $select, $expand, $levels"
	cases := []struct{ raw, want string }{
		{"$select=", "$select at position 0: expected the name of a property, found the end."},
		{"$select=name,", "$select at position 5: expected the name of a property, found the end."},
		{"$select=name note", `$select at position 5: expected a comma or the end, found "note".`},
		{"$select=name,nme", `$select at position 5: "nme" is no property of test.row; its properties are name,`},
		{"$select=Name", `$select at position 0: "Name" is no property of test.row; its properties are name,`},
		{"$select=*x", `$select at position 1: expected a comma or the end, found "x".`},
		{"$select=name/x", `$select at position 4: expected a comma or the end, found "/x".`},
		{"$select=best/nme", `$select at position 5: "nme" is no property of test.part;`},
		{"$select=best/", `$select at position 5: expected the name of a property, found the end.`},
		{"$select=name,parts/name", "$select at position 5: parts is selected from by $expand=parts($select=…)."},
		{"$select=hidden/name", "$select at position 0: hidden is selected from by $expand=hidden($select=…)."},

		{"$expand=", `$expand at position 0: "" cannot be expanded; of test.row these can: best, parts.`},
		{"$expand=best,", `$expand at position 5: "" cannot be expanded; of test.row these can: best, parts.`},
		{"$expand=name", `$expand at position 0: "name" cannot be expanded; of test.row these can: best, parts.`},
		{"$expand=best,hidden", `$expand at position 5: "hidden" cannot be expanded; of test.row these can: best, parts.`},
		{"$expand=best($expand=name)", `$expand at position 13: "name" cannot be expanded; of test.part these can: maker, makers.`},
		{"$expand=best/maker", "$expand at position 4: a path leads no further here; write best($expand=…)."},
		{"$expand=parts/$count", "$expand at position 5: a path leads no further here; write parts($expand=…)."},
		{"$expand=best,parts,best", "$expand at position 11: best is expanded twice."},
		{"$expand=best parts", `$expand at position 5: expected a comma or the end, found "parts".`},
		{"$expand=best($select=name)x", `$expand at position 18: expected a comma or the end, found "x".`},
		{"$expand=best(", `$expand at position 5: expected ")", found the end.`},
		{"$expand=best($select=name", `$expand at position 17: expected ")", found the end.`},
		{"$expand=parts($filter=name eq 'x)", `$expand at position 22: the text that begins here has no end: expected a closing quote.`},
		{"$expand=parts($filter=(sure)", `$expand at position 20: expected ")", found the end.`},
		{"$expand=best(name)", `$expand at position 5: expected an option such as $select=…, found "name".`},
		{"$expand=best($select=name; =1)", `$expand at position 19: expected an option such as $select=…, found "=1".`},
		{"$expand=best( $bar=1)", `$expand at position 6: "$bar" is not supported here; ` + supports + "."},
		{"$expand=best($top=1)", `$expand at position 5: "$top" is not supported here; ` + supports + "."},
		{"$expand=best(@a=1)", `$expand at position 5: "$@a" is not supported here; ` + supports + "."},
		{"$expand=best($select=name; select=size)", "$expand at position 19: $select is given twice."},
		{"$expand=best,parts($top=x)", `$expand at position 11: $top must be an integer from 0 to 2147483647, not "x".`},
		{"$expand=parts($top=1;$count=1)", `$expand at position 13: $count must be true or false, not "1".`},
		{"$expand=best($levels=2)", `$expand at position 5: $levels must be 1 or max, since nothing here leads to more of its own kind, not "2".`},
		{"$expand=best($select=name,nme)", `$expand at position 18: "nme" is no property of test.part;`},
		{"$expand=parts($filter=size gt)", "$expand at position 21: expected a property, a literal, a function or a parenthesis, found the end."},
		{"$expand=parts($top=1; $filter=size gt 'x')", "$expand at position 27: gt compares a number with a String; write it without quotes, as in 42."},
		{"$expand=parts($orderby=name,tags)", "$expand at position 20: a collection cannot be sorted by."},
		{"$expand=parts($search=a OR)", "$expand at position 18: expected a word or a phrase in double quotes, found the end."},
		{"$expand=parts($expand=makers($filter=nme eq 'x'))", `$expand at position 29: "nme" is no property of test.level1;`},
		{"$expand=parts($filter=$it/name eq 'x')", "$expand at position 14: $it is not within reach of what $expand asks for; name a property without it."},
		{"$expand=parts($filter=@f)&@f=$it/name eq 'x'", "@f at position 0: $it is not within reach of what $expand asks for; name a property without it."},
		{"$expand=parts($skiptoken=x)", `$expand at position 6: "$skiptoken" is not supported here;`},
	}
	for _, c := range cases {
		_, err := parseQuery(c.raw)
		e, ok := errors.AsType[*Error](err)
		if !ok || !strings.HasPrefix(e.Message, c.want) || e.Target != c.want[:strings.Index(c.want, " ")] {
			t.Errorf("%s\ngives %v\nwant  %s", c.raw, err, c.want)
		}
	}
	if _, err := ParseQuery("$expand=x", &StructuredType{name: "test.empty"}, noon, OptionExpand); err == nil ||
		err.Error() != `$expand at position 0: "x" cannot be expanded; test.empty has nothing to expand.` {
		t.Error(err)
	}
	if q, err := ParseQuery("$expand=*", &StructuredType{name: "test.empty"}, noon, OptionExpand); err != nil || q.Expand != nil {
		t.Error(err)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	q, err := parseQuery("$select=name,best/size")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, name := range rowType().names() {
		if q.Names(rowType(), name) {
			named = append(named, name)
		}
	}
	if !slices.Equal(named, []string{"name"}) || q.Expanded("best") == nil || q.Expanded("parts") != nil {
		t.Error(named, q.Expand)
	}
}

// TestEncode follows the link to the rest of an expanded collection: the query
// that it makes asks for the same rows, and takes the token of the first page.
func TestEncode(t *testing.T) {
	t.Parallel()
	part := rowType().navigation("parts").target
	for _, options := range []string{
		"",
		"$top=3;$count=true;$select=name",
		"$filter=name eq 'a b&c;(''+' and size gt @n;$orderby=name desc,length(name)",
		"$search=\"x y\";$skip=5;$levels=1;$top=2",
		"$filter=name in @l;$expand=makers($filter=name eq @m)",
	} {
		raw := "$filter=name eq @other and name in @l and count gt @n or name eq @m&$expand=parts(" + escape(options) + ")" +
			"&@other='%26'&@l=[\"a\",\"%26%2B\"]&@n=5&@m='m'"
		q, err := parseQuery(raw)
		if err != nil {
			t.Errorf("%s: %v", options, err)
			continue
		}
		inner := &q.Expanded("parts").Query
		last := []any{"id"}
		if inner.OrderBy != nil {
			last = []any{"name", int64(4), "id"}
		}
		token := inner.NextToken("parts", last)
		link := inner.Encode() + "$skiptoken=" + token
		followed, err := ParseQuery(link, part, noon, everyOption()...)
		if err != nil {
			t.Errorf("%s: %s: %v", options, link, err)
			continue
		}
		if got, want := show(followed.Filter), show(inner.Filter); got != want {
			t.Errorf("%s: %s asks for %s, want %s", options, link, got, want)
		}
		if _, err := followed.After("parts", stringCodec().typ); err != nil {
			t.Errorf("%s: %s: %v", options, link, err)
		}
		if strings.Contains(link, "skip=") || strings.Contains(link, "levels") {
			t.Errorf("%s: %s holds what is of one page", options, link)
		}
	}
}
