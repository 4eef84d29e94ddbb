package odata

import (
	"strings"
	"unicode"

	"plimsoll/internal/query"
)

// maxSought bounds the terms of $search: each looks through every searched text.
const maxSought = 20

// search reads $search: words and "phrases" that must all be found, with AND,
// OR, NOT and parentheses (OData 4.01 URL Conventions, section 5.1.8). What is
// looked for may stand anywhere in any searched text, in upper or lower case.
func (p *parser) search() (*query.Expr, error) {
	e, err := p.searchAny()
	if err != nil {
		return nil, err
	}
	if p.skipSpace(); p.pos < len(p.text) {
		return nil, p.expected("a word, a phrase in double quotes, or the end")
	}
	return e, nil
}

func (p *parser) searchAny() (*query.Expr, error) {
	leave, err := p.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	left, err := p.searchAll()
	for err == nil && p.keyword("OR") {
		var right *query.Expr
		if right, err = p.searchAll(); err == nil {
			left, err = p.logical("or", left, right, p.pos)
		}
	}
	return left, err
}

func (p *parser) searchAll() (*query.Expr, error) {
	left, err := p.searchOne()
	for err == nil {
		p.skipSpace()
		if !p.keyword("AND") && (p.pos == len(p.text) || p.peek() == ')' || p.nextKeyword("OR")) {
			return left, nil
		}
		var right *query.Expr
		if right, err = p.searchOne(); err == nil {
			left, err = p.logical("and", left, right, p.pos)
		}
	}
	return nil, err
}

func (p *parser) searchOne() (*query.Expr, error) {
	p.skipSpace()
	switch {
	case p.keyword("NOT"):
		leave, err := p.enter()
		if err != nil {
			return nil, err
		}
		defer leave()
		e, err := p.searchOne()
		if err != nil {
			return nil, err
		}
		return p.node(query.Expr{Op: query.Not, Type: boolean(false), Args: []*query.Expr{e}})
	case p.accept('('):
		e, err := p.searchAny()
		if err != nil {
			return nil, err
		}
		return e, p.need(')')
	case p.accept('"'):
		start := p.pos
		end := strings.IndexByte(p.text[start:], '"')
		if end <= 0 {
			return nil, p.at(start-1, "expected a phrase and its closing double quote.")
		}
		p.pos += end + 1
		return p.found(p.text[start : start+end])
	default:
		end := strings.IndexFunc(p.text[p.pos:], func(r rune) bool { return strings.ContainsRune(" \t()\"", r) })
		if end < 0 {
			end = len(p.text) - p.pos
		}
		word := p.text[p.pos : p.pos+end]
		if word == "" || word == "AND" || word == "OR" || word == "NOT" {
			return nil, p.expected("a word or a phrase in double quotes")
		}
		p.pos += end
		return p.found(word)
	}
}

// nextKeyword tells whether a word that means something comes next.
func (p *parser) nextKeyword(keyword string) bool {
	rest, found := strings.CutPrefix(p.text[p.pos:], keyword)
	return found && (rest == "" || strings.ContainsRune(" \t(\"", rune(rest[0])))
}

// keyword passes over such a word.
func (p *parser) keyword(keyword string) bool {
	p.skipSpace()
	if !p.nextKeyword(keyword) {
		return false
	}
	p.pos += len(keyword)
	return true
}

// found is whether a term stands in some searched text. It is never null, so
// that NOT finds the rows whose texts are.
func (p *parser) found(term string) (*query.Expr, error) {
	if p.env.sought++; p.env.sought > maxSought {
		return nil, p.at(p.pos, "at most %d words and phrases are looked for.", maxSought)
	}
	lower := strings.Map(unicode.ToLower, term)
	var somewhere *query.Expr
	for _, a := range p.typ.attributes {
		if !a.searched {
			continue
		}
		text := &query.Expr{Op: query.Field, Type: a.typ, Name: a.name}
		within := &query.Expr{Op: query.ToLower, Type: a.typ, Args: []*query.Expr{text}}
		what := &query.Expr{Op: query.Literal, Type: query.Type{Kind: query.String}, Value: lower}
		contains, err := p.node(query.Expr{Op: query.Contains, Type: boolean(a.typ.Nullable), Args: []*query.Expr{within, what}})
		if err == nil && somewhere != nil {
			contains, err = p.logical("or", somewhere, contains, p.pos)
		}
		if err != nil {
			return nil, err
		}
		somewhere = contains
	}
	if somewhere == nil {
		return nil, p.at(0, "%s has no text that is searched.", p.typ.name)
	}
	yes := &query.Expr{Op: query.Literal, Type: boolean(false), Value: true}
	return p.node(query.Expr{Op: query.Eq, Type: boolean(false), Args: []*query.Expr{somewhere, yes}})
}
