package odata

import (
	"net/url"
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
// "'1'"], so that it is never taken for a name. The empty parentheses of a
// function, which isFunction tells by its name, are dropped; nothing else has any. One slash at the end is tolerated.
func ParsePath(escaped string, isFunction func(name string) bool) ([]string, error) {
	if len(escaped) > maxPath {
		return nil, notServed()
	}
	escaped = strings.TrimSuffix(strings.TrimPrefix(escaped, "/"), "/")
	if escaped == "" {
		return nil, nil
	}
	var segments []string
	for part := range strings.SplitSeq(escaped, "/") {
		text, err := url.PathUnescape(part)
		if err != nil || !canStand(text) || len(segments) >= maxSegments {
			return nil, notServed()
		}
		if text[0] == '\'' { // so begins a key alone, in its parentheses
			return nil, notServed()
		}
		name, called := strings.CutSuffix(text, "()")
		if called && !isFunction(name) {
			return nil, notServed()
		}
		name, key, hasKey, err := splitKey(name)
		if err != nil {
			return nil, err
		}
		segments = append(segments, name)
		if hasKey {
			segments = append(segments, "'"+key+"'")
		}
	}
	return segments, nil
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
