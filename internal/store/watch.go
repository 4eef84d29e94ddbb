package store

import (
	"slices"
	"sync"

	"plimsoll"
)

// watches are those who wait for another version of a device, by its id. Its zero
// value is ready.
type watches struct {
	mu      sync.Mutex
	buckets [plimsoll.Buckets]map[string][]*watch
}

// watch has two channels of one place each: however often something changes, who
// looks then looks once.
type watch struct{ own, others chan struct{} }

// Watch tells of what makes [Store.DeviceVersion] give another number: own holds a
// value after a change of the device alone, others after one of more devices, on
// whatever server. A value may be there for nothing. Until stop is called, none is
// missed: what is read after Watch returns needs no other look until one comes.
func (s *Store) Watch(deviceID string) (own, others <-chan struct{}, stop func()) {
	w := &watch{make(chan struct{}, 1), make(chan struct{}, 1)}
	s.versions.watches.add(deviceID, w)
	return w.own, w.others, func() { s.versions.watches.remove(deviceID, w) }
}

func (all *watches) add(id string, w *watch) {
	all.mu.Lock()
	defer all.mu.Unlock()
	bucket := &all.buckets[plimsoll.DeviceBucket(id)]
	if *bucket == nil {
		*bucket = map[string][]*watch{}
	}
	(*bucket)[id] = append((*bucket)[id], w)
}

func (all *watches) remove(id string, w *watch) {
	all.mu.Lock()
	defer all.mu.Unlock()
	bucket := all.buckets[plimsoll.DeviceBucket(id)]
	rest := slices.DeleteFunc(bucket[id], func(other *watch) bool { return other == w })
	if bucket[id] = rest; len(rest) == 0 {
		delete(bucket, id)
	}
}

// wakeOwn wakes those who wait for the device.
func (all *watches) wakeOwn(id string) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for _, w := range all.buckets[plimsoll.DeviceBucket(id)][id] {
		signal(w.own)
	}
}

// wake wakes those who wait for any device of a bucket.
func (all *watches) wake(bucket uint64) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for _, waiting := range all.buckets[bucket] {
		for _, w := range waiting {
			signal(w.others)
		}
	}
}

func (all *watches) wakeAll() {
	for bucket := range uint64(plimsoll.Buckets) {
		all.wake(bucket)
	}
}

func signal(sleeper chan struct{}) {
	select {
	case sleeper <- struct{}{}:
	default: // it has yet to look anyway
	}
}
