package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"plimsoll"
)

const ample = 1 << 30 // bytes, more than any page has

// scriptFeed reads the changes of a few scripts in every way.
func scriptFeed(t *testing.T, store Store) {
	t.Helper()
	if last, err := store.LastScriptChange(t.Context()); err != nil || last != 0 {
		t.Error(last, err)
	}
	a, gone, b := addScript(t, store), addScript(t, store), addScript(t, store)
	allow := func(*plimsoll.Script) error { return nil }
	changed, err := store.UpdateScript(t.Context(), a.ID, func(s *plimsoll.Script) error {
		return s.Change(func(s *plimsoll.Script) { s.Content, s.Publisher = []byte("exit 0"), new("me") }, noon())
	}, event("update", a.ID))
	must(t, err)
	must(t, store.DeleteScript(t.Context(), gone.ID, allow, event("delete", gone.ID)))
	refused := errors.New("refused")
	err = store.DeleteScript(t.Context(), a.ID, func(*plimsoll.Script) error { return refused }, event("delete", a.ID))
	if !errors.Is(err, refused) {
		t.Error(err)
	}
	want := []plimsoll.ScriptChange{
		{Script: *b, Sequence: 3},
		{Script: changed, Sequence: 4},
		{Script: plimsoll.Script{ID: gone.ID}, Sequence: 5, Removed: true},
	}
	content := []string{"displayName", "detectionScriptContent"}
	wantFeed(t, store, 0, 0, content, 3, ample, false, want...)
	wantFeed(t, store, 0, 0, content, 2, ample, true, want[:2]...)
	wantFeed(t, store, 3, 0, content, 2, ample, false, want[1:]...)
	wantFeed(t, store, 4, 0, content, 2, ample, false, want[2])
	wantFeed(t, store, 5, 0, content, 2, ample, false)
	wantFeed(t, store, 0, 4, content, 3, ample, false, want...)
	wantFeed(t, store, 0, 5, content, 3, ample, false, want[:2]...)
	wantFeed(t, store, 0, 0, content, 3, len(b.DisplayName)+len("0"), true, want[:2]...)
	want[1].Content = nil
	wantFeed(t, store, 0, 0, nil, 3, ample, false, want...)
	if last, err := store.LastScriptChange(t.Context()); err != nil || last != 5 {
		t.Error(last, err)
	}
}

func wantFeed(
	t *testing.T, store Store, after, removedAfter int64, with []string, limit, budget int,
	more bool, want ...plimsoll.ScriptChange,
) {
	t.Helper()
	got, gotMore, err := store.ScriptChanges(t.Context(), after, removedAfter, with, limit, budget)
	if diff := cmp.Diff(want, got); diff != "" || gotMore != more || err != nil {
		t.Errorf("more: %t, %v, %s", gotMore, err, diff)
	}
}

// follower keeps a copy of the scripts by their changes.
type follower struct {
	after, removedAfter int64
	scripts             map[string]plimsoll.Script
}

// read takes one page of changes, each with a higher number than the one before.
func (f *follower) read(ctx context.Context, store Store, limit int) (more bool, err error) {
	changes, more, err := store.ScriptChanges(ctx, f.after, f.removedAfter, []string{"detectionScriptContent"}, limit, ample)
	for _, c := range changes {
		if c.Sequence <= f.after {
			return false, fmt.Errorf("the change %d follows %d", c.Sequence, f.after)
		}
		f.after = c.Sequence
		if c.Removed {
			delete(f.scripts, c.ID)
		} else {
			f.scripts[c.ID] = c.Script
		}
	}
	if more && len(changes) == 0 {
		err = errors.New("more follow a page of none")
	}
	return more, err
}

// catchUp reads until there is no more.
func (f *follower) catchUp(ctx context.Context, store Store, limit int) error {
	for {
		if more, err := f.read(ctx, store, limit); err != nil || !more {
			return err
		}
	}
}

// followChanges has a follower read pages of any size between random changes:
// in the end it has exactly the scripts there are, as they are.
func followChanges(t *testing.T, store Store) {
	t.Helper()
	rapid.Check(t, func(rt *rapid.T) {
		c := &changer{store: store, live: map[string]plimsoll.Script{}}
		defer c.deleteAll(rt)
		step := rapid.SampledFrom([]string{"create", "create", "update", "update", "delete", "set", "read", "read"})
		c.change(rt, rapid.SliceOfN(step, 0, 6).Draw(rt, "before"), nil)
		f := &follower{scripts: map[string]plimsoll.Script{}}
		if rapid.Bool().Draw(rt, "afresh") {
			last, err := store.LastScriptChange(rt.Context())
			fine(rt, err)
			f.removedAfter = last
		}
		c.change(rt, rapid.SliceOfN(step, 0, 12).Draw(rt, "after"), f)
		fine(rt, f.catchUp(rt.Context(), store, rapid.IntRange(1, 5).Draw(rt, "page")))
		if diff := cmp.Diff(c.live, f.scripts); diff != "" {
			rt.Error(diff)
		}
	})
}

// changer changes scripts at random, and remembers what they are.
type changer struct {
	store Store
	live  map[string]plimsoll.Script
}

