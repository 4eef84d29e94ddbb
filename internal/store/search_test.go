package store

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"plimsoll"
	"plimsoll/internal/query"
	"plimsoll/internal/store/pgtest"
)

// onEach runs a test with a store of each engine, and a statement that would
// never end there.
func onEach(t *testing.T, run func(t *testing.T, s *Store, endless string)) {
	t.Helper()
	for _, engine := range []struct{ name, address, endless string }{
		{
			"sqlite", "sqlite:" + filepath.Join(t.TempDir(), "plimsoll.db"),
			"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
		},
		{"postgres", pgtest.URL(t), "SELECT 1 FROM pg_sleep(600)"},
	} {
		t.Run(engine.name, func(t *testing.T) {
			t.Parallel()
			s, err := Open(t.Context(), engine.address)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			run(t, s, engine.endless)
		})
	}
}

// TestSearchEnds has a list that would never be read to its end: it is refused,
// and those of a client that left are not.
func TestSearchEnds(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store, endless string) {
		t.Helper()
		read := func(ctx context.Context) error {
			var n int
			return refusal(s.read.QueryRowContext(ctx, endless).Scan(&n))
		}
		begin := time.Now()
		if err := s.search(t.Context(), read); plimsoll.ErrorCode(err) != plimsoll.Invalid {
			t.Errorf("%v", err)
		}
		if took := time.Since(begin); took < searchTimeout || took > 3*searchTimeout {
			t.Errorf("it took %v", took)
		}
		left, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		if err := s.search(left, read); err == nil || plimsoll.ErrorCode(err) == plimsoll.Invalid {
			t.Errorf("%v", err)
		}
	})
}

// TestReachLeavesRoom asks whom assignments would reach while as many lists are under way
// as may be: it waits for its turn as they do, and keeps no connection from others.
func TestReachLeavesRoom(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store, _ string) {
		t.Helper()
		script := plimsoll.NewScript()
		script.DisplayName = "x"
		if err := errors.Join(script.Create("all", time.Now()), s.CreateScript(t.Context(), &script, plimsoll.AuditEvent{At: time.Now()})); err != nil {
			t.Fatal(err)
		}
		for range cap(s.searches) {
			s.searches <- struct{}{}
		}
		answered := make(chan error, 1)
		go func() {
			_, _, err := s.ReachedDevices(t.Context(), "all", []plimsoll.Assignment{{Target: plimsoll.Target{Kind: plimsoll.TargetAllDevices}}})
			answered <- err
		}()
		select {
		case err := <-answered:
			t.Fatalf("it did not wait for its turn: %v", err)
		case <-time.After(300 * time.Millisecond):
		}
		<-s.searches
		if err := <-answered; err != nil {
			t.Error(err)
		}
	})
}

// TestSearchesLeaveRoom has as many lists under way as may be: others wait, and
// what is read by its key does not.
func TestSearchesLeaveRoom(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store, _ string) {
		t.Helper()
		release, started := make(chan struct{}), make(chan struct{})
		for range cap(s.searches) {
			go func() {
				_ = s.search(t.Context(), func(ctx context.Context) error {
					connection, err := s.readers.Conn(ctx)
					started <- struct{}{}
					<-release
					if err == nil {
						err = connection.Close()
					}
					return err
				})
			}()
			<-started
		}
		if _, err := s.Script(t.Context(), "none"); plimsoll.ErrorCode(err) != plimsoll.NotFound {
			t.Error(err)
		}
		rule, err := plimsoll.ParseRule("rule", `device.deviceOwnership -eq "Company"`)
		if err != nil {
			t.Error(err)
		}
		for name, read := range map[string]func(ctx context.Context) error{
			"scripts":             func(ctx context.Context) error { _, err := s.Scripts(ctx, query.Page{Limit: 1}); return err },
			"devices that a rule": func(ctx context.Context) error { _, err := s.MatchingDevices(ctx, rule, 1); return err },
		} {
			soon, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			if err := read(soon); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", name, err)
			}
			cancel()
		}
		close(release)
		if _, err := s.Scripts(t.Context(), query.Page{Limit: 1}); err != nil {
			t.Error(err)
		}
	})
}

// TestLongChains has conditions that are as long as a query may be, where SQLite
// would take them for a tree that is too deep.
func TestLongChains(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store, _ string) {
		t.Helper()
		truth := query.Type{Kind: query.Boolean}
		property := &query.Expr{Op: query.Field, Name: "runAs32Bit", Type: truth}
		for _, op := range []query.Op{query.And, query.Or} {
			chain := &query.Expr{Op: op, Type: truth}
			for range 990 {
				chain.Args = append(chain.Args, property)
			}
			tags := &query.Expr{Op: query.Field, Name: "roleScopeTagIds", Type: query.Type{Kind: query.String, Collection: true}}
			within := &query.Expr{Op: query.Any, Type: truth, Name: "t", Args: []*query.Expr{tags, chain}}
			for _, filter := range []*query.Expr{chain, within, {Op: query.Not, Type: truth, Args: []*query.Expr{chain}}} {
				if n, err := s.CountScripts(t.Context(), filter); err != nil || n != 0 {
					t.Error(n, err)
				}
			}
		}
	})
}
