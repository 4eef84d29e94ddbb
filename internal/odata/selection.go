package odata

import (
	"slices"
	"strings"
)

// Limits of lists of names.
const (
	maxSelect      = 64
	maxExpand      = 20 // in all levels together
	maxExpandDepth = 5
)

const maxProperties = 64 // of a type: the bits of a Selection

// Selection says which properties of a type are wanted.
type Selection struct {
	all   bool
	bits  uint64   // of the properties that were named
	names []string // as they were given, for the context URL
}

// SelectAll wants every property.
func SelectAll() Selection { return Selection{all: true} }

// All tells whether every property is wanted.
func (s *Selection) All() bool { return s.all }

func (s *Selection) has(i int) bool { return s.all || s.bits&(1<<i) != 0 }

// links tells whether the link of a navigation is wanted.
func (s *Selection) links(navigation string) bool {
	return s.all || slices.Contains(s.names, navigation)
}

// Names tells whether a property was asked for by its name.
func (q *Query) Names(t *StructuredType, name string) bool {
	i := t.index(name)
	return i >= 0 && q.Select.bits&(1<<i) != 0
}

// selectList reads $select: properties, navigations, "*", and paths into
// navigations, which expand them.
func (p *parser) selectList(q *Query) error {
	q.Select.all = false
	n := 0
	return p.each(func() error {
		if n++; n > maxSelect {
			return p.at(p.pos, "at most %d names are read.", maxSelect)
		}
		return p.selectOne(q, p.pos)
	}, "a comma or the end")
}

func (p *parser) selectOne(q *Query, pos int) error {
	if p.accept('*') {
		q.Select.all = true
		q.Select.names = append(q.Select.names, "*")
		return nil
	}
	name := p.word()
	if name == "" {
		return p.expected("the name of a property")
	}
	i, n := p.typ.index(name), p.typ.navigation(name)
	if i < 0 && n == nil {
		return p.at(pos, "%s is no property of %s; its properties are %s.", quote(nameAt(p.text, pos)), p.typ.name, strings.Join(p.typ.names(), ", "))
	}
	path := n != nil && p.accept('/')
	if !path && !slices.Contains(q.Select.names, name) {
		q.Select.names = append(q.Select.names, name)
	}
	if i >= 0 {
		q.Select.bits |= 1 << i
	}
	if !path { // of a navigation its link, which only full metadata shows
		return nil
	}
	if !p.expands {
		return p.at(pos, "%s cannot be expanded here, and so no property of it selected.", name)
	}
	e := q.Expanded(name)
	if e == nil {
		if !n.expandable || n.collection {
			return p.at(pos, "%s is selected from by $expand=%s($select=…).", name, name)
		}
		if p.env.expands++; p.env.expands > maxExpand {
			return p.tooManyExpands(pos)
		}
		q.Expand = append(q.Expand, Expand{Navigation: name, Query: Query{Top: -1}})
		e = &q.Expand[len(q.Expand)-1]
	}
	e.Select.all = e.Select.all && len(e.Select.names) > 0
	outer := p.typ
	p.typ = n.target
	defer func() { p.typ = outer }()
	return p.selectOne(&e.Query, p.pos)
}

// expandList reads $expand: navigations, each with options of its own in
// parentheses.
func (p *parser) expandList(q *Query) error {
	return p.each(func() error { return p.expandOne(q) }, "a comma or the end")
}

func (p *parser) expandOne(q *Query) error {
	pos, all := p.pos, p.accept('*')
	names := p.typ.expandable()
	if !all {
		names = []string{p.word()}
	}
	var options []givenOption
	if p.skipSpace(); p.accept('(') {
		var err error
		if options, err = p.nestedOptions(); err != nil {
			return err
		}
	}
	for _, name := range names {
		n := p.typ.navigation(name)
		switch p.env.expands++; {
		case n == nil || !n.expandable:
			return p.at(pos, "%s cannot be expanded; %s.", quote(nameAt(p.text, pos)), p.typ.whatExpands())
		case p.env.expands > maxExpand:
			return p.tooManyExpands(pos)
		case p.depth >= maxExpandDepth:
			return p.at(pos, "$expand nests deeper than %d.", maxExpandDepth)
		case p.peek() == '/':
			return p.at(p.pos, "a path leads no further here; write %s($expand=…).", name)
		case q.Expanded(name) != nil && all:
			continue
		case q.Expanded(name) != nil:
			return p.at(pos, "%s is expanded twice.", name)
		}
		inner, err := parseOptions(slices.Clone(options), n.target, p.env, n.options(), p)
		if err != nil {
			return err
		}
		q.Expand = append(q.Expand, Expand{Navigation: name, Query: *inner})
	}
	return nil
}

