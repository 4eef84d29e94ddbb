package ingest_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"plimsoll"
	"plimsoll/internal/ingest"
)

// TestLanes reports from many devices at once: each report is committed once, and
// no bucket is in two transactions at the same time.
func TestLanes(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	open, seen := map[int64]bool{}, map[string]int{}
	commit := func(_ context.Context, reports []*plimsoll.Report) ([]error, error) {
		buckets := map[int64]bool{}
		mu.Lock()
		for _, r := range reports {
			bucket := plimsoll.DeviceBucket(r.DeviceID)
			if open[bucket] && !buckets[bucket] {
				t.Errorf("bucket %d is in two transactions", bucket)
			}
			open[bucket], buckets[bucket] = true, true
			seen[r.DeviceID]++
		}
		mu.Unlock()
		refusals := make([]error, len(reports))
		for i, r := range reports {
			r.Outcomes = []plimsoll.Outcome{plimsoll.OutcomeAccepted}
			if r.DeviceID == "device 7" {
				refusals[i] = plimsoll.Errorf(plimsoll.Conflict, "refused")
			}
		}
		mu.Lock()
		defer mu.Unlock()
		for bucket := range buckets {
			delete(open, bucket)
		}
		return refusals, nil
	}
	lanes := ingest.NewLanes(4, commit, ingest.Limits{Batch: 8, Waiting: 1000}, func(int) {})
	ctx, cancel := context.WithCancel(t.Context())
	var running, reporting sync.WaitGroup
	running.Go(func() { lanes.Run(ctx) })
	for i := range 200 {
		reporting.Go(func() {
			report := &plimsoll.Report{DeviceID: fmt.Sprintf("device %d", i)}
			err := lanes.Report(t.Context(), report)
			if (err != nil) != (i == 7) || len(report.Outcomes) != 1 {
				t.Errorf("device %d: %v, %v", i, report.Outcomes, err)
			}
		})
	}
	reporting.Wait()
	cancel()
	running.Wait()
	for device, n := range seen {
		if n != 1 {
			t.Errorf("%s was committed %d times", device, n)
		}
	}
	if len(seen) != 200 {
		t.Errorf("%d reports were committed", len(seen))
	}
}

// TestBytesOfReports has reports wait that hold more than may be held: one alone is
// taken, however large, and a further one refused until it is written.
func TestBytesOfReports(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		write := make(chan struct{})
		commit := func(_ context.Context, reports []*plimsoll.Report) ([]error, error) {
			<-write
			return make([]error, len(reports)), nil
		}
		lanes := ingest.NewLanes(1, commit, ingest.Limits{Batch: 10, Waiting: 10, Bytes: 1000}, func(int) {})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go lanes.Run(ctx)
		large := func() *plimsoll.Report {
			return &plimsoll.Report{Results: []plimsoll.Result{{Output: strings.Repeat("x", 2000)}}}
		}
		first := make(chan error, 1)
		go func() { first <- lanes.Report(ctx, large()) }()
		synctest.Wait()
		if err := lanes.Report(ctx, &plimsoll.Report{Results: []plimsoll.Result{{}}}); plimsoll.ErrorCode(err) != plimsoll.TooManyRequests {
			t.Errorf("beside a large one: %v", err)
		}
		close(write)
		if err := <-first; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if err := lanes.Report(ctx, large()); err != nil {
			t.Errorf("after it was written: %v", err)
		}
	})
}
