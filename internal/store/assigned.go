package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"plimsoll"
)

// Agent gives what is known of a device's agent, and what it has to run, by the
// scripts' ids: NotFound where there is no such device. Where the assignment that
// reached it was replaced, it keeps the script under another of the script's until
// the background knows which reaches it now.
func (s *Store) Agent(ctx context.Context, deviceID string) (plimsoll.Agent, error) {
	return readAgent(ctx, s.read, deviceID)
}

func readAgent(ctx context.Context, db reader, deviceID string) (agent plimsoll.Agent, err error) {
	bucket, number, system := plimsoll.DeviceBucket(deviceID), int64(0), int64(0)
	err = db.QueryRowContext(ctx, `SELECT number, system, instance, inventory_hash FROM device WHERE bucket = $1 AND id = $2`,
		bucket, deviceID).Scan(&number, &system, &agent.Instance, &agent.InventoryHash)
	if errors.Is(err, sql.ErrNoRows) {
		err = noDevice(deviceID)
	}
	if err != nil {
		return agent, refusal(err)
	}
	agent.Scripts, err = collect(ctx, db, func(row scanner) (one plimsoll.AssignedScript, err error) {
		a, err := scanAssignment(row, &one.ScriptID, &one.DisplayName, &one.Revision, &one.RunAsAccount, &one.EnforceSignatureCheck,
			&one.RunAs32Bit, &one.ContentHash, &one.LastSequence, &one.RunRequest)
		one.Schedule = a.Schedule
		return one, err
	}, `SELECT `+assignmentColumns+`, s.id, s.display_name, s.revision, s.run_as_account, s.enforce_signature_check,
			s.run_as_32_bit, s.content_hash, r.sequence, r.requested
		FROM run_state r JOIN script s ON s.number = r.script JOIN assignment a ON a.number = coalesce(
			(SELECT x.number FROM assignment x WHERE x.number = r.assignment),
			(SELECT min(x.number) FROM assignment x WHERE x.script = r.script AND x.target <> 'exclusionGroupAssignmentTarget'))
		WHERE r.bucket = $1 AND r.device = $2 AND r.assignment > 0 AND r.state <> 5 AND s.runs_on & $3 <> 0 ORDER BY s.id`,
		bucket, number, system)
	return agent, err
}

// AssignedContent gives the content of a script that the device has to run.
func (s *Store) AssignedContent(ctx context.Context, deviceID, scriptID string) (content []byte, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT c.content FROM device d
			JOIN script s ON s.id = $3 JOIN script_content c ON c.script_id = s.id
			JOIN run_state r ON r.bucket = d.bucket AND r.device = d.number AND r.script = s.number
		WHERE d.bucket = $1 AND d.id = $2 AND r.assignment > 0 AND r.state <> 5 AND s.runs_on & d.system <> 0`,
		plimsoll.DeviceBucket(deviceID), deviceID, scriptID).Scan(&content)
	if errors.Is(err, sql.ErrNoRows) {
		err = plimsoll.Errorf(plimsoll.NotFound, "The device has no script with the id %q to run.", scriptID)
	}
	return content, refusal(err)
}

// RequestRun asks a device to run a script that it has, by a number above that of
// any request before. The number is of the time, in milliseconds since 1970, so that
// it is above those of a pair that went and came back too.
func (s *Store) RequestRun(ctx context.Context, deviceID, scriptID string, event plimsoll.AuditEvent) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		device, err := s.lockDevice(ctx, tx, deviceID)
		if err != nil {
			return err
		}
		agent, err := readAgent(ctx, tx, deviceID)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(agent.Scripts, func(a plimsoll.AssignedScript) bool { return a.ScriptID == scriptID }) {
			return plimsoll.Errorf(plimsoll.NotFound, "The device has no script with the id %.100q to run: assign the script to it, "+
				"and wait until that has reached it. A script for another operating system never does.", scriptID)
		}
		if _, err = tx.ExecContext(ctx, `UPDATE run_state SET requested = CASE WHEN requested < $4 THEN $4 ELSE requested + 1 END
			WHERE bucket = $1 AND device = $2 AND script = (SELECT s.number FROM script s WHERE s.id = $3)`,
			plimsoll.DeviceBucket(deviceID), device, scriptID, event.At.UnixMilli()); err != nil {
			return err
		}
		if err = s.changed(ctx, tx, deviceID); err != nil {
			return err
		}
		return addAuditEvent(ctx, tx, event)
	})
}
