package httpapi

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"

	"plimsoll"
)

// maxDiscard is how much is read of a body beyond what may be too much: a client
// that is still sending when its connection closes may never see the answer, and
// so is let come to its end, within reason.
const maxDiscard = 16 << 20

// ReadBody reads a body of at most limit bytes, plain or gzipped, and at most
// limit bytes unpacked. Kiota's clients may label plain JSON as gzip after a
// 429, so that the bytes decide and not the label.
func ReadBody(r *http.Request, limit int64) ([]byte, error) {
	switch strings.ToLower(r.Header.Get("Content-Encoding")) {
	case "", "identity", "gzip":
	default:
		return nil, &Failure{
			Status: http.StatusUnsupportedMediaType, Target: "Content-Encoding",
			Message: "Content-Encoding must be gzip, or left out.",
		}
	}
	if r.ContentLength > limit { // nothing of it needs to be kept
		_, _ = io.CopyN(io.Discard, r.Body, limit+maxDiscard)
		return nil, tooLarge(limit)
	}
	sent := &io.LimitedReader{R: r.Body, N: limit + 1}
	body, err := unpack(bufio.NewReader(sent), limit)
	if sent.N == 0 || int64(len(body)) > limit {
		_, _ = io.CopyN(io.Discard, r.Body, maxDiscard)
		return nil, tooLarge(limit)
	}
	if err != nil {
		err = plimsoll.Errorf(plimsoll.Invalid, "The body could not be read to its end; send it whole, and gzip it correctly or not at all.")
	}
	return body, err
}

func tooLarge(limit int64) error {
	return &Failure{
		Status:  http.StatusRequestEntityTooLarge,
		Message: fmt.Sprintf("The body is larger than the %d bytes that are read here.", limit),
	}
}

func unpack(packed *bufio.Reader, limit int64) ([]byte, error) {
	if magic, _ := packed.Peek(2); string(magic) != "\x1f\x8b" { // RFC 1952, section 2.3.1
		return io.ReadAll(packed)
	}
	unzipped, err := gzip.NewReader(packed)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(unzipped, limit+1))
}

// BearerToken gives the token of RFC 6750, section 2.1, or "".
func BearerToken(header http.Header) string {
	scheme, token, _ := strings.Cut(header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
