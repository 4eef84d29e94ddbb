package odata

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"plimsoll/internal/query"
)

// MaxQuery is how long a query may be, in bytes as sent.
const MaxQuery = 8192

// Option is the name of a system query option, with its $.
type Option string

// OptionOf gives the option that a name means: with or without its $, in any
// case.
func OptionOf(name string) Option {
	return Option("$" + strings.TrimPrefix(strings.ToLower(name), "$"))
}

// The system query options.
const (
	OptionFilter     Option = "$filter"
	OptionSearch     Option = "$search"
	OptionSelect     Option = "$select"
	OptionExpand     Option = "$expand"
	OptionOrderBy    Option = "$orderby"
	OptionTop        Option = "$top"
	OptionSkip       Option = "$skip"
	OptionCount      Option = "$count"
	OptionLevels     Option = "$levels" // within $expand
	OptionFormat     Option = "$format"
	OptionSkipToken  Option = "$skiptoken"
	OptionDeltaToken Option = "$deltatoken"
)

// Query holds the query options of a request, or of one $expand, parsed.
type Query struct {
	Select     Selection
	Expand     []Expand
	Filter     *query.Expr // of $filter and $search together; nil wants every row
	OrderBy    []query.Key
	Top        int // -1 where it was not given
	Skip       int
	Count      bool
	Format     string
	SkipToken  string
	DeltaToken string

	given   []givenOption
	aliases []alias // that the options refer to
	rows    string  // all that decides which rows there are, and in which order
}

// Expand is one navigation that is wanted within its entity, with options of its
// own.
type Expand struct {
	Query

	Navigation string
}

// Expanded gives the options of a navigation that is to be expanded, or nil.
func (q *Query) Expanded(navigation string) *Expand {
	for i := range q.Expand {
		if q.Expand[i].Navigation == navigation {
			return &q.Expand[i]
		}
	}
	return nil
}

// givenOption is an option as it was given.
type givenOption struct {
	name     Option
	value    string // decoded
	position int    // in the query, or within $expand in its value
	valueAt  int    // within $expand: where its value begins
}

// ParseQuery reads the query part of a URL as it was sent, for rows of a type.
// Options may be written with or without their $, as Graph beta allows, and in
// any case. An option that is not among the allowed ones is refused, never
// ignored; so is one given twice, and an alias that nothing refers to. now is
// what now() gives.
func ParseQuery(raw string, t *StructuredType, now time.Time, allowed ...Option) (*Query, error) {
	if len(raw) > MaxQuery {
		return nil, badRequest("", "The query has %d bytes; at most %d are read.", len(raw), MaxQuery)
	}
	if raw == "" {
		return &Query{Top: -1, Select: SelectAll()}, nil
	}
	env := &environment{now: query.Ticks(now)}
	var given []givenOption
	for position := 0; position < len(raw); {
		part, _, _ := strings.Cut(raw[position:], "&")
		if part != "" {
			option, err := decodeOption(part, position)
			if err != nil {
				return nil, err
			}
			if option.name[0] == '@' {
				err = env.addAlias(option)
			} else {
				given = append(given, option)
			}
			if err != nil {
				return nil, err
			}
		}
		position += len(part) + 1
	}
	q, err := parseOptions(given, t, env, allowed, nil)
	if err != nil {
		return nil, err
	}
	return q, env.allUsed()
}

func decodeOption(part string, position int) (o givenOption, err error) {
	rawName, rawValue, _ := strings.Cut(part, "=")
	name, errName := url.QueryUnescape(rawName)
	value, errValue := url.QueryUnescape(rawValue)
	if errName != nil || errValue != nil {
		return o, badRequest(rawName, "The query is not percent-encoded correctly at position %d: %s.", position, quote(part))
	}
	if !utf8.ValidString(name+value) || strings.ContainsRune(name+value, 0) {
		return o, badRequest(rawName, "The query holds what is no text at position %d, U+0000 or bytes that are not UTF-8: %s.", position, quote(part))
	}
	if strings.TrimPrefix(name, "$") == "" {
		return o, badRequest("", "The query option at position %d has no name. Between double quotes a shell takes $top "+
			"for a variable of its own: use single quotes, or write top.", position)
	}
	option := Option(name) // an alias
	if name[0] != '@' {
		option = OptionOf(name)
	}
	return givenOption{name: option, value: value, position: position}, nil
}

// parseOptions reads the options of a request, or of one navigation within
// $expand, which outer reads.
func parseOptions(given []givenOption, t *StructuredType, env *environment, allowed []Option, outer *parser) (*Query, error) {
	for i, o := range given {
		switch {
		case !slices.Contains(allowed, o.name):
			return nil, o.refuse(outer, "%s is not supported here; %s.", quote(string(o.name)), supported(allowed))
		case slices.ContainsFunc(given[:i], func(before givenOption) bool { return before.name == o.name }):
			return nil, o.refuse(outer, "%s is given twice.", o.name)
		}
	}
	// $select last: its paths lead into what $expand expands.
	slices.SortStableFunc(given, func(a, b givenOption) int {
		return cmp.Compare(rank(a.name), rank(b.name))
	})
	q, uses := &Query{Top: -1, Select: SelectAll(), given: given}, len(env.uses)
	for _, o := range given {
		p := &parser{option: o.name, text: o.value, env: env, typ: t, expands: slices.Contains(allowed, OptionExpand)}
		if outer != nil {
			p.option, p.start, p.depth, p.nested = outer.option, o.valueAt, outer.depth+1, true
		}
		if must, err := q.set(o, p); err != nil {
			return nil, err
		} else if must != "" {
			return nil, o.refuse(outer, "%s %s, not %s.", o.name, must, quote(o.value))
		}
	}
	q.aliases = env.usedSince(uses)
	q.rows = q.rowsText()
	return q, q.check()
}