func (c *changer) change(rt *rapid.T, steps []string, f *follower) {
	for _, step := range steps {
		switch step {
		case "create":
			c.create(rt, c.store)
		case "update":
			c.update(rt, c.store)
		case "delete":
			c.delete(rt, c.store)
		case "set":
			fine(rt, c.store.Atomically(rt.Context(), func(bound Store) error {
				c.update(rt, bound)
				c.create(rt, bound)
				c.delete(rt, bound)
				return nil
			}))
		case "read":
			if f != nil {
				_, err := f.read(rt.Context(), c.store, rapid.IntRange(1, 5).Draw(rt, "page"))
				fine(rt, err)
			}
		}
	}
}

func (c *changer) create(rt *rapid.T, store Store) {
	s := plimsoll.NewScript()
	s.DisplayName = "x"
	fine(rt, s.Create(randomID(), noon()))
	fine(rt, store.CreateScript(rt.Context(), &s, event("create", s.ID)))
	c.live[s.ID] = s
}

// one picks a script that is there, "" where there is none.
func (c *changer) one(rt *rapid.T) string {
	if len(c.live) == 0 {
		return ""
	}
	ids := make([]string, 0, len(c.live))
	for id := range c.live {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return rapid.SampledFrom(ids).Draw(rt, "script")
}

func (c *changer) update(rt *rapid.T, store Store) {
	id := c.one(rt)
	if id == "" {
		return
	}
	content := rapid.SliceOfN(rapid.Byte(), 1, 4).Draw(rt, "content")
	s, err := store.UpdateScript(rt.Context(), id, func(s *plimsoll.Script) error {
		return s.Change(func(s *plimsoll.Script) { s.Content = content }, noon().Add(time.Hour))
	}, event("update", id))
	fine(rt, err)
	c.live[id] = s
}

func (c *changer) delete(rt *rapid.T, store Store) {
	if id := c.one(rt); id != "" {
		fine(rt, store.DeleteScript(rt.Context(), id, func(*plimsoll.Script) error { return nil }, event("delete", id)))
		delete(c.live, id)
	}
}

func (c *changer) deleteAll(rt *rapid.T) {
	for id := range c.live {
		fine(rt, c.store.DeleteScript(rt.Context(), id, func(*plimsoll.Script) error { return nil }, event("delete", id)))
	}
}

func fine(rt *rapid.T, err error) {
	rt.Helper()
	if err != nil {
		rt.Fatal(err)
	}
}

// followWriters has a follower read while many write, alone and in sets: none of
// their changes becomes visible behind its back.
func followWriters(t *testing.T, store Store) {
	t.Helper()
	install(t, store)
	f := &follower{scripts: map[string]plimsoll.Script{}}
	var writers, reading sync.WaitGroup
	stop := make(chan struct{})
	reading.Go(func() {
		for {
			_, err := f.read(t.Context(), store, 3)
			check(t, err)
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	for range 4 {
		writers.Go(func() {
			for range 5 {
				check(t, writeThree(t, store))
				check(t, store.Atomically(t.Context(), func(bound Store) error { return writeThree(t, bound) }))
			}
		})
	}
	writers.Wait()
	close(stop)
	reading.Wait()
	must(t, f.catchUp(t.Context(), store, 3))
	n, err := store.CountScripts(t.Context(), nil)
	if err != nil || n != 40 || len(f.scripts) != 40 {
		t.Errorf("%d scripts, of which %d were seen, %v", n, len(f.scripts), err)
	}
	for id, seen := range f.scripts {
		s, err := store.Script(t.Context(), id)
		if diff := cmp.Diff(s.Script, seen); diff != "" || err != nil {
			t.Error(diff, err)
		}
	}
	v, err := store.Verify(t.Context())
	if diff := cmp.Diff(plimsoll.Verification{Scripts: 40}, v); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

// writeThree makes two scripts, changes one and deletes the other.
func writeThree(t *testing.T, store Store) error {
	t.Helper()
	stays, goes := newScript(t, nil), newScript(t, nil)
	return errors.Join(
		store.CreateScript(t.Context(), stays, event("create", stays.ID)),
		store.CreateScript(t.Context(), goes, event("create", goes.ID)),
		touch(t, store, stays.ID),
		store.DeleteScript(t.Context(), goes.ID, func(*plimsoll.Script) error { return nil }, event("delete", goes.ID)),
	)
}

// verifyChanges breaks the numbers on purpose.
func verifyChanges(t *testing.T, store Store) {
	t.Helper()
	install(t, store)
	addScript(t, store)
	addScript(t, store)
	for _, damage := range []string{
		`INSERT INTO script_removed (sequence, id) VALUES (1, 'twice')`,
		`UPDATE script_change SET sequence = 1`,
	} {
		_, err := store.Pools()["write"].ExecContext(t.Context(), damage)
		must(t, err)
	}
	v, err := store.Verify(t.Context())
	if err != nil || len(v.Differences) != 2 {
		t.Errorf("%q, %v", v.Differences, err)
	}
	_, err = store.Pools()["write"].ExecContext(t.Context(), `DELETE FROM script_change`)
	must(t, err)
	if v, err = store.Verify(t.Context()); err != nil || len(v.Differences) != 2 {
		t.Errorf("%q, %v", v.Differences, err)
	}
}
