package store

import (
	"context"
	"database/sql"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"plimsoll"
)

// deviceVersions tells whether what was read of a device's agent still holds,
// without a look at the database: each counter rises when a transaction ends that
// may have changed what it stands for. All servers hear of it.
type deviceVersions struct {
	deaf    atomic.Bool // this server would not hear of what others change
	fleet   atomic.Uint64
	buckets [plimsoll.Buckets]atomic.Uint64
	devices [1 << 16]atomic.Uint64 // by a hash of the id: a few devices share one

	mu    sync.Mutex
	under map[*sql.Tx][]string // what transactions under way change
}

// What a transaction may change: a device, by its id, or more.
const (
	wholeFleet    = "fleet"
	wholeBucket   = "bucket "
	stillHearing  = "hearing" // nothing: it shows that what is told is heard
	deviceChannel = "plimsoll_device"
)

func (v *deviceVersions) rise(changed string) {
	bucket, isBucket := strings.CutPrefix(changed, wholeBucket)
	switch {
	case changed == stillHearing:
	case changed == wholeFleet:
		v.fleet.Add(1)
	case isBucket:
		if n, err := strconv.ParseUint(bucket, 10, 64); err == nil {
			v.buckets[n%plimsoll.Buckets].Add(1)
		}
	default:
		v.device(changed).Add(1)
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
	return version, !v.deaf.Load()
}

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
	_, err := tx.ExecContext(ctx, `SELECT pg_notify('`+deviceChannel+`', $1)`, what)
	return err
}

func bucketChanged(bucket int64) string { return wholeBucket + strconv.FormatInt(bucket, 10) }

// ended makes known what a transaction changed, also where it may have failed:
// nothing is lost by another look.
func (v *deviceVersions) ended(tx *sql.Tx) {
	v.mu.Lock()
	all := v.under[tx]
	delete(v.under, tx)
	v.mu.Unlock()
	for _, what := range all {
		v.rise(what)
	}
}

// How often a server that shares its database says something, and how long it
// hears nothing before it takes its own connection for broken. A proxy that hands
// connections out by the transaction lets nothing through.
const (
	sayInterval = 5 * time.Second
	hearTimeout = 3 * sayInterval
)

// Listen hears what other servers on the database change, until ctx ends. Until
// it does hear, and again while the connection is broken, agents are served from
// the database. observe is told of faults, after which it connects again.
func (s *Store) Listen(ctx context.Context, observe func(error)) {
	for ctx.Err() == nil {
		err := s.listen(ctx)
		s.versions.deaf.Store(true)
		if ctx.Err() == nil {
			observe(err)
			pause(ctx, sayInterval)
		}
	}
}

func (s *Store) listen(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var saying sync.WaitGroup
	defer saying.Wait()
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, s.listening.Copy())
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(closing) // all that it was for is over
	}()
	if _, err = conn.Exec(ctx, `LISTEN `+deviceChannel); err != nil {
		return err
	}
	saying.Go(func() { s.say(ctx) })
	for {
		heard, cancel := context.WithTimeout(ctx, hearTimeout)
		n, err := conn.WaitForNotification(heard)
		cancel()
		if err != nil {
			return fmt.Errorf("hear of what other servers change: %w", err)
		}
		s.versions.rise(n.Payload)
		if s.versions.deaf.Load() { // what was missed until now counts as changed
			s.versions.fleet.Add(1)
			s.versions.deaf.Store(false)
		}
	}
}

// say lets every listening server know that it hears.
func (s *Store) say(ctx context.Context) {
	for ctx.Err() == nil {
		bounded, cancel := context.WithTimeout(ctx, sayInterval)
		_, _ = s.write.ExecContext(bounded, `SELECT pg_notify('`+deviceChannel+`', $1)`, stillHearing) // where it fails, nothing is heard
		cancel()
		pause(ctx, sayInterval)
	}
}

// pause waits for so long, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
