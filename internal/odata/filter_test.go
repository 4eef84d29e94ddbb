package odata

import "testing"

func checkFilters(t *testing.T, cases [][2]string) {
	t.Helper()
	for _, c := range cases {
		e, err := parseFilter(c[0])
		if err != nil {
			t.Errorf("%s: %v", c[0], err)
			continue
		}
		if got := show(e); got != c[1] {
			t.Errorf("%s\ngives %s\nwant  %s", c[0], got, c[1])
		}
		if err := checkExpr(e); err != nil {
			t.Errorf("%s: %v", c[0], err)
		}
	}
}

func TestFilterOperators(t *testing.T) {
	t.Parallel()
	checkFilters(t, [][2]string{
		{"", "-"},
		{" \t ", "-"},
		{"sure", "sure"},
		{"unsure", "unsure?"},
		{"null", "null"},
		{"true", "true"},
		{"name eq 'x'", "(eq name 'x')"},
		{"name ne 'x'", "(ne name 'x')"},
		{"count lt 1", "(lt count 1)"},
		{"count le 1", "(le count 1)"},
		{"count gt 1", "(gt count 1)"},
		{"count ge 1", "(ge count 1)"},
		{"name EQ 'x' And note nE 'y' OR sure", "(or (and (eq name 'x') (ne note? 'y')) sure)"},
		{"sure and unsure", "(and? sure unsure?)"},
		{"sure\tand\t sure", "(and sure sure)"},
		{"(sure)and(sure)", "(and sure sure)"},
		{"name eq 'x'and sure", "(and (eq name 'x') sure)"},
		{"not sure", "(not sure)"},
		{"NOT unsure", "(not? unsure?)"},
		{"not(sure)", "(not sure)"},
		{"not\tsure", "(not sure)"},
		{"not not sure", "(not (not sure))"},
		{"not null", "(not? null)"},
		{"-count eq 1", "(eq (neg count) 1)"},
		{"- count eq -1", "(eq (neg count) -1)"},
		{"--count eq --1", "(eq (neg (neg count)) (neg -1))"},
		{"-(count) lt 0", "(lt (neg count) 0)"},
		{"count add 1 eq 2", "(eq (add count 1) 2)"},
		{"count Sub 1 eq 2", "(eq (sub count 1) 2)"},
		{"count mul 3 eq 2", "(eq (mul count 3) 2)"},
		{"count div 3 eq 2", "(eq (div count 3) 2)"},
		{"count mod 3 eq 2", "(eq (mod count 3) 2)"},
		{"count div maybe eq 2", "(eq (div? count maybe?) 2)"},
		{"count div count eq 2", "(eq (div? count count) 2)"},
		{"color has 'red'", "(eq color test.color'red')"},
		{"color has test.color'red'", "(eq color test.color'red')"},
		{"color eq shade", "(eq color shade?)"},
		{"'red' eq color", "(eq test.color'red' color)"},
		{"sure gt false", "(gt sure false)"},
		{"color lt 'green'", "(lt color test.color'green')"},
		{"name lt 'x'", "(lt name 'x')"},
		{"data eq null", "(eq data? null)"},
		{"null ne data", "(ne null data?)"},
		{"null eq null", "(eq null null)"},
		{"null lt 5", "(lt null 5)"},
		{"note eq null and null", "(and? (eq note? null) null)"},
	})
}

func TestFilterPrecedence(t *testing.T) {
	t.Parallel()
	checkFilters(t, [][2]string{
		{"sure or sure and unsure", "(or? sure (and? sure unsure?))"},
		{"sure and sure or unsure", "(or? (and sure sure) unsure?)"},
		{"(sure or sure) and unsure", "(and? (or sure sure) unsure?)"},
		{"sure and sure and unsure", "(and? sure sure unsure?)"},
		{"sure and (sure and unsure)", "(and? sure (and? sure unsure?))"},
		{"sure or sure or (unsure or sure)", "(or? sure sure (or? unsure? sure))"},
		{"not sure and unsure", "(and? (not sure) unsure?)"},
		{"not sure eq true", "(eq (not sure) true)"},
		{"count add 2 mul 3 eq 7", "(eq (add count (mul 2 3)) 7)"},
		{"(count add 2) mul 3 eq 7", "(eq (mul (add count 2) 3) 7)"},
		{"count sub 1 sub 2 eq 0", "(eq (sub (sub count 1) 2) 0)"},
		{"count div 2 mul 3 eq 0", "(eq (mul (div count 2) 3) 0)"},
		{"-count mul 2 eq 0", "(eq (mul (neg count) 2) 0)"},
		{"count lt 1 eq sure", "(eq (lt count 1) sure)"},
		{"sure eq count lt 1", "(eq sure (lt count 1))"},
		{"sure eq sure ne unsure", "(ne (eq sure sure) unsure?)"},
		{"(count add 1) in (1) and sure", "(and (in (add count 1) 1) sure)"},
		{"not name in ('a') and sure", "(and (not (in name 'a')) sure)"},
		{"not color has 'red'", "(not (eq color test.color'red'))"},
		{"-1 in (count)", "(in -1 count)"},
		{"true in (true) in (false)", "(in (in true true) false)"},
	})
}

