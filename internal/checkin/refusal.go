package checkin

import (
	"net/http"
	"time"

	"plimsoll"
	"plimsoll/internal/httpapi"
)

const (
	maxEnroll  = 64 << 10
	maxCheckIn = 16 << 20 // 100 results with 32 KiB of output and of error, and escapes
)

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

func bodyOf(f *httpapi.Failure, requestID string, now time.Time) *errorBody {
	return &errorBody{errorDetail{
		Code: f.Code(), Message: f.Message, Target: f.Target,
		Inner: innerError{Date: now.UTC().Format("2006-01-02T15:04:05"), RequestID: requestID},
	}}
}

func notServed() error {
	return plimsoll.Errorf(plimsoll.NotFound, "Nothing is served at this path.")
}

// challenge is the WWW-Authenticate header of RFC 6750, section 3: it names an
// error only where a token was sent.
func challenge(header http.Header) string {
	if httpapi.BearerToken(header) == "" {
		return `Bearer realm="plimsoll-agent"`
	}
	return `Bearer realm="plimsoll-agent", error="invalid_token"`
}
