package storetest

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"plimsoll"
	"plimsoll/internal/query"
	"plimsoll/internal/query/querytest"
)

// wanted gives the rows that a page without end would have, as the oracle says.
// own is the order of the list where no other is given.
func wanted[T any](rows []T, page *query.Page, row func(*T) map[string]any, own func(a, b *T) int) []T {
	look := func(one *T) func(string) any {
		values := row(one)
		return func(name string) any { return values[name] }
	}
	var found []T
	for i := range rows {
		if page.Filter == nil || querytest.Eval(page.Filter, look(&rows[i])) == true {
			found = append(found, rows[i])
		}
	}
	slices.SortFunc(found, func(a, b T) int {
		for _, key := range page.Order {
			order := querytest.Compare(key.Expr.Type, querytest.Eval(key.Expr, look(&a)), querytest.Eval(key.Expr, look(&b)))
			if order != 0 && key.Descending {
				return -order
			}
			if order != 0 {
				return order
			}
		}
		order := own(&a, &b)
		if n := len(page.Order); n > 0 && page.Order[n-1].Descending {
			return -order
		}
		return order
	})
	return found
}

func byID(a, b *plimsoll.ListedScript) int { return strings.Compare(a.ID, b.ID) }

func ids(rows []plimsoll.ListedScript) []string {
	list := make([]string, len(rows))
	for i := range rows {
		list[i] = rows[i].ID
	}
	return list
}

// listCases holds every case of the table to the oracle.
func listCases(t *testing.T, store Store) {
	t.Helper()
	rows, fields := fill(t, store, 40), scriptFields()
	for _, c := range querytest.Cases(named(fields, "displayName"), named(fields, "publisher"),
		named(fields, "createdDateTime"), named(fields, "roleScopeTagIds")) {
		page := query.Page{Filter: c.Filter, Limit: 1000, Budget: 1 << 30}
		got, err := store.Scripts(t.Context(), page)
		must(t, err)
		if diff := cmp.Diff(ids(wanted(rows, &page, scriptRow, byID)), ids(got.Rows)); diff != "" {
			t.Errorf("%s: %s", c.Name, diff)
		}
	}
}

// drawOrder draws up to three keys.
func drawOrder(t *rapid.T, d querytest.Drawing) (order []query.Key) {
	for range rapid.IntRange(0, 3).Draw(t, "keys") {
		order = append(order, d.Key(t, rapid.IntRange(0, 2).Draw(t, "depth of a key")))
	}
	return order
}

// listProperty holds random filters and orders to the oracle.
func listProperty(t *testing.T, store Store) {
	t.Helper()
	rows, drawing := fill(t, store, 60), querytest.Drawing{Fields: scriptFields()}
	rapid.Check(t, func(rt *rapid.T) {
		page := query.Page{Limit: 1000, Budget: 1 << 30, Count: true, Skip: rapid.IntRange(0, 3).Draw(rt, "skip")}
		page.Filter = drawing.Filter(rt, rapid.IntRange(0, 6).Draw(rt, "depth"))
		page.Order = drawOrder(rt, drawing)
		want := wanted(rows, &page, scriptRow, byID)
		got, err := store.Scripts(rt.Context(), page)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(ids(want[min(page.Skip, len(want)):]), ids(got.Rows)); diff != "" || got.Last != nil {
			rt.Fatalf("%s\nthen %v", diff, got.Last)
		}
		if n, err := store.CountScripts(rt.Context(), page.Filter); err != nil || int(n) != len(want) || n != got.Total {
			rt.Fatalf("%d were counted, %d listed, %d wanted, %v", n, got.Total, len(want), err)
		}
	})
}

// historyProperty does the same with a history.
func historyProperty(t *testing.T, store Store) {
	t.Helper()
	s := addScript(t, store)
	report(t, store, addScript(t, store).ID, 1) // is of no concern
	records := rapid.Custom(func(t *rapid.T) *plimsoll.RunSummaryRecord { return drawRecord(t, s.ID) })
	rows := make([]plimsoll.RunSummaryRecord, 30)
	for i := range rows {
		r := records.Example(i)
		_, err := store.AppendRunSummaries(t.Context(), []*plimsoll.RunSummaryRecord{r})
		must(t, err)
		if i%3 == 0 {
			must(t, store.RemoveRunSummary(t.Context(), s.ID, func(removed *plimsoll.RunSummaryRecord) error {
				removed.RemovedAt, removed.RemovedBy = r.RecordedAt, r.RecordedBy
				*r = *removed
				return nil
			}))
		}
		rows[i] = *r
	}
	drawing := querytest.Drawing{Fields: historyFields()}
	newestFirst := func(a, b *plimsoll.RunSummaryRecord) int { return int(b.Sequence - a.Sequence) }
	oldestFirst := func(a, b *plimsoll.RunSummaryRecord) int { return int(a.Sequence - b.Sequence) }
	rapid.Check(t, func(rt *rapid.T) {
		page := query.Page{Limit: rapid.IntRange(1, 40).Draw(rt, "limit"), Budget: 1 << 30}
		page.Filter = drawing.Filter(rt, rapid.IntRange(0, 4).Draw(rt, "depth"))
		page.Order = drawOrder(rt, drawing)
		own := newestFirst
		if len(page.Order) > 0 {
			own = oldestFirst // or the newest first again, where the last key descends
		}
		want, got := wanted(rows, &page, historyRow, own), []plimsoll.RunSummaryRecord(nil)
		for more := true; more; more = page.After != nil {
			list, err := store.RunSummaryHistory(rt.Context(), s.ID, page)
			if err != nil {
				rt.Fatal(err)
			}
			got, page.After = append(got, list.Rows...), list.Last
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatal(diff)
		}
	})
}

