package odata

import (
	"slices"

	"plimsoll/internal/query"
)

// environment is what all options of a request share.
type environment struct {
	now     int64 // ticks
	aliases []alias
	uses    []string // names of aliases, once for each time that one is read
	terms   int
	expands int
	sought  int // terms of $search
	nows    int // calls of now()
}

// alias is a name that the query gives a text, for other options to refer to.
type alias struct {
	name string // with its @
	text string
}

func (env *environment) addAlias(o givenOption) error {
	if env.alias(string(o.name)) != nil {
		return badRequest(string(o.name), "The alias %s is given again at position %d.", quote(string(o.name)), o.position)
	}
	env.aliases = append(env.aliases, alias{string(o.name), o.value})
	return nil
}

func (env *environment) alias(name string) *alias {
	for i := range env.aliases {
		if env.aliases[i].name == name {
			return &env.aliases[i]
		}
	}
	return nil
}

// usedSince gives the aliases that were read since there were so many uses.
func (env *environment) usedSince(count int) (used []alias) {
	for _, a := range env.aliases {
		if slices.Contains(env.uses[count:], a.name) {
			used = append(used, a)
		}
	}
	return used
}

// allUsed refuses an alias that was given for nothing: its name is misspelled
// somewhere.
func (env *environment) allUsed() error {
	for _, a := range env.aliases {
		if !slices.Contains(env.uses, a.name) {
			return badRequest(a.name, "The query gives %s a value, and nothing refers to it.", quote(a.name))
		}
	}
	return nil
}

// aliased reads @name, and in its place the expression that the query gives it
// (OData 4.01 URL Conventions, section 5.3); null where it gives none.
func (p *parser) aliased() (*query.Expr, error) {
	inner, err := p.alias()
	if err != nil {
		return nil, err
	}
	if inner == nil {
		return p.literal(query.Type{Kind: query.Null, Nullable: true}, nil)
	}
	e, err := inner.whole()
	p.depth--
	return e, err
}

// alias reads @name and gives a parser of its value, one step deeper, or nil.
func (p *parser) alias() (*parser, error) {
	pos := p.pos
	p.pos++
	name := "@" + p.word()
	if name == "@" {
		p.pos = pos
		return nil, p.expected("the name of an alias, such as @name")
	}
	value := p.env.alias(name)
	if value == nil {
		return nil, nil
	}
	if p.option[0] == '@' {
		return nil, p.at(pos, "an alias cannot stand for another.")
	}
	p.env.uses = append(p.env.uses, name)
	p.depth++ // it may stand deep
	inner := *p
	inner.option, inner.text, inner.start, inner.pos = Option(name), value.text, 0, 0
	return &inner, nil
}
