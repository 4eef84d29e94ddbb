package store

import (
	"context"
	"errors"
	"time"

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
