package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"plimsoll"
	"plimsoll/internal/agent/runner"
	"plimsoll/internal/agent/signature"
	"plimsoll/internal/checkin"
)

// script is one that the device has to run.
type script struct {
	checkin.Script

	schedule plimsoll.Schedule
	present  bool          // its content is on disk
	faults   int           // tries in a row to fetch its content, or to find its account, that failed for a reason of its own
	notYet   time.Time     // until when it is not tried again
	pause    time.Duration // which notYet was ahead
	reason   string        // why it is not run though it is due
	running  bool
	begun    bool // of which the record tells
}

const (
	maxBegun   = 3           // runs that the machine or the agent did not survive, before that is the verdict
	tryAgain   = time.Minute // after what may be otherwise soon
	maxDoubts  = 2           // contents that are not the one assigned, before that is the verdict
	maxFaults  = 5           // the same of what this machine is at fault for
	maxRecords = 10_000
)

// take makes what the server gave what the device has to run. What is as it was
// goes on as it does, and what cannot be followed is reported.
func (a *Agent) take(given assignment, refused []checkin.RefusedScript) {
	before := slices.Concat(a.scripts, a.leaving)
	a.given, a.scripts, a.leaving = given, nil, nil
	for i := range given.Scripts {
		wire := given.Scripts[i]
		schedule, err := wire.Schedule.Domain()
		if err != nil {
			refused = append(refused, checkin.RefusedScript{ID: wire.ID, Revision: wire.Revision, LastSequence: wire.LastSequence, Err: err})
			continue
		}
		s := &script{}
		if at := slices.IndexFunc(before, func(old *script) bool { return old.ID == wire.ID }); at >= 0 {
			s = before[at]
			before = slices.Delete(before, at, at+1)
		}
		if s.Revision != wire.Revision || s.ContentHash != wire.ContentHash {
			s.reason = ""
			if s.faults == 0 { // else a server that gives one and then the other would be asked on and on
				s.notYet = time.Time{}
			}
		}
		s.Script, s.schedule = wire, schedule
		_, err = os.Stat(a.contentPath(s))
		s.present = err == nil
		a.scripts = append(a.scripts, s)
		if r := a.record(s.ID); r.Refused != "" { // what was reported then was not of a run
			r.Refused, r.Progress = "", plimsoll.Progress{}
		}
	}
	for _, s := range before {
		if s.running { // and must not run beside itself, should it come back
			a.leaving = append(a.leaving, s)
		}
	}
	a.refused = refused
	for i := range refused {
		a.Log.Error("a script is refused", "script_id", refused[i].ID, "revision", refused[i].Revision, "error", refused[i].Err)
	}
	a.removeContents()
	a.reportRefused()
	a.forget()
}

// takeAway has scripts that are given no more be new to the device, should they come
// back: the server forgot their results with them. It gives the records that it changed.
func (a *Agent) takeAway(given []checkin.Script, refused []checkin.RefusedScript) map[string]*record {
	changed := map[string]*record{}
	for id, r := range a.records {
		if (r.Revision != 0 || r.Refused != "") && // else it is new already
			!slices.ContainsFunc(given, func(s checkin.Script) bool { return s.ID == id }) &&
			!slices.ContainsFunc(refused, func(s checkin.RefusedScript) bool { return s.ID == id }) {
			r.Progress, r.Refused = plimsoll.Progress{}, ""
			changed[id] = r
		}
	}
	return changed
}

// compare finds out, by an answer that came later, about latest results of which the
// server said that it had them before, and gives the records that it changed. An answer
// may have been lost; or this machine was put back to an earlier state, and the number
// was another run's: then the script runs again.
func (a *Agent) compare(given []checkin.Script) map[string]*record {
	changed := map[string]*record{}
	for i := range given {
		s, r := &given[i], a.record(given[i].ID)
		if !r.Doubted {
			continue
		}
		changed[s.ID] = r
		r.Reported = s.LastSequence <= r.Sequence && !r.Foreign
		r.Doubted, r.Foreign = false, false
		if !r.Reported {
			a.Log.Warn("the server knows of later runs than this machine, which was put back to an earlier state; the script runs again",
				"script_id", s.ID, "sequence", r.Sequence, "server_sequence", s.LastSequence)
			r.Progress = plimsoll.Progress{}
		}
	}
	return changed
}

