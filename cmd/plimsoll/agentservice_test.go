package main

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestServiceDies has a service's work end by itself, and by the system's will: of
// the first it has to tell, or the system takes it for one that runs.
func TestServiceDies(t *testing.T) {
	t.Parallel()
	fault := errors.New("the queue cannot be opened")
	for name, ends := range map[string]error{"by a fault": fault, "as if it were done": nil} {
		told := make(chan error, 1)
		p := &program{work: func(context.Context) error { return ends }, died: func(err error) { told <- err }}
		if err := p.Start(nil); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-told:
			if !errors.Is(err, ends) {
				t.Errorf("%s: it told of %v", name, err)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s: nobody was told", name)
		}
	}
	told := make(chan error, 1)
	p := &program{
		work: func(ctx context.Context) error { <-ctx.Done(); return fault },
		died: func(err error) { told <- err },
	}
	if err := p.Start(nil); err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(nil); !errors.Is(err, fault) {
		t.Errorf("stopped: %v", err)
	}
	select {
	case err := <-told:
		t.Errorf("what was stopped is told to have died: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
}
