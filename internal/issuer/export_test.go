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
	for range cap(c.slots) {
		c.slots <- struct{}{}
	}
	return func() {
		for range cap(c.slots) {
			<-c.slots
		}
	}
}
