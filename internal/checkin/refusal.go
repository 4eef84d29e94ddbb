package checkin

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"plimsoll"
)

const (
	maxEnroll  = 64 << 10
	maxCheckIn = 16 << 20 // 100 results with 32 KiB of output and of error, and escapes
	maxDiscard = 16 << 20 // how much of a body that is too large is read all the same
)

// failure is a refusal as it goes over the wire.
type failure struct {
	status     int
	message    string
	target     string
	retryAfter time.Duration
	allow      string // for 405
}

// Error gives the message.
func (f *failure) Error() string { return f.message }

// errorBody is Graph's error body.
type errorBody struct {
	Error errorDetail `json:"error"`
}

type errorDetail struct {
	Code    string     `json:"code"`
	Message string     `json:"message"`
	Target  string     `json:"target,omitempty"`
	Inner   innerError `json:"innerError"`
}

type innerError struct {
	Date      string `json:"date"`
	RequestID string `json:"request-id"`
}

func (f *failure) body(requestID string, now time.Time) *errorBody {
	return &errorBody{errorDetail{
		Code: codeOf(f.status), Message: f.message, Target: f.target,
		Inner: innerError{Date: now.UTC().Format("2006-01-02T15:04:05"), RequestID: requestID},
	}}
}

// codeOf gives what clients branch on: each status has one code.
func codeOf(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "InvalidAuthenticationToken"
	case http.StatusNotFound:
		return "ResourceNotFound"
	default:
		return strings.ReplaceAll(http.StatusText(status), " ", "")
	}
}

// statusOf maps the domain's codes to statuses (RFC 9110, section 15).
func statusOf(code plimsoll.Code) int {
	switch code {
	case plimsoll.Invalid:
		return http.StatusBadRequest
	case plimsoll.Unauthenticated:
		return http.StatusUnauthorized
	case plimsoll.Forbidden:
		return http.StatusForbidden
	case plimsoll.NotFound:
		return http.StatusNotFound
	case plimsoll.Conflict:
		return http.StatusConflict
	case plimsoll.PreconditionFailed:
		return http.StatusPreconditionFailed
	case plimsoll.TooManyRequests:
		return http.StatusTooManyRequests
	case plimsoll.Unavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// explain turns any error into what goes over the wire. What is not a refusal is
// a fault of ours, of which the agent learns nothing but the request's id.
func explain(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	e, refused := errors.AsType[*plimsoll.Error](err)
	switch {
	case refused && statusOf(e.Code) != http.StatusInternalServerError:
		return &failure{status: statusOf(e.Code), message: e.Message, target: e.Property, retryAfter: e.RetryAfter}
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return &failure{
			status: http.StatusServiceUnavailable, retryAfter: time.Second,
			message: "The request ended before its answer was ready; send it again.",
		}
	default:
		return &failure{
			status:  http.StatusInternalServerError,
			message: "Something went wrong here. The request-id leads to it in the log.",
		}
	}
}

func notServed() error {
	return plimsoll.Errorf(plimsoll.NotFound, "Nothing is served at this path.")
}

// challenge is the WWW-Authenticate header of RFC 6750, section 3: it names an
// error only where a token was sent.
func challenge(header http.Header) string {
	if bearerToken(header) == "" {
		return `Bearer realm="plimsoll-agent"`
	}
	return `Bearer realm="plimsoll-agent", error="invalid_token"`
}

// bearerToken gives the token of RFC 6750, section 2.1, or "".
func bearerToken(header http.Header) string {
	scheme, token, _ := strings.Cut(header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// readBody reads a body of at most limit bytes, plain or gzipped, and at most
// limit bytes unpacked.
func readBody(r *http.Request, limit int64) ([]byte, error) {
	switch strings.ToLower(r.Header.Get("Content-Encoding")) {
	case "", "identity", "gzip":
	default:
		return nil, &failure{
			status: http.StatusUnsupportedMediaType, target: "Content-Encoding",
			message: "Content-Encoding must be gzip, or left out.",
		}
	}
	sent := &io.LimitedReader{R: r.Body, N: limit + 1}
	body, err := unpack(bufio.NewReader(sent), limit)
	if sent.N == 0 || int64(len(body)) > limit {
		// A client that is still sending when its connection closes may never
		// see the answer: let it come to its end, within reason.
		_, _ = io.CopyN(io.Discard, r.Body, maxDiscard)
		return nil, &failure{
			status:  http.StatusRequestEntityTooLarge,
			message: fmt.Sprintf("The body is larger than the %d bytes that are read here.", limit),
		}
	}
	if err != nil {
		err = plimsoll.Errorf(plimsoll.Invalid, "The body could not be read to its end; send it whole, and gzip it correctly or not at all.")
	}
	return body, err
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
