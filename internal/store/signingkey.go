package store

import (
	"context"
	"database/sql"
	"time"

	"plimsoll"
)

// SigningKeys gives the issuer's keys in the order of their generations.
func (s *Store) SigningKeys(ctx context.Context) ([]plimsoll.SigningKey, error) {
	return collect(ctx, s.read, func(row scanner) (k plimsoll.SigningKey, err error) {
		err = row.Scan(&k.Generation, &k.ID, &k.PKCS8,
			instant{&k.PublishedAt}, instant{&k.SignsFrom}, instant{&k.ExpiresAt})
		return k, err
	}, `SELECT generation, id, pkcs8, published_at, signs_from, expires_at FROM signing_key ORDER BY generation`)
}

// AddSigningKey stores a key, unless its generation is there already.
func (s *Store) AddSigningKey(ctx context.Context, k plimsoll.SigningKey) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO signing_key
				(generation, id, pkcs8, published_at, signs_from, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (generation) DO NOTHING`,
			k.Generation, k.ID, k.PKCS8, ticks(k.PublishedAt), ticks(k.SignsFrom), ticks(k.ExpiresAt))
		return err
	})
}

// DeleteSigningKeys removes the keys that expired before the time given.
func (s *Store) DeleteSigningKeys(ctx context.Context, expiredBefore time.Time) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM signing_key WHERE expires_at < $1`, ticks(expiredBefore))
		return err
	})
}
