package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"plimsoll"
	"plimsoll/internal/ingest"
)

// slowReader takes a second for a query, and answers with the version that
// stood when the query began.
type slowReader struct {
	version atomic.Int32
	queries atomic.Int32
}

func (r *slowReader) RunSummaries(_ context.Context, ids []string) ([]plimsoll.RunSummaryRecord, []error, error) {
	r.queries.Add(1)
	version := r.version.Load()
	time.Sleep(time.Second)
	records, refusals := make([]plimsoll.RunSummaryRecord, len(ids)), make([]error, len(ids))
	for i, id := range ids {
		if id == "unknown" {
			refusals[i] = plimsoll.Errorf(plimsoll.NotFound, "unknown")
			continue
		}
		records[i] = plimsoll.RunSummaryRecord{ScriptID: id, RunSummary: plimsoll.RunSummary{IssueDetected: version}}
	}
	return records, refusals, nil
}

// TestReadsShare has a crowd read while a query is under way: one further query
// answers all of them, each with its own, and none with what was there before
// it asked.
func TestReadsShare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reader := &slowReader{}
		reads := ingest.NewReads(reader, ingest.Limits{Batch: 100, Waiting: 100})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go reads.Run(ctx)
		done := make(chan error)
		ask := func(id string, version int32) {
			r, err := reads.RunSummary(ctx, id)
			if id == "unknown" && plimsoll.ErrorCode(err) == plimsoll.NotFound {
				err = nil
			} else if err == nil && (r.ScriptID != id || r.IssueDetected != version) {
				err = fmt.Errorf("%s at version %d was answered with %+v", id, version, r)
			}
			done <- err
		}
		go ask("lone", 0)
		synctest.Wait() // its query is under way
		reader.version.Store(1)
		const crowd = 50
		for i := range crowd {
			go ask(fmt.Sprint(i), 1)
		}
		go ask("unknown", 1)
		var all []error
		for range crowd + 2 {
			all = append(all, <-done)
		}
		if err := errors.Join(all...); err != nil {
			t.Error(err)
		}
		if n := reader.queries.Load(); n != 2 {
			t.Errorf("%d queries", n)
		}
	})
}
