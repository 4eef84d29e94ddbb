package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// print shows value as JSON where --json asks for it, and as people read it
// otherwise.
func (a *app) print(value any, text string) error {
	if a.JSON {
		encoder := json.NewEncoder(a.stdout)
		encoder.SetEscapeHTML(false)
		return encoder.Encode(value)
	}
	_, err := fmt.Fprint(a.stdout, text)
	return err
}

// table lays rows out in columns under a heading.
func table(rows ...[]string) string {
	var text strings.Builder
	columns := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i := range row {
			row[i] = strings.Map(printable, row[i])
		}
		fmt.Fprintln(columns, strings.Join(row, "\t"))
	}
	_ = columns.Flush() // a strings.Builder takes everything
	return text.String()
}

// printable replaces what would command the terminal: texts come from devices.
func printable(r rune) rune {
	if unicode.IsControl(r) {
		return unicode.ReplacementChar
	}
	return r
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
