package plimsoll

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ParseRule reads a rule. The error is an [*Error] of code [Invalid] that names
// property, the place in text (a character, counted from 1) and what would be
// right there.
func ParseRule(property, text string) (*Rule, error) {
	if err := checkText(property, text, MaxRule); err != nil {
		return nil, err
	}
	p := &ruleParser{property: property, source: []rune(text), properties: ruleProperties()}
	root, err := p.parse()
	if err != nil {
		return nil, err
	}
	return newRule(root, text), nil
}

// ruleParser reads a rule from its left to its right, one token ahead.
type ruleParser struct {
	property     string
	source       []rune
	next         int // the character after token
	token        ruleToken
	properties   []ruleProperty
	depth, terms int
	steps        int // of the patterns so far
}

// parse reads a whole rule: disjunction, then nothing more.
func (p *ruleParser) parse() (ruleNode, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.token.kind == ruleTokenEnd {
		return nil, p.failf(0, `A rule must not be empty: write, say, device.osVersion -startsWith "12.".`)
	}
	root, err := p.disjunction()
	if err != nil {
		return nil, err
	}
	if p.token.kind != ruleTokenEnd {
		return nil, p.failf(p.token.at, "%s is unexpected: after a comparison comes and, or, or the end.", p.token)
	}
	return root, nil
}

func (p *ruleParser) disjunction() (ruleNode, error) {
	return p.chain("or", p.conjunction)
}

func (p *ruleParser) conjunction() (ruleNode, error) {
	return p.chain("and", p.factor)
}

