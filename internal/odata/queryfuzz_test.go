package odata

import (
	"errors"
	"net/url"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"plimsoll/internal/query"
)

// goodFilters and badFilters are where the fuzzers begin.
func goodFilters() []string {
	return []string{
		"", "sure", "null", "name eq 'it''s'", "not (sure or unsure) and count add 1 mul 2 lt -3.25", "count in (1,2.5,null)",
		"'red' in (color,shade)", "labels/any(l:l eq 'x' and colors/all(l:l eq 'red'))", "'x' in labels or labels/$count gt 2",
		"best/name eq $it/name", "best/maker/next eq null", "color has test.color'red' or best/shape eq 'round'",
		"contains(tolower(concat(name,note)),substring(name,1,2))", "at gt now() sub duration'P1DT2H3M4.5S'",
		"at ge 2024-01-31T00:00:00.1234567+01:00 and date(at) eq 2024-02-29", "fractionalseconds(at) lt 0.5 or totalseconds(lasts) gt 1e3",
		"on sub 2024-01-01 gt duration'P7D' or time(at) lt 12:00:00.5", "price divby 3 gt 1.000001 and total mod 7 eq 0 eq false",
		"data eq binary'_-8='", "name eq 11111111-2222-3333-4444-555555555555", "@a and @b", "name in @l",
		"sure eq sure eq sure ne unsure", "-(-maybe) mul price mul price gt 0",
	}
}

func badFilters() []string {
	return []string{
		"name", "name eq", "(sure", "sure)", "nme eq 1", "name eq 'x", "count eq 'x'", "total add 1 gt 0", "count div 0 eq 1",
		"contains(name)", "foo(name)", "labels/any(name:true)", "labels/any(l l)", "parts/name eq 'x'", "color eq 'blue'",
		"at gt '2024-01-31'", "0000-01-01 lt on", "duration'P1Y' gt lasts", "name in ()", "null in ('a',5)", "$it", "@", "\x00", "\xff",
		strings.Repeat("(", 101) + "sure" + strings.Repeat(")", 101), "sure" + strings.Repeat(" eq sure", 101),
	}
}

// position finds the place that a message tells.
func position(e *Error) (int, bool) {
	found := regexp.MustCompile(` at position (\d+)[:.]`).FindStringSubmatch(e.Message)
	if found == nil {
		return 0, false
	}
	n, err := strconv.Atoi(found[1])
	return n, err == nil
}

// checkRefusal holds an error to be told to the client: of a kind, with what is
// at fault, and where in the texts of the options that is.
func checkRefusal(t *testing.T, raw string, err error) {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Kind != BadRequest || e.Message == "" || len(e.Message) > 8*MaxQuery {
		t.Fatalf("%q: %T %v", raw, err, err)
	}
	nameless := len(raw) > MaxQuery || strings.HasPrefix(raw, "=") || strings.Contains(raw, "&=") || strings.Contains(e.Message, "has no name")
	if e.Target == "" && !nameless {
		t.Fatalf("%q: no target: %v", raw, err)
	}
	at, ok := position(e)
	if !ok {
		return
	}
	length := len(raw)
	if !strings.HasPrefix(e.Message, "Query at") && !strings.HasPrefix(e.Message, "The ") {
		length = -1
		for part := range strings.SplitSeq(raw, "&") {
			name, value, _ := strings.Cut(part, "=")
			name, _ = url.QueryUnescape(name)
			value, _ = url.QueryUnescape(value)
			if strings.ToLower(strings.TrimPrefix(name, "$")) == strings.TrimPrefix(e.Target, "$") || name == e.Target {
				length = max(length, len(value))
			}
		}
	}
	if at > length {
		t.Fatalf("%q: position %d of %d: %v", raw, at, length, err)
	}
}

// checkQuery holds a query that was accepted to what a store may rely on.
func checkQuery(t *testing.T, raw string, q *Query, depth int) {
	t.Helper()
	if err := checkExpr(q.Filter); err != nil {
		t.Fatalf("%q: %v", raw, err)
	}
	for _, key := range q.OrderBy {
		if k := key.Expr.Type.Kind; key.Expr.Type.Collection || k == query.Binary || k == query.Entity || k == query.Null {
			t.Fatalf("%q: sorts by %+v", raw, key.Expr.Type)
		}
		if err := (&exprCheck{}).check(key.Expr, 0); err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
	}
	if q.Top < -1 || q.Skip < 0 || len(q.OrderBy) > maxOrder || depth > maxExpandDepth {
		t.Fatalf("%q: %+v", raw, q)
	}
	seen := map[string]bool{}
	for i := range q.Expand {
		e := &q.Expand[i]
		if seen[e.Navigation] {
			t.Fatalf("%q: %s is expanded twice", raw, e.Navigation)
		}
		seen[e.Navigation] = true
		checkQuery(t, raw, &e.Query, depth+1)
	}
}

