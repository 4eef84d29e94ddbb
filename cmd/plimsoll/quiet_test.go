package main

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"plimsoll/internal/checkin"
	"plimsoll/internal/store/pgtest"
)

// TestQuietCheckIn locks the tables of a database of two servers: check-ins that
// bring nothing new are answered all the same, by either, and those that want to
// know more are not. What one server changes is heard of by the other.
func TestQuietCheckIn(t *testing.T) {
	t.Parallel()
	store := pgtest.URL(t)
	a, b := startTwo(t, store)
	agent := newAgent(t, a)
	if _, err := agent.Enroll(t.Context(), a.enrollmentSecret(t), machine("one"), "h"); err != nil {
		t.Fatal(err)
	}
	script := a.assigned(t, agent, "IyEvYmluL3NoCg==")
	etag := checkIn(t, agent, &checkin.CheckInRequest{InventoryHash: "h"}).ETag
	ask := func(s *testServer, etag string) (*checkin.CheckInResponse, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		agent.Server = s.URL
		return agent.CheckIn(ctx, &checkin.CheckInRequest{Instance: "first", InventoryHash: "h", ETag: etag})
	}
	for _, s := range []*testServer{a, b} { // each has to hear of the other, and to know the agent
		waitUntil(t, "it is answered while the database is locked", func() bool {
			if answer, err := ask(s, etag); err != nil || answer.ETag != etag || answer.Scripts != nil {
				t.Fatalf("%+v, %v", answer, err)
			}
			release := lockTables(t, store)
			defer release()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			answer, err := agent.CheckIn(ctx, &checkin.CheckInRequest{Instance: "first", InventoryHash: "h", ETag: etag})
			return err == nil && answer.ETag == etag && answer.Scripts == nil && !answer.InventoryWanted
		})
	}
	release := lockTables(t, store)
	for what, request := range map[string]*checkin.CheckInRequest{
		"another process":   {Instance: "other", InventoryHash: "h", ETag: etag},
		"other scripts":     {Instance: "first", InventoryHash: "h", ETag: "other"},
		"another inventory": {Instance: "first", InventoryHash: "other", ETag: etag},
		"a result": {Instance: "first", InventoryHash: "h", ETag: etag, Results: []checkin.Result{
			{ScriptID: script.ID, Revision: 1, Sequence: 1, State: "fail", RanAt: time.Now()},
		}},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		if answer, err := agent.CheckIn(ctx, request); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s is answered from memory: %+v, %v", what, answer, err)
		}
		cancel()
	}
	release()

	a.must(t, http.StatusOK, "PATCH", scripts+"/"+script.ID, `{"detectionScriptContent":"IyEvYmluL3NoCjoK"}`)
	waitUntil(t, "the other server tells of the revision", func() bool {
		answer, err := ask(b, etag)
		if err != nil {
			t.Fatal(err)
		}
		return len(answer.Scripts) == 1 && answer.Scripts[0].Revision == 2
	})
	a.must(t, http.StatusNoContent, "DELETE", "/deviceManagement/managedDevices/"+agent.DeviceID, "")
	if _, err := ask(a, etag); !isGone(err) {
		t.Errorf("a deleted device, at the server that deleted it: %v", err)
	}
	waitUntil(t, "the other server refuses a deleted device", func() bool {
		_, err := ask(b, etag)
		return isGone(err)
	})
}

func isGone(err error) bool {
	e, ok := errors.AsType[*checkin.Error](err)
	return ok && e.Gone()
}

// lockTables keeps everyone from reading what agents are given.
func lockTables(t *testing.T, store string) (release func()) {
	t.Helper()
	db, err := sql.Open("pgx", store)
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.BeginTx(t.Context(), nil)
	if err == nil {
		_, err = tx.ExecContext(t.Context(), `LOCK TABLE device, run_state, assignment IN ACCESS EXCLUSIVE MODE`)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(tx.Rollback(), db.Close()); err != nil {
			t.Error(err)
		}
	}
}

func waitUntil(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// TestOneServerOnSQLite starts a second server on the file of one.
func TestOneServerOnSQLite(t *testing.T) {
	t.Parallel()
	store := sqliteAddress(t)
	s := signedIn(t, store)
	second, err := exec.CommandContext(t.Context(), "plimsoll", "serve", "--store", store, "--listen", "127.0.0.1:0").CombinedOutput()
	if err == nil || !strings.Contains(string(second), "Another server has the store open") {
		t.Errorf("%v: %s", err, second)
	}
	s.stop(t)
	restart(t, s, store)
}
