package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"plimsoll"
	"plimsoll/internal/query"
)

// The tables of a script's run states, and how they belong together. SQLite, which
// knows nothing of how many rows there are, reads what CROSS JOIN joins in the
// order in which it stands; PostgreSQL decides for itself.
const (
	outputTable = ` LEFT JOIN run_output o ON o.bucket = r.bucket AND o.device = r.device AND o.script = r.script`
	ofScript    = `s.number = $1 AND r.script = $1 AND d.bucket = r.bucket AND d.number = r.device`

	tablesByScript = `script s CROSS JOIN run_state r CROSS JOIN device d` + outputTable
	tablesByName   = `script s CROSS JOIN device d CROSS JOIN run_state r` + outputTable
	// The index of the times, t, has the state too: a row of r is read where t fits.
	tablesByTime = `script s CROSS JOIN run_state t CROSS JOIN run_state r CROSS JOIN device d` + outputTable
	sameAsTime   = ` AND t.script = $1 AND r.bucket = t.bucket AND r.device = t.device`

	deviceName     = "managedDevice/deviceName"
	detectionState = "detectionState"
	lastUpdate     = "lastStateUpdateDateTime"
)

// runColumnsShown gives the SQL of the properties of a run state itself.
func runColumnsShown() map[string]string {
	return map[string]string{
		"id": "(s.id || ':' || d.id)", detectionState: "(" + presentedState("r") + ")",
		"lastStateUpdateDateTime": "nullif(r.ran_at, 0)", "expectedStateUpdateDateTime": "nullif(r.due_at, 0)",
		"lastSyncDateTime": "d.last_sync_at", "scriptOutput": "nullif(o.output, '')", "scriptError": "nullif(o.error, '')",
	}
}

// runStateColumns are what scanRunState reads.
func runStateColumns() string {
	return deviceColumns() + `, s.id, ` + presentedState("r") + `, r.ran_at, r.due_at, coalesce(o.output, ''), coalesce(o.error, '')`
}

// runStateList is the list of a script's run states, each with its device.
func runStateList(script int64) *list[plimsoll.DeviceRunState] {
	columns := map[string]string{"managedDevice": "d.number"}
	for name, sql := range deviceProperties() {
		columns["managedDevice/"+name] = sql
	}
	maps.Copy(columns, runColumnsShown())
	return &list[plimsoll.DeviceRunState]{
		from: tablesByScript, where: ofScript, args: []any{script},
		columns: columns, own: sortKey{sql: "r.device", kind: query.Number},
		sorted:  map[string]string{deviceName: "d.device_name", "lastStateUpdateDateTime": "r.ran_at", "expectedStateUpdateDateTime": "r.due_at"},
		selects: runStateColumns(), scan: scanRunState,
		size: sizeOfRunState,
	}
}

func sizeOfRunState(r *plimsoll.DeviceRunState) int { return len(r.Output) + len(r.Error) + 200 }

// RunStates gives a page of a script's run states, by their devices.
func (s *Store) RunStates(ctx context.Context, scriptID string, page query.Page) (rows query.Rows[plimsoll.DeviceRunState], err error) {
	m, err := s.markOf(ctx, scriptID)
	if err != nil {
		return query.Rows[plimsoll.DeviceRunState]{Total: -1}, err
	}
	err = s.search(ctx, func(ctx context.Context) error {
		for try := 1; ; try++ {
			if try == maxTries { // whatever happens meanwhile, no row is left out
				m.pending = math.MaxInt64
			}
			if page.Limit > 0 && page.Skip == 0 && sortedBy(&page) == detectionState {
				rows, err = s.runStatesByState(ctx, m, &page)
			} else {
				rows, err = s.runStatesPage(ctx, m, &page, false)
			}
			if err != nil || try == maxTries {
				return err
			}
			now, err := s.markOf(ctx, scriptID)
			if err != nil || now.revision == m.revision && now.pending <= m.pending {
				return err
			}
			m = now
		}
	})
	return rows, err
}

