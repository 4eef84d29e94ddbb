package odata

import (
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a path: its length in bytes as sent, and its segments.
const (
	maxPath     = 2048
	maxSegments = 16
)

// ParsePath splits a percent-encoded path into its decoded segments. A key may
// stand as a segment, scripts/1, or in parentheses, scripts('1') (OData 4.01 URL
// Conventions, section 4.3); the latter comes back in its quotes, ["scripts",
// "'1'"], so that it is never taken for a name. The parentheses of a function are
// dropped, and what stands in them is given as arguments: parametersOf tells
// functions by their names, and what they take. One slash at the end is tolerated.
func ParsePath(
	escaped string, parametersOf func(name string) (parameters []string, isFunction bool),
) (segments []string, arguments map[string]string, err error) {
	if len(escaped) > maxPath {
		return nil, nil, notServed()
	}
	escaped = strings.TrimSuffix(strings.TrimPrefix(escaped, "/"), "/")
	if escaped == "" {
		return nil, nil, nil
	}
	for part := range strings.SplitSeq(escaped, "/") {
		text, err := url.PathUnescape(part)
		if err != nil || !canStand(text) || len(segments) >= maxSegments {
			return nil, nil, notServed()
		}
		if text[0] == '\'' { // so begins a key alone, in its parentheses
			return nil, nil, notServed()
		}
		name, inner, _ := strings.Cut(text, "(")
		if parameters, isFunction := parametersOf(name); isFunction && name != text {
			if arguments, err = splitArguments(name, inner, parameters); err != nil {
				return nil, nil, err
			}
			segments = append(segments, name)
			continue
		}
		if strings.HasSuffix(text, "()") {
			return nil, nil, notServed()
		}
		name, key, hasKey, err := splitKey(text)
		if err != nil {
			return nil, nil, err
		}
		segments = append(segments, name)
		if hasKey {
			segments = append(segments, "'"+key+"'")
		}
	}
	return segments, arguments, nil
}

// splitArguments reads what stands in a function's parentheses: name=value, with
// commas between (OData 4.01 URL Conventions, section 4.5.3). Values are literals
// without quotes.
func splitArguments(function, inner string, parameters []string) (map[string]string, error) {
	inner, closed := strings.CutSuffix(inner, ")")
	if inner == "" && closed {
		return nil, nil
	}
	arguments := map[string]string{}
	for item := range strings.SplitSeq(inner, ",") {
		name, value, _ := strings.Cut(item, "=")
		if _, twice := arguments[name]; twice || !closed || value == "" || !slices.Contains(parameters, name) {
			takes := "nothing"
			if len(parameters) > 0 {
				takes = strings.Join(parameters, "=…,") + "=…"
			}
			return nil, badRequest(function, "%s takes %s in its parentheses, not %s.", function, takes, quote(inner))
		}
		arguments[name] = value
	}
	return arguments, nil
}

// canStand tells whether text can be a segment: dots are steps and not names,
// and no name or key holds control characters, which a database may choke on.
func canStand(text string) bool {
	return text != "" && text != "." && text != ".." &&
		utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

func notServed() error {
	return &Error{Kind: NotFound, Message: "Nothing can stand at this path."}
}

// splitKey takes the parentheses from a segment such as scripts('it”s').
func splitKey(segment string) (name, key string, hasKey bool, err error) {
	name, rest, found := strings.Cut(segment, "(")
	if !found || name == "" {
		return segment, "", false, nil
	}
	inner, closed := strings.CutSuffix(rest, ")")
	inner = strings.TrimPrefix(inner, "id=")
	if !closed || len(inner) < 3 || inner[0] != '\'' || inner[len(inner)-1] != '\'' {
		return "", "", false, badRequest(name, "%s: a key stands in quotes, as in %s('…').", quote(segment), name)
	}
	quoted := inner[1 : len(inner)-1]
	if strings.Contains(strings.ReplaceAll(quoted, "''", ""), "'") {
		return "", "", false, badRequest(name, "%s: a quote in a key is doubled.", quote(segment))
	}
	key = strings.ReplaceAll(quoted, "''", "'")
	if !canStand(name) || !canStand(key) {
		return "", "", false, notServed()
	}
	return name, key, true, nil
}
