package issuer

import (
	"context"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"plimsoll"
)

const (
	// keepFor is how long the keys are used without a look at the store: the
	// longest that one server misses what another did.
	keepFor = time.Minute
	// lookInterval is the least time between two looks, however many tokens
	// with made-up key ids come, and however often the store fails.
	lookInterval = 5 * time.Second
	lookTimeout  = 10 * time.Second
)

// Keys are the issuer's signing keys. They rotate as they are used: see
// nextKey. They are an [auth.KeySet] for [auth.NewBuiltin].
type Keys struct {
	store KeyStore
	now   func() time.Time
	rand  io.Reader
	log   *slog.Logger

	ring     atomic.Pointer[keyring]
	turn     chan struct{} // holds one token while someone looks at the store
	lookedAt time.Time     // of the last look; for whoever has the turn
}

// NewKeys returns the keys in the store. Nothing is read until one is needed.
func NewKeys(store KeyStore, now func() time.Time, rand io.Reader, log *slog.Logger) *Keys {
	return &Keys{store: store, now: now, rand: rand, log: log, turn: make(chan struct{}, 1)}
}

// Public gives the keys that verify tokens of now and of the coming day.
func (k *Keys) Public(ctx context.Context) (jose.JSONWebKeySet, error) {
	ring, err := k.current(ctx)
	if err != nil {
		return jose.JSONWebKeySet{}, err
	}
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, key := range ring.keys {
		if k.now().Before(key.expiresAt) {
			set.Keys = append(set.Keys, key.public)
		}
	}
	return set, nil
}

// Sign gives the claims, a struct or a map[string]any, as a signed token
// (RFC 7519), which must not be meant to hold for longer than [TokenLifetime].
func (k *Keys) Sign(ctx context.Context, claims any) (string, error) {
	ring, err := k.current(ctx)
	if err != nil {
		return "", err
	}
	signer, err := ring.signer(k.now())
	if err != nil {
		return "", err
	}
	return jwt.Signed(signer).Claims(claims).Serialize()
}

// VerifySignature checks that one of the keys signed the token, and gives its
// payload. It implements [auth.KeySet].
func (k *Keys) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{signatureAlgorithm})
	if err != nil {
		return nil, err
	}
	ring, err := k.current(ctx)
	if err != nil {
		return nil, err
	}
	kid := jws.Signatures[0].Header.KeyID
	public, ok := ring.verifier(kid, k.now())
	if !ok {
		// Another server may have made the key within the minute.
		unknown := func(r *keyring) bool { _, ok := r.verifier(kid, k.now()); return !ok }
		if ring, err = k.look(ctx, unknown); err != nil {
			return nil, err
		}
		if public, ok = ring.verifier(kid, k.now()); !ok {
			return nil, plimsoll.Errorf(plimsoll.Unauthenticated, "The access token is not signed by a known key.")
		}
	}
	return jws.Verify(public)
}

func (k *Keys) current(ctx context.Context) (*keyring, error) {
	stale := func(r *keyring) bool { return !r.fresh(k.now()) }
	if ring := k.ring.Load(); ring != nil && !stale(ring) {
		return ring, nil
	}
	return k.look(ctx, stale)
}

// look reads the keys anew if those held are still stale when its turn comes,
// and no look was taken a moment ago. While the store is away, the keys known
// stay in use: each carries the time of its own end.
func (k *Keys) look(ctx context.Context, stale func(*keyring) bool) (*keyring, error) {
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return nil, unreadable(ctx.Err())
	}
	held := k.ring.Load()
	if held != nil && (!stale(held) || k.lookedJustNow()) {
		return held, nil
	}
	k.lookedAt = k.now()
	// The caller may hang up; those who wait behind still want the keys.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
	defer cancel()
	ring, err := k.load(ctx)
	switch {
	case err == nil:
		k.ring.Store(ring)
		return ring, nil
	case held != nil:
		k.log.WarnContext(ctx, "signing keys cannot be read; those known stay in use", "error", err)
		return held, nil
	}
	return nil, unreadable(err)
}

func (k *Keys) lookedJustNow() bool {
	since := k.now().Sub(k.lookedAt)
	return since >= 0 && since < lookInterval
}

// load reads the keys, after adding the next if it is due.
func (k *Keys) load(ctx context.Context) (*keyring, error) {
	stored, err := k.store.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	now := k.now()
	if next, due := nextKey(stored, now); due {
		if stored, err = k.add(ctx, next); err != nil {
			return nil, err
		}
	}
	return newKeyring(stored, now)
}

// add gives the keys as they are afterwards: the new one may be that of
// another server.
func (k *Keys) add(ctx context.Context, next plimsoll.SigningKey) ([]plimsoll.SigningKey, error) {
	if err := generate(&next, k.rand); err != nil {
		return nil, err
	}
	if err := k.store.AddSigningKey(ctx, next); err != nil {
		return nil, err
	}
	k.log.InfoContext(ctx, "signing key made", "generation", next.Generation, "signs_from", next.SignsFrom)
	if err := k.store.DeleteSigningKeys(ctx, next.PublishedAt); err != nil {
		k.log.WarnContext(ctx, "expired signing keys cannot be deleted", "error", err)
	}
	return k.store.SigningKeys(ctx)
}

func unreadable(cause error) error {
	return &plimsoll.Error{
		Code: plimsoll.Unavailable, RetryAfter: lookInterval, Err: cause,
		Message: "The signing keys cannot be read now. Try again soon.",
	}
}
