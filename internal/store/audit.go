package store

import (
	"context"
	"database/sql"
	"errors"
	"strconv"

	"plimsoll"
	"plimsoll/internal/query"
)

func addAuditEvent(ctx context.Context, tx *sql.Tx, e plimsoll.AuditEvent) error {
	_, err := tx.ExecContext(ctx,
		`INSERT INTO audit_event (at, actor, activity, object_id) VALUES ($1, $2, $3, $4)`,
		ticks(e.At), e.Actor, e.Activity, e.ObjectID)
	return err
}

// AuditEvents gives the latest events, the newest first.
func (s *Store) AuditEvents(ctx context.Context, limit int) ([]plimsoll.AuditEvent, error) {
	rows, err := s.AuditTrail(ctx, query.Page{Limit: limit, Budget: 1 << 30})
	return rows.Rows, err
}

// operationOfActivity is the SQL of [plimsoll.AuditEvent.Operation].
const operationOfActivity = `(CASE WHEN e.activity LIKE '%.create' THEN 'Create' WHEN e.activity LIKE '%.update' THEN 'Patch'
	WHEN e.activity LIKE '%.delete' OR e.activity LIKE '%.unenroll' OR e.activity LIKE '%.revoke' THEN 'Delete' ELSE 'Action' END)`

// auditList is the list of the events, each with the name of the client or user that
// it is of, and of what it is about, if there are these still.
func auditList() *list[plimsoll.AuditEvent] {
	return &list[plimsoll.AuditEvent]{
		from: `audit_event e LEFT JOIN client c ON c.id = e.actor LEFT JOIN user_account u ON u.id = e.actor
			LEFT JOIN script s ON s.id = e.object_id LEFT JOIN device_set g ON g.id = e.object_id
			LEFT JOIN enrollment_token t ON t.id = e.object_id LEFT JOIN user_account person ON person.id = e.object_id
			LEFT JOIN client program ON program.id = e.object_id`,
		columns: map[string]string{
			"id": "CAST(e.id AS text)", "activityDateTime": "e.at", "activity": "e.activity", "resourceId": "e.object_id",
			"displayName": "e.activity", "activityOperationType": operationOfActivity,
		},
		own: sortKey{sql: "e.id", kind: query.Number, descending: true}, // the newest first
		selects: "e.id, e.at, e.actor, coalesce(c.name, ''), coalesce(u.name, ''), e.activity, e.object_id, " +
			"coalesce(s.display_name, g.display_name, t.name, person.name, program.name, '')",
		scan: func(row scanner, more ...any) (e plimsoll.AuditEvent, err error) {
			dest := []any{&e.ID, instant{&e.At}, &e.Actor, &e.ActorName, &e.UserName, &e.Activity, &e.ObjectID, &e.ObjectName}
			return e, row.Scan(append(dest, more...)...)
		},
		size: func(e *plimsoll.AuditEvent) int { return len(e.Actor) + len(e.ActorName) + 200 },
	}
}

// AuditTrail gives a page of the events, the newest first.
func (s *Store) AuditTrail(ctx context.Context, page query.Page) (query.Rows[plimsoll.AuditEvent], error) {
	return auditList().read(ctx, s, &page)
}

// CountAuditEvents gives how many events filter wants; nil wants all.
func (s *Store) CountAuditEvents(ctx context.Context, filter *query.Expr) (int64, error) {
	return auditList().total(ctx, s, filter)
}

// AuditEvent gives one event.
func (s *Store) AuditEvent(ctx context.Context, id string) (plimsoll.AuditEvent, error) {
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil || strconv.FormatInt(number, 10) != id {
		return plimsoll.AuditEvent{}, noAuditEvent(id)
	}
	l := auditList()
	event, err := l.scan(s.read.QueryRowContext(ctx, "SELECT "+l.selects+" FROM "+l.from+" WHERE e.id = $1", number))
	if errors.Is(err, sql.ErrNoRows) {
		err = noAuditEvent(id)
	}
	return event, refusal(err)
}

func noAuditEvent(id string) error {
	return plimsoll.Errorf(plimsoll.NotFound, "There is no auditEvent with the id %.100q.", id)
}
