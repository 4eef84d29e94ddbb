// Package throttle bounds how many requests a second one client may make, and
// all clients together.
package throttle

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"

	"plimsoll"
)

// maxClients is how many clients are remembered, at a few hundred bytes each. A
// bucket that is forgotten begins anew, full. To have its own forgotten too
// early, a client needs as many others, with credentials of their own, to make
// a request each in between: those may make 65,536 times the requests of one
// anyway, and the total holds whatever is forgotten.
const maxClients = 1 << 16

// Limits say how many requests are let through. None is negative.
type Limits struct {
	PerClient float64       // requests a second of one client; 0 is no limit
	Total     float64       // requests a second of all; 0 is no limit
	Burst     time.Duration // how long a silence may be made up for at once
}

// Throttle is a token bucket for each client, and one for all.
type Throttle struct {
	limits  Limits
	refused func(limit string)
	now     func() time.Time

	// One lock for all: a reservation is given back whole only where none was
	// made since, and a bucket whose clock runs backwards fills twice.
	mu      sync.Mutex
	total   *rate.Limiter
	clients *simplelru.LRU[string, *rate.Limiter]
}

// New makes a throttle with full buckets. refused is told of every request that
// is refused, and by which limit: "client" or "total".
func New(limits Limits, refused func(limit string), now func() time.Time) *Throttle {
	clients, _ := simplelru.NewLRU[string, *rate.Limiter](maxClients, nil) // fails below one
	return &Throttle{
		limits: limits, refused: refused, now: now,
		total: newBucket(limits.Total, limits.Burst), clients: clients,
	}
}

// newBucket makes a full bucket; no rate is no limit.
func newBucket(perSecond float64, burst time.Duration) *rate.Limiter {
	if perSecond == 0 {
		return rate.NewLimiter(rate.Inf, 0)
	}
	return rate.NewLimiter(rate.Limit(perSecond), capacity(perSecond, burst))
}

// capacity is how many requests pass at once after a silence.
func capacity(perSecond float64, burst time.Duration) int {
	return max(1, int(math.Round(perSecond*burst.Seconds())))
}

// Take lets one request of a client through, or refuses it with
// [plimsoll.TooManyRequests]. A client that waits for the error's RetryAfter
// gets through, unless others take what the total allows. A refused request
// counts for neither limit.
func (t *Throttle) Take(client string) error {
	if t.limits.PerClient == 0 && t.limits.Total == 0 {
		return nil
	}
	own, all := t.reserve(client)
	switch {
	case own == 0 && all == 0:
		return nil
	case own >= all:
		return t.refuse("client", "one client may make", t.limits.PerClient, own)
	default:
		return t.refuse("total", "all clients together may make", t.limits.Total, all)
	}
}

// reserve takes a token of both buckets where both have one, and none where
// they do not. It gives how long each takes to have one.
func (t *Throttle) reserve(client string) (own, all time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	one, total := t.bucket(client).ReserveN(now, 1), t.total.ReserveN(now, 1)
	own, all = one.DelayFrom(now), total.DelayFrom(now)
	if own > 0 || all > 0 {
		one.CancelAt(now)
		total.CancelAt(now)
	}
	return own, all
}

func (t *Throttle) bucket(client string) *rate.Limiter {
	bucket, known := t.clients.Get(client)
	if !known {
		bucket = newBucket(t.limits.PerClient, t.limits.Burst)
		t.clients.Add(client, bucket)
	}
	return bucket
}

func (t *Throttle) refuse(limit, whose string, perSecond float64, wait time.Duration) error {
	t.refused(limit)
	return &plimsoll.Error{
		Code:       plimsoll.TooManyRequests,
		RetryAfter: wait + time.Nanosecond, // the bucket drops what is less than one
		Message: fmt.Sprintf("These are more requests than %s here, %v a second and %d at once after a pause. Send this one again after the time in Retry-After.",
			whose, perSecond, capacity(perSecond, t.limits.Burst)),
	}
}
