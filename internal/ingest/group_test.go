package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"plimsoll"
	"plimsoll/internal/ingest"
)

// journal is where a test's commits go. It stands for a database: one
// transaction at a time, in which either all is written or nothing.
type journal struct {
	mu       sync.Mutex
	open     int                     // transactions under way
	overlaps int                     // transactions that began while another was under way
	batches  [][]int                 // what each transaction that succeeded was given
	tried    [][]int                 // and every transaction, whether it succeeded or not
	observed []int                   // what the group said of its transactions
	took     time.Duration           // how long a transaction takes
	fails    func(items []int) error // why a transaction fails, or nil
	refuses  func(item int) error    // why one item is refused, or nil
}

func (j *journal) commit(ctx context.Context, items []int) ([]error, error) {
	j.mu.Lock()
	if j.open++; j.open > 1 {
		j.overlaps++
	}
	j.mu.Unlock()
	select {
	case <-time.After(j.took):
	case <-ctx.Done():
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.open--
	j.tried = append(j.tried, slices.Clone(items))
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if j.fails != nil {
		if err := j.fails(items); err != nil {
			return nil, err
		}
	}
	j.batches = append(j.batches, slices.Clone(items))
	refusals := make([]error, len(items))
	for i, item := range items {
		if j.refuses != nil {
			refusals[i] = j.refuses(item)
		}
	}
	return refusals, nil
}

func (j *journal) observe(n int) { j.observed = append(j.observed, n) } // by Run alone

// written gives all that was written, in its order.
func (j *journal) written() []int { return slices.Concat(j.batches...) }

// start runs a group on the journal until the test, or stop, ends it.
func start(t *testing.T, j *journal, limits ingest.Limits) (group *ingest.Group[int], stop func()) {
	t.Helper()
	group = ingest.NewGroup(j.commit, limits, j.observe)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { group.Run(ctx) })
	stop = func() {
		cancel()
		running.Wait()
	}
	t.Cleanup(stop)
	return group, stop
}

// submitAll submits 0 to n-1 in this order, and gives each one's outcome once
// all have one. It needs a synctest bubble: the next goes in when the one before
// it waits.
func submitAll(t *testing.T, group *ingest.Group[int], n int) (outcomes func() []error) {
	t.Helper()
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = group.Submit(t.Context(), i) })
		synctest.Wait()
	}
	return func() []error {
		all.Wait()
		return errs
	}
}

// numbers gives from, from+1, … to-1.
func numbers(from, to int) []int {
	all := make([]int, 0, to-from)
	for i := from; i < to; i++ {
		all = append(all, i)
	}
	return all
}

func wantWritten(t *testing.T, j *journal, batches ...[]int) {
	t.Helper()
	if got, want := fmt.Sprint(j.batches), fmt.Sprint(batches); got != want {
		t.Errorf("the transactions were %s, want %s", got, want)
	}
}

func wantCode(t *testing.T, err error, code plimsoll.Code) {
	t.Helper()
	if got := plimsoll.ErrorCode(err); got != code {
		t.Errorf("%v has the code %q, want %q", err, got, code)
	}
}

