package service

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"plimsoll"
)

// maxQuiet is how many agents are remembered that have all there is for them:
// some 200 bytes each.
const maxQuiet = 1 << 18

// quiet remembers an agent: the version of its device in the store, the scripts that
// it has to run then, and what it says of itself where it has nothing to learn.
type quiet struct {
	version  uint64
	etag     [16]byte // a digest of it
	greeting greeting // zero where that is not known
}

func newQuiet() *lru.Cache[string, quiet] {
	cache, _ := lru.New[string, quiet](maxQuiet) // its one error is a size below one
	return cache
}

// isQuiet tells, without asking the store, whether an agent that says this is the
// one that has the device, and has nothing to learn.
func (s *Service) isQuiet(deviceID string, g greeting) bool {
	remembered, ok := s.remembered(deviceID)
	return ok && remembered.greeting == g
}

// remembered gives what is remembered of an agent, while it holds.
func (s *Service) remembered(deviceID string) (q quiet, ok bool) {
	q, ok = s.quiet.Get(deviceID)
	version, known := s.stores.DeviceVersion(deviceID)
	return q, ok && known && q.version == version
}

// greeting stands for what an agent says of itself: its process, its inventory
// and its scripts.
type greeting [16]byte

// greeting gives what the agent says when it holds the scripts of an etag.
func (in *CheckIn) greeting(etag string) greeting {
	return digest(in.Instance, in.InventoryHash, etag)
}

func digest(texts ...string) [16]byte {
	h := sha256.New()
	writeTexts(h, texts...)
	return [16]byte(h.Sum(nil))
}

// sightings gathers when devices spoke to the service.
type sightings struct {
	mu sync.Mutex
	at map[string]time.Time
}

func (s *sightings) note(deviceID string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at == nil {
		s.at = map[string]time.Time{}
	}
	s.at[deviceID] = at
}

func (s *sightings) take() map[string]time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.at
	s.at = nil
	return taken
}

// sightingInterval is how often the times of check-ins are stored: what is read
// as a device's last sync is a minute late at most.
const sightingInterval = 30 * time.Second

// StoreSightings stores when devices spoke to the service, now and then, and
// once more when ctx is done. observe is told of each attempt's error, which
// costs no more than the times.
func (s *Service) StoreSightings(ctx context.Context, observe func(error)) {
	tick := time.NewTicker(sightingInterval)
	defer tick.Stop()
	for done := false; !done; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			done = true
		}
		if taken := s.sightings.take(); len(taken) > 0 {
			bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), sightingInterval)
			observe(s.stores.Seen(bounded, taken))
			cancel()
		}
	}
}

// etagOf names what an agent has to run: it differs where anything does that
// makes a difference to the agent.
func etagOf(scripts []plimsoll.AssignedScript) string {
	h := sha256.New()
	for i := range scripts {
		a := &scripts[i]
		writeTexts(h, a.ScriptID, string(a.RunAsAccount), string(a.ContentHash), string(a.Schedule.Kind))
		writeNumbers(h, a.Revision, bit(a.EnforceSignatureCheck), bit(a.RunAs32Bit),
			int64(a.Schedule.Interval), bit(a.Schedule.UseUTC), int64(a.Schedule.Time), a.Schedule.Date.Unix(), a.RunRequest)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// writeTexts writes each text after its length, so that no two lists look alike.
func writeTexts(h hash.Hash, texts ...string) {
	for _, text := range texts {
		writeNumbers(h, int64(len(text)))
		_, _ = h.Write([]byte(text)) // never fails
	}
}

func writeNumbers(h hash.Hash, numbers ...int64) {
	var buffer [8]byte
	for _, number := range numbers {
		_, _ = h.Write(binary.BigEndian.AppendUint64(buffer[:0], uint64(number))) //nolint:gosec // any bits will do
	}
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
