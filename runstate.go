package plimsoll

import (
	"slices"
	"strings"
	"time"
)

// RunState is what a script found on a device (Graph's runState).
type RunState string

// The run states.
const (
	StateUnknown       RunState = "unknown"
	StateSuccess       RunState = "success"       // no issue detected
	StateFail          RunState = "fail"          // the issue detected
	StateScriptError   RunState = "scriptError"   // the script could not tell
	StatePending       RunState = "pending"       // yet to run
	StateNotApplicable RunState = "notApplicable" // a script for another platform
)

// RunStates gives every run state, in Graph's order.
func RunStates() []RunState {
	return []RunState{StateUnknown, StateSuccess, StateFail, StateScriptError, StatePending, StateNotApplicable}
}

// Presented gives the run state as it is read: one of an older revision is
// pending, unless the script is for another platform anyway.
func (s RunState) Presented(revision, current int64) RunState {
	if revision < current && s != StateNotApplicable {
		return StatePending
	}
	return s
}

// DeviceRunState is the latest run of a script on a device (Graph's
// deviceComplianceScriptDeviceState).
type DeviceRunState struct {
	ScriptID, DeviceID string
	State              RunState  // as presented
	RanAt              time.Time // zero: it never ran
	DueAt              time.Time // when it is due next; zero: unknown
	LastSyncAt         time.Time // of the device
	Output, Error      string    // what the run wrote
	Device             *Device   // where it is asked for
	ScriptName         string    // likewise
}

// ID gives the id: the script's and the device's.
func (s *DeviceRunState) ID() string { return s.ScriptID + ":" + s.DeviceID }

// Validate refuses a state that cannot be kept at the time now, and gives its
// texts and times the form in which they are. A run of the future is one of now,
// as in [Result.Arrived].
func (s *DeviceRunState) Validate(now time.Time) (err error) {
	if !slices.Contains(RunStates(), s.State) {
		return Invalidf("detectionState", "detectionState must be one of %v.", RunStates())
	}
	for property, at := range map[string]*time.Time{
		"lastStateUpdateDateTime": &s.RanAt, "expectedStateUpdateDateTime": &s.DueAt,
	} {
		if at.IsZero() {
			continue
		}
		if *at, err = Instant(property, *at); err != nil {
			return err
		}
	}
	s.RanAt, _ = (&Result{RanAt: s.RanAt}).Arrived(now)
	s.Output, s.Error = KeptText(s.Output), KeptText(s.Error)
	return nil
}

// ParseRunStateID gives the script and the device that an id names.
func ParseRunStateID(id string) (scriptID, deviceID string, ok bool) {
	return strings.Cut(id, ":")
}

// Result is one run of a script on a device, as its agent reports it.
type Result struct {
	ScriptID      string
	Revision      int64     // of the script that ran
	Sequence      int64     // from 1; the agent raises it with every run
	State         RunState  // success, fail or scriptError
	RanAt         time.Time // UTC
	DueAt         time.Time // when it runs next; zero: unknown
	Output, Error string
}

// MaxResults is how many results one report may bring.
const MaxResults = 100

// Outcome is what became of a result.
type Outcome string

// The outcomes. A result with one of the first three is acknowledged: the agent
// may forget it. So it may one that is refused, but for OutcomeTooMany.
const (
	OutcomeAccepted       Outcome = "accepted"
	OutcomeClockAhead     Outcome = "acceptedClockAhead" // its time was in the future; that of its arrival stands
	OutcomeDuplicate      Outcome = "duplicate"          // its sequence is not above that of the latest run
	OutcomeNotAssigned    Outcome = "notAssigned"        // the device has no such script, now
	OutcomeFutureRevision Outcome = "futureRevision"     // no script has this revision yet
	OutcomeInvalid        Outcome = "invalid"            // a value that can never be accepted
	OutcomeTooMany        Outcome = "tooMany"            // behind the hundredth: send it again
)

