package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"plimsoll"
)

// TakeSignInAttempt counts an attempt under the key as wrong, and gives the count
// with it. allowed is false, and nothing was counted, while there is a wait.
func (s *Store) TakeSignInAttempt(ctx context.Context, key []byte, now time.Time) (a plimsoll.SignInAttempts, allowed bool, err error) {
	err = s.transact(ctx, func(tx *sql.Tx) error {
		// The row is this transaction's from here on.
		err := tx.QueryRowContext(ctx, `INSERT INTO sign_in_attempt (name, wrong, blocked_till, expires_at) VALUES ($1, 0, $2, $2)
			ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING wrong, blocked_till, expires_at`, key, ticks(now)).
			Scan(&a.Wrong, instant{&a.BlockedTill}, instant{&a.ExpiresAt})
		if err != nil {
			return err
		}
		if allowed = a.Take(now); !allowed {
			return nil
		}
		_, err = tx.ExecContext(ctx, `UPDATE sign_in_attempt SET wrong = $2, blocked_till = $3, expires_at = $4 WHERE name = $1`,
			key, a.Wrong, ticks(a.BlockedTill), ticks(a.ExpiresAt))
		return err
	})
	return a, allowed && err == nil, err
}

// StartSession stores the session of a user whose password had the hash when it
// was typed, ends the one that the browser had, if any, and forgets the wrong
// attempts under the key. Unauthenticated where the user or the password is another
// by now.
func (s *Store) StartSession(
	ctx context.Context, start plimsoll.Session, password string, before, attempts []byte, event plimsoll.AuditEvent,
) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		u, err := s.userWithPassword(ctx, tx, start.UserID, password)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM sign_in_session WHERE hash = $1`, before); err != nil {
			return err
		}
		return startSession(ctx, tx, &u, &start, attempts, event)
	})
}

func startSession(
	ctx context.Context, tx *sql.Tx, u *plimsoll.User, start *plimsoll.Session, attempts []byte, event plimsoll.AuditEvent,
) error {
	at := ticks(start.CreatedAt)
	if _, err := tx.ExecContext(ctx, `DELETE FROM sign_in_attempt WHERE name = $1`, attempts); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE user_account SET signed_in_at = $2 WHERE id = $1`, u.ID, at); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE installation SET signed_in_at = $1 WHERE signed_in_at IS NULL`, at); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO sign_in_session (hash, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4)`,
		start.Hash, u.ID, at, ticks(start.ExpiresAt)); err != nil {
		return err
	}
	return addAuditEvent(ctx, tx, event)
}

// Session gives the session of the hash, unless it has expired, with its user.
func (s *Store) Session(ctx context.Context, hash []byte, now time.Time) (plimsoll.Session, plimsoll.User, error) {
	session := plimsoll.Session{Hash: hash}
	err := s.read.QueryRowContext(ctx, `SELECT user_id, created_at, expires_at FROM sign_in_session WHERE hash = $1 AND expires_at > $2`,
		hash, ticks(now)).Scan(&session.UserID, instant{&session.CreatedAt}, instant{&session.ExpiresAt})
	if err != nil {
		return session, plimsoll.User{}, noSession(err)
	}
	u, err := s.User(ctx, session.UserID)
	return session, u, err
}

func noSession(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return plimsoll.Errorf(plimsoll.NotFound, "The session has ended.")
	}
	return refusal(err)
}

// EndSession removes a session, and does nothing where there is none.
func (s *Store) EndSession(ctx context.Context, hash []byte, event plimsoll.AuditEvent) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `DELETE FROM sign_in_session WHERE hash = $1`, hash)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return addAuditEvent(ctx, tx, event)
	})
}

// AddAuthorizationCode stores the code, and has its session, which was used, hold
// until the time given. NotFound where the session has ended.
func (s *Store) AddAuthorizationCode(ctx context.Context, c plimsoll.AuthorizationCode, sessionTill time.Time) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		var n int64
		err := tx.QueryRowContext(ctx, `UPDATE sign_in_session SET expires_at = $2 WHERE hash = $1 RETURNING 1`,
			c.Session, ticks(sessionTill)).Scan(&n)
		if err != nil {
			return noSession(err)
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO authorization_code
			(hash, session_hash, client_id, redirect_uri, challenge, nonce, scopes, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			c.Hash, c.Session, c.ClientID, c.RedirectURI, c.Challenge, c.Nonce, jsonList(c.Scopes), ticks(c.ExpiresAt))
		return err
	})
}

// TakeAuthorizationCode removes the code of the hash and gives it, with its user.
// NotFound where it was taken already, has expired, or its session has ended.
func (s *Store) TakeAuthorizationCode(ctx context.Context, hash []byte, now time.Time) (c plimsoll.AuthorizationCode, u plimsoll.User, err error) {
	err = s.transact(ctx, func(tx *sql.Tx) error {
		var scopes []byte
		c = plimsoll.AuthorizationCode{Hash: hash}
		err := tx.QueryRowContext(ctx, `DELETE FROM authorization_code WHERE hash = $1
			RETURNING session_hash, client_id, redirect_uri, challenge, nonce, scopes, expires_at`, hash).
			Scan(&c.Session, &c.ClientID, &c.RedirectURI, &c.Challenge, &c.Nonce, &scopes, instant{&c.ExpiresAt})
		if errors.Is(err, sql.ErrNoRows) {
			return noCode()
		}
		if err != nil {
			return err
		}
		if err := json.Unmarshal(scopes, &c.Scopes); err != nil {
			return err
		}
		var userID string
		err = tx.QueryRowContext(ctx, `SELECT user_id, created_at FROM sign_in_session WHERE hash = $1 AND expires_at > $2`, c.Session, ticks(now)).
			Scan(&userID, instant{&c.SignedInAt})
		if errors.Is(err, sql.ErrNoRows) {
			return noCode()
		}
		if err != nil {
			return err
		}
		u, err = oneUser(ctx, tx, ` WHERE u.id = $1`, userID)
		return err
	})
	if err == nil && !now.Before(c.ExpiresAt) {
		err = noCode()
	}
	return c, u, err
}

func noCode() error {
	return plimsoll.Errorf(plimsoll.NotFound, "The code was used already or has expired, or the session has ended.")
}

// DropExpiredSignIns removes the sessions, codes, invitations and counts of
// attempts that have expired.
func (s *Store) DropExpiredSignIns(ctx context.Context, now time.Time) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		for _, table := range []string{"authorization_code", "sign_in_session", "user_invitation", "sign_in_attempt"} {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE expires_at <= $1`, ticks(now)); err != nil {
				return err
			}
		}
		return nil
	})
}
