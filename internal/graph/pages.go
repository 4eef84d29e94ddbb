package graph

import (
	"context"
	"sync"
	"time"

	"plimsoll"
)

const (
	// lookInterval is how often the store is looked at while pages are open: what
	// was stored shows within two seconds.
	lookInterval = time.Second
	lookTimeout  = 5 * time.Second
	// stillHere is sent so that proxies do not take a stream for dead, and pages
	// know one that is.
	stillHere         = ": still here\n\n"
	stillHereInterval = 15 * time.Second
	// maxUnread is how many events may wait for a page to read them.
	maxUnread = 16
)

// Pages are those that follow what changes. While one is open the store is looked
// at, once for all of them; what changed is encoded once, and handed to each.
type Pages struct {
	state   func(context.Context) (plimsoll.FleetState, error)
	most    int
	now     func() time.Time
	fault   func(error)
	encoder eventEncoder
	wake    chan struct{} // holds one when a page opens that has yet to be shown anything

	mu      sync.Mutex
	stopped bool
	open    map[*page]struct{}
	ofOne   map[string]int // how many of them each caller has, by its subject
	shown   *view          // what all open pages were shown; nil while nobody looks
}

// page is one that is open.
type page struct {
	caller string
	events chan []byte // closed at the page's end
	why    error       // of an end that came before the first event
}

// NewPages makes the pages of a server, of which most may be open at once, and of one
// caller three quarters of that, where it is four or more: others find room beside
// one who opens and opens. state gives what they are shown; fault is told where it
// cannot, which ends all pages.
func NewPages(
	state func(context.Context) (plimsoll.FleetState, error), most int, now func() time.Time, fault func(error),
) *Pages {
	return &Pages{
		state: state, most: most, now: now, fault: fault, encoder: newEventEncoder(),
		wake: make(chan struct{}, 1), open: map[*page]struct{}{}, ofOne: map[string]int{},
	}
}

// Run looks at the store whenever pages are open, until ctx ends.
func (p *Pages) Run(ctx context.Context) {
	defer p.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
			p.follow(ctx)
		}
	}
}

// follow looks at the store until no page is open.
func (p *Pages) follow(ctx context.Context) {
	comments, looks := time.NewTicker(stillHereInterval), time.NewTimer(0)
	defer comments.Stop()
	defer looks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-comments.C:
			p.send([]byte(stillHere))
		case <-looks.C:
			began := p.now()
			if !p.look(ctx) {
				return
			}
			took := p.now().Sub(began)
			looks.Reset(max(lookInterval-took, took)) // half of a slow store's time is for others
		}
	}
}

// look shows all pages what changed, and tells whether to look again.
func (p *Pages) look(ctx context.Context) bool {
	if p.isIdle() {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	state, err := p.state(ctx)
	if err != nil {
		p.fault(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.shown = nil
		p.endAll(err)
		return true // which pages that come again wait for
	}
	next := newView(&state)
	if p.shown == nil {
		p.broadcast(p.encoder.whole(next))
	} else if event := p.encoder.changes(p.shown, next); event != nil {
		p.broadcast(event)
	}
	p.shown = next
	return true
}

// isIdle tells whether no page is open; what was shown is then forgotten.
func (p *Pages) isIdle() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.open) == 0 {
		p.shown = nil
	}
	return len(p.open) == 0
}

func (p *Pages) send(event []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broadcast(event)
}

// broadcast hands an event to every page. One that leaves too many unread is
// ended: it would never catch up.
func (p *Pages) broadcast(event []byte) {
	for page := range p.open {
		select {
		case page.events <- event:
		default:
			p.end(page)
		}
	}
}

func (p *Pages) end(page *page) {
	delete(p.open, page)
	if p.ofOne[page.caller]--; p.ofOne[page.caller] == 0 {
		delete(p.ofOne, page.caller)
	}
	close(page.events)
}

func (p *Pages) endAll(why error) {
	for page := range p.open {
		page.why = why
		p.end(page)
	}
}

// Stop ends all pages, and those that come later.
func (p *Pages) Stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	p.endAll(stopping())
}

func stopping() error {
	return &plimsoll.Error{
		Code: plimsoll.Unavailable, RetryAfter: time.Second, Message: "The server stops; come again in a moment.",
	}
}

// Open gives how many are open.
func (p *Pages) Open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.open)
}

// add opens a page of a caller, whose first event shows all there is.
func (p *Pages) add(caller string) (*page, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.stopped:
		return nil, stopping()
	case len(p.open) >= p.most, p.ofOne[caller] >= p.most-p.most/4:
		return nil, &plimsoll.Error{
			Code: plimsoll.TooManyRequests, RetryAfter: stillHereInterval,
			Message: "As many pages are open here as may; close one, or read the summaries from time to time instead.",
		}
	}
	added := &page{caller: caller, events: make(chan []byte, maxUnread)}
	p.open[added] = struct{}{}
	p.ofOne[caller]++
	if p.shown != nil {
		added.events <- p.encoder.whole(p.shown)
		return added, nil
	}
	select {
	case p.wake <- struct{}{}:
	default: // it is about to look
	}
	return added, nil
}

// remove closes a page, unless it was ended.
func (p *Pages) remove(page *page) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, open := p.open[page]; open {
		p.end(page)
	}
}
