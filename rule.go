package plimsoll

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a rule. What a rule costs to keep, to read and to evaluate is
// bounded by them, whoever wrote it.
const (
	MaxRule             = 3072 // characters, as in Microsoft Entra
	MaxRuleDepth        = 50   // parentheses and nots within each other
	MaxRuleTerms        = 100  // comparisons
	MaxRuleMembers      = 500  // values of one list
	MaxRulePattern      = 500  // characters of one pattern
	MaxRulePatternSteps = 4000 // characters of all patterns, their repetitions written out
)

// RuleFacts is what a rule may ask about a device. An empty text is one that is
// not known; a rule reads it as null.
type RuleFacts struct {
	ID, DeviceName             string
	OperatingSystem, OSVersion string
	Manufacturer, Model        string
	SerialNumber, Category     string
	OwnerType                  string // company or personal (Graph's managedDeviceOwnerType)
	UserPrincipalName          string
	IsEncrypted                bool

	PhysicalMemory, TotalStorage, FreeStorage int64 // bytes
}

// Rule decides which devices belong: the membershipRule of a dynamic group
// (Microsoft Entra's syntax) and the rule of an assignment filter (Intune's).
// It never changes, and may be used by many goroutines at once. A rule speaks
// of one device alone, never of groups or other rules. [ParseRule] makes one;
// the zero Rule is none.
type Rule struct {
	root ruleNode
	text string
}

// Matches tells whether the device of which f tells belongs; f must not be nil.
func (r *Rule) Matches(f *RuleFacts) bool { return r.root.matches(f) }

// String gives text that [ParseRule] reads as the same rule: with the names,
// quotation marks and blanks that the language's page shows, and no parentheses
// that are not needed. A rule which would so be longer than [MaxRule] stays as
// it was written.
func (r *Rule) String() string { return r.text }

func newRule(root ruleNode, written string) *Rule {
	var b strings.Builder
	root.write(&b)
	if canonical := b.String(); utf8.RuneCountInString(canonical) <= MaxRule {
		return &Rule{root: root, text: canonical}
	}
	return &Rule{root: root, text: written}
}

// ruleNode is a part of a rule that is true or false of a device.
type ruleNode interface {
	matches(f *RuleFacts) bool
	write(b *strings.Builder)
}

// ruleChain is its parts joined by "and", or by "or" where any will do. No part
// is a chain of the same kind.
type ruleChain struct {
	any   bool
	parts []ruleNode
}

func (c *ruleChain) matches(f *RuleFacts) bool {
	for _, part := range c.parts {
		if part.matches(f) == c.any {
			return c.any
		}
	}
	return !c.any
}

func (c *ruleChain) write(b *strings.Builder) {
	for i, part := range c.parts {
		switch {
		case i > 0 && c.any:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(" and ")
		}
		// Only an "or" within an "and" needs parentheses: "and" binds tighter.
		if inner, ok := part.(*ruleChain); ok && inner.any {
			writeEnclosed(b, inner)
			continue
		}
		part.write(b)
	}
}

type ruleNot struct{ part ruleNode }

func (n *ruleNot) matches(f *RuleFacts) bool { return !n.part.matches(f) }

func (n *ruleNot) write(b *strings.Builder) {
	b.WriteString("not ")
	if chain, ok := n.part.(*ruleChain); ok {
		writeEnclosed(b, chain)
		return
	}
	n.part.write(b)
}

func writeEnclosed(b *strings.Builder, n ruleNode) {
	b.WriteByte('(')
	n.write(b)
	b.WriteByte(')')
}

// ruleTerm compares one property with one value, or with a list of them.
type ruleTerm struct {
	property, operator string
	values             []ruleValue
	holds              func(*RuleFacts) bool // the operator without its "not"
	negated            bool
}

func (t *ruleTerm) matches(f *RuleFacts) bool { return t.holds(f) != t.negated }

