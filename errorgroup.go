package plimsoll

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxLikeness is the longest likeness of errors, in characters.
	MaxLikeness = 200
	// MaxErrorsRead is how many bytes of an error are looked at.
	MaxErrorsRead = 1024
	// MaxErrorsCounted is how many errors of a script are grouped, the newest.
	MaxErrorsCounted = 20_000
	// MaxErrorGroups is how many groups are told, the largest.
	MaxErrorGroups = 200
)

// DeviceError is what a script that could not tell wrote on a device.
type DeviceError struct{ DeviceID, DeviceName, Text string }

// ErrorGroup is the errors that are alike.
type ErrorGroup struct {
	Text    string // what they have in common; "" where they wrote nothing
	Count   int64
	Example DeviceError // the first that was added
}

// ErrorGroups is the errors of a script, by likeness, the largest group first.
type ErrorGroups struct {
	Groups   []ErrorGroup
	Counted  int64 // how many errors were looked at
	Complete bool  // they are all that there are, and all their groups are here
}

// ErrorTally groups errors by likeness. The likeness of an error is its first
// line that says something, of at most [MaxLikeness] characters, in which
// placeholders stand for what differs between devices and runs: <time>, <guid>,
// <url>, <path>, <text> for what is quoted, <hex> and <number>. A number that is
// part of a word stays, as in E1042 or KB5034441: it is mostly a code.
type ErrorTally struct {
	differing *regexp.Regexp
	kinds     []string
	known     map[string]string // likenesses by text: many devices say the same
	groups    map[string]*ErrorGroup
	counted   int64
}

// NewErrorTally makes one that has no errors yet.
func NewErrorTally() *ErrorTally {
	// Of what begins at the same place, the first holds.
	patterns := [][2]string{
		{"tag", `</?\w+/?>`}, // which stays
		{"time", `\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?)?\b`},
		{"time", `\b\d{1,2}[/.]\d{1,2}[/.]\d{4}\b`},
		{"time", `\b\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?\b(?: ?[AaPp][Mm]\b)?`},
		{"guid", `\{?\b[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}\b\}?`},
		{"url", `\b[a-z][a-z0-9+.-]*://[^\s"'<>]+`},
		{"text", `"[^"]*"|\B'[^']*'\B|` + "`[^`']*[`']" + `|“[^”]*”|‘[^’]*’|«[^»]*»`},
		{"path", `\b[A-Za-z]:[\\/][^\s"'<>|:*?,;()]*|\\\\[^\s"'<>|:*?,;()]+|\B~?(?:/[\w.+@%~-]+)+/?`},
		{"hex", `\b0[xX][0-9A-Fa-f]+\b|\b[0-9A-Fa-f]{8,}\b`},
		{"number", `\b\d+(?:[.,]\d+)*`},
	}
	t := &ErrorTally{known: map[string]string{}, groups: map[string]*ErrorGroup{}}
	var all []string
	for _, p := range patterns {
		t.kinds, all = append(t.kinds, "<"+p[0]+">"), append(all, "("+p[1]+")")
	}
	t.differing = regexp.MustCompile(strings.Join(all, "|"))
	return t
}

// Likeness gives what an error has in common with those that are alike.
func (t *ErrorTally) Likeness(text string) string {
	line := firstLine(text)
	var likeness strings.Builder
	end := 0
	for _, match := range t.differing.FindAllStringSubmatchIndex(line, -1) {
		kind := 0
		for match[2*kind+2] < 0 {
			kind++
		}
		likeness.WriteString(line[end:match[0]])
		likeness.WriteString(placeholder(t.kinds[kind], line[match[0]:match[1]]))
		end = match[1]
	}
	likeness.WriteString(line[end:])
	return firstCharacters(likeness.String(), MaxLikeness)
}

// placeholder gives what stands for a text that was found to be of a kind. What
// looks like hexadecimal may be a plain number, or a word.
func placeholder(kind, found string) string {
	switch letters := strings.Trim(found, "0123456789"); {
	case kind == "<tag>":
		return found
	case kind != "<hex>":
		return kind
	case letters == "":
		return "<number>"
	case !strings.ContainsAny(found, "0123456789"):
		return found
	default:
		return kind
	}
}

// firstLine gives the first line that says something, with one space wherever
// there is white space, and without escape sequences of terminals (ECMA-48,
// section 5.4) and characters that show nothing.
func firstLine(text string) string {
	if len(text) > MaxErrorsRead {
		text = strings.ToValidUTF8(text[:MaxErrorsRead], "")
	}
	for line := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' || r == '\r' }) {
		shown := strings.Map(func(r rune) rune {
			switch {
			case unicode.IsSpace(r):
				return ' '
			case unicode.Is(unicode.C, r), r == utf8.RuneError:
				return -1
			default:
				return r
			}
		}, withoutEscapes(line))
		if shown = strings.Join(strings.Fields(shown), " "); shown != "" {
			return shown
		}
	}
	return ""
}

// withoutEscapes leaves out control sequences: ESC [, parameters, and a letter.
func withoutEscapes(line string) string {
	for {
		before, sequence, found := strings.Cut(line, "\x1b[")
		if !found {
			return line
		}
		rest := strings.TrimLeft(sequence, "0123456789:;<=>?!\"#$%&'()*+,-./ ")
		if rest != "" && rest[0] < utf8.RuneSelf {
			rest = rest[1:]
		}
		line = before + rest
	}
}

func firstCharacters(text string, most int) string {
	for i := range text {
		if most == 0 {
			return text[:i]
		}
		most--
	}
	return text
}

// Add counts an error.
func (t *ErrorTally) Add(e DeviceError) {
	likeness, known := t.known[e.Text]
	if !known {
		likeness = t.Likeness(e.Text)
		t.known[e.Text] = likeness
	}
	t.counted++
	if group := t.groups[likeness]; group != nil {
		group.Count++
		return
	}
	t.groups[likeness] = &ErrorGroup{Text: likeness, Count: 1, Example: e}
}

// Groups gives the groups. all is how many errors there are.
func (t *ErrorTally) Groups(all int64) ErrorGroups {
	groups := make([]ErrorGroup, 0, len(t.groups))
	for _, group := range t.groups {
		groups = append(groups, *group)
	}
	slices.SortFunc(groups, func(a, b ErrorGroup) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Text, b.Text))
	})
	told := groups[:min(len(groups), MaxErrorGroups)]
	return ErrorGroups{Groups: told, Counted: t.counted, Complete: t.counted >= all && len(told) == len(groups)}
}
