package odata

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Limits of a query: its length in bytes as sent, and the names in one list.
const (
	maxQuery = 8192
	maxNames = 64
)

// Option is the name of a system query option, with its $.
type Option string

// The options that are parsed here.
const (
	OptionSelect    Option = "$select"
	OptionExpand    Option = "$expand"
	OptionTop       Option = "$top"
	OptionCount     Option = "$count"
	OptionSkipToken Option = "$skiptoken"
)

// Query holds the query options of a request, parsed.
type Query struct {
	Select    []string // as given, "*" included; nil where it was not
	Expand    []string // navigation properties
	Top       int      // -1 where it was not given
	Count     bool
	SkipToken string
}

// ParseQuery reads the query part of a URL as it was sent. Options may be
// written with or without their $, as Graph beta allows. An option that is not
// among the allowed ones is refused, never ignored; so is one given twice.
func ParseQuery(raw string, allowed ...Option) (Query, error) {
	query := Query{Top: -1}
	if len(raw) > maxQuery {
		return query, badRequest("", "The query has %d bytes; at most %d are read.", len(raw), maxQuery)
	}
	seen := map[Option]bool{}
	for position := 0; position < len(raw); {
		part, _, _ := strings.Cut(raw[position:], "&")
		if part != "" {
			if err := query.parseOption(part, position, allowed, seen); err != nil {
				return query, err
			}
		}
		position += len(part) + 1
	}
	return query, nil
}

func (q *Query) parseOption(part string, position int, allowed []Option, seen map[Option]bool) error {
	rawName, rawValue, _ := strings.Cut(part, "=")
	name, errName := url.QueryUnescape(rawName)
	value, errValue := url.QueryUnescape(rawValue)
	if errName != nil || errValue != nil {
		return badRequest(rawName, "The query is not percent-encoded correctly at position %d: %s.", position, quote(part))
	}
	option := Option("$" + strings.TrimPrefix(name, "$"))
	switch {
	case option == "$":
		return badRequest("", "The query option at position %d has no name. Between double quotes a shell takes $top "+
			"for a variable of its own: use single quotes, or write top.", position)
	case !slices.Contains(allowed, option):
		return badRequest(name, "The query option %s at position %d is not supported here; %s.",
			quote(name), position, supported(allowed))
	case seen[option]:
		return badRequest(name, "The query option %s is given again at position %d.", option, position)
	}
	seen[option] = true
	if err := q.set(option, value); err != "" {
		return badRequest(string(option), "The query option %s at position %d %s, not %s.",
			option, position, err, quote(value))
	}
	return nil
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

// set gives "" or what the option's value must be.
func (q *Query) set(option Option, value string) (must string) {
	switch option {
	case OptionSelect:
		q.Select, must = names(value)
	case OptionExpand:
		q.Expand, must = names(value)
	case OptionSkipToken:
		q.SkipToken = value
		if value == "" {
			return "must be the token of an @odata.nextLink"
		}
	case OptionCount:
		q.Count = value == "true"
		if value != "true" && value != "false" {
			return "must be true or false"
		}
	case OptionTop:
		n, err := strconv.ParseInt(value, 10, 32)
		if err != nil || n < 0 || value[0] == '+' || value[0] == '-' {
			return "must be an integer from 0 to 2147483647"
		}
		q.Top = int(n)
	}
	return must
}

// names reads a comma-separated list of names.
func names(value string) (list []string, must string) {
	for name := range strings.SplitSeq(value, ",") {
		name = strings.TrimSpace(name)
		if name == "" || strings.ContainsAny(name, "()/;= ") && name != "*" || len(list) == maxNames {
			return nil, "must list at most 64 plain names, separated by commas"
		}
		list = append(list, name)
	}
	return list, ""
}
