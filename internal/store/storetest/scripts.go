package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"plimsoll"
	"plimsoll/internal/query"
)

func randomID() string { return uuid.NewString() }

func newScript(t *testing.T, edit func(*plimsoll.Script)) *plimsoll.Script {
	t.Helper()
	s := plimsoll.NewScript()
	s.DisplayName = "disk encryption"
	if edit != nil {
		edit(&s)
	}
	must(t, s.Create(randomID(), noon()))
	return &s
}

func addScript(t *testing.T, store Store) *plimsoll.Script {
	t.Helper()
	s := newScript(t, nil)
	must(t, store.CreateScript(t.Context(), s, event("create", s.ID)))
	return s
}

func scriptRoundTrip(t *testing.T, store Store) {
	t.Helper()
	scripts := []*plimsoll.Script{
		newScript(t, nil),
		newScript(t, func(s *plimsoll.Script) {
			s.Publisher, s.Version, s.Description = new(""), new(" 1.0 "), new("Ünï©ødé \t\n'\"\\ 😀 \u202e")
			s.Content = bytes.Repeat([]byte{0, 1, 0xff, '\n'}, plimsoll.MaxContent/4)
			s.RunAsAccount, s.Platform = plimsoll.RunAsUser, plimsoll.PlatformMacOS
			s.EnforceSignatureCheck, s.RunAs32Bit = true, true
			s.RoleScopeTagIDs = []string{"1", "", `"`}
		}),
		newScript(t, func(s *plimsoll.Script) {
			s.RoleScopeTagIDs = []string{}
			s.Content = []byte{}
			s.DisplayName = strings.Repeat("é", plimsoll.MaxName)
		}),
	}
	for _, want := range scripts {
		must(t, store.CreateScript(t.Context(), want, event("create", want.ID)))
		got := whole(t, store, want.ID)
		if diff := cmp.Diff(*want, got, cmp.Comparer(bytes.Equal)); diff != "" || (got.Content == nil) != (want.Content == nil) {
			t.Error(diff)
		}
	}
	_, err := store.Script(t.Context(), strings.ToUpper(scripts[0].ID))
	wantNotFound(t, err)
	_, err = store.Script(t.Context(), scripts[0].ID[1:])
	wantNotFound(t, err)
}

// whole reads a script with its content.
func whole(t *testing.T, store Store, id string) plimsoll.Script {
	t.Helper()
	script, err := store.Script(t.Context(), id, "detectionScriptContent")
	must(t, err)
	if script.RunSummary != nil {
		t.Errorf("the script comes with a summary that was not asked for: %+v", script.RunSummary)
	}
	return script.Script
}

func scriptChange(t *testing.T, store Store) {
	t.Helper()
	s := addScript(t, store)
	later := noon().Add(time.Hour)
	changed, err := store.UpdateScript(t.Context(), s.ID, func(s *plimsoll.Script) error {
		return s.Change(func(s *plimsoll.Script) {
			s.Content, s.Description, s.RoleScopeTagIDs = []byte("#!/bin/sh\n"), new("new"), []string{"2"}
		}, later)
	}, event("update", s.ID))
	must(t, err)
	stored := whole(t, store, s.ID)
	if diff := cmp.Diff(changed, stored); diff != "" {
		t.Error(diff)
	}
	if stored.Revision != 2 || stored.Changes != 2 || !stored.ModifiedAt.Equal(later) {
		t.Errorf("revision %d, changes %d, modified %v", stored.Revision, stored.Changes, stored.ModifiedAt)
	}

	refused := errors.New("refused")
	_, err = store.UpdateScript(t.Context(), s.ID, func(s *plimsoll.Script) error {
		s.DisplayName = "never"
		return refused
	}, event("refused", s.ID))
	if !errors.Is(err, refused) {
		t.Error(err)
	}
	if diff := cmp.Diff(stored, whole(t, store, s.ID)); diff != "" {
		t.Error(diff)
	}
	wantActivities(t, store, "create", "update")
	_, err = store.UpdateScript(t.Context(), "unknown", func(*plimsoll.Script) error { return nil }, event("x", "x"))
	wantNotFound(t, err)
}

