package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
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

// arrival is a result on its way into the store.
type arrival struct {
	result  *plimsoll.Result
	outcome *plimsoll.Outcome
	key     pairKey
	bucket  int64
	at      time.Time
}

func arrivals(reports []*plimsoll.Report) (all []arrival) {
	for _, report := range reports {
		report.Outcomes = make([]plimsoll.Outcome, len(report.Results))
		bucket := plimsoll.DeviceBucket(report.DeviceID)
		for i := range report.Results {
			result := &report.Results[i]
			all = append(all, arrival{result, &report.Outcomes[i], pairKey{report.DeviceID, result.ScriptID}, bucket, report.At})
		}
	}
	return all
}

// ApplyReports makes the results of many devices their latest runs, in one
// durable transaction of a few statements, whatever their number, with the
// counts. It sets the outcomes. An error means that nothing was changed.
//
// Nearly always each result is the latest run of its pair, or changes nothing:
// takeLatest is made for that. Where it is not so, all are judged in their order.
func (s *Store) ApplyReports(ctx context.Context, reports []*plimsoll.Report) (refusals []error, err error) {
	all, err := arrivals(reports), errNotLatest
	if !twiceOnOnePair(all) {
		err = s.transactCounted(ctx, func(tx *sql.Tx, counts tally) error { return s.takeLatest(ctx, tx, all, counts) })
	}
	if errors.Is(err, errNotLatest) {
		err = s.transactCounted(ctx, func(tx *sql.Tx, counts tally) error { return s.judge(ctx, tx, all, counts) })
	}
	return make([]error, len(reports)), err
}

// errNotLatest says that results have to be judged in their order.
var errNotLatest = errors.New("a result is not the latest of its pair")

// transactCounted runs work in a transaction, and changes the counts as it did.
func (s *Store) transactCounted(ctx context.Context, work func(tx *sql.Tx, counts tally) error) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		counts := newTally()
		if err := work(tx, counts); err != nil {
			return err
		}
		return s.applyCounts(ctx, tx, counts)
	})
}

func twiceOnOnePair(all []arrival) bool {
	seen := make(map[pairKey]bool, len(all))
	for i := range all {
		if seen[all[i].key] {
			return true
		}
		seen[all[i].key] = true
	}
	return false
}

// judge holds results against their pairs as these stand, which are locked.
func (s *Store) judge(ctx context.Context, tx *sql.Tx, all []arrival, counts tally) error {
	pairs, order, err := s.readPairs(ctx, tx, keysOf(all), s.dialect.lockOf("r"))
	if err != nil {
		return err
	}
	for i := range all {
		*all[i].outcome = pairs[all[i].key].accept(all[i].result, all[i].at, counts)
	}
	return s.writePairs(ctx, tx, order)
}

func keysOf(all []arrival) []pairKey {
	keys := make([]pairKey, len(all))
	for i := range all {
		keys[i] = all[i].key
	}
	return keys
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
	p.output, p.error, p.text = output, failure, textHash(output, failure)
}

// textHash tells what a run wrote from what another did; 0 is nothing.
func textHash(output, failure string) int64 {
	if output == "" && failure == "" {
		return 0
	}
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(output + "\x00" + failure)) // never fails
	return int64(hash.Sum64() | 1)                       //nolint:gosec // any number will do, but 0
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

// readPairs reads run states, in the order of their keys. lock may make them the
// transaction's until it ends. What follows in the transaction finds its rows by
// their keys too.
func (s *Store) readPairs(ctx context.Context, tx *sql.Tx, keys []pairKey, lock string) (map[pairKey]*pair, []*pair, error) {
	pairs := map[pairKey]*pair{}
	var (
		buckets          []int64
		devices, scripts []string
	)
	for _, key := range keys {
		if _, twice := pairs[key]; !twice {
			pairs[key] = nil
			buckets = append(buckets, plimsoll.DeviceBucket(key.device))
			devices, scripts = append(devices, key.device), append(scripts, key.script)
		}
	}
	if len(pairs) == 0 {
		return pairs, nil, nil
	}
	if err := s.findByIndex(ctx, tx); err != nil {
		return nil, nil, err
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
		ORDER BY r.bucket, r.device, r.script`+lock, args...)
	return pairs, order, err
}

// findByIndex has the rest of a transaction find each row by its key: plans are
// kept, and one made while a table was small reads it whole for each row.
func (s *Store) findByIndex(ctx context.Context, tx *sql.Tx) error {
	if s.dialect.byIndex == "" {
		return nil
	}
	_, err := tx.ExecContext(ctx, s.dialect.byIndex)
	return err
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
	var changed [][]int64
	var texts []outputRow
	for _, p := range pairs {
		if !p.changed {
			continue
		}
		changed = append(changed, []int64{
			p.bucket, p.device, p.script, p.run.Revision, stateNumber(p.run.State), p.run.Sequence,
			zeroTicks(p.run.RanAt), zeroTicks(p.run.DueAt), p.text,
		})
		if p.text != p.wasText {
			texts = append(texts, outputRow{p.bucket, p.device, p.script, p.output, p.error})
		}
	}
	if len(changed) == 0 {
		return nil
	}
	table, args := s.dialect.table(inputRows(runColumns, changed))
	_, err := tx.ExecContext(ctx, `UPDATE run_state SET `+setRun+` FROM `+table+` WHERE `+pairOfInput, args...)
	if err != nil {
		return err
	}
	return s.writeOutputs(ctx, tx, texts)
}

// The columns of a run in the input, how they are taken over, and the run state
// that they are of.
const (
	runColumns = "bucket device script revision state sequence ran_at due_at text"
	setRun     = `revision = input.revision, state = input.state, sequence = input.sequence,
		ran_at = input.ran_at, due_at = input.due_at, text = input.text`
	pairOfInput = `run_state.bucket = input.bucket AND run_state.device = input.device AND run_state.script = input.script`
)

// outputRow is what a run wrote: bucket, device and script, output and error.
type outputRow [5]any

func (s *Store) writeOutputs(ctx context.Context, tx *sql.Tx, texts []outputRow) error {
	if len(texts) == 0 {
		return nil
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
