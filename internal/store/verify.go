package store

import (
	"context"
	"fmt"

	"plimsoll"
)

// Verify recounts every script's history and every run state, compares them with
// what is kept of them, and holds devices to the rules and assignments. Each
// comparison reads one state of the database, so that it may run while servers
// write.
func (s *Store) Verify(ctx context.Context) (plimsoll.Verification, error) {
	var v plimsoll.Verification
	_, err := collect(ctx, s.read, func(row scanner) (struct{}, error) {
		return struct{}{}, countHistory(row, &v)
	}, `SELECT s.id, h.sequence, coalesce(h.thinned, 0), c.script_id, count(r.sequence), coalesce(min(r.sequence), 1), coalesce(max(r.sequence), 0)
		FROM script s
			LEFT JOIN script_content c ON c.script_id = s.id
			LEFT JOIN run_summary_head h ON h.script_id = s.id
			LEFT JOIN run_summary r ON r.script_id = s.id
		GROUP BY s.id, h.sequence, h.thinned, c.script_id ORDER BY s.id`)
	if err != nil {
		return v, err
	}
	if _, err := s.Installation(ctx); plimsoll.ErrorCode(err) == plimsoll.NotFound {
		v.Differences = append(v.Differences, "The store is empty: it holds no installation.")
	} else if err != nil {
		return v, err
	}
	if err := s.read.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM device), (SELECT count(*) FROM run_state)`).
		Scan(&v.Devices, &v.RunStates); err != nil {
		return v, refusal(err)
	}
	for _, check := range append([]string{checkChanges, checkDevices, checkCounts(), checkPairs, checkMembers, checkComputed, checkLastRuns, checkOutputs}, s.dialect.checks...) {
		lines, err := collect(ctx, s.read, column[string], check)
		if err != nil {
			return v, err
		}
		v.Differences = append(v.Differences, lines...)
	}
	return v, s.verifyPairs(ctx, &v)
}

// countHistory holds one script's history to its numbers: 1, 2, 3 … up to the
// one that is kept, but for those that were thinned out.
func countHistory(row scanner, v *plimsoll.Verification) error {
	var (
		id             string
		kept           *int64
		content        *string
		thinned        int64 // entries of a computed summary, which are thinned with time
		n, first, last int64
	)
	if err := row.Scan(&id, &kept, &thinned, &content, &n, &first, &last); err != nil {
		return err
	}
	v.Scripts++
	v.RunSummaries += n
	if content == nil {
		v.Differences = append(v.Differences, fmt.Sprintf("Script %s has lost its content's row.", id))
	}
	switch {
	case kept == nil:
		v.Differences = append(v.Differences, fmt.Sprintf("Script %s has lost its history's head.", id))
	case *kept != n+thinned || last != *kept && n > 0 || thinned == 0 && first != 1:
		v.Differences = append(v.Differences, fmt.Sprintf(
			"Script %s keeps that its history has %d entries; there are %d, from %d to %d.", id, *kept-thinned, n, first, last))
	}
	return nil
}

// checkCounts recounts every run state, in one statement that reads one state of
// the database.
func checkCounts() string {
	return `SELECT 'Script ' || coalesce(s.id, CAST(f.script AS text)) || ', revision ' || f.revision || ', state ' || f.state ||
			': the count that is kept is ' || f.difference || ' above the devices that there are.'
		FROM (SELECT script, revision, state, bucket, CAST(sum(n) AS bigint) AS difference
			FROM (SELECT script, revision, state, bucket, n FROM run_count WHERE script > 0
				UNION ALL SELECT script, revision, state, bucket, -1 FROM run_state) AS counted
			GROUP BY script, revision, state, bucket HAVING sum(n) <> 0) AS f
		LEFT JOIN script s ON s.number = f.script`
}

// checkPairs gives a sentence for each run state of what is not there.
const checkPairs = `SELECT 'There is a run state of a device with the number ' || r.device || ', which is not there.'
	FROM run_state r LEFT JOIN device d ON d.bucket = r.bucket AND d.number = r.device WHERE d.number IS NULL`

// checkComputed holds whether a script's summary is computed to whether it has an
// assignment or a run state. What no longer has any is left to the background.
const checkComputed = `SELECT 'Script ' || f.id || CASE WHEN f.computed THEN ': its summary is computed, from nothing.'
		ELSE ' has assignments or run states, and its summary is not computed from them.' END
	FROM (SELECT s.id, h.computed, EXISTS (SELECT 1 FROM assignment a WHERE a.script = s.number)
			OR EXISTS (SELECT 1 FROM run_state r WHERE r.script = s.number) AS has,
			EXISTS (SELECT 1 FROM fleet_task t WHERE t.kind = 'script' AND t.number = s.number) AS working
		FROM script s JOIN run_summary_head h ON h.script_id = s.id) AS f
	WHERE f.computed <> f.has AND NOT (f.computed AND f.working)`

// checkLastRuns gives a sentence for each script that ran later on a device than the
// count of its kind says, by which its summary tells and lists find their way.
const checkLastRuns = `SELECT DISTINCT 'Script number ' || r.script || ' ran later on a device than its summary says.'
	FROM (SELECT script, bucket, revision, state, max(ran_at) AS at FROM run_state GROUP BY script, bucket, revision, state) AS r
		LEFT JOIN run_count c ON c.script = r.script AND c.bucket = r.bucket AND c.revision = r.revision AND c.state = r.state
	WHERE r.at > coalesce(c.last_run, 0)`

// checkOutputs gives a sentence for each output of no run state, and each that is
// lost.
const checkOutputs = `SELECT 'The output of a script on the device with the number ' || o.device || ' belongs to no run state.'
	FROM run_output o LEFT JOIN run_state r ON r.bucket = o.bucket AND r.device = o.device AND r.script = o.script
	WHERE r.device IS NULL
	UNION ALL SELECT 'The output of a script on the device with the number ' || r.device || ' is lost.'
	FROM run_state r LEFT JOIN run_output o ON r.bucket = o.bucket AND r.device = o.device AND r.script = o.script
	WHERE r.text <> 0 AND o.device IS NULL`

// checkMembers does so for each member of a group or a filter.
const checkMembers = `SELECT 'A device with the number ' || m.device || ' is in a group or a filter, and is not there.'
	FROM device_set_member m LEFT JOIN device d ON d.bucket = m.bucket AND d.number = m.device WHERE d.number IS NULL`
