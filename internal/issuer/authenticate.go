package issuer

import (
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"github.com/google/uuid"
	"golang.org/x/crypto/bcrypt"

	"plimsoll"
)

const (
	// maxComparisons is how many bcrypt comparisons run at once for clients that
	// exist, and maxForStrangers for those that do not. Each takes a core for
	// tens of milliseconds: guesses must not starve the fleet.
	maxComparisons  = 2
	maxForStrangers = 1
	// maxKnown is how many secrets are remembered as right: their clients need
	// no comparison, and so no slot that guesses may have taken.
	maxKnown    = 1024
	maxPatience = 3 * time.Second
	// nobody is the hash of a secret that was thrown away. An unknown client
	// is compared with it, so that the time of an answer does not tell which
	// clients exist; under load the wait before it may, and an id is no secret.
	nobody = "$2a$10$vRUDuggXD9Tb4tJX6nhJwOjcMX.HlNQTgXMytRRwSkhWK7e2xsNtC"
)

// Authenticate gives the client that the secret belongs to. An unknown client
// and a wrong secret are the same [plimsoll.Unauthenticated] error; when too
// many ask at once, it is [plimsoll.TooManyRequests].
func (c *Clients) Authenticate(ctx context.Context, id, secret string) (plimsoll.Client, error) {
	client, err := c.lookUp(ctx, id)
	if err != nil {
		return plimsoll.Client{}, err
	}
	hashes, slots := c.holding(client), c.slots
	if len(hashes) == 0 {
		hashes, slots = []string{nobody}, c.forStrangers
	}
	if slices.ContainsFunc(hashes, func(hash string) bool { return c.known.Contains(digest(hash, secret)) }) {
		return client, nil
	}
	if err := takeSlot(ctx, slots, c.patience); err != nil {
		return plimsoll.Client{}, err
	}
	defer func() { <-slots }()
	for _, hash := range hashes {
		// Whatever is wrong with a hash or a secret, it does not match.
		if bcrypt.CompareHashAndPassword([]byte(hash), []byte(secret)) == nil {
			c.known.Add(digest(hash, secret), struct{}{})
			return client, nil
		}
	}
	return plimsoll.Client{}, plimsoll.Errorf(plimsoll.Unauthenticated, "The client is unknown or its secret is wrong or has expired.")
}

// digest is how a secret is remembered that matched a hash: of no use to who
// reads it, since secrets are random, and of none once the hash is gone.
func digest(hash, secret string) [sha256.Size]byte {
	return sha256.Sum256([]byte(hash + "\x00" + secret))
}

// lookUp gives a client without secrets when there is none of that id.
func (c *Clients) lookUp(ctx context.Context, id string) (plimsoll.Client, error) {
	parsed, err := uuid.Parse(id)
	if err != nil {
		return plimsoll.Client{}, nil //nolint:nilerr // an id of another form is an unknown one
	}
	client, err := c.clients.Client(ctx, parsed.String())
	if plimsoll.ErrorCode(err) == plimsoll.NotFound {
		return plimsoll.Client{}, nil
	}
	return client, err
}

// takeSlot waits for a slot of those that bound how many secrets are compared at
// once. Whoever gets one takes a token out of it afterwards.
func takeSlot(ctx context.Context, slots chan struct{}, patience time.Duration) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return &plimsoll.Error{
			Code: plimsoll.TooManyRequests, RetryAfter: maxPatience,
			Message: "Too many ask to be let in at once. Try again soon.",
		}
	}
}
