package simulate

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"plimsoll"
	"plimsoll/internal/checkin"
)

// agent is one device: what its agent holds, and what it may take the server to
// have counted. One worker at a time has it.
type agent struct {
	client   checkin.Client
	etag     string
	scripts  []run
	queue    []checkin.Result // until acknowledged, the oldest first
	due      time.Time
	offline  int // how many times it will not reach the server
	failures int // in a row
}

// run is a script on a device.
type run struct {
	script   int // its place
	revision int64
	sequence int64
	state    string
	counted  checkin.Result // the last that was acknowledged; its sequence is 0 for none
}

// What the agents do, as shares of their turns.
const (
	offlineShare    = 0.02 // the network goes, for a few turns; results wait
	lostShare       = 0.01 // an answer is lost, so that all of it is sent again
	otherStateShare = 0.1  // a script finds something else than last time
)

// maxBackoff bounds how long an agent waits after refusals.
const maxBackoff = 30 * time.Second

func (s *simulation) newAgent() (*agent, error) {
	_, key, err := ed25519.GenerateKey(s.Random)
	return &agent{client: checkin.Client{
		Server: s.Server, Key: key, HTTP: s.HTTP, Now: s.Now, Random: s.Random,
	}}, err
}

// enroll makes the agent's machine a device of the fleet. A server that is busy is
// asked again.
func (s *simulation) enroll(ctx context.Context, a *agent, i int) error {
	inventory := &checkin.Inventory{
		DeviceName: fmt.Sprintf("simulated-%s-%d", s.name, i), OperatingSystem: "Linux", OSVersion: "1", SerialNumber: strconv.Itoa(i),
	}
	for try := 0; ; try++ {
		_, err := a.client.Enroll(context.WithoutCancel(ctx), s.token, inventory, "1") // or who was enrolled would not be known
		refused, isRefusal := errors.AsType[*checkin.Error](err)
		if err == nil || ctx.Err() != nil || try == 10 || isRefusal && refused.Status/100 == 4 && refused.RetryAfter == 0 {
			return err
		}
		s.retries.Add(1)
		s.sleep(ctx, s.backoff(try, err))
	}
}

// backoff gives how long to wait after so many failures in a row: what the server
// said, and jitter.
func (s *simulation) backoff(failures int, err error) time.Duration {
	wait := min(100*time.Millisecond<<min(failures, 10), maxBackoff)
	if refused, ok := errors.AsType[*checkin.Error](err); ok {
		wait = max(wait, refused.RetryAfter)
	}
	return wait + time.Duration(s.float()*float64(wait)/2)
}

// turn has the agent run its scripts and check in. It gives when its next turn is.
func (s *simulation) turn(ctx context.Context, a *agent) {
	if a.failures == 0 && !s.draining.Load() {
		s.runScripts(a)
	}
	switch {
	case s.draining.Load():
		a.offline = 0
	case a.offline == 0 && s.float() < offlineShare:
		a.offline = 1 + int(s.float()*4)
		s.offlineSpells.Add(1)
	}
	if a.offline > 0 {
		a.offline--
		a.due = s.next()
		return
	}
	if err := s.checkIn(ctx, a); err != nil {
		a.failures++
		s.retries.Add(1)
		a.due = s.Now().Add(s.backoff(a.failures, err))
		return
	}
	a.failures, a.due = 0, s.next()
}

// next gives when an agent comes again: after the interval, a tenth more or less.
func (s *simulation) next() time.Time {
	return s.Now().Add(time.Duration(float64(s.Interval) * (0.9 + 0.2*s.float())))
}

// runScripts queues a result of each script. Of a full queue the oldest go, which
// later ones of the same scripts follow.
func (s *simulation) runScripts(a *agent) {
	for i := range a.scripts {
		r := &a.scripts[i]
		r.sequence++
		if r.state == "" || s.float() < otherStateShare {
			r.state = []string{"success", "success", "success", "fail", "scriptError"}[int(s.float()*5)]
		}
		result := checkin.Result{
			ScriptID: s.scripts[r.script].id, Revision: r.revision, Sequence: r.sequence, State: r.state,
			RanAt: s.Now().UTC().Truncate(plimsoll.Tick), Output: "simulated: " + r.state,
		}
		if r.state == "scriptError" {
			result.Error = "simulated"
		}
		a.queue = append(a.queue, result)
	}
	if full := 10 * plimsoll.MaxResults; len(a.queue) > full {
		a.queue = slices.Clone(a.queue[len(a.queue)-full:])
	}
}

// checkIn sends what waits, and takes what the server says of it.
func (s *simulation) checkIn(ctx context.Context, a *agent) error {
	sent := a.queue[:min(len(a.queue), plimsoll.MaxResults)]
	begin := s.Now()
	answer, err := a.client.CheckIn(ctx, &checkin.CheckInRequest{
		Instance: s.name, ETag: a.etag, InventoryHash: "1", Results: sent,
	})
	if err != nil {
		return err
	}
	if len(sent) > 0 {
		s.took(s.Now().Sub(begin), len(sent))
	}
	if !s.draining.Load() && s.float() < lostShare {
		s.lostAnswers.Add(1)
		return nil // as if it had not come: all is sent again
	}
	kept := slices.Clone(a.queue[len(sent):])
	for i, outcome := range answer.Results {
		switch outcome.Code {
		case plimsoll.OutcomeAccepted, plimsoll.OutcomeClockAhead, plimsoll.OutcomeDuplicate:
			a.count(s, &sent[i])
		case plimsoll.OutcomeTooMany:
			kept = append(kept, sent[i])
		default:
			s.refused.Add(1)
		}
	}
	a.queue = kept
	if answer.Scripts != nil {
		s.brief(a, answer)
	}
	a.etag = answer.ETag
	return nil
}

// count notes a result as one that the server has counted.
func (a *agent) count(s *simulation, result *checkin.Result) {
	for i := range a.scripts {
		r := &a.scripts[i]
		if s.scripts[r.script].id == result.ScriptID && result.Sequence > r.counted.Sequence {
			r.counted = *result
			r.counted.Output, r.counted.Error = "", ""
		}
	}
}

// brief takes the scripts that the agent is to run. Those that are not of the
// simulation are none of its business.
func (s *simulation) brief(a *agent, answer *checkin.CheckInResponse) {
	before := a.scripts
	a.scripts = nil
	for i := range answer.Scripts {
		told := &answer.Scripts[i]
		place := slices.IndexFunc(s.scripts, func(one script) bool { return one.id == told.ID })
		if place < 0 {
			continue
		}
		r := run{script: place}
		if at := slices.IndexFunc(before, func(one run) bool { return one.script == place }); at >= 0 {
			r = before[at]
		}
		r.revision, r.sequence = told.Revision, max(r.sequence, told.LastSequence)
		a.scripts = append(a.scripts, r)
	}
	slices.SortFunc(a.scripts, func(x, y run) int { return cmp.Compare(x.script, y.script) })
}
