package storetest

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"plimsoll"
	"plimsoll/internal/query"
)

// changeSet makes one of every change in a set, which sees them and nobody else
// does, until it ends: without an error, and with one.
func changeSet(t *testing.T, store Store) {
	t.Helper()
	install(t, store)
	kept, doomed := addScript(t, store), addScript(t, store)
	report(t, store, kept.ID, 1)
	refused := errors.New("refused")
	for _, outcome := range []error{refused, nil} {
		created := newScript(t, nil)
		err := store.Atomically(t.Context(), func(bound Store) error {
			changeAll(t, bound, created, kept.ID, doomed.ID)
			wantChanges(t, bound, created, kept.ID, doomed.ID)
			wantNoChanges(t, store, created.ID, kept.ID, doomed.ID)
			return outcome
		})
		if !errors.Is(err, outcome) {
			t.Error(err)
		}
		if outcome == nil {
			wantChanges(t, store, created, kept.ID, doomed.ID)
		} else {
			wantNoChanges(t, store, created.ID, kept.ID, doomed.ID)
		}
	}
	wantActivities(t, store, "install", "create", "create", "create", "update", "delete")
	changeSetRefused(t, store, kept.ID)
}

// changeAll makes one of every change.
func changeAll(t *testing.T, bound Store, created *plimsoll.Script, kept, doomed string) {
	t.Helper()
	must(t, bound.CreateScript(t.Context(), created, event("create", created.ID)))
	must(t, bound.Submit(t.Context(), newRecord(created.ID, 2)))
	_, err := bound.UpdateRunSummary(t.Context(), created.ID, func(r *plimsoll.RunSummaryRecord) error {
		r.NoIssueDetected++
		return nil
	})
	must(t, err)
	_, err = bound.UpdateScript(t.Context(), kept, func(s *plimsoll.Script) error {
		return s.Change(func(s *plimsoll.Script) { s.DisplayName = "changed" }, noon())
	}, event("update", kept))
	must(t, err)
	must(t, bound.Atomically(t.Context(), func(nested Store) error {
		return nested.RemoveRunSummary(t.Context(), kept, func(r *plimsoll.RunSummaryRecord) error {
			r.RemovedAt, r.RemovedBy = noon(), "remover"
			return nil
		})
	}))
	allow := func(*plimsoll.Script) error { return nil }
	must(t, bound.DeleteScript(t.Context(), doomed, allow, event("delete", doomed)))
}

