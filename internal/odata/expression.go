package odata

import (
	"fmt"
	"strings"

	"plimsoll/internal/query"
)

// Limits of an expression. Its text is bounded by that of the whole query.
const (
	maxDepth   = 100  // of what nests: parentheses, calls, operators
	maxTerms   = 1000 // literals, properties and operators in all
	maxInItems = 500
	maxLambdas = 2 // of any and all within one another: each looks at every member for every member
)

// parser reads the value of one query option. It fails at most once: the first
// error is the one that is told.
type parser struct {
	option Option
	text   string // the value, decoded
	start  int    // where text stands in the whole option's value
	pos    int    // in text
	env    *environment
	typ    *StructuredType // of the rows
	scope  []variable      // of the lambdas around, the innermost last
	depth  int
	nested bool // within $expand

	expands bool // $expand is served beside it
}

// at refuses the text at a position.
func (p *parser) at(pos int, format string, args ...any) error {
	return badRequest(string(p.option), "%s at position %d: %s", p.option, p.start+pos, fmt.Sprintf(format, args...))
}

// expected refuses what stands at the position that was reached.
func (p *parser) expected(what string) error {
	found := "the end"
	if p.pos < len(p.text) {
		found = quote(p.text[p.pos:])
	}
	return p.at(p.pos, "expected %s, found %s.", what, found)
}

func (p *parser) skipSpace() {
	for p.pos < len(p.text) && (p.text[p.pos] == ' ' || p.text[p.pos] == '\t') {
		p.pos++
	}
}

func (p *parser) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

// accept passes over c, if it comes next.
func (p *parser) accept(c byte) bool {
	if p.peek() == c && c != 0 {
		p.pos++
		return true
	}
	return false
}

func (p *parser) need(c byte) error {
	p.skipSpace()
	if !p.accept(c) {
		return p.expected(fmt.Sprintf("%q", string(c)))
	}
	return nil
}

// each reads items that commas separate, up to the end of the text.
func (p *parser) each(item func() error, expected string) error {
	for {
		p.skipSpace()
		if err := item(); err != nil {
			return err
		}
		p.skipSpace()
		if p.pos == len(p.text) {
			return nil
		}
		if !p.accept(',') {
			return p.expected(expected)
		}
	}
}

// word reads an identifier, which may be qualified, or gives "".
func (p *parser) word() string {
	end := p.pos
	for end < len(p.text) && isWordByte(p.text[end], end == p.pos) {
		end++
	}
	word := p.text[p.pos:end]
	p.pos = end
	return word
}

func isWordByte(c byte, first bool) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || !first && (c == '.' || isDigit(c))
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// enter goes one step deeper; what it gives goes back.
func (p *parser) enter() (leave func(), err error) {
	p.depth++
	if p.depth > maxDepth {
		return nil, p.at(p.pos, "the expression nests deeper than %d.", maxDepth)
	}
	return func() { p.depth-- }, nil
}

// node makes an expression, and counts it.
func (p *parser) node(e query.Expr) (*query.Expr, error) {
	if p.env.terms++; p.env.terms > maxTerms {
		return nil, p.at(p.pos, "the query has more than %d terms.", maxTerms)
	}
	return &e, nil
}

// condition reads a whole option that must be true or false.
func (p *parser) condition() (*query.Expr, error) {
	e, err := p.whole()
	if err != nil {
		return nil, err
	}
	if !isCondition(e.Type) {
		return nil, p.at(0, "expected a condition, such as displayName eq 'x', found %s.", describeType(e.Type))
	}
	return typed(e, boolean(true)), nil
}

// isCondition tells whether a type is one of what is true or false: null is
// neither, and may stand for both.
func isCondition(t query.Type) bool {
	return (t.Kind == query.Boolean || t.Kind == query.Null) && !t.Collection
}

// whole reads an expression up to the end of the text.
func (p *parser) whole() (*query.Expr, error) {
	e, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if p.skipSpace(); p.pos < len(p.text) {
		return nil, p.expected("an operator such as eq, and, or; or the end")
	}
	return e, nil
}

// binding tells how tightly a binary operator binds (OData 4.01 URL
// Conventions, section 5.1.1.17); 0 is no operator, or one that postfixed reads.
func binding(operator string) int {
	switch operator {
	case "or":
		return 1
	case "and":
		return 2
	case "eq", "ne":
		return 3
	case "lt", "le", "gt", "ge":
		return 4
	case "add", "sub":
		return 5
	case "mul", "div", "divby", "mod":
		return 6
	default:
		return 0
	}
}

// expression reads operators that bind tighter than least, and what is between
// them (precedence climbing).
func (p *parser) expression(least int) (*query.Expr, error) {
	leave, err := p.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	left, err := p.unary()
	for err == nil {
		operator, pos := p.operator(func(word string) bool { return binding(word) > least })
		if operator == "" {
			return left, nil
		}
		left, err = p.operation(operator, left, pos)
	}
	return nil, err
}

// operator passes over a word that is wanted as an operator, which may be in any
// case, and gives where it stands; or it gives "" and stays. Space stands before
// it, or the end of what has one.
func (p *parser) operator(wanted func(word string) bool) (operator string, pos int) {
	before := p.pos
	p.skipSpace()
	pos = p.pos
	operator = strings.ToLower(p.word())
	if !wanted(operator) || pos == before && p.text[pos-1] != ')' && p.text[pos-1] != '\'' {
		p.pos = before
		return "", 0
	}
	return operator, pos
}

