package plimsoll_test

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"plimsoll"
)

// modelRule is a rule as the property test draws it: its text, in any of the
// spellings, and a second evaluator that shares nothing with the first.
type modelRule struct {
	text  string
	holds func(f *plimsoll.RuleFacts) bool
}

// TestRuleModel has a drawn rule decide as the model does, and its canonical
// text as the rule.
func TestRuleModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		model := drawRule(t, 4)
		if utf8.RuneCountInString(model.text) > plimsoll.MaxRule {
			t.Skip("too long")
		}
		rule, err := plimsoll.ParseRule("rule", model.text)
		if err != nil {
			t.Fatal(model.text, err)
		}
		again, err := plimsoll.ParseRule("rule", rule.String())
		if err != nil || again.String() != rule.String() {
			t.Fatal(model.text, rule, again, err)
		}
		for range 5 {
			facts := drawFacts(t)
			want := model.holds(facts)
			if rule.Matches(facts) != want || again.Matches(facts) != want {
				t.Fatalf("%s\n%s\nof %+v: %v and %v, want %v", model.text, rule, facts,
					rule.Matches(facts), again.Matches(facts), want)
			}
		}
	})
}

// ruleTexts are few, so that they often meet.
func ruleTexts() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"", "a", "A", "aB", "ab1", "b", "1", "12.1", "É", "é", "ſ", "s", "\"", "'", "`", "company"}),
		rapid.StringMatching("[abAB\"'` ]{0,4}"),
	)
}

func drawFacts(t *rapid.T) *plimsoll.RuleFacts {
	text := func(name string) string { return ruleTexts().Draw(t, name) }
	number := func(name string) int64 { return rapid.Int64Range(-2, 2).Draw(t, name) }
	return &plimsoll.RuleFacts{
		ID: text("id"), DeviceName: text("name"), OSVersion: text("version"), OwnerType: text("owner"),
		IsEncrypted: rapid.Bool().Draw(t, "encrypted"), PhysicalMemory: number("memory"), FreeStorage: number("free"),
	}
}

func drawRule(t *rapid.T, depth int) modelRule {
	if depth == 0 || rapid.IntRange(0, 3).Draw(t, "term") == 0 {
		return drawTerm(t)
	}
	a := drawRule(t, depth-1)
	switch rapid.SampledFrom([]string{"and", "or", "not", "()"}).Draw(t, "logic") {
	case "and":
		b := drawRule(t, depth-1)
		return modelRule{
			"(" + a.text + ")" + drawWord(t, "and") + "(" + b.text + ")",
			func(f *plimsoll.RuleFacts) bool { return a.holds(f) && b.holds(f) },
		}
	case "or":
		b := drawRule(t, depth-1)
		return modelRule{
			"(" + a.text + ")" + drawWord(t, "or") + "(" + b.text + ")",
			func(f *plimsoll.RuleFacts) bool { return a.holds(f) || b.holds(f) },
		}
	case "not":
		return modelRule{
			drawWord(t, "not") + "(" + a.text + ")",
			func(f *plimsoll.RuleFacts) bool { return !a.holds(f) },
		}
	}
	return modelRule{"(" + a.text + ")", a.holds}
}

// drawWord gives an operator in one of its spellings.
func drawWord(t *rapid.T, operator string) string {
	if rapid.Bool().Draw(t, "upper") {
		operator = strings.ToUpper(operator)
	}
	return rapid.SampledFrom([]string{" ", " -", "\t\n-"}).Draw(t, "hyphen") + operator + " "
}

func drawTerm(t *rapid.T) modelRule {
	switch rapid.IntRange(0, 4).Draw(t, "kind") {
	case 0:
		want := rapid.Bool().Draw(t, "truth")
		return modelRule{
			fmt.Sprint("device.ISENCRYPTED", drawWord(t, "eq"), want),
			func(f *plimsoll.RuleFacts) bool { return f.IsEncrypted == want },
		}
	case 1:
		return drawNumberTerm(t)
	}
	return drawTextTerm(t)
}

func drawNumberTerm(t *rapid.T) modelRule {
	n := rapid.Int64Range(-2, 2).Draw(t, "number")
	tests := map[string][]int{
		"eq": {0}, "ne": {-1, 1}, "lt": {-1}, "le": {-1, 0}, "gt": {1}, "ge": {0, 1},
	}
	operator := rapid.SampledFrom([]string{"eq", "ne", "lt", "le", "gt", "ge"}).Draw(t, "operator")
	return modelRule{
		fmt.Sprint("device.physicalMemoryInBytes", drawWord(t, operator), n),
		func(f *plimsoll.RuleFacts) bool {
			return slices.Contains(tests[operator], cmp.Compare(f.PhysicalMemory, n))
		},
	}
}

func drawTextTerm(t *rapid.T) modelRule {
	property := rapid.SampledFrom([]string{"id", "displayName", "osVersion", "deviceOSVersion"}).Draw(t, "property")
	values := rapid.SliceOfN(ruleTexts(), 1, 3).Draw(t, "values")
	operator := rapid.SampledFrom([]string{"eq", "startsWith", "endsWith", "contains", "match", "in"}).Draw(t, "operator")
	not := rapid.Bool().Draw(t, "negated")

	word, operand := operator, quoteRule(t, values[0])
	switch {
	case operator == "match":
		operand = quoteRule(t, regexp.QuoteMeta(values[0]))
	case operator == "in":
		var quoted []string
		for _, v := range values {
			quoted = append(quoted, quoteRule(t, v))
		}
		operand = "[" + strings.Join(quoted, " ,") + "]"
	case operator == "eq" && values[0] == "":
		operand = rapid.SampledFrom([]string{`""`, "null", "$Null"}).Draw(t, "null")
	}
	if not && operator == "eq" {
		word = "ne"
	} else if not {
		word = "not" + strings.ToUpper(operator[:1]) + operator[1:]
	}
	return modelRule{
		"device." + property + drawWord(t, word) + operand,
		func(f *plimsoll.RuleFacts) bool {
			text := map[string]string{"id": f.ID, "displayName": f.DeviceName}[property]
			if strings.HasSuffix(strings.ToLower(property), "osversion") {
				text = f.OSVersion
			}
			return naiveTest(operator, text, values) != not
		},
	}
}

// naiveTest compares every part of text with the value: slow, and plain.
func naiveTest(operator, text string, values []string) bool {
	runes, value := []rune(text), values[0]
	for i := range len(runes) + 1 {
		for j := i; j <= len(runes); j++ {
			start, end := i == 0, j == len(runes)
			if !strings.EqualFold(string(runes[i:j]), value) {
				continue
			}
			switch {
			case operator == "contains" || operator == "match",
				operator == "startsWith" && start, operator == "endsWith" && end, operator == "eq" && start && end:
				return true
			}
		}
	}
	return operator == "in" && slices.ContainsFunc(values, func(v string) bool { return strings.EqualFold(v, text) })
}

// quoteRule writes text as a value in one of its spellings.
func quoteRule(t *rapid.T, text string) string {
	text = strings.ReplaceAll(text, "`", "``")
	switch rapid.IntRange(0, 2).Draw(t, "quotes") {
	case 0:
		return `"` + strings.ReplaceAll(text, `"`, "`\"") + `"`
	case 1:
		return `'` + strings.ReplaceAll(text, `'`, "`'") + `'`
	}
	return `'` + strings.ReplaceAll(text, `'`, `''`) + `'`
}
