package store

import (
	"context"
	"strconv"

	"plimsoll"
)

// ErrorGroups groups what a script's runs that could not tell wrote: the newest
// errors of its current revision, plimsoll.MaxErrorsCounted at most.
func (s *Store) ErrorGroups(ctx context.Context, scriptID string) (groups plimsoll.ErrorGroups, err error) {
	err = s.scan(ctx, "errorGroups", "To group the script's errors takes", func(ctx context.Context) error {
		script, err := scriptNumber(ctx, s.read, scriptID, "")
		if err != nil {
			return err
		}
		all, err := s.countedIn(ctx, script, plimsoll.StateScriptError)
		if err != nil {
			return err
		}
		newest := ""
		if all > plimsoll.MaxErrorsCounted {
			newest = " ORDER BY r.ran_at DESC, r.device DESC"
		}
		tally := plimsoll.NewErrorTally()
		_, err = collect(ctx, s.read, func(row scanner) (struct{}, error) {
			var e plimsoll.DeviceError
			err := row.Scan(&e.DeviceID, &e.DeviceName, &e.Text)
			if err == nil {
				tally.Add(e)
			}
			return struct{}{}, err
		}, `SELECT d.id, d.device_name, coalesce(substr(o.error, 1, `+strconv.Itoa(plimsoll.MaxErrorsRead)+`), '')
			FROM (SELECT r.bucket, r.device, r.script, r.ran_at FROM run_state r JOIN script s ON s.number = r.script
				WHERE r.script = $1 AND s.number = $1 AND r.revision = s.revision AND r.state = 3`+newest+`
				LIMIT `+strconv.Itoa(plimsoll.MaxErrorsCounted)+`) AS r
			JOIN device d ON d.bucket = r.bucket AND d.number = r.device
			LEFT JOIN run_output o ON o.bucket = r.bucket AND o.device = r.device AND o.script = r.script
			ORDER BY r.ran_at DESC, r.device DESC`, script)
		groups = tally.Groups(all)
		return err
	})
	return groups, err
}

// countedIn gives how many of a script's devices are in a state, at the current
// revision, by the counts.
func (s *Store) countedIn(ctx context.Context, script int64, state plimsoll.RunState) (n int64, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT coalesce(sum(c.n), 0) FROM script s JOIN run_count c ON c.script = s.number AND c.revision = s.revision
		WHERE s.number = $1 AND c.state = $2`, script, stateNumber(state)).Scan(&n)
	return n, refusal(err)
}
