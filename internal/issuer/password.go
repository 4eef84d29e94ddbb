package issuer

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"golang.org/x/crypto/bcrypt"

	"plimsoll"
)

const (
	// passwordCost takes a core for a quarter of a second. bcrypt needs no more
	// memory than a few KiB, so that guesses cannot use that up.
	passwordCost = 12
	// maxPasswords is how many one server looks at, or sets, at once of people in
	// browsers that it knows, with a session or a link; and as many of strangers, so
	// that guesses that come from everywhere hold nobody up whom it knows.
	maxPasswords = 1
	// nobodysPassword is the hash of one that was thrown away: a name that does not
	// exist, or has no password yet, takes the time of one that does.
	nobodysPassword = "$2a$12$ybxbiX3G6R5v1o/LOwSEL.PVoU4pmcR10ElCLJ2OSDg7ot.IxuNJu" //nolint:gosec // of no use to anyone
)

// digestPassword gives what bcrypt is given: it would cut a password after 72
// bytes and at a zero byte. The prefix keeps hashes of passwords that were lost
// elsewhere from being tried in place of the passwords.
func digestPassword(password string) []byte {
	sum := sha256.Sum256([]byte("plimsoll password\x00" + password))
	return []byte(base64.StdEncoding.EncodeToString(sum[:]))
}

// hash gives how the password is kept, or [plimsoll.TooManyRequests] as of
// authenticate.
func (u *Users) hash(ctx context.Context, password string) (string, error) {
	if err := takeSlot(ctx, u.slots, u.patience); err != nil {
		return "", err
	}
	defer func() { <-u.slots }()
	hash, err := bcrypt.GenerateFromPassword(digestPassword(password), u.cost)
	return string(hash), err
}

// attempt is somebody who types a password.
type attempt struct {
	user  plimsoll.User // whose it should be; without an id where there is none of the name
	key   []byte        // under what it is counted
	known bool          // the browser is known to be the user's, and the key is its own
}

// attempt gives who signs in with the name, in a browser with the token or "". What
// it takes does not depend on whether there is such a user.
func (u *Users) attempt(ctx context.Context, name, browser string) (*attempt, error) {
	var user plimsoll.User
	if isText(name) { // else it is nobody's
		var err error
		if user, err = u.store.UserByName(ctx, name); err != nil && plimsoll.ErrorCode(err) != plimsoll.NotFound {
			return nil, err
		}
	}
	if isBrowserOf(&user, browser) {
		return &attempt{user, hashToken(browser), true}, nil
	}
	return &attempt{user, plimsoll.AttemptsOfName(name), false}, nil
}

// authenticate gives nil where the password is the user's. A name that does not
// exist gets the same answers as one that does, after the same time:
// [plimsoll.Unauthenticated] with the message wrong for a wrong password, and
// [plimsoll.TooManyRequests] during the wait after too many of them, or when too
// many sign in at once.
func (u *Users) authenticate(ctx context.Context, a *attempt, password, wrong string) error {
	slots, where := u.forStrangers, "for this name"
	if a.known {
		slots, where = u.slots, "in this browser"
	}
	if err := takeSlot(ctx, slots, u.patience); err != nil {
		return err
	}
	defer func() { <-slots }()
	attempts, allowed, err := u.store.TakeSignInAttempt(ctx, a.key, u.now())
	if err != nil {
		return err
	}
	wait := "There were too many wrong passwords " + where + ": it has to wait. Try again in " + u.until(attempts.BlockedTill) + "."
	if !allowed {
		return &plimsoll.Error{Code: plimsoll.TooManyRequests, RetryAfter: attempts.BlockedTill.Sub(u.now()), Message: wait}
	}
	hash := a.user.Password
	if hash == "" {
		hash = u.nobody
	}
	if bcrypt.CompareHashAndPassword([]byte(hash), digestPassword(password)) == nil && a.user.Password != "" {
		return nil
	}
	if u.now().Before(attempts.BlockedTill) {
		wrong += " " + wait
	}
	return plimsoll.Errorf(plimsoll.Unauthenticated, "%s", wrong)
}

// until says how long it is until then, in words.
func (u *Users) until(then time.Time) string {
	left := max(1, (then.Sub(u.now())+time.Second-1)/time.Second)
	number, unit := left, "second"
	if left >= 60 {
		number, unit = (left+59)/60, "minute"
	}
	if number == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", number, unit)
}
