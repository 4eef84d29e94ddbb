package graph

import (
	"bufio"
	"compress/gzip"
	"errors"
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

// readBody reads a body of at most limit bytes, plain or gzipped, and at most
// limit bytes unpacked. Kiota's clients may label plain JSON as gzip after a
// 429, so that the bytes decide and not the label.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	switch strings.ToLower(r.Header.Get("Content-Encoding")) {
	case "", "identity", "gzip":
	default:
		return nil, &odata.Error{
			Kind: odata.UnsupportedMediaType, Target: "Content-Encoding",
			Message: "Content-Encoding must be gzip, or left out.",
		}
	}
	packed := bufio.NewReader(http.MaxBytesReader(w, r.Body, limit))
	body, err := unpack(packed, limit)
	if _, large := errors.AsType[*http.MaxBytesError](err); large || int64(len(body)) > limit {
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
	if _, large := errors.AsType[*http.MaxBytesError](err); err == nil || large {
		return err
	}
	return &odata.Error{Kind: odata.BadRequest, Message: "The body could not be read to its end; send it whole, and gzip it correctly or not at all."}
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
