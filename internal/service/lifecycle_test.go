package service_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"flag"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"plimsoll"
	"plimsoll/internal/ingest"
	"plimsoll/internal/query"
	"plimsoll/internal/service"
	"plimsoll/internal/store"
	"plimsoll/internal/store/pgtest"
)

// TestMain makes fewer runs than rapid's hundred, since each step reads all that
// a real store has. To make more: go test ./internal/service -rapid.checks=1000.
func TestMain(m *testing.M) {
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "rapid.checks" })
	if !chosen {
		_ = flag.Set("rapid.checks", "60") // the flag is rapid's, and takes a number
	}
	m.Run()
}

// TestLifecycle lets random use cases loose on a real store, and compares all
// that can be read after each with a model that is too simple to be wrong.
func TestLifecycle(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]func(*testing.T) string{
		"sqlite": func(t *testing.T) string {
			t.Helper()
			return "sqlite:" + filepath.Join(t.TempDir(), "plimsoll.db")
		},
		"postgres": func(t *testing.T) string {
			t.Helper()
			return pgtest.URL(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, address(t))
			rapid.Check(t, func(rt *rapid.T) { newFleet(t, rt, s).live(rt) })
		})
	}
}

func open(t *testing.T, address string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	mine := plimsoll.Installation{TenantID: "tenant", CreatedAt: time.Now()}
	if _, err := s.Install(t.Context(), mine, nil, plimsoll.AuditEvent{}); err != nil {
		t.Fatal(err)
	}
	return s
}

func storesOf(s *store.Store) service.Stores {
	return service.Stores{ScriptStore: s, ScriptFeed: s, RunSummaryStore: s, RunSummaryReader: s, RunSummaryAppender: s}
}

func atomically(s *store.Store) service.Atomically {
	return func(ctx context.Context, work func(service.Stores) error) error {
		return s.Atomically(ctx, func(bound *store.Store) error { return work(storesOf(bound)) })
	}
}

// fleet is the product under test beside the model of what it has to be.
type fleet struct {
	store   *store.Store
	service *service.Service
	now     time.Time // what the service's clock says; between calls only it moves
	scripts map[string]*modelled
	gone    []string // ids that were deleted, or never were

	compared int // how many times
}

// modelled is a script and its history as they have to be, the oldest first.
type modelled struct {
	script  plimsoll.Script
	history []plimsoll.RunSummaryRecord
}

func newFleet(t *testing.T, rt *rapid.T, s *store.Store) *fleet {
	t.Helper()
	f := &fleet{
		store: s, scripts: map[string]*modelled{},
		now:  time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("", 3600)),
		gone: []string{"", "unknown", uuid.NewString()},
	}
	group := ingest.NewGroup(s.AppendRunSummaries, ingest.Limits{Batch: 4, Waiting: 100}, func(int) {})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { group.Run(ctx) })
	rt.Cleanup(func() {
		cancel()
		running.Wait()
		for id := range f.scripts {
			_ = f.service.DeleteScript(t.Context(), "tidy", id, nil) // the next run begins with none
		}
	})
	stores := storesOf(s)
	stores.RunSummaryAppender = group
	if !s.InProcess() {
		reads := ingest.NewReads(s, ingest.Limits{Batch: 8, Waiting: 100})
		go reads.Run(t.Context())
		stores.RunSummaryReader = reads
	}
	f.service = service.New(stores, atomically(s), func() time.Time { return f.now }, rand.Reader)
	return f
}

// live takes random steps. The clock moves by a random time before each, and
// may stand still or go back: no number depends on it.
func (f *fleet) live(rt *rapid.T) {
	step := func(act func(*rapid.T)) func(*rapid.T) {
		return func(rt *rapid.T) {
			f.now = f.now.Add(time.Duration(rapid.Int64Range(-int64(time.Minute), int64(time.Hour)).Draw(rt, "clock")))
			act(rt)
		}
	}
	rt.Repeat(map[string]func(*rapid.T){
		"":                f.compare,
		"create a script": step(f.createScript),
		"update a script": step(f.updateScript),
		"update another":  step(f.updateScript), // twice as often as the rest
		"delete a script": step(f.deleteScript),
		"post":            step(f.post),
		"post many":       step(f.postMany),
		"patch":           step(f.patch),
		"delete":          step(f.delete),
		"unknown id":      step(f.unknown),
		"a change set":    step(f.together),
	})
	v, err := f.store.Verify(rt.Context())
	want := plimsoll.Verification{Scripts: int64(len(f.scripts))}
	for _, m := range f.scripts {
		want.RunSummaries += int64(len(m.history))
	}
	same(rt, "the recount", want, v, err)
}

