package graph

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"plimsoll"
	"plimsoll/internal/odata"
)

// failure is a refusal as it goes over the wire.
type failure struct {
	status     int
	message    string
	target     string
	retryAfter time.Duration
	allow      []string // for 405
}

// Error gives the message.
func (f *failure) Error() string { return f.message }

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

// graphCode gives what clients branch on. Each status has one code, that of its
// name but for those that Graph calls otherwise.
func graphCode(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "InvalidAuthenticationToken"
	case http.StatusNotFound:
		return "ResourceNotFound"
	default:
		return strings.ReplaceAll(http.StatusText(status), " ", "")
	}
}

func methodNotAllowed(method string, allow []string) error {
	return &failure{
		status: http.StatusMethodNotAllowed, allow: allow,
		message: fmt.Sprintf("%.20q is not served at this path; these are: %s.", method, strings.Join(allow, ", ")),
	}
}

func tooLarge(limit int64) error {
	return &failure{
		status:  http.StatusRequestEntityTooLarge,
		message: fmt.Sprintf("The body is larger than the %d bytes that are read here.", limit),
	}
}

func notServed() error {
	return plimsoll.Errorf(plimsoll.NotFound, "Nothing is served at this path; /beta/$metadata lists what is, and names are case-sensitive. /v1.0 has only what Graph has there.")
}

// explain turns any error into what goes over the wire. What is not a refusal
// is a fault of ours, of which the client learns nothing but the request's id.
func explain(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	if e, ok := errors.AsType[*odata.Error](err); ok {
		return &failure{status: int(e.Kind), message: e.Message, target: e.Target}
	}
	e, refused := errors.AsType[*plimsoll.Error](err)
	switch {
	case refused && statusOf(e.Code) != http.StatusInternalServerError:
		return &failure{status: statusOf(e.Code), message: e.Message, target: e.Property, retryAfter: e.RetryAfter}
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return &failure{
			status: http.StatusServiceUnavailable, retryAfter: time.Second,
			message: "The request ended before its answer was ready.",
		}
	default:
		return &failure{
			status:  http.StatusInternalServerError,
			message: "Something went wrong here. The request-id leads to it in the log.",
		}
	}
}

// refuse writes err as Graph's error body, and logs what is ours to mend. r is
// the request as it came: the call's own has had its time.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, c *call, err error) {
	f := explain(err)
	header := w.Header()
	if left := errors.Is(r.Context().Err(), context.Canceled); f.status >= http.StatusInternalServerError && !left {
		a.log.ErrorContext(r.Context(), "request failed", "request_id", c.requestID,
			"method", r.Method, "route", c.route, "error", err)
	}
	if f.status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", challenge(c.bearer != "", f.message))
	}
	if f.allow != nil {
		header.Set("Allow", strings.Join(f.allow, ", "))
	}
	if f.retryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(int((f.retryAfter+time.Second-1)/time.Second)))
	}
	header.Set("Content-Type", odata.JSON)
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(f.status)
	_, _ = w.Write(c.errorBody(f, a.now())) //nolint:gosec // JSON, sent as such
}

// challenge is the WWW-Authenticate header of RFC 6750, section 3: it names an
// error only where a token was sent.
func challenge(sent bool, message string) string {
	if !sent {
		return `Bearer realm="plimsoll"`
	}
	printable := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, message)
	return fmt.Sprintf(`Bearer realm="plimsoll", error="invalid_token", error_description="%s"`, printable)
}

func (c *call) errorBody(f *failure, now time.Time) []byte {
	body := append(make([]byte, 0, 512), `{"error":{`...)
	body = appendTextMember(body, "code", graphCode(f.status))
	body = appendTextMember(body, "message", f.message)
	if f.target != "" {
		body = appendTextMember(body, "target", f.target)
	}
	body = odata.AppendMember(body, "innerError")
	body = append(body, '{')
	body = appendTextMember(body, "date", now.UTC().Format("2006-01-02T15:04:05"))
	body = appendTextMember(body, "request-id", c.requestID)
	body = appendTextMember(body, "client-request-id", c.clientRequestID)
	return append(body, "}}}"...)
}

func appendTextMember(dst []byte, name, text string) []byte {
	return odata.AppendText(odata.AppendMember(dst, name), text)
}
