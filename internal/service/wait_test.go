package service_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"plimsoll"
	"plimsoll/internal/service"
)

// watched is a store of devices that may be watched, and counts how often it is
// asked of them.
type watched struct {
	service.CheckInStore

	mu      sync.Mutex
	deaf    bool
	version uint64
	scripts []plimsoll.AssignedScript
	gone    map[string]bool
	own     map[string]chan struct{}
	others  map[string]chan struct{}
	looks   int
	onLook  func()
	fault   error
}

func (w *watched) Agent(ctx context.Context, id string) (plimsoll.Agent, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks++
	if w.onLook != nil {
		w.onLook()
	}
	if w.gone[id] {
		return plimsoll.Agent{}, plimsoll.Errorf(plimsoll.NotFound, "no such device")
	}
	return plimsoll.Agent{Instance: "i", Scripts: w.scripts}, errors.Join(w.fault, ctx.Err())
}

func (w *watched) DeviceVersion(string) (uint64, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.version, !w.deaf
}

func (w *watched) Watch(id string) (own, others <-chan struct{}, stop func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.own == nil {
		w.own, w.others = map[string]chan struct{}{}, map[string]chan struct{}{}
	}
	w.own[id], w.others[id] = make(chan struct{}, 1), make(chan struct{}, 1)
	return w.own[id], w.others[id], func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.own, id)
		delete(w.others, id)
	}
}

// rise makes do's change known to one device, or to all where id is "".
func (w *watched) rise(id string, do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do()
	w.version++
	woken := w.others
	if id != "" {
		woken = map[string]chan struct{}{id: w.own[id]}
	}
	for _, c := range woken {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

func (w *watched) looked() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.looks
}

func (w *watched) service() *service.Service {
	return service.New(service.Stores{CheckInStore: w}, nil, time.Now, rand.Reader)
}

// held gives the etag of what a device has to run.
func held(t *testing.T, s *service.Service, id string) string {
	t.Helper()
	answer, err := s.CheckIn(t.Context(), id, service.CheckIn{Instance: "i"})
	if err != nil {
		t.Fatal(err)
	}
	return answer.ETag
}

// waiting is a wait under way.
type waiting struct {
	done    bool
	changed bool
	err     error
	took    time.Duration
}

func wait(ctx context.Context, s *service.Service, id, etag string) *waiting {
	w, began := &waiting{}, time.Now()
	go func() {
		changed, err := s.AwaitChange(ctx, id, etag)
		*w = waiting{true, changed, err, time.Since(began)}
	}()
	return w
}

func another() plimsoll.AssignedScript { return plimsoll.AssignedScript{ScriptID: "s", Revision: 1} }

// TestAwaitChange has one device wait through what is none of its business, and what
// is.
func TestAwaitChange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &watched{gone: map[string]bool{}}
		s := w.service()
		etag := held(t, s, "a")
		before := w.looked()
		for what, ends := range map[string]func(cancel func()){
			"time":   func(func()) { time.Sleep(time.Minute) },
			"others": func(cancel func()) { cancel() },
		} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			one := wait(ctx, s, "a", etag)
			synctest.Wait()
			ends(cancel)
			synctest.Wait()
			if !one.done || one.changed || one.err != nil {
				t.Errorf("ended by %s: %+v", what, one)
			}
			cancel()
		}
		if n := w.looked() - before; n != 0 {
			t.Errorf("nothing changed, and the store was asked %d times", n)
		}
		if changed, err := s.HasChanged(t.Context(), "a", etag); changed || err != nil || w.looked() != before {
			t.Error(changed, err)
		}
		for _, none := range []string{"", "other"} {
			if one := wait(t.Context(), s, "a", none); true {
				synctest.Wait()
				if !one.done || !one.changed || one.took != 0 {
					t.Errorf("who holds %q: %+v", none, one)
				}
			}
		}

		one := wait(t.Context(), s, "a", etag)
		synctest.Wait()
		w.rise("", func() {})
		w.rise("a", func() {})
		time.Sleep(time.Second)
		if n := w.looked() - before; one.done || n < 1 || n > 2 {
			t.Errorf("after changes that left all as it was, and %d looks: %+v", n, one)
		}
		w.rise("a", func() { w.scripts = append(w.scripts, another()) })
		synctest.Wait()
		if !one.done || !one.changed || one.err != nil {
			t.Errorf("after a change: %+v", one)
		}
		etag = held(t, s, "a")
		one = wait(t.Context(), s, "a", etag)
		synctest.Wait()
		w.rise("a", func() { w.scripts[0].RunRequest++ })
		synctest.Wait()
		if !one.changed {
			t.Errorf("after a request to run: %+v", one)
		}
		one = wait(t.Context(), s, "a", held(t, s, "a"))
		synctest.Wait()
		w.rise("a", func() { w.gone["a"] = true })
		synctest.Wait()
		if plimsoll.ErrorCode(one.err) != plimsoll.Unauthenticated || one.changed {
			t.Errorf("after its deletion: %+v", one)
		}
		if _, err := s.HasChanged(t.Context(), "a", etag); plimsoll.ErrorCode(err) != plimsoll.Unauthenticated {
			t.Error(err)
		}
	})
}

