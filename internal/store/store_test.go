package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"plimsoll"
	"plimsoll/internal/store"
	"plimsoll/internal/store/pgtest"
	"plimsoll/internal/store/storetest"
)

// tested is a store as the suite knows it.
type tested struct{ *store.Store }

func (s tested) Atomically(ctx context.Context, work func(bound storetest.Store) error) error {
	return s.Store.Atomically(ctx, func(bound *store.Store) error { return work(tested{bound}) })
}

func open(t *testing.T, address string) storetest.Store {
	t.Helper()
	s, err := store.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return tested{s}
}

func TestSQLite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, open, func(t *testing.T) string {
		t.Helper()
		return "sqlite:" + filepath.Join(t.TempDir(), "a folder", "it's 100% #1?.db")
	})
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	storetest.Run(t, open, func(t *testing.T) string {
		t.Helper()
		return pgtest.URL(t)
	})
}

// TestDeadlock has another program on the database hold what a group of
// summaries waits for, and wait for what it holds: the group begins anew.
func TestDeadlock(t *testing.T) {
	t.Parallel()
	s := open(t, pgtest.URL(t)+"&deadlock_timeout=3s") // by then the circle is closed
	batch := []*plimsoll.RunSummaryRecord{{}, {}}
	for i := range batch {
		script := plimsoll.NewScript()
		script.DisplayName = "x"
		if err := errors.Join(script.Create([]string{"a", "b"}[i], time.Now()),
			s.CreateScript(t.Context(), &script, plimsoll.AuditEvent{})); err != nil {
			t.Fatal(err)
		}
		batch[i].ScriptID = script.ID
	}
	other, err := s.Pools()["write"].BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	take := func(id string) {
		if _, err := other.ExecContext(t.Context(), `UPDATE run_summary_head SET sequence = sequence WHERE script_id = $1`, id); err != nil {
			t.Error(err)
		}
	}
	if _, err := other.ExecContext(t.Context(), `SET LOCAL deadlock_timeout = '1min'`); err != nil { // it is the group that looks
		t.Fatal(err)
	}
	take("b")
	var group sync.WaitGroup
	group.Go(func() {
		refusals, err := s.AppendRunSummaries(t.Context(), batch)
		if err := errors.Join(append(refusals, err)...); err != nil {
			t.Error(err)
		}
	})
	waitForLock(t, s)
	take("a")
	if err := other.Commit(); err != nil {
		t.Error(err)
	}
	group.Wait()
}

// waitForLock returns when a session of the database waits for another.
func waitForLock(t *testing.T, s storetest.Store) {
	t.Helper()
	for waiting := 0; waiting == 0; time.Sleep(time.Millisecond) {
		if err := s.Pools()["write"].QueryRowContext(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFullDisk has a file that may not grow: writes are refused as what passes,
// reads go on, and nothing is half written.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	s := open(t, "sqlite:"+filepath.Join(t.TempDir(), "plimsoll.db"))
	if _, err := s.Pools()["write"].ExecContext(t.Context(), "PRAGMA max_page_count = 1"); err != nil {
		t.Fatal(err)
	}
	var err error
	for range 1000 {
		script := plimsoll.NewScript()
		script.DisplayName = "x"
		if err = script.Create(uuid.NewString(), time.Now()); err != nil {
			t.Fatal(err)
		}
		if err = s.CreateScript(t.Context(), &script, plimsoll.AuditEvent{At: time.Now()}); err != nil {
			break
		}
	}
	if plimsoll.ErrorCode(err) != plimsoll.Unavailable {
		t.Errorf("a full disk is %v", err)
	}
	v, err := s.Verify(t.Context())
	if n, countErr := s.CountScripts(t.Context(), nil); err != nil || countErr != nil || n != v.Scripts || n == 0 {
		t.Error(n, v, err, countErr)
	}
}

// TestNewerSchema has a store that a newer program made: this one leaves it
// alone.
func TestNewerSchema(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{
		"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "plimsoll.db"), "postgres": pgtest.URL(t),
	} {
		s := open(t, address)
		if _, err := s.Pools()["write"].ExecContext(t.Context(),
			"INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)"); err != nil {
			t.Fatal(err)
		}
		again, err := store.Open(t.Context(), address)
		if plimsoll.ErrorCode(err) != plimsoll.Conflict {
			t.Errorf("%s: %v", name, err)
			_ = again.Close()
		}
	}
}

// TestBusyFile has one process write without a pause, as a server under load
// does: another still gets its turns.
func TestBusyFile(t *testing.T) {
	t.Parallel()
	address := "sqlite:" + filepath.Join(t.TempDir(), "plimsoll.db")
	server, other := open(t, address), open(t, address)
	script := plimsoll.NewScript()
	script.DisplayName = "x"
	if err := errors.Join(script.Create(uuid.NewString(), time.Now()),
		server.CreateScript(t.Context(), &script, plimsoll.AuditEvent{})); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			batch := make([]*plimsoll.RunSummaryRecord, 32)
			for i := range batch {
				batch[i] = &plimsoll.RunSummaryRecord{ScriptID: script.ID}
			}
			if _, err := server.AppendRunSummaries(ctx, batch); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	})
	for range 20 {
		client := plimsoll.Client{ID: uuid.NewString(), Name: "x"}
		if err := other.CreateClient(t.Context(), client, plimsoll.AuditEvent{}); err != nil {
			t.Error(err)
		}
	}
	stop()
	running.Wait()
}
