// Package httpapi is what the HTTP surfaces here do alike: how a refusal of the
// domain goes over the wire, how a body is read, and where a token stands.
package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"plimsoll"
)

// Failure is a refusal as it goes over the wire.
type Failure struct {
	Status     int
	Message    string
	Target     string // what is at fault, "" if it is nothing by a name
	RetryAfter time.Duration
	Allow      []string // for 405
}

// Error gives the message.
func (f *Failure) Error() string { return f.Message }

// Code gives what clients branch on. Each status has one code, that of its name
// but for those that Graph calls otherwise.
func (f *Failure) Code() string {
	switch f.Status {
	case http.StatusUnauthorized:
		return "InvalidAuthenticationToken"
	case http.StatusNotFound:
		return "ResourceNotFound"
	default:
		return strings.ReplaceAll(http.StatusText(f.Status), " ", "")
	}
}

// SetHeader sets the headers that tell what would be right, and when.
func (f *Failure) SetHeader(header http.Header) {
	if f.Allow != nil {
		header.Set("Allow", strings.Join(f.Allow, ", "))
	}
	if f.RetryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(int((f.RetryAfter+time.Second-1)/time.Second)))
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

// Explain turns any error into what goes over the wire. What is not a refusal is
// a fault of ours, of which the client learns nothing but the request's id.
func Explain(err error) *Failure {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f
	}
	e, refused := errors.AsType[*plimsoll.Error](err)
	switch {
	case refused && statusOf(e.Code) != http.StatusInternalServerError:
		return &Failure{Status: statusOf(e.Code), Message: e.Message, Target: e.Property, RetryAfter: e.RetryAfter}
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return &Failure{
			Status: http.StatusServiceUnavailable, RetryAfter: time.Second,
			Message: "The request ended before its answer was ready.",
		}
	default:
		return &Failure{
			Status:  http.StatusInternalServerError,
			Message: "Something went wrong here. The request-id leads to it in the log.",
		}
	}
}
