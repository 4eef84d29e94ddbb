// Package odata is the wire protocol: entity model, JSON, query options, paths
// and paging as OData 4.01 and Microsoft Graph use them. It knows no device and
// no HTTP server: it turns text into typed values and back, and says precisely
// what is wrong with text that it refuses.
//
// An entity type is declared once, property by property; the declaration drives
// parsing, writing, $select and $metadata.
package odata

import "fmt"

// Kind says which sort of refusal an [Error] is.
type Kind int

// The kinds, each with the HTTP status (RFC 9110, section 15) that fits it.
const (
	BadRequest           Kind = 400
	NotFound             Kind = 404
	NotAcceptable        Kind = 406
	UnsupportedMediaType Kind = 415
)

// Error refuses a request for its form. Its message is for the client: it names
// what is at fault, where, and what would be right.
type Error struct {
	Kind    Kind
	Message string
	Target  string // the member, option or header at fault
}

// Error gives the message.
func (e *Error) Error() string { return e.Message }

func badRequest(target, format string, args ...any) *Error {
	return &Error{Kind: BadRequest, Target: target, Message: fmt.Sprintf(format, args...)}
}

// quote shortens hostile text for a message.
func quote(text string) string {
	const most = 64
	if len(text) > most {
		return fmt.Sprintf("%.*q…", most, text)
	}
	return fmt.Sprintf("%q", text)
}
