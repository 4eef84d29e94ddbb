package store_test

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"plimsoll"
	"plimsoll/internal/query"
	"plimsoll/internal/store"
	"plimsoll/internal/store/pgtest"
)

// TestRunStatesByEveryPlan reads pages of a list that is long enough for every
// way to read it, and holds them to what is filtered and sorted by hand.
func TestRunStatesByEveryPlan(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"sqlite:" + filepath.Join(t.TempDir(), "plimsoll.db"), pgtest.URL(t)} {
		s, err := store.Open(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		manyDevices(t, s, 22_000)
		manyRunStates(t, s)
		for n, of := range []struct {
			devices int
			changes string
		}{
			{22_000, `UPDATE run_state SET revision = 1`},                                          // as it is
			{22_000, `UPDATE run_state SET revision = CASE WHEN device % 5 = 0 THEN 0 ELSE 1 END`}, // many have run an older revision alone
			{22_000, `UPDATE run_state SET revision = CASE WHEN device % 500 = 0 THEN 0 ELSE 1 END`},
			{14_667, `DELETE FROM run_state WHERE device % 3 = 0`}, // some devices have none
		} {
			exec(t, s, of.changes)
			exec(t, s, `DELETE FROM run_count WHERE script <> 0`)
			exec(t, s, `INSERT INTO run_count (bucket, script, revision, state, n, last_run)
				SELECT bucket, script, revision, state, count(*), max(ran_at) FROM run_state GROUP BY bucket, script, revision, state`)
			every := everyRunState(t, s, of.devices)
			for name, page := range runStatePages() {
				wantRunStates(t, s, name, page, every)
			}
			if n == 0 {
				wantStateAfterState(t, s, every)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// everyRunState follows the list to its end, in its own order.
func everyRunState(t *testing.T, s *store.Store, devices int) (all []plimsoll.DeviceRunState) {
	t.Helper()
	page := query.Page{Limit: 5000, Budget: 1 << 30}
	for first := true; first || page.After != nil; first = false {
		rows, err := s.RunStates(t.Context(), "all", page)
		if err != nil {
			t.Fatal(err)
		}
		all, page.After = append(all, rows.Rows...), rows.Last
	}
	if len(all) != devices {
		t.Fatalf("%d run states", len(all))
	}
	return all
}

func wantRunStates(t *testing.T, s *store.Store, name string, page query.Page, every []plimsoll.DeviceRunState) {
	t.Helper()
	var want []plimsoll.DeviceRunState
	for _, state := range every {
		if page.Filter == nil || met(page.Filter, &state) {
			want = append(want, state)
		}
	}
	if len(page.Order) > 0 { // what is equal stays as it is, or in turn
		descending, key := page.Order[0].Descending, page.Order[0].Expr.Name
		if descending {
			slices.Reverse(want)
		}
		slices.SortStableFunc(want, func(a, b plimsoll.DeviceRunState) int {
			order := a.RanAt.Compare(b.RanAt)
			switch key {
			case "managedDevice/deviceName":
				order = cmp.Compare(a.Device.DeviceName, b.Device.DeviceName)
			case "detectionState":
				order = cmp.Compare(slices.Index(plimsoll.RunStates(), a.State), slices.Index(plimsoll.RunStates(), b.State))
			}
			if descending {
				return -order
			}
			return order
		})
	}
	page.Budget, page.Count = 1<<30, true
	var got []string
	for _, page.Limit = range []int{1, 150} { // a page, and the one that follows it
		rows, err := s.RunStates(t.Context(), "all", page)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if rows.Total != int64(len(want)) {
			t.Errorf("%s, %s: %d are counted, want %d", s.Engine(), name, rows.Total, len(want))
		}
		for i := range rows.Rows {
			got = append(got, rows.Rows[i].DeviceID)
		}
		if page.After = rows.Last; rows.Last == nil {
			break
		}
	}
	for i := range got {
		if i >= len(want) || got[i] != want[i].DeviceID {
			t.Errorf("%s, %s: row %d of %d is another than of %d", s.Engine(), name, i, len(got), len(want))
			return
		}
	}
	if len(got) != min(151, len(want)) {
		t.Errorf("%s, %s: %d rows, want %d", s.Engine(), name, len(got), len(want))
	}
}

// wantStateAfterState follows a list that is sorted by the states to its end, with
// pages that end in a state, with its last row, and with the list.
func wantStateAfterState(t *testing.T, s *store.Store, every []plimsoll.DeviceRunState) {
	t.Helper()
	page := runStatePages()["by-state"]
	success := *runStatePages()["success-by-state"].Filter
	success.Op, page.Filter, page.Budget = query.Ne, &success, 1<<30
	var want []string
	for _, state := range plimsoll.RunStates() {
		for i := range every {
			if every[i].State == state && state != plimsoll.StateSuccess {
				want = append(want, every[i].DeviceID)
			}
		}
	}
	for _, page.Order[0].Descending = range []bool{false, true} {
		for n, limit := range []int{11, 22, len(want) - 1, len(want), len(want) + 1, 22, 22} {
			page.Limit, page.Budget = limit, []int{1 << 30, 1 << 30, 1 << 30, 1 << 30, 1 << 30, 1500, 4000}[n]
			var got []string
			for page.After = nil; ; {
				rows, err := s.RunStates(t.Context(), "all", page)
				if err != nil {
					t.Fatal(err)
				}
				for i := range rows.Rows {
					got = append(got, rows.Rows[i].DeviceID)
				}
				if page.After = rows.Last; rows.Last == nil {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, %d and %d bytes a page, descending %v: %d rows, want %d, or in another order", s.Engine(), page.Limit, page.Budget, page.Order[0].Descending, len(got), len(want))
			}
		}
		slices.Reverse(want)
	}
}

// met holds a run state against one of the filters of runStatePages.
func met(e *query.Expr, s *plimsoll.DeviceRunState) bool {
	if e.Op == query.And {
		return met(e.Args[0], s) && met(e.Args[1], s)
	}
	value := fmt.Sprint(e.Args[1].Value)
	switch e.Op {
	case query.Eq:
		return string(s.State) == value
	case query.StartsWith:
		return strings.HasPrefix(s.Device.DeviceName, value)
	default:
		return strings.Contains(s.Device.DeviceName, value)
	}
}