// operation reads the right side of a binary operator that stands at pos, and
// refuses a chain of operators that nests too deep: each has the one before it as
// its left side.
func (p *parser) operation(operator string, left *query.Expr, pos int) (*query.Expr, error) {
	e, err := p.operate(operator, left, pos)
	if err != nil {
		return nil, err
	}
	args, most := e.Args, maxDepth-p.depth // below the arguments
	if len(args) > 2 && (e.Op == query.And || e.Op == query.Or) {
		args = args[len(args)-1:] // those before it were looked at before
	}
	for _, arg := range args {
		if !nestsAtMost(arg, most) {
			return nil, p.at(pos, "the expression nests deeper than %d.", maxDepth)
		}
	}
	return e, nil
}

func nestsAtMost(e *query.Expr, depth int) bool {
	for _, arg := range e.Args {
		if depth == 0 || !nestsAtMost(arg, depth-1) {
			return false
		}
	}
	return true
}

func (p *parser) operate(operator string, left *query.Expr, pos int) (*query.Expr, error) {
	switch operator {
	case "in":
		return p.membership(left, pos)
	case "has":
		return p.has(left, pos)
	}
	right, err := p.expression(binding(operator))
	if err != nil {
		return nil, err
	}
	switch operator {
	case "and", "or":
		return p.logical(operator, left, right, pos)
	case "add", "sub", "mul", "div", "divby", "mod":
		return p.arithmetic(operator, left, right, pos)
	default:
		return p.comparison(operator, left, right, pos)
	}
}

// unary reads what an operator stands between, with not or - before it.
func (p *parser) unary() (*query.Expr, error) {
	p.skipSpace()
	pos := p.pos
	if p.peek() == '-' && (pos+1 == len(p.text) || !isDigit(p.text[pos+1])) {
		p.pos++
		return p.negation(pos)
	}
	word := p.word()
	if strings.EqualFold(word, "not") && (p.peek() == ' ' || p.peek() == '\t' || p.peek() == '(') {
		return p.inversion(pos)
	}
	p.pos = pos
	return p.postfixed()
}

// postfixed reads in and has, which bind tighter than any other operator.
func (p *parser) postfixed() (*query.Expr, error) {
	left, err := p.primary()
	for err == nil {
		operator, pos := p.operator(func(word string) bool { return word == "in" || word == "has" })
		if operator == "" {
			return left, nil
		}
		left, err = p.operation(operator, left, pos)
	}
	return nil, err
}

// operand reads what a unary operator stands before.
func (p *parser) operand() (*query.Expr, error) {
	leave, err := p.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	return p.unary()
}

func (p *parser) inversion(pos int) (*query.Expr, error) {
	e, err := p.operand()
	if err != nil {
		return nil, err
	}
	if !isCondition(e.Type) {
		return nil, p.at(pos, "not takes a condition, not %s; it binds tighter than eq and the like: write not (…).", describeType(e.Type))
	}
	return p.node(query.Expr{Op: query.Not, Type: boolean(e.Type.Nullable), Args: []*query.Expr{typed(e, boolean(true))}})
}

func (p *parser) negation(pos int) (*query.Expr, error) {
	e, err := p.operand()
	if err != nil {
		return nil, err
	}
	if k := e.Type.Kind; k != query.Number && k != query.Duration {
		return nil, p.at(pos, "- takes a number or a duration, not %s.", describeType(e.Type))
	}
	least, okLeast := subtract(0, e.Type.Max)
	most, okMost := subtract(0, e.Type.Min)
	if !okLeast || !okMost {
		return nil, p.tooLarge(pos)
	}
	typ := e.Type
	typ.Min, typ.Max = least, most
	return p.node(query.Expr{Op: query.Negate, Type: typ, Args: []*query.Expr{e}})
}

// primary reads a literal, a path, a call, an alias or parentheses.
func (p *parser) primary() (*query.Expr, error) {
	switch c := p.peek(); {
	case c == '(':
		p.pos++
		e, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		return e, p.need(')')
	case c == '\'':
		text, err := p.quoted()
		if err != nil {
			return nil, err
		}
		return p.literal(query.Type{Kind: query.String}, text)
	case c == '@':
		return p.aliased()
	case c == '-' || isDigit(c) || p.isGUID():
		return p.number()
	case c == '$' || isWordByte(c, true):
		return p.named()
	default:
		return nil, p.expected("a property, a literal, a function or a parenthesis")
	}
}

// named reads what begins with a word: a constant, a typed literal, a call, or a
// path.
func (p *parser) named() (*query.Expr, error) {
	pos := p.pos
	if strings.HasPrefix(p.text[pos:], "$it/") {
		return p.ofRow()
	}
	name := p.word()
	switch p.peek() {
	case '\'':
		return p.typedLiteral(name, pos)
	case '(':
		return p.call(name, pos)
	}
	switch name {
	case "true", "false":
		return p.literal(boolean(false), name == "true")
	case "null":
		return p.literal(query.Type{Kind: query.Null, Nullable: true}, nil)
	case "INF", "NaN":
		return nil, p.at(pos, "%s is not supported: numbers here are exact.", name)
	}
	return p.path(name, pos)
}