// refuse says what is wrong with an option as a whole.
func (o *givenOption) refuse(outer *parser, format string, args ...any) error {
	name := o.name
	if outer != nil {
		name = outer.option
	}
	return badRequest(string(name), "%s at position %d: %s", within(outer), o.position, fmt.Sprintf(format, args...))
}

// within names what the position of an option is in.
func within(outer *parser) string {
	if outer != nil {
		return string(outer.option)
	}
	return "Query"
}

func rank(option Option) int {
	if option == OptionSelect {
		return 1
	}
	return 0
}

func (q *Query) check() error {
	if q.SkipToken != "" && q.Skip > 0 {
		return badRequest(string(OptionSkip), "$skip cannot stand beside $skiptoken: the token goes on where its page ended.")
	}
	return nil
}

// rowsText gives the options that decide which rows there are and in which
// order, with what their aliases stand for.
func (q *Query) rowsText() string {
	var text []string
	for _, o := range q.given {
		switch o.name {
		case OptionFilter, OptionSearch, OptionOrderBy:
			text = append(text, assignment(string(o.name), o.value))
		}
	}
	for _, a := range q.aliases {
		text = append(text, assignment(a.name, a.text))
	}
	slices.Sort(text)
	return strings.Join(text, "&")
}

// assignment writes an option or an alias as it stands in a URL.
func assignment(name, value string) string {
	return url.QueryEscape(name) + "=" + url.QueryEscape(value)
}

func supported(allowed []Option) string {
	if len(allowed) == 0 {
		return "none is"
	}
	names := make([]string, len(allowed))
	for i, option := range allowed {
		names[i] = string(option)
	}
	return "these are: " + strings.Join(names, ", ")
}

// set reads the value of one option, which p stands before. It gives what the
// value must be where p cannot tell.
func (q *Query) set(o givenOption, p *parser) (must string, err error) {
	switch o.name {
	case OptionFilter:
		if strings.TrimSpace(o.value) != "" { // Graph: an empty filter is none
			var filter *query.Expr
			filter, err = p.condition()
			q.Filter = both(q.Filter, filter)
		}
	case OptionSearch:
		var search *query.Expr
		search, err = p.search()
		q.Filter = both(q.Filter, search)
	case OptionOrderBy:
		q.OrderBy, err = p.orderBy()
	case OptionSelect:
		err = p.selectList(q)
	case OptionExpand:
		err = p.expandList(q)
	case OptionLevels:
		if o.value != "1" && o.value != "max" { // no type that is served leads to itself
			must = "must be 1 or max, since nothing here leads to more of its own kind"
		}
	case OptionFormat:
		q.Format = o.value
	case OptionSkipToken:
		q.SkipToken, must = o.value, notEmpty(o.value, "@odata.nextLink")
	case OptionDeltaToken:
		q.DeltaToken, must = o.value, notEmpty(o.value, "@odata.deltaLink")
	case OptionCount:
		q.Count = o.value == "true"
		if o.value != "true" && o.value != "false" {
			must = "must be true or false"
		}
	case OptionTop:
		q.Top, must = naturalNumber(o.value)
	case OptionSkip:
		q.Skip, must = naturalNumber(o.value)
	}
	return must, err
}

func notEmpty(token, link string) (must string) {
	if token == "" {
		return "must be the token of an " + link
	}
	return ""
}

func naturalNumber(value string) (n int, must string) {
	parsed, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		return 0, "must be an integer from 0 to 2147483647"
	}
	return int(parsed), ""
}

// both wants the rows that two filters want.
func both(a, b *query.Expr) *query.Expr {
	if a == nil || b == nil {
		return cmp.Or(a, b)
	}
	nullable := a.Type.Nullable || b.Type.Nullable
	return &query.Expr{Op: query.And, Type: boolean(nullable), Args: []*query.Expr{a, b}}
}

// maxOrder is how many keys may be sorted by.
const maxOrder = 8

func (p *parser) orderBy() (keys []query.Key, err error) {
	err = p.each(func() error {
		if len(keys) == maxOrder {
			return p.at(p.pos, "at most %d keys are sorted by.", maxOrder)
		}
		key, err := p.sortKey()
		keys = append(keys, key)
		return err
	}, "asc, desc, a comma or the end")
	return keys, err
}

func (p *parser) sortKey() (key query.Key, err error) {
	pos, nows := p.pos, p.env.nows
	if key.Expr, err = p.expression(0); err != nil {
		return key, err
	}
	if p.env.nows > nows {
		return key, p.at(pos, "now() is another time on each page, and so cannot be sorted by.")
	}
	t := key.Expr.Type
	if t.Collection || t.Kind == query.Binary || t.Kind == query.Entity || t.Kind == query.Null {
		return key, p.at(pos, "%s cannot be sorted by.", describeType(t))
	}
	p.skipSpace()
	before := p.pos
	switch strings.ToLower(p.word()) {
	case "desc":
		key.Descending = true
	case "asc":
	default:
		p.pos = before
	}
	return key, nil
}
