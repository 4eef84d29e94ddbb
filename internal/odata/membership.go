package odata

import (
	"cmp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"plimsoll/internal/query"
)

// membership reads what follows in: a list, a collection, or an alias of either.
func (p *parser) membership(left *query.Expr, pos int) (*query.Expr, error) {
	items, err := p.items()
	if err != nil {
		return nil, err
	}
	if len(items) == 1 && items[0].Type.Collection {
		return p.inCollection(left, items[0], pos)
	}
	args := append([]*query.Expr{left}, items...)
	if err := p.unifyAll(args, pos); err != nil {
		return nil, err
	}
	return p.node(query.Expr{Op: query.In, Type: boolean(false), Args: args})
}

func (p *parser) inCollection(left, collection *query.Expr, pos int) (*query.Expr, error) {
	member := collection.Type
	member.Collection = false
	left, err := p.towards(left, member, pos)
	switch {
	case err != nil:
		return nil, err
	case left.Type.Collection || left.Type.Kind != query.Null && (left.Type.Kind != member.Kind || left.Type.Enum != member.Enum):
		return nil, p.at(pos, "in looks for %s in a collection of another type.", describeType(left.Type))
	}
	return p.node(query.Expr{Op: query.In, Type: boolean(false), Args: []*query.Expr{left, collection}})
}

// unifyAll brings what in compares to one kind: that of the first that is not
// null. It goes round twice, since what the last needs, such as decimal places,
// those before it need too.
func (p *parser) unifyAll(args []*query.Expr, pos int) (err error) {
	lead := slices.IndexFunc(args, func(e *query.Expr) bool { return e.Type.Kind != query.Null })
	if lead < 0 {
		return nil
	}
	for range 2 {
		for i := range args {
			if i == lead {
				continue
			}
			if args[lead], args[i], err = p.unify("in", args[lead], args[i], pos); err != nil {
				return err
			}
		}
	}
	if args[lead].Type.Kind == query.Entity {
		return p.at(pos, "in does not take %s.", describeType(args[lead].Type))
	}
	return nil
}

// items reads the right side of in.
func (p *parser) items() ([]*query.Expr, error) {
	p.skipSpace()
	if p.peek() == '@' {
		return p.aliasedItems()
	}
	if !p.accept('(') {
		pos := p.pos
		e, err := p.unary()
		if err != nil {
			return nil, err
		}
		if !e.Type.Collection {
			return nil, p.at(pos, "in takes a list in parentheses, as in ('a','b'), or a collection.")
		}
		return []*query.Expr{e}, nil
	}
	var items []*query.Expr
	for {
		p.skipSpace()
		if len(items) == maxInItems {
			return nil, p.tooManyItems(p.pos)
		}
		pos := p.pos
		item, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		if item.Type.Collection {
			return nil, p.at(pos, "in takes one collection, or a list of values.")
		}
		items = append(items, item)
		if p.skipSpace(); !p.accept(',') {
			return items, p.need(')')
		}
	}
}

func (p *parser) tooManyItems(pos int) error {
	return p.at(pos, "in takes at most %d items.", maxInItems)
}

func (p *parser) aliasedItems() ([]*query.Expr, error) {
	pos := p.pos
	inner, err := p.alias()
	if err != nil || inner == nil {
		return nil, cmp.Or(err, p.at(pos, "expected an alias that the query gives a list, such as @list=['a','b']."))
	}
	defer func() { p.depth-- }()
	var items []*query.Expr
	if inner.skipSpace(); inner.peek() == '[' {
		items, err = inner.array()
	} else {
		items, err = inner.items()
	}
	if inner.skipSpace(); err == nil && inner.pos < len(inner.text) {
		err = inner.expected("the end")
	}
	return items, err
}

// array reads a JSON array of literals, which is how an alias stands for a list.
func (p *parser) array() (items []*query.Expr, err error) {
	start := p.pos
	d := jsontext.NewDecoder(strings.NewReader(p.text[start:]))
	if _, err = d.ReadToken(); err == nil && d.PeekKind() == ']' {
		return nil, p.at(start, "the array is empty: in looks for nothing.")
	}
	for err == nil && d.PeekKind() != ']' {
		var value jsontext.Value
		if value, err = d.ReadValue(); err != nil {
			break
		}
		p.pos = start + int(d.InputOffset()) - len(value)
		if len(items) == maxInItems {
			return nil, p.tooManyItems(p.pos)
		}
		item, err := p.element(value)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	if err == nil {
		_, err = d.ReadToken()
	}
	p.pos = start + int(d.InputOffset())
	if err != nil {
		return nil, p.expected(`a JSON array of values, such as ["a","b"]`)
	}
	return items, nil
}

// element makes a literal of a value of a JSON array that begins at p.pos.
func (p *parser) element(value jsontext.Value) (*query.Expr, error) {
	switch value.Kind() {
	case '"':
		text, _ := jsontext.AppendUnquote(nil, value) // the decoder has read it already
		if slices.Contains(text, 0) {
			return nil, p.at(p.pos, "no text here holds the character U+0000.")
		}
		return p.literal(query.Type{Kind: query.String}, string(text))
	case 't', 'f':
		return p.literal(boolean(false), value.Kind() == 't')
	case '0':
		return p.decimal(string(value), p.pos)
	case 'n':
		return p.literal(query.Type{Kind: query.Null, Nullable: true}, nil)
	default:
		return nil, p.at(p.pos, "an item of the array is an object or an array.")
	}
}
