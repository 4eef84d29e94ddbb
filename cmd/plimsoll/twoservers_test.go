package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"plimsoll/internal/store/pgtest"
)

// startTwo starts two servers at once on one empty database, and signs the first
// client in.
func startTwo(t *testing.T, store string) (a, b *testServer) {
	t.Helper()
	var (
		servers [2]*testServer
		both    sync.WaitGroup
	)
	for i := range servers {
		both.Go(func() { servers[i] = startServer(t, store) })
	}
	both.Wait()
	a, b = servers[0], servers[1]
	switch {
	case a == nil || b == nil:
		t.FailNow() // it was said why
	case a.TenantID != b.TenantID:
		t.Fatalf("one database is that of two tenants, %s and %s", a.TenantID, b.TenantID)
	case (a.FirstClient == nil) == (b.FirstClient == nil):
		t.Fatalf("the first client was printed by both or by none: %+v, %+v", a.FirstClient, b.FirstClient)
	case a.FirstClient == nil:
		a, b = b, a
	}
	a.client, b.client = newStreamClient(t), newStreamClient(t)
	a.token = a.signIn(t, a.FirstClient)
	b.token = a.token
	return a, b
}

// TestTwoServersAreOne signs in at either server and uses the token at the
// other, and reads at the one what was just written at the other.
func TestTwoServersAreOne(t *testing.T) {
	t.Parallel()
	store := pgtest.URL(t)
	// It makes the tables, so that the servers meet where they make the tenant.
	command(t, &[]any{}, "client", "list", "--store", store)
	a, b := startTwo(t, store)
	b.token = b.signIn(t, a.FirstClient)
	a.token, b.token = b.token, a.token
	st := newStream(t, a, 2)
	defer st.start(t, a, b)() // it must not matter what else goes on
	for i := range 4 {
		a, b = b, a
		name := fmt.Sprintf(`{"displayName":"%d"}`, i)
		created := a.must(t, http.StatusCreated, "POST", scripts, name)
		path := scripts + "/" + created.json["id"].(string)
		summary := path + "/runSummary"
		wantRead(t, b, path, created)
		b.must(t, http.StatusNotFound, "GET", summary, "")
		posted := a.must(t, http.StatusCreated, "POST", summary, summaryBody(i))
		wantRead(t, b, summary, posted)
		wantRead(t, a, summary, b.must(t, http.StatusOK, "PATCH", summary, `{"issueDetectedDeviceCount":77}`, "If-Match", posted.Header.Get("ETag")))
		wantRead(t, a, path, b.must(t, http.StatusOK, "PATCH", path, `{"description":"new"}`, "If-Match", created.Header.Get("ETag")))
		b.must(t, http.StatusPreconditionFailed, "PATCH", summary, `{"issueDetectedDeviceCount":78}`, "If-Match", posted.Header.Get("ETag"))
		a.must(t, http.StatusNoContent, "DELETE", summary, "")
		b.must(t, http.StatusNotFound, "GET", summary, "")
		wantRead(t, b, summary, a.must(t, http.StatusCreated, "POST", summary, summaryBody(-i)))
		a.must(t, http.StatusNoContent, "DELETE", path, "")
		b.must(t, http.StatusNotFound, "GET", path, "")
		b.must(t, http.StatusNotFound, "POST", summary, summaryBody(i))
	}
}

// wantRead reads at s what another server answered to a write.
func wantRead(t *testing.T, s *testServer, path string, written *reply) {
	t.Helper()
	read := s.must(t, http.StatusOK, "GET", path, "")
	for name, value := range written.json {
		if name != "@odata.context" && fmt.Sprint(read.json[name]) != fmt.Sprint(value) {
			t.Errorf("%s: one server wrote the %s %v, and the other then reads %v", path, name, value, read.json[name])
		}
	}
	if read.Header.Get("ETag") != written.Header.Get("ETag") {
		t.Errorf("%s: the ETags are %q and %q", path, written.Header.Get("ETag"), read.Header.Get("ETag"))
	}
}

