package ingest

import (
	"context"

	"plimsoll"
)

// RunSummaryReader reads the current summaries of many scripts in one query.
// records[i] or refusals[i] answers ids[i]; err is the answer to all.
type RunSummaryReader interface {
	RunSummaries(ctx context.Context, ids []string) (
		records []plimsoll.RunSummaryRecord, refusals []error, err error)
}

// Reads lets concurrent reads of current summaries share queries, as [Group]
// lets writes share commits: where the database is another process, the way
// there costs more than the read. A read joins a query that has not begun, so
// that it sees all that was acknowledged before it was asked for.
type Reads struct{ group *Group[*lookup] }

type lookup struct {
	scriptID string
	record   plimsoll.RunSummaryRecord
}

// NewReads makes the reads of one reader, which work while Run does.
func NewReads(reader RunSummaryReader, limits Limits) *Reads {
	read := func(ctx context.Context, lookups []*lookup) ([]error, error) {
		ids := make([]string, len(lookups))
		for i, l := range lookups {
			ids[i] = l.scriptID
		}
		records, refusals, err := reader.RunSummaries(ctx, ids)
		for i := range records {
			lookups[i].record = records[i]
		}
		return refusals, err
	}
	return &Reads{NewGroup(read, limits, func(int) {})}
}

// Run reads what is asked for until ctx is done and nothing waits any more. It
// may run several times at once: that many queries are then under way.
func (r *Reads) Run(ctx context.Context) { r.group.Run(ctx) }

// RunSummary gives a script's current summary.
func (r *Reads) RunSummary(ctx context.Context, scriptID string) (plimsoll.RunSummaryRecord, error) {
	l := &lookup{scriptID: scriptID}
	if err := r.group.Submit(ctx, l); err != nil {
		return plimsoll.RunSummaryRecord{}, err // the lookup may be in use still
	}
	return l.record, nil
}
