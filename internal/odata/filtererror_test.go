package odata

import (
	"errors"
	"testing"
)

// TestFilterErrors holds each message to the option, the exact position and what
// was expected there.
func TestFilterErrors(t *testing.T) {
	t.Parallel()
	const properties = "its properties are name, note, count, maybe, total, price, sure, unsure, at, on, daily, lasts, data, " +
		"color, shade, labels, colors, best, parts, hidden."
	const operand = "expected a property, a literal, a function or a parenthesis, found "
	const operator = "expected an operator such as eq, and, or; or the end, found "
	cases := []struct{ text, want string }{
		// what is missing or too much
		{"name eq", "7: " + operand + "the end."},
		{"name eq ", "8: " + operand + "the end."},
		{"name eq )", `8: ` + operand + `")".`},
		{"(sure", `5: expected ")", found the end.`},
		{"(sure or (unsure)", `17: expected ")", found the end.`},
		{"()", `1: ` + operand + `")".`},
		{"sure)", `4: ` + operator + `")".`},
		{"sure unsure", `5: ` + operator + `"unsure".`},
		{"sure and", "8: " + operand + "the end."},
		{"and sure", `0: "and" is no property of test.row; ` + properties},
		{"sure and or unsure", `9: "or" is no property of test.row; ` + properties},
		{"sure andunsure", `5: ` + operator + `"andunsure".`},
		{"count == 1", `6: ` + operator + `"== 1".`},
		{"count=1", `5: ` + operator + `"=1".`},
		{"sure && unsure", `5: ` + operator + `"&& unsure".`},
		{"!sure", `0: ` + operand + `"!sure".`},
		{"not", `0: "not" is no property of test.row; ` + properties},
		{"not ", "4: " + operand + "the end."},
		{`name eq "x"`, `8: ` + operand + `"\"x\"".`},
		{"name eq ‘x’", `8: ` + operand + `"‘x’".`},
		{"name eq 'it's'", `12: ` + operator + `"s'".`},
		{"name eq 'x", "8: the text that begins here has no end: expected a closing quote; a quote within is doubled."},
		{"name eq 'x' 'y'", `12: ` + operator + `"'y'".`},
		{"count eq 1 2", `11: ` + operator + `"2".`},
		{"count eq -", "10: " + operand + "the end."},

		// names
		{"nme eq 'x'", `0: "nme" is no property of test.row; ` + properties},
		{"Name eq 'x'", `0: "Name" is no property of test.row; ` + properties},
		{"sure and best/nme eq 'x'", `14: "nme" is no property of test.part; its properties are name, size, shape, tags, maker, makers.`},
		{"best/ eq 'x'", `5: "" is no property of test.part; its properties are name, size, shape, tags, maker, makers.`},
		{"best//name eq 'x'", `5: "" is no property of test.part; its properties are name, size, shape, tags, maker, makers.`},
		{"name/size eq 1", "5: name has no properties of its own."},
		{"name/$count eq 1", "5: name has no properties of its own."},
		{"parts/name eq 'x'", "0: parts leads to many: it can be expanded, and not filtered or sorted by."},
		{"parts/$count gt 1", "0: parts leads to many: it can be expanded, and not filtered or sorted by."},
		{"best/makers eq null", "5: makers leads to many: it can be expanded, and not filtered or sorted by."},
		{"$it eq null", `0: "$it" is no property of test.row; ` + properties},
		{"$it/true", `4: "true" is no property of test.row; ` + properties},
		{"$it/contains(name,'x')", `4: "contains" is no property of test.row; ` + properties},
		{"$root/name eq 'x'", `0: "$root" is no property of test.row; ` + properties},

		// types
		{"name", "0: expected a condition, such as displayName eq 'x', found a String."},
		{"labels", "0: expected a condition, such as displayName eq 'x', found a collection."},
		{"count add 1", "0: expected a condition, such as displayName eq 'x', found a number."},
		{"not name eq 'x'", "0: not takes a condition, not a String; it binds tighter than eq and the like: write not (…)."},
		{"sure and not count", "9: not takes a condition, not a number; it binds tighter than eq and the like: write not (…)."},
		{"sure and name", "5: and takes conditions, not a String."},
		{"labels or sure", "7: or takes conditions, not a collection."},
		{"count eq 'x'", "6: eq compares a number with a String; write it without quotes, as in 42."},
		{"sure eq 'true'", "5: eq compares a Boolean with a String; write it without quotes, as in true."},
		{"at gt '2024-01-31T00:00:00Z'", "3: gt compares a DateTimeOffset with a String; write it without quotes, as in 2024-01-31T00:00:00Z."},
		{"'yesterday' lt at", "12: lt compares a String with a DateTimeOffset; write it without quotes, as in 2024-01-31T00:00:00Z."},
		{"at gt 5", "3: gt compares a DateTimeOffset with a number."},
		{"daily eq on", "6: eq compares a TimeOfDay with a Date."},
		{"lasts eq 5", "6: eq compares a Duration with a number."},
		{"name eq color", "5: eq compares a String with a test.color."},
		{"color eq best/shape", "6: eq compares a test.color with a test.shape."},
		{"color eq 'blue'", `6: "blue" is no member of test.color; they are red, green.`},
		{"color eq test.color'blue'", `9: "blue" is no member of test.color; they are red, green.`},
		{"color eq test.shape'round'", "6: eq compares a test.color with a test.shape."},
		{"color eq 0", "6: eq compares a test.color with a number."},
		{"color has 5", "6: has compares a test.color with a number."},
		{"color has shade", "6: has takes a property of an enum type and one of its members."},
		{"name has 'x'", "5: has takes a property of an enum type and one of its members."},
		{"data gt data", "5: gt does not take a Binary: such values have no order."},
		{"null lt data", "5: lt does not take a Binary: such values have no order."},
		{"best eq best", "5: eq compares an entity with an entity."},
		{"best gt null", "5: gt does not take an entity: such values have no order."},
		{"labels eq 'x'", "7: eq does not take a collection; ask with any(…) or all(…)."},
		{"labels eq null", "7: eq does not take a collection; ask with any(…) or all(…)."},
		{"-name eq 'x'", "0: - takes a number or a duration, not a String."},
		{"-at lt now()", "0: - takes a number or a duration, not a DateTimeOffset."},
		{"-null eq 1", "0: - takes a number or a duration, not null."},
		{"name add 'x' eq 'y'", "5: add does not take a String and a String."},
		{"at add at eq null", "3: add does not take a DateTimeOffset and a DateTimeOffset."},
		{"lasts sub at eq null", "6: sub does not take a Duration and a DateTimeOffset."},
		{"labels add 1 eq 1", "7: add does not take a collection."},
		{"count div 0 eq 1", "6: div by zero."},
		{"count mod 0.0 eq 1", "6: mod by zero."},
		{"total add 1 eq 1", "6: the result may be larger than the 64 bits that numbers have here."},
		{"count mul 0.123456 mul 0.123456 eq 1", "19: the result may have more than 9 decimal places."},

		// functions
		{"contain(name,'x')", `0: "contain" is no function that is known here; these are: ` + functions + "."},
		{"contains(name)", "0: contains takes 2 arguments, not 1."},
		{"contains(name,'x','y')", "0: contains takes 2 arguments, not 3."},
		{"contains()", "0: contains takes 2 arguments, not 0."},
		{"substring(name) eq 'x'", "0: substring takes 2 or 3 arguments, not 1."},
		{"length() eq 1", "0: length takes 1 argument, not 0."},
		{"now(1) lt at", "0: now takes no arguments."},
		{"totalseconds() gt 1", "0: totalseconds takes 1 argument, not 0."},
		{"totalseconds(at) gt 1", "0: totalseconds does not take a DateTimeOffset."},
		{"fractionalseconds(on) gt 1", "0: fractionalseconds does not take a Date."},
		{"contains(count,'x')", "0: contains takes a String as argument 1, not a number."},
		{"sure or contains(name,5)", "8: contains takes a String as argument 2, not a number."},
		{"contains(labels,'x')", "0: contains takes a String as argument 1, not a collection."},
		{"contains(color,'x')", "0: contains takes a String as argument 1, not a test.color."},
		{"substring(name,1.5) eq 'x'", "0: substring takes a number as argument 2, not a decimal number."},
		{"year(daily) eq 1", "0: year takes a DateTimeOffset as argument 1, not a TimeOfDay."},
		{"hour(on) eq 1", "0: hour takes a DateTimeOffset as argument 1, not a Date."},
		{"contains(name 'x')", `14: expected ")", found "'x')".`},
		{"contains(name,", "14: " + operand + "the end."},
		{"contains(name,'x'", `17: expected ")", found the end.`},
		{"contains(,'x')", `9: ` + operand + `",'x')".`},

		// lambdas
		{"labels/any", "7: expected any(…), all(…) or $count, found \"any\"."},
		{"labels/some(l:l eq 'x')", "7: expected any(…), all(…) or $count, found \"some(l:l eq 'x')\"."},
		{"labels/", "7: expected any(…), all(…) or $count, found the end."},
		{"labels/$counts gt 1", "7: expected any(…), all(…) or $count, found \"$counts gt 1\"."},
		{"labels/all()", "11: expected a name for the member, as in any(t: t eq 'x'), found \")\"."},
		{"labels/any('x')", "11: expected a name for the member, as in any(t: t eq 'x'), found \"'x')\"."},
		{"labels/any(a.b:true)", "11: expected a name for the member, as in any(t: t eq 'x'), found \"a.b:true)\"."},
		{"labels/any(l l eq 'x')", "13: expected \":\", found \"l eq 'x')\"."},
		{"labels/any(l:)", "13: " + operand + `")".`},
		{"labels/any(l: l)", "14: any takes a condition, not a String."},
		{"labels/all(l:labels)", "13: all takes a condition, not a collection."},
		{"labels/any(l:l eq 'x'", `21: expected ")", found the end.`},
		{"labels/any(name:name eq 'x')", "11: name is a property; give the member another name."},
		{"labels/any(l:l eq 'x') and l eq 'x'", `27: "l" is no property of test.row; ` + properties},
		{"labels/any(l:$it/l eq 'x')", `17: "l" is no property of test.row; ` + properties},
		{"labels/any(l:l eq 5)", "15: eq compares a String with a number."},
		{"labels/any(l:l/x eq 5)", `14: expected ")", found "/x eq 5)".`},

		// in
		{"name in", "7: " + operand + "the end."},
		{"name in ()", "9: " + operand + `")".`},
		{"name in 'x'", "8: in takes a list in parentheses, as in ('a','b'), or a collection."},
		{"name in note", "8: in takes a list in parentheses, as in ('a','b'), or a collection."},
		{"name in ('a' 'b')", `13: expected ")", found "'b')".`},
		{"name in ('a','b'", `16: expected ")", found the end.`},
		{"name in ('a',)", "13: " + operand + `")".`},
		{"name in ('a',5)", "5: in compares a String with a number."},
		{"null in ('a',5)", "5: in compares a String with a number; write it without quotes, as in 42."},
		{"'red' in (name,color)", "6: in compares a test.color with a String."},
		{"color in ('red','blue')", `6: "blue" is no member of test.color; they are red, green.`},
		{"name in (labels)", "9: in takes one collection, or a list of values."},
		{"labels in ('a')", "7: in does not take a collection; ask with any(…) or all(…)."},
		{"labels in labels", "7: in looks for a collection in a collection of another type."},
		{"count in labels", "6: in looks for a number in a collection of another type."},
		{"best/shape in colors", "11: in looks for a test.shape in a collection of another type."},
		{"best in (null)", "5: in does not take an entity."},
		{"null in (best)", "5: in does not take an entity."},
		{"best in (best)", "5: in compares an entity with an entity."},
	}
	for _, c := range cases {
		_, err := parseFilter(c.text)
		e, ok := errors.AsType[*Error](err)
		if want := "$filter at position " + c.want; !ok || e.Message != want || e.Target != "$filter" || e.Kind != BadRequest {
			t.Errorf("%s:\ngives %v\nwant  %s", c.text, err, want)
		}
	}
}

func TestMessagesAreShort(t *testing.T) {
	t.Parallel()
	long := "x"
	for range 12 {
		long += long
	}
	for _, text := range []string{"'" + long, "name eq '" + long + "' x" + long, long + " eq 1", long + "(1)", "color eq '" + long + "'", "1" + long} {
		if _, err := parseFilter(text); err == nil || len(err.Error()) > 600 {
			t.Errorf("a message of %d bytes: %.200s", len(err.Error()), err)
		}
	}
}