// TestCrowdShares has many submit at once, without a fake clock: each hears of
// its own item, no item is written twice, one transaction runs at a time, and
// far fewer run than there are items.
func TestCrowdShares(t *testing.T) {
	t.Parallel()
	const submitters, each = 64, 20
	j := &journal{took: time.Millisecond, refuses: func(item int) error {
		if item%7 == 0 {
			return plimsoll.Errorf(plimsoll.NotFound, "%d", item)
		}
		return nil
	}}
	group, stop := start(t, j, ingest.Limits{Batch: 50, Waiting: submitters})
	var all sync.WaitGroup
	for submitter := range submitters {
		all.Go(func() {
			for i := range each {
				item := submitter*each + i
				err := group.Submit(t.Context(), item)
				if refused := item%7 == 0; refused != (err != nil) || refused && err.Error() != fmt.Sprint(item) {
					t.Errorf("item %d: %v", item, err)
				}
			}
		})
	}
	all.Wait()
	stop()
	written := j.written()
	slices.Sort(written)
	if !slices.Equal(written, numbers(0, submitters*each)) {
		t.Errorf("of %d items, these were written: %v", submitters*each, written)
	}
	if j.overlaps > 0 {
		t.Errorf("%d transactions began while another was under way", j.overlaps)
	}
	if n := len(j.batches); n > submitters*each/5 {
		t.Errorf("%d items took %d transactions", submitters*each, n)
	}
	for i, batch := range j.batches {
		if len(batch) > 50 || j.observed[i] != len(batch) {
			t.Errorf("transaction %d had %d items, and %d were observed", i, len(batch), j.observed[i])
		}
	}
}

// TestOrderAndSharing holds a transaction up, and looks at what the next ones
// are given: all that came meanwhile, in its order, in batches of the limit.
func TestOrderAndSharing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := &journal{took: time.Second}
		group, _ := start(t, j, ingest.Limits{Batch: 4, Waiting: 100})
		began := time.Now()
		if err := errors.Join(submitAll(t, group, 11)()...); err != nil {
			t.Error(err)
		}
		// The first waits for no one; ten more share three transactions.
		wantWritten(t, j, numbers(0, 1), numbers(1, 5), numbers(5, 9), numbers(9, 11))
		if took := time.Since(began); took != 4*time.Second {
			t.Errorf("four transactions of a second took %v", took)
		}
	})
}

// TestLoneCallerWaitsForNoOne submits one at a time.
func TestLoneCallerWaitsForNoOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := &journal{took: time.Second}
		group, _ := start(t, j, ingest.Limits{Batch: 4, Waiting: 4})
		began := time.Now()
		for i := range 3 {
			if err := group.Submit(t.Context(), i); err != nil {
				t.Error(err)
			}
		}
		wantWritten(t, j, []int{0}, []int{1}, []int{2})
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("three transactions of a second took %v", took)
		}
	})
}

// TestWaitingIsBounded fills the queue behind a transaction: the next is refused
// at once and never written, and those that wait are.
func TestWaitingIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := &journal{took: 10 * time.Second}
		group, _ := start(t, j, ingest.Limits{Batch: 10, Waiting: 3})
		outcomes := submitAll(t, group, 4) // one is being written, three wait
		began := time.Now()
		for range 5 {
			err := group.Submit(t.Context(), 99)
			wantCode(t, err, plimsoll.TooManyRequests)
			if refusal, ok := errors.AsType[*plimsoll.Error](err); !ok || refusal.RetryAfter <= 0 {
				t.Errorf("%v does not say when to come back", err)
			}
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("it took %v to refuse", waited)
		}
		if err := errors.Join(outcomes()...); err != nil {
			t.Error(err)
		}
		wantWritten(t, j, []int{0}, []int{1, 2, 3})
		if err := group.Submit(t.Context(), 4); err != nil {
			t.Errorf("with the queue empty again: %v", err)
		}
	})
}

// TestBadItemCostsNoNeighbour has one item refused: the others are written with
// it in their midst, and only its submitter is told.
func TestBadItemCostsNoNeighbour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bad := errors.New("the bad item")
		group := ingest.NewGroup(func(_ context.Context, items []int) ([]error, error) {
			time.Sleep(time.Second)
			refusals := make([]error, len(items))
			if i := slices.Index(items, 3); i >= 0 {
				refusals[i] = bad
			}
			return refusals, nil
		}, ingest.Limits{Batch: 10, Waiting: 10}, func(int) {})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go group.Run(ctx)
		for i, err := range submitAll(t, group, 6)() {
			if i == 3 != errors.Is(err, bad) || i != 3 && err != nil {
				t.Errorf("item %d: %v", i, err)
			}
		}
	})
}

