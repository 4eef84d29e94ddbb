package odata

import (
	"net/url"
	"strings"
)

// Limits of a path: its length in bytes as sent, and its segments.
const (
	maxPath     = 2048
	maxSegments = 16
)

// ParsePath splits a percent-encoded path into its decoded segments. Keys
// may stand in parentheses, scripts('1'), or as segments, scripts/1: both give
// ["scripts", "1"] (OData 4.01 URL Conventions, section 4.3). The empty
// parentheses of a function are dropped. One slash at the end is tolerated.
func ParsePath(escaped string) ([]string, error) {
	if len(escaped) > maxPath {
		return nil, &Error{Kind: NotFound, Message: "The path is longer than any that is served."}
	}
	escaped = strings.TrimSuffix(strings.TrimPrefix(escaped, "/"), "/")
	if escaped == "" {
		return nil, nil
	}
	var segments []string
	for part := range strings.SplitSeq(escaped, "/") {
		text, err := url.PathUnescape(part)
		if err != nil || text == "" || text == "." || text == ".." || len(segments) >= maxSegments {
			return nil, &Error{Kind: NotFound, Message: "Nothing is served at this path."}
		}
		name, key, hasKey, err := splitKey(text)
		if err != nil {
			return nil, err
		}
		segments = append(segments, name)
		if hasKey {
			segments = append(segments, key)
		}
	}
	return segments, nil
}

// splitKey takes the parentheses from a segment such as scripts('it”s').
func splitKey(segment string) (name, key string, hasKey bool, err error) {
	name, rest, found := strings.Cut(segment, "(")
	if !found || name == "" {
		return segment, "", false, nil
	}
	inner, closed := strings.CutSuffix(rest, ")")
	if closed && inner == "" {
		return name, "", false, nil
	}
	inner = strings.TrimPrefix(inner, "id=")
	if !closed || len(inner) < 3 || inner[0] != '\'' || inner[len(inner)-1] != '\'' {
		return "", "", false, badRequest(name, "%s: a key stands in quotes, as in %s('…').", quote(segment), name)
	}
	key = strings.ReplaceAll(inner[1:len(inner)-1], "''", "\x00")
	if strings.Contains(key, "'") {
		return "", "", false, badRequest(name, "%s: a quote in a key is doubled.", quote(segment))
	}
	key = strings.ReplaceAll(key, "\x00", "'")
	if key == "." || key == ".." {
		return "", "", false, &Error{Kind: NotFound, Message: "Nothing is served at this path."}
	}
	return name, key, true, nil
}
