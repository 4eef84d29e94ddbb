package ingest

import (
	"context"
	"sync"

	"plimsoll"
)

// Lanes gathers devices' reports into shared transactions, in lanes: those of
// one bucket always take the same lane, so that two transactions of a
// server never want the same rows. The limits are each lane's.
type Lanes struct{ lanes []*Group[*plimsoll.Report] }

// NewLanes makes so many lanes, each with the limits, which work
// while Run does. observe is told the number of reports of each transaction.
func NewLanes(lanes int, commit Commit[*plimsoll.Report], limits Limits, observe func(reports int)) *Lanes {
	l := &Lanes{lanes: make([]*Group[*plimsoll.Report], lanes)}
	for i := range l.lanes {
		l.lanes[i] = NewGroup(commit, limits, observe)
		l.lanes[i].size = reportSize
	}
	return l
}

// reportSize gives about how many bytes of memory a report takes.
func reportSize(r *plimsoll.Report) (size int64) {
	for i := range r.Results {
		size += int64(len(r.Results[i].Output)+len(r.Results[i].Error)) + 200
	}
	return size
}

// Run writes what is reported until ctx is done and nothing waits any more.
func (l *Lanes) Run(ctx context.Context) {
	var running sync.WaitGroup
	for _, lane := range l.lanes {
		running.Go(func() { lane.Run(ctx) })
	}
	running.Wait()
}

// Report returns nil once the report is durable, with its outcomes.
func (l *Lanes) Report(ctx context.Context, report *plimsoll.Report) error {
	lane := plimsoll.DeviceBucket(report.DeviceID) % int64(len(l.lanes))
	return l.lanes[lane].Submit(ctx, report)
}

// AgentStarts gathers agents' processes that speak for the first time into shared
// transactions: a fleet may start at once.
type AgentStarts struct{ *Group[*plimsoll.AgentStart] }

// StartAgent returns nil once it is durable which process a device's agent is.
func (a AgentStarts) StartAgent(ctx context.Context, start *plimsoll.AgentStart) error {
	return a.Submit(ctx, start)
}

// Enrollments gathers enrolments into shared transactions.
type Enrollments struct{ *Group[*plimsoll.Enrollment] }

// Enroll returns nil once the device is one of the fleet, durably.
func (e Enrollments) Enroll(ctx context.Context, enrollment *plimsoll.Enrollment) error {
	return e.Submit(ctx, enrollment)
}
