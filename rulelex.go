package plimsoll

import (
	"strconv"
	"strings"
	"unicode"
)

// ruleTokenKind is the kind of a token; a bracket and a comma are their own.
type ruleTokenKind rune

const (
	ruleTokenEnd    ruleTokenKind = 0
	ruleTokenWord   ruleTokenKind = 'w' // a property, an operator, true, false or null
	ruleTokenText   ruleTokenKind = '"'
	ruleTokenNumber ruleTokenKind = '1'
)

// ruleToken is a token and where its first character stands, from 0. Text is
// without its quotation marks and escapes.
type ruleToken struct {
	kind ruleTokenKind
	text string
	at   int
}

// isOperator tells whether t is the operator, in any case, with its hyphen or
// without.
func (t ruleToken) isOperator(name string) bool {
	return t.kind == ruleTokenWord && strings.EqualFold(strings.TrimPrefix(t.text, "-"), name)
}

// String gives the token as a message names it.
func (t ruleToken) String() string {
	switch t.kind {
	case ruleTokenEnd:
		return "The end"
	case ruleTokenText:
		return "the text " + strconv.Quote(ruleExcerpt(t.text))
	}
	return ruleExcerpt(t.text)
}

// ruleExcerpt keeps what a message quotes short.
func ruleExcerpt(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// advance reads the next token.
func (p *ruleParser) advance() error {
	for unicode.IsSpace(p.peek(0)) {
		p.next++
	}
	p.token = ruleToken{at: p.next}
	r := p.peek(0)
	switch {
	case p.next == len(p.source):
		return nil
	case strings.ContainsRune("()[],", r):
		p.next++
		p.token.kind, p.token.text = ruleTokenKind(r), string(r)
		return nil
	case r == '"' || r == '\'':
		return p.quoted(r)
	case isRuleDigit(r) || r == '-' && isRuleDigit(p.peek(1)):
		return p.number()
	case isRuleWord(r) || r == '-' && isRuleWord(p.peek(1)):
		p.token.kind = ruleTokenWord
		p.token.text = p.run(isRuleWord)
		return nil
	case strings.ContainsRune("“”„‘’‚`", r):
		return p.failf(p.next, `%c is not a quotation mark here: text stands between two " or two '.`, r)
	}
	return p.failf(p.next, "%q is unexpected. Operators are words, such as -eq, -and; text stands in quotation marks.", r)
}

// quoted reads text to its closing mark. A backtick escapes a quotation mark or
// a backtick, and within single marks a doubled one is one, as in Entra; a
// backslash is a character like others, for patterns are full of them.
func (p *ruleParser) quoted(mark rune) error {
	var b strings.Builder
	for p.next++; p.next < len(p.source); p.next++ {
		r, following := p.peek(0), p.peek(1)
		switch {
		case r == '`' && !strings.ContainsRune("\"'`", following):
			return p.failf(p.next, "A backtick escapes a quotation mark or a backtick; one alone is written twice.")
		case r == '`', r == '\'' && mark == r && following == r:
			p.next++
			b.WriteRune(following)
		case r == mark:
			p.next++
			p.token.kind, p.token.text = ruleTokenText, b.String()
			return nil
		default:
			b.WriteRune(r)
		}
	}
	return p.failf(p.token.at, "The text that begins here has no closing %c.", mark)
}

func (p *ruleParser) number() error {
	p.token.kind = ruleTokenNumber
	p.token.text = p.run(isRuleDigit)
	if isRuleWord(p.peek(0)) {
		return p.failf(p.token.at, "%s is not a whole number; text stands in quotation marks.",
			ruleExcerpt(p.token.text+p.run(isRuleWord)))
	}
	return nil
}

// run takes a character, which may be a hyphen, and those after it that belong.
func (p *ruleParser) run(belongs func(rune) bool) string {
	first := p.next
	for p.next++; belongs(p.peek(0)); p.next++ {
	}
	return string(p.source[first:p.next])
}

// peek gives the character that stands n after the next, 0 beyond the end: no
// rule holds U+0000.
func (p *ruleParser) peek(n int) rune {
	if p.next+n >= len(p.source) {
		return 0
	}
	return p.source[p.next+n]
}

func isRuleDigit(r rune) bool { return '0' <= r && r <= '9' }

func isRuleWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || r == '.' || r == '$'
}
