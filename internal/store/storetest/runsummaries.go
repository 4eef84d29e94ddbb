package storetest

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"plimsoll"
	"plimsoll/internal/query"
)

func newRecord(scriptID string, n int32) *plimsoll.RunSummaryRecord {
	return &plimsoll.RunSummaryRecord{
		RunSummary: plimsoll.RunSummary{
			ID: randomID(), NoIssueDetected: n, IssueDetected: -n, DetectionScriptError: math.MaxInt32,
			DetectionScriptPending: math.MinInt32, LastScriptRun: noon(),
		},
		ScriptID: scriptID, RecordedAt: noon(), RecordedBy: `a "caller" ü`,
	}
}

// report adds one summary to a script that exists.
func report(t *testing.T, store Store, scriptID string, n int32) *plimsoll.RunSummaryRecord {
	t.Helper()
	r := newRecord(scriptID, n)
	refusals, err := store.AppendRunSummaries(t.Context(), []*plimsoll.RunSummaryRecord{r})
	must(t, errors.Join(append(refusals, err)...))
	return r
}

func summaryNumbers(t *testing.T, store Store) {
	t.Helper()
	a, b := addScript(t, store), addScript(t, store)
	_, err := store.RunSummary(t.Context(), a.ID)
	wantNotFound(t, err)
	records := []*plimsoll.RunSummaryRecord{
		newRecord(a.ID, 1), newRecord("unknown", 2), newRecord(b.ID, 3), newRecord(a.ID, 4), newRecord("", 5),
	}
	refusals, err := store.AppendRunSummaries(t.Context(), records)
	must(t, err)
	for i, sequence := range []int64{1, 0, 1, 2, 0} {
		if records[i].Sequence != sequence {
			t.Errorf("record %d has the sequence %d, want %d", i, records[i].Sequence, sequence)
		}
		if sequence == 0 {
			wantNotFound(t, refusals[i])
		} else if refusals[i] != nil {
			t.Error(refusals[i])
		}
	}
	for id, want := range map[string]*plimsoll.RunSummaryRecord{a.ID: records[3], b.ID: records[2]} {
		got, err := store.RunSummary(t.Context(), id)
		must(t, err)
		if diff := cmp.Diff(*want, got); diff != "" {
			t.Error(diff)
		}
	}
	manyAtOnce(t, store, b.ID, "unknown", a.ID, addScript(t, store).ID, b.ID, "")
	only, err := store.AppendRunSummaries(t.Context(), []*plimsoll.RunSummaryRecord{newRecord("unknown", 1)})
	must(t, err)
	wantNotFound(t, only[0])
}

// manyAtOnce reads summaries in one query, and compares each with what it is
// when read by itself.
func manyAtOnce(t *testing.T, store Store, ids ...string) {
	t.Helper()
	records, refusals, err := store.RunSummaries(t.Context(), ids)
	must(t, err)
	for i, id := range ids {
		want, wantErr := store.RunSummary(t.Context(), id)
		if diff := cmp.Diff(want, records[i]); diff != "" || fmt.Sprint(wantErr) != fmt.Sprint(refusals[i]) {
			t.Errorf("%q: %v, want %v; %s", id, refusals[i], wantErr, diff)
		}
	}
	if records, _, err := store.RunSummaries(t.Context(), nil); err != nil || len(records) != 0 {
		t.Error(records, err)
	}
}

func summaryLife(t *testing.T, store Store) {
	t.Helper()
	s := addScript(t, store)
	keep := func(*plimsoll.RunSummaryRecord) error { return nil }
	_, err := store.UpdateRunSummary(t.Context(), s.ID, keep)
	wantNotFound(t, err)
	wantNotFound(t, store.RemoveRunSummary(t.Context(), s.ID, keep))
	_, err = store.UpdateRunSummary(t.Context(), "unknown", keep)
	wantNotFound(t, err)
	wantNotFound(t, store.RemoveRunSummary(t.Context(), "unknown", keep))

	first, second := report(t, store, s.ID, 1), report(t, store, s.ID, 2)
	changed, err := store.UpdateRunSummary(t.Context(), s.ID, func(r *plimsoll.RunSummaryRecord) error {
		r.IssueDetected, r.RecordedAt, r.RecordedBy = 99, noon().Add(time.Minute), "another"
		return nil
	})
	must(t, err)
	if changed.ID != second.ID || changed.Sequence != 3 || changed.NoIssueDetected != 2 {
		t.Errorf("%+v", changed)
	}
	refused := errors.New("refused")
	_, err = store.UpdateRunSummary(t.Context(), s.ID, func(*plimsoll.RunSummaryRecord) error { return refused })
	if !errors.Is(err, refused) {
		t.Error(err)
	}
	if err = store.RemoveRunSummary(t.Context(), s.ID, func(*plimsoll.RunSummaryRecord) error { return refused }); !errors.Is(err, refused) {
		t.Error(err)
	}
	must(t, store.RemoveRunSummary(t.Context(), s.ID, func(r *plimsoll.RunSummaryRecord) error {
		r.RemovedAt, r.RemovedBy = noon().Add(time.Hour), "remover"
		return nil
	}))
	_, err = store.RunSummary(t.Context(), s.ID)
	wantNotFound(t, err)
	removed := changed
	removed.RemovedAt, removed.RemovedBy = noon().Add(time.Hour), "remover"
	fourth := report(t, store, s.ID, 4)
	wantHistory(t, store, s.ID, *fourth, removed, *second, *first)
}

