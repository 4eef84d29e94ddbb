// Package agent is the device side: it learns from the server what this machine
// has to run, runs it when it is due, and reports what it found until the server
// has acknowledged it. docs/agent.md describes it for those who have it on their
// machines, docs/agent-protocol.md what it says to the server.
package agent

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"plimsoll"
	"plimsoll/internal/agent/runner"
	"plimsoll/internal/checkin"
)

// Config is what an [Agent] is made of. All of it is required but AtRest.
type Config struct {
	Folder    string // that [Enroll] made
	Version   string // of this program, for people to see
	Runner    *runner.Runner
	Inventory func(context.Context) plimsoll.Inventory
	// SignedIn gives the name of the user who sits at this machine, and NotFound while
	// nobody does.
	SignedIn func(context.Context) (name string, err error)
	Log      *slog.Logger
	Now      func() time.Time
	Zone     func() *time.Location // in which local schedules are; called by one goroutine
	Random   io.Reader
	// Tick is how long at most the agent takes a clock to go on as it did: what is
	// due after a sleep, or a jump of the clock, is that much late.
	Tick time.Duration
	// AtRest is called when the agent has done what there was to do; nil is nothing.
	AtRest func()
}

// DefaultTick costs two looks at the clock a minute.
const DefaultTick = 30 * time.Second

// What bounds the agent.
const (
	maxRunning  = 2 // scripts at once
	maxQueued   = 10_000
	queuedBytes = 32 << 20
)

// Agent works for one device. One goroutine, that of its Run, has all of it; what
// others did comes to it through events.
type Agent struct {
	Config

	identity *Identity
	client   *checkin.Client
	journal  *journal
	unlock   func()
	instance string
	where    *time.Location // the zone as it is in this step

	given   assignment
	scripts []*script               // that are given
	leaving []*script               // that are given no more, and still run
	refused []checkin.RefusedScript // that are given so that they cannot be followed
	last    contact
	records map[string]*record

	running, fetching int
	unsaved           []checkin.Result // that the journal would not take
	link              link

	events  chan func()
	work    sync.WaitGroup
	pulse   atomic.Int64 // rises as the agent goes on
	status  Status       // as it was written last
	startAt time.Time
}

// Open makes the agent of the device that a folder makes of this machine. It is
// NotFound where there is none, and Conflict while another process works for it.
func Open(c Config) (*Agent, error) {
	identity, err := LoadIdentity(c.Folder)
	if err != nil {
		return nil, err
	}
	unlock, err := lock(c.Folder, lockPatience)
	if err != nil {
		return nil, err
	}
	a := &Agent{Config: c, identity: identity, unlock: unlock, events: make(chan func()), startAt: c.Now()}
	if err := a.open(); err != nil {
		unlock()
		return nil, err
	}
	return a, nil
}

func (a *Agent) open() (err error) {
	id, err := uuid.NewRandomFromReader(a.Random)
	if err != nil {
		return err
	}
	a.instance = id.String()
	if a.client, err = a.identity.client(a.Now, a.Random); err != nil {
		return err
	}
	if runner.MayRunAsOthers() { // they pass through the folder to the runs of their scripts
		if err := os.Chmod(a.Folder, 0o711); err != nil { //nolint:gosec // as it says; what is in it is the agent's alone
			return err
		}
	}
	// What an agent that was killed left behind.
	if err := runner.Sweep(filepath.Join(a.Folder, runsFolder)); err != nil {
		a.Log.Warn("leftovers of earlier runs could not be removed", "error", err)
	}
	journal, has, damage, err := openWhole(filepath.Join(a.Folder, queueFile), a.identity.DeviceID, queueLimits{maxQueued, queuedBytes})
	if err != nil {
		return err
	}
	if damage != nil {
		a.Log.Error("the queue was damaged and is put aside; a new one begins", "error", damage)
	}
	a.journal, a.last, a.records, a.where = journal, has.last, has.records, a.Zone()
	a.take(has.given, nil)
	for _, s := range a.scripts {
		if a.record(s.ID).Doubted { // the next answer is to tell all about it
			a.given.ETag = ""
		}
	}
	a.link.begin(a)
	return nil
}

// Close ends the work for the device. Run must have returned.
func (a *Agent) Close() error {
	err := a.journal.close()
	a.unlock()
	return err
}

