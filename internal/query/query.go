// Package query is what a list is asked for: which rows, in which order, and
// which page of them. It knows neither how a request is written nor how rows are
// stored: a surface makes these values from text, and a store carries them out.
//
// An expression is typed, and means the same to every store: operators on
// numbers cannot overflow, text compares by its bytes in UTF-8, and null is
// treated as each [Op] says.
package query

import "slices"

// Kind is the kind of a value.
type Kind uint8

// The kinds, and the Go type that a value of each has. Every one but Boolean,
// Binary and those of text is an int64, so that all arithmetic is that of whole
// numbers. A tick is 100 nanoseconds.
const (
	Null      Kind = iota // nil: the literal null alone
	Boolean               // bool
	Number                // int64, in steps of 10 to the power of minus Scale
	String                // string
	Instant               // int64: ticks since 0001-01-01T00:00:00Z, to the end of the year 9999
	Date                  // int64: days since 0001-01-01, to the end of the year 9999
	TimeOfDay             // int64: ticks since midnight
	Duration              // int64: ticks
	Enum                  // string: the name of a member
	Binary                // []byte
	Entity                // a navigation to one entity: only whether it is null can be asked
)

// The ends of [Instant] and [Date], and the length of a day.
const (
	TicksPerSecond int64 = 10_000_000
	TicksPerDay          = 24 * 60 * 60 * TicksPerSecond
	MaxDate        int64 = 3_652_058
	MaxInstant           = (MaxDate+1)*TicksPerDay - 1
)

// Type is the type of an expression or a property.
type Type struct {
	Kind       Kind
	Nullable   bool
	Collection bool  // of values of Kind, none of which is null
	Scale      uint8 // of a Number: its decimal places

	// Min and Max bound the int64 of every kind that is one. Whoever makes an
	// expression keeps them true, and makes none whose bounds leave int64.
	Min, Max int64

	Enum    string   // the qualified name of an Enum's type
	Members []string // and its members' names: they sort in this order
}

// Op says what an [Expr] does with its arguments.
type Op uint8

// The operations. Unless something else is said, a null argument makes the
// result null. The comparisons are never null: two nulls are equal, null is
// equal to nothing else, and neither less nor greater than anything. And, Or and
// Not have the three values of SQL; a row is wanted where its filter is true.
const (
	Literal  Op = iota // Value
	Field              // the property Name of the row; "a/b" is b of the entity that a leads to, and null where there is none
	Variable           // the member that the enclosing Any or All with the same Name looks at

	Eq
	Ne
	Lt // of two Numbers, Strings, Booleans (false first), Enums (as Members stand), or equal kinds of time
	Le
	Gt
	Ge
	In // Args[0] equals one of the others; where Args[1] is a collection, one of its members

	And // of two or more
	Or  // of two or more
	Not

	Negate // -x
	Add    // of equal Kind and Scale, or an Instant and a Duration; an Instant out of its range is null
	Sub    // as Add; also of two Instants
	Mul    // of int64s
	Div    // of int64s, cut towards zero; by zero it is null
	Mod    // of int64s, with the sign of the first; by zero it is null

	StartsWith // Args[0] starts with Args[1]
	EndsWith
	Contains  // of two Strings
	ToLower   // each character for itself, as unicode.ToLower does
	ToUpper   // as unicode.ToUpper
	Trim      // without the white space of Unicode at both ends
	Length    // in characters
	IndexOf   // characters before the first Args[1] in Args[0], or -1
	Substring // of Args[0], from character Args[1] on, Args[2] characters if given; negative numbers are 0
	Concat    // of two Strings

	Year // of an Instant or a Date
	Month
	Day
	Hour // of an Instant or a TimeOfDay
	Minute
	Second
	DateOf // the Date of an Instant
	TimeOf // the TimeOfDay of an Instant

	Any   // some member of the collection Args[0] makes Args[1] true; without Args[1], there is a member
	All   // every member of the collection Args[0] makes Args[1] true
	Count // the number of members of the collection Args[0]
)

// Expr is a typed expression.
type Expr struct {
	Op    Op
	Type  Type
	Args  []*Expr
	Name  string // of a Field, a Variable, an Any or an All
	Value any    // of a Literal
}

// Key is something to sort by. Nulls come first, and last where it descends.
type Key struct {
	Expr       *Expr
	Descending bool
}

// Page asks for one page of a list.
type Page struct {
	Filter *Expr    // nil wants every row
	Order  []Key    // rows that are equal in these are sorted by the list's own key
	With   []string // what rows leave out unless it is wanted: large properties, and navigations
	After  []any    // [Rows.Last] of the page before; nil for the first page
	Skip   int      // rows to pass over first
	Limit  int      // most rows; 0 wants none
	Budget int      // bytes of text and content: the page ends with the row that exceeds it
	Count  bool     // whether the number of all rows that Filter wants is asked for
}

// Wants tells whether name is among With.
func (p *Page) Wants(name string) bool { return slices.Contains(p.With, name) }

// Rows is one page of a list.
type Rows[T any] struct {
	Rows  []T
	Last  []any // where the page ended, if more rows follow: an int64, a string or nil for each key; else nil
	Total int64 // the number of all rows that the filter wants, or -1 where it was not asked for
}
