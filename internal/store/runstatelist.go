package store

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

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
	deviceName     = "managedDevice/deviceName"
)

// Where a list is read from one of its ends until a page is full, and where all
// that a filter finds is sorted.
const (
	fewDevices = 5000   // with a name: so few are found first, and looked at one by one
	fewStates  = 20_000 // of a kind: so few are sorted
	fewOfFleet = 32     // a script that reaches less than this part of the fleet is read by itself
)

// runColumnsShown gives the SQL of the properties of a run state itself.
func runColumnsShown() map[string]string {
	return map[string]string{
		"id": "(s.id || ':' || d.id)", "detectionState": "(" + presentedState() + ")",
		"lastStateUpdateDateTime": "nullif(r.ran_at, 0)", "expectedStateUpdateDateTime": "nullif(r.due_at, 0)",
		"lastSyncDateTime": "d.last_sync_at", "scriptOutput": "nullif(o.output, '')", "scriptError": "nullif(o.error, '')",
	}
}

// runStateColumns are what scanRunState reads.
func runStateColumns() string {
	return deviceColumns() + `, s.id, ` + presentedState() + `, r.ran_at, r.due_at, coalesce(o.output, ''), coalesce(o.error, '')`
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
		size: func(r *plimsoll.DeviceRunState) int { return len(r.Output) + len(r.Error) + 200 },
	}
}

// plannedRunStates is that list as a page of it is best read: by an index that is
// in its order, or from the few rows that its filter can be met by.
func (s *Store) plannedRunStates(ctx context.Context, script int64, page *query.Page) (*list[plimsoll.DeviceRunState], error) {
	l := runStateList(script)
	l.counted = func(ctx context.Context, filter *query.Expr) (int64, bool, error) {
		return s.countRunStates(ctx, script, filter)
	}
	if named := conjuncts(page.Filter, deviceName); named != nil {
		numbers, err := s.devicesNamed(ctx, named)
		if err != nil {
			return nil, err
		}
		if len(numbers) <= fewDevices {
			array, err := json.Marshal(append([]int64{}, numbers...))
			l.from = `script s CROSS JOIN ` + strings.Replace(s.dialect.rows, "$1", "$2", 1) +
				` CROSS JOIN run_state r CROSS JOIN device d` + outputTable
			l.where += ` AND r.device = ` + s.dialect.number
			l.args, l.counted = append(l.args, string(array)), nil
			return l, err
		}
	}
	many, err := s.manyOf(ctx, script, page.Filter)
	if err != nil {
		return nil, err
	}
	byName := len(page.Order) > 0 && page.Order[0].Expr.Op == query.Field && page.Order[0].Expr.Name == deviceName
	if many && byName {
		l.from, l.own.sql = tablesByName, "d.number"
	}
	if !many { // no index is gone through in its order
		l.sorted["lastStateUpdateDateTime"] = "+r.ran_at"
	}
	if !many || len(page.Order) == 0 || s.dialect.knows { // else SQLite would take the index of states, and sort
		l.equal = map[string]func(string) string{"detectionState": isState}
	}
	return l, nil
}

// isState is the SQL of a run state being read as one, in words that an index
// has, and by which PostgreSQL can tell how many there are.
func isState(state string) string {
	of := "r.state = " + strconv.FormatInt(stateNumber(plimsoll.RunState(state)), 10)
	switch plimsoll.RunState(state) {
	case plimsoll.StatePending:
		return "(" + of + " OR r.revision < s.revision AND r.state <> 5)"
	case plimsoll.StateNotApplicable:
		return "(" + of + ")"
	default:
		return "(r.revision = s.revision AND " + of + ")"
	}
}

// manyOf tells whether so many rows of a script may meet a filter that they are
// better met on the way through an index than found and sorted.
func (s *Store) manyOf(ctx context.Context, script int64, filter *query.Expr) (bool, error) {
	n, err := s.statesCounted(ctx, script, allOf(conjuncts(filter, "detectionState")))
	if err != nil || n <= fewStates {
		return false, err
	}
	var fleet int64
	err = s.read.QueryRowContext(ctx, `SELECT number FROM fleet_number`).Scan(&fleet)
	return n > fleet/fewOfFleet, refusal(err)
}

// conjuncts gives those conditions of a filter, all of which have to be met, that
// look at one property and nothing else.
func conjuncts(filter *query.Expr, property string) (found []*query.Expr) {
	switch {
	case filter == nil:
	case filter.Op == query.And:
		for _, arg := range filter.Args {
			found = append(found, conjuncts(arg, property)...)
		}
	case looksOnlyAt(filter, property):
		found = append(found, filter)
	}
	return found
}