// chain reads parts that word joins.
func (p *ruleParser) chain(word string, part func() (ruleNode, error)) (ruleNode, error) {
	c := &ruleChain{any: word == "or"}
	for {
		node, err := part()
		if err != nil {
			return nil, err
		}
		if inner, ok := node.(*ruleChain); ok && inner.any == c.any {
			c.parts = append(c.parts, inner.parts...)
		} else {
			c.parts = append(c.parts, node)
		}
		if !p.token.isOperator(word) {
			break
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
	if len(c.parts) == 1 {
		return c.parts[0], nil
	}
	return c, nil
}

// factor reads a comparison, a rule in parentheses, or a "not" and a factor.
func (p *ruleParser) factor() (ruleNode, error) {
	switch {
	case p.token.isOperator("not"):
		return p.nested(func() (ruleNode, error) {
			node, err := p.factor()
			return &ruleNot{node}, err
		})
	case p.token.kind == '(':
		return p.nested(p.enclosed)
	case p.token.kind == ruleTokenWord:
		return p.comparison()
	}
	return nil, p.failf(p.token.at, "%s is unexpected: here stands a property such as device.osVersion, -not or (.", p.token)
}

// nested reads what follows the token that opens it, one level deeper.
func (p *ruleParser) nested(read func() (ruleNode, error)) (ruleNode, error) {
	if p.depth == MaxRuleDepth {
		return nil, p.failf(p.token.at, "Parentheses and -not are nested at most %d deep.", MaxRuleDepth)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	p.depth++
	node, err := read()
	p.depth--
	return node, err
}

func (p *ruleParser) enclosed() (ruleNode, error) {
	node, err := p.disjunction()
	if err != nil {
		return nil, err
	}
	return node, p.expect(')', "after a comparison comes and, or, or ).")
}

func (p *ruleParser) comparison() (ruleNode, error) {
	if p.terms == MaxRuleTerms {
		return nil, p.failf(p.token.at, "A rule has at most %d comparisons; a list, -in [...], is one.", MaxRuleTerms)
	}
	p.terms++
	property, err := p.subject()
	if err != nil {
		return nil, err
	}
	operator, err := p.operator(property)
	if err != nil {
		return nil, err
	}
	values, err := p.operand(property, operator)
	if err != nil {
		return nil, err
	}
	return property.term(operator, values), nil
}

// subject reads the property that is compared.
func (p *ruleParser) subject() (*ruleProperty, error) {
	word := p.token.text
	if name, ok := cutPrefixFold(word, "device."); ok {
		for i := range p.properties {
			if p.properties[i].isNamed(name) {
				return &p.properties[i], p.advance()
			}
		}
	}
	names := make([]string, len(p.properties))
	for i, known := range p.properties {
		names[i] = "device." + known.name
	}
	why := "is not a property"
	switch lower := strings.ToLower(word); {
	case lower == "device.memberof":
		why = "is not taken: a rule speaks of a device alone, not of groups or other rules"
	case strings.HasPrefix(lower, "user."):
		why = "is not taken: a rule speaks of devices"
	}
	return nil, p.failf(p.token.at, "%s %s. The properties are %s.", p.token, why, strings.Join(names, ", "))
}

// operator reads an operator that suits property.
func (p *ruleParser) operator(property *ruleProperty) (string, error) {
	suited := property.operators()
	for _, operator := range suited {
		if p.token.isOperator(operator) {
			return operator, p.advance()
		}
	}
	return "", p.failf(p.token.at, "%s is not an operator for device.%s, which is %s. Its operators are -%s.",
		p.token, property.name, property.kind(), strings.Join(suited, ", -"))
}

// operand reads the value, or the list of them, with which operator compares.
func (p *ruleParser) operand(property *ruleProperty, operator string) ([]ruleValue, error) {
	if base, _ := positiveOperator(operator); base == "in" {
		return p.list(property, operator)
	}
	if p.token.kind == '[' {
		return nil, p.failf(p.token.at, "-%s compares with one value; -in and -notIn take a list.", operator)
	}
	value, err := p.value(property, operator)
	return []ruleValue{value}, err
}

func (p *ruleParser) list(property *ruleProperty, operator string) ([]ruleValue, error) {
	if err := p.expect('[', fmt.Sprintf("-%s takes a list, such as [\"a\", \"b\"].", operator)); err != nil {
		return nil, err
	}
	var values []ruleValue
	for {
		if len(values) == MaxRuleMembers {
			return nil, p.failf(p.token.at, "A list has at most %d values.", MaxRuleMembers)
		}
		value, err := p.value(property, operator)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
		if p.token.kind != ',' {
			return values, p.expect(']', "a list's values are parted by commas, and ] ends it.")
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
}

// value reads a value that property can be compared with by operator.
func (p *ruleParser) value(property *ruleProperty, operator string) (ruleValue, error) {
	v, err := p.literal()
	if err != nil {
		return v, err
	}
	base, _ := positiveOperator(operator)
	kind := property.kind()
	if kind == ruleTruth && v.kind == ruleText {
		v = truthValue(v.text, v.at, v) // Intune's pages show "True" in quotation marks
	}
	if v.kind != kind && (v.kind != ruleNull || kind != ruleText || base != "eq") {
		return v, p.failf(v.at, "-%s compares device.%s with %s, which %s is not.", operator, property.name, kind, p.token)
	}
	if synonym, ok := property.synonyms[strings.ToLower(v.text)]; ok && (base == "eq" || base == "in") {
		v.text = synonym
	}
	if base == "match" {
		if v.pattern, err = p.pattern(v); err != nil {
			return v, err
		}
	}
	return v, p.advance()
}

// literal gives the value that the current token is, and stays there.
func (p *ruleParser) literal() (ruleValue, error) {
	v := ruleValue{at: p.token.at}
	switch p.token.kind {
	case ruleTokenText:
		v.kind, v.text = ruleText, p.token.text
		return v, nil
	case ruleTokenNumber:
		n, err := strconv.ParseInt(p.token.text, 10, 64)
		if err != nil {
			return v, p.failf(v.at, "%s is beyond the whole numbers of 64 bits.", p.token)
		}
		v.kind, v.number = ruleNumber, n
		return v, nil
	case ruleTokenWord:
		word := strings.TrimPrefix(p.token.text, "$") // PowerShell's spelling, which Entra takes too
		if strings.EqualFold(word, "null") {
			v.kind = ruleNull
		} else {
			v = truthValue(word, v.at, v)
		}
		if v.kind != "" {
			return v, nil
		}
	}
	return v, p.failf(v.at, "%s is not a value: text stands in quotation marks, "+
		"numbers, true, false and null without.", p.token)
}

// truthValue gives the value that word is the name of, otherwise what was.
func truthValue(word string, at int, otherwise ruleValue) ruleValue {
	for _, truth := range []bool{true, false} {
		if strings.EqualFold(word, strconv.FormatBool(truth)) {
			return ruleValue{kind: ruleTruth, truth: truth, at: at}
		}
	}
	return otherwise
}

// pattern compiles v. The time to match is in proportion to the patterns with
// their repetitions written out, so that this is limited over the whole rule.
func (p *ruleParser) pattern(v ruleValue) (*regexp.Regexp, error) {
	if n := utf8.RuneCountInString(v.text); n > MaxRulePattern {
		return nil, p.failf(v.at, "The pattern has %d characters; at most %d are taken.", n, MaxRulePattern)
	}
	parsed, err := syntax.Parse(v.text, syntax.Perl|syntax.FoldCase)
	if err != nil {
		reason := err.Error()
		if e, ok := errors.AsType[*syntax.Error](err); ok {
			reason = fmt.Sprintf("%s, %s", e.Code, ruleExcerpt(e.Expr))
		}
		return nil, p.failf(v.at, "The pattern is not one of RE2's: %s.", reason)
	}
	if p.steps += patternSteps(parsed); p.steps > MaxRulePatternSteps {
		return nil, p.failf(v.at, "The rule's patterns, their repetitions written out, come to %d characters here; "+
			"at most %d are taken.", p.steps, MaxRulePatternSteps)
	}
	compiled, err := regexp.Compile("(?i)" + v.text)
	if err != nil {
		return nil, p.failf(v.at, "The pattern is not one of RE2's.")
	}
	return compiled, nil
}

func patternSteps(re *syntax.Regexp) int {
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune)
	case syntax.OpRepeat:
		times := re.Max
		if times < 0 { // no end: the last one is repeated
			times = re.Min + 1
		}
		return patternSteps(re.Sub[0]) * times
	}
	n := 1
	for _, sub := range re.Sub {
		n += patternSteps(sub)
	}
	return n
}

func (p *ruleParser) expect(kind ruleTokenKind, otherwise string) error {
	if p.token.kind != kind {
		return p.failf(p.token.at, "%s is unexpected: %s", p.token, otherwise)
	}
	return p.advance()
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// failf makes the error of what stands at a character, counted from 0.
func (p *ruleParser) failf(at int, format string, args ...any) error {
	return Invalidf(p.property, "%s, character %d: %s", p.property, at+1, fmt.Sprintf(format, args...))
}
