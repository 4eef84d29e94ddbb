package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"plimsoll"
)

// TestWatchAnotherServer has a server wake who watches a device, by what another
// server changes, and by a connection that is there again after it was not.
func TestWatchAnotherServer(t *testing.T) {
	t.Parallel()
	servers := openTwo(t)
	here, there := servers[0], servers[1]
	ctx, cancel := context.WithCancel(t.Context())
	var listening sync.WaitGroup
	defer listening.Wait()
	defer cancel()
	device := manyDevices(t, there, 1)[0]
	own, others, stop := here.Watch(device)
	defer stop()
	listening.Go(func() { here.Listen(ctx, time.Now, func(error) {}) })
	woken := func(what string, by <-chan struct{}) {
		t.Helper()
		select {
		case <-by:
		case <-time.After(30 * time.Second):
			t.Fatal("nobody is woken by " + what)
		}
		if _, hears := here.DeviceVersion(device); !hears {
			t.Error("who is woken by " + what + " cannot remember what is so then")
		}
	}
	woken("the first that is heard", others)

	script := plimsoll.NewScript()
	script.DisplayName, script.Content = "x", []byte("#!/bin/sh")
	event := plimsoll.AuditEvent{At: time.Now()}
	a := plimsoll.Assignment{ID: "33333333-3333-3333-3333-333333333333", Target: plimsoll.Target{Kind: plimsoll.TargetAllDevices}}
	if err := errors.Join(script.Create("22222222-2222-2222-2222-222222222222", time.Now()), a.Validate(),
		there.CreateScript(t.Context(), &script, event),
		there.ReplaceAssignments(t.Context(), script.ID, []plimsoll.Assignment{a}, event)); err != nil {
		t.Fatal(err)
	}
	woken("an assignment", others)
	for worked := true; worked; {
		var err error
		if worked, err = there.Work(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := there.RequestRun(t.Context(), device, script.ID, event); err != nil {
		t.Fatal(err)
	}
	woken("a request", own)
	if _, err := there.Pools()["write"].ExecContext(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'plimsoll listener'`); err != nil {
		t.Fatal(err)
	}
	for drained := false; !drained; { // what came before the connection broke
		select {
		case <-others:
		case <-time.After(100 * time.Millisecond):
			drained = true
		}
	}
	woken("a connection that is there again", others)
}
