package store

import (
	"context"
	"database/sql"
	"hash/fnv"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"plimsoll"
)

// deviceVersions tells whether what was read of a device's agent still holds,
// without a look at the database: each counter rises when a transaction ends that
// may have changed what it stands for. All servers hear of it.
type deviceVersions struct {
	deaf    atomic.Bool      // this server would not hear of what others change
	now     func() time.Time // set where it listens
	heardAt atomic.Pointer[time.Time]
	fleet   atomic.Uint64
	buckets [plimsoll.Buckets]atomic.Uint64
	devices [1 << 16]atomic.Uint64 // by a hash of the id: a few devices share one

	mu      sync.Mutex
	under   map[*sql.Tx][]string  // what transactions under way change
	awaited map[string]*listeners // who heard of a device's deletion, by its id, while that is waited for

	watches watches
}

// What a transaction may change: a device, by its id, or more.
const (
	wholeFleet    = "fleet"
	wholeBucket   = "bucket "
	deletedDevice = "deleted " // before the id
)

// rise gives what changed another version, and then wakes those who wait for one.
func (v *deviceVersions) rise(changed string) {
	bucket, isBucket := strings.CutPrefix(changed, wholeBucket)
	switch {
	case changed == wholeFleet:
		v.fleet.Add(1)
		v.watches.wakeAll()
	case isBucket:
		if n, err := strconv.ParseUint(bucket, 10, 64); err == nil {
			v.buckets[n%plimsoll.Buckets].Add(1)
			v.watches.wake(n % plimsoll.Buckets)
		}
	default:
		id := strings.TrimPrefix(changed, deletedDevice)
		v.device(id).Add(1)
		v.watches.wakeOwn(id)
	}
}

func (v *deviceVersions) device(id string) *atomic.Uint64 {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(id)) // never fails
	return &v.devices[hash.Sum32()%uint32(len(v.devices))]
}

// DeviceVersion gives a number that is another whenever what [Store.Agent] gives
// for a device may be: what was read after the number was holds for as long as
// the number does. It is false where nothing may be taken to hold, as this server
// does not hear of what others change.
func (s *Store) DeviceVersion(id string) (version uint64, ok bool) {
	v := s.versions
	// None of them ever falls, so that the sum is another where any is.
	version = v.fleet.Load() + v.buckets[plimsoll.DeviceBucket(id)].Load() + v.device(id).Load()
	return version, !v.deaf.Load() && (s.InProcess() || v.hearsStill())
}

// hearsStill tells whether a server that is not deaf heard anything of late: a
// process that was stopped for a while finds that out here, before it answers anyone.
func (v *deviceVersions) hearsStill() bool { return v.now().Sub(*v.heardAt.Load()) < hearTimeout }

// changed notes what a transaction may change of what agents are given, for this
// server and, where there may be others, for them.
func (s *Store) changed(ctx context.Context, tx *sql.Tx, what string) error {
	v := s.versions
	v.mu.Lock()
	v.under[tx] = append(v.under[tx], what)
	v.mu.Unlock()
	if s.InProcess() {
		return nil
	}
	_, err := tx.ExecContext(ctx, notify, what)
	return err
}

func bucketChanged(bucket int64) string { return wholeBucket + strconv.FormatInt(bucket, 10) }

// ended makes known what a transaction changed, also where it may have failed:
// nothing is lost by another look. It gives a device that it deleted, or "".
func (v *deviceVersions) ended(tx *sql.Tx) (deleted string) {
	v.mu.Lock()
	all := v.under[tx]
	delete(v.under, tx)
	v.mu.Unlock()
	for _, what := range all {
		v.rise(what)
		if id, ok := strings.CutPrefix(what, deletedDevice); ok {
			deleted = id
		}
	}
	return deleted
}
