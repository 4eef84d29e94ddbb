package checkin

import (
	"context"
	"sync"
)

// turns lets one at a time work for a device. Its zero value is ready.
type turns struct {
	mu    sync.Mutex
	taken map[string]chan struct{} // by the device; closed when its turn is over
}

// take waits until nobody else works for the device, and gives what ends the
// turn. An error is that of ctx, which ended before.
func (t *turns) take(ctx context.Context, device string) (done func(), err error) {
	for {
		t.mu.Lock()
		other, taken := t.taken[device]
		if !taken {
			break
		}
		t.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	defer t.mu.Unlock()
	if t.taken == nil {
		t.taken = map[string]chan struct{}{}
	}
	over := make(chan struct{})
	t.taken[device] = over
	return func() {
		t.mu.Lock()
		delete(t.taken, device)
		t.mu.Unlock()
		close(over)
	}, nil
}
