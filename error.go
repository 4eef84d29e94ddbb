package plimsoll

import (
	"errors"
	"fmt"
	"time"
)

// Code says what kind of refusal an [Error] is. Callers branch on it; each
// surface maps it to its own answer once.
type Code string

// The codes.
const (
	Invalid            Code = "invalid"            // a value that can never be accepted
	Unauthenticated    Code = "unauthenticated"    // no credential, or one that does not hold
	Forbidden          Code = "forbidden"          // a caller who may not do this
	NotFound           Code = "notFound"           // no such thing, now
	Conflict           Code = "conflict"           // the state of the thing forbids it
	PreconditionFailed Code = "preconditionFailed" // the thing changed since the caller read it
	TooManyRequests    Code = "tooManyRequests"    // more than can be taken on; come back
	Unavailable        Code = "unavailable"        // something this depends on is away; come back
	Damaged            Code = "damaged"            // what is stored cannot be read as it was written
	Internal           Code = "internal"           // a fault of ours
)

// Error is a refusal. Nothing was changed when one is returned.
type Error struct {
	Code       Code
	Message    string        // what is wrong and what to do, for the caller's eyes
	Property   string        // the property at fault, "" if it is none
	RetryAfter time.Duration // when to come back, for TooManyRequests and Unavailable
	Err        error         // the cause, for the log only; may be nil
}

// Error gives the message, and the cause behind it.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Message + ": " + e.Err.Error()
	}
	return e.Message
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrorCode gives the code of the [Error] in err's chain: "" for nil and
// [Internal] for an error of any other type.
func ErrorCode(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return Internal
}

// Errorf makes an Error with a formatted message.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Invalidf makes an [Invalid] Error that names the property at fault.
func Invalidf(property, format string, args ...any) *Error {
	return &Error{Code: Invalid, Property: property, Message: fmt.Sprintf(format, args...)}
}