func wantChanges(t *testing.T, store Store, created *plimsoll.Script, kept, doomed string) {
	t.Helper()
	got, err := store.Script(t.Context(), created.ID, "detectionScriptContent")
	must(t, err)
	if diff := cmp.Diff(*created, got.Script); diff != "" {
		t.Error(diff)
	}
	summary, err := store.RunSummary(t.Context(), created.ID)
	if err != nil || summary.Sequence != 2 || summary.NoIssueDetected != 3 {
		t.Errorf("%+v, %v", summary, err)
	}
	history, err := store.RunSummaryHistory(t.Context(), created.ID, query.Page{Limit: 10, Budget: 1 << 20})
	if err != nil || len(history.Rows) != 2 {
		t.Error(history, err)
	}
	if changed, err := store.Script(t.Context(), kept); err != nil || changed.DisplayName != "changed" || changed.Changes != 2 {
		t.Errorf("%+v, %v", changed, err)
	}
	manyAtOnce(t, store, created.ID, kept, doomed)
	_, err = store.RunSummary(t.Context(), kept)
	wantNotFound(t, err)
	_, err = store.Script(t.Context(), doomed)
	wantNotFound(t, err)
	v, err := store.Verify(t.Context())
	if diff := cmp.Diff(plimsoll.Verification{Scripts: 2, RunSummaries: 3}, v); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func wantNoChanges(t *testing.T, store Store, created, kept, doomed string) {
	t.Helper()
	_, err := store.Script(t.Context(), created)
	wantNotFound(t, err)
	for _, id := range []string{kept, doomed} {
		if s, err := store.Script(t.Context(), id); err != nil || s.Changes != 1 {
			t.Errorf("%+v, %v", s, err)
		}
	}
	if _, err := store.RunSummary(t.Context(), kept); err != nil {
		t.Error(err)
	}
}

// changeSetRefused has a change refused within a set that goes on as if nothing
// had happened, and one that panics: both leave no trace, and hold up nobody.
func changeSetRefused(t *testing.T, store Store, id string) {
	t.Helper()
	before, err := store.Verify(t.Context())
	must(t, err)
	unknown := newRecord("unknown", 1)
	for _, change := range []func(Store) error{
		func(bound Store) error { return bound.Submit(t.Context(), unknown) },
		func(bound Store) error {
			return bound.DeleteScript(t.Context(), "unknown", func(*plimsoll.Script) error { return nil }, event("x", "x"))
		},
		func(bound Store) error {
			return bound.Atomically(t.Context(), func(Store) error { return noSuch() })
		},
	} {
		wantNotFound(t, store.Atomically(t.Context(), func(bound Store) error {
			must(t, bound.Submit(t.Context(), newRecord(id, 1)))
			wantNotFound(t, change(bound))
			must(t, bound.Submit(t.Context(), newRecord(id, 1)))
			return nil
		}))
	}
	func() {
		defer func() { _ = recover() }()
		_ = store.Atomically(t.Context(), func(bound Store) error {
			must(t, bound.Submit(t.Context(), newRecord(id, 1)))
			panic("as a handler may")
		})
	}()
	after, err := store.Verify(t.Context())
	if diff := cmp.Diff(before, after); diff != "" || err != nil {
		t.Error(diff, err)
	}
	must(t, store.Submit(t.Context(), newRecord(id, 1)))
	wantNotFound(t, store.Submit(t.Context(), unknown))
}

func noSuch() error { return plimsoll.Errorf(plimsoll.NotFound, "There is none.") }

// changeSetsCross has sets that take the same scripts in any order, beside
// groups of summaries and single changes: all come through, and none is lost.
func changeSetsCross(t *testing.T, store Store) {
	t.Helper()
	install(t, store)
	scripts := []*plimsoll.Script{addScript(t, store), addScript(t, store), addScript(t, store)}
	var sets sync.WaitGroup
	const writers, rounds = 3, 6
	for range writers {
		sets.Go(func() {
			for round := range rounds {
				check(t, store.Atomically(t.Context(), func(bound Store) error {
					return touchAll(t, bound, scripts, round%2 == 0)
				}))
			}
		})
		sets.Go(func() {
			for range rounds {
				appendAll(t, store, scripts)
				check(t, touch(t, store, scripts[0].ID))
			}
		})
	}
	sets.Wait()
	for i, s := range scripts {
		want := int64(1 + writers*rounds)
		if i == 0 {
			want += writers * rounds
		}
		if got, err := store.Script(t.Context(), s.ID); err != nil || got.Changes != want {
			t.Errorf("%d changes, want %d, %v", got.Changes, want, err)
		}
	}
	v, err := store.Verify(t.Context())
	want := plimsoll.Verification{Scripts: int64(len(scripts)), RunSummaries: int64(writers * rounds * len(scripts) * 2)}
	if diff := cmp.Diff(want, v); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

// touchAll changes every script and reports for it, in one order or the other.
func touchAll(t *testing.T, bound Store, scripts []*plimsoll.Script, backwards bool) error {
	t.Helper()
	scripts = slices.Clone(scripts)
	if backwards {
		slices.Reverse(scripts)
	}
	for _, s := range scripts {
		time.Sleep(time.Millisecond) // so that others come between
		if err := errors.Join(bound.Submit(t.Context(), newRecord(s.ID, 1)), touch(t, bound, s.ID)); err != nil {
			return err
		}
	}
	return nil
}

func appendAll(t *testing.T, store Store, scripts []*plimsoll.Script) {
	t.Helper()
	batch := make([]*plimsoll.RunSummaryRecord, 0, len(scripts))
	for _, s := range scripts {
		batch = append(batch, newRecord(s.ID, 1))
	}
	refusals, err := store.AppendRunSummaries(t.Context(), batch)
	check(t, errors.Join(append(refusals, err)...))
}

func touch(t *testing.T, store Store, id string) error {
	t.Helper()
	_, err := store.UpdateScript(t.Context(), id, func(s *plimsoll.Script) error {
		return s.Change(func(*plimsoll.Script) {}, noon())
	}, event("update", id))
	return err
}

// changeSetAgainstDelete has sets report for scripts that are deleted
// meanwhile: each is made whole, or refused because the script is gone.
func changeSetAgainstDelete(t *testing.T, store Store) {
	t.Helper()
	install(t, store)
	stays := addScript(t, store)
	var made int64
	for range 10 {
		goes := addScript(t, store)
		var both sync.WaitGroup
		both.Go(func() {
			check(t, store.DeleteScript(t.Context(), goes.ID, func(*plimsoll.Script) error { return nil }, event("delete", goes.ID)))
		})
		both.Go(func() {
			for range 5 {
				err := store.Atomically(t.Context(), func(bound Store) error {
					return errors.Join(bound.Submit(t.Context(), newRecord(stays.ID, 1)), bound.Submit(t.Context(), newRecord(goes.ID, 1)))
				})
				if err == nil {
					made++
				} else {
					wantNotFound(t, err)
				}
			}
		})
		both.Wait()
	}
	v, err := store.Verify(t.Context())
	if diff := cmp.Diff(plimsoll.Verification{Scripts: 1, RunSummaries: made}, v); diff != "" || err != nil {
		t.Error(diff, err)
	}
}
