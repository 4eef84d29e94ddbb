package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"hash/fnv"
	"slices"
	"time"

	"plimsoll"
)

// pair is a run state as a transaction changes it.
type pair struct {
	bucket, device, script int64
	revision               int64 // of the script, now
	run                    plimsoll.Run
	text                   int64
	wasText                int64
	changed                bool
	output, error          string // where text changed
}

type pairKey struct{ device, script string } // ids

// ApplyReports makes the results of many devices their latest runs, in one
// durable transaction of a few statements, whatever their number, with the
// counts. It sets the outcomes. An error means that nothing was changed.
func (s *Store) ApplyReports(ctx context.Context, reports []*plimsoll.Report) (refusals []error, err error) {
	err = s.transact(ctx, func(tx *sql.Tx) error {
		pairs, order, err := s.lockPairs(ctx, tx, reports)
		if err != nil {
			return err
		}
		counts := newTally()
		for _, report := range reports {
			report.Outcomes = make([]plimsoll.Outcome, len(report.Results))
			for i := range report.Results {
				result := &report.Results[i]
				report.Outcomes[i] = pairs[pairKey{report.DeviceID, result.ScriptID}].accept(result, report.At, counts)
			}
		}
		if err := s.writePairs(ctx, tx, order); err != nil {
			return err
		}
		return s.applyCounts(ctx, tx, counts)
	})
	return make([]error, len(reports)), err
}

// accept holds a result against a pair, which is nil where no assignment reaches
// the device.
func (p *pair) accept(result *plimsoll.Result, at time.Time, counts tally) plimsoll.Outcome {
	if p == nil || p.run.State == plimsoll.StateNotApplicable {
		return plimsoll.OutcomeNotAssigned
	}
	before := p.countKey()
	outcome := p.run.Accept(result, p.revision, at)
	if outcome != plimsoll.OutcomeAccepted && outcome != plimsoll.OutcomeClockAhead {
		return outcome
	}
	p.setText(result.Output, result.Error)
	p.move(before, counts)
	return outcome
}

// move counts a pair where it stands now, and no longer where it stood.
func (p *pair) move(before countKey, counts tally) {
	p.changed = true
	counts.add(before, -1, 0)
	counts.add(p.countKey(), 1, zeroTicks(p.run.RanAt))
}

func (p *pair) countKey() countKey {
	return countKey{p.script, p.bucket, p.run.Revision, stateNumber(p.run.State)}
}

func (p *pair) setText(output, failure string) {
	p.output, p.error = output, failure
	p.text = 0
	if output != "" || failure != "" {
		hash := fnv.New64a()
		_, _ = hash.Write([]byte(output + "\x00" + failure)) // never fails
		p.text = int64(hash.Sum64() | 1)                     //nolint:gosec // any number will do, but 0
	}
}

// stateNumber gives a run state's place in Graph's enum, under which it is
// stored.
func stateNumber(state plimsoll.RunState) int64 {
	return int64(slices.Index(plimsoll.RunStates(), state))
}

// zeroTicks gives 0 for the zero time.
func zeroTicks(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return ticks(t)
}

// lockPairs reads the run states that the reports are about. They are this
// transaction's until it ends: it takes them in the order of their keys. What
// follows in the transaction finds its rows by their keys too.
func (s *Store) lockPairs(
	ctx context.Context, tx *sql.Tx, reports []*plimsoll.Report,
) (map[pairKey]*pair, []*pair, error) {
	pairs := map[pairKey]*pair{}
	var (
		buckets          []int64
		devices, scripts []string
	)
	for _, report := range reports {
		bucket := plimsoll.DeviceBucket(report.DeviceID)
		for i := range report.Results {
			key := pairKey{report.DeviceID, report.Results[i].ScriptID}
			if _, twice := pairs[key]; !twice {
				pairs[key] = nil
				buckets, devices, scripts = append(buckets, bucket), append(devices, key.device), append(scripts, key.script)
			}
		}
	}
	if len(pairs) == 0 {
		return pairs, nil, nil
	}
	if s.dialect.byIndex != "" { // plans are kept: one made while a table was small reads it whole for each row
		if _, err := tx.ExecContext(ctx, s.dialect.byIndex); err != nil {
			return nil, nil, err
		}
	}
	table, args := s.dialect.table(inputOf("bucket device script", buckets, devices, scripts))
	order, err := collect(ctx, tx, func(row scanner) (*pair, error) {
		p, key, err := scanPair(row)
		pairs[key] = p
		return p, err
	}, `SELECT d.id, s.id, `+pairColumns+`
		FROM `+table+`
			JOIN device d ON d.bucket = input.bucket AND d.id = input.device
			JOIN script s ON s.id = input.script
			JOIN run_state r ON r.bucket = d.bucket AND r.device = d.number AND r.script = s.number
		ORDER BY r.bucket, r.device, r.script`+s.dialect.lockOf("r"), args...)
	return pairs, order, err
}

const pairColumns = `s.revision, r.bucket, r.device, r.script, r.revision, r.state, r.sequence, r.ran_at, r.due_at, r.text`

func scanPair(row scanner) (*pair, pairKey, error) {
	var (
		p            pair
		key          pairKey
		state        int64
		ranAt, dueAt zeroInstant
	)
	err := row.Scan(&key.device, &key.script, &p.revision, &p.bucket, &p.device, &p.script,
		&p.run.Revision, &state, &p.run.Sequence, &ranAt, &dueAt, &p.text)
	p.run.State = plimsoll.RunStates()[state]
	p.run.RanAt, p.run.DueAt = time.Time(ranAt), time.Time(dueAt)
	p.wasText = p.text
	return &p, key, err
}

// writePairs writes the pairs that changed, and their output where it is another.
func (s *Store) writePairs(ctx context.Context, tx *sql.Tx, pairs []*pair) error {
	changed, texts := make([][]int64, 0, len(pairs)), [][5]any{}
	for _, p := range pairs {
		if !p.changed {
			continue
		}
		changed = append(changed, []int64{
			p.bucket, p.device, p.script, p.run.Revision, stateNumber(p.run.State), p.run.Sequence,
			zeroTicks(p.run.RanAt), zeroTicks(p.run.DueAt), p.text,
		})
		if p.text != p.wasText {
			texts = append(texts, [5]any{p.bucket, p.device, p.script, p.output, p.error})
		}
	}
	if len(changed) == 0 {
		return nil
	}
	table, args := s.dialect.table(inputRows("bucket device script revision state sequence ran_at due_at text", changed))
	_, err := tx.ExecContext(ctx, `UPDATE run_state SET revision = input.revision, state = input.state, sequence = input.sequence,
			ran_at = input.ran_at, due_at = input.due_at, text = input.text FROM `+table+`
		WHERE run_state.bucket = input.bucket AND run_state.device = input.device AND run_state.script = input.script`, args...)
	if err != nil || len(texts) == 0 {
		return err
	}
	array, err := json.Marshal(texts)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO run_output (bucket, device, script, output, error)
		SELECT CAST(value ->> 0 AS bigint), CAST(value ->> 1 AS bigint), CAST(value ->> 2 AS bigint), value ->> 3, value ->> 4
		FROM `+s.dialect.rows+` WHERE true
		ON CONFLICT (bucket, device, script) DO UPDATE SET output = excluded.output, error = excluded.error`, string(array))
	return err
}
