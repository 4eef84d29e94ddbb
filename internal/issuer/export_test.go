package issuer

import (
	"time"

	"golang.org/x/crypto/bcrypt"
)

// UseCheapHashes makes new secrets' hashes quick, so that tests are.
func (c *Clients) UseCheapHashes() { c.cost = bcrypt.MinCost }

// Occupy takes all slots for comparisons until it is undone, and lets others
// wait for no longer than patience.
func (c *Clients) Occupy(patience time.Duration) (undo func()) {
	c.patience = patience
	all := []chan struct{}{c.slots, c.forStrangers}
	for _, slots := range all {
		for range cap(slots) {
			slots <- struct{}{}
		}
	}
	return func() {
		for _, slots := range all {
			for range cap(slots) {
				<-slots
			}
		}
	}
}

// ParseAssertion gives what a well-formed assertion says of its device.
func ParseAssertion(raw string) (device, jti string, err error) {
	a, err := parseAssertion(raw)
	return a.device, a.claims.ID, err
}

// RememberUsed lets the server remember no more than size assertions.
func (s *Server) RememberUsed(size int) { s.used = newUsedAssertions(size) }

// UseCheapHashes makes new passwords' hashes quick, so that tests are.
func (u *Users) UseCheapHashes() {
	u.cost = bcrypt.MinCost
	hash, _ := bcrypt.GenerateFromPassword([]byte("nobody's"), bcrypt.MinCost) // fails for long ones
	u.nobody = string(hash)
}

// OccupyStrangers takes all slots for passwords from browsers that are not known, and
// lets others wait for no longer than patience.
func (u *Users) OccupyStrangers(patience time.Duration) {
	u.patience = patience
	for range cap(u.forStrangers) {
		u.forStrangers <- struct{}{}
	}
}

// Occupy takes the other slots too.
func (u *Users) Occupy(patience time.Duration) {
	u.OccupyStrangers(patience)
	for range cap(u.slots) {
		u.slots <- struct{}{}
	}
}

// NobodysPassword is what a name without a password is compared with.
const NobodysPassword, PasswordCost = nobodysPassword, passwordCost

// BrowserToken gives what a known browser would send whose user's password has the
// hash.
func BrowserToken(nonce, passwordHash string) string { return browserToken(nonce, passwordHash) }

// Nobody is what a name without a password is compared with.
func (u *Users) Nobody() string { return u.nobody }

// ReturnTo gives where a sign-in leads that was asked to lead elsewhere.
func (s *Server) ReturnTo(asked string) string { return s.returnTo(asked) }
