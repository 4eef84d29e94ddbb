package issuer

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"

	"plimsoll"
	"plimsoll/internal/auth"
)

const (
	// InvitationLifetime is how long a link to set a password holds.
	InvitationLifetime = 3 * 24 * time.Hour
	// FirstAdministrator is the name of the user that a new store gets.
	FirstAdministrator = "administrator"
)

// Users are the people who may sign in.
type Users struct {
	store        SignInStore
	now          func() time.Time
	rand         io.Reader
	cost         int           // of bcrypt
	nobody       string        // what a name without a password is compared with
	slots        chan struct{} // one token for each password that is being looked at, or set
	forStrangers chan struct{} // the same for browsers that are not known
	patience     time.Duration // how long one waits for a slot
}

// NewUsers returns the users in the store. Randomness must be fit for secrets.
func NewUsers(store SignInStore, now func() time.Time, rand io.Reader) *Users {
	return &Users{
		store: store, now: now, rand: rand,
		cost: passwordCost, nobody: nobodysPassword, patience: maxPatience,
		slots: make(chan struct{}, maxPasswords), forStrangers: make(chan struct{}, maxPasswords),
	}
}

// AdministratorPermissions gives what a user may have at most: all.
func AdministratorPermissions() []string {
	var names []string
	for _, p := range auth.Permissions() {
		names = append(names, string(p))
	}
	return names
}

// ReaderPermissions gives those with which a user sees all and changes nothing.
func ReaderPermissions() []string {
	return []string{string(auth.ConfigurationRead), string(auth.GroupRead)}
}

// Create makes a user, who is to set a password by the token, which is given out
// here and never again. Permissions are as of [Clients.Create]. The error is
// [plimsoll.Conflict] where the name is taken.
func (u *Users) Create(ctx context.Context, actor, name string, permissions []string) (plimsoll.User, string, error) {
	user, token, invitation, err := u.newUser(name, permissions)
	if err != nil {
		return plimsoll.User{}, "", err
	}
	user.InvitedTill = invitation.ExpiresAt
	return user, token, u.store.CreateUser(ctx, user, invitation, u.event(actor, "user.create", user.ID))
}

// newUser makes a user, and the invitation that the token is of.
func (u *Users) newUser(name string, permissions []string) (user plimsoll.User, token string, i plimsoll.Invitation, err error) {
	if err = checkPermissions(permissions); err != nil {
		return user, "", i, err
	}
	id, err := uuid.NewRandomFromReader(u.rand)
	if err != nil {
		return user, "", i, err
	}
	permissions = slices.Compact(slices.Sorted(slices.Values(permissions)))
	user = plimsoll.User{ID: id.String(), Name: name, Permissions: permissions, CreatedAt: u.now()}
	if err = user.Validate(); err != nil {
		return user, "", i, err
	}
	token, i, err = u.newInvitation(user.ID)
	return user, token, i, err
}

func (u *Users) newInvitation(userID string) (token string, i plimsoll.Invitation, err error) {
	token, err = newToken(u.rand)
	now := u.now()
	return token, plimsoll.Invitation{
		Hash: hashToken(token), UserID: userID, CreatedAt: now, ExpiresAt: now.Add(InvitationLifetime),
	}, err
}

// newToken makes a secret of 256 bits.
func newToken(rand io.Reader) (string, error) {
	raw := make([]byte, 32)
	_, err := io.ReadFull(rand, raw)
	return secretPrefix + base64.RawURLEncoding.EncodeToString(raw), err
}

// hashToken gives how a token is kept: it has too many bits to be guessed, and so
// needs no slow hash.
func hashToken(token string) []byte {
	hash := sha256.Sum256([]byte(token))
	return hash[:]
}

// Invite gives the user of the name, or of the id, another link to set a password;
// one from before holds no more. The password and the sessions stay until it is
// used. [plimsoll.NotFound] where there is no such user.
func (u *Users) Invite(ctx context.Context, actor, nameOrID string) (plimsoll.User, string, error) {
	user, err := u.find(ctx, nameOrID)
	if err != nil {
		return plimsoll.User{}, "", err
	}
	token, invitation, err := u.newInvitation(user.ID)
	if err != nil {
		return plimsoll.User{}, "", err
	}
	user.InvitedTill = invitation.ExpiresAt
	return user, token, u.store.InviteUser(ctx, invitation, u.event(actor, "user.invite", user.ID))
}

// InviteFirst sees to it that somebody can sign in at a store where nobody ever
// did, and gives the user's name and the token, or "" for both where that is so.
// Of several servers that start at once, one gets them.
func (u *Users) InviteFirst(ctx context.Context) (name, token string, expiresAt time.Time, err error) {
	user, token, invitation, err := u.newUser(FirstAdministrator, AdministratorPermissions())
	if err != nil {
		return "", "", time.Time{}, err
	}
	name, err = u.store.InviteFirstUser(ctx, user, invitation,
		u.event("installation", "user.create", user.ID), u.event("installation", "user.invite", ""))
	if err != nil || name == "" {
		return "", "", time.Time{}, err
	}
	return name, token, invitation.ExpiresAt, nil
}

// List gives all users, the oldest first.
func (u *Users) List(ctx context.Context) ([]plimsoll.User, error) {
	return u.store.Users(ctx)
}

// Delete drops the user of the name, or of the id, and ends the sessions. Access
// tokens given out hold until they expire, after [UserTokenLifetime] at most.
func (u *Users) Delete(ctx context.Context, actor, nameOrID string) (plimsoll.User, error) {
	user, err := u.find(ctx, nameOrID)
	if err != nil {
		return plimsoll.User{}, err
	}
	return user, u.store.DeleteUser(ctx, user.ID, u.event(actor, "user.delete", user.ID))
}

func (u *Users) find(ctx context.Context, nameOrID string) (plimsoll.User, error) {
	user, err := u.store.UserByName(ctx, nameOrID)
	if plimsoll.ErrorCode(err) == plimsoll.NotFound {
		return u.store.User(ctx, nameOrID)
	}
	return user, err
}

func (u *Users) event(actor, activity, id string) plimsoll.AuditEvent {
	return plimsoll.AuditEvent{At: u.now(), Actor: actor, Activity: activity, ObjectID: id}
}
