// Package ingest is group commit: many callers' writes share one durable
// transaction. A commit costs an fsync, and one fsync for each write does not
// scale; here whatever arrives while a transaction commits goes into the next,
// so that a lone caller waits for no one and a crowd shares.
package ingest

import (
	"context"
	"sync/atomic"
	"time"

	"plimsoll"
)

// Commit writes items in one transaction. refusals[i] is why items[i] alone was
// refused, or nil: a bad item must not cost its neighbours anything. err means
// that nothing was written, and is every submitter's.
type Commit[T any] func(ctx context.Context, items []T) (refusals []error, err error)

// Limits bound a [Group].
type Limits struct {
	Batch   int   // most items in a transaction
	Waiting int   // most items that wait for one; a further one is refused
	Bytes   int64 // most that items under way may hold, unless one is alone; a transaction takes a quarter. 0 is no limit
}

// commitTimeout ends a transaction whose database does not answer, so that those
// behind it get their turn, or their refusal.
const commitTimeout = 30 * time.Second

// Group gathers items into shared transactions.
type Group[T any] struct {
	commit  Commit[T]
	limits  Limits
	waiting chan *submission[T]
	size    func(T) int64 // of an item, in bytes
	held    atomic.Int64  // by the items under way
	observe func(items int)
}

type submission[T any] struct {
	ctx  context.Context //nolint:containedctx // the caller's: it may leave before its turn
	item T
	size int64
	done chan error
}

// NewGroup makes a group, which works while Run does. observe is told the number
// of items of each transaction.
func NewGroup[T any](commit Commit[T], limits Limits, observe func(items int)) *Group[T] {
	return &Group[T]{
		commit: commit, limits: limits, observe: observe, size: func(T) int64 { return 0 },
		waiting: make(chan *submission[T], limits.Waiting),
	}
}

// Submit returns nil once item is durable. With more waiting than the limit it
// refuses at once with TooManyRequests. A caller whose context ends before its
// turn is left out; one whose context ends later may still be written.
func (g *Group[T]) Submit(ctx context.Context, item T) error {
	s := &submission[T]{ctx: ctx, item: item, size: g.size(item), done: make(chan error, 1)}
	if held := g.held.Add(s.size); g.limits.Bytes > 0 && held > g.limits.Bytes && held > s.size {
		g.held.Add(-s.size)
		return tooMany()
	}
	select {
	case g.waiting <- s:
	default:
		g.held.Add(-s.size)
		return tooMany()
	}
	select {
	case err := <-s.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func tooMany() error {
	return &plimsoll.Error{
		Code: plimsoll.TooManyRequests, RetryAfter: time.Second,
		Message: "More requests are waiting for the database than can be taken on; send this one again in a moment.",
	}
}

// Run writes what is submitted until ctx is done and nothing waits any more.
func (g *Group[T]) Run(ctx context.Context) {
	batch := make([]*submission[T], 0, g.limits.Batch)
	for {
		select {
		case s := <-g.waiting:
			batch = g.gather(append(batch[:0], s))
			g.write(context.WithoutCancel(ctx), batch)
		case <-ctx.Done():
			if len(g.waiting) == 0 {
				return
			}
			batch = g.gather(batch[:0])
			g.write(context.WithoutCancel(ctx), batch)
		}
	}
}

// gather adds what waits to the batch, without waiting for more.
func (g *Group[T]) gather(batch []*submission[T]) []*submission[T] {
	var held int64
	for _, s := range batch {
		held += s.size
	}
	for len(batch) < g.limits.Batch && (g.limits.Bytes == 0 || held < g.limits.Bytes/4) {
		select {
		case s := <-g.waiting:
			batch, held = append(batch, s), held+s.size
		default:
			return batch
		}
	}
	return batch
}

// write commits a batch, and tells each submitter how it went.
func (g *Group[T]) write(ctx context.Context, batch []*submission[T]) {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	present := make([]*submission[T], 0, len(batch))
	items := make([]T, 0, len(batch))
	var size int64
	for _, s := range batch {
		size += s.size
		if s.ctx.Err() == nil {
			present, items = append(present, s), append(items, s.item)
		}
	}
	defer clear(batch) // or what they hold would be kept until the next
	if len(items) == 0 {
		g.held.Add(-size)
		return
	}
	refusals, err := g.commit(ctx, items)
	g.held.Add(-size)
	if err == nil {
		g.observe(len(items))
	}
	for i, s := range present {
		if err != nil {
			s.done <- err
		} else {
			s.done <- refusals[i]
		}
	}
}
