package store

import (
	"context"
	"encoding/json"
	"sync/atomic"

	"plimsoll"
)

// proposed is a table of the assignments in the JSON array $1, under the name of
// the table of those that stand, so that what is asked of these is asked of them.
func (d *dialect) proposed() string {
	return `WITH assignment AS MATERIALIZED (SELECT CAST(value ->> 0 AS bigint) AS script, value ->> 1 AS target,
		CAST(value ->> 2 AS bigint) AS device_set, CAST(value ->> 3 AS bigint) AS filter, value ->> 4 AS filter_type FROM ` + d.rows + `) `
}

// ReachedDevices tells how many devices assignments would reach now, were they a
// script's, and to how many of these the script would not apply. Nothing is
// changed. It is decided by the condition that decides when they are.
func (s *Store) ReachedDevices(
	ctx context.Context, scriptID string, all []plimsoll.Assignment,
) (reached, notApplicable int64, err error) {
	script, err := scriptNumber(ctx, s.read, scriptID, "")
	if err != nil {
		return 0, 0, err
	}
	standing, err := s.standing(ctx, script)
	if err != nil {
		return 0, 0, err
	}
	rows := make([][]any, len(all))
	for i := range all {
		a := &all[i]
		k, stands := standing[a.Target] // what it names may be gone since
		if !stands {
			if k.set, k.filter, err = s.named(ctx, s.read, a, ""); err != nil {
				return 0, 0, err
			}
		}
		rows[i] = []any{script, a.Target.Kind, k.set, k.filter, a.Target.FilterType}
	}
	array, err := json.Marshal(rows)
	if err != nil {
		return 0, 0, err
	}
	err = s.scan(ctx, "deviceHealthScriptAssignments", "To find the devices that so many assignments reach takes", func(ctx context.Context) error {
		return s.inParts(ctx, func(ctx context.Context, of numberRange) error {
			var some, others int64
			err := s.read.QueryRowContext(ctx, s.dialect.proposed()+`SELECT count(*), coalesce(sum(CASE WHEN s.runs_on & d.system = 0 THEN 1 ELSE 0 END), 0)
				FROM script s CROSS JOIN device d WHERE s.number = $2 AND d.number > $3 AND d.number <= $4
					AND EXISTS (SELECT 1 FROM assignment a WHERE `+reaches()+`)`, string(array), script, of.above, of.last).Scan(&some, &others)
			atomic.AddInt64(&reached, some)
			atomic.AddInt64(&notApplicable, others)
			return refusal(err)
		})
	})
	return reached, notApplicable, err
}

// standing gives what the assignments that a script has name, by their targets.
func (s *Store) standing(ctx context.Context, script int64) (map[plimsoll.Target]kept, error) {
	standing := map[plimsoll.Target]kept{}
	_, err := collect(ctx, s.read, func(row scanner) (struct{}, error) {
		var k kept
		a, err := scanAssignment(row, &k.number, &k.set, &k.filter)
		standing[a.Target] = k
		return struct{}{}, err
	}, `SELECT `+assignmentColumns+`, a.number, a.device_set, a.filter FROM assignment a WHERE a.script = $1`, script)
	return standing, err
}
