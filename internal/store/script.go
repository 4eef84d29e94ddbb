package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"

	"plimsoll"
)

const scriptColumns = `s.id, s.revision, s.changes, s.publisher, s.version, s.description, s.display_name,
	s.run_as_account, s.enforce_signature_check, s.run_as_32_bit, s.platform, s.role_scope_tag_ids,
	s.created_at, s.modified_at`

const selectScript = `SELECT ` + scriptColumns + `, c.content
	FROM script s JOIN script_content c ON c.script_id = s.id WHERE s.id = $1`

// scriptNumber gives the number that stands for a script in the hot tables. lock
// may make the script's row the transaction's.
func scriptNumber(ctx context.Context, db reader, id, lock string) (number int64, err error) {
	err = db.QueryRowContext(ctx, `SELECT s.number FROM script s WHERE s.id = $1`+lock, id).Scan(&number)
	if errors.Is(err, sql.ErrNoRows) {
		err = noScript(id)
	}
	return number, refusal(err)
}

func noScript(id string) error {
	return plimsoll.Errorf(plimsoll.NotFound,
		"There is no deviceComplianceScript with the id %q. Ids are compared case-sensitively.", id)
}

// CreateScript stores a new script.
func (s *Store) CreateScript(ctx context.Context, script *plimsoll.Script, event plimsoll.AuditEvent) error {
	return s.changeScripts(ctx, func(tx *sql.Tx, number int64) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO script (id, revision, changes, publisher, version, description,
				display_name, run_as_account, enforce_signature_check, run_as_32_bit, platform, role_scope_tag_ids,
				modified_at, change_sequence, runs_on, content_hash, created_at, number)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $14)`,
			append(scriptValues(script), number, systems(script), contentHash(script), ticks(script.CreatedAt))...)
		if err != nil {
			return err
		}
		if _, err = tx.ExecContext(ctx, `INSERT INTO script_content (script_id, content) VALUES ($1, $2)`,
			script.ID, script.Content); err != nil {
			return err
		}
		if _, err = tx.ExecContext(ctx, `INSERT INTO run_summary_head (script_id, sequence) VALUES ($1, 0)`,
			script.ID); err != nil {
			return err
		}
		return addAuditEvent(ctx, tx, event)
	})
}

// systemNames are the operating systems that scripts are for, by their bits.
func systemNames() map[int64]string { return map[int64]string{1: "Linux", 2: "macOS", 4: "Windows"} }

// systemOf gives the bit of an operating system; 0 is one that no script is for.
func systemOf(operatingSystem string) int64 {
	for bit, name := range systemNames() {
		if name == operatingSystem {
			return bit
		}
	}
	return 0
}

// systems gives the bits of the systems that a script runs on.
func systems(s *plimsoll.Script) (bits int64) {
	for bit, name := range systemNames() {
		if s.RunsOn(name) {
			bits |= bit
		}
	}
	return bits
}

func contentHash(s *plimsoll.Script) []byte {
	hash := sha256.Sum256(s.Content)
	return hash[:]
}

// retargetScript leaves it to the background to hold a script against the fleet,
// where it reaches any of it.
func (s *Store) retargetScript(ctx context.Context, tx *sql.Tx, id string) error {
	var number int64
	err := tx.QueryRowContext(ctx, `SELECT s.number FROM script s JOIN run_summary_head h ON h.script_id = s.id
		WHERE s.id = $1 AND h.computed`, id).Scan(&number)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.addTask(ctx, tx, taskScript, number)
}

// scriptValues gives what a change may set, behind the id.
func scriptValues(s *plimsoll.Script) []any {
	return []any{
		s.ID, s.Revision, s.Changes, s.Publisher, s.Version, s.Description, s.DisplayName,
		string(s.RunAsAccount), s.EnforceSignatureCheck, s.RunAs32Bit, string(s.Platform),
		jsonList(s.RoleScopeTagIDs), ticks(s.ModifiedAt),
	}
}

func jsonList(texts []string) string {
	list, _ := json.Marshal(texts) // strings always marshal
	return string(list)
}

func scanScript(row scanner, more ...any) (plimsoll.Script, error) {
	var (
		s    plimsoll.Script
		tags []byte
	)
	dest := []any{
		&s.ID, &s.Revision, &s.Changes, &s.Publisher, &s.Version, &s.Description, &s.DisplayName,
		&s.RunAsAccount, &s.EnforceSignatureCheck, &s.RunAs32Bit, &s.Platform, &tags,
		instant{&s.CreatedAt},
		instant{&s.ModifiedAt},
		&s.Content,
	}
	if err := row.Scan(append(dest, more...)...); err != nil {
		return s, err
	}
	return s, json.Unmarshal(tags, &s.RoleScopeTagIDs)
}

// UpdateScript changes one script in a transaction: change gets it as it stands
// and says what it becomes. An error of change is returned as it is.
func (s *Store) UpdateScript(
	ctx context.Context, id string, change func(*plimsoll.Script) error, event plimsoll.AuditEvent,
) (plimsoll.Script, error) {
	var script plimsoll.Script
	err := s.changeScripts(ctx, func(tx *sql.Tx, number int64) (err error) {
		script, err = lockScript(ctx, tx, s.dialect, id)
		if err != nil {
			return err
		}
		ranOn, revision := systems(&script), script.Revision
		if err = change(&script); err != nil {
			return err
		}
		if ranOn != systems(&script) {
			if err = s.retargetScript(ctx, tx, id); err != nil {
				return err
			}
		}
		if _, err = tx.ExecContext(ctx, `UPDATE script SET revision = $2, changes = $3, publisher = $4, version = $5,
				description = $6, display_name = $7, run_as_account = $8, enforce_signature_check = $9,
				run_as_32_bit = $10, platform = $11, role_scope_tag_ids = $12, modified_at = $13,
				change_sequence = $14, runs_on = $15, content_hash = $16
			WHERE id = $1`, append(scriptValues(&script), number, systems(&script), contentHash(&script))...); err != nil {
			return err
		}
		if _, err = tx.ExecContext(ctx, `UPDATE script_content SET content = $2 WHERE script_id = $1`,
			id, script.Content); err != nil {
			return err
		}
		if script.Revision != revision {
			if err = s.changed(ctx, tx, wholeFleet); err != nil {
				return err
			}
		}
		return addAuditEvent(ctx, tx, event)
	})
	return script, err
}

// lockScript reads a script that is this transaction's until it ends.
func lockScript(ctx context.Context, tx *sql.Tx, d dialect, id string) (plimsoll.Script, error) {
	script, err := scanScript(tx.QueryRowContext(ctx, selectScript+d.lockRow, id))
	if errors.Is(err, sql.ErrNoRows) {
		return script, noScript(id)
	}
	return script, err
}

// DeleteScript removes a script and all that belongs to it, if allow agrees to
// it as it stands. Its run states, which may be millions, go in the background.
func (s *Store) DeleteScript(
	ctx context.Context, id string, allow func(*plimsoll.Script) error, event plimsoll.AuditEvent,
) error {
	return s.changeScripts(ctx, func(tx *sql.Tx, number int64) error {
		script, err := lockScript(ctx, tx, s.dialect, id)
		if err != nil {
			return err
		}
		if err = allow(&script); err != nil {
			return err
		}
		if err = s.retargetScript(ctx, tx, id); err != nil {
			return err
		}
		// The head is locked behind the task, as the background does. Whoever had it
		// before may have made the summary a computed one.
		if _, err = collect(ctx, tx, column[string], `SELECT script_id FROM run_summary_head WHERE script_id = $1`+s.dialect.lockRow, id); err != nil {
			return err
		}
		if err = s.retargetScript(ctx, tx, id); err != nil {
			return err
		}
		if _, err = tx.ExecContext(ctx, `DELETE FROM assignment WHERE script = (SELECT s.number FROM script s WHERE s.id = $1)`, id); err != nil {
			return err
		}
		if _, err = tx.ExecContext(ctx, `DELETE FROM script WHERE id = $1`, id); err != nil {
			return err
		}
		if err = s.changed(ctx, tx, wholeFleet); err != nil {
			return err
		}
		if _, err = tx.ExecContext(ctx, `INSERT INTO script_removed (sequence, id) VALUES ($1, $2)`, number, id); err != nil {
			return err
		}
		return addAuditEvent(ctx, tx, event)
	})
}
