package store

import (
	"context"
	"database/sql"
	"slices"

	lru "github.com/hashicorp/golang-lru/v2"

	"plimsoll"
)

// How many are remembered: devices and scripts at some 120 bytes each, rules at up
// to some 200 KiB, where they have long patterns.
const (
	knownDevices = 1 << 17
	knownScripts = 1 << 12
	knownRules   = 1 << 7
)

// known remembers what ids stand for that reports name again and again. The
// number of a device or a script never changes and is never given again, and a
// script's revision never falls: what is remembered of one that is gone finds the
// rows that are left of it, and a revision that rose is looked up where it is named.
type known struct {
	devices *lru.Cache[string, int64]
	scripts *lru.Cache[string, scriptRevision]
	rules   *lru.Cache[string, *plimsoll.Rule] // parsed, by their text
}

// scriptRevision is a script's number, and a revision that it has or had.
type scriptRevision struct{ number, revision int64 }

func newKnown() *known {
	devices, _ := lru.New[string, int64](knownDevices) // its one error is a size below one
	scripts, _ := lru.New[string, scriptRevision](knownScripts)
	rules, _ := lru.New[string, *plimsoll.Rule](knownRules)
	return &known{devices, scripts, rules}
}

// forget has the devices and scripts looked up anew.
func (k *known) forget() {
	k.devices.Purge()
	k.scripts.Purge()
}

// rule gives a rule that was parsed, and found good, before it was stored.
func (k *known) rule(text string) (*plimsoll.Rule, error) {
	if rule, ok := k.rules.Get(text); ok {
		return rule, nil
	}
	rule, err := plimsoll.ParseRule("rule", text)
	if err == nil {
		k.rules.Add(text, rule)
	}
	return rule, err
}

// deviceNumbers gives the numbers of the devices that results are of.
func (k *known) deviceNumbers(ctx context.Context, s *Store, tx *sql.Tx, all []arrival) (map[string]int64, error) {
	var buckets []int64
	var ids []string
	numbers := map[string]int64{}
	for i := range all {
		id := all[i].key.device
		if i > 0 && id == all[i-1].key.device { // those of a report follow each other
			continue
		}
		if number, ok := k.devices.Get(id); ok {
			numbers[id] = number
		} else {
			buckets, ids = append(buckets, all[i].bucket), append(ids, id)
		}
	}
	if len(ids) == 0 {
		return numbers, nil
	}
	table, args := s.dialect.table(inputOf("bucket id", buckets, ids))
	_, err := collect(ctx, tx, func(row scanner) (struct{}, error) {
		var id string
		var number int64
		err := row.Scan(&id, &number)
		numbers[id] = number
		k.devices.Add(id, number)
		return struct{}{}, err
	}, `SELECT d.id, d.number FROM `+table+` JOIN device d ON d.bucket = input.bucket AND d.id = input.id`, args...)
	return numbers, err
}

// scriptRevisions gives the scripts that results are of. It looks again at those
// of which a result names a later revision.
func (k *known) scriptRevisions(ctx context.Context, s *Store, tx *sql.Tx, all []arrival) (map[string]scriptRevision, error) {
	var ids []string
	scripts := map[string]scriptRevision{}
	for i := range all {
		id := all[i].key.script
		script, ok := scripts[id]
		if !ok {
			script, _ = k.scripts.Get(id)
			scripts[id] = script
		}
		if all[i].result.Revision > script.revision {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return scripts, nil
	}
	slices.Sort(ids)
	table, args := s.dialect.table(inputOf("id", slices.Compact(ids)))
	_, err := collect(ctx, tx, func(row scanner) (struct{}, error) {
		var id string
		var r scriptRevision
		err := row.Scan(&id, &r.number, &r.revision)
		scripts[id] = r
		k.scripts.Add(id, r)
		return struct{}{}, err
	}, `SELECT s.id, s.number, s.revision FROM `+table+` JOIN script s ON s.id = input.id`, args...)
	return scripts, err
}
