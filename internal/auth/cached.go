package auth

import (
	"context"
	"crypto/sha256"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// rememberFor is how long a verified token is taken for good without looking
// at its signature again: the longest that a withdrawn key lives on here.
const rememberFor = 5 * time.Minute

// Cached remembers which tokens another verifier found good.
type Cached struct {
	verifier Verifier
	now      func() time.Time
	// Keyed by hash, so that a dump of the memory holds no usable token of a
	// finished request.
	tokens *lru.Cache[[sha256.Size]byte, remembered]
}

type remembered struct {
	principal Principal
	until     time.Time
}

// NewCached returns a verifier that remembers up to size tokens which v found
// good, for five minutes at most and never beyond their expiry. Refusals are
// not remembered.
func NewCached(v Verifier, size int, now func() time.Time) *Cached {
	// The one error of New is a size below one.
	tokens, _ := lru.New[[sha256.Size]byte, remembered](max(size, 1))
	return &Cached{verifier: v, now: now, tokens: tokens}
}

// Verify implements [Verifier].
func (c *Cached) Verify(ctx context.Context, bearer string) (Principal, error) {
	if err := tooLong(bearer); err != nil {
		return Principal{}, err
	}
	key := sha256.Sum256([]byte(bearer))
	now := c.now()
	if known, ok := c.tokens.Get(key); ok && now.Before(known.until) {
		return known.principal, nil
	}
	p, err := c.verifier.Verify(ctx, bearer)
	if err != nil {
		return Principal{}, err
	}
	c.tokens.Add(key, remembered{principal: p, until: earlier(now.Add(rememberFor), p.ExpiresAt)})
	return p, nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
