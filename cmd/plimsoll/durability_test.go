package main

import (
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"plimsoll/internal/store/pgtest"
)

// verifyStore recounts the store with a process of its own.
func verifyStore(t *testing.T, store string) (runSummaries int) {
	t.Helper()
	var v struct {
		RunSummaries int      `json:"runSummaries"`
		Differences  []string `json:"differences"`
	}
	command(t, &v, "verify", "--store", store)
	if len(v.Differences) > 0 {
		t.Errorf("verify found %q", v.Differences)
	}
	return v.RunSummaries
}

// restart starts a server again on the store of one that is gone.
func restart(t *testing.T, gone *testServer, store string) *testServer {
	t.Helper()
	s := startServer(t, store)
	if s.FirstClient != nil || s.TenantID != gone.TenantID {
		t.Fatalf("the store of the tenant %s is a new one: %+v", gone.TenantID, s.announcement)
	}
	s.token = gone.token
	return s
}

// TestKilledServer kills the server, again and again, while clients post.
func TestKilledServer(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, store string) {
		t.Helper()
		s := signedIn(t, store)
		st := newStream(t, s, 3)
		for range 8 {
			stop := st.start(t, s)
			st.await(t, 1+rand.IntN(150))
			s.kill()
			stop()
			s = restart(t, s, store)
			st.check(t, s)
		}
		counts := st.tally(t, 0)
		stop := st.start(t, s)
		st.await(t, 1)
		verifyStore(t, store) // while the server serves
		stop()
		if found, verified := st.check(t, s), verifyStore(t, store); len(found) != verified {
			t.Errorf("the histories have %d summaries, verify counts %d", len(found), verified)
		}
		t.Logf("posts by status, 0 where the connection broke: %v", counts)
	})
}

// TestStoppedServer ends the server as an administrator does, while clients
// post: what it accepted it stores and answers, and only then it ends.
func TestStoppedServer(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, store string) {
		t.Helper()
		s := signedIn(t, store)
		st := newStream(t, s, 3)
		for range 3 {
			stop := st.start(t, s)
			st.await(t, 50+rand.IntN(100))
			s.stop(t)
			stop()
			s = restart(t, s, store)
			for n := range st.check(t, s) {
				if p := st.posts[n]; p.status == 0 {
					t.Errorf("post %d was stored and not answered: %+v", n, p)
				}
			}
		}
		st.tally(t, 0)
		verifyStore(t, store)
	})
}

// TestStoppedServerAnswersWhatItAccepted has a post under way, of which the
// server has the head and not yet the body, when it is told to stop and takes no
// more connections: it waits for the body, stores the summary, and answers.
func TestStoppedServerAnswersWhatItAccepted(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, store string) {
		t.Helper()
		s := signedIn(t, store)
		st := newStream(t, s, 1)
		path := scripts + "/" + st.scripts[0] + "/runSummary"
		var answered sync.WaitGroup
		body, send := io.Pipe()
		accepted := make(chan struct{})
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { close(accepted) }})
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/beta"+path, body)
		if err != nil {
			t.Fatal(err)
		}
		request.Header = http.Header{
			"Authorization": {"Bearer " + s.token}, "Content-Type": {"application/json"}, "Expect": {"100-continue"},
		}
		client := &http.Client{Timeout: patience, Transport: &http.Transport{ExpectContinueTimeout: patience}}
		answered.Go(func() {
			response, err := client.Do(request)
			if err != nil {
				t.Errorf("what was accepted was not answered: %v", err)
				return
			}
			defer response.Body.Close()
			if response.StatusCode != http.StatusCreated {
				t.Errorf("what was accepted was answered %s", response.Status)
			}
		})
		select {
		case <-accepted:
		case <-time.After(patience):
			t.Fatalf("the server does not ask for the body\n%s", s.log)
		}
		s.terminate()
		awaitRefusal(t, request.URL.Host)
		if _, err := io.WriteString(send, summaryBody(12345)); err != nil {
			t.Error(err)
		}
		_ = send.Close() // it never fails
		answered.Wait()
		s.stop(t)
		s = restart(t, s, store)
		wantCounts(t, s.history(t, st.scripts[0], ""), 12345)
	})
}

