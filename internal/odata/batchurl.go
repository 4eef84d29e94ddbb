package odata

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"
)

// roots are the URLs by which a service is called.
type roots []*url.URL

func parseRoots(texts []string) (roots, error) {
	own := make(roots, len(texts))
	for i, text := range texts {
		root, err := url.Parse(strings.TrimSuffix(text, "/"))
		if err != nil {
			return nil, fmt.Errorf("the root of a service: %w", err)
		}
		own[i] = root
	}
	return own, nil
}

// relative gives the one form of a request's URL: path and query below the
// root, with what must be percent-encoded so. Accepted are all forms of OData
// Protocol 4.01, section 11.7.7.1, and Graph's, which begins with a slash and
// means the root. Else it says what is wrong.
func (own roots) relative(raw string) (relative, fault string) {
	if strings.ContainsFunc(raw, unicode.IsControl) {
		return "", "holds a control character"
	}
	if strings.Contains(raw, "#") {
		return "", "holds a #, which begins a fragment; in a name or value it is written %23"
	}
	u, err := url.Parse(encode(raw))
	if err != nil || raw == "" {
		return "", "is no URL (a colon in its first segment, and a % anywhere, must be percent-encoded)"
	}
	path := u.EscapedPath()
	switch absolute := u.Scheme != "" || strings.HasPrefix(raw, "//"); {
	case absolute:
		below, isOwn := own.below(path, u)
		if !isOwn || u.User != nil {
			return "", "is not a URL of this service"
		}
		path = below
	case strings.HasPrefix(path, "/"):
		if below, isOwn := own.below(path, nil); isOwn {
			path = below
		}
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	// What reads the URL next must not take its path for a host.
	if strings.HasPrefix(path, "//") {
		return "", "holds an empty segment"
	}
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	return path, ""
}

// below cuts a root's path from path; the host must be that root's where u gives one.
func (own roots) below(path string, u *url.URL) (string, bool) {
	for _, root := range own {
		if u != nil && (u.Scheme != root.Scheme || !sameHost(root, u.Host)) {
			continue
		}
		rest, found := strings.CutPrefix(path, root.EscapedPath())
		if found && (rest == "" || rest[0] == '/') {
			return rest, true
		}
	}
	return "", false
}

func (own roots) haveHost(host string) bool {
	for _, root := range own {
		if sameHost(root, host) {
			return true
		}
	}
	return false
}

// sameHost compares hosts without regard to case (RFC 3986, section 3.2.2) and
// to whether the scheme's own port is written.
func sameHost(root *url.URL, host string) bool {
	port := ":443"
	if root.Scheme == "http" {
		port = ":80"
	}
	return strings.EqualFold(strings.TrimSuffix(root.Host, port), strings.TrimSuffix(host, port))
}

// encode percent-encodes what no URL may hold (RFC 3986, section 2). Clients
// leave the spaces of a $filter as they are, as Graph's own examples do.
func encode(raw string) string {
	const upper = "0123456789ABCDEF"
	if strings.IndexFunc(raw, isNeverInURL) < 0 {
		return raw
	}
	var b strings.Builder
	for i := range len(raw) {
		if c := raw[i]; isNeverInURL(rune(c)) {
			b.Write([]byte{'%', upper[c>>4], upper[c&15]})
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func isNeverInURL(r rune) bool {
	return r <= ' ' || r > '~' || strings.ContainsRune("\"<>\\^`{|}", r)
}

// cutSegment takes the first segment, decoded, from a URL in the one form.
func cutSegment(relative string) (segment, rest string) {
	raw := relative[1:]
	if end := strings.IndexAny(raw, "/?"); end >= 0 {
		raw, rest = raw[:end], raw[end:]
	}
	segment, _ = url.PathUnescape(raw) // which was done before, when the URL was parsed
	return segment, rest
}

// referenced gives the id that a first segment refers to. The names of system
// resources win over ids (OData Protocol 4.01, section 11.7.4).
func referenced(segment string) (id string, isReference bool) {
	id, isReference = strings.CutPrefix(segment, "$")
	switch name, _, _ := strings.Cut(id, "("); name {
	case "metadata", "batch", "crossjoin", "all", "entity", "root", "id":
		return "", false
	}
	return id, isReference
}
