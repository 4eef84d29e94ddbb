package store_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"plimsoll"
	"plimsoll/internal/store"
	"plimsoll/internal/store/pgtest"
)

// TestListen has one server hear what another changes, lose its connection, and
// hear again, with what it missed.
func TestListen(t *testing.T) {
	t.Parallel()
	servers := openTwo(t)
	here, there := servers[0], servers[1]
	const device = "11111111-1111-1111-1111-111111111111"
	version := func() uint64 {
		v, _ := here.DeviceVersion(device)
		return v
	}
	if _, ok := here.DeviceVersion(device); ok {
		t.Error("a server that does not listen knows what others changed")
	}
	faults := make(chan error, 100)
	ctx, cancel := context.WithCancel(t.Context())
	var listening sync.WaitGroup
	var slept atomic.Int64 // how long the server was stopped, in all
	now := func() time.Time { return time.Now().Add(time.Duration(slept.Load())) }
	listening.Go(func() { here.Listen(ctx, now, func(err error) { faults <- err }) })
	hears := func() bool {
		_, ok := here.DeviceVersion(device)
		return ok
	}
	eventually(t, "it hears", hears)

	script := plimsoll.NewScript()
	script.DisplayName, script.Content = "x", []byte("#!/bin/sh")
	if err := script.Create("22222222-2222-2222-2222-222222222222", time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := there.CreateScript(t.Context(), &script, plimsoll.AuditEvent{At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	change := func() {
		t.Helper()
		if _, err := there.UpdateScript(t.Context(), script.ID, func(s *plimsoll.Script) error {
			return s.Change(func(s *plimsoll.Script) { s.Content = append(s.Content, '\n') }, time.Now())
		}, plimsoll.AuditEvent{At: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	before := version()
	change()
	eventually(t, "it hears of a revision", func() bool { return version() > before })

	before = version()
	if _, err := there.Pools()["write"].ExecContext(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'plimsoll listener'`); err != nil {
		t.Fatal(err)
	}
	if err := <-faults; err == nil {
		t.Error("a connection broke without a fault")
	}
	if hears() {
		t.Error("it takes itself to hear with its connection broken")
	}
	change() // which it cannot hear
	eventually(t, "it hears again", hears)
	if version() <= before {
		t.Error("what it missed left the version as it was")
	}
	eventually(t, "a server that was stopped knows that it did not hear", func() bool {
		slept.Add(int64(15 * time.Second))
		return !hears()
	})
	eventually(t, "it hears once more", hears)
	cancel()
	listening.Wait()
	if hears() || len(faults) > 0 {
		t.Errorf("it ended; it hears: %t; %d faults", hears(), len(faults))
	}
}

// TestDeletionIsHeard deletes devices at one of two servers: the other has heard
// of it when the deletion returns, and a session that hears nothing is waited for
// until it is gone.
func TestDeletionIsHeard(t *testing.T) {
	t.Parallel()
	servers := openTwo(t)
	ctx, cancel := context.WithCancel(t.Context())
	var listening sync.WaitGroup
	for _, s := range servers {
		listening.Go(func() { s.Listen(ctx, time.Now, func(err error) { t.Error(err) }) })
		eventually(t, "it hears", func() bool {
			_, ok := s.DeviceVersion("x")
			return ok
		})
	}
	defer listening.Wait()
	defer cancel()
	event := plimsoll.AuditEvent{At: time.Now()}
	remove := func(at *store.Store, id string) error {
		return at.DeleteDevice(t.Context(), id, func(*plimsoll.Device) error { return nil }, event)
	}
	ids := manyDevices(t, servers[0], 101)
	for i, id := range ids[:100] {
		deleting, other := servers[i%2], servers[1-i%2]
		before, _ := other.DeviceVersion(id)
		if err := remove(deleting, id); err != nil {
			t.Fatal(err)
		}
		if after, _ := other.DeviceVersion(id); after == before {
			t.Fatalf("device %d is deleted, and the other server has not heard of it", i)
		}
	}

	silent, err := servers[0].Pools()["write"].Conn(t.Context())
	if err == nil {
		_, err = silent.ExecContext(t.Context(), `SET application_name = 'plimsoll listener'`)
	}
	if err != nil {
		t.Fatal(err)
	}
	deleted := make(chan error, 1)
	go func() { deleted <- remove(servers[1], ids[100]) }()
	select {
	case err := <-deleted:
		t.Errorf("a deletion does not wait for a server that did not hear: %v", err)
	case <-time.After(time.Second):
	}
	if _, err := silent.ExecContext(t.Context(), `SET application_name = 'another'`); err != nil {
		t.Error(err)
	}
	if err := <-deleted; err != nil {
		t.Error(err)
	}
	_ = silent.Close()
}

// openTwo opens a database twice, as two servers do.
func openTwo(t *testing.T) (servers [2]*store.Store) {
	t.Helper()
	address := pgtest.URL(t)
	for i := range servers {
		s, err := store.Open(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		servers[i] = s
	}
	return servers
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}
