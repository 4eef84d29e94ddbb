package service

import (
	"context"
	"time"

	"golang.org/x/time/rate"
)

// How many agents that wait may be looked up in a second, and how many at once
// after a pause: a change may concern them all.
const (
	looksPerSecond = 200
	looksAtOnce    = 20
)

// AwaitChange waits until a device has to run something other than what etag names,
// which is that of a check-in's answer or "" for nothing, and tells whether it has;
// it has not when ctx ends. While nothing changes, no database is asked. It is
// Unauthenticated when there is no such device, or no longer.
func (s *Service) AwaitChange(ctx context.Context, deviceID, etag string) (changed bool, err error) {
	own, others, stop := s.stores.Watch(deviceID) // before it looks, so that nothing falls between
	defer stop()
	s.sightings.note(deviceID, s.clock())
	held, urgent := digest(etag), false
	for {
		known, ok := s.remembered(deviceID)
		if !ok {
			if !urgent {
				s.looks.wait(ctx, own)
			}
			if known, err = s.look(ctx, deviceID); ctx.Err() != nil {
				return false, nil // it may not have looked to the end
			}
		}
		if err != nil || known.etag != held {
			return err == nil, err
		}
		select {
		case <-own:
			urgent = true
		case <-others:
			urgent = false
		case <-ctx.Done():
			return false, nil
		}
	}
}

// HasChanged tells at once what [Service.AwaitChange] waits for.
func (s *Service) HasChanged(ctx context.Context, deviceID, etag string) (changed bool, err error) {
	s.sightings.note(deviceID, s.clock())
	known, ok := s.remembered(deviceID)
	if !ok {
		known, err = s.look(ctx, deviceID)
	}
	return err == nil && known.etag != digest(etag), err
}

// look finds out what a device has to run, and remembers it.
func (s *Service) look(ctx context.Context, deviceID string) (quiet, error) {
	version, known := s.stores.DeviceVersion(deviceID)
	agent, err := s.stores.Agent(ctx, deviceID)
	if err != nil {
		return quiet{}, asAgent(err)
	}
	found := quiet{version: version, etag: digest(etagOf(agent.Scripts))}
	if known {
		s.quiet.Add(deviceID, found)
	}
	return found, nil
}

// pace lets those who wait for it on one by one, at a rate.
type pace struct {
	turn    chan struct{} // holds one while somebody waits at the head
	limiter *rate.Limiter
	now     func() time.Time
}

func newPace(perSecond rate.Limit, burst int, now func() time.Time) *pace {
	return &pace{make(chan struct{}, 1), rate.NewLimiter(perSecond, burst), now}
}

// wait returns when it is one's turn, or at once when urgent has a value or ctx
// ends. Those behind the head have reserved nothing: one that leaves costs no other
// anything.
func (p *pace) wait(ctx context.Context, urgent <-chan struct{}) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-urgent:
		return
	case <-ctx.Done():
		return
	}
	now := p.now()
	mine := p.limiter.ReserveN(now, 1)
	timer := time.NewTimer(mine.DelayFrom(now))
	defer timer.Stop()
	select {
	case <-timer.C:
		return
	case <-urgent:
	case <-ctx.Done():
	}
	mine.CancelAt(p.now())
}
