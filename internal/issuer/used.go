package issuer

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// maxUsed is how many assertions are remembered as used. Where more come
// within the life of one, the oldest are forgotten, and can be sent again
// until they expire: memory is bounded before replays are. Only the devices'
// own come here, since guesses fail before.
const maxUsed = 1 << 16

// usedAssertions remembers the jti of assertions until they expire (RFC 7523
// section 3, item 7), those that this server saw.
type usedAssertions struct {
	mu sync.Mutex
	// To the exp, in seconds of the Unix epoch. A jti is its device's own, so
	// the device is in the key.
	until *simplelru.LRU[[sha256.Size]byte, int64]
}

func newUsedAssertions(size int) *usedAssertions {
	until, _ := simplelru.NewLRU[[sha256.Size]byte, int64](size, nil) // its one error is a size below one
	return &usedAssertions{until: until}
}

// add remembers the assertion, or gives false where it is remembered already.
func (u *usedAssertions) add(a assertion, now time.Time) bool {
	key := sha256.Sum256([]byte(a.device + "\x00" + a.claims.ID))
	u.mu.Lock()
	defer u.mu.Unlock()
	if until, ok := u.until.Peek(key); ok && now.Unix() < until {
		return false
	}
	u.until.Add(key, a.claims.Expiry.Time().Unix())
	return true
}