// fuzzQuery parses a query twice, and holds what comes of it to its promises.
func fuzzQuery(t *testing.T, raw string) *Query {
	t.Helper()
	q, err := parseQuery(raw)
	again, errAgain := parseQuery(raw)
	if err != nil {
		if errAgain == nil || err.Error() != errAgain.Error() {
			t.Fatalf("%q: %v, and then %v", raw, err, errAgain)
		}
		checkRefusal(t, raw, err)
		return nil
	}
	if errAgain != nil || !reflect.DeepEqual(q, again) {
		t.Fatalf("%q is read in two ways: %v %s", raw, errAgain, cmp.Diff(show(q.Filter), show(again.Filter)))
	}
	checkQuery(t, raw, q, 0)
	if strings.Count(q.Context(), "(") != strings.Count(q.Context(), ")") {
		t.Fatalf("%q: the context is %q", raw, q.Context())
	}
	return q
}

// fuzzOption gives the fuzzer of one option.
func fuzzOption(f *testing.F, option Option, more string, seeds ...string) {
	f.Helper()
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fuzzQuery(t, string(option)+"="+url.QueryEscape(text))
		fuzzQuery(t, string(option)+"="+url.QueryEscape(text)+more)
	})
}

func FuzzFilter(f *testing.F) {
	fuzzOption(f, OptionFilter, "&@a=sure&@b=name+eq+'x'&@l=[\"a\",null]", append(goodFilters(), badFilters()...)...)
}

// FuzzAlias reads a text as a condition and as a list that a filter refers to.
func FuzzAlias(f *testing.F) {
	for _, seed := range append(append(goodFilters(), badFilters()...), `["a","b"]`, `[1,2.5,null]`, "('a',name)", "labels", `["a"]]`, `[{}]`, "[1") {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fuzzQuery(t, "$filter=@a&@a="+url.QueryEscape(text))
		fuzzQuery(t, "$filter=name in @a or sure&@a="+url.QueryEscape(text))
		fuzzQuery(t, "$filter=count in @a&@a="+url.QueryEscape(text))
	})
}

func FuzzOrderBy(f *testing.F) {
	fuzzOption(f, OptionOrderBy, "&@a=name", "name", "name desc", " name ASC , note\tdesc", "best/name desc,length(name)", "count add 1",
		"labels/$count desc", "@a desc", "sure and unsure,color", "at,on,daily,lasts,price", "contains(name,'a,b') desc", "(name)desc",
		"", ",", "name,", "name down", "labels", "data", "best", "null", "nme", "parts/name", "name desc asc", strings.Repeat("name,", 20))
}

func FuzzSelect(f *testing.F) {
	fuzzOption(f, OptionSelect, "&$expand=best($select=name),parts", "name", " name , note", "*", "*,name", "best", "best/size",
		"best/*,best/name", "best/maker/next/name", "parts", "name,name", "", ",", "name,", "nme", "name/x", "best/", "best/nme",
		"parts/name", "hidden/name", "*x", "name note", "test.row/name", strings.Repeat("name,", 70))
}

func FuzzExpand(f *testing.F) {
	fuzzOption(f, OptionExpand, "&$select=best/size,name&@a='x'", "best", "best,parts", "*", "*($levels=1)", "best($select=name)",
		"parts($filter=name eq ');''(' and size gt 1;$orderby=name desc;$top=3;$skip=1;$count=true)", `parts($search="a)b;" c)`,
		"best($expand=maker($expand=next($select=name)))", "parts( $top = 3 ; count=true )", "parts($filter=name eq @a)", "best()",
		"", ",", "best,best", "name", "hidden", "best/maker", "best(", "best($top=1)", "best($bar=1)", "parts($filter=name eq 'x)",
		"parts($skiptoken=x)", "best(;)", "best($levels=2)", "best($select=name", "parts($filter=$it/name eq 'x')", "best)(")
}