// forget keeps the number of scripts small of which is known how far the device
// is. All it loses of one that comes back later is that an older revision is told.
func (a *Agent) forget() {
	gone := map[string]*record{}
	for id := range a.records {
		given := slices.ContainsFunc(a.scripts, func(s *script) bool { return s.ID == id })
		if !given && len(a.records) > maxRecords {
			gone[id] = nil
			delete(a.records, id)
		}
	}
	if err := a.journal.note(gone); err != nil {
		a.Log.Warn("the queue could not be written", "error", err)
	}
}

// spread gives the device's place among all that run a script.
func (a *Agent) spread(script string) plimsoll.Spread {
	return plimsoll.SpreadOf(a.identity.DeviceID, script)
}

// dueAt gives when a script is to run next; the zero time is never.
func (a *Agent) dueAt(s *script, now time.Time) time.Time {
	r := a.record(s.ID)
	if s.RunRequest > r.RunRequest {
		return now
	}
	return s.schedule.DueAt(&r.Progress, s.Revision, now, a.where, a.spread(s.ID))
}

func (a *Agent) isDue(s *script, now time.Time) bool {
	at := a.dueAt(s, now)
	return !at.IsZero() && !at.After(now)
}

// dueNow gives the scripts that are to run now, those first that are due longest.
func (a *Agent) dueNow(now time.Time) (due []*script) {
	at := map[*script]time.Time{}
	for _, s := range a.scripts {
		at[s] = a.dueAt(s, now)
		if !s.running && !at[s].IsZero() && !at[s].After(now) && !s.putOffAt(now) {
			due = append(due, s)
		}
	}
	slices.SortStableFunc(due, func(x, y *script) int { return cmp.Or(at[x].Compare(at[y]), cmp.Compare(x.ID, y.ID)) })
	return due
}

