package agent

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"plimsoll"
	"plimsoll/internal/agent/inventory"
	"plimsoll/internal/agent/runner"
	"plimsoll/internal/checkin"
)

// link is what an agent does to stay in touch with its server. It is part of the
// agent, and of its goroutine.
type link struct {
	next     time.Time // check-in
	busy     bool      // one is under way
	failures int       // in a row
	fault    error     // of the last one; nil when it was answered
	answers  int
	batch    int      // results that one brings at most
	done     [][]byte // places of results that are acknowledged, and that the disk would not let go

	stuck     bool             // of what the last one brought, the server let nothing go
	sent      map[string]int64 // the latest results that were sent without an answer, by their scripts
	sendsLess bool             // the next one brings less, as the last one was refused for what it brought

	waiting  bool // for a change
	endWait  context.CancelFunc
	nextWait time.Time
	atMost   time.Duration // that a wait takes: less where something between here and the server cuts it
	vain     int           // waits in a row that told of a change that was none
	whole    int           // waits in a row that were not cut

	inventory  checkin.Inventory
	hash       string // of the inventory
	gatheredAt time.Time
	wanted     bool // by the server
}

const (
	requestTimeout   = 90 * time.Second
	waitFor          = 4 * time.Minute
	firstPause       = 5 * time.Second // after a failure; then it doubles
	shortestWait     = 15 * time.Second
	wholeWaits       = 16 // that are not cut, before longer ones are tried
	gatherEvery      = time.Hour
	batchBytes       = 1 << 20 // of results in one check-in
	defaultInterval  = 15 * time.Minute
	longestPause     = time.Hour        // whatever the server says
	longestFirstWait = 30 * time.Second // of an agent that starts
)

func (l *link) soon(a *Agent) {
	if now := a.Now().Round(0); l.failures == 0 && l.next.After(now) {
		l.next = now
	}
}

// begin has the first check-in at once where there was none yet, and else when it
// is due: machines that start together do not come together.
func (l *link) begin(a *Agent) {
	now := a.Now().Round(0)
	l.batch, l.atMost, l.sent = plimsoll.MaxResults, waitFor, map[string]int64{}
	switch interval := a.interval(); {
	case a.last.At.IsZero():
		l.next = now
	case now.Sub(a.last.At) >= interval || a.last.At.After(now):
		l.next = now.Add(a.jitter(min(longestFirstWait, interval/10)))
	default:
		l.next = a.turn(now)
	}
}

func (a *Agent) interval() time.Duration {
	if a.last.Interval <= 0 {
		return defaultInterval
	}
	return a.last.Interval
}

// turn gives the next time at which the device checks in: each device has its own
// place in the interval.
func (a *Agent) turn(now time.Time) time.Time {
	return a.spread("").Next(now, a.interval())
}

// jitter gives a random part of d.
func (a *Agent) jitter(d time.Duration) time.Duration {
	var bits [4]byte
	_, _ = a.Random.Read(bits[:]) // without it there is no jitter
	return time.Duration(float64(d) * float64(binary.BigEndian.Uint32(bits[:])) / (1 << 32))
}

// step checks in when that is due, and waits for the server to say that something
// changed. It gives when it has something to do next.
func (l *link) step(ctx context.Context, a *Agent, now time.Time) time.Time {
	for _, at := range []*time.Time{&l.next, &l.nextWait} { // the clock may have been set back since
		if at.After(now.Add(2 * max(a.interval(), longestPause))) {
			*at = now
		}
	}
	brings := a.waits() && l.failures == 0 && !l.stuck
	if !l.busy && (brings || !l.next.After(now)) {
		l.checkIn(ctx, a, now)
	}
	if !l.waiting && !l.busy && l.failures == 0 && a.given.ETag != "" && !l.nextWait.After(now) {
		l.wait(ctx, a)
	}
	next := l.next
	if l.failures == 0 && !l.waiting && l.nextWait.After(now) && l.nextWait.Before(next) {
		next = l.nextWait
	}
	if l.busy { // nothing before its answer
		next = now.Add(requestTimeout)
	}
	return next
}