// TestNothingFallsBetween changes a device in the midst of the look that finds
// nothing: the wait looks again.
func TestNothingFallsBetween(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &watched{}
		s := w.service()
		etag := held(t, s, "a")
		w.version++ // nothing is remembered any more
		w.onLook = func() {
			w.onLook = nil
			go w.rise("a", func() { w.scripts = []plimsoll.AssignedScript{another()} })
		}
		one := wait(t.Context(), s, "a", etag)
		synctest.Wait()
		if !one.changed {
			t.Errorf("%+v", one)
		}
	})
}

// TestAwaitChangeDeaf has a server that hears of nothing: it asks the store, once a
// wait, and remembers nothing.
func TestAwaitChangeDeaf(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &watched{deaf: true}
		s := w.service()
		etag := held(t, s, "a")
		before := w.looked()
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			if changed, err := s.AwaitChange(ctx, "a", etag); changed || err != nil {
				t.Error(changed, err)
			}
			cancel()
		}
		if n := w.looked() - before; n != 3 {
			t.Errorf("%d looks of 3 waits", n)
		}
	})
}

// TestAwaitChangeFault has a store that fails: whoever looks is told.
func TestAwaitChangeFault(t *testing.T) {
	t.Parallel()
	w := &watched{fault: errors.New("a fault")}
	if changed, err := w.service().AwaitChange(t.Context(), "a", ""); changed || !errors.Is(err, w.fault) {
		t.Error(changed, err)
	}
}

// TestStampede has a change concern many agents that wait: they look one after
// another, each once, however often it changes meanwhile; one whose own device
// changes goes before all.
func TestStampede(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &watched{}
		s := w.service()
		const agents = 1000
		etag := held(t, s, "0")
		waits := make([]*waiting, agents)
		ctx, cancel := context.WithCancel(t.Context())
		for i := range waits {
			waits[i] = wait(ctx, s, fmt.Sprint(i), etag)
		}
		time.Sleep(time.Minute) // until each has looked for the first time
		before := w.looked()
		for range 10 {
			w.rise("", func() {})
		}
		synctest.Wait()
		if n := w.looked() - before; n < 10 || n > 25 {
			t.Errorf("%d look at once", n)
		}
		time.Sleep(time.Second)
		if n := w.looked() - before; n < 150 || n > 300 {
			t.Errorf("%d look in a second", n)
		}
		n := w.looked()
		w.rise(fmt.Sprint(agents-1), func() { w.scripts = []plimsoll.AssignedScript{another()} })
		synctest.Wait()
		if last := waits[agents-1]; !last.changed || w.looked() > n+2 {
			t.Errorf("its own change: %+v, after %d looks", last, w.looked()-n)
		}
		cancel()
		synctest.Wait()
		for i, one := range waits {
			if !one.done || one.err != nil {
				t.Fatalf("%d: %+v", i, one)
			}
		}
		// Those that left hold nobody up.
		w.rise("", func() {})
		began := time.Now()
		for range 10 {
			if changed, err := s.AwaitChange(t.Context(), "x", etag); !changed || err != nil {
				t.Error(changed, err)
			}
			w.rise("", func() {})
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("ten looks take %v", took)
		}
	})
}
