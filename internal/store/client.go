package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"plimsoll"
)

// Installation gives what Install stored; NotFound on an empty store.
func (s *Store) Installation(ctx context.Context) (plimsoll.Installation, error) {
	var i plimsoll.Installation
	err := s.read.QueryRowContext(ctx, `SELECT tenant_id, created_at FROM installation`).
		Scan(&i.TenantID, instant{&i.CreatedAt})
	if errors.Is(err, sql.ErrNoRows) {
		return i, plimsoll.Errorf(plimsoll.NotFound, "The store is empty.")
	}
	return i, refusal(err)
}

// Install makes an empty store this installation's, with a first client unless
// it is nil. created is false, and nothing changed, where another was first.
func (s *Store) Install(
	ctx context.Context, i plimsoll.Installation, first *plimsoll.Client, event plimsoll.AuditEvent,
) (created bool, err error) {
	err = s.transact(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `INSERT INTO installation (id, tenant_id, created_at) VALUES (1, $1, $2)
			ON CONFLICT (id) DO NOTHING`, i.TenantID, ticks(i.CreatedAt))
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		if created = n == 1; err != nil || !created {
			return err
		}
		if first != nil {
			if err := insertClient(ctx, tx, first); err != nil {
				return err
			}
		}
		return addAuditEvent(ctx, tx, event)
	})
	return created && err == nil, err
}

// CreateClient stores a new client.
func (s *Store) CreateClient(ctx context.Context, client plimsoll.Client, event plimsoll.AuditEvent) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		if err := insertClient(ctx, tx, &client); err != nil {
			return err
		}
		return addAuditEvent(ctx, tx, event)
	})
}

func insertClient(ctx context.Context, tx *sql.Tx, c *plimsoll.Client) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO client (id, name, permissions, created_at) VALUES ($1, $2, $3, $4)`,
		c.ID, c.Name, jsonList(c.Permissions), ticks(c.CreatedAt)); err != nil {
		return err
	}
	for _, secret := range c.Secrets {
		if err := insertSecret(ctx, tx, c.ID, secret); err != nil {
			return err
		}
	}
	return nil
}

func insertSecret(ctx context.Context, tx *sql.Tx, clientID string, secret plimsoll.ClientSecret) error {
	_, err := tx.ExecContext(ctx,
		`INSERT INTO client_secret (client_id, hash, created_at, expires_at) VALUES ($1, $2, $3, $4)`,
		clientID, secret.Hash, ticks(secret.CreatedAt), nullTicks(secret.ExpiresAt))
	return err
}

const selectClients = `SELECT c.id, c.name, c.permissions, c.created_at, s.hash, s.created_at, s.expires_at
	FROM client c LEFT JOIN client_secret s ON s.client_id = c.id`

const orderClients = ` ORDER BY c.created_at, c.id, s.created_at, s.hash`

// Client gives one client with its secrets' hashes, the oldest first.
func (s *Store) Client(ctx context.Context, id string) (plimsoll.Client, error) {
	clients, err := s.clients(ctx, selectClients+` WHERE c.id = $1`+orderClients, id)
	if err == nil && len(clients) == 0 {
		err = noClient(id)
	}
	if err != nil {
		return plimsoll.Client{}, err
	}
	return clients[0], nil
}

// Clients gives every client, the oldest first.
func (s *Store) Clients(ctx context.Context) ([]plimsoll.Client, error) {
	return s.clients(ctx, selectClients+orderClients)
}

// clients folds a row per secret into a client with many.
func (s *Store) clients(ctx context.Context, query string, args ...any) ([]plimsoll.Client, error) {
	rows, err := collect(ctx, s.read, scanClient, query, args...)
	var clients []plimsoll.Client
	for _, row := range rows {
		if n := len(clients); n > 0 && clients[n-1].ID == row.ID {
			clients[n-1].Secrets = append(clients[n-1].Secrets, row.Secrets...)
		} else {
			clients = append(clients, row)
		}
	}
	return clients, err
}

func scanClient(row scanner) (c plimsoll.Client, err error) {
	var (
		permissions []byte
		hash        sql.NullString
		secret      plimsoll.ClientSecret
	)
	if err = row.Scan(&c.ID, &c.Name, &permissions, instant{&c.CreatedAt},
		&hash, instant{&secret.CreatedAt}, instant{&secret.ExpiresAt}); err != nil {
		return c, err
	}
	if hash.Valid {
		secret.Hash = hash.String
		c.Secrets = []plimsoll.ClientSecret{secret}
	}
	return c, json.Unmarshal(permissions, &c.Permissions)
}

func noClient(id string) error {
	return plimsoll.Errorf(plimsoll.NotFound, "There is no client with the id %q; plimsoll client list shows them.", id)
}

// RotateClient gives a client a new secret. Those it had expire at oldUntil, or
// sooner where they would have; those expired by the new one's creation go.
func (s *Store) RotateClient(
	ctx context.Context, id string, secret plimsoll.ClientSecret, oldUntil time.Time, event plimsoll.AuditEvent,
) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		var one int
		err := tx.QueryRowContext(ctx, `SELECT 1 FROM client WHERE id = $1`+s.dialect.lockRow, id).Scan(&one)
		if errors.Is(err, sql.ErrNoRows) {
			return noClient(id)
		}
		if err != nil {
			return err
		}
		if _, err = tx.ExecContext(ctx, `UPDATE client_secret SET expires_at = $2
			WHERE client_id = $1 AND (expires_at IS NULL OR expires_at > $2)`, id, ticks(oldUntil)); err != nil {
			return err
		}
		if _, err = tx.ExecContext(ctx, `DELETE FROM client_secret WHERE client_id = $1 AND expires_at <= $2`,
			id, ticks(secret.CreatedAt)); err != nil {
			return err
		}
		if err = insertSecret(ctx, tx, id, secret); err != nil {
			return err
		}
		return addAuditEvent(ctx, tx, event)
	})
}

// DeleteClient removes a client and its secrets.
func (s *Store) DeleteClient(ctx context.Context, id string, event plimsoll.AuditEvent) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `DELETE FROM client WHERE id = $1`, id)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(noClient(id), err)
		}
		return addAuditEvent(ctx, tx, event)
	})
}