func TestFilterIn(t *testing.T) {
	t.Parallel()
	checkFilters(t, [][2]string{
		{"count in (1,2, 3 )", "(in count 1 2 3)"},
		{"name IN ('a')", "(in name 'a')"},
		{"note in ('a',null)", "(in note? 'a' null)"},
		{"null in ('a',name)", "(in null 'a' name)"},
		{"null in (null)", "(in null null)"},
		{"null in (1,1.5)", "(in null 1.0 1.5)"},
		{"count in (1,1.5,0.25)", "(in (mul (mul count 10) 10) 1.00 1.50 0.25)"},
		{"1 in (1.5,count)", "(in 1.0 1.5 (mul count 10))"},
		{"color in ('red','green')", "(in color test.color'red' test.color'green')"},
		{"'red' in (color,shade)", "(in test.color'red' color shade?)"},
		{"'red' in ('green',color)", "(in test.color'red' test.color'green' color)"},
		{"at in (2024-01-01,2024-01-02T00:00:00Z)", "(in at 2024-01-01T00:00:00Z 2024-01-02T00:00:00Z)"},
		{
			"on in (2024-01-01,2024-01-02T00:00:00Z)",
			"(in (mul on 864000000000) 2024-01-01T00:00:00Z 2024-01-02T00:00:00Z)",
		},
		{"'x' in labels", "(in 'x' labels)"},
		{"name in best/tags", "(in name best/tags)"},
		{"null in labels", "(in null labels)"},
		{"'red' in colors", "(in test.color'red' colors)"},
		{"color in colors", "(in color colors)"},
	})
}

func TestFilterPaths(t *testing.T) {
	t.Parallel()
	checkFilters(t, [][2]string{
		{"best/name eq 'x'", "(eq best/name? 'x')"},
		{"best/maker/next/next/name eq name", "(eq best/maker/next/next/name? name)"},
		{"hidden/size gt 1", "(gt hidden/size? 1)"},
		{"best eq null", "(eq best? null)"},
		{"null ne best/maker", "(ne null best/maker?)"},
		{"$it/name eq 'x'", "(eq name 'x')"},
		{"$it/best/name eq 'x'", "(eq best/name? 'x')"},
		{"best/shape eq 'round'", "(eq best/shape? test.shape'round')"},
		{"best/shape eq test.shape'round'", "(eq best/shape? test.shape'round')"},
		{"labels/$count gt 2", "(gt (count labels) 2)"},
		{"best/tags/$count gt 2", "(gt (count best/tags) 2)"},
	})
}

func TestFilterLambdas(t *testing.T) {
	t.Parallel()
	checkFilters(t, [][2]string{
		{"labels/any()", "(any labels)"},
		{"labels/Any( )", "(any labels)"},
		{"labels/any(l:l eq 'x')", "(any l: labels (eq l 'x'))"},
		{"labels/ALL( l : startswith(l,'x') )", "(all l: labels (startswith l 'x'))"},
		{"not labels/any(l:l eq 'x') and sure", "(and (not (any l: labels (eq l 'x'))) sure)"},
		{"labels/any(l:l eq name)", "(any l: labels (eq l name))"},
		{"labels/any(l:null)", "(any l: labels null)"},
		{"labels/all(l:unsure)", "(all l: labels unsure?)"},
		{"best/tags/any(x:x eq 'a')", "(any x: best/tags (eq x 'a'))"},
		{"colors/any(c:c eq 'red' or c eq test.color'green')", "(any c: colors (or (eq c test.color'red') (eq c test.color'green')))"},
		{
			"labels/any(a:best/tags/all(b:a eq b and a eq $it/name))",
			"(any a: labels (all b: best/tags (and (eq a b) (eq a name))))",
		},
		{ // the inner one hides the outer
			"labels/any(x:x eq 'a' and colors/any(x:x eq 'red') and x eq 'b')",
			"(any x: labels (and (eq x 'a') (any x: colors (eq x test.color'red')) (eq x 'b')))",
		},
		{"labels/any(desc:desc in ('a','b'))", "(any desc: labels (in desc 'a' 'b'))"},
	})
}

