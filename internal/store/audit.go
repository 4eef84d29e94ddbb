package store

import (
	"context"
	"database/sql"

	"plimsoll"
)

func addAuditEvent(ctx context.Context, tx *sql.Tx, e plimsoll.AuditEvent) error {
	_, err := tx.ExecContext(ctx,
		`INSERT INTO audit_event (at, actor, activity, object_id) VALUES ($1, $2, $3, $4)`,
		ticks(e.At), e.Actor, e.Activity, e.ObjectID)
	return err
}

// AuditEvents gives the latest events, the newest first.
func (s *Store) AuditEvents(ctx context.Context, limit int) ([]plimsoll.AuditEvent, error) {
	return collect(ctx, s.read, func(row scanner) (e plimsoll.AuditEvent, err error) {
		err = row.Scan(instant{&e.At}, &e.Actor, &e.Activity, &e.ObjectID)
		return e, err
	}, `SELECT at, actor, activity, object_id FROM audit_event ORDER BY id DESC LIMIT $1`, limit)
}