// Run is the latest run of a script on a device, as reports change it.
type Run struct {
	Revision int64 // of the script that ran; 0 where it never did
	State    RunState
	Sequence int64
	RanAt    time.Time
	DueAt    time.Time
}

// clockTolerance is how far a device's clock may be ahead of ours.
const clockTolerance = 5 * time.Minute

// Arrived gives when a result that comes at the time now ran, as it is taken, and
// the outcome if it is: the time of a clock that is ahead of ours is not.
func (r *Result) Arrived(now time.Time) (ranAt time.Time, outcome Outcome) {
	if r.RanAt.After(now.Add(clockTolerance)) {
		return now, OutcomeClockAhead
	}
	return r.RanAt, OutcomeAccepted
}

// Accept holds a result, at the time now, against the script's current revision,
// and makes it the latest run unless the outcome says otherwise.
func (r *Run) Accept(result *Result, current int64, now time.Time) Outcome {
	switch {
	case result.Revision > current:
		return OutcomeFutureRevision
	case result.Sequence <= r.Sequence:
		return OutcomeDuplicate
	}
	ranAt, outcome := result.Arrived(now)
	*r = Run{
		Revision: result.Revision, State: result.State, Sequence: result.Sequence, RanAt: ranAt, DueAt: result.DueAt,
	}
	return outcome
}

// Validate refuses a result that can never be accepted, and makes its texts such
// that they can be kept.
func (r *Result) Validate() (err error) {
	switch r.State {
	case StateSuccess, StateFail, StateScriptError:
	default:
		return Invalidf("state", "state must be success, fail or scriptError.")
	}
	if r.Revision < 1 {
		return Invalidf("revision", "revision must be 1 or more.")
	}
	if r.Sequence < 1 {
		return Invalidf("sequence", "sequence must be 1 or more.")
	}
	if r.RanAt.IsZero() {
		return Invalidf("ranDateTime", "ranDateTime must be the time of the run.")
	}
	if r.RanAt, err = Instant("ranDateTime", r.RanAt); err != nil {
		return err
	}
	if !r.DueAt.IsZero() {
		if r.DueAt, err = Instant("nextRunDateTime", r.DueAt); err != nil {
			return err
		}
	}
	r.Output, r.Error = KeptText(r.Output), KeptText(r.Error)
	return nil
}

// Report is what a device's agent brings at once.
type Report struct {
	DeviceID string
	Results  []Result
	At       time.Time // when it arrived, UTC
	Outcomes []Outcome // set where it is durable: one for each result
}

// Counts is how many devices of a script have each run state at each revision.
// What it makes of them is what the stores' sums are held to.
type Counts struct {
	Current int64                        // the script's revision
	Devices map[int64]map[RunState]int64 // by revision
}

// Summary gives the run summary that the counts make.
func (c *Counts) Summary() (noIssue, issue, failed, pending int64) {
	for revision, states := range c.Devices {
		for state, n := range states {
			switch state.Presented(revision, c.Current) {
			case StateSuccess:
				noIssue += n
			case StateFail:
				issue += n
			case StateScriptError:
				failed += n
			case StatePending, StateUnknown:
				pending += n
			case StateNotApplicable:
			}
		}
	}
	return noIssue, issue, failed, pending
}

// AssignedScript is a script as a device has to run it.
type AssignedScript struct {
	ScriptID, DisplayName             string
	Revision                          int64
	RunAsAccount                      RunAsAccount
	EnforceSignatureCheck, RunAs32Bit bool
	ContentHash                       []byte // SHA-256 of the content
	Schedule                          Schedule
	LastSequence                      int64 // of the latest run that is known; 0 for none
	RunRequest                        int64 // rises with every request to run it at once; 0 for none
}

// AgentStart is a process of a device's agent that speaks for the first time.
type AgentStart struct {
	DeviceID, Instance string
	At                 time.Time
}

// Agent is what is known of a device's agent.
type Agent struct {
	Instance      string // the process of it that began last
	InventoryHash string // what it called the inventory that is known
	Scripts       []AssignedScript
}
