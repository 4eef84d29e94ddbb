package graph

import (
	"context"
	"errors"
	"testing"
	"time"

	"plimsoll"
)

// TestPagesEnd ends the page that leaves too many events unread, and no other, and all
// of them where the store cannot be read or the server stops.
func TestPagesEnd(t *testing.T) {
	t.Parallel()
	fault := errors.New("the store is away")
	var told error
	state := plimsoll.FleetState{Devices: 1}
	p := NewPages(func(context.Context) (plimsoll.FleetState, error) {
		if state.Devices < 0 {
			return plimsoll.FleetState{}, fault
		}
		return state, nil
	}, 2, time.Now, func(err error) { told = err })
	open := func() *page {
		t.Helper()
		added, err := p.add("caller")
		if err != nil {
			t.Fatal(err)
		}
		return added
	}
	isOpen := func(of *page) bool {
		for {
			select {
			case _, more := <-of.events:
				if !more {
					return false
				}
			default:
				return true
			}
		}
	}
	reader, idler := open(), open()
	if _, err := p.add("caller"); plimsoll.ErrorCode(err) != plimsoll.TooManyRequests {
		t.Errorf("a third page: %v", err)
	}
	for range maxUnread + 1 {
		if state.Devices++; !p.look(t.Context()) {
			t.Fatal("it is not looked at again")
		}
		if !isOpen(reader) {
			t.Fatal("a page that reads was ended")
		}
	}
	if p.Open() != 1 || isOpen(idler) {
		t.Errorf("%d pages are open, the idle one among them: %t", p.Open(), isOpen(idler))
	}
	late := open()
	if first := <-late.events; len(first) == 0 || p.Open() != 2 {
		t.Errorf("a later page is first shown %q", first)
	}
	state.Devices = -1
	if !p.look(t.Context()) || isOpen(reader) || isOpen(late) || !errors.Is(told, fault) || !errors.Is(late.why, fault) {
		t.Errorf("%d pages are open; %v was told", p.Open(), told)
	}
	state.Devices = 1
	again := open()
	p.look(t.Context())
	p.Stop()
	if isOpen(again) || plimsoll.ErrorCode(again.why) != plimsoll.Unavailable {
		t.Errorf("a page outlives the server: %v", again.why)
	}
	if _, err := p.add("caller"); plimsoll.ErrorCode(err) != plimsoll.Unavailable {
		t.Errorf("a page of a server that stopped: %v", err)
	}
	p.remove(again) // which ended already
	if p.look(t.Context()) {
		t.Error("it is looked at though nobody looks")
	}
}

// TestPagesOfOneCaller leaves room for others beside one who opens all that may be.
func TestPagesOfOneCaller(t *testing.T) {
	t.Parallel()
	p := NewPages(nil, 4, time.Now, nil)
	var open []*page
	for _, c := range []struct {
		caller  string
		refused bool
	}{{"a", false}, {"a", false}, {"a", false}, {"a", true}, {"b", false}, {"b", true}} {
		added, err := p.add(c.caller)
		if c.refused != (plimsoll.ErrorCode(err) == plimsoll.TooManyRequests) {
			t.Errorf("%s, beside %d: %v", c.caller, len(open), err)
		}
		if err == nil {
			open = append(open, added)
		}
	}
	p.remove(open[0])
	p.remove(open[0])
	if _, err := p.add("a"); err != nil {
		t.Errorf("where one was closed: %v", err)
	}
}
