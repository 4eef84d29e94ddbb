package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"plimsoll"
	"plimsoll/internal/query"
)

// So few rows that meet a condition are found first, and looked at one by one; more
// are met on the way through an index that is in the list's order.
const (
	fewDevices = 5000
	fewOfFleet = 200 // as a part of the fleet, where that is more
)

// plannedRunStates is that list as a page of it is best read: by an index that is
// in its order, or from the few rows that its filter can be met by.
func (s *Store) plannedRunStates(ctx context.Context, m mark, page *query.Page) (*list[plimsoll.DeviceRunState], error) {
	l := runStateList(m.script)
	l.counted = func(ctx context.Context, filter *query.Expr) (int64, bool, error) {
		return s.countRunStates(ctx, m, filter)
	}
	fleet, err := s.countOfDevices(ctx)
	if err != nil {
		return nil, err
	}
	if page.Limit == 0 { // it is only counted, and that is best done without a look at rows
		all, err := s.statesCounted(ctx, m.script, nil)
		if err != nil || sumOf(all) == fleet || page.Filter == nil || looksOnlyAt(page.Filter, detectionState) {
			return l, err
		}
	}
	few := max(fewDevices, fleet/fewOfFleet)
	latest := int64(math.MaxInt64)
	if stated := conjuncts(page.Filter, detectionState); stated != nil {
		counts, err := s.statesCounted(ctx, m.script, allOf(stated))
		if err != nil {
			return nil, err
		}
		if sumOf(counts) <= few {
			numbers, err := s.devicesInStates(ctx, m, counts, few)
			if err != nil || int64(len(numbers)) <= few {
				return s.amongDevices(l, page, numbers), err
			}
		}
		if _, pending := counts[string(plimsoll.StatePending)]; pending && len(counts) == 1 {
			latest = m.pending
		}
	}
	if named := conjuncts(page.Filter, deviceName); named != nil {
		numbers, err := s.devicesNamed(ctx, named, few)
		if err != nil || int64(len(numbers)) <= few {
			return s.amongDevices(l, page, numbers), err
		}
	}
	by := sortedBy(page)
	if by == "" || s.dialect.knows { // else SQLite would take the index of outcomes, and sort
		l.equal = map[string]func(string) string{detectionState: s.isState}
	}
	switch {
	case by == deviceName:
		l.from, l.own.sql = tablesByName, "d.number"
	case by == lastUpdate && s.dialect.knows:
		l.where += fmt.Sprintf(" AND r.ran_at <= %d", latest)
	case by == lastUpdate:
		l.from, l.where = tablesByTime, l.where+sameAsTime+fmt.Sprintf(" AND t.ran_at <= %d", latest)
		l.columns[detectionState], l.sorted[lastUpdate], l.own.sql = "("+presentedState("t")+")", "t.ran_at", "t.device"
	}
	return l, nil
}

// sortedBy gives the property that a page is sorted by first, or "" where nothing
// but the list's own order sorts it.
func sortedBy(page *query.Page) string {
	switch {
	case len(page.Order) == 0:
		return ""
	case page.Order[0].Expr.Op == query.Field:
		return page.Order[0].Expr.Name
	default:
		return "an expression"
	}
}

// amongDevices has a list look at the devices with these numbers, and at no other.
func (s *Store) amongDevices(l *list[plimsoll.DeviceRunState], page *query.Page, numbers []int64) *list[plimsoll.DeviceRunState] {
	array, _ := json.Marshal(append([]int64{}, numbers...)) // which cannot fail
	l.from = `script s CROSS JOIN ` + strings.Replace(s.dialect.rows, "$1", "$2", 1) +
		` CROSS JOIN run_state r` + s.dialect.by("run_state_by_script") + ` CROSS JOIN device d` + outputTable
	l.where += ` AND r.device = ` + s.dialect.number
	l.args = append(l.args, string(array))
	if !looksOnlyAt(page.Filter, detectionState) { // else the counts tell
		l.counted = nil
	}
	return l
}

// stateIs is the condition of a filter that a run state is read as one.
func stateIs(state string) *query.Expr {
	enum := query.Type{Kind: query.Enum}
	for _, member := range plimsoll.RunStates() {
		enum.Members = append(enum.Members, string(member))
	}
	return &query.Expr{Op: query.Eq, Type: query.Type{Kind: query.Boolean}, Args: []*query.Expr{
		{Op: query.Field, Type: enum, Name: detectionState}, {Op: query.Literal, Type: enum, Value: state},
	}}
}