// wantActivities compares the audit trail with what is wanted, in any order.
func wantActivities(t *testing.T, store Store, want ...string) {
	t.Helper()
	events, err := store.AuditEvents(t.Context(), 100)
	must(t, err)
	var got []string
	for _, e := range events {
		got = append(got, e.Activity)
		if !e.At.Equal(noon()) || e.Actor != "tester" || e.ObjectID == "" {
			t.Errorf("%+v", e)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the audit trail has %q, want %q", got, want)
	}
}

func scriptDelete(t *testing.T, store Store) {
	t.Helper()
	install(t, store)
	s, other := addScript(t, store), addScript(t, store)
	report(t, store, s.ID, 1)
	report(t, store, other.ID, 1)
	refused := errors.New("refused")
	err := store.DeleteScript(t.Context(), s.ID, func(*plimsoll.Script) error { return refused }, event("x", s.ID))
	if !errors.Is(err, refused) {
		t.Error(err)
	}
	allow := func(*plimsoll.Script) error { return nil }
	must(t, store.DeleteScript(t.Context(), s.ID, allow, event("delete", s.ID)))
	wantNotFound(t, store.DeleteScript(t.Context(), s.ID, allow, event("x", s.ID)))
	_, err = store.Script(t.Context(), s.ID)
	wantNotFound(t, err)
	_, err = store.RunSummary(t.Context(), s.ID)
	wantNotFound(t, err)
	_, err = store.RunSummaryHistory(t.Context(), s.ID, query.Page{Limit: 10})
	wantNotFound(t, err)
	if _, err = store.RunSummary(t.Context(), other.ID); err != nil {
		t.Error(err)
	}
	v, err := store.Verify(t.Context())
	must(t, err)
	if v.Scripts != 1 || v.RunSummaries != 1 || v.Differences != nil {
		t.Errorf("%+v", v)
	}
	wantActivities(t, store, "create", "create", "delete", "install")
}

// scriptPaging walks through the list while scripts come and go: each that was
// there from beginning to end is seen exactly once.
func scriptPaging(t *testing.T, store Store) {
	t.Helper()
	stay := map[string]bool{}
	var gone []*plimsoll.Script
	for i := range 40 {
		s := addScript(t, store)
		if stay[s.ID] = i%3 > 0; !stay[s.ID] {
			delete(stay, s.ID)
			gone = append(gone, s)
		}
	}
	seen := map[string]int{}
	asked := query.Page{Limit: 7, Budget: 1 << 20, Count: true}
	for page, last := 0, ""; ; page++ {
		list, err := store.Scripts(t.Context(), asked)
		must(t, err)
		if n, err := store.CountScripts(t.Context(), nil); err != nil || n != list.Total {
			t.Errorf("the list says %d, the count %d, %v", list.Total, n, err)
		}
		for _, s := range list.Rows {
			seen[s.ID]++
			if s.ID <= last {
				t.Errorf("%s follows %s", s.ID, last)
			}
			last = s.ID
		}
		if asked.After = list.Last; list.Last == nil {
			break
		}
		if page < len(gone) {
			must(t, store.DeleteScript(t.Context(), gone[page].ID, func(*plimsoll.Script) error { return nil },
				event("delete", gone[page].ID)))
		}
		addScript(t, store)
	}
	for id := range stay {
		if seen[id] != 1 {
			t.Errorf("%s was seen %d times", id, seen[id])
		}
	}
	listedWhole(t, store)
}

// listedWhole compares the list with the scripts read one by one.
func listedWhole(t *testing.T, store Store) {
	t.Helper()
	s := newScript(t, func(s *plimsoll.Script) { s.Content = []byte("x") })
	must(t, store.CreateScript(t.Context(), s, event("create", s.ID)))
	summary := report(t, store, s.ID, 7)
	for _, with := range [][]string{nil, {"detectionScriptContent"}, {"runSummary"}, {"runSummary", "detectionScriptContent"}} {
		want := plimsoll.ListedScript{Script: *s}
		if !slices.Contains(with, "detectionScriptContent") {
			want.Content = nil
		}
		if slices.Contains(with, "runSummary") {
			want.RunSummary = summary
		}
		list, err := store.Scripts(t.Context(), query.Page{Limit: 1000, Budget: 1 << 20, With: with})
		must(t, err)
		if list.Total != -1 || list.Last != nil {
			t.Errorf("a count of %d was not asked for, or there are more after %v", list.Total, list.Last)
		}
		i := slices.IndexFunc(list.Rows, func(l plimsoll.ListedScript) bool { return l.ID == s.ID })
		if diff := cmp.Diff(want, list.Rows[i]); diff != "" {
			t.Error(diff)
		}
		if other := list.Rows[(i+1)%len(list.Rows)]; other.RunSummary != nil {
			t.Errorf("%+v", other.RunSummary)
		}
		one, err := store.Script(t.Context(), s.ID, with...)
		if diff := cmp.Diff(want, one); diff != "" || err != nil {
			t.Error(diff, err)
		}
	}
}

// pageBudget has scripts larger than a page may be: each page still has one.
func pageBudget(t *testing.T, store Store) {
	t.Helper()
	const n = 3
	for range n {
		s := newScript(t, func(s *plimsoll.Script) { s.Content = make([]byte, 1000) })
		must(t, store.CreateScript(t.Context(), s, event("create", s.ID)))
	}
	asked := query.Page{Limit: 10, Budget: 500, With: []string{"detectionScriptContent"}}
	for i := range n {
		list, err := store.Scripts(t.Context(), asked)
		must(t, err)
		if len(list.Rows) != 1 || (list.Last != nil) != (i < n-1) {
			t.Fatalf("page %d has %d scripts, and ended with %v", i, len(list.Rows), list.Last)
		}
		asked.After = list.Last
	}
	list, err := store.Scripts(t.Context(), query.Page{Limit: 10, Budget: 500})
	must(t, err)
	if len(list.Rows) != n || list.Last != nil {
		t.Errorf("without content %d scripts, then %v", len(list.Rows), list.Last)
	}
}

func instants(t *testing.T, store Store) {
	t.Helper()
	s := addScript(t, store)
	texts := []string{
		"0001-01-01T00:00:00Z", "0001-01-01T00:00:00.0000001Z", "1600-02-29T23:59:59.9999999Z",
		"1969-12-31T23:59:59.9999999Z", "1970-01-01T00:00:00Z", "2017-01-01T08:01:17.4310553Z",
		"9999-12-31T23:59:59.9999999Z",
	}
	for _, text := range texts {
		at, err := time.Parse(time.RFC3339Nano, text)
		must(t, err)
		r := newRecord(s.ID, 1)
		r.LastScriptRun, r.RecordedAt = at, at
		refusals, err := store.AppendRunSummaries(t.Context(), []*plimsoll.RunSummaryRecord{r})
		must(t, errors.Join(append(refusals, err)...))
		got, err := store.RunSummary(t.Context(), s.ID)
		must(t, err)
		if !got.LastScriptRun.Equal(at) || !got.RecordedAt.Equal(at) {
			t.Errorf("%s came back as %v and %v", text, got.LastScriptRun, got.RecordedAt)
		}
	}
	for i, text := range texts {
		at, _ := time.Parse(time.RFC3339Nano, text)
		e := event(fmt.Sprint(i), "x")
		e.At = at
		c := plimsoll.Client{ID: randomID(), Name: "c", CreatedAt: at}
		must(t, store.CreateClient(t.Context(), c, e))
	}
	clients, err := store.Clients(t.Context())
	must(t, err)
	for i, c := range clients {
		if c.CreatedAt.Format(time.RFC3339Nano) != texts[i] {
			t.Errorf("%v stands at place %d", c.CreatedAt, i)
		}
	}
}

func canceled(t *testing.T, store Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := newScript(t, nil)
	if err := store.CreateScript(ctx, s, event("create", s.ID)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	_, err := store.Script(t.Context(), s.ID)
	wantNotFound(t, err)
}
