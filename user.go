package plimsoll

import (
	"crypto/sha256"
	"strings"
	"time"
	"unicode"
)

// User is a person who signs in at the built-in issuer.
type User struct {
	ID          string // a GUID in lower case, the oid of the person's tokens
	Name        string // what is typed to sign in; unique, whatever the case of its letters
	Permissions []string
	Password    string // its hash; "" until an invitation was used
	CreatedAt   time.Time
	SignedInAt  time.Time // the latest sign-in; zero: never
	InvitedTill time.Time // when the link to set a password expires; zero: there is none
}

// Validate refuses a name that people could not type, tell from another or see.
func (u *User) Validate() error {
	if u.Name == "" || u.Name != strings.TrimSpace(u.Name) {
		return Invalidf("name", "name must not be empty, or begin or end with a space: it is what is typed to sign in.")
	}
	if strings.ContainsFunc(u.Name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return Invalidf("name", "name has a character that cannot be seen; leave it out.")
	}
	return checkText("name", u.Name, MaxName)
}

// FoldName gives what two names that differ only in the case of letters share.
func FoldName(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

// Invitation lets who has its link set a user's password, once.
type Invitation struct {
	Hash      []byte // SHA-256 of the link's token, which has 256 random bits
	UserID    string
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Session is one browser's sign-in.
type Session struct {
	Hash      []byte // SHA-256 of the cookie's value, which has 256 random bits
	UserID    string
	CreatedAt time.Time // when the password was typed
	ExpiresAt time.Time // moves ahead as the session is used
}

const (
	// SessionIdle is how long a session holds that is not used.
	SessionIdle = 12 * time.Hour
	// SessionLifetime is how long one holds however much it is used.
	SessionLifetime = 7 * 24 * time.Hour
)

// UsedAt gives when the session expires where it is used now and then no more.
func (s *Session) UsedAt(now time.Time) time.Time {
	idle, last := now.Add(SessionIdle), s.CreatedAt.Add(SessionLifetime)
	if last.Before(idle) {
		return last
	}
	return idle
}

// AuthorizationCode is what a sign-in gives a page, to be exchanged for tokens
// once (RFC 6749 section 4.1). It ends with its session.
type AuthorizationCode struct {
	Hash        []byte // SHA-256 of the code, which has 256 random bits
	Session     []byte // its hash
	SignedInAt  time.Time
	ClientID    string
	RedirectURI string
	Challenge   string // S256 (RFC 7636 section 4.2)
	Nonce       string // "" for none
	Scopes      []string
	ExpiresAt   time.Time
}

const (
	// FreeAttempts is how many wrong passwords there may be before a wait.
	FreeAttempts = 5
	firstWait    = time.Minute
	longestWait  = 15 * time.Minute
	// forgetAttempts is how long after the latest wrong password they are
	// forgotten: without a right one there are no more than 100 tries a day.
	forgetAttempts = 24 * time.Hour
)

// AttemptsOfName is under what the passwords are counted that are typed for a name
// where nothing else is known of who types. People type passwords into the wrong
// field: what was typed is not kept.
func AttemptsOfName(name string) []byte {
	key := sha256.Sum256([]byte(FoldName(name)))
	return key[:]
}

// SignInAttempts counts the wrong passwords since the last right one (NIST SP
// 800-63B section 3.2.2): those for a name, whether there is such a user or not,
// those from a browser that the user has signed in from, or those of a session.
type SignInAttempts struct {
	Wrong       int64
	BlockedTill time.Time // no password is looked at before
	ExpiresAt   time.Time
}

// Take counts an attempt as wrong, before it is known whether it is, so that
// many at once get no further than one after the other. It gives false, and
// counts nothing, while there is a wait.
func (a *SignInAttempts) Take(now time.Time) bool {
	if now.Before(a.BlockedTill) {
		return false
	}
	if !now.Before(a.ExpiresAt) {
		*a = SignInAttempts{}
	}
	a.Wrong++
	a.ExpiresAt = now.Add(forgetAttempts)
	if a.Wrong >= FreeAttempts {
		doublings := min(a.Wrong-FreeAttempts, 10)
		a.BlockedTill = now.Add(min(firstWait<<doublings, longestWait))
	}
	return true
}
