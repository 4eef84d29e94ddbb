package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"plimsoll"
)

const selectUsers = `SELECT u.id, u.name, u.permissions, u.password, u.created_at, u.signed_in_at, i.expires_at
	FROM user_account u LEFT JOIN user_invitation i ON i.user_id = u.id`

func scanUser(row scanner) (u plimsoll.User, err error) {
	var permissions []byte
	if err = row.Scan(&u.ID, &u.Name, &permissions, &u.Password,
		instant{&u.CreatedAt}, instant{&u.SignedInAt}, instant{&u.InvitedTill}); err != nil {
		return u, err
	}
	return u, json.Unmarshal(permissions, &u.Permissions)
}

func oneUser(ctx context.Context, db reader, where string, args ...any) (plimsoll.User, error) {
	u, err := scanUser(db.QueryRowContext(ctx, selectUsers+where, args...))
	if errors.Is(err, sql.ErrNoRows) {
		err = plimsoll.Errorf(plimsoll.NotFound, "There is no such user; plimsoll user list shows them.")
	}
	return u, refusal(err)
}

// User gives one user; NotFound where there is none of the id.
func (s *Store) User(ctx context.Context, id string) (plimsoll.User, error) {
	return oneUser(ctx, s.read, ` WHERE u.id = $1`, id)
}

// UserByName gives the user of a name, whatever the case of its letters.
func (s *Store) UserByName(ctx context.Context, name string) (plimsoll.User, error) {
	return oneUser(ctx, s.read, ` WHERE u.folded = $1`, plimsoll.FoldName(name))
}

// Users gives every user, the oldest first.
func (s *Store) Users(ctx context.Context) ([]plimsoll.User, error) {
	return collect(ctx, s.read, scanUser, selectUsers+` ORDER BY u.created_at, u.id`)
}

// CreateUser stores a new user with an invitation. Conflict where the name is
// taken.
func (s *Store) CreateUser(ctx context.Context, u plimsoll.User, i plimsoll.Invitation, event plimsoll.AuditEvent) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		return createUser(ctx, tx, &u, &i, event)
	})
}

func createUser(ctx context.Context, tx *sql.Tx, u *plimsoll.User, i *plimsoll.Invitation, event plimsoll.AuditEvent) error {
	result, err := tx.ExecContext(ctx, `INSERT INTO user_account (id, name, folded, permissions, password, created_at)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (folded) DO NOTHING`,
		u.ID, u.Name, plimsoll.FoldName(u.Name), jsonList(u.Permissions), u.Password, ticks(u.CreatedAt))
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(plimsoll.Errorf(plimsoll.Conflict, "There is a user named %q already.", u.Name), err)
	}
	if err := invite(ctx, tx, i); err != nil {
		return err
	}
	return addAuditEvent(ctx, tx, event)
}

