package store

import (
	"context"
	"database/sql"
	"errors"

	"plimsoll"
)

// Agent gives what is known of a device's agent, and what it has to run, by the
// scripts' ids: NotFound where there is no such device. Where the assignment that
// reached it was replaced, it keeps the script under another of the script's until
// the background knows which reaches it now.
func (s *Store) Agent(ctx context.Context, deviceID string) (agent plimsoll.Agent, err error) {
	bucket, number, system := plimsoll.DeviceBucket(deviceID), int64(0), int64(0)
	err = s.read.QueryRowContext(ctx, `SELECT number, system, instance, inventory_hash FROM device WHERE bucket = $1 AND id = $2`,
		bucket, deviceID).Scan(&number, &system, &agent.Instance, &agent.InventoryHash)
	if errors.Is(err, sql.ErrNoRows) {
		err = noDevice(deviceID)
	}
	if err != nil {
		return agent, refusal(err)
	}
	agent.Scripts, err = collect(ctx, s.read, func(row scanner) (one plimsoll.AssignedScript, err error) {
		a, err := scanAssignment(row, &one.ScriptID, &one.DisplayName, &one.Revision, &one.RunAsAccount, &one.EnforceSignatureCheck,
			&one.RunAs32Bit, &one.ContentHash, &one.LastSequence)
		one.Schedule = a.Schedule
		return one, err
	}, `SELECT `+assignmentColumns+`, s.id, s.display_name, s.revision, s.run_as_account, s.enforce_signature_check,
			s.run_as_32_bit, s.content_hash, r.sequence
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
