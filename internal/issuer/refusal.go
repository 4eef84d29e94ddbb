package issuer

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"net/http"
	"strconv"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"plimsoll"
)

// refusal is an error answer (RFC 6749 section 5.2). Its description repeats
// nothing that the client sent, and has none of the characters that section
// forbids, the double quote among them.
type refusal struct {
	status int
	header http.Header
	answer *oidc.Error
}

// Error says what the client is told.
func (e *refusal) Error() string { return e.answer.Error() }

func newRefusal(status int, answer *oidc.Error, description string) *refusal {
	answer.Description = description
	return &refusal{status: status, header: http.Header{}, answer: answer}
}

func (e *refusal) with(header, value string) *refusal {
	e.header.Set(header, value)
	return e
}

func invalidRequest(description string) error {
	return newRefusal(http.StatusBadRequest, oidc.ErrInvalidRequest(), description)
}

func invalidClient(description string) error {
	return newRefusal(http.StatusUnauthorized, oidc.ErrInvalidClient(), description).
		with("WWW-Authenticate", `Basic realm="plimsoll"`) // RFC 9110 section 15.5.2
}

// tryLater answers with the error code that RFC 6749 section 4.1.2.1 has for
// it; section 5.2 has none.
func tryLater(status int, e *plimsoll.Error) *refusal {
	return newRefusal(status, &oidc.Error{ErrorType: "temporarily_unavailable"}, e.Message).with("Retry-After", retryAfter(e))
}

func retryAfter(e *plimsoll.Error) string {
	return strconv.Itoa(max(1, int(math.Ceil(e.RetryAfter.Seconds()))))
}

// asRefusal maps any error to its answer. What is not a refusal already is a
// fault of ours, of which the client learns nothing more.
func asRefusal(err error) *refusal {
	if e, ok := errors.AsType[*refusal](err); ok {
		return e
	}
	if e, ok := errors.AsType[*plimsoll.Error](err); ok {
		switch e.Code {
		case plimsoll.TooManyRequests:
			return tryLater(http.StatusTooManyRequests, e)
		case plimsoll.Unavailable:
			return tryLater(http.StatusServiceUnavailable, e)
		}
	}
	return newRefusal(http.StatusInternalServerError, oidc.ErrServerError(), "The request failed for a reason that is in the server's log.")
}

// refuse writes the error's answer, and logs it.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the client has gone: nobody reads it, and nothing is wrong
	}
	e := s.logRefusal(w, r, err)
	noStore(w)
	writeJSON(w, e.status, e.answer)
}

// refuseOnPage is refuse for people.
func (s *Server) refuseOnPage(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return
	}
	e := s.logRefusal(w, r, err)
	err = s.show(w, e.status, "message.html", &page{
		Title: "This did not work", Problem: e.answer.Description, RequestID: w.Header().Get("request-id"),
	})
	if err != nil {
		s.Log.ErrorContext(r.Context(), "a page cannot be shown", "error", err)
	}
}

// logRefusal gives the error's answer, of which it writes the header.
func (s *Server) logRefusal(w http.ResponseWriter, r *http.Request, err error) *refusal {
	e := asRefusal(err)
	if e.status >= http.StatusInternalServerError {
		s.Log.ErrorContext(r.Context(), "token endpoints failed", "request_id", w.Header().Get("request-id"), "status", e.status, "error", err)
	} else {
		s.Log.InfoContext(r.Context(), "token endpoints refused", "request_id", w.Header().Get("request-id"), "status", e.status, "error", err)
	}
	maps.Copy(w.Header(), e.header)
	return e
}

// noStore keeps tokens, and what was said instead of one, out of every cache
// (RFC 6749 section 5.1).
func noStore(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}
