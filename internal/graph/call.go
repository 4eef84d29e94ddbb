package graph

import (
	"bufio"
	"compress/gzip"
	"io"
	"net/http"
	"strings"

	"plimsoll/internal/auth"
	"plimsoll/internal/odata"
	"plimsoll/internal/service"
)

// call is one request on its way to its answer.
type call struct {
	r               *http.Request
	base            string // such as https://host:8443/beta
	route           string // the pattern of its path, for logs and metrics
	requestID       string
	clientRequestID string
	bearer          string
	caller          auth.Principal
	query           odata.Query
	body            []byte
}

// answer is what an operation gives back.
type answer struct {
	status      int
	contentType string // "" without a body
	body        []byte
	location    string
	etag        string
	create      bool // the answer to a create
}

// maxDiscard is how much of a body that is too large is read all the same.
const maxDiscard = 16 << 20

// readBody reads a body of at most limit bytes, plain or gzipped, and at most
// limit bytes unpacked. Kiota's clients may label plain JSON as gzip after a
// 429, so that the bytes decide and not the label.
func readBody(r *http.Request, limit int64) ([]byte, error) {
	switch strings.ToLower(r.Header.Get("Content-Encoding")) {
	case "", "identity", "gzip":
	default:
		return nil, &odata.Error{
			Kind: odata.UnsupportedMediaType, Target: "Content-Encoding",
			Message: "Content-Encoding must be gzip, or left out.",
		}
	}
	sent := &io.LimitedReader{R: r.Body, N: limit + 1}
	body, err := unpack(bufio.NewReader(sent), limit)
	if sent.N == 0 || int64(len(body)) > limit {
		// A client that is still sending when its connection closes may never
		// see the answer: let it come to its end, within reason.
		_, _ = io.CopyN(io.Discard, r.Body, maxDiscard)
		return nil, tooLarge(limit)
	}
	return body, err
}

func unpack(packed *bufio.Reader, limit int64) ([]byte, error) {
	var plain io.Reader = packed
	if magic, _ := packed.Peek(2); string(magic) == "\x1f\x8b" { // RFC 1952, section 2.3.1
		unzipped, err := gzip.NewReader(packed)
		if err != nil {
			return nil, brokenBody(err)
		}
		plain = io.LimitReader(unzipped, limit+1)
	}
	body, err := io.ReadAll(plain)
	return body, brokenBody(err)
}

// brokenBody gives a body that ends early or does not unpack its 400.
func brokenBody(err error) error {
	if err == nil {
		return nil
	}
	return &odata.Error{Kind: odata.BadRequest, Message: "The body could not be read to its end; send it whole, and gzip it correctly or not at all."}
}

// scriptID gives the script that the path names. A key in parentheses stands
// there in its quotes.
func (c *call) scriptID() string {
	id := c.r.PathValue("id")
	if quoted, ok := strings.CutPrefix(id, "'"); ok {
		return strings.TrimSuffix(quoted, "'")
	}
	return id
}

// match gives the precondition of the If-Match header (RFC 9110, section
// 13.1.1), or nil where there is none.
func (c *call) match() (service.Match, error) {
	values := c.r.Header.Values("If-Match")
	if len(values) == 0 {
		return nil, nil
	}
	wanted := map[string]bool{}
	for tag := range strings.SplitSeq(strings.Join(values, ","), ",") {
		tag = strings.TrimSpace(tag)
		opaque := strings.TrimPrefix(tag, "W/")
		if tag != "*" && (len(opaque) < 2 || opaque[0] != '"' || opaque[len(opaque)-1] != '"') {
			return nil, &odata.Error{
				Kind: odata.BadRequest, Target: "If-Match",
				Message: `If-Match must be * or list entity tags as @odata.etag gives them, such as W/"3".`,
			}
		}
		wanted[strings.TrimPrefix(tag, "W/")] = true
	}
	return func(counter int64) bool {
		return wanted["*"] || wanted[strings.TrimPrefix(etag(counter), "W/")]
	}, nil
}

// bearerToken gives the token of RFC 6750, section 2.1, or "".
func bearerToken(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
