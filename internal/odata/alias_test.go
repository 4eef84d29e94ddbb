package odata

import (
	"strings"
	"testing"
)

func TestAliases(t *testing.T) {
	t.Parallel()
	cases := []struct{ raw, want string }{
		{"$filter=name eq @n&@n='x'", "(eq name 'x')"},
		{"@n='x'&$filter=name eq @n or note eq @n", "(or (eq name 'x') (eq note? 'x'))"},
		{"$filter=name eq @missing", "(eq name null)"},
		{"$filter=@all&@all=sure and unsure", "(and? sure unsure?)"},
		{"$filter=not @c&@c=sure eq true", "(not (eq sure true))"},
		{"$filter=labels/any(l:@c)&@c=l eq 'x'", "(any l: labels (eq l 'x'))"},
		{"$filter=count add @n eq 3&@n=1 add 1", "(eq (add count (add 1 1)) 3)"},
		{"$filter=color eq @c&@c='red'", "(eq color test.color'red')"},
		{"$filter=name in @l&@l=('a','b')", "(in name 'a' 'b')"},
		{"$filter=name in @l&@l= ( 'a' , null ) ", "(in name 'a' null)"},
		{`$filter=name in @l&@l=["a","it's","\u00fc"]`, "(in name 'a' 'it's' 'ü')"},
		{`$filter=name in @l&@l= [ "a" , null ] `, "(in name 'a' null)"},
		{"$filter=count in @l&@l=[1,2.5,-3e0]", "(in (mul count 10) 1.0 2.5 -3.0)"},
		{"$filter=sure in @l&@l=[true,false]", "(in sure true false)"},
		{"$filter=color in @l&@l=[\"red\"]", "(in color test.color'red')"},
		{"$filter=name in @l&@l=labels", "(in name labels)"},
		{"$filter=name in (@a,@b)&@a='1'&@b='2'", "(in name '1' '2')"},
	}
	for _, c := range cases {
		q, err := parseQuery(c.raw)
		if err != nil {
			t.Errorf("%s: %v", c.raw, err)
			continue
		}
		if got := show(q.Filter); got != c.want {
			t.Errorf("%s\ngives %s\nwant  %s", c.raw, got, c.want)
		}
		if err := checkExpr(q.Filter); err != nil {
			t.Errorf("%s: %v", c.raw, err)
		}
	}
}

func TestAliasesRefused(t *testing.T) {
	t.Parallel()
	cases := []struct{ raw, want string }{
		{"@n=1", `The query gives "@n" a value, and nothing refers to it.`},
		{"$filter=name eq @n&@n='x'&@first=1&@second=2", `The query gives "@first" a value`},
		{"$filter=name eq @n&@N='x'", `The query gives "@N" a value`},
		{"$filter=name eq @n&@n='x'&@n='y'", `The alias "@n" is given again at position 26.`},
		{"@=1", `The query gives "@" a value`},
		{"$filter=@", `$filter at position 0: expected the name of an alias, such as @name, found "@".`},
		{"$filter=name eq @n&@n=@m&@m=1", "@n at position 0: an alias cannot stand for another."},
		{"$filter=name eq @n&@n=@n", "@n at position 0: an alias cannot stand for another."},
		{"$filter=name eq @n&@n='x' y", `@n at position 4: expected an operator such as eq, and, or; or the end, found "y".`},
		{"$filter=name eq @n&@n=", "@n at position 0: expected a property, a literal, a function or a parenthesis, found the end."},
		{"$filter=name eq @n&@n=1", "$filter at position 5: eq compares a String with a number."},
		{"$filter=name in @l", "$filter at position 8: expected an alias that the query gives a list, such as @list=['a','b']."},
		{"$filter=name in @l&@l='x'", "@l at position 0: in takes a list in parentheses, as in ('a','b'), or a collection."},
		{"$filter=name in @l&@l=('a') x", `@l at position 6: expected the end, found "x".`},
		{"$filter=name in @l&@l=labels x", `@l at position 7: expected the end, found "x".`},
		{`$filter=name in @l&@l=["a"]]`, `@l at position 5: expected the end, found "]".`},
		{`$filter=name in @l&@l=["a"]}`, `@l at position 5: expected the end, found "}".`},
		{`$filter=name in @l&@l=["a",]`, `@l at position 4: expected a JSON array of values, such as ["a","b"], found ",]".`},
		{`$filter=name in @l&@l=["a"`, `@l at position 4: expected a JSON array of values, such as ["a","b"], found the end.`},
		{`$filter=name in @l&@l=['a']`, `@l at position 1: expected a JSON array of values, such as ["a","b"], found "'a']".`},
		{`$filter=name in @l&@l=["\ud800"]`, `@l at position 1: expected a JSON array of values`},
		{`$filter=name in @l&@l=["\u0000"]`, `@l at position 1: no text here holds the character U+0000.`},
		{`$filter=name in @l&@l=[]`, `@l at position 0: the array is empty`},
		{`$filter=name in @l&@l=["a",{}]`, `@l at position 5: an item of the array is an object or an array.`},
		{`$filter=name in @l&@l=["a",[]]`, `@l at position 5: an item of the array is an object or an array.`},
		{`$filter=count in @l&@l=[1,1e99]`, `@l at position 3: "1e99" has more digits than are kept`},
		{`$filter=name in @l&@l=@m&@m=["a"]`, "@l at position 0: an alias cannot stand for another."},
	}
	for _, c := range cases {
		if _, err := parseQuery(c.raw); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.raw, err, c.want)
		}
	}
}
