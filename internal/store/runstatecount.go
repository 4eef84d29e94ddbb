package store

import (
	"context"
	"maps"
	"sync/atomic"

	"plimsoll"
	"plimsoll/internal/query"
)

// countRunStates gives how many of a script's run states filter wants, where that
// can be told from the counts, or from indexes alone.
func (s *Store) countRunStates(ctx context.Context, m mark, filter *query.Expr) (n int64, known bool, err error) {
	stated, named := conjuncts(filter, detectionState), conjuncts(filter, deviceName)
	if len(stated)+len(named) < len(conjuncts(filter)) {
		return 0, false, nil
	}
	wanted, err := s.statesCounted(ctx, m.script, allOf(stated))
	if err != nil || named == nil {
		return sumOf(wanted), true, err
	}
	all, err := s.statesCounted(ctx, m.script, nil)
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
		n, err = s.countNamed(ctx, m, wanted, named)
		return n, true, err
	}
	// Every device has a run state: the names alone tell how many there are in any.
	n, err = s.countNames(ctx, named)
	if err != nil {
		return 0, true, err
	}
	rest, err := s.countNamed(ctx, m, others, named)
	return max(0, n-rest), true, err // of what changes meanwhile either may be counted
}

// countNamed gives how many of a script's run states are in one of the states on a
// device whose name meets the conditions.
func (s *Store) countNamed(ctx context.Context, m mark, states map[string]int64, named []*query.Expr) (n int64, err error) {
	rows := s.rowsInStates(m, states)
	for i := 0; err == nil && i < len(rows); i++ {
		l := list[plimsoll.DeviceRunState]{
			from: rows[i].from + ` CROSS JOIN device d` + s.dialect.by("device_by_number"), args: []any{m.script}, columns: namesOfDevices(),
			where: "r.script = $1 AND d.bucket = r.bucket AND d.number = r.device AND " + rows[i].where,
		}
		var some int64
		some, err = l.count(ctx, s, allOf(named))
		n += some
	}
	return n, err
}

// countNames gives how many devices have a name that meets the conditions.
func (s *Store) countNames(ctx context.Context, named []*query.Expr) (n int64, err error) {
	err = s.inParts(ctx, func(ctx context.Context, of numberRange) error {
		l := list[plimsoll.Device]{from: "device d", where: "d.number > $1 AND d.number <= $2", args: []any{of.above, of.last}, columns: namesOfDevices()}
		found, err := l.count(ctx, s, allOf(named))
		atomic.AddInt64(&n, found)
		return err
	})
	return n, err
}

// statesCounted gives, from the counts that are kept, each of the states that filter
// wants in which there are any.
func (s *Store) statesCounted(ctx context.Context, script int64, filter *query.Expr) (counts map[string]int64, err error) {
	c := s.compiler(map[string]string{detectionState: "(" + presentedState("r") + ")"}, script)
	text := "SELECT " + presentedState("r") + ", sum(r.n) FROM run_count r JOIN script s ON s.number = r.script WHERE r.script = $1 AND r.n > 0"
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