// checkIn brings what waits to be reported.
func (l *link) checkIn(ctx context.Context, a *Agent, now time.Time) {
	var after []byte
	if len(l.done) > 0 {
		after = l.done[len(l.done)-1]
	}
	sent, err := a.journal.oldest(after, l.batch, batchBytes)
	if err != nil {
		l.failed(a, now, &checkin.CheckInRequest{}, nil, fmt.Errorf("read the queue: %w", err))
		return
	}
	request := &checkin.CheckInRequest{Instance: a.instance, ETag: a.given.ETag}
	for i := range sent {
		request.Results = append(request.Results, sent[i].Result)
	}
	if len(sent) == 0 {
		unsaved := a.unsaved[:min(len(a.unsaved), l.batch)]
		request.Results = append(request.Results, unsaved...)
	}
	gather, known, wanted := now.Sub(l.gatheredAt).Abs() >= gatherEvery, a.last.InventoryHash, l.wanted
	current, hash := l.inventory, l.hash
	l.busy = true
	a.background(ctx, func() func() {
		limited, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		if gather {
			found := a.Inventory(limited)
			current, hash = checkin.Inventory(found), inventory.Hash(&found)
		}
		if request.InventoryHash = hash; hash != known || wanted {
			request.Inventory = &current
		}
		answer, err := a.client.CheckIn(limited, request)
		return func() {
			l.busy = false
			if gather {
				l.inventory, l.hash, l.gatheredAt = current, hash, now
			}
			l.answered(a, request, sent, answer, err)
		}
	})
}

// answered takes the server's answer to a check-in.
func (l *link) answered(a *Agent, request *checkin.CheckInRequest, sent []queued, answer *checkin.CheckInResponse, err error) {
	now := a.Now().Round(0)
	if refused, ok := errors.AsType[*checkin.AnswerError](err); ok {
		a.Log.Error("what the server gave to run is refused; what was there before goes on", "error", refused)
	} else if err != nil {
		l.failed(a, now, request, sent, err)
		return
	}
	l.failures, l.fault, l.sendsLess, l.batch, l.wanted = 0, nil, false, min(2*l.batch, plimsoll.MaxResults), answer.InventoryWanted
	l.answers++
	a.last = contact{At: now, Interval: time.Duration(answer.NextCheckInSeconds) * time.Second, InventoryHash: a.last.InventoryHash}
	if request.Inventory != nil && !answer.InventoryWanted {
		a.last.InventoryHash = request.InventoryHash
	}
	l.next = a.turn(now)
	if err != nil { // a wait would end at once, again and again
		l.nextWait = l.next
	}
	if l.wanted && request.Inventory == nil {
		l.next = now
	}
	l.acknowledge(a, request, sent, answer)
	for _, s := range a.scripts {
		if !s.present && s.faults > 0 && s.faults < maxDoubts { // what was fetched was not what this answer still says
			s.notYet = time.Time{}
		}
	}
	if answer.Scripts != nil && err == nil {
		l.vain = 0
		a.Log.Info("what there is to run changed", "scripts", len(answer.Scripts))
		if l.waiting {
			l.endWait() // it was for what is no more
		}
	}
}

// acknowledge lets the results go that the server has taken or will never take,
// and keeps what it gave to run.
func (l *link) acknowledge(a *Agent, request *checkin.CheckInRequest, sent []queued, answer *checkin.CheckInResponse) {
	keys := l.done
	records := map[string]*record{}
	if answer.Scripts != nil {
		records = a.compare(answer.Scripts)
	}
	var unsaved []checkin.Result
	for i, outcome := range answer.Results {
		result := &request.Results[i]
		switch outcome.Code {
		case plimsoll.OutcomeTooMany:
			unsaved = append(unsaved, *result)
			continue
		case plimsoll.OutcomeAccepted, plimsoll.OutcomeDuplicate:
		case plimsoll.OutcomeClockAhead:
			a.Log.Warn("this machine's clock is ahead of the server's: set it", "script_id", result.ScriptID)
		default:
			a.Log.Warn("the server does not take a result", "script_id", result.ScriptID, "code", outcome.Code, "message", outcome.Message)
		}
		if len(sent) > 0 {
			keys = append(keys, sent[i].key)
		}
		if r := a.record(result.ScriptID); r.Sequence == result.Sequence {
			r.Doubted, r.Replaced = outcome.Code == plimsoll.OutcomeDuplicate, false
			r.Reported, r.Foreign = !r.Doubted, r.Doubted && l.sent[result.ScriptID] < result.Sequence
			records[result.ScriptID] = r
		}
	}
	clear(l.sent)
	l.stuck = len(answer.Results) > 0 && len(unsaved) == len(answer.Results)
	if len(sent) == 0 {
		a.unsaved = append(unsaved, a.unsaved[len(answer.Results):]...)
	}
	var given *assignment
	if answer.Scripts != nil {
		given = &assignment{ETag: answer.ETag, Scripts: answer.Scripts}
		maps.Copy(records, a.takeAway(given.Scripts, answer.Refused))
		a.take(*given, answer.Refused)
	}
	if slices.ContainsFunc(a.scripts, func(s *script) bool { return records[s.ID] != nil && records[s.ID].Doubted }) {
		a.given.ETag, l.next = "", a.Now().Round(0) // for the next answer to tell all about it
	}
	if err := a.journal.settle(&a.last, given, keys, records); err != nil {
		a.Log.Error("the queue could not be written", "error", err)
		l.done = keys
		return
	}
	l.done = nil
}