// awaitRefusal waits until nobody listens at the address any more.
func awaitRefusal(t *testing.T, address string) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		connection, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		_ = connection.Close()
	}
	t.Fatalf("%s still takes connections", address)
}

// TestKilledPostgres kills the database while clients post, and starts it again:
// the server says what is the matter, and goes on by itself.
func TestKilledPostgres(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Start(t, pgtest.Durable)
	store := cluster.URL()
	s := signedIn(t, store)
	s.client = newStreamClient(t)
	st := newStream(t, s, 3)
	s.awaitReady(t, http.StatusOK)
	stop := st.start(t, s)
	st.await(t, 100+rand.IntN(100))

	cluster.Kill()
	s.awaitReady(t, http.StatusServiceUnavailable)
	s.must(t, http.StatusOK, "GET", s.URL+"/healthz", "")
	path := scripts + "/" + st.scripts[0]
	for _, request := range [][3]string{
		{"GET", path, ""},
		{"GET", scripts + "?$count=true", ""},
		{"GET", scripts + "/$count", ""},
		{"GET", path + "/runSummary", ""},
		{"GET", path + "/plimsoll.runSummaryHistory()", ""},
		{"POST", scripts, `{"displayName":"during the outage"}`},
		{"PATCH", path, `{"displayName":"during the outage"}`},
		{"PATCH", path + "/runSummary", `{"noIssueDetectedDeviceCount":-1}`},
		{"DELETE", path + "/runSummary", ""},
		{"DELETE", path, ""},
	} {
		r := s.must(t, http.StatusServiceUnavailable, request[0], request[1], request[2])
		if r.Header.Get("Retry-After") == "" {
			t.Errorf("%s %s: 503 without Retry-After", request[0], request[1])
		}
	}

	cluster.Start()
	s.awaitReady(t, http.StatusOK)
	st.await(t, 100)
	stop()
	counts := st.tally(t, http.StatusServiceUnavailable)
	if counts[http.StatusServiceUnavailable] == 0 {
		t.Error("no post met the outage")
	}
	t.Logf("posts by status: %v", counts)
	if found, verified := st.check(t, s), verifyStore(t, store); len(found) != verified {
		t.Errorf("the histories have %d summaries, verify counts %d", len(found), verified)
	}
	s.signIn(t, s.FirstClient)
	if s.process.Process.Signal(syscall.Signal(0)) != nil {
		t.Error("the server did not outlive its database's fall")
	}
}

// TestKilledSessions kills the database's sessions while they write, which
// leaves open whether what they were told to commit is committed. The database
// ends all others with them, and recovers.
func TestKilledSessions(t *testing.T) {
	t.Parallel()
	store := pgtest.Start(t, pgtest.Durable).URL()
	s := signedIn(t, store)
	st := newStream(t, s, 3)
	st.mixed = true // many sessions at work
	stop := st.start(t, s)
	for range 6 {
		st.await(t, 20+rand.IntN(50))
		killSessions(t, store)
	}
	st.await(t, 50)
	stop()
	t.Logf("posts by status: %v", st.tally(t, http.StatusServiceUnavailable,
		http.StatusOK, http.StatusNoContent, http.StatusNotFound))
	if found, verified := st.check(t, s), verifyStore(t, store); len(found) != verified {
		t.Errorf("the histories have %d summaries, verify counts %d", len(found), verified)
	}
}

// killSessions kills every session of the database but the one that it asks.
func killSessions(t *testing.T, store string) {
	t.Helper()
	db, err := pgx.Connect(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close(t.Context()) }() // it is gone with the others
	rows, err := db.Query(t.Context(),
		`SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	if err != nil {
		t.Fatal(err)
	}
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL) // unless it has ended meanwhile
	}
}

// awaitReady waits until /readyz answers with status.
func (s *testServer) awaitReady(t *testing.T, status int) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		r, err := s.send(t.Context(), "GET", s.URL+"/readyz", "")
		if err != nil {
			t.Fatalf("/readyz: %v", err)
		}
		if r.StatusCode == status {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("/readyz still answers %s, want %d: %s", r.Status, status, r.text)
		}
		time.Sleep(10 * time.Millisecond) // between two looks
	}
}
