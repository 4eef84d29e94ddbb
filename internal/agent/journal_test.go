package agent

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"plimsoll/internal/checkin"
)

func openTest(tb rapid.TB, path string, limits queueLimits) *journal {
	tb.Helper()
	j, _, err := openJournal(path, "device", limits)
	if err != nil {
		tb.Fatal(err)
	}
	return j
}

// TestJournal holds a queue against a list, through every end of its process: what
// was written is there, in order, and only results that others follow are dropped.
func TestJournal(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	tries := 0
	rapid.Check(t, func(t *rapid.T) {
		tries++
		path := filepath.Join(folder, fmt.Sprint(tries))
		limits := queueLimits{results: rapid.IntRange(1, 8).Draw(t, "results"), bytes: rapid.SampledFrom([]int{1, 500, 1 << 20}).Draw(t, "bytes")}
		j := openTest(t, path, limits)
		var want []checkin.Result
		records := map[string]*record{}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0, 1:
				id := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "script")
				r := records[id]
				if r == nil {
					r = &record{}
					records[id] = r
				}
				r.Sequence++
				result := checkin.Result{ScriptID: id, Sequence: r.Sequence, Revision: 1, State: "fail", Output: strings.Repeat("x", rapid.IntRange(0, 300).Draw(t, "output"))}
				dropped, err := j.add(&result, r)
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, result)
				kept := all(t, j)
				if len(kept)+dropped != len(want) {
					t.Fatalf("%d kept and %d dropped of %d", len(kept), dropped, len(want))
				}
				for i, k := 0, 0; i < len(want); i++ { // the dropped are those that later ones follow
					if k < len(kept) && cmp.Equal(kept[k], want[i]) {
						k++
					} else if want[i].Sequence == records[want[i].ScriptID].Sequence {
						t.Fatalf("the newest of %s was dropped", want[i].ScriptID)
					}
				}
				if over := len(kept) > limits.results; over && len(kept) > len(records) {
					t.Fatalf("%d are kept", len(kept))
				}
				want = kept
			case 2:
				n := rapid.IntRange(0, len(want)).Draw(t, "acknowledged")
				first, err := j.oldest(nil, n, 1<<20)
				if err != nil {
					t.Fatal(err)
				}
				var keys [][]byte
				for _, one := range first {
					keys = append(keys, one.key)
				}
				if err := j.settle(&contact{}, nil, append(keys, []byte("none")), records); err != nil {
					t.Fatal(err)
				}
				want = want[len(keys):]
			case 3:
				if err := j.close(); err != nil {
					t.Fatal(err)
				}
				j = openTest(t, path, limits)
			}
			if diff := cmp.Diff(want, all(t, j)); diff != "" && len(want)+len(all(t, j)) > 0 {
				t.Fatal(diff)
			}
			if j.held != len(want) {
				t.Fatalf("%d held, want %d", j.held, len(want))
			}
		}
		if has, err := j.load(); err != nil || len(has.records) != len(records) {
			t.Fatalf("%v, %v", has, err)
		}
		if err := j.close(); err != nil {
			t.Fatal(err)
		}
	})
}

func all(tb rapid.TB, j *journal) (results []checkin.Result) {
	tb.Helper()
	queue, err := j.oldest(nil, 1<<20, 1<<30)
	if err != nil {
		tb.Fatal(err)
	}
	for i := range queue {
		results = append(results, queue[i].Result)
	}
	return results
}

// TestJournalOfAnother opens the journal of the device that the machine was
// before, a damaged one, and one that is in use.
func TestJournalOfAnother(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "queue.db")
	limits := queueLimits{10, 1 << 20}
	j := openTest(t, path, limits)
	if _, err := j.add(&checkin.Result{ScriptID: "a", Sequence: 1}, &record{Sequence: 1}); err != nil {
		t.Fatal(err)
	}
	if err := j.settle(&contact{At: time.Unix(1, 0)}, &assignment{ETag: "e"}, nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	j, has, err := openJournal(path, "another", limits)
	if len(all(t, j)) > 0 || has.given.ETag != "" || !has.last.At.IsZero() || len(has.records) > 0 || err != nil {
		t.Errorf("%v, %v", has, err)
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fault := openTest(t, path, limits)
	err = fault.db.Update(func(tx *bolt.Tx) error { return bucket(tx, resultsBucket).Put([]byte("1"), []byte("{")) })
	if err := errors.Join(err, fault.close()); err != nil {
		t.Fatal(err)
	}
	unreadable, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, damaged := range map[string][]byte{
		"empty pages": append(make([]byte, 8192), whole[8192:]...),
		"no database": []byte(strings.Repeat("not a database\n", 1000)),
		"cut short":   whole[:9000],
		"a page":      whole[:4096],
		"half a page": whole[:5000],
		"a result":    unreadable,
	} {
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		j, _, damage, err := openWhole(path, "device", limits)
		if err != nil || damage == nil {
			t.Fatalf("%s: %v, %v", name, damage, err)
		}
		if aside, err := os.ReadFile(path + ".damaged"); err != nil || len(aside) < len(damaged) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := j.add(&checkin.Result{ScriptID: "a", Sequence: 1}, &record{Sequence: 1}); err != nil {
			t.Error(err)
		}
		if err := j.close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOpeningHarmsNothing opens a journal that is whole, which writes nothing, and
// where the machine is at fault, which puts nothing aside.
func TestOpeningHarmsNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "queue.db")
	limits := queueLimits{10, 1 << 20}
	j := openTest(t, path, limits)
	if _, err := j.add(&checkin.Result{ScriptID: "a", Sequence: 1}, &record{Sequence: 1}); err != nil {
		t.Fatal(err)
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	j, has, damage, err := openWhole(path, "device", limits)
	if err != nil || damage != nil || j.held != 1 || has.records["a"].Sequence != 1 {
		t.Fatalf("%+v, %v, %v", has, damage, err)
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("opening it wrote to it (%v)", err)
	}
	folder := t.TempDir()
	if _, _, damage, err := openWhole(folder, "device", limits); err == nil || damage != nil {
		t.Errorf("a folder in its place: %v, %v", damage, err)
	}
	if _, err := os.Stat(folder); err != nil {
		t.Errorf("it was put aside: %v", err)
	}
}

// TestOldestIsBounded reads results that are large.
func TestOldestIsBounded(t *testing.T) {
	t.Parallel()
	j := openTest(t, filepath.Join(t.TempDir(), "queue.db"), queueLimits{1000, 64 << 20})
	defer j.close()
	for n := range int64(50) {
		if _, err := j.add(&checkin.Result{ScriptID: "a", Sequence: n, Output: strings.Repeat("x", 32<<10)}, &record{Sequence: n}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ most, size, want int }{{10, 1 << 20, 10}, {100, 1 << 20, 31}, {100, 1, 1}, {1, 0, 1}, {0, 100, 0}} {
		got, err := j.oldest(nil, c.most, c.size)
		if err != nil || len(got) != c.want {
			t.Errorf("%v: %d, %v", c, len(got), err)
		}
	}
	if got, err := j.oldest(binary.BigEndian.AppendUint64(nil, 49), 10, 1<<20); err != nil || len(got) != 1 || got[0].Sequence != 49 {
		t.Errorf("the last: %d, %v", len(got), err)
	}
}
