package graph

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"plimsoll"
	"plimsoll/internal/httpapi"
	"plimsoll/internal/odata"
)

func methodNotAllowed(method string, allow []string) error {
	return &httpapi.Failure{
		Status: http.StatusMethodNotAllowed, Allow: allow,
		Message: fmt.Sprintf("%.20q is not served at this path; these are: %s.", method, strings.Join(allow, ", ")),
	}
}

func notServed() error {
	return plimsoll.Errorf(plimsoll.NotFound, "Nothing is served at this path; /beta/$metadata lists what is, and names are case-sensitive. /v1.0 has the service document, $metadata, $batch and deviceManagement.")
}

// explain turns any error into what goes over the wire.
func explain(err error) *httpapi.Failure {
	if e, ok := errors.AsType[*odata.Error](err); ok {
		return &httpapi.Failure{Status: int(e.Kind), Message: e.Message, Target: e.Target}
	}
	return httpapi.Explain(err)
}

// refuse writes err as Graph's error body, and logs what is ours to mend. r is
// the request as it came: the call's own has had its time.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, c *call, err error) {
	f := explain(err)
	header := w.Header()
	if left := errors.Is(r.Context().Err(), context.Canceled); f.Status >= http.StatusInternalServerError && !left {
		a.log.ErrorContext(r.Context(), "request failed", "request_id", c.requestID,
			"method", r.Method, "route", c.route, "error", err)
	}
	if f.Status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", challenge(c.bearer != "", f.Message))
	}
	f.SetHeader(header)
	header.Set("Content-Type", odata.JSON)
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(f.Status)
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

func (c *call) errorBody(f *httpapi.Failure, now time.Time) []byte {
	body := append(make([]byte, 0, 512), `{"error":{`...)
	body = appendTextMember(body, "code", f.Code())
	body = appendTextMember(body, "message", f.Message)
	if f.Target != "" {
		body = appendTextMember(body, "target", f.Target)
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