// errSuperseded is the end of an agent whose device another machine has, too.
func errSuperseded() error {
	return plimsoll.Errorf(plimsoll.Conflict, "Another machine speaks with this device's key: this one is a copy of it, or was copied. "+
		"Make a device of its own of it: plimsoll agent enroll --again.")
}

// Run works until ctx ends, when it returns nil; what was not done by then is done
// by the next Run. Another error is one that people must mend.
func (a *Agent) Run(ctx context.Context) error {
	return a.run(ctx, func() (bool, error) { return false, nil })
}

// Once checks in, runs what is due, and returns when its results are
// acknowledged. An error is of the check-in: what it had to bring is kept.
func (a *Agent) Once(ctx context.Context) error {
	a.link.soon(a)
	return a.run(ctx, a.isDone)
}

// isDone tells whether all is done that can be done now, and what the server's
// answer was missing for it.
func (a *Agent) isDone() (bool, error) {
	if a.link.fault != nil && !a.link.sendsLess && !a.isBusy() {
		return true, a.link.fault
	}
	if a.link.stuck && !a.isBusy() {
		return true, plimsoll.Errorf(plimsoll.TooManyRequests, "The server takes no results now; they are kept, and brought again later.")
	}
	return !a.isBusy() && !a.waits() && a.link.answers > 0 && len(a.dueNow(a.Now())) == 0, nil
}

// isBusy tells whether something is under way but waiting for a change.
func (a *Agent) isBusy() bool { return a.link.busy || a.running > 0 || a.fetching > 0 }

func (a *Agent) run(ctx context.Context, over func() (bool, error)) error {
	if a.last.Superseded {
		return errSuperseded()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		a.work.Wait()
		a.rest()
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for worked := true; ; {
		next := a.step(ctx)
		a.publish()
		a.pulse.Add(1)
		if a.last.Superseded {
			return errSuperseded()
		}
		if done, err := over(); done {
			return err
		}
		if worked && !a.isBusy() && a.AtRest != nil {
			worked = false
			a.AtRest()
		}
		timer.Reset(next)
		select {
		case apply := <-a.events:
			apply()
			worked = true
		case <-timer.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// step begins all that is to be done now, and gives how long there is nothing to
// do unless something happens.
func (a *Agent) step(ctx context.Context) time.Duration {
	now := a.Now().Round(0) // the time that clocks show
	a.where = a.Zone()
	if !a.link.busy { // what is on its way stays where it is
		a.saveUnsaved()
	}
	a.fetchMissing(ctx, now)
	next := a.runDue(ctx, now)
	if at := a.link.step(ctx, a, now); next.IsZero() || at.Before(next) {
		next = at
	}
	return min(max(next.Sub(now), time.Millisecond), a.Tick)
}

// rest notes that what was begun was ended by us, and not by the machine.
func (a *Agent) rest() {
	begun := map[string]*record{}
	for _, s := range slices.Concat(a.scripts, a.leaving) {
		if s.begun {
			s.running, s.begun = false, false
			r := a.record(s.ID)
			r.Begun = max(0, r.Begun-1)
			begun[s.ID] = r
		}
	}
	a.running = 0
	if err := a.journal.note(begun); err != nil {
		a.Log.Warn("the queue could not be written", "error", err)
	}
}

// background does what takes long, and has the agent apply what came of it.
func (a *Agent) background(ctx context.Context, do func() (apply func())) {
	a.work.Go(func() {
		apply := do()
		select {
		case a.events <- apply:
		case <-ctx.Done():
		}
	})
}

// record gives how far the device is with a script.
func (a *Agent) record(id string) *record {
	r := a.records[id]
	if r == nil {
		r = &record{}
		a.records[id] = r
	}
	return r
}

// waits tells whether there are results that the server has not acknowledged.
func (a *Agent) waits() bool { return a.journal.held > len(a.link.done) || len(a.unsaved) > 0 }

// Watch looks now and then whether the agent still goes on, and calls stuck when it
// does not for five minutes of the machine's being awake: a service is started
// again then.
func (a *Agent) Watch(ctx context.Context, every time.Duration, stuck func(error)) {
	const silent = 5
	tick := time.NewTicker(every)
	defer tick.Stop()
	for before, same := a.pulse.Load(), 0; ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		// It is ticks that are counted, not time: none come while the machine sleeps.
		if now := a.pulse.Load(); now != before {
			before, same = now, 0
		} else if same++; same == silent {
			stuck(fmt.Errorf("the agent did not go on for %s", silent*every))
		}
	}
}
