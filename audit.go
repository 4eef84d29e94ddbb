package plimsoll

import (
	"strings"
	"time"
)

// AuditEvent says who changed what, and when. It is stored in the transaction
// of the change itself, so that there is never one without the other.
type AuditEvent struct {
	ID         int64 // given by the store: a later event has a higher one
	At         time.Time
	Actor      string // the client or user of the token, or "command line"
	ActorName  string // of a client that there is; where it is asked for
	UserName   string // of a user that there is; where it is asked for
	Activity   string // such as "deviceComplianceScript.create"
	ObjectID   string // of two things, "script:device"
	ObjectName string // of a thing that there is and that has one, but for devices; where it is asked for
}

// AuditedObject is a thing that an event was about.
type AuditedObject struct{ Type, ID, Name string }

// Operation gives what kind of change it was, in Graph's words: Create, Patch,
// Delete, or Action for all else.
func (e *AuditEvent) Operation() string {
	switch _, operation, _ := strings.Cut(e.Activity, "."); operation {
	case "create":
		return "Create"
	case "update":
		return "Patch"
	case "delete", "unenroll", "revoke":
		return "Delete"
	default:
		return "Action"
	}
}

// Objects gives what the event was about: the thing, or where it was about what a
// script has to do with a device, the two.
func (e *AuditEvent) Objects() []AuditedObject {
	kind, _, _ := strings.Cut(e.Activity, ".")
	if scriptID, deviceID, both := ParseRunStateID(e.ObjectID); both {
		return []AuditedObject{{Type: "deviceComplianceScript", ID: scriptID}, {Type: "managedDevice", ID: deviceID}}
	}
	return []AuditedObject{{kind, e.ObjectID, e.ObjectName}}
}
