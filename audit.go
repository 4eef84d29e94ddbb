package plimsoll

import "time"

// AuditEvent says who changed what, and when. It is stored in the transaction
// of the change itself, so that there is never one without the other.
type AuditEvent struct {
	At       time.Time
	Actor    string // the client or user of the token, or "command line"
	Activity string // such as "deviceComplianceScript.create"
	ObjectID string
}
