package store

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// What servers on one PostgreSQL tell each other beside what they change.
const (
	stillHearing = "hearing" // that what is told is heard
	askHeard     = "heard? " // before a deleted device's id: whoever hears it says so
	saysHeard    = "heard "  // before that id
)

const (
	deviceChannel = "plimsoll_device"
	notify        = `SELECT pg_notify('` + deviceChannel + `', $1)`
	listenerName  = "plimsoll listener" // of the connections that hear, in pg_stat_activity
)

// How often a server that shares its database says something, and how long it
// hears nothing before it takes its own connection for broken. A proxy that hands
// connections out by the transaction lets nothing through.
const (
	sayInterval = 5 * time.Second
	hearTimeout = 3 * sayInterval
)

// Listen hears what other servers on the database change, until ctx ends. Until
// it does hear, and again while the connection is broken, agents are served from
// the database. observe is told of faults, after which it connects again. It is
// called once at most.
func (s *Store) Listen(ctx context.Context, now func() time.Time, observe func(error)) {
	s.versions.now = now
	for ctx.Err() == nil {
		err := s.listen(ctx)
		s.versions.deaf.Store(true)
		s.known.forget() // the database that is there next may be a standby that lacks the latest
		if ctx.Err() == nil {
			observe(err)
			pause(ctx, sayInterval)
		}
	}
}

func (s *Store) listen(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var saying sync.WaitGroup
	defer saying.Wait()
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, s.listening.Copy())
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(closing) // all that it was for is over
	}()
	// Its name comes last: whoever has it hears.
	for _, statement := range []string{`LISTEN ` + deviceChannel, `SET application_name = '` + listenerName + `'`} {
		if _, err = conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	saying.Go(func() { s.say(ctx) })
	for {
		heard, cancel := context.WithTimeout(ctx, hearTimeout)
		n, err := conn.WaitForNotification(heard)
		if err == nil {
			if id, asked := strings.CutPrefix(n.Payload, askHeard); asked {
				_, err = conn.Exec(heard, notify, saysHeard+id)
			}
		}
		cancel()
		if err != nil {
			return fmt.Errorf("hear of what other servers change: %w", err)
		}
		s.versions.hear(n.Payload, n.PID)
	}
}

// hear takes what a server told by a session of the database.
func (v *deviceVersions) hear(told string, session uint32) {
	id, isHeard := strings.CutPrefix(told, saysHeard)
	switch {
	case isHeard:
		v.mu.Lock()
		if l := v.awaited[id]; l != nil {
			l.add(session)
		}
		v.mu.Unlock()
	case told == stillHearing, strings.HasPrefix(told, askHeard):
	default:
		v.rise(told)
	}
	v.heardAt.Store(new(v.now()))
	if v.deaf.Load() { // what was missed until now counts as changed
		v.fleet.Add(1)
		v.deaf.Store(false)
		v.watches.wakeAll()
	}
}

// say lets every listening server know that it hears.
func (s *Store) say(ctx context.Context) {
	for ctx.Err() == nil {
		bounded, cancel := context.WithTimeout(ctx, sayInterval)
		_, _ = s.write.ExecContext(bounded, notify, stillHearing) // where it fails, nothing is heard
		cancel()
		pause(ctx, sayInterval)
	}
}

// listeners are the sessions that heard of something.
type listeners struct {
	sessions map[uint32]bool
	more     chan struct{} // holds one when there are more
}

func (l *listeners) add(session uint32) {
	l.sessions[session] = true
	select {
	case l.more <- struct{}{}:
	default:
	}
}

// askAgain is how often servers are asked that did not say that they heard.
const askAgain = 500 * time.Millisecond

// awaitHeard returns when every server has heard that a device was deleted. One
// that cannot say so has heard nothing for hearTimeout by then, and knows it.
func (s *Store) awaitHeard(ctx context.Context, id string) {
	if id == "" || s.InProcess() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, hearTimeout)
	defer cancel()
	heard := &listeners{sessions: map[uint32]bool{}, more: make(chan struct{}, 1)}
	s.versions.await(id, heard)
	defer s.versions.await(id, nil)
	for ctx.Err() == nil {
		asked, err := s.askListeners(ctx, id)
		again := time.After(askAgain)
		for waiting := true; waiting; {
			if err == nil && s.versions.haveHeard(heard, asked) {
				return
			}
			select {
			case <-heard.more:
			case <-again:
				waiting = false
			case <-ctx.Done():
				return
			}
		}
	}
}

// askListeners asks every server whether it heard of a deletion, and gives the
// sessions by which those hear that are there.
func (s *Store) askListeners(ctx context.Context, id string) ([]uint32, error) {
	if _, err := s.write.ExecContext(ctx, notify, askHeard+id); err != nil {
		return nil, err
	}
	return collect(ctx, s.write, column[uint32], `SELECT pid FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = $1`, listenerName)
}

func (v *deviceVersions) await(id string, heard *listeners) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if heard == nil {
		delete(v.awaited, id)
	} else {
		v.awaited[id] = heard
	}
}

func (v *deviceVersions) haveHeard(heard *listeners, asked []uint32) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, session := range asked {
		if !heard.sessions[session] {
			return false
		}
	}
	return true
}

// pause waits for so long, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
