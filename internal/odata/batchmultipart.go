package odata

import (
	"bytes"
	"cmp"
	"mime"
	"strconv"
	"strings"
)

// mixedReader reads a batch in multipart/mixed (OData Protocol 4.01, section 11.7.7.1).
type mixedReader struct {
	drafts     []draft
	changeSets int
}

func readMixed(body []byte, boundary string) ([]draft, error) {
	r := &mixedReader{}
	err := r.parts("parts", body, boundary, 0)
	return r.drafts, err
}

// parts reads the parts of a batch, or those of the change set numbered group.
func (r *mixedReader) parts(where string, body []byte, boundary string, group int) error {
	if len(boundary) == 0 || len(boundary) > maxBoundary {
		return refuse(where, "Content-Type must name a boundary of 1 to %d characters.", maxBoundary)
	}
	parts, closed := splitParts(body, boundary)
	if !closed {
		return refuse(where, "The line %s, which ends them, is missing.", quote("--"+boundary+"--"))
	}
	if len(parts) == 0 && group > 0 {
		return refuse(where, "A change set holds at least one request.")
	}
	for i, text := range parts {
		if err := r.part(at(where, i), text, group); err != nil {
			return err
		}
	}
	return nil
}

// splitParts cuts a body at its boundary (RFC 2046, section 5.1.1). What stands
// before the first part and after the last is passed over; bare line feeds end
// lines too. closed tells whether the closing line was there. Parts beyond those
// that a batch may hold are left out but for one.
func splitParts(body []byte, boundary string) (parts [][]byte, closed bool) {
	delimiter := []byte("--" + boundary)
	start := -1
	for rest := body; len(rest) > 0; {
		begin := len(body) - len(rest)
		line, next := cutLine(rest)
		tail, found := bytes.CutPrefix(bytes.TrimRight(line, " \t"), delimiter)
		last := string(tail) == "--"
		if rest = next; !found || len(tail) > 0 && !last {
			continue
		}
		if start >= 0 {
			// The end of the line before belongs to the boundary.
			part := bytes.TrimSuffix(body[start:begin], []byte("\n"))
			parts = append(parts, bytes.TrimSuffix(part, []byte("\r")))
		}
		if last || len(parts) > MaxBatch {
			return parts, true
		}
		start = len(body) - len(rest)
	}
	return nil, false
}

// cutLine takes a line, without its end, from text.
func cutLine(text []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(text, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), rest
}

func (r *mixedReader) part(where string, text []byte, group int) error {
	part := newDraft(where)
	content, err := part.readHeader(text)
	if err != nil {
		return err
	}
	if encoding := part.Header.Get("Content-Transfer-Encoding"); encoding != "" && !strings.EqualFold(encoding, "binary") {
		return part.refuse("headers.Content-Transfer-Encoding", "It must be binary, not %s.", quote(encoding))
	}
	given := part.Header.Get("Content-Type")
	media, params, _ := mime.ParseMediaType(given)
	switch {
	case media == "application/http":
		return r.request(where, part.Header.Get("Content-Id"), content, group)
	case media == Mixed && group > 0:
		return refuse(where, "A change set may not stand in a change set.")
	case media == Mixed:
		r.changeSets++
		return r.parts(where+".parts", content, params["boundary"], r.changeSets)
	}
	return part.refuse("headers.Content-Type", "It must be application/http, or multipart/mixed for a change set, not %s.", quote(given))
}

// request reads a request as HTTP/1.1 writes it (RFC 9112, section 2.1).
func (r *mixedReader) request(where, contentID string, text []byte, group int) (err error) {
	if len(r.drafts) == MaxBatch {
		return tooMany(where)
	}
	d := newDraft(where)
	d.Group = group
	line, rest := cutLine(bytes.TrimLeft(text, "\r\n")) // empty lines before it are passed over, by section 2.2
	method, target, _ := strings.Cut(string(line), " ")
	end := strings.LastIndexByte(target, ' ')
	if end < 0 || target[end+1:] != "HTTP/1.1" {
		return refuse(where, "The request must begin with a line such as \"GET /things HTTP/1.1\", not %s.", quote(string(line)))
	}
	d.Method, d.URL = method, strings.TrimSpace(target[:end])
	body, err := d.readHeader(rest)
	if err != nil {
		return err
	}
	if d.Body, err = d.measure(body); err != nil {
		return err
	}
	d.ID = cmp.Or(contentID, d.Header.Get("Content-Id"))
	if d.ID != "" {
		err = d.checkName("headers.Content-ID", d.ID)
	}
	r.drafts = append(r.drafts, d)
	return err
}

// readHeader reads header fields up to the empty line that ends them, or to the
// end where nothing follows them.
func (d *draft) readHeader(text []byte) (rest []byte, err error) {
	for lines := 0; len(text) > 0; lines++ {
		var line []byte
		if line, text = cutLine(text); len(line) == 0 {
			return text, nil
		}
		name, value, found := strings.Cut(string(line), ":")
		switch {
		case !found || !isToken(name): // a line that continues another too, which RFC 9112, section 5.2, has refused
			return nil, d.refuse("headers", "%s is no header field.", quote(string(line)))
		case lines == maxHeaders:
			return nil, d.refuse("headers", "There are more than %d.", maxHeaders)
		}
		if err = d.setHeader(name, value); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// measure cuts a body to its Content-Length, where it has one. Line ends alone
// are no body: clients write some after a request that has none.
func (d *draft) measure(body []byte) ([]byte, error) {
	length := d.Header.Get("Content-Length")
	if length == "" {
		if len(bytes.Trim(body, "\r\n")) == 0 {
			return nil, nil
		}
		return body, nil
	}
	n, err := strconv.ParseUint(length, 10, 31)
	if err != nil || n > uint64(len(body)) || len(bytes.Trim(body[n:], "\r\n")) > 0 {
		return nil, d.refuse("headers.Content-Length", "It is %s, and the body has %d bytes.", quote(length), len(body))
	}
	if n == 0 {
		return nil, nil
	}
	return body[:n], nil
}
