package plimsoll

import "time"

// RunSummary counts a script's devices by what the script found on them
// (Graph's deviceComplianceScriptRunSummary). Counts are Int32, and as in Graph
// every Int32 is valid.
type RunSummary struct {
	ID                     string // a GUID in lower case, given by the service
	NoIssueDetected        int32  // healthy devices
	IssueDetected          int32  // devices with the issue
	DetectionScriptError   int32  // devices that could not run the script
	DetectionScriptPending int32  // devices yet to run the latest revision
	LastScriptRun          time.Time
}

// Validate puts the last run into UTC and refuses years outside 1 to 9999.
func (s *RunSummary) Validate() (err error) {
	s.LastScriptRun, err = Instant("lastScriptRunDateTime", s.LastScriptRun)
	return err
}

// RunSummaryRecord is one entry in the history of a script's reported
// summaries. Each summary that is accepted, newly posted or changed, adds an
// entry; none is ever overwritten or taken away while its script exists.
//
// The current summary is the entry with the highest sequence, unless it was
// removed: then the script has none until the next is posted.
type RunSummaryRecord struct {
	RunSummary

	Computed   bool // from the devices' run states, rather than reported
	ScriptID   string
	Sequence   int64 // 1, 2, 3 … within the script, without a gap
	RecordedAt time.Time
	RecordedBy string    // who reported it: the client or user of the token
	RemovedAt  time.Time // when it was deleted; zero if it was not
	RemovedBy  string    // who deleted it
}
