package ingest

import (
	"context"
	"sync"

	"plimsoll"
)

// Reports gathers devices' reports into shared transactions, in lanes: those of
// one bucket always take the same lane, so that two transactions at once never
// want the same rows.
type Reports struct{ lanes []*Group[*plimsoll.Report] }

// NewReports makes reports of so many lanes, each with the limits, which work
// while Run does. observe is told the number of reports of each transaction.
func NewReports(lanes int, commit Commit[*plimsoll.Report], limits Limits, observe func(reports int)) *Reports {
	r := &Reports{lanes: make([]*Group[*plimsoll.Report], lanes)}
	for i := range r.lanes {
		r.lanes[i] = NewGroup(commit, limits, observe)
	}
	return r
}

// Run writes what is reported until ctx is done and nothing waits any more.
func (r *Reports) Run(ctx context.Context) {
	var running sync.WaitGroup
	for _, lane := range r.lanes {
		running.Go(func() { lane.Run(ctx) })
	}
	running.Wait()
}

// Report returns nil once the report is durable, with its outcomes.
func (r *Reports) Report(ctx context.Context, report *plimsoll.Report) error {
	lane := plimsoll.DeviceBucket(report.DeviceID) % int64(len(r.lanes))
	return r.lanes[lane].Submit(ctx, report)
}

// Enrollments gathers enrolments into shared transactions.
type Enrollments struct{ *Group[*plimsoll.Enrollment] }

// Enroll returns nil once the device is one of the fleet, durably.
func (e Enrollments) Enroll(ctx context.Context, enrollment *plimsoll.Enrollment) error {
	return e.Submit(ctx, enrollment)
}
