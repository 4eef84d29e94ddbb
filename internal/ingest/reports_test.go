package ingest_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

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