func FuzzSearch(f *testing.F) {
	fuzzOption(f, OptionSearch, "&$filter=sure", "a", "a b", "a AND b OR NOT c", `"a b" c`, "(a OR b) AND (c)", "NOT NOT a", "it's a-b.c",
		"ÄÖÜ", "a(b)c", `"AND"`, "and or not", "", "AND", "OR a", "NOT", "(NOT)", "()", "(a", "a)", `"`, `""`, "a AND OR b",
		strings.Repeat("(", 101)+"a"+strings.Repeat(")", 101), strings.Repeat("NOT ", 101)+"a")
}

// FuzzQuery reads whole queries as they are sent.
func FuzzQuery(f *testing.F) {
	for _, filter := range goodFilters() {
		f.Add("$filter=" + url.QueryEscape(filter) + "&@a=sure&@b=unsure&@l=('a')")
	}
	for _, raw := range []string{
		"", "&&", "$top=5&skip=1&%24count=true&$FORMAT=json", "$orderby=name&$search=x&select=name&$expand=best($select=name)",
		"$skiptoken=abc", "$deltatoken=abc", "@a=1", "$filter=name eq @a&@a=@b&@b='x'", "$top=1&top=2", "$=1", "=", "%", "%zz=1", "$x=%ff",
		"$filter=at lt 2024-01-31T00:00:00+01:00", "$filter=name+eq+'a%26b'&$top=%31", "$skip=1&$skiptoken=x", "@=1&@=2", "$top=-1",
		"$expand=parts($filter=name eq @n)&@n='x'", strings.Repeat("x", 9000),
	} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q := fuzzQuery(t, raw)
		if q == nil {
			return
		}
		for i := range q.Expand {
			inner := &q.Expand[i]
			target := rowType().navigation(inner.Navigation).target
			link := inner.Encode()
			followed, err := ParseQuery(link, target, noon, append(everyOption(), OptionLevels)...)
			if err != nil && len(link) <= MaxQuery {
				t.Fatalf("%q: %q is refused: %v", raw, link, err)
			}
			if err == nil && (show(followed.Filter) != show(inner.Filter) || followed.rows != inner.rows) {
				t.Fatalf("%q: %q asks for %s, want %s", raw, link, show(followed.Filter), show(inner.Filter))
			}
		}
	})
}

// FuzzSkipToken reads tokens, as they come and with a checksum that holds.
func FuzzSkipToken(f *testing.F) {
	const options = "$orderby=name,maybe,at"
	q, err := parseQuery(options)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(q.NextToken("rows", []any{"name", nil, int64(5), "id"}))
	f.Add(DeltaToken("rows", 1, 2))
	for _, values := range []string{
		`["name",1,5,"id"]`, `["ü",null,-5,""]`, `["name",1,5,"id"]]`, `["name",1,5]`, `[]`, `null`, `{}`, `1`, ``, `[`, `["\u0000",1,5,"id"]`,
		`["\ud800",1,5,"id"]`, `["name",1.5,5,"id"]`, `["name",1e9,5,"id"]`, `["name",9223372036854775808,5,"id"]`, `[1,1,1,1]`, `[[],{},true,"id"]`,
	} {
		f.Add(values)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, token := range []string{text, makeToken("rows?"+q.rows, []byte(text))} {
			carrying := *q
			carrying.SkipToken = token
			last, err := carrying.After("rows", ownKey())
			if err != nil {
				if e, ok := errors.AsType[*Error](err); !ok || e.Target != "$skiptoken" {
					t.Fatalf("%q: %+v", token, err)
				}
				continue
			}
			if token == "" {
				continue
			}
			carrying.SkipToken = q.NextToken("rows", last)
			if again, err := carrying.After("rows", ownKey()); err != nil || !reflect.DeepEqual(last, again) {
				t.Fatalf("%q gives %v, and %v, %v again", token, last, again, err)
			}
			if name, ok := last[0].(string); !ok || len(last) != 4 || strings.ContainsRune(name, 0) {
				t.Fatalf("%q gives %q", token, last)
			}
		}
		numbers, err := ParseDeltaToken(OptionDeltaToken, "rows", text, 2)
		if err == nil && (len(numbers) != 2 || min(numbers[0], numbers[1]) < 0) {
			t.Fatalf("%q gives %v", text, numbers)
		}
	})
}