// pagingProperty walks through lists of every order in pages of every size,
// while others come, change and go.
func pagingProperty(t *testing.T, store Store) {
	t.Helper()
	rows, drawing := fill(t, store, 40), querytest.Drawing{Fields: scriptFields()}
	stays := map[string]bool{}
	for _, id := range ids(rows) {
		stays[id] = true
	}
	rapid.Check(t, func(rt *rapid.T) {
		page := query.Page{Limit: rapid.IntRange(1, 15).Draw(rt, "limit"), Budget: rapid.SampledFrom([]int{0, 200, 1 << 30}).Draw(rt, "budget")}
		if rapid.Bool().Draw(rt, "filtered") {
			page.Filter = drawing.Filter(rt, 2)
		}
		page.Order = drawOrder(rt, drawing)
		var gone []string
		got := walk(rt, store, page, func() {
			if len(gone) < 10 { // or the list might grow as fast as it is read
				gone = append(gone, churn(rt, store, rows))
			}
		})
		got = slices.DeleteFunc(got, func(id string) bool { return !stays[id] })
		if want := ids(wanted(rows, &page, scriptRow, byID)); !slices.Equal(want, got) {
			rt.Fatal(cmp.Diff(want, got))
		}
		for _, id := range gone {
			drop(rt, store, id)
		}
	})
}

// walk reads a list to its end, page after page.
func walk(t *rapid.T, store Store, page query.Page, between func()) (got []string) {
	for more := true; more; more = page.After != nil {
		list, err := store.Scripts(t.Context(), page)
		if err != nil {
			t.Fatal(err)
		}
		if len(list.Rows) > page.Limit || len(list.Rows) == 0 && list.Last != nil {
			t.Fatalf("a page of %d has %d rows, then %v", page.Limit, len(list.Rows), list.Last)
		}
		got, page.After = append(got, ids(list.Rows)...), list.Last
		between()
	}
	return got
}

// churn stores a script, which may go at once or stay for now, and changes of
// another what no list shows.
func churn(t *rapid.T, store Store, rows []plimsoll.ListedScript) (id string) {
	s := drawScript(t)
	if err := store.CreateScript(t.Context(), s, event("create", s.ID)); err != nil {
		t.Fatal(err)
	}
	changed := rapid.SampledFrom(rows).Draw(t, "changed").ID
	if _, err := store.Pools()["write"].ExecContext(t.Context(), "UPDATE script SET changes = changes + 1 WHERE id = $1", changed); err != nil {
		t.Fatal(err)
	}
	if rapid.Bool().Draw(t, "goes at once") {
		drop(t, store, s.ID)
	}
	return s.ID
}

func drop(t *rapid.T, store Store, id string) {
	err := store.DeleteScript(t.Context(), id, func(*plimsoll.Script) error { return nil }, event("delete", id))
	if err != nil && plimsoll.ErrorCode(err) != plimsoll.NotFound {
		t.Fatal(err)
	}
}

// listEdges asks for nothing, for what no store can do, and for what would be
// endless if it were written as it stands.
func listEdges(t *testing.T, store Store) {
	t.Helper()
	rows, name := fill(t, store, 10), named(scriptFields(), "displayName")
	got, err := store.Scripts(t.Context(), query.Page{Count: true})
	if err != nil || len(got.Rows) != 0 || got.Last != nil || got.Total != int64(len(rows)) {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = store.Scripts(t.Context(), query.Page{Limit: 1, Budget: 1 << 30, Skip: 100, Count: true})
	if err != nil || len(got.Rows) != 0 || got.Last != nil || got.Total != int64(len(rows)) {
		t.Errorf("%+v, %v", got, err)
	}
	injected := field("s.id", query.String, false)
	for what, page := range map[string]query.Page{
		"a property that is not there":  {Filter: querytest.Make(query.Eq, query.Boolean, injected, name)},
		"an order by one":               {Order: []query.Key{{Expr: injected}}},
		"an order by a collection":      {Order: []query.Key{{Expr: named(scriptFields(), "roleScopeTagIds")}}},
		"a variable outside its lambda": {Filter: &query.Expr{Op: query.Variable, Name: "x"}},
		"an operation of the future":    {Filter: &query.Expr{Op: query.Count + 1}},
		"too few values to go on after": {Order: []query.Key{{Expr: name}}, After: []any{"x"}},
		"a value of another type":       {Order: []query.Key{{Expr: name}}, After: []any{int64(1), "x"}},
		"a null that cannot be":         {Order: []query.Key{{Expr: name}}, After: []any{nil, "x"}},
	} {
		page.Limit = 1
		if _, err := store.Scripts(t.Context(), page); plimsoll.ErrorCode(err) != plimsoll.Internal || err == nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	deep := name
	for range 30 {
		deep = querytest.Make(query.ToLower, query.String, deep)
		deep = querytest.Make(query.Substring, query.String, deep, querytest.Make(query.Sub, query.Number,
			querytest.Value(query.Number, int64(1)), querytest.Value(query.Number, int64(1))))
	}
	page := query.Page{Filter: querytest.Make(query.EndsWith, query.Boolean, deep, deep), Order: []query.Key{{Expr: deep}}, Limit: 100, Budget: 1 << 30}
	got, err = store.Scripts(t.Context(), page)
	if diff := cmp.Diff(ids(wanted(rows, &page, scriptRow, byID)), ids(got.Rows)); diff != "" || err != nil {
		t.Error(diff, err)
	}
}
