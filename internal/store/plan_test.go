package store_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"plimsoll/internal/query"
	"plimsoll/internal/query/querytest"
	"plimsoll/internal/store"
	"plimsoll/internal/store/pgtest"
)

// manyScripts stores n scripts in one statement: names and publishers of which
// some are equal or null, and times that do not follow the ids.
func manyScripts(tb testing.TB, s *store.Store, n int) {
	tb.Helper()
	series := fmt.Sprintf("generate_series(1, CAST(%d AS bigint)) AS n(i)", n)
	if s.Engine() == "sqlite" {
		series = fmt.Sprintf("(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i FROM n)", n)
	}
	statements := []string{
		`INSERT INTO script (id, revision, changes, publisher, version, description, display_name, run_as_account,
			enforce_signature_check, run_as_32_bit, platform, role_scope_tag_ids, created_at, modified_at, change_sequence, number)
		SELECT 'id-' || (i * 7919 % 1000003 + 1000000), 1, 1, CASE WHEN i % 5 > 0 THEN 'publisher ' || (i % 100) END, NULL, 'text',
			'name ' || (i * 104729 % 1000003 / 2 + 1000000), 'system', FALSE, FALSE, '', '["0"]',
			630000000000000000 + i * 15485863 % 1000003 / 2 * 10000000, 630000000000000000 + i * 32452843 % 1000003 / 2 * 10000000, i, i
		FROM ` + series,
		`INSERT INTO script_content (script_id, content) SELECT id, NULL FROM script`,
		`INSERT INTO run_summary_head (script_id, sequence) SELECT id, 1 FROM script`,
		`INSERT INTO run_summary (script_id, sequence, id, no_issue_detected, issue_detected, detection_script_error,
			detection_script_pending, last_script_run, recorded_at, recorded_by) SELECT id, 1, id, 1, 2, 3, 4, 5, 6, 'x' FROM script`,
	}
	if s.Engine() == "postgres" {
		statements = append(statements, "ANALYZE") // as it does by itself; SQLite never does
	}
	for _, statement := range statements {
		if _, err := s.Pools()["write"].ExecContext(tb.Context(), statement); err != nil {
			tb.Fatal(err)
		}
	}
}

func property(name string, kind query.Kind, nullable bool) *query.Expr {
	return &query.Expr{Op: query.Field, Name: name, Type: query.Type{Kind: kind, Nullable: nullable}}
}

// TestPlans reads the plans of what clients ask for most: none reads the whole
// table, and none sorts where an index is in order.
func TestPlans(t *testing.T) {
	t.Parallel()
	name, created := property("displayName", query.String, false), property("createdDateTime", query.Instant, false)
	id := property("id", query.String, false)
	text := func(text string) *query.Expr { return querytest.Value(query.String, text) }
	pages := map[string]query.Page{"in its own order": {}}
	for what, filter := range map[string]*query.Expr{
		"displayName eq":         querytest.Make(query.Eq, query.Boolean, name, text("name 1000500")),
		"startswith displayName": querytest.Make(query.StartsWith, query.Boolean, name, text("name 10005")),
		"id eq":                  querytest.Make(query.Eq, query.Boolean, id, text("id-1000500")),
		"id in":                  querytest.Make(query.In, query.Boolean, id, text("id-1000500"), text("id-1000501")),
		"createdDateTime ge, sorted by it": querytest.Make(query.Ge, query.Boolean, created,
			querytest.Value(query.Instant, int64(630000000000000000+499_000*10_000_000))),
	} {
		page := query.Page{Filter: filter}
		if strings.HasSuffix(what, "sorted by it") {
			// In the order of the ids, either index has its cases: SQLite then
			// keeps to the order, where a page of what many have ends soon.
			page.Order = []query.Key{{Expr: created}}
		}
		pages["filtered by "+what] = page
	}
	for _, key := range []*query.Expr{
		name, created,
		property("lastModifiedDateTime", query.Instant, false), property("publisher", query.String, true),
	} {
		for _, descending := range []bool{false, true} {
			pages[fmt.Sprintf("by %s, descending %t", key.Name, descending)] = query.Page{
				Order: []query.Key{{Expr: key, Descending: descending}},
			}
		}
	}
	for _, address := range []string{"sqlite:" + filepath.Join(t.TempDir(), "plimsoll.db"), pgtest.URL(t)} {
		s, err := store.Open(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		manyScripts(t, s, 5000)
		for what, page := range pages {
			wantIndex(t, s, what, page)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// wantIndex reads the plans of a list's first page, of one deep in it, and of
// one that begins after a null.
func wantIndex(t *testing.T, s *store.Store, what string, page query.Page) {
	t.Helper()
	afters := [][]any{nil, {"id-1500000"}}
	if len(page.Order) > 0 {
		deep := map[query.Kind]any{query.String: "publisher 50", query.Instant: int64(630000000000000000 + 250_000*10_000_000)}
		afters[1] = []any{deep[page.Order[0].Expr.Type.Kind], "id-1500000"}
		if page.Order[0].Expr.Name == "displayName" {
			afters[1][0] = "name 1250000"
		}
		if page.Order[0].Expr.Type.Nullable {
			afters = append(afters, []any{nil, "id-1500000"})
		}
	}
	for _, with := range [][]string{nil, {"runSummary"}} {
		for _, page.After = range afters {
			page.With = with
			plans, err := s.ScriptPlans(t.Context(), page)
			if err != nil {
				t.Fatal(err)
			}
			for _, plan := range plans {
				if fault := slow(plan, page.Filter != nil); fault != "" {
					t.Errorf("%s, %s after %v: %s\n%s", s.Engine(), what, page.After, fault, plan)
				}
			}
		}
	}
}

// slow says what is wrong with a plan. The few rows that a filter finds by an
// index may be sorted.
func slow(plan string, filtered bool) string {
	for line := range strings.Lines(plan) {
		switch {
		case strings.Contains(line, "Seq Scan on script"), strings.HasPrefix(line, "SCAN s\n"):
			return "a full scan"
		case filtered && (strings.HasPrefix(line, "SCAN ") || strings.Contains(line, "Index Scan") &&
			!strings.Contains(plan, "Index Cond")):
			return "a scan of a whole index"
		case !filtered && (strings.Contains(line, "Sort") || strings.Contains(line, "TEMP B-TREE")):
			return "a sort"
		}
	}
	return ""
}
