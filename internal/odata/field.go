package odata

import (
	"slices"
	"strings"

	"plimsoll/internal/query"
)

type variable struct {
	name string
	typ  query.Type
}

// ofRow reads $it/ and a property of the row, which no variable hides. Within
// $expand it is the row of the request and not that of the navigation (OData 4.01
// URL Conventions, section 5.1.1.14.4), and there is no comparing with that.
func (p *parser) ofRow() (*query.Expr, error) {
	if p.nested {
		return nil, p.at(p.pos, "$it is not within reach of what $expand asks for; name a property without it.")
	}
	p.pos += len("$it/")
	pos := p.pos
	return p.property(p.word(), pos)
}

// path reads a variable, or a property of the row.
func (p *parser) path(name string, pos int) (*query.Expr, error) {
	for _, v := range slices.Backward(p.scope) {
		if v.name == name {
			return p.node(query.Expr{Op: query.Variable, Type: v.typ, Name: name})
		}
	}
	return p.property(name, pos)
}

// property reads a property of the row, or of an entity that it leads to.
func (p *parser) property(name string, pos int) (*query.Expr, error) {
	typ, full, nullable := p.typ, name, false
	for {
		if navigation := typ.navigation(name); navigation != nil {
			if navigation.collection {
				return nil, p.at(pos, "%s leads to many: it can be expanded, and not filtered or sorted by.", name)
			}
			if !p.accept('/') {
				return p.node(query.Expr{Op: query.Field, Type: query.Type{Kind: query.Entity, Nullable: true}, Name: full})
			}
			typ, nullable, pos = navigation.target, true, p.pos
			name = p.word()
			full += "/" + name
			continue
		}
		attribute := typ.attribute(name)
		if attribute == nil {
			return nil, p.at(pos, "%s is no property of %s; its properties are %s.",
				quote(nameAt(p.text, pos)), typ.name, strings.Join(typ.names(), ", "))
		}
		if attribute.complex {
			return nil, p.at(pos, "%s is of a complex type: it can be selected, and not filtered or sorted by.", name)
		}
		e, err := p.node(query.Expr{Op: query.Field, Type: attribute.typ, Name: full})
		if err != nil {
			return nil, err
		}
		e.Type.Nullable = e.Type.Nullable || nullable && !e.Type.Collection
		if p.peek() == '/' {
			return p.ofCollection(e)
		}
		return e, nil
	}
}

// nameAt gives the word at pos, or what stands there, for a message.
func nameAt(text string, pos int) string {
	end := pos
	for end < len(text) && !strings.ContainsRune(" /(),'", rune(text[end])) {
		end++
	}
	return text[pos:end]
}

// ofCollection reads what is asked of a collection: /any(…), /all(…) or /$count.
func (p *parser) ofCollection(collection *query.Expr) (*query.Expr, error) {
	p.pos++
	pos := p.pos
	if p.accept('$') && p.word() == "count" && collection.Type.Collection {
		return p.node(query.Expr{Op: query.Count, Type: number(0, 1<<31), Args: []*query.Expr{collection}})
	}
	p.pos = pos
	word := strings.ToLower(p.word())
	switch {
	case !collection.Type.Collection:
		return nil, p.at(pos, "%s has no properties of its own.", collection.Name)
	case word != "any" && word != "all" || p.peek() != '(':
		p.pos = pos
		return nil, p.expected("any(…), all(…) or $count")
	}
	return p.lambda(word, collection)
}

// lambda reads the parentheses of any and all: a name for the member, and a
// condition on it.
func (p *parser) lambda(word string, collection *query.Expr) (*query.Expr, error) {
	p.pos++
	p.skipSpace()
	e := query.Expr{Op: query.Any, Type: boolean(false), Args: []*query.Expr{collection}}
	if word == "any" && p.accept(')') {
		return p.node(e)
	}
	if word == "all" {
		e.Op = query.All
	}
	pos := p.pos
	e.Name = p.word()
	if e.Name == "" || strings.Contains(e.Name, ".") {
		p.pos = pos
		return nil, p.expected("a name for the member, as in any(t: t eq 'x')")
	}
	if p.typ.attribute(e.Name) != nil || p.typ.navigation(e.Name) != nil {
		return nil, p.at(pos, "%s is a property; give the member another name.", e.Name)
	}
	if len(p.scope) == maxLambdas {
		return nil, p.at(pos, "any and all nest at most %d deep.", maxLambdas)
	}
	if err := p.need(':'); err != nil {
		return nil, err
	}
	member := collection.Type
	member.Collection = false
	p.scope = append(p.scope, variable{e.Name, member})
	p.skipSpace()
	pos = p.pos
	condition, err := p.expression(0)
	p.scope = p.scope[:len(p.scope)-1]
	if err == nil {
		err = p.need(')')
	}
	if err == nil && !isCondition(condition.Type) {
		err = p.at(pos, "%s takes a condition, not %s.", word, describeType(condition.Type))
	}
	if err != nil {
		return nil, err
	}
	e.Args = append(e.Args, typed(condition, boolean(true)))
	return p.node(e)
}
