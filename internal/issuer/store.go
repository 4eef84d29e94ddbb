package issuer

import (
	"context"
	"crypto/ed25519"
	"time"

	"plimsoll"
)

// Store is what [Clients] are kept in.
type Store interface {
	ClientStore
	InstallationStore
}

// ClientStore keeps the clients. Each change is one transaction with its audit
// event.
type ClientStore interface {
	CreateClient(ctx context.Context, c plimsoll.Client, ev plimsoll.AuditEvent) error
	// Client gives the client with its secrets, or [plimsoll.NotFound].
	Client(ctx context.Context, id string) (plimsoll.Client, error)
	// Clients gives all clients by CreatedAt, then ID.
	Clients(ctx context.Context) ([]plimsoll.Client, error)
	// RotateClient adds the secret. The older ones expire at oldUntil, those
	// that were to expire sooner keep their time, and those that have expired
	// are dropped. [plimsoll.NotFound] when there is no such client.
	RotateClient(ctx context.Context, id string, secret plimsoll.ClientSecret, oldUntil time.Time, ev plimsoll.AuditEvent) error
	// DeleteClient drops the client, or gives [plimsoll.NotFound].
	DeleteClient(ctx context.Context, id string, ev plimsoll.AuditEvent) error
}

// InstallationStore keeps what makes a store one fleet's own.
type InstallationStore interface {
	// Installation gives [plimsoll.NotFound] on an empty store.
	Installation(ctx context.Context) (plimsoll.Installation, error)
	// Install makes the installation and, unless it is nil, its first client,
	// in one transaction. It changes nothing and gives false when there is an
	// installation already.
	Install(ctx context.Context, inst plimsoll.Installation, first *plimsoll.Client, ev plimsoll.AuditEvent) (created bool, err error)
}

// SignInStore is what [Users] are kept in. Each change is one transaction with its
// audit event.
type SignInStore interface {
	UserStore
	PasswordStore
	SessionStore
}

// UserStore keeps the users.
type UserStore interface {
	// CreateUser gives [plimsoll.Conflict] where the name is taken.
	CreateUser(ctx context.Context, u plimsoll.User, i plimsoll.Invitation, ev plimsoll.AuditEvent) error
	// InviteFirstUser sees to it that somebody can sign in where nobody ever did.
	// Without users it creates u with the invitation. Where the oldest user has no
	// password and no invitation that holds, it gets i. The user's name is given,
	// or "" where nothing was to be done.
	InviteFirstUser(ctx context.Context, u plimsoll.User, i plimsoll.Invitation, created, invited plimsoll.AuditEvent) (name string, err error)
	// User and UserByName give [plimsoll.NotFound] where there is none. The case of
	// a name's letters does not count.
	User(ctx context.Context, id string) (plimsoll.User, error)
	UserByName(ctx context.Context, name string) (plimsoll.User, error)
	// Users gives all users by CreatedAt, then ID.
	Users(ctx context.Context) ([]plimsoll.User, error)
	// InviteUser replaces the user's invitation.
	InviteUser(ctx context.Context, i plimsoll.Invitation, ev plimsoll.AuditEvent) error
	// DeleteUser drops the user with all sessions and what they were given.
	DeleteUser(ctx context.Context, id string, ev plimsoll.AuditEvent) error
}

// PasswordStore keeps the users' passwords, and counts the wrong ones.
type PasswordStore interface {
	// InvitedUser gives whom an invitation is for: [plimsoll.NotFound] where it was
	// used or replaced, or has expired.
	InvitedUser(ctx context.Context, hash []byte, now time.Time) (plimsoll.User, error)
	// AcceptInvitation uses an invitation up. Its user gets the password and the
	// session, in place of all other sessions, and is the event's actor and object.
	// As below, the attempts for the user's name are forgotten.
	AcceptInvitation(ctx context.Context, hash []byte, password string, start plimsoll.Session, ev plimsoll.AuditEvent) error
	// ChangePassword gives the session's user another password, and the session in
	// place of all others: [plimsoll.Unauthenticated] where the hash is not old.
	ChangePassword(ctx context.Context, old, password string, start plimsoll.Session, ev plimsoll.AuditEvent) error
	// TakeSignInAttempt counts an attempt under the key as wrong, and gives the count.
	// While there is a wait, it gives false and counts nothing.
	TakeSignInAttempt(ctx context.Context, key []byte, now time.Time) (a plimsoll.SignInAttempts, allowed bool, err error)
}

// SessionStore keeps who is signed in, and the codes for it.
type SessionStore interface {
	// StartSession stores the session, ends the one before, and forgets the attempts
	// under the key: [plimsoll.Unauthenticated] where the user's password has not
	// that hash.
	StartSession(ctx context.Context, start plimsoll.Session, password string, before, attempts []byte, ev plimsoll.AuditEvent) error
	// Session gives [plimsoll.NotFound] where it has ended.
	Session(ctx context.Context, hash []byte, now time.Time) (plimsoll.Session, plimsoll.User, error)
	// EndSession does nothing where there is none.
	EndSession(ctx context.Context, hash []byte, ev plimsoll.AuditEvent) error
	// AddAuthorizationCode stores the code, and has its session hold until then:
	// [plimsoll.NotFound] where it has ended.
	AddAuthorizationCode(ctx context.Context, c plimsoll.AuthorizationCode, sessionTill time.Time) error
	// TakeAuthorizationCode removes a code and gives it: [plimsoll.NotFound] where
	// it was taken already, has expired, or its session has ended.
	TakeAuthorizationCode(ctx context.Context, hash []byte, now time.Time) (plimsoll.AuthorizationCode, plimsoll.User, error)
}

// DeviceKeys knows the keys of the devices.
type DeviceKeys interface {
	// DeviceKey gives the public key of the device, whose id is a GUID in lower
	// case. [plimsoll.NotFound] when there is no such device, it was removed or
	// its enrolment was revoked.
	DeviceKey(ctx context.Context, deviceID string) (ed25519.PublicKey, error)
}

// KeyStore keeps the signing keys.
type KeyStore interface {
	// SigningKeys gives all keys by Generation.
	SigningKeys(ctx context.Context) ([]plimsoll.SigningKey, error)
	// AddSigningKey does nothing when a key of that generation is there.
	AddSigningKey(ctx context.Context, key plimsoll.SigningKey) error
	// DeleteSigningKeys drops the keys that expired before the time.
	DeleteSigningKeys(ctx context.Context, expiredBefore time.Time) error
}