func (t *ruleTerm) write(b *strings.Builder) {
	b.WriteString("device." + t.property + " -" + t.operator + " ")
	if base, _ := positiveOperator(t.operator); base != "in" {
		t.values[0].write(b)
		return
	}
	b.WriteByte('[')
	for i, v := range t.values {
		if i > 0 {
			b.WriteString(", ")
		}
		v.write(b)
	}
	b.WriteByte(']')
}

// ruleKind is the type of a value or a property, by the name people know it by.
type ruleKind string

const (
	ruleText   ruleKind = "text"
	ruleNumber ruleKind = "a whole number"
	ruleTruth  ruleKind = "true or false"
	ruleNull   ruleKind = "null"
)

type ruleValue struct {
	kind    ruleKind
	text    string // "" where kind is null, which equals it
	number  int64
	truth   bool
	pattern *regexp.Regexp // text as a pattern, where the operator takes one
	at      int            // where it stands in the rule
}

func (v ruleValue) write(b *strings.Builder) {
	switch v.kind {
	case ruleNumber:
		b.WriteString(strconv.FormatInt(v.number, 10))
	case ruleTruth:
		b.WriteString(strconv.FormatBool(v.truth))
	case ruleNull:
		b.WriteString("null")
	case ruleText:
		b.WriteString(`"` + strings.NewReplacer("`", "``", `"`, "`\"").Replace(v.text) + `"`)
	}
}

// ruleProperty is what a rule may ask of a device: one of text, number and
// truth reads it.
type ruleProperty struct {
	name    string
	aliases []string
	text    func(*RuleFacts) string
	number  func(*RuleFacts) int64
	truth   func(*RuleFacts) bool

	// synonyms are other words for a value, in lower case.
	synonyms map[string]string
}

// ruleProperties gives every property under the names that Entra, Intune's
// filters and Graph's managedDevice know it by.
func ruleProperties() []ruleProperty {
	return []ruleProperty{
		{name: "deviceName", aliases: []string{"displayName"}, text: func(f *RuleFacts) string { return f.DeviceName }},
		{name: "deviceId", aliases: []string{"id"}, text: func(f *RuleFacts) string { return f.ID }},
		{
			name: "operatingSystem", aliases: []string{"osType", "deviceOSType"},
			text: func(f *RuleFacts) string { return f.OperatingSystem },
		},
		{
			name: "osVersion", aliases: []string{"operatingSystemVersion", "deviceOSVersion"},
			text: func(f *RuleFacts) string { return f.OSVersion },
		},
		{
			name: "manufacturer", aliases: []string{"deviceManufacturer"},
			text: func(f *RuleFacts) string { return f.Manufacturer },
		},
		{name: "model", aliases: []string{"deviceModel"}, text: func(f *RuleFacts) string { return f.Model }},
		{name: "serialNumber", text: func(f *RuleFacts) string { return f.SerialNumber }},
		{name: "deviceCategory", text: func(f *RuleFacts) string { return f.Category }},
		{
			name: "deviceOwnership", aliases: []string{"managedDeviceOwnerType"},
			text: func(f *RuleFacts) string { return f.OwnerType },
			// Intune's filters say Corporate where Entra and Graph say Company.
			synonyms: map[string]string{"corporate": "Company"},
		},
		{name: "userPrincipalName", text: func(f *RuleFacts) string { return f.UserPrincipalName }},
		{name: "isEncrypted", truth: func(f *RuleFacts) bool { return f.IsEncrypted }},
		{name: "physicalMemoryInBytes", number: func(f *RuleFacts) int64 { return f.PhysicalMemory }},
		{name: "totalStorageSpaceInBytes", number: func(f *RuleFacts) int64 { return f.TotalStorage }},
		{name: "freeStorageSpaceInBytes", number: func(f *RuleFacts) int64 { return f.FreeStorage }},
	}
}