// invite makes the invitation the user's only one.
func invite(ctx context.Context, tx *sql.Tx, i *plimsoll.Invitation) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO user_invitation (user_id, hash, created_at, expires_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, created_at = excluded.created_at, expires_at = excluded.expires_at`,
		i.UserID, i.Hash, ticks(i.CreatedAt), ticks(i.ExpiresAt))
	return err
}

// InviteUser replaces the user's invitation. NotFound where there is no such user.
func (s *Store) InviteUser(ctx context.Context, i plimsoll.Invitation, event plimsoll.AuditEvent) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		if _, err := oneUser(ctx, tx, ` WHERE u.id = $1`, i.UserID); err != nil {
			return err
		}
		if err := invite(ctx, tx, &i); err != nil {
			return err
		}
		return addAuditEvent(ctx, tx, event)
	})
}

// InviteFirstUser sees to it that somebody can sign in at a store where nobody
// ever did. Without users it creates u with the invitation. Where the oldest user
// has no password and no invitation that holds when i is made, it gets i. The
// user's name is given, or "" where nothing was to be done.
func (s *Store) InviteFirstUser(
	ctx context.Context, u plimsoll.User, i plimsoll.Invitation, created, invited plimsoll.AuditEvent,
) (name string, err error) {
	err = s.transact(ctx, func(tx *sql.Tx) error {
		name = ""
		var signedInAt time.Time
		// Of several servers that start at once, one goes first.
		err := tx.QueryRowContext(ctx, `SELECT signed_in_at FROM installation`+s.dialect.lockRow).Scan(instant{&signedInAt})
		if err != nil || !signedInAt.IsZero() {
			return err
		}
		oldest, err := oneUser(ctx, tx, ` ORDER BY u.created_at, u.id LIMIT 1`)
		switch {
		case plimsoll.ErrorCode(err) == plimsoll.NotFound:
			name = u.Name
			return createUser(ctx, tx, &u, &i, created)
		case err != nil || oldest.Password != "" || i.CreatedAt.Before(oldest.InvitedTill):
			return err
		}
		name, i.UserID, invited.ObjectID = oldest.Name, oldest.ID, oldest.ID
		if err := invite(ctx, tx, &i); err != nil {
			return err
		}
		return addAuditEvent(ctx, tx, invited)
	})
	if err != nil {
		name = ""
	}
	return name, err
}

// InvitedUser gives whom the invitation of the hash is for; NotFound where it was
// used or replaced, or has expired.
func (s *Store) InvitedUser(ctx context.Context, hash []byte, now time.Time) (plimsoll.User, error) {
	return invitedUser(ctx, s.read, "", hash, now)
}

func invitedUser(ctx context.Context, db reader, lock string, hash []byte, now time.Time) (plimsoll.User, error) {
	var id string
	err := db.QueryRowContext(ctx, `SELECT user_id FROM user_invitation WHERE hash = $1 AND expires_at > $2`+lock,
		hash, ticks(now)).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return plimsoll.User{}, plimsoll.Errorf(plimsoll.NotFound, "The link was used already, was replaced by a newer one, or has expired.")
	}
	if err != nil {
		return plimsoll.User{}, refusal(err)
	}
	return oneUser(ctx, db, ` WHERE u.id = $1`, id)
}

// AcceptInvitation uses up the invitation of the hash: its user gets the password
// and the session, and has no other sessions any more, nor wrong attempts for the
// name. NotFound as of InvitedUser.
func (s *Store) AcceptInvitation(ctx context.Context, hash []byte, password string, start plimsoll.Session, event plimsoll.AuditEvent) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		u, err := invitedUser(ctx, tx, s.dialect.lockRow, hash, start.CreatedAt)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM user_invitation WHERE user_id = $1`, u.ID); err != nil {
			return err
		}
		start.UserID, event.Actor, event.ObjectID = u.ID, u.ID, u.ID
		return setPassword(ctx, tx, &u, password, &start, event)
	})
}

// ChangePassword gives the user another password where its hash is still old, and
// the session in place of all others, and forgets the wrong attempts for the name;
// Unauthenticated where it is not.
func (s *Store) ChangePassword(ctx context.Context, old, password string, start plimsoll.Session, event plimsoll.AuditEvent) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		u, err := s.userWithPassword(ctx, tx, start.UserID, old)
		if err != nil {
			return err
		}
		return setPassword(ctx, tx, &u, password, &start, event)
	})
}

// userWithPassword gives the user, who is the transaction's then.
func (s *Store) userWithPassword(ctx context.Context, tx *sql.Tx, id, password string) (plimsoll.User, error) {
	err := tx.QueryRowContext(ctx, `SELECT id FROM user_account WHERE id = $1 AND password = $2`+s.dialect.lockRow, id, password).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return plimsoll.User{}, plimsoll.Errorf(plimsoll.Unauthenticated, "The password was changed meanwhile.")
	}
	if err != nil {
		return plimsoll.User{}, err
	}
	return oneUser(ctx, tx, ` WHERE u.id = $1`, id)
}

func setPassword(
	ctx context.Context, tx *sql.Tx, u *plimsoll.User, password string, start *plimsoll.Session, event plimsoll.AuditEvent,
) error {
	if _, err := tx.ExecContext(ctx, `UPDATE user_account SET password = $2 WHERE id = $1`, u.ID, password); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM sign_in_session WHERE user_id = $1`, u.ID); err != nil {
		return err
	}
	// What was guessed for the name was guessed of the password before.
	return startSession(ctx, tx, u, start, plimsoll.AttemptsOfName(u.Name), event)
}

// DeleteUser removes a user, the sessions and what they were given.
func (s *Store) DeleteUser(ctx context.Context, id string, event plimsoll.AuditEvent) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		if _, err := oneUser(ctx, tx, ` WHERE u.id = $1`, id); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM user_account WHERE id = $1`, id); err != nil {
			return err
		}
		return addAuditEvent(ctx, tx, event)
	})
}
