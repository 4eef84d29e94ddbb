package store

import (
	"context"
	"database/sql"
	"slices"

	"plimsoll"
)

// changeScripts runs work in a transaction, with the number of the change of a
// script, or of its assignments, that it makes. The number is taken before anything else, and its row is
// the transaction's until it commits: so a number becomes visible after all
// smaller ones did, and whoever has read up to one will miss nothing below it.
// That makes one change of a script wait for the other.
func (s *Store) changeScripts(ctx context.Context, work func(tx *sql.Tx, number int64) error) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		var number int64
		if err := tx.QueryRowContext(ctx,
			`UPDATE script_change SET sequence = sequence + 1 RETURNING sequence`).Scan(&number); err != nil {
			return err
		}
		return work(tx, number)
	})
}

// LastScriptChange gives the number of the last change of a script, 0 where
// there was none. All up to it can be read.
func (s *Store) LastScriptChange(ctx context.Context) (number int64, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT sequence FROM script_change`).Scan(&number)
	return number, refusal(err)
}

// noContent is NULL, of the type of a script's content.
const noContent = "(SELECT c.content FROM script_content c WHERE false)"

// removedScript is what stands for a removed script in scriptColumns, and NULL
// for its content.
const removedScript = `r.id, 0, 0, NULL, NULL, NULL, '', '', false, false, '', '[]', 0, 0, ` + noContent

// ScriptChanges gives the latest change of each script that changed after the
// number given, up to limit of them in the order of their numbers, as they are
// at one moment. Removals are left out up to the number removedAfter: a reader
// who began with nothing there knows of none. They end with the script that
// exceeds budget bytes; more tells whether others follow. Content is nil unless
// with names detectionScriptContent.
func (s *Store) ScriptChanges(
	ctx context.Context, after, removedAfter int64, with []string, limit, budget int,
) (changes []plimsoll.ScriptChange, more bool, err error) {
	content, size := noContent, 0
	if slices.Contains(with, "detectionScriptContent") {
		content = scriptContent
	}
	changes, err = collect(ctx, s.read, func(row scanner) (plimsoll.ScriptChange, error) {
		if size > budget {
			more = true
			return plimsoll.ScriptChange{}, errEnough
		}
		change, err := scanChange(row)
		size += textSize(&change.Script)
		return change, err
	}, `SELECT * FROM (SELECT `+scriptColumns+`, `+content+`, s.change_sequence AS sequence, false
			FROM script s WHERE s.change_sequence > $1 ORDER BY s.change_sequence LIMIT $3) AS changed
		UNION ALL SELECT * FROM (SELECT `+removedScript+`, r.sequence, true
			FROM script_removed r WHERE r.sequence > $2 ORDER BY r.sequence LIMIT $3) AS removed
		ORDER BY sequence LIMIT $3`, after, max(after, removedAfter), limit+1) // one too many tells of more
	more = more || len(changes) > limit
	return changes[:min(len(changes), limit)], more, err
}

func scanChange(row scanner) (change plimsoll.ScriptChange, err error) {
	change.Script, err = scanScript(row, &change.Sequence, &change.Removed)
	if change.Removed {
		change.Script = plimsoll.Script{ID: change.ID}
	}
	return change, err
}

// checkChanges gives a sentence for each fault in the numbers.
const checkChanges = `WITH used AS (
		SELECT change_sequence AS number FROM script UNION ALL SELECT sequence FROM script_removed)
	SELECT 'The number ' || number || ' of a change of a script was given ' || count(*) || ' times.'
	FROM used GROUP BY number HAVING count(*) > 1
	UNION ALL
	SELECT 'A change of a script has the number ' || last || ', which the count of changes has not reached.'
	FROM (SELECT max(number) AS last FROM used) AS numbers
	WHERE last > coalesce((SELECT sequence FROM script_change), 0)`