// failed puts the next check-in off.
func (l *link) failed(a *Agent, now time.Time, request *checkin.CheckInRequest, sent []queued, err error) {
	err = unreachable(err, a.identity.Server)
	l.failures++
	l.fault, l.sendsLess = err, false
	for i := range request.Results {
		l.sent[request.Results[i].ScriptID] = max(l.sent[request.Results[i].ScriptID], request.Results[i].Sequence)
	}
	pause := min(firstPause<<min(l.failures-1, 20), a.interval())
	refused, isRefusal := errors.AsType[*checkin.Error](err)
	if isRefusal {
		pause = max(pause, refused.RetryAfter)
		switch {
		case refused.Status == http.StatusConflict:
			a.last.Superseded = true
			if err := a.journal.settle(&a.last, nil, nil, nil); err != nil {
				a.Log.Error("the queue could not be written", "error", err)
			}
		case refused.Gone():
			pause = a.interval() // it is not, or no longer, one of the fleet, or its clock is wrong
		case !refused.OfToken && refused.Code != "" && slices.Contains([]int{http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType}, refused.Status):
			l.sendLess(a, request, sent, refused)
			pause, l.sendsLess = time.Second, true
		}
	}
	pause = min(pause, longestPause)
	l.next = now.Add(pause*3/4 + a.jitter(pause/2))
	a.Log.Warn("check-in failed", "error", err, "again", l.next.UTC().Format(time.RFC3339))
}

// sendLess brings fewer results next time, after a refusal of the request as a
// whole. A single one that is refused is given up, as it would hold up all others;
// where it is its script's newest, a verdict that says so takes its place, once.
func (l *link) sendLess(a *Agent, request *checkin.CheckInRequest, sent []queued, refused *checkin.Error) {
	if n := len(request.Results); n != 1 {
		l.batch = max(1, n/2)
		return
	}
	result := &request.Results[0]
	a.Log.Error("the server refuses a result; it is given up", "script_id", result.ScriptID, "error", refused)
	if len(sent) == 0 {
		a.unsaved = a.unsaved[1:]
	} else if err := a.journal.settle(&a.last, nil, [][]byte{sent[0].key}, nil); err != nil {
		a.Log.Error("the queue could not be written", "error", err)
		return
	}
	if r := a.record(result.ScriptID); r.Sequence == result.Sequence && !r.Replaced {
		a.replace(result, refused)
	}
}

// replace puts a verdict in the place of one that the server does not take.
func (a *Agent) replace(result *checkin.Result, refused *checkin.Error) {
	ran := checkin.Script{ID: result.ScriptID, Revision: result.Revision, RunRequest: a.record(result.ScriptID).RunRequest}
	s := &script{Script: ran}
	if at := slices.IndexFunc(a.scripts, func(s *script) bool { return s.ID == ran.ID }); at >= 0 {
		s = a.scripts[at]
	}
	a.record(ran.ID).Replaced = true
	a.conclude(s, &ran, result.RanAt, runner.Failed("The script ended with %s, and the server refused its report: %v", result.State, refused))
}

// wait asks the server to say when something changed.
func (l *link) wait(ctx context.Context, a *Agent) {
	etag, began, atMost := a.given.ETag, a.Now(), l.atMost
	limited, cancel := context.WithTimeout(ctx, waitFor+requestTimeout)
	l.waiting, l.endWait = true, cancel
	a.background(ctx, func() func() {
		changed, err := a.client.Wait(limited, etag, atMost)
		ended := limited.Err()
		cancel()
		return func() {
			l.waiting = false
			now := a.Now().Round(0)
			refused, isRefusal := errors.AsType[*checkin.Error](err)
			took := now.Sub(began)
			switch {
			case errors.Is(ended, context.Canceled):
				l.nextWait = now
			case err != nil && (!isRefusal || refused.Status == http.StatusGatewayTimeout) && took > atMost/5 && took < atMost && atMost > shortestWait: // something on the way cuts what is quiet
				l.atMost, l.whole = max(shortestWait, took/2), 0
				l.nextWait = now.Add(a.jitter(firstPause))
			case err != nil:
				pause := time.Minute
				if isRefusal {
					pause = max(pause, refused.RetryAfter)
				}
				l.nextWait = now.Add(min(pause, longestPause) + a.jitter(time.Minute))
				a.Log.Debug("waiting for changes failed", "error", err)
			case changed:
				l.next, l.nextWait = now, now.Add(min(time.Second<<min(l.vain, 20), a.interval()))
				l.vain++ // until an answer tells what changed
			case took < atMost/10: // the server is about to stop
				l.nextWait = now.Add(firstPause + a.jitter(firstPause))
			default:
				if l.whole++; l.whole%wholeWaits == 0 { // what cut them may be gone
					l.atMost = min(2*l.atMost, waitFor)
				}
			}
		}
	})
}
