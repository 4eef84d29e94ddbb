package agent

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"plimsoll"
	"plimsoll/internal/checkin"
)

// journal is what an agent must not lose, on disk: what it has to run, how far it
// is with each script, and every result until the server has acknowledged it. What
// a method wrote is durable when it returns. One process at a time has it.
type journal struct {
	db     *bolt.DB
	limits queueLimits
	held   int // results in the queue
	bytes  int // which they take
}

// queueLimits bounds the queue. The newest result of a script stays beyond them.
type queueLimits struct{ results, bytes int }

// record is how far the device is with a script, whether it has it to run or not.
type record struct {
	plimsoll.Progress

	Sequence int64     `json:"sequence"`           // of its latest run here
	Highest  int64     `json:"highest"`            // revision that ran
	SignedAt time.Time `json:"signedAt,omitzero"`  // of the latest signed content that ran
	Begun    int       `json:"begun,omitempty"`    // runs begun that did not come to an end, in a row
	BegunAs  int64     `json:"begunAs,omitempty"`  // revision that these were of
	Last     *outcome  `json:"last,omitempty"`     // of its latest run
	Reported bool      `json:"reported,omitempty"` // the server has acknowledged that
	Doubted  bool      `json:"doubted,omitempty"`  // the server had a result of that sequence before
	Foreign  bool      `json:"foreign,omitempty"`  // which is not this one: it was sent for the first time
	Replaced bool      `json:"replaced,omitempty"` // the latest result stands for one that the server refused
	Refused  string    `json:"refused,omitempty"`  // of what the server gave: why it cannot be followed, as was reported
}

// outcome is what is remembered of a run for people to see.
type outcome struct {
	State string        `json:"state"`
	Took  time.Duration `json:"took"`
	Error string        `json:"error,omitempty"` // its first line
}

// assignment is what the server gave the device to run.
type assignment struct {
	ETag    string           `json:"etag"`
	Scripts []checkin.Script `json:"scripts"`
}

// contact is what is remembered of the server's last answer.
type contact struct {
	At            time.Time     `json:"at"`
	Interval      time.Duration `json:"interval"`      // until the next check-in
	InventoryHash string        `json:"inventoryHash"` // of what the server took last
	Superseded    bool          `json:"superseded"`    // another machine has this device's key
}

// The journal's buckets, and the keys of the first.
const (
	aboutBucket   = "about"
	scriptsBucket = "scripts"
	resultsBucket = "results"

	deviceKey     = "device"
	assignmentKey = "assignment"
	contactKey    = "contact"
)

func bucket(tx *bolt.Tx, name string) *bolt.Bucket { return tx.Bucket([]byte(name)) }

// lockPatience is how long an earlier process of the agent may take to end.
const lockPatience = 2 * time.Second

// openJournal opens the journal of a device, and gives what it keeps. One of another
// device, which this machine was before, begins anew: its results are not this one's.
// The error is [plimsoll.Damaged] where the file holds what no journal does.
func openJournal(path, deviceID string, limits queueLimits) (j *journal, has kept, err error) {
	// The database is read as memory: pages that are cut off fault, and others that
	// are not its own make it panic.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	var db *bolt.DB
	defer func() {
		if fault := recover(); fault != nil {
			j, err = nil, damaged(fmt.Errorf("%v", fault))
			if db != nil {
				_ = db.Close() // which a file that is to be renamed must be, on Windows
			}
		}
		if err != nil {
			err = fmt.Errorf("open the queue %s: %w", path, err)
		}
	}()
	db, err = bolt.Open(path, 0o600, &bolt.Options{Timeout: lockPatience})
	if err != nil {
		if isDamage(path, err) {
			err = damaged(err)
		}
		return nil, kept{}, err
	}
	j = &journal{db: db, limits: limits}
	if err = j.begin(deviceID); err == nil {
		has, err = j.load()
	}
	if err != nil {
		return nil, kept{}, errors.Join(err, db.Close())
	}
	return j, has, nil
}

