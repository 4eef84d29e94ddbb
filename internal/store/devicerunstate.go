package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"plimsoll"
	"plimsoll/internal/query"
)

// deviceRunStateList is the list of a device's run states, each with the name of
// its script.
func deviceRunStateList(deviceID string) *list[plimsoll.DeviceRunState] {
	columns := runColumnsShown()
	columns["scriptId"], columns["scriptName"] = "s.id", "s.display_name"
	return &list[plimsoll.DeviceRunState]{
		from: `device d JOIN run_state r ON r.bucket = d.bucket AND r.device = d.number JOIN script s ON s.number = r.script
			LEFT JOIN run_output o ON o.bucket = r.bucket AND o.device = r.device AND o.script = r.script`,
		where: "d.bucket = $1 AND d.id = $2", args: []any{plimsoll.DeviceBucket(deviceID), deviceID},
		columns: columns, own: sortKey{sql: "r.script", kind: query.Number},
		selects: `s.id, s.display_name, d.id, d.last_sync_at, ` + presentedState("r") +
			`, r.ran_at, r.due_at, coalesce(o.output, ''), coalesce(o.error, '')`,
		scan: func(row scanner, more ...any) (r plimsoll.DeviceRunState, err error) {
			var ranAt, dueAt zeroInstant
			dest := []any{&r.ScriptID, &r.ScriptName, &r.DeviceID, instant{&r.LastSyncAt}, &r.State, &ranAt, &dueAt, &r.Output, &r.Error}
			err = row.Scan(append(dest, more...)...)
			r.RanAt, r.DueAt = time.Time(ranAt), time.Time(dueAt)
			return r, err
		},
		size: func(r *plimsoll.DeviceRunState) int { return len(r.Output) + len(r.Error) + 200 },
	}
}

// DeviceRunStates gives a page of what every script found on a device, in the
// order in which the scripts were made.
func (s *Store) DeviceRunStates(ctx context.Context, deviceID string, page query.Page) (query.Rows[plimsoll.DeviceRunState], error) {
	var number int64
	err := s.read.QueryRowContext(ctx, `SELECT number FROM device WHERE bucket = $1 AND id = $2`,
		plimsoll.DeviceBucket(deviceID), deviceID).Scan(&number)
	if errors.Is(err, sql.ErrNoRows) {
		err = noDevice(deviceID)
	}
	if err != nil {
		return query.Rows[plimsoll.DeviceRunState]{Total: -1}, refusal(err)
	}
	return deviceRunStateList(deviceID).read(ctx, s, &page)
}
