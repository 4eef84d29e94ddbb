package issuer

import (
	"time"

	"plimsoll"
)

const (
	day = 24 * time.Hour
	// signsFor is how long a key signs before the next takes over.
	signsFor = 30 * day
	// publishedAhead is how long a key is in the JWKS before it signs, so that
	// whoever keeps a copy of the JWKS for less has it by then.
	publishedAhead = day
	// keyLifetime is from a key's first signature until it is neither
	// published nor accepted: by then its last token has expired, with a day
	// to spare for a fleet that was without servers when the next was due.
	keyLifetime = signsFor + TokenLifetime + day
)

// nextKey says which key is to be added now, if any: one without key material.
// No job has to run for it: whoever looks at the keys finds out. So all
// servers on one store may, and those that do at once agree on the generation,
// of which the store keeps one.
func nextKey(keys []plimsoll.SigningKey, now time.Time) (next plimsoll.SigningKey, due bool) {
	if len(keys) == 0 {
		return newGeneration(1, now, now), true
	}
	newest := keys[len(keys)-1]
	if !rotationDue(newest.SignsFrom, now) {
		return plimsoll.SigningKey{}, false
	}
	from := later(newest.SignsFrom.Add(signsFor), now.Add(publishedAhead))
	// When nobody looked for long, the newest key cannot sign for a day more.
	// Signing unannounced is better than not signing.
	if last := newest.ExpiresAt.Add(-TokenLifetime); from.After(last) {
		from = later(last, now)
	}
	return newGeneration(newest.Generation+1, now, from), true
}

func rotationDue(newestSignsFrom, now time.Time) bool {
	return now.Sub(newestSignsFrom) >= signsFor-publishedAhead
}

func newGeneration(n int64, now, from time.Time) plimsoll.SigningKey {
	return plimsoll.SigningKey{Generation: n, PublishedAt: now, SignsFrom: from, ExpiresAt: from.Add(keyLifetime)}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