// maxTries is how often a page is read anew where its plan did not hold.
const maxTries = 3

// mark is what the plan of a page goes by, which is read by several statements: it
// has to hold when they are done.
type mark struct {
	script   int64 // its number
	revision int64 // of the script
	pending  int64 // when the latest run was of what is pending, in ticks: none of it ran later
}

func (s *Store) markOf(ctx context.Context, scriptID string) (m mark, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT s.number, s.revision, coalesce((SELECT max(c.last_run) FROM run_count c
			WHERE c.script = s.number AND c.n > 0 AND c.state <> 5 AND (c.state = 4 OR c.revision < s.revision)), 0)
		FROM script s WHERE s.id = $1`, scriptID).Scan(&m.script, &m.revision, &m.pending)
	if errors.Is(err, sql.ErrNoRows) {
		err = noScript(scriptID)
	}
	return m, refusal(err)
}

func (s *Store) runStatesPage(
	ctx context.Context, m mark, page *query.Page, descending bool,
) (rows query.Rows[plimsoll.DeviceRunState], err error) {
	l, err := s.plannedRunStates(ctx, m, page)
	if err != nil {
		return rows, err
	}
	l.own.descending = descending
	return l.readPage(ctx, s, page)
}

// runStatesByState reads a list that is sorted by the states first: one state after
// the other, and those in it by what is left of the order. Where a page ends with
// the last row of a state, the next begins after that one's place alone.
func (s *Store) runStatesByState(ctx context.Context, m mark, page *query.Page) (all query.Rows[plimsoll.DeviceRunState], err error) {
	by, of := page.Order[0], *page
	of.Order, of.Count, of.After = page.Order[1:], false, nil
	all.Total = -1
	if page.Count {
		counted := query.Page{Filter: page.Filter, Count: true}
		if all, err = s.runStatesPage(ctx, m, &counted, false); err != nil {
			return all, err
		}
	}
	places, err := placesAfter(by, page.After)
	if len(page.After) > 1 {
		of.After = page.After[1:]
	}
	for i := 0; err == nil && i < len(places); i++ {
		of.Filter = allOf(append(conjuncts(page.Filter), stateIs(by.Expr.Type.Members[places[i]])))
		of.Limit = page.Limit - len(all.Rows)
		full := of.Limit == 0 || of.Budget < 0
		if full { // only whether a row follows is left to be known
			of.Limit, of.Budget = 1, 0
		}
		rows, err := s.runStatesPage(ctx, m, &of, by.Descending)
		if err != nil {
			return all, err
		}
		if full && len(rows.Rows) > 0 {
			all.Last = []any{places[i]}
			return all, nil
		}
		all.Rows = append(all.Rows, rows.Rows...)
		for j := range rows.Rows {
			of.Budget -= sizeOfRunState(&rows.Rows[j])
		}
		if rows.Last != nil {
			all.Last = append([]any{places[i]}, rows.Last...)
			return all, nil
		}
		of.After = nil
	}
	return all, err
}

// placesAfter gives the places of the members of an enum that a list is sorted by,
// in the order of the list, from where a page ended.
func placesAfter(by query.Key, after []any) ([]int64, error) {
	places := make([]int64, len(by.Expr.Type.Members))
	for i := range places {
		places[i] = int64(i)
	}
	if by.Descending {
		slices.Reverse(places)
	}
	if after == nil {
		return places, nil
	}
	begin := slices.IndexFunc(places, func(place int64) bool { return place == after[0] })
	if begin < 0 {
		return nil, fmt.Errorf("a page cannot begin after %v: it is no member's place", after[0])
	}
	return places[begin:], nil
}

// CountRunStates gives how many of a script's run states filter wants.
func (s *Store) CountRunStates(ctx context.Context, scriptID string, filter *query.Expr) (int64, error) {
	rows, err := s.RunStates(ctx, scriptID, query.Page{Filter: filter, Count: true})
	return rows.Total, err
}