// isDamage tells whether a file could not be opened for what is in it.
func isDamage(path string, err error) bool {
	for _, known := range []error{bolterrors.ErrInvalid, bolterrors.ErrChecksum, bolterrors.ErrVersionMismatch} {
		if errors.Is(err, known) {
			return true
		}
	}
	info, statErr := os.Stat(path) //nolint:gosec // it is the agent's own; what is cut off behind its first page has an error of no type
	return statErr == nil && info.Mode().IsRegular() && info.Size() > 0 && info.Size() < int64(2*os.Getpagesize()) && !errors.Is(err, bolterrors.ErrTimeout)
}

func damaged(err error) error {
	return &plimsoll.Error{Code: plimsoll.Damaged, Message: "the file is damaged: " + err.Error(), Err: err}
}

// openWhole opens a journal, and puts one aside that is damaged, of which damage
// then tells: what it held is lost to the agent, which goes on. A disk that is full or
// at fault, or a file that is in use, is an error, and harms nothing.
func openWhole(path, deviceID string, limits queueLimits) (j *journal, has kept, damage, err error) {
	j, has, err = openJournal(path, deviceID, limits)
	if plimsoll.ErrorCode(err) != plimsoll.Damaged {
		return j, has, nil, err
	}
	damage = err
	if err := os.Rename(path, path+".damaged"); err != nil {
		return nil, kept{}, damage, errors.Join(damage, err)
	}
	j, has, err = openJournal(path, deviceID, limits)
	return j, has, damage, err
}

