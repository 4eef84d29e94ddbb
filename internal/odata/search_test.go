package odata

import (
	"strings"
	"testing"
)

func TestSearch(t *testing.T) {
	t.Parallel()
	cases := []struct{ text, want string }{
		{"a", "[a]"},
		{" a ", "[a]"},
		{"A", "[a]"},
		{"ÄÖ", "[äö]"},
		{"a b", "(and [a] [b])"},
		{"a AND b", "(and [a] [b])"},
		{"a OR b", "(or [a] [b])"},
		{"NOT a", "(not [a])"},
		{"NOT NOT a", "(not (not [a]))"},
		{"a NOT b", "(and [a] (not [b]))"},
		{"a b OR c d", "(or (and [a] [b]) (and [c] [d]))"},
		{"a (b OR c)", "(and [a] (or [b] [c]))"},
		{"(a)(b)", "(and [a] [b])"},
		{"NOT(a)OR b", "(or (not [a]) [b])"},
		{"NOT (a OR b) c", "(and (not (or [a] [b])) [c])"},
		{`"a b"`, "[a b]"},
		{`"a"OR"b"`, "(or [a] [b])"},
		{`"AND"`, "[and]"},
		{`" "`, "[ ]"},
		{"and or not", "(and [and] [or] [not])"},
		{"ANDY NOTE ORB", "(and [andy] [note] [orb])"},
		{"it's a-b.c,d:e", "(and [it's] [a-b.c,d:e])"},
		{"a%26b;c", "[a&b;c]"},
	}
	for _, c := range cases {
		q, err := parseQuery("$search=" + c.text)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		got := show(q.Filter)
		for _, part := range [][2]string{
			{"(eq (or? (contains (tolower name) ", ""}, {"(contains? (tolower? note?) ", ""}, {") true)", ""},
		} {
			got = strings.ReplaceAll(got, part[0], part[1])
		}
		// what is left of a term is 'x') 'x')
		if c.want = foundIn(c.want); got != c.want {
			t.Errorf("%q\ngives %s\nwant  %s", c.text, got, c.want)
		}
		if err := checkExpr(q.Filter); err != nil {
			t.Errorf("%q: %v", c.text, err)
		}
	}
}

// foundIn writes what is left of each [term] of a search.
func foundIn(text string) string {
	for strings.Contains(text, "[") {
		before, rest, _ := strings.Cut(text, "[")
		term, after, _ := strings.Cut(rest, "]")
		text = before + "'" + term + "') '" + term + "')" + after
	}
	return text
}

func TestSearchRefuses(t *testing.T) {
	t.Parallel()
	const word = "expected a word or a phrase in double quotes, found "
	cases := []struct{ text, want string }{
		{"", "0: " + word + "the end."},
		{"AND", `0: ` + word + `"AND".`},
		{"OR a", `0: ` + word + `"OR a".`},
		{"NOT", "3: " + word + "the end."},
		{"(NOT)", `1: ` + word + `"NOT)".`},
		{"a AND", "5: " + word + "the end."},
		{"a OR ", "5: " + word + "the end."},
		{"a AND OR b", `6: ` + word + `"OR b".`},
		{"()", `1: ` + word + `")".`},
		{"(a", `2: expected ")", found the end.`},
		{"a)", `1: expected a word, a phrase in double quotes, or the end, found ")".`},
		{`a "b`, "2: expected a phrase and its closing double quote."},
		{`""`, "0: expected a phrase and its closing double quote."},
	}
	for _, c := range cases {
		if _, err := parseQuery("$search=" + c.text); err == nil || err.Error() != "$search at position "+c.want {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
	if _, err := ParseQuery("$search=a", &StructuredType{name: "test.empty"}, noon, OptionSearch); err == nil ||
		err.Error() != "$search at position 0: test.empty has no text that is searched." {
		t.Error(err)
	}
}