// runDue begins what is due, and gives when something is next; the zero time is
// not before something happens.
func (a *Agent) runDue(ctx context.Context, now time.Time) (next time.Time) {
	for _, s := range a.dueNow(now) {
		if a.running >= maxRunning {
			break
		}
		if s.present {
			a.begin(ctx, s)
		}
	}
	for _, s := range a.scripts {
		at := a.dueAt(s, now)
		if at.Before(s.notYet) {
			at = s.notYet
		}
		if at.After(now) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// begin finds out whom a script runs as, which may take its time, and runs it then.
func (a *Agent) begin(ctx context.Context, s *script) {
	s.running = true
	a.running++
	as := plimsoll.RunAsAccount(s.RunAsAccount)
	a.background(ctx, func() func() {
		account, err := runner.AccountFor(ctx, as, a.SignedIn)
		return func() {
			s.running = false
			a.running--
			now := a.Now().Round(0)
			switch {
			case ctx.Err() != nil, !slices.Contains(a.scripts, s), !s.present, as != plimsoll.RunAsAccount(s.RunAsAccount): // it is to be otherwise by now
			case err == nil:
				a.start(ctx, s, &account, now)
			default:
				a.putOff(s, now, tryAgain, err.Error())
				if plimsoll.ErrorCode(err) != plimsoll.NotFound { // somebody is signed in
					a.countFault(s, now, maxFaults, err)
				}
			}
		}
	})
}

// start runs a script, or finds why it may not run.
func (a *Agent) start(ctx context.Context, s *script, account *runner.Account, now time.Time) {
	r := a.record(s.ID)
	job := &runner.Job{
		TimeLimit: time.Duration(s.TimeLimitSeconds) * time.Second, RunAs32Bit: s.RunAs32Bit, Account: *account,
		AllSigned: s.EnforceSignatureCheck || a.identity.SignedOnly, Folder: filepath.Join(a.Folder, runsFolder),
	}
	var err error
	if job.Content, err = readContent(a.contentPath(s), s.ContentHash); err != nil {
		_ = os.Remove(a.contentPath(s))
		s.present = false
		a.putOff(s, now, tryAgain, "its content is not as it was fetched, and is fetched again: "+err.Error())
		a.countFault(s, now, maxFaults, err)
		return
	}
	s.faults = 0
	signedAt, err := a.mayRun(s, r, job, now)
	if r.BegunAs != s.Revision { // a later one may be without the fault
		r.Begun, r.BegunAs = 0, s.Revision
	}
	if r.Begun >= maxBegun && err == nil {
		err = fmt.Errorf("the machine or its agent ended while the script ran, %d times in a row", r.Begun)
	}
	if err != nil {
		a.refuse(s, now, err)
		return
	}
	r.Begun++
	if err := a.journal.note(map[string]*record{s.ID: r}); err != nil {
		a.Log.Warn("the queue could not be written", "error", err)
	}
	ran := s.Script // as it is now
	s.running, s.begun, s.reason = true, true, ""
	a.running++
	a.Log.Info("script begins", "script_id", s.ID, "revision", s.Revision, "name", s.DisplayName)
	a.background(ctx, func() func() {
		verdict, err := a.Runner.Run(ctx, job)
		return func() {
			a.running--
			if err != nil {
				return // the agent stops, and notes what it ended
			}
			s.running, s.begun = false, false
			if !signedAt.IsZero() {
				r.SignedAt = signedAt
			}
			r.Highest = max(r.Highest, ran.Revision)
			a.conclude(s, &ran, now, verdict)
			a.reportRefused() // what came while it ran
		}
	})
}

// putOffAt tells whether a script is not to be tried yet. What was put off by a clock
// that was ahead is not.
func (s *script) putOffAt(now time.Time) bool {
	return s.notYet.After(now) && !s.notYet.After(now.Add(s.pause))
}

// putOff lets a script wait for what may be otherwise soon.
func (a *Agent) putOff(s *script, now time.Time, pause time.Duration, reason string) {
	if s.reason != reason {
		a.Log.Info("script waits", "script_id", s.ID, "reason", reason)
	}
	s.reason, s.notYet, s.pause = reason, now.Add(pause), pause
}

// countFault makes what failed so often in a row the verdict, and from then on each
// time that the script is due.
func (a *Agent) countFault(s *script, now time.Time, most int, err error) {
	if s.faults++; s.faults >= most {
		a.refuse(s, now, err)
	}
}

// refuse gives the verdict on a script that may not, or cannot, be run here.
func (a *Agent) refuse(s *script, now time.Time, err error) {
	a.conclude(s, &s.Script, now, runner.Failed("The script was not run: %v", err))
}

// mayRun refuses what a server may not have this device run: what is older than
// what ran here, and where a signature is needed, what has none by an allowed
// signer. It gives when the content was signed, if it says.
func (a *Agent) mayRun(s *script, r *record, job *runner.Job, now time.Time) (signedAt time.Time, err error) {
	if s.Revision < r.Highest {
		return signedAt, fmt.Errorf("its revision is %d, and this device has had revision %d: an older one is not run again", s.Revision, r.Highest)
	}
	if !job.AllSigned || runtime.GOOS == "windows" { // there PowerShell sees to it
		return signedAt, nil
	}
	text, err := os.ReadFile(filepath.Join(a.Folder, signersFile))
	if errors.Is(err, os.ErrNotExist) {
		return signedAt, errors.New("it needs a signature, and this device has no allowed signers: enrol it with --allowed-signers FILE")
	}
	if err != nil {
		return signedAt, err
	}
	signers, err := signature.ParseAllowedSigners(text)
	if err != nil {
		return signedAt, err
	}
	verified, err := signature.Verify(job.Content, signers, now)
	if err != nil {
		return signedAt, err
	}
	if verified.SignedAt.Before(r.SignedAt) {
		return signedAt, fmt.Errorf("it does not say that it was signed after %s, as what ran here before does: an older one is not run again",
			r.SignedAt.Format(time.RFC3339))
	}
	return verified.SignedAt, nil
}

// conclude keeps how a run ended that began at a time, of what the server gave
// then.
func (a *Agent) conclude(s *script, ran *checkin.Script, began time.Time, verdict runner.Verdict) {
	r := a.record(ran.ID)
	r.Progress = plimsoll.Progress{Revision: ran.Revision, RanAt: began, RunRequest: max(r.RunRequest, ran.RunRequest)}
	if slices.Contains(a.leaving, s) { // as in takeAway
		r.Progress = plimsoll.Progress{}
	}
	r.Sequence = max(r.Sequence, ran.LastSequence, s.LastSequence) + 1
	r.Reported, r.Doubted, r.Foreign = false, false, false
	if !s.begun {
		r.Begun = 0
	}
	reason, _, _ := strings.Cut(verdict.Error, "\n")
	r.Last = &outcome{State: string(verdict.State), Took: verdict.Took, Error: reason}
	result := checkin.Result{
		ScriptID: ran.ID, Revision: ran.Revision, Sequence: r.Sequence, State: string(verdict.State), RanAt: began.UTC().Truncate(plimsoll.Tick),
		Output: verdict.Output, Error: verdict.Error,
	}
	if s.schedule.Kind != "" {
		result.DueAt = s.schedule.Next(began, a.where, a.spread(ran.ID))
	}
	a.Log.Info("script ended", "script_id", ran.ID, "revision", ran.Revision, "state", result.State, "took", verdict.Took.Round(time.Millisecond))
	a.save(&result, r)
}

// save puts a result into the queue. What the disk does not take stays in memory, and
// so does what comes after that of its script.
func (a *Agent) save(result *checkin.Result, r *record) {
	if slices.ContainsFunc(a.unsaved, func(earlier checkin.Result) bool { return earlier.ScriptID == result.ScriptID }) {
		a.unsaved = append(a.unsaved, *result)
		return
	}
	dropped, err := a.journal.add(result, r)
	if err != nil {
		a.Log.Error("a result could not be written to the queue; it is kept in memory", "script_id", result.ScriptID, "error", err)
		a.unsaved = append(a.unsaved, *result)
		return
	}
	if dropped > 0 {
		a.Log.Warn("the queue is full; the oldest results, which later ones follow, are dropped", "dropped", dropped)
	}
}

// saveUnsaved tries the disk again.
func (a *Agent) saveUnsaved() {
	for len(a.unsaved) > 0 {
		if _, err := a.journal.add(&a.unsaved[0], a.record(a.unsaved[0].ScriptID)); err != nil {
			break
		}
		a.unsaved = a.unsaved[1:]
	}
	for i := 0; len(a.unsaved) > maxQueued/10 && i < len(a.unsaved); { // memory is less than disk
		if a.unsaved[i].Sequence < a.record(a.unsaved[i].ScriptID).Sequence {
			a.unsaved = slices.Delete(a.unsaved, i, i+1)
		} else {
			i++
		}
	}
}

// reportRefused reports the scripts that the server gave in a way that cannot be
// followed: once for each way, and not while the script runs as it was given before.
func (a *Agent) reportRefused() {
	for i := range a.refused {
		refused := &a.refused[i]
		reason := fmt.Sprintf("revision %d: %v", refused.Revision, refused.Err)
		runs := slices.ContainsFunc(a.leaving, func(s *script) bool { return s.ID == refused.ID && s.running })
		if refused.ID == "" || refused.Revision < 1 || runs || a.record(refused.ID).Refused == reason {
			continue
		}
		a.record(refused.ID).Refused = reason
		a.refuse(&script{Script: checkin.Script{ID: refused.ID, Revision: refused.Revision, LastSequence: refused.LastSequence}}, a.Now().Round(0), refused.Err)
	}
}