// tick is the time as it is kept.
func (f *fleet) tick() time.Time { return f.now.UTC().Truncate(100 * time.Nanosecond) }

// one picks a script that is there.
func (f *fleet) one(rt *rapid.T) (string, *modelled) {
	if len(f.scripts) == 0 {
		rt.Skip("there is no script")
	}
	id := rapid.SampledFrom(f.ids()).Draw(rt, "script")
	return id, f.scripts[id]
}

func (f *fleet) ids() []string {
	ids := make([]string, 0, len(f.scripts))
	for id := range f.scripts {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func (f *fleet) createScript(rt *rapid.T) {
	if len(f.scripts) == 3 {
		rt.Skip("three scripts are enough")
	}
	edit, valid := drawEdit(rt)
	want := plimsoll.Script{
		Revision: 1, Changes: 1, CreatedAt: f.tick(), ModifiedAt: f.tick(),
		RunAsAccount: "system", RoleScopeTagIDs: []string{"0"},
	}
	edit(&want)
	got, err := f.service.CreateScript(rt.Context(), "me", edit)
	if !valid {
		refused(rt, err, plimsoll.Invalid)
		return
	}
	want.ID = got.ID
	if f.scripts[got.ID] != nil || uuid.Validate(got.ID) != nil {
		rt.Errorf("a new script has the id %q", got.ID)
	}
	f.scripts[got.ID] = &modelled{script: whole(want)}
	same(rt, "the new script", f.scripts[got.ID].script, got, err)
}

// whole gives a script the one form that an absent content has.
func whole(s plimsoll.Script) plimsoll.Script {
	if len(s.Content) == 0 {
		s.Content = nil
	}
	return s
}

func (f *fleet) updateScript(rt *rapid.T) {
	id, m := f.one(rt)
	edit, valid := drawEdit(rt)
	matcher, matches := match(rt, m.script.Changes)
	got, err := f.service.UpdateScript(rt.Context(), "me", id, matcher, edit)
	if !matches || !valid {
		code := plimsoll.Invalid
		if !matches {
			code = plimsoll.PreconditionFailed
		}
		refused(rt, err, code)
		return
	}
	before, after := m.script, m.script
	edit(&after)
	after = whole(after)
	if !bytes.Equal(before.Content, after.Content) || before.RunAsAccount != after.RunAsAccount ||
		before.RunAs32Bit != after.RunAs32Bit || before.EnforceSignatureCheck != after.EnforceSignatureCheck {
		after.Revision++
	}
	after.Changes++
	after.ModifiedAt = f.tick()
	m.script = after
	same(rt, "the changed script", after, got, err)
}

func (f *fleet) deleteScript(rt *rapid.T) {
	id, m := f.one(rt)
	matcher, matches := match(rt, m.script.Changes)
	err := f.service.DeleteScript(rt.Context(), "me", id, matcher)
	if !matches {
		refused(rt, err, plimsoll.PreconditionFailed)
		return
	}
	if err != nil {
		rt.Errorf("delete: %v", err)
	}
	delete(f.scripts, id)
	f.gone = append(f.gone, id)
}

func (f *fleet) post(rt *rapid.T) {
	id, m := f.one(rt)
	given, kept, valid := drawSummary(rt)
	given.ID = "not the caller's to choose"
	got, err := f.service.ReportRunSummary(rt.Context(), "poster", id, given)
	if !valid {
		refused(rt, err, plimsoll.Invalid)
		return
	}
	f.posted(rt, m, kept, got, err)
}

// posted adds what was reported to the model.
func (f *fleet) posted(rt *rapid.T, m *modelled, kept plimsoll.RunSummary, got plimsoll.RunSummaryRecord, err error) {
	kept.ID = got.ID
	want := plimsoll.RunSummaryRecord{
		RunSummary: kept, ScriptID: m.script.ID, Sequence: int64(len(m.history)) + 1,
		RecordedAt: f.tick(), RecordedBy: "poster",
	}
	same(rt, "the new summary", want, got, err)
	if uuid.Validate(got.ID) != nil || slices.ContainsFunc(m.history, func(r plimsoll.RunSummaryRecord) bool { return r.ID == got.ID }) {
		rt.Errorf("a new summary has the id %q", got.ID)
	}
	m.history = append(m.history, want)
}

// postMany posts to all scripts at once. In which order those of one script are
// taken is free; that each has a place of its own, without a gap, is not.
func (f *fleet) postMany(rt *rapid.T) {
	type outcome struct {
		kept plimsoll.RunSummary
		got  plimsoll.RunSummaryRecord
		err  error
	}
	ids, outcomes := f.ids(), make([]outcome, rapid.IntRange(2, 9).Draw(rt, "posts"))
	if len(ids) == 0 {
		rt.Skip("there is no script")
	}
	var all sync.WaitGroup
	for i := range outcomes {
		summary := plimsoll.RunSummary{NoIssueDetected: rapid.Int32().Draw(rt, "healthy"), LastScriptRun: f.tick()}
		outcomes[i].kept = summary
		all.Go(func() {
			outcomes[i].got, outcomes[i].err = f.service.ReportRunSummary(rt.Context(), "poster", ids[i%len(ids)], summary)
		})
	}
	all.Wait()
	slices.SortFunc(outcomes, func(a, b outcome) int { return cmp.Compare(a.got.Sequence, b.got.Sequence) })
	for _, o := range outcomes {
		if o.err != nil || f.scripts[o.got.ScriptID] == nil {
			rt.Fatalf("%+v", o)
		}
		f.posted(rt, f.scripts[o.got.ScriptID], o.kept, o.got, o.err)
	}
}

// current gives the newest entry of the history unless it was removed, and then
// nil.
func (m *modelled) current() *plimsoll.RunSummaryRecord {
	if len(m.history) == 0 || !m.history[len(m.history)-1].RemovedAt.IsZero() {
		return nil
	}
	return &m.history[len(m.history)-1]
}

func (f *fleet) patch(rt *rapid.T) {
	id, m := f.one(rt)
	given, kept, valid := drawSummary(rt)
	edit := func(s *plimsoll.RunSummary) {
		s.IssueDetected, s.LastScriptRun = given.IssueDetected, given.LastScriptRun
	}
	matcher, matches := match(rt, int64(len(m.history)))
	got, err := f.service.UpdateRunSummary(rt.Context(), "patcher", id, matcher, edit)
	switch {
	case m.current() == nil:
		refused(rt, err, plimsoll.NotFound)
	case !matches:
		refused(rt, err, plimsoll.PreconditionFailed)
	case !valid:
		refused(rt, err, plimsoll.Invalid)
	default:
		want := *m.current()
		want.IssueDetected, want.LastScriptRun = kept.IssueDetected, kept.LastScriptRun
		want.Sequence++
		want.RecordedAt, want.RecordedBy = f.tick(), "patcher"
		same(rt, "the changed summary", want, got, err)
		m.history = append(m.history, want)
	}
}

func (f *fleet) delete(rt *rapid.T) {
	id, m := f.one(rt)
	matcher, matches := match(rt, int64(len(m.history)))
	err := f.service.RemoveRunSummary(rt.Context(), "remover", id, matcher)
	switch {
	case m.current() == nil:
		refused(rt, err, plimsoll.NotFound)
	case !matches:
		refused(rt, err, plimsoll.PreconditionFailed)
	case err != nil:
		rt.Errorf("delete the summary: %v", err)
	default:
		removed := m.current()
		removed.RemovedAt, removed.RemovedBy = f.tick(), "remover"
	}
}

// unknown asks everything of a script that is not there.
func (f *fleet) unknown(rt *rapid.T) {
	id := rapid.SampledFrom(f.gone).Draw(rt, "id")
	edit, _ := drawEdit(rt)
	_, err := f.service.Script(rt.Context(), id)
	refused(rt, err, plimsoll.NotFound)
	_, err = f.service.UpdateScript(rt.Context(), "me", id, nil, edit)
	refused(rt, err, plimsoll.NotFound)
	refused(rt, f.service.DeleteScript(rt.Context(), "me", id, nil), plimsoll.NotFound)
	_, err = f.service.ReportRunSummary(rt.Context(), "me", id, plimsoll.RunSummary{LastScriptRun: f.now})
	refused(rt, err, plimsoll.NotFound)
	_, err = f.service.RunSummary(rt.Context(), id)
	refused(rt, err, plimsoll.NotFound)
	_, err = f.service.UpdateRunSummary(rt.Context(), "me", id, nil, func(*plimsoll.RunSummary) {})
	refused(rt, err, plimsoll.NotFound)
	refused(rt, f.service.RemoveRunSummary(rt.Context(), "me", id, nil), plimsoll.NotFound)
	_, err = f.service.RunSummaryHistory(rt.Context(), id, query.Page{Limit: 10})
	refused(rt, err, plimsoll.NotFound)
}