// isState is the SQL of a run state being read as one, in words that an index has,
// and by which PostgreSQL can tell how many there are. SQLite has them where the
// index has the rows in the order of the devices.
func (s *Store) isState(state string) string {
	of := "r.state = " + strconv.FormatInt(stateNumber(plimsoll.RunState(state)), 10)
	severalRevisions := state == string(plimsoll.StatePending) || state == string(plimsoll.StateNotApplicable)
	switch {
	case severalRevisions && !s.dialect.knows:
		return "(" + presentedState("r") + ") = '" + state + "'"
	case state == string(plimsoll.StatePending):
		return "(" + of + " OR r.revision < s.revision AND r.state <> 5)"
	case severalRevisions:
		return "(" + of + ")"
	default:
		return "(" + of + " AND r.revision = s.revision)"
	}
}

// conjuncts gives those conditions of a filter, all of which have to be met, that
// look at one of the properties and nothing else; where none is named, all.
func conjuncts(filter *query.Expr, properties ...string) (found []*query.Expr) {
	switch {
	case filter == nil:
	case filter.Op == query.And:
		for _, arg := range filter.Args {
			found = append(found, conjuncts(arg, properties...)...)
		}
	case properties == nil, looksOnlyAt(filter, properties...):
		found = append(found, filter)
	}
	return found
}

// looksOnlyAt tells whether an expression looks at some of the properties, and at
// no other.
func looksOnlyAt(e *query.Expr, properties ...string) bool {
	fields := fieldsOf(e)
	return len(fields) > 0 && !slices.ContainsFunc(fields, func(name string) bool { return !slices.Contains(properties, name) })
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

// devicesNamed gives the numbers of the devices whose names meet the conditions, or
// some more than few. An index has all that is read.
func (s *Store) devicesNamed(ctx context.Context, conditions []*query.Expr, few int64) (numbers []int64, err error) {
	var mu sync.Mutex
	err = s.inParts(ctx, func(ctx context.Context, of numberRange) error {
		c := s.compiler(namesOfDevices(), of.above, of.last, few+1)
		text := "SELECT d.number FROM device d WHERE d.number > $1 AND d.number <= $2 AND " + c.truth(allOf(conditions)) + " LIMIT $3"
		if c.err != nil {
			return c.err
		}
		found, err := collect(ctx, s.read, column[int64], text, s.dialect.passing(c.args)...)
		mu.Lock()
		defer mu.Unlock()
		if numbers = append(numbers, found...); err == nil && int64(len(numbers)) > few {
			err = errEnough
		}
		return err
	})
	return numbers, err
}

// devicesInStates gives the numbers of the devices on which a script is in one of
// the states, or some more than few.
func (s *Store) devicesInStates(ctx context.Context, m mark, states map[string]int64, few int64) ([]int64, error) {
	rows := s.rowsInStates(m, states)
	if rows == nil {
		return nil, nil
	}
	parts := make([]string, len(rows))
	for i, of := range rows {
		parts[i] = "SELECT r.device FROM " + of.from + " WHERE r.script = $1 AND " + of.where
	}
	return collect(ctx, s.read, column[int64], strings.Join(parts, " UNION ALL ")+" LIMIT $2", s.dialect.passing([]any{m.script, few + 1})...)
}

// rowsOf is some rows of run_state, r, that an index has all about.
type rowsOf struct{ from, where string }

// rowsInStates gives where the rows of a script are that are in one of the states;
// none is at two places. What is told here rather than joined is for PostgreSQL to
// know how few there are.
func (s *Store) rowsInStates(m mark, states map[string]int64) (rows []rowsOf) {
	for state := range states {
		of := rowsOf{"run_state r" + s.dialect.by("run_state_by_time"), fmt.Sprintf("r.state = %d", stateNumber(plimsoll.RunState(state)))}
		switch plimsoll.RunState(state) {
		case plimsoll.StateNotApplicable:
		case plimsoll.StatePending:
			of.where = fmt.Sprintf("r.ran_at <= %d AND (%s OR r.state <> 5 AND r.revision < %d)", m.pending, of.where, m.revision)
		default:
			of.where += fmt.Sprintf(" AND r.revision = %d", m.revision)
			if state == string(plimsoll.StateFail) || state == string(plimsoll.StateScriptError) {
				of.from = "run_state r" + s.dialect.by("run_state_by_fault")
			}
		}
		rows = append(rows, of)
	}
	return rows
}

// namesOfDevices gives the SQL of what a condition of devices' names looks at.
func namesOfDevices() map[string]string {
	return map[string]string{deviceName: "d.device_name", deviceName + folded: "d.folded_name"}
}
