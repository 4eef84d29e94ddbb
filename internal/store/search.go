package store

import (
	"context"
	"errors"
	"math"
	"time"

	"golang.org/x/sync/errgroup"

	"plimsoll"
)

// searchTimeout ends the reading of a list. A filter, an order or a search may
// ask for more work, over many rows, than anyone would wait for.
const searchTimeout = 5 * time.Second

// search reads a list, or counts it: see [Store.scan].
func (s *Store) search(ctx context.Context, read func(ctx context.Context) error) error {
	return s.scan(ctx, "$filter", "The filter, the search or the order takes", read)
}

// scan reads many rows for one answer. Only so many do at the same time that half
// of the connections are left for what is read by its key. Where it takes too long, the
// target and what is said to take so long are refused.
func (s *Store) scan(ctx context.Context, target, subject string, read func(ctx context.Context) error) error {
	select {
	case s.searches <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.searches }()
	limited, cancel := context.WithTimeout(ctx, searchTimeout)
	defer cancel()
	err := read(limited)
	if err != nil && ctx.Err() == nil && errors.Is(limited.Err(), context.DeadlineExceeded) {
		return plimsoll.Invalidf(target, "%s longer than %v over what is stored; ask for less at once.", subject, searchTimeout)
	}
	return err
}

// numberParts is into how many ranges the numbers of devices are cut, for a search
// that looks at all of them: more than most machines have processors to spare.
const numberParts = 4

// numberRange is the devices whose numbers are above one, and up to another.
type numberRange struct{ above, last int64 }

// inParts has read look at all devices, one range of their numbers after the
// other: at several at the same time where nobody else searches. Where read gives
// errEnough, what is left is not looked at. It may be called at the same time as itself.
func (s *Store) inParts(ctx context.Context, read func(ctx context.Context, of numberRange) error) error {
	var highest int64
	if err := s.read.QueryRowContext(ctx, `SELECT number FROM fleet_number`).Scan(&highest); err != nil {
		return refusal(err)
	}
	ranges := make(chan numberRange, numberParts+1)
	for i := range int64(numberParts) {
		ranges <- numberRange{highest * i / numberParts, highest * (i + 1) / numberParts}
	}
	ranges <- numberRange{highest, math.MaxInt64} // who came since
	close(ranges)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { // in the turn that the caller has
		for of := range ranges {
			if err := read(ctx, of); err != nil {
				return err
			}
		}
		return nil
	})
	for range numberParts - 1 {
		if s.set == nil { // a transaction is one connection
			group.Go(func() error { return s.help(ctx, ranges, read) })
		}
	}
	if err := group.Wait(); !errors.Is(err, errEnough) {
		return err
	}
	return nil
}

// help has read look at ranges in turns that nobody waits for, one for each.
func (s *Store) help(ctx context.Context, ranges <-chan numberRange, read func(ctx context.Context, of numberRange) error) error {
	for {
		select {
		case s.searches <- struct{}{}:
		default:
			return nil
		}
		of, more := <-ranges
		var err error
		if more {
			err = read(ctx, of)
		}
		<-s.searches
		if err != nil || !more {
			return err
		}
	}
}