// TestTwoServersWrite has clients of two servers post, change and remove the
// summaries of the same scripts. Then one server is killed, and the other goes on.
func TestTwoServersWrite(t *testing.T) {
	t.Parallel()
	store := pgtest.URL(t)
	a, b := startTwo(t, store)
	st := newStream(t, a, 4)
	st.mixed = true
	stop := st.start(t, a, b)
	st.await(t, 300)
	verifyStore(t, store)
	st.await(t, 300)
	stop()
	t.Logf("posts by status: %v", st.tally(t, http.StatusOK, http.StatusNoContent, http.StatusNotFound))
	st.check(t, a)
	found := st.check(t, b)
	if verified := verifyStore(t, store); len(found) != verified {
		t.Errorf("the histories have %d summaries, verify counts %d", len(found), verified)
	}
	wantRemoved(t, a, st)

	stop = st.start(t, a, b)
	st.await(t, 100)
	b.kill()
	st.await(t, 200) // more than were under way: the other server goes on
	stop()
	t.Logf("posts by status: %v", st.tally(t, 0, http.StatusOK, http.StatusNoContent, http.StatusNotFound))
	st.check(t, a)
	verifyStore(t, store)
}

// wantRemoved compares the entries that the histories mark as removed with the
// removals that were acknowledged.
func wantRemoved(t *testing.T, s *testServer, st *stream) {
	t.Helper()
	removed, acknowledged := 0, 0
	for _, script := range st.scripts {
		for _, entry := range s.history(t, script, "") {
			if entry["removedDateTime"] != nil {
				removed++
			}
		}
	}
	for _, p := range st.posts {
		if p.status == http.StatusNoContent {
			acknowledged++
		}
	}
	if removed != acknowledged || removed == 0 {
		t.Errorf("%d removals were acknowledged, the histories have %d", acknowledged, removed)
	}
}

// TestDeletedUnderneath deletes scripts at one server while clients of both post
// to them: a post is stored before the script is gone, or refused because it is.
func TestDeletedUnderneath(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, store string) {
		t.Helper()
		a := signedIn(t, store)
		a.client = newStreamClient(t)
		b := a
		if strings.HasPrefix(store, "postgres:") {
			b = restart(t, a, store)
			b.client = newStreamClient(t)
		}
		for range 20 {
			deleteUnderneath(t, a, b)
		}
		if left := verifyStore(t, store); left != 0 {
			t.Errorf("%d summaries outlived their scripts", left)
		}
	})
}

func deleteUnderneath(t *testing.T, a, b *testServer) {
	t.Helper()
	path := scripts + "/" + a.addScript(t)
	var all sync.WaitGroup
	call := func(s *testServer, times int, method, path, body string, expected ...int) {
		all.Go(func() {
			for range times {
				r, err := s.send(t.Context(), method, path, body)
				if err != nil || r.StatusCode != expected[0] && r.StatusCode != expected[1] {
					t.Errorf("%s %s, expected %v: %v, %v", method, path, expected, err, r.shown())
				}
			}
		})
	}
	for _, s := range []*testServer{a, b} {
		call(s, 4, "POST", path+"/runSummary", summaryBody(1), http.StatusCreated, http.StatusNotFound)
		call(s, 4, "PATCH", path+"/runSummary", `{"issueDetectedDeviceCount":1}`, http.StatusOK, http.StatusNotFound)
		call(s, 4, "PATCH", path, `{"description":"x"}`, http.StatusOK, http.StatusNotFound)
		call(s, 4, "DELETE", path+"/runSummary", "", http.StatusNoContent, http.StatusNotFound)
		call(s, 1, "DELETE", path, "", http.StatusNoContent, http.StatusNotFound)
	}
	all.Wait()
	b.must(t, http.StatusNotFound, "GET", path, "")
}

// shown is the answer as a failure shows it.
func (r *reply) shown() string {
	if r == nil {
		return "no answer"
	}
	return r.Status + " " + r.text
}

// TestClientCreatedBesideServer creates clients on the file of a SQLite server
// while it stores summaries: each may sign in at once, and nothing is refused.
func TestClientCreatedBesideServer(t *testing.T) {
	t.Parallel()
	store := "sqlite:" + filepath.Join(t.TempDir(), "plimsoll.db")
	s := signedIn(t, store)
	st := newStream(t, s, 2)
	stop := st.start(t, s)
	for i := range 2 {
		var made credentials
		command(t, &made, "client", "create", "--store", store, "--name", fmt.Sprintf("client %d", i),
			"--permission", "DeviceManagementConfiguration.Read.All")
		if made.TenantID != s.TenantID {
			t.Fatalf("the client belongs to the tenant %q, the server to %q", made.TenantID, s.TenantID)
		}
		reader := *s
		reader.token = s.signIn(t, &made)
		reader.must(t, http.StatusOK, "GET", scripts, "")
		reader.must(t, http.StatusForbidden, "POST", scripts, `{"displayName":"x"}`)
		st.await(t, 10)
	}
	stop()
	st.tally(t)
	st.check(t, s)
	verifyStore(t, store)
}
