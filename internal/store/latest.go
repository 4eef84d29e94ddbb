package store

import (
	"context"
	"database/sql"
	"slices"

	"plimsoll"
)

// rowKey is the key of a row of run_state.
type rowKey struct{ bucket, device, script int64 }

// takeLatest makes results, each of a pair of its own, the latest runs of their
// pairs, by one statement that also tells what it replaced. Those that it leaves
// have to be such as change nothing, which needs no lock: else it is errNotLatest.
func (s *Store) takeLatest(ctx context.Context, tx *sql.Tx, all []arrival, counts tally) error {
	if err := s.findByIndex(ctx, tx); err != nil {
		return err
	}
	known, err := s.knownPairs(ctx, tx, all)
	if err != nil {
		return err
	}
	taken, texts, err := s.writeLatest(ctx, tx, known, counts)
	if err != nil {
		return err
	}
	var rest []arrival
	for i := range all {
		if !taken[all[i].result] {
			rest = append(rest, all[i])
		}
	}
	pairs, _, err := s.readPairs(ctx, tx, keysOf(rest), "")
	if err != nil {
		return err
	}
	for i := range rest {
		p := pairs[rest[i].key]
		if *rest[i].outcome = p.accept(rest[i].result, rest[i].at, newTally()); p != nil && p.changed {
			return errNotLatest
		}
	}
	return s.writeOutputs(ctx, tx, texts)
}

// knownPairs gives results by the keys that their rows would have, as far as such a
// device and such a revision of a script are known.
func (s *Store) knownPairs(ctx context.Context, tx *sql.Tx, all []arrival) (map[rowKey]*arrival, error) {
	devices, err := s.known.deviceNumbers(ctx, s, tx, all)
	if err != nil {
		return nil, err
	}
	scripts, err := s.known.scriptRevisions(ctx, s, tx, all)
	if err != nil {
		return nil, err
	}
	known := make(map[rowKey]*arrival, len(all))
	for i := range all {
		a := &all[i]
		device, enrolled := devices[a.key.device]
		script := scripts[a.key.script] // its revision is 0 where there is none
		if enrolled && a.result.Revision <= script.revision {
			known[rowKey{a.bucket, device, script.number}] = a
		}
	}
	return known, nil
}

// writeLatest writes results over the rows that they follow: its conditions are
// those by which [plimsoll.Run.Accept] accepts. Rows are taken in the order of
// their keys. It gives the results that were taken, and the outputs that are to
// be written.
func (s *Store) writeLatest(
	ctx context.Context, tx *sql.Tx, known map[rowKey]*arrival, counts tally,
) (taken map[*plimsoll.Result]bool, texts []outputRow, err error) {
	if len(known) == 0 {
		return nil, nil, nil
	}
	rows := make([][]int64, 0, len(known))
	written := make(map[rowKey][]int64, len(known))
	for key, a := range known {
		ranAt, _ := a.result.Arrived(a.at)
		written[key] = []int64{
			key.bucket, key.device, key.script, a.result.Revision, stateNumber(a.result.State), a.result.Sequence,
			ticks(ranAt), zeroTicks(a.result.DueAt), textHash(a.result.Output, a.result.Error),
		}
		rows = append(rows, written[key])
	}
	slices.SortFunc(rows, slices.Compare)
	table, args := s.dialect.table(inputRows(runColumns, rows))
	taken = make(map[*plimsoll.Result]bool, len(known))
	_, err = collect(ctx, tx, func(row scanner) (struct{}, error) {
		var key rowKey
		var revision, state, text int64
		err := row.Scan(&key.bucket, &key.device, &key.script, &revision, &state, &text)
		if a := known[key]; err == nil {
			is := written[key]
			counts.add(countKey{key.script, key.bucket, revision, state}, -1, 0)
			counts.add(countKey{key.script, key.bucket, is[3], is[4]}, 1, is[6])
			if is[8] != text {
				texts = append(texts, outputRow{key.bucket, key.device, key.script, a.result.Output, a.result.Error})
			}
			_, *a.outcome = a.result.Arrived(a.at)
			taken[a.result] = true
		}
		return struct{}{}, err
	}, `UPDATE run_state SET prev_revision = run_state.revision, prev_state = run_state.state, prev_text = run_state.text, `+setRun+`
		FROM `+table+` WHERE `+pairOfInput+` AND run_state.sequence < input.sequence AND run_state.state <> 5
		RETURNING run_state.bucket, run_state.device, run_state.script, prev_revision, prev_state, prev_text`, args...)
	return taken, texts, err
}
