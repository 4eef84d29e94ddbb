package odata

import (
	"slices"
	"strings"
)

// AppendRecord writes a record of CSV (RFC 4180), with the CRLF that ends it. What
// a spreadsheet would take for a formula has an apostrophe before it, which says
// that it is text.
func AppendRecord(dst []byte, cells ...string) []byte {
	for i, cell := range cells {
		if i > 0 {
			dst = append(dst, ',')
		}
		cell = asText(cell)
		if !strings.ContainsAny(cell, "\",\r\n") {
			dst = append(dst, cell...)
			continue
		}
		dst = append(dst, '"')
		dst = append(dst, strings.ReplaceAll(cell, `"`, `""`)...)
		dst = append(dst, '"')
	}
	return append(dst, '\r', '\n')
}

// asText puts an apostrophe before each sign that begins a formula where a cell may
// begin: at the start, and behind what ends a cell where a spreadsheet cuts at
// semicolons or tabs, as it does in much of Europe, and so takes no quote for one.
// OWASP's "CSV Injection" has the signs, of full width too.
func asText(cell string) string {
	const signs, ends = "=+-@＝＋－＠", "\t\r\n;"
	var safe strings.Builder
	written, begins := 0, true
	for i, c := range cell {
		if begins && strings.ContainsRune(signs, c) || i == 0 && strings.ContainsRune(ends, c) {
			safe.WriteString(cell[written:i] + "'")
			written = i
		}
		begins = strings.ContainsRune(ends, c) || begins && c == '"' // which may be taken for a quote there
	}
	safe.WriteString(cell[written:])
	return safe.String()
}

// Selected gives the properties that a selection wants, in the order in which
// they are declared.
func (t *EntityType[T]) Selected(selection *Selection) (selected []*Property[T]) {
	for i := range t.Properties[:t.own] {
		if selection.has(i) {
			selected = append(selected, &t.Properties[i])
		}
	}
	return selected
}

// Cell gives the property of v as a cell of a table: its bare value, "" for null,
// and a collection as JSON.
func (p *Property[T]) Cell(v *T) string {
	if p.raw == nil {
		return string(p.Append(nil, v))
	}
	return string(p.Raw(v))
}

// Gives tells whether an option was given.
func (q *Query) Gives(option Option) bool {
	return slices.ContainsFunc(q.given, func(o givenOption) bool { return o.name == option })
}

// Has tells whether $select was given a name.
func (s *Selection) Has(name string) bool {
	return slices.Contains(s.names, name)
}