// looksOnlyAt tells whether an expression looks at a property, and at no other.
func looksOnlyAt(e *query.Expr, property string) bool {
	fields := fieldsOf(e)
	return len(fields) > 0 && !slices.ContainsFunc(fields, func(name string) bool { return name != property })
}

func fieldsOf(e *query.Expr) (names []string) {
	if e.Op == query.Field {
		names = append(names, e.Name)
	}
	for _, arg := range e.Args {
		names = append(names, fieldsOf(arg)...)
	}
	return names
}

// allOf wants what every one of the conditions wants.
func allOf(conditions []*query.Expr) *query.Expr {
	switch len(conditions) {
	case 0:
		return nil
	case 1:
		return conditions[0]
	default:
		return &query.Expr{Op: query.And, Type: query.Type{Kind: query.Boolean, Nullable: true}, Args: conditions}
	}
}

// devicesNamed gives the numbers of the devices whose names meet the conditions,
// fewDevices and one at most. The index of the names has all that is read.
func (s *Store) devicesNamed(ctx context.Context, conditions []*query.Expr) ([]int64, error) {
	c := s.compiler(map[string]string{deviceName: "d.device_name"})
	text := "SELECT d.number FROM device d" + s.dialect.byNames + " WHERE " + c.truth(allOf(conditions)) + " LIMIT " + strconv.Itoa(fewDevices+1)
	if c.err != nil {
		return nil, c.err
	}
	return collect(ctx, s.read, column[int64], text, s.dialect.passing(c.args)...)
}

// countRunStates gives how many of a script's run states filter wants, where that
// can be told from less than all of them.
func (s *Store) countRunStates(ctx context.Context, script int64, filter *query.Expr) (n int64, known bool, err error) {
	if filter == nil || looksOnlyAt(filter, "detectionState") {
		n, err = s.statesCounted(ctx, script, filter)
		return n, true, err
	}
	if !looksOnlyAt(filter, deviceName) {
		return 0, false, nil
	}
	states, err := s.statesCounted(ctx, script, nil)
	if err != nil {
		return 0, false, err
	}
	var devices int64
	if err = s.read.QueryRowContext(ctx, `SELECT count(*) FROM device`).Scan(&devices); err != nil || devices != states {
		return 0, false, refusal(err)
	}
	c := s.compiler(map[string]string{deviceName: "d.device_name"}) // every device has one
	text := "SELECT count(*) FROM device d" + s.dialect.byNames + " WHERE " + c.truth(filter)
	if c.err != nil {
		return 0, false, c.err
	}
	err = s.read.QueryRowContext(ctx, text, s.dialect.passing(c.args)...).Scan(&n)
	return n, true, refusal(err)
}

// statesCounted gives, from the counts that are kept, how many of a script's
// devices have a state that filter wants.
func (s *Store) statesCounted(ctx context.Context, script int64, filter *query.Expr) (n int64, err error) {
	c := s.compiler(map[string]string{"detectionState": "(" + presentedState() + ")"}, script)
	text := "SELECT coalesce(sum(r.n), 0) FROM run_count r JOIN script s ON s.number = r.script WHERE r.script = $1"
	if filter != nil {
		text += " AND " + c.truth(filter)
	}
	if c.err != nil {
		return 0, c.err
	}
	err = s.read.QueryRowContext(ctx, text, s.dialect.passing(c.args)...).Scan(&n)
	return n, refusal(err)
}

// RunStates gives a page of a script's run states, by their devices.
func (s *Store) RunStates(ctx context.Context, scriptID string, page query.Page) (rows query.Rows[plimsoll.DeviceRunState], err error) {
	script, err := scriptNumber(ctx, s.read, scriptID, "")
	if err != nil {
		return query.Rows[plimsoll.DeviceRunState]{Total: -1}, err
	}
	err = s.search(ctx, func(ctx context.Context) error {
		l, err := s.plannedRunStates(ctx, script, &page)
		if err == nil {
			rows, err = l.readPage(ctx, s, &page)
		}
		return err
	})
	return rows, err
}

// CountRunStates gives how many of a script's run states filter wants.
func (s *Store) CountRunStates(ctx context.Context, scriptID string, filter *query.Expr) (int64, error) {
	rows, err := s.RunStates(ctx, scriptID, query.Page{Filter: filter, Count: true})
	return rows.Total, err
}