// begin makes what is missing of the journal, and counts its results. What is whole
// is not written to: it may be opened on a disk that is full.
func (j *journal) begin(deviceID string) error {
	names := []string{aboutBucket, scriptsBucket, resultsBucket}
	isWhole := false
	err := j.db.View(func(tx *bolt.Tx) error {
		about := bucket(tx, aboutBucket)
		if isWhole = about != nil && string(about.Get([]byte(deviceKey))) == deviceID; !isWhole {
			return nil
		}
		return bucket(tx, resultsBucket).ForEach(func(_, value []byte) error {
			j.held, j.bytes = j.held+1, j.bytes+len(value)
			if !json.Valid(value) {
				return damaged(errors.New("a result cannot be read"))
			}
			return nil
		})
	})
	if isWhole || err != nil {
		return err
	}
	return j.db.Update(func(tx *bolt.Tx) error {
		for _, name := range names {
			if err := tx.DeleteBucket([]byte(name)); err != nil && !errors.Is(err, bolterrors.ErrBucketNotFound) {
				return err
			}
			if _, err := tx.CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		return bucket(tx, aboutBucket).Put([]byte(deviceKey), []byte(deviceID))
	})
}

func (j *journal) close() error { return j.db.Close() }

// kept is what a journal keeps beside the results.
type kept struct {
	given   assignment
	last    contact
	records map[string]*record
}

func (j *journal) load() (has kept, err error) {
	has.records = map[string]*record{}
	return has, j.db.View(func(tx *bolt.Tx) error {
		about := bucket(tx, aboutBucket)
		if err := errors.Join(read(about.Get([]byte(assignmentKey)), &has.given), read(about.Get([]byte(contactKey)), &has.last)); err != nil {
			return err
		}
		return bucket(tx, scriptsBucket).ForEach(func(id, value []byte) error {
			r := &record{}
			has.records[string(id)] = r
			return read(value, r)
		})
	})
}

// read reads a value, where there is one.
func read(value []byte, into any) error {
	if value == nil {
		return nil
	}
	if err := json.Unmarshal(value, into); err != nil {
		return damaged(err)
	}
	return nil
}

func put(into *bolt.Bucket, key string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return into.Put([]byte(key), text)
}

// note keeps how far the device is with scripts; nil forgets it.
func (j *journal) note(records map[string]*record) error {
	if len(records) == 0 {
		return nil
	}
	return j.db.Update(func(tx *bolt.Tx) error { return putRecords(tx, records) })
}

func putRecords(tx *bolt.Tx, records map[string]*record) error {
	for id, r := range records {
		if r == nil {
			if err := bucket(tx, scriptsBucket).Delete([]byte(id)); err != nil {
				return err
			}
			continue
		}
		if err := put(bucket(tx, scriptsBucket), id, r); err != nil {
			return err
		}
	}
	return nil
}

// add puts a result into the queue, and keeps how far the device is with its
// script. Of a full queue the oldest results go that are not the newest of their
// scripts; their number is dropped.
func (j *journal) add(result *checkin.Result, r *record) (dropped int, err error) {
	held, size := j.held, j.bytes
	err = j.db.Update(func(tx *bolt.Tx) error {
		if err := putRecords(tx, map[string]*record{result.ScriptID: r}); err != nil {
			return err
		}
		results := bucket(tx, resultsBucket)
		n, err := results.NextSequence()
		if err != nil {
			return err
		}
		text, err := json.Marshal(result)
		if err != nil {
			return err
		}
		held, size = held+1, size+len(text)
		if err := results.Put(binary.BigEndian.AppendUint64(nil, n), text); err != nil {
			return err
		}
		cursor := results.Cursor()
		for key, value := cursor.First(); key != nil && (held > j.limits.results || size > j.limits.bytes); {
			newest, err := isNewest(tx, value)
			if err != nil {
				return err
			}
			if newest {
				key, value = cursor.Next()
				continue
			}
			dropped, held, size = dropped+1, held-1, size-len(value)
			key = append([]byte(nil), key...)
			if err := results.Delete(key); err != nil {
				return err
			}
			key, value = cursor.Seek(key) // the one after
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	j.held, j.bytes = held, size
	return dropped, nil
}

// isNewest tells whether no later run of the result's script is known.
func isNewest(tx *bolt.Tx, value []byte) (bool, error) {
	var result struct {
		ScriptID string `json:"scriptId"`
		Sequence int64  `json:"sequence"`
	}
	if err := json.Unmarshal(value, &result); err != nil {
		return false, err
	}
	var r record
	text := bucket(tx, scriptsBucket).Get([]byte(result.ScriptID))
	if text == nil {
		return true, nil
	}
	err := json.Unmarshal(text, &r)
	return result.Sequence >= r.Sequence, err
}

// queued is a result with its place in the queue.
type queued struct {
	key []byte
	checkin.Result
}

// oldest gives the first results of the queue behind a place, up to a number and,
// but for the first, to a size in bytes.
func (j *journal) oldest(after []byte, most, size int) (all []queued, err error) {
	err = j.db.View(func(tx *bolt.Tx) error {
		cursor := bucket(tx, resultsBucket).Cursor()
		for key, value := cursor.Seek(after); key != nil && len(all) < most; key, value = cursor.Next() {
			if bytes.Equal(key, after) {
				continue
			}
			if size -= len(value); size < 0 && len(all) > 0 {
				return nil
			}
			one := queued{key: append([]byte(nil), key...)}
			if err := json.Unmarshal(value, &one.Result); err != nil {
				return err
			}
			all = append(all, one)
		}
		return nil
	})
	return all, err
}

// settle keeps what the server said: what the device has to run, if that is
// another, and how far it is with the scripts that results were acknowledged of.
// The results with the keys leave the queue.
func (j *journal) settle(last *contact, given *assignment, keys [][]byte, records map[string]*record) error {
	held, size := j.held, j.bytes
	err := j.db.Update(func(tx *bolt.Tx) error {
		if given != nil {
			if err := put(bucket(tx, aboutBucket), assignmentKey, given); err != nil {
				return err
			}
		}
		if err := put(bucket(tx, aboutBucket), contactKey, last); err != nil {
			return err
		}
		results := bucket(tx, resultsBucket)
		for _, key := range keys {
			value := results.Get(key)
			if value == nil {
				continue // it was dropped meanwhile
			}
			held, size = held-1, size-len(value)
			if err := results.Delete(key); err != nil {
				return err
			}
		}
		return putRecords(tx, records)
	})
	if err == nil {
		j.held, j.bytes = held, size
	}
	return err
}
