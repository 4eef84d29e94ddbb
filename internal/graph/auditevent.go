package graph

import (
	"strconv"
	"time"

	"plimsoll"
	"plimsoll/internal/auth"
	"plimsoll/internal/odata"
	"plimsoll/internal/query"
)

const (
	auditEventsName = "deviceManagement/auditEvents"
	auditEventsPath = "/" + auditEventsName
)

// auditEvent is an audit event as it goes over the wire.
type auditEvent struct {
	plimsoll.AuditEvent

	id, operation string
	actor         *plimsoll.AuditEvent
}

func shownAuditEvent(e plimsoll.AuditEvent) auditEvent {
	return auditEvent{e, strconv.FormatInt(e.ID, 10), e.Operation(), &e}
}

// auditActorType is who did it: a client of the issuer, by its name, or whom else
// a token or the command line stands for.
func auditActorType() *odata.EntityType[plimsoll.AuditEvent] {
	type event = plimsoll.AuditEvent
	isClient := func(e *event) bool { return e.ActorName != "" }
	isUser := func(e *event) bool { return e.UserName != "" }
	id := func(of func(*event) bool) func(*event) *string {
		return func(e *event) *string {
			if of(e) {
				return &e.Actor
			}
			return new("")
		}
	}
	user := func(e *event) *string {
		if isUser(e) {
			return &e.UserName
		}
		return id(func(e *event) bool { return !isClient(e) })(e) // whom a token of another provider names, or the command line
	}
	return odata.Declare(odata.EntityType[event]{
		Name: namespace + ".auditActor",
		Properties: []odata.Property[event]{
			odata.TextOrNull("applicationId", id(isClient)),
			odata.TextOrNull("applicationDisplayName", func(e *event) *string { return &e.ActorName }),
			odata.TextOrNull("userId", id(isUser)),
			odata.TextOrNull("userPrincipalName", user),
		},
	})
}

func auditResourceType() *odata.EntityType[plimsoll.AuditedObject] {
	type object = plimsoll.AuditedObject
	return odata.Declare(odata.EntityType[object]{
		Name: namespace + ".auditResource",
		Properties: []odata.Property[object]{
			odata.String("resourceId", func(o *object) *string { return &o.ID }),
			odata.String("type", func(o *object) *string { return &o.Type }),
			odata.TextOrNull("displayName", func(o *object) *string { return &o.Name }),
		},
	})
}

func auditEventType(actor *odata.EntityType[plimsoll.AuditEvent], resource *odata.EntityType[plimsoll.AuditedObject]) *odata.EntityType[auditEvent] {
	return odata.Declare(odata.EntityType[auditEvent]{
		Name: namespace + ".auditEvent", Base: namespace + ".entity",
		Key: func(e *auditEvent) string { return e.id },
		Properties: []odata.Property[auditEvent]{
			odata.String("id", func(e *auditEvent) *string { return &e.id }).ReadOnly(),
			odata.DateTimeOffset("activityDateTime", func(e *auditEvent) *time.Time { return &e.At }).ReadOnly(),
			odata.String("activity", func(e *auditEvent) *string { return &e.Activity }).ReadOnly().Searched(),
			odata.String("activityOperationType", func(e *auditEvent) *string { return &e.operation }).ReadOnly(),
			odata.String("displayName", func(e *auditEvent) *string { return &e.Activity }).ReadOnly(),
			// Ours: what a filter finds the events of a thing by.
			odata.String("resourceId", func(e *auditEvent) *string { return &e.ObjectID }).ReadOnly(),
			odata.Complex("actor", actor, func(e *auditEvent) **plimsoll.AuditEvent { return &e.actor }).ReadOnly(),
			odata.Complexes("resources", resource, func(e *auditEvent) []plimsoll.AuditedObject { return e.Objects() }),
		},
	})
}

// auditEvents is the set of who changed what.
func (a *API) auditEvents() *set[auditEvent] {
	return &set[auditEvent]{
		pattern: auditEventsPath, typ: a.model.auditEvent, access: access{reads: auth.ReadAudit()}, own: query.Number,
		list: func(c *call, _ string, page query.Page) (query.Rows[auditEvent], error) {
			found, err := a.fleet(c).AuditTrail(c.r.Context(), page)
			return shownRows(found, shownAuditEvent), err
		},
		count: func(c *call, filter *query.Expr) (int64, error) {
			return a.fleet(c).CountAuditEvents(c.r.Context(), filter)
		},
		get: func(c *call, id string) (auditEvent, error) {
			found, err := a.fleet(c).AuditEvent(c.r.Context(), id)
			return shownAuditEvent(found), err
		},
	}
}

func (a *API) addAuditEvents(routes map[string]operations) { a.auditEvents().addTo(routes) }

// shownRows gives rows as they go over the wire.
func shownRows[T, U any](found query.Rows[T], show func(T) U) query.Rows[U] {
	rows := query.Rows[U]{Rows: make([]U, len(found.Rows)), Last: found.Last, Total: found.Total}
	for i, one := range found.Rows {
		rows.Rows[i] = show(one)
	}
	return rows
}