func TestFilterFunctions(t *testing.T) {
	t.Parallel()
	checkFilters(t, [][2]string{
		{"contains(name,'x')", "(contains name 'x')"},
		{"StartsWith( note , 'x' )", "(startswith? note? 'x')"},
		{"ENDSWITH(name,null)", "(endswith? name null)"},
		{"tolower(toupper(trim(name))) eq ''", "(eq (tolower (toupper (trim name))) '')"},
		{"length(note) eq 1", "(eq (length? note?) 1)"},
		{"indexof(name,'x') eq -1", "(eq (indexof name 'x') -1)"},
		{"substring(name,1) eq substring(name,-1,2)", "(eq (substring name 1) (substring name -1 2))"},
		{"substring(name,null,maybe) eq ''", "(eq (substring? name null maybe?) '')"},
		{"concat(concat(name,' '),note) eq ''", "(eq (concat? (concat name ' ') note?) '')"},
		{"year(at) eq 2024", "(eq (year at) 2024)"},
		{"month(on) eq 1", "(eq (month on) 1)"},
		{"day(null) eq 1", "(eq (day? null) 1)"},
		{"hour(daily) eq 1", "(eq (hour daily) 1)"},
		{"minute(at) eq 1", "(eq (minute at) 1)"},
		{"second(at) eq 1", "(eq (second at) 1)"},
		{"fractionalseconds(at) lt 0.5", "(lt (mod at 10000000) 0.5000000)"},
		{"fractionalseconds(daily) lt 0.5", "(lt (mod daily 10000000) 0.5000000)"},
		{"fractionalseconds(null) lt 0.5", "(lt (mod? null 10000000) 0.5000000)"},
		{"totalseconds(lasts) gt 90", "(gt (mul lasts 1) 90.0000000)"},
		{"totalseconds(duration'PT1.5S') eq 1.5", "(eq 1.5000000 1.5000000)"},
		{"totalseconds(null) gt 90", "(gt (mul? null 1) 90.0000000)"},
		{"date(at) eq 2024-02-29", "(eq (date at) 2024-02-29)"},
		{"time(at) lt 12:00", "(lt (time at) 12:00:00)"},
		{"at lt now()", "(lt at 2024-01-31T12:00:00Z)"},
		{"at gt MinDateTime( )", "(gt at 0001-01-01T00:00:00Z)"},
		{"at gt maxdatetime()", "(gt at 9999-12-31T23:59:59.9999999Z)"},
	})
}

func TestFilterTimes(t *testing.T) {
	t.Parallel()
	checkFilters(t, [][2]string{
		{"at gt now() sub duration'P1D'", "(gt at (sub? 2024-01-31T12:00:00Z P86400))"},
		{"at add lasts lt now()", "(lt (add? at lasts) 2024-01-31T12:00:00Z)"},
		{"lasts add at lt now()", "(lt (add? at lasts) 2024-01-31T12:00:00Z)"},
		{"now() sub at gt lasts", "(gt (sub 2024-01-31T12:00:00Z at) lasts)"},
		{"lasts add lasts gt -duration'PT1S'", "(gt (add lasts lasts) (neg P1))"},
		{"lasts sub lasts gt lasts mul 2", "(gt (sub lasts lasts) (mul lasts 2))"},
		{"2 mul lasts gt lasts div 2", "(gt (mul lasts 2) (div lasts 2))"},
		{"on sub 2024-01-01 gt duration'P7D'", "(gt (mul (sub on 2024-01-01) 864000000000) P604800)"},
		{"at ge 2024-01-31", "(ge at 2024-01-31T00:00:00Z)"},
		{"2024-01-31 le at", "(le 2024-01-31T00:00:00Z at)"},
		{"on le at", "(le (mul on 864000000000) at)"},
		{"date(at) eq on", "(eq (date at) on)"},
		{"at add null gt at", "(gt (add? at null) at)"},
		{"null add at gt at", "(gt (add? at null) at)"},
		{"lasts mul null gt lasts", "(gt (mul? lasts null) lasts)"},
		{"null mul lasts gt null sub lasts", "(gt (mul? lasts null) (sub? null lasts))"},
		{"null add null eq 1", "(eq (add? null null) 1)"},
	})
}