// wantHistory reads a history in pages of one and at once.
func wantHistory(t *testing.T, store Store, scriptID string, want ...plimsoll.RunSummaryRecord) {
	t.Helper()
	all, err := store.RunSummaryHistory(t.Context(), scriptID, query.Page{Limit: 1000, Budget: 1 << 20, Count: true})
	must(t, err)
	if diff := cmp.Diff(want, all.Rows); diff != "" || all.Total != int64(len(want)) || all.Last != nil {
		t.Errorf("%d in all, then %v, %s", all.Total, all.Last, diff)
	}
	asked := query.Page{Limit: 1, Budget: 1 << 20, Count: true}
	for _, entry := range want {
		page, err := store.RunSummaryHistory(t.Context(), scriptID, asked)
		must(t, err)
		if diff := cmp.Diff([]plimsoll.RunSummaryRecord{entry}, page.Rows); diff != "" || page.Total != int64(len(want)) {
			t.Error(page.Total, diff)
		}
		asked.After = page.Last
	}
	if asked.After != nil {
		t.Errorf("the history goes on after %v", asked.After)
	}
}

// summaryConcurrency has many writers on a few scripts, in every order of keys:
// nothing is lost, nothing deadlocks, and every history is 1, 2, 3 ….
func summaryConcurrency(t *testing.T, store Store) {
	t.Helper()
	install(t, store)
	scripts := []*plimsoll.Script{addScript(t, store), addScript(t, store), addScript(t, store)}
	var writers sync.WaitGroup
	const each, rounds = 8, 5
	for writer := range each {
		writers.Go(func() {
			for range rounds {
				var batch []*plimsoll.RunSummaryRecord
				for i := range scripts {
					batch = append(batch, newRecord(scripts[(i+writer)%len(scripts)].ID, 1))
				}
				refusals, err := store.AppendRunSummaries(t.Context(), batch)
				if err := errors.Join(append(refusals, err)...); err != nil {
					t.Error(err)
				}
				if _, err := store.UpdateRunSummary(t.Context(), scripts[0].ID,
					func(r *plimsoll.RunSummaryRecord) error { r.NoIssueDetected++; return nil }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	v, err := store.Verify(t.Context())
	must(t, err)
	if want := int64(each * rounds * (len(scripts) + 1)); v.RunSummaries != want || v.Differences != nil {
		t.Errorf("%+v, want %d summaries", v, want)
	}
}

// summaryAgainstDelete posts to scripts while they are deleted: a summary is
// either stored with its script or refused, and leaves nothing behind.
func summaryAgainstDelete(t *testing.T, store Store) {
	t.Helper()
	install(t, store)
	for range 10 {
		s := addScript(t, store)
		var both sync.WaitGroup
		both.Go(func() {
			_ = store.DeleteScript(t.Context(), s.ID, func(*plimsoll.Script) error { return nil }, event("delete", s.ID))
		})
		both.Go(func() {
			for range 5 {
				if _, err := store.AppendRunSummaries(t.Context(), []*plimsoll.RunSummaryRecord{newRecord(s.ID, 1)}); err != nil {
					t.Error(err)
				}
			}
		})
		both.Wait()
		_, err := store.RunSummary(t.Context(), s.ID)
		wantNotFound(t, err)
	}
	v, err := store.Verify(t.Context())
	must(t, err)
	if v.Scripts != 0 || v.RunSummaries != 0 || v.Differences != nil {
		t.Errorf("%+v", v)
	}
}

// verification breaks a history and its script on purpose.
func verification(t *testing.T, store Store) {
	t.Helper()
	a, b, c := addScript(t, store), addScript(t, store), addScript(t, store)
	install(t, store)
	for range 3 {
		report(t, store, a.ID, 1)
		report(t, store, b.ID, 1)
	}
	v, err := store.Verify(t.Context())
	must(t, err)
	if diff := cmp.Diff(plimsoll.Verification{Scripts: 3, RunSummaries: 6}, v); diff != "" {
		t.Error(diff)
	}
	write := store.Pools()["write"]
	for _, damage := range []string{
		`DELETE FROM run_summary WHERE sequence = 2 AND script_id = '` + a.ID + `'`,
		`UPDATE run_summary_head SET sequence = 4 WHERE script_id = '` + b.ID + `'`,
		`DELETE FROM run_summary_head WHERE script_id = '` + c.ID + `'`,
		`DELETE FROM script_content WHERE script_id = '` + c.ID + `'`,
	} {
		_, err := write.ExecContext(t.Context(), damage)
		must(t, err)
	}
	v, err = store.Verify(t.Context())
	must(t, err)
	if len(v.Differences) != 4 {
		t.Errorf("%q", v.Differences)
	}
}

// install makes the store somebody's: one that is nobody's does not verify.
func install(t *testing.T, store Store) {
	t.Helper()
	_, err := store.Install(t.Context(), plimsoll.Installation{TenantID: randomID(), CreatedAt: noon()}, nil, event("install", "x"))
	must(t, err)
}
