package store_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"plimsoll"
	"plimsoll/internal/query"
	"plimsoll/internal/store"
	"plimsoll/internal/store/pgtest"
)

// BenchmarkScripts compares pages of 100 deep in a list of 100,000 scripts with
// its first page. They take turns, and the ratio of the medians is reported:
// noise then hits both alike.
func BenchmarkScripts(b *testing.B) {
	const scripts = 100_000
	stores := map[string]func(testing.TB) string{"sqlite": sqliteAddress, "postgres": pgtest.URL}
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			s, err := store.Open(b.Context(), stores[engine](b))
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			manyScripts(b, s, scripts)
			orders := map[string][]query.Key{
				"id": nil, "displayName": {{Expr: property("displayName", query.String, false)}},
				"publisher": {{Expr: property("publisher", query.String, true), Descending: true}},
			}
			for _, order := range []string{"id", "displayName", "publisher"} {
				for _, with := range []string{"", "runSummary"} {
					b.Run(fmt.Sprintf("orderby=%s/with=%s", order, with), func(b *testing.B) {
						benchmarkDepth(b, s, query.Page{Order: orders[order], With: []string{with}, Limit: 100, Budget: 4 << 20}, scripts)
					})
				}
			}
		})
	}
}

func sqliteAddress(tb testing.TB) string {
	tb.Helper()
	return "sqlite:" + filepath.Join(tb.TempDir(), "plimsoll.db")
}

func benchmarkDepth(b *testing.B, s *store.Store, first query.Page, scripts int) {
	b.Helper()
	pages := []query.Page{first, first, first} // at the beginning, at half of the depth, near the end
	for i, percent := range []int{0, 50, 99} {
		if percent > 0 {
			before := first
			before.Skip, before.Limit = scripts*percent/100-1, 1
			pages[i].After = readPage(b, s, before).Last
		}
		readPage(b, s, pages[i]) // fills the caches
	}
	times := make([][]float64, len(pages))
	for b.Loop() {
		for i, page := range pages {
			begin := time.Now()
			if n := len(readPage(b, s, page).Rows); n != page.Limit {
				b.Fatalf("a page has %d rows", n)
			}
			times[i] = append(times[i], float64(time.Since(begin))/float64(time.Millisecond))
		}
	}
	median := func(i int) float64 { return slices.Sorted(slices.Values(times[i]))[len(times[i])/2] }
	b.ReportMetric(median(0), "first-ms")
	b.ReportMetric(median(1)/median(0), "ratio-at-50%")
	b.ReportMetric(median(2)/median(0), "ratio-at-99%")
	b.ReportMetric(0, "ns/op") // three pages: that says nothing
}

func readPage(b *testing.B, s *store.Store, page query.Page) query.Rows[plimsoll.ListedScript] {
	b.Helper()
	list, err := s.Scripts(b.Context(), page)
	if err != nil {
		b.Fatal(err)
	}
	return list
}
