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