func (p *parser) tooManyExpands(pos int) error {
	return p.at(pos, "at most %d navigations are expanded.", maxExpand)
}

// options gives what $expand takes for the navigation: of a single entity,
// nothing that chooses among many.
func (n *navigation) options() []Option {
	options := []Option{OptionSelect, OptionExpand, OptionLevels}
	if n.collection {
		options = append(options, OptionFilter, OptionSearch, OptionOrderBy, OptionTop, OptionSkip, OptionCount)
	}
	return options
}

// nestedOptions splits what stands in parentheses, up to their end, at the
// semicolons that are in neither quotes nor parentheses of their own.
func (p *parser) nestedOptions() ([]givenOption, error) {
	var options []givenOption
	from, depth := p.pos, 0
	for ; p.pos < len(p.text); p.pos++ {
		switch c := p.text[p.pos]; {
		case c == '\'' && !p.searches(from) || c == '"':
			end := strings.IndexByte(p.text[p.pos+1:], c)
			if end < 0 {
				return nil, p.at(p.pos, "the text that begins here has no end: expected a closing quote.")
			}
			p.pos += end + 1 // a doubled quote ends one text and begins another
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case c == ')' || c == ';' && depth == 0:
			if strings.TrimSpace(p.text[from:p.pos]) != "" {
				option, err := p.nestedOption(from)
				if err != nil {
					return nil, err
				}
				options = append(options, option)
			}
			from = p.pos + 1
			if c == ')' {
				p.pos++
				return options, nil
			}
		}
	}
	return nil, p.expected(`")"`)
}

// searches tells whether the nested option that begins at from is $search, in
// which an apostrophe is one.
func (p *parser) searches(from int) bool {
	name, _, _ := strings.Cut(p.text[from:p.pos], "=")
	return OptionOf(strings.TrimSpace(name)) == OptionSearch
}

func (p *parser) nestedOption(from int) (givenOption, error) {
	for p.text[from] == ' ' || p.text[from] == '\t' {
		from++
	}
	name, value, found := strings.Cut(p.text[from:p.pos], "=")
	option := OptionOf(strings.TrimSpace(name))
	if !found || option == "$" {
		return givenOption{}, p.at(from, "expected an option such as $select=…, found %s.", quote(p.text[from:p.pos]))
	}
	return givenOption{name: option, value: value, position: p.start + from, valueAt: p.start + from + len(name) + 1}, nil
}

func (t *StructuredType) expandable() []string {
	var names []string
	for _, n := range t.navigations {
		if n.expandable {
			names = append(names, n.name)
		}
	}
	return names
}

func (t *StructuredType) whatExpands() string {
	if names := t.expandable(); len(names) > 0 {
		return "of " + t.name + " these can: " + strings.Join(names, ", ")
	}
	return t.name + " has nothing to expand"
}

// Context gives the part of a context URL that tells what is selected and
// expanded (OData Protocol 4.01, section 10.7): "(displayName,runSummary())", or
// "" where neither is said.
func (q *Query) Context() string {
	if len(q.Select.names) == 0 && len(q.Expand) == 0 {
		return ""
	}
	names := slices.Clone(q.Select.names)
	for i := range q.Expand {
		e := &q.Expand[i]
		inner := e.Context()
		if inner == "" {
			inner = "()"
		}
		names = append(names, e.Navigation+inner)
	}
	return "(" + strings.Join(names, ",") + ")"
}

// Encode gives the options of a navigation within $expand as those of a request
// for it, each with an & behind it. What is of one page only is left out.
func (q *Query) Encode() string {
	var text strings.Builder
	for _, o := range q.given {
		if o.name != OptionSkip && o.name != OptionLevels {
			text.WriteString(assignment(string(o.name), o.value) + "&")
		}
	}
	for _, a := range q.aliases {
		text.WriteString(assignment(a.name, a.text) + "&")
	}
	return text.String()
}
