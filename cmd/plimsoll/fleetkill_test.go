package main

import (
	"net/http"
	"testing"

	"plimsoll/internal/store/pgtest"
)

// restart kills one of the servers and starts another in its place.
func (l *fleetLoad) restart(t *testing.T, i int) {
	t.Helper()
	gone := l.servers[i].Load()
	gone.kill()
	l.await(t, 300) // the other takes all meanwhile
	s := restart(t, gone, l.store)
	s.client = gone.client
	l.servers[i].Store(s)
}

// TestReportsOutliveAServer has a fleet report to two servers, while groups and
// assignments change, and kills first the one and then the other: what was
// acknowledged is there, once, and the counts are those of a recount.
func TestReportsOutliveAServer(t *testing.T) {
	t.Parallel()
	store := pgtest.URL(t)
	a, b := startTwo(t, store)
	l := newFleetLoad(t, store, a, b, 500)
	stop, stopChanging := l.start(t), l.change(t)
	defer stop()
	defer stopChanging()
	for i := range l.servers {
		l.await(t, 1000)
		l.restart(t, i)
	}
	verifyStore(t, store) // while all goes on
	l.await(t, 1000)
	stopChanging()
	stop()
	l.check(t)
	t.Logf("%d results were acknowledged; %d check-ins were refused or lost, %d went to both servers at once",
		l.acknowledged.Load(), l.refused.Load(), l.twice.Load())
	if l.refused.Load() == 0 || l.twice.Load() == 0 {
		t.Error("no check-in met a server that was killed, or none met another one")
	}
}

// TestReportsOutlivePostgres has a fleet report to two servers, and kills the
// database under them, with every process of it, again and again: the servers go
// on by themselves when it is back, and what was acknowledged is there, once.
func TestReportsOutlivePostgres(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Start(t, pgtest.Durable)
	store := cluster.URL()
	a, b := startTwo(t, store)
	l := newFleetLoad(t, store, a, b, 60)
	stop, stopChanging := l.start(t), l.change(t)
	defer stop()
	defer stopChanging()
	for range 3 {
		l.await(t, 300)
		refused := l.refused.Load()
		cluster.KillAll()
		for _, s := range []*testServer{a, b} {
			s.awaitReady(t, http.StatusServiceUnavailable)
			s.must(t, http.StatusOK, "GET", s.URL+"/healthz", "")
		}
		cluster.Start()
		for _, s := range []*testServer{a, b} {
			s.awaitReady(t, http.StatusOK)
		}
		if l.refused.Load() == refused {
			t.Error("no check-in met the outage")
		}
	}
	l.await(t, 300)
	stopChanging()
	stop()
	l.check(t)
	t.Logf("%d results were acknowledged; %d check-ins were refused or lost", l.acknowledged.Load(), l.refused.Load())
}
