package store

import (
	"context"
	"fmt"
	"maps"
	"sync/atomic"

	"plimsoll"
	"plimsoll/internal/query"
)

// countRunStates gives how many of a script's run states filter wants, where that
// can be told from the counts, or from indexes alone.
func (s *Store) countRunStates(ctx context.Context, script int64, filter *query.Expr) (n int64, known bool, err error) {
	stated, named := conjuncts(filter, detectionState), conjuncts(filter, deviceName)
	if len(stated)+len(named) < len(conjuncts(filter)) {
		return 0, false, nil
	}
	revision, err := s.scriptRevision(ctx, script)
	if err != nil {
		return 0, true, err
	}
	wanted, err := s.statesCounted(ctx, script, allOf(stated))
	if err != nil || named == nil {
		return sumOf(wanted), true, err
	}
	all, err := s.statesCounted(ctx, script, nil)
	if err != nil {
		return 0, true, err
	}
	devices, err := s.countOfDevices(ctx)
	if err != nil {
		return 0, true, err
	}
	others := maps.Clone(all)
	maps.DeleteFunc(others, func(state string, _ int64) bool { _, ok := wanted[state]; return ok })
	if sumOf(all) != devices || sumOf(wanted) < sumOf(others) {
		n, err = s.countNamed(ctx, script, wanted, named)
		return n, true, err
	}
	// Every device has a run state: the names alone tell how many there are in any.
	n, err = s.countInParts(ctx, list[plimsoll.DeviceRunState]{from: "device d", where: "TRUE"}, "d.number", named)
	if err != nil {
		return 0, true, err
	}
	rest, err := s.countNamed(ctx, script, others, named)
	if err != nil {
		return 0, true, err
	}
	after, err := s.scriptRevision(ctx, script)
	return max(0, n-rest), after == revision, err
}

// countNamed gives how many of a script's run states are in one of the states on a
// device whose name meets the conditions.
func (s *Store) countNamed(ctx context.Context, script int64, states map[string]int64, named []*query.Expr) (n int64, err error) {
	conditions, err := s.rangesOf(ctx, script, states)
	for i := 0; err == nil && i < len(conditions); i++ {
		var some int64
		some, err = s.countInParts(ctx, list[plimsoll.DeviceRunState]{
			from: `run_state r` + s.dialect.by("run_state_by_outcome") + ` CROSS JOIN device d` + s.dialect.by("device_by_number"), args: []any{script},
			where: "r.script = $1 AND d.bucket = r.bucket AND d.number = r.device AND " + conditions[i],
		}, "r.device", named)
		n += some
	}
	return n, err
}

// countInParts counts the rows of l whose devices' names meet the conditions.
func (s *Store) countInParts(ctx context.Context, l list[plimsoll.DeviceRunState], number string, named []*query.Expr) (n int64, err error) {
	l.columns = namesOfDevices()
	err = s.inParts(ctx, func(ctx context.Context, of numberRange) error {
		part := l
		part.where += fmt.Sprintf(" AND %s > %d AND %s <= %d", number, of.above, number, of.last)
		found, err := part.count(ctx, s, allOf(named))
		atomic.AddInt64(&n, found)
		return err
	})
	return n, err
}

// statesCounted gives, from the counts that are kept, how many of a script's
// devices have each of the states that filter wants.
func (s *Store) statesCounted(ctx context.Context, script int64, filter *query.Expr) (counts map[string]int64, err error) {
	c := s.compiler(map[string]string{detectionState: "(" + presentedState("r") + ")"}, script)
	text := "SELECT " + presentedState("r") + ", sum(r.n) FROM run_count r JOIN script s ON s.number = r.script WHERE r.script = $1"
	if filter != nil {
		text += " AND " + c.truth(filter)
	}
	if c.err != nil {
		return nil, c.err
	}
	counts = map[string]int64{}
	_, err = collect(ctx, s.read, func(row scanner) (struct{}, error) {
		var state string
		var n int64
		err := row.Scan(&state, &n)
		counts[state] = n
		return struct{}{}, err
	}, text+" GROUP BY 1", s.dialect.passing(c.args)...)
	return counts, err
}

func sumOf(counts map[string]int64) (n int64) {
	for _, some := range counts {
		n += some
	}
	return n
}
