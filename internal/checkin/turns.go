package checkin

import (
	"context"
	"sync"
	"time"

	"plimsoll"
)

// maxTurns is how many wait for a device's turn at most: more than an agent sends,
// whose first request the server may still be at when it comes again.
const maxTurns = 8

// turns lets one at a time work for a device. Its zero value is ready.
type turns struct {
	mu    sync.Mutex
	taken map[string]*turn // by the device
}

type turn struct {
	over    chan struct{} // closed when it is
	waiting int
}

// take waits until nobody else works for the device, and gives what ends the
// turn. It is TooManyRequests where many wait already; another error is that of
// ctx, which ended before.
func (t *turns) take(ctx context.Context, device string) (done func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for other := t.taken[device]; other != nil; other = t.taken[device] {
		if other.waiting >= maxTurns {
			return nil, &plimsoll.Error{
				Code: plimsoll.TooManyRequests, RetryAfter: time.Second,
				Message: "Other check-ins of this device are under way; send this one when they are answered.",
			}
		}
		other.waiting++
		t.mu.Unlock()
		select {
		case <-other.over:
		case <-ctx.Done():
		}
		t.mu.Lock()
		other.waiting--
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	if t.taken == nil {
		t.taken = map[string]*turn{}
	}
	mine := &turn{over: make(chan struct{})}
	t.taken[device] = mine
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.taken, device)
		close(mine.over)
	}, nil
}