// TestUnavailableIsForAll has the database away: everyone is told, and nothing
// is tried again, since no one knows what became of it.
func TestUnavailableIsForAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := &journal{took: time.Second, fails: func([]int) error {
			return fmt.Errorf("commit: %w", plimsoll.Errorf(plimsoll.Unavailable, "away"))
		}}
		group, _ := start(t, j, ingest.Limits{Batch: 10, Waiting: 10})
		for _, err := range submitAll(t, group, 6)() {
			wantCode(t, err, plimsoll.Unavailable)
		}
		if len(j.tried) != 2 || len(j.written()) != 0 || len(j.observed) != 0 {
			t.Errorf("tried %v, wrote %v, observed %v", j.tried, j.batches, j.observed)
		}
		j.fails = nil
		if err := group.Submit(t.Context(), 6); err != nil {
			t.Errorf("with the database back: %v", err)
		}
	})
}

// TestSilentDatabase has a database that does not answer: nobody waits for it
// for ever, and those who come when it answers again are served.
func TestSilentDatabase(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := &journal{took: 24 * time.Hour}
		group, _ := start(t, j, ingest.Limits{Batch: 10, Waiting: 10})
		began := time.Now()
		for i, err := range submitAll(t, group, 4)() {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("item %d: %v", i, err)
			}
		}
		if waited := time.Since(began); waited > 2*time.Minute {
			t.Errorf("they heard of it after %v", waited)
		}
		j.took = time.Second
		if err := group.Submit(t.Context(), 4); err != nil {
			t.Errorf("with the database back: %v", err)
		}
		wantWritten(t, j, []int{4})
	})
}

// TestCallerThatLeft has callers leave before their turn, and one while it is
// being written: that one may be stored, the others must not.
func TestCallerThatLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := &journal{took: time.Second}
		group, stop := start(t, j, ingest.Limits{Batch: 10, Waiting: 10})
		ctx, leave := context.WithCancel(t.Context())
		var left, stayed sync.WaitGroup
		for i := range 5 {
			if i == 3 {
				stayed.Go(func() {
					if err := group.Submit(t.Context(), i); err != nil {
						t.Errorf("the one that stayed: %v", err)
					}
				})
			} else {
				left.Go(func() {
					if err := group.Submit(ctx, i); !errors.Is(err, context.Canceled) {
						t.Errorf("item %d, whose caller left: %v", i, err)
					}
				})
			}
			synctest.Wait()
		}
		began := time.Now()
		leave()
		left.Wait()
		if waited := time.Since(began); waited != 0 {
			t.Errorf("it took %v to let a caller go", waited)
		}
		stayed.Wait()
		stop()
		wantWritten(t, j, []int{0}, []int{3}) // 0 was being written when its caller left
	})
}

// TestCallersWhoAllLeft has a whole batch without anyone to write for.
func TestCallersWhoAllLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := &journal{took: time.Second}
		group, stop := start(t, j, ingest.Limits{Batch: 2, Waiting: 10})
		ctx, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for i := range 7 {
			all.Go(func() { _ = group.Submit(ctx, i) })
			synctest.Wait()
		}
		leave()
		all.Wait()
		if err := group.Submit(t.Context(), 7); err != nil {
			t.Error(err)
		}
		stop()
		wantWritten(t, j, []int{0}, []int{7})
	})
}

// TestShutdownDrains ends Run while a transaction is under way and many
// batches wait: all of it is written and answered before Run returns.
func TestShutdownDrains(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := &journal{took: time.Second}
		group, stop := start(t, j, ingest.Limits{Batch: 1, Waiting: 100})
		outcomes := submitAll(t, group, 20)
		stop()
		if !slices.Equal(j.written(), numbers(0, 20)) {
			t.Errorf("these were written: %v", j.written())
		}
		if err := errors.Join(outcomes()...); err != nil {
			t.Error(err)
		}
	})
}
