package odata

import (
	"strings"
	"testing"
)

// TestLimits shows of every limit that what is just within it is read, and what
// is just beyond it is refused, saying so.
func TestLimits(t *testing.T) {
	t.Parallel()
	list := func(item, separator string, n int) string {
		return strings.TrimSuffix(strings.Repeat(item+separator, n), separator)
	}
	nest := func(open, inner, end string, n int) string {
		return strings.Repeat(open, n) + inner + strings.Repeat(end, n)
	}
	const deep = "the expression nests deeper than 100."
	cases := []struct {
		name  string
		query func(n int) string
		most  int
		want  string
	}{
		{"parentheses", func(n int) string { return "filter=" + nest("(", "sure", ")", n) }, 99, deep},
		{"not", func(n int) string { return "filter=" + nest("not ", "sure", "", n) }, 99, deep},
		{"minus", func(n int) string { return "filter=0 eq " + nest("-", "count", "", n) }, 98, deep},
		{"calls", func(n int) string { return "filter=" + nest("tolower(", "name", ")", n) + " eq ''" }, 99, deep},
		{"lambdas", func(n int) string { return "filter=" + nest("labels/any(l:", "true", ")", n) }, 2, "any and all nest at most 2 deep."},
		{"sums", func(n int) string { return "filter=count" + strings.Repeat(" add 1", n) + " eq 0" }, 99, deep},
		{"comparisons", func(n int) string { return "filter=sure" + strings.Repeat(" eq sure", n) }, 100, deep},
		{"memberships", func(n int) string { return "filter=sure" + strings.Repeat(" in (sure)", n) }, 100, deep},
		{"chains within chains", func(n int) string {
			chain := strings.Repeat(" add 1", n)
			return "filter=1 add (1 add (1" + chain + ")" + chain + ")" + chain + " eq 1"
		}, 32, deep},
		{"a chain in parentheses", func(n int) string {
			return "filter=" + nest("(", "sure"+strings.Repeat(" eq sure", 50), ")", n)
		}, 50, deep},
		{"a condition below a chain", func(n int) string {
			return "filter=sure and sure and (sure" + strings.Repeat(" eq sure", n) + ")"
		}, 98, deep},
		{"search", func(n int) string { return "search=" + nest("(", "a", ")", n) }, 99, deep},
		{"search for many", func(n int) string { return "search=" + list("a", " ", n) }, 20, "at most 20 words and phrases"},
		{"search without", func(n int) string { return "search=" + nest("NOT ", "a", "", n) }, 99, deep},
		{"terms", func(n int) string { return "filter=sure" + strings.Repeat(" or sure", n-2) }, 1000, "more than 1000 terms"},
		{"terms of all options", func(n int) string {
			return "filter=sure" + strings.Repeat(" or sure", n-3) + "&orderby=name"
		}, 1000, "more than 1000 terms"},
		{"terms of an alias, each time", func(n int) string {
			return "filter=@a or @a or @a or @a&@a=sure" + strings.Repeat(" or sure", n)
		}, 248, "more than 1000 terms"},
		{"items", func(n int) string { return "filter=count in (" + list("1", ",", n) + ")" }, 500, "in takes at most 500 items."},
		{"items of an array", func(n int) string { return "filter=count in @l&@l=[" + list("1", ",", n) + "]" }, 500, "in takes at most 500 items."},
		{"order", func(n int) string { return "orderby=" + list("name", ",", n) }, 8, "at most 8 keys are sorted by."},
		{"select", func(n int) string { return "select=" + list("name", ",", n) }, 64, "at most 64 names are read."},
		{"expand", func(n int) string {
			return "expand=best($expand=maker,makers),parts($expand=maker,makers($expand=next" +
				strings.Repeat("($expand=next", n-6) + strings.Repeat(")", n-6) + "))"
		}, 8, "$expand nests deeper than 5."},
		{"expand, all levels together", func(n int) string {
			three := "($expand=next($expand=next($expand=next)))"
			both := "($expand=maker" + three + ",makers" + three + ")"
			return "expand=best" + both + ",parts" + both + strings.Repeat(",*", n)
		}, 1, "at most 20 navigations are expanded."},
		{"length", func(n int) string { return "filter=name eq '" + strings.Repeat("x", n-len("filter=name eq ''")) + "'" }, 8192, "at most 8192 are read."},
	}
	for _, c := range cases {
		q, err := parseQuery(c.query(c.most))
		if err != nil {
			t.Errorf("%s: %d are refused: %v", c.name, c.most, err)
			continue
		}
		if err := checkExpr(q.Filter); err != nil {
			t.Errorf("%s: %.500v", c.name, err)
		}
		if _, err := parseQuery(c.query(c.most + 1)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %d give %v, want %q", c.name, c.most+1, err, c.want)
		}
	}
}

// TestChainsOfLogicNestNot reads as many conditions as there may be terms: and
// and or take many at once.
func TestChainsOfLogicNestNot(t *testing.T) {
	t.Parallel()
	e, err := parseFilter("sure" + strings.Repeat(" or sure", 500))
	if err != nil || len(e.Args) != 501 {
		t.Error(err)
	}
}
