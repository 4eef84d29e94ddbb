package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	streamWriters = 16
	longest       = 10 * time.Second // what an answer may take, whatever happens to the database
	patience      = time.Minute      // what a test waits for something that has to happen
)

// stream is many clients that post summaries to a few scripts without a pause,
// each summary with a number of its own, and what became of every post.
type stream struct {
	scripts []string
	mixed   bool // whether they change and remove summaries too
	number  atomic.Int32

	mu           sync.Mutex
	changed      *sync.Cond
	posts        map[int]post
	acknowledged int
	writing      int // clients at work
}

type post struct {
	writer int
	method string
	script string
	status int    // 0: the connection broke before an answer came
	answer string // its text, or how the connection broke
	took   time.Duration
}

func newStream(t *testing.T, s *testServer, scriptCount int) *stream {
	t.Helper()
	st := &stream{posts: map[int]post{}}
	st.changed = sync.NewCond(&st.mu)
	for range scriptCount {
		st.scripts = append(st.scripts, s.addScript(t))
	}
	return st
}

// newStreamClient is a client that keeps a connection for every writer.
func newStreamClient(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: streamWriters}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Timeout: longest, Transport: transport}
}

// start sets the clients to work, each with the next of the servers. A client
// ends when its connection breaks, or when stop is called; stop waits for all.
func (st *stream) start(t *testing.T, servers ...*testServer) (stop func()) {
	t.Helper()
	var (
		all     sync.WaitGroup
		stopped atomic.Bool
	)
	stop = func() {
		stopped.Store(true)
		all.Wait()
	}
	t.Cleanup(stop)
	st.mu.Lock()
	st.writing += streamWriters
	st.mu.Unlock()
	for writer := range streamWriters {
		s := *servers[writer%len(servers)]
		s.client = newStreamClient(t)
		all.Go(func() {
			defer st.ended()
			for !stopped.Load() {
				if p := st.post(&s, writer); p.status == 0 {
					return
				} else if p.status >= http.StatusInternalServerError {
					time.Sleep(20 * time.Millisecond) // a client backs off
				}
			}
		})
	}
	return stop
}

// post posts one summary. Every tenth is one that the server must refuse.
func (st *stream) post(s *testServer, writer int) post {
	n := int(st.number.Add(1))
	p := post{writer: writer, method: http.MethodPost, script: st.scripts[rand.IntN(len(st.scripts))]}
	body := summaryBody(n)
	switch {
	case n%10 == 0:
		body = strings.Replace(body, "{", `{"surplus":1,`, 1)
	case st.mixed && n%5 == 1:
		p.method, body = http.MethodPatch, fmt.Sprintf(`{"noIssueDetectedDeviceCount":%d}`, n)
	case st.mixed && n%10 == 2:
		p.method, body = http.MethodDelete, ""
	}
	began := time.Now()
	r, err := s.send(context.Background(), p.method, scripts+"/"+p.script+"/runSummary", body)
	p.took = time.Since(began)
	if err != nil {
		p.answer = err.Error()
	} else {
		p.status, p.answer = r.StatusCode, r.text
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.posts[n] = p
	if p.status/100 == 2 {
		st.acknowledged++
	}
	st.changed.Broadcast()
	return p
}

func (st *stream) ended() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.writing--
	st.changed.Broadcast()
}

// await waits until n more posts are acknowledged.
func (st *stream) await(t *testing.T, n int) {
	t.Helper()
	late := false
	alarm := time.AfterFunc(patience, func() {
		st.mu.Lock()
		defer st.mu.Unlock()
		late = true
		st.changed.Broadcast()
	})
	defer alarm.Stop()
	st.mu.Lock()
	defer st.mu.Unlock()
	for goal := st.acknowledged + n; st.acknowledged < goal; st.changed.Wait() {
		if late || st.writing == 0 {
			t.Fatalf("%d posts are acknowledged and %d clients write; %d were to be\n%s",
				st.acknowledged, st.writing, goal, st.failures(http.StatusCreated, http.StatusBadRequest))
		}
	}
}

// failures shows posts that came to none of the statuses given. st.mu must be
// held.
func (st *stream) failures(expected ...int) string {
	var text strings.Builder
	for n, p := range st.posts {
		if !slices.Contains(expected, p.status) && text.Len() < 4000 {
			fmt.Fprintf(&text, "  post %d: %d after %v, %s\n", n, p.status, p.took, p.answer)
		}
	}
	return text.String()
}

// tally counts the posts by their status, and complains of those whose status is
// neither what a server at work answers nor one of those given.
func (st *stream) tally(t *testing.T, expected ...int) map[int]int {
	t.Helper()
	st.mu.Lock()
	defer st.mu.Unlock()
	counts := map[int]int{}
	for _, p := range st.posts {
		counts[p.status]++
	}
	if others := st.failures(append(expected, http.StatusCreated, http.StatusBadRequest)...); others != "" {
		t.Errorf("posts by status: %v\n%s", counts, others)
	}
	return counts
}

// check compares the histories with what the clients were told: a summary that
// was acknowledged is there once, one that was refused is not, any other may be
// there once; and those of one client stand in the order in which it posted them.
func (st *stream) check(t *testing.T, s *testServer) (found map[int]bool) {
	t.Helper()
	found = map[int]bool{}
	for _, script := range st.scripts {
		latest := map[int]int{} // by writer: the last of its numbers that was seen
		for _, entry := range s.history(t, script, "?$top=500") {
			n := int(entry["noIssueDetectedDeviceCount"].(float64))
			p, posted := st.posts[n]
			if !posted || p.script != script || found[n] || p.status >= 400 && p.status < 500 {
				t.Errorf("the history of %s has %d; it is there already: %t; posted: %+v", script, n, found[n], p)
			}
			if before, seen := latest[p.writer]; seen && before < n {
				t.Errorf("client %d posted %d before %d, and the history of %s has them the other way round",
					p.writer, before, n, script)
			}
			found[n], latest[p.writer] = true, n
		}
	}
	for n, p := range st.posts {
		if p.status/100 == 2 && p.method != http.MethodDelete && !found[n] {
			t.Errorf("post %d was acknowledged and is lost: %+v", n, p)
		}
	}
	return found
}