func (p *ruleProperty) isNamed(name string) bool {
	same := func(other string) bool { return strings.EqualFold(other, name) }
	return same(p.name) || slices.ContainsFunc(p.aliases, same)
}

func (p *ruleProperty) kind() ruleKind {
	switch {
	case p.truth != nil:
		return ruleTruth
	case p.number != nil:
		return ruleNumber
	}
	return ruleText
}

// operators gives the operators that suit the property, as they are written.
func (p *ruleProperty) operators() []string {
	switch p.kind() {
	case ruleTruth:
		return []string{"eq", "ne"}
	case ruleNumber:
		return []string{"eq", "ne", "lt", "le", "gt", "ge", "in", "notIn"}
	}
	return []string{
		"eq", "ne", "startsWith", "notStartsWith", "endsWith", "notEndsWith",
		"contains", "notContains", "match", "notMatch", "in", "notIn",
	}
}

// positiveOperator gives the operator of which operator is the opposite, or itself.
func positiveOperator(operator string) (base string, negated bool) {
	if operator == "ne" {
		return "eq", true
	}
	if base, negated = strings.CutPrefix(operator, "not"); negated {
		return strings.ToLower(base[:1]) + base[1:], true
	}
	return operator, false
}

// term makes the comparison of p with values, which are of p's kind.
func (p *ruleProperty) term(operator string, values []ruleValue) *ruleTerm {
	base, negated := positiveOperator(operator)
	t := &ruleTerm{property: p.name, operator: operator, values: values, negated: negated}
	switch p.kind() {
	case ruleTruth:
		t.holds = func(f *RuleFacts) bool { return p.truth(f) == values[0].truth }
	case ruleNumber:
		test := numberTest(base, values)
		t.holds = func(f *RuleFacts) bool { return test(p.number(f)) }
	default:
		test := textTest(base, values)
		t.holds = func(f *RuleFacts) bool { return test(p.text(f)) }
	}
	return t
}

func numberTest(operator string, values []ruleValue) func(int64) bool {
	n := values[0].number
	switch operator {
	case "eq":
		return func(x int64) bool { return x == n }
	case "lt":
		return func(x int64) bool { return x < n }
	case "le":
		return func(x int64) bool { return x <= n }
	case "gt":
		return func(x int64) bool { return x > n }
	case "ge":
		return func(x int64) bool { return x >= n }
	}
	members := make(map[int64]struct{}, len(values))
	for _, v := range values {
		members[v.number] = struct{}{}
	}
	return func(x int64) bool { _, ok := members[x]; return ok }
}

func textTest(operator string, values []ruleValue) func(string) bool {
	if operator == "match" {
		return values[0].pattern.MatchString
	}
	folded := foldCase(values[0].text)
	switch operator {
	case "eq":
		return func(s string) bool { return foldCase(s) == folded }
	case "startsWith":
		return func(s string) bool { return strings.HasPrefix(foldCase(s), folded) }
	case "endsWith":
		return func(s string) bool { return strings.HasSuffix(foldCase(s), folded) }
	case "contains":
		return func(s string) bool { return strings.Contains(foldCase(s), folded) }
	}
	members := make(map[string]struct{}, len(values))
	for _, v := range values {
		members[foldCase(v.text)] = struct{}{}
	}
	return func(s string) bool { _, ok := members[foldCase(s)]; return ok }
}

// foldCase gives s in the form in which texts that differ only in case are the
// same: foldCase(a) == foldCase(b) exactly when strings.EqualFold(a, b), as
// patterns have it too. strings.ToLower is not that: it keeps apart the two
// small sigmas, say.
func foldCase(s string) string { return strings.Map(foldRune, s) }

// foldRune gives the least of the characters that differ from r in case alone.
func foldRune(r rune) rune {
	if r <= unicode.MaxASCII {
		if 'a' <= r && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}
	least := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		least = min(least, other)
	}
	return least
}
