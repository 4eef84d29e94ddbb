package agent

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"plimsoll/internal/checkin"
)

// fillJournal puts results into a queue for ever, takes out the older ones, and
// says of each what is done.
func fillJournal(path string) error {
	j, has, err := openJournal(path, "device", queueLimits{1 << 20, 1 << 30})
	if err != nil {
		return err
	}
	r := has.records["a"]
	if r == nil {
		r = &record{}
	}
	for {
		r.Sequence++
		result := checkin.Result{ScriptID: "a", Sequence: r.Sequence, Output: strings.Repeat("x", int(r.Sequence%5)*4000)}
		if _, err := j.add(&result, r); err != nil {
			return err
		}
		fmt.Println("added", r.Sequence)
		if r.Sequence%3 != 0 {
			continue
		}
		first, err := j.oldest(nil, 2, 1<<20)
		if err != nil {
			return err
		}
		var keys [][]byte
		for _, one := range first {
			keys = append(keys, one.key)
		}
		fmt.Println("removing", first[len(first)-1].Sequence)
		if err := j.settle(&contact{}, nil, keys, nil); err != nil {
			return err
		}
	}
}

// TestKilledJournal kills, again and again, a process in the middle of its writes:
// what it said was added is there, once and in order.
func TestKilledJournal(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "queue.db")
	var added, removing int64
	for round := range 25 {
		child := exec.Command(os.Args[0], "fill", path)
		child.Stderr = os.Stderr
		output, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		stop := time.AfterFunc(time.Duration(30+rand.IntN(120))*time.Millisecond, func() { _ = child.Process.Kill() })
		for lines := bufio.NewScanner(output); lines.Scan(); {
			var what string
			var n int64
			if _, err := fmt.Sscan(lines.Text(), &what, &n); err != nil {
				continue // cut short
			}
			if what == "added" {
				added = n
			} else {
				removing = n
			}
		}
		_ = child.Wait()
		stop.Stop()
		j, has, err := openJournal(path, "device", queueLimits{1 << 20, 1 << 30})
		if err != nil {
			t.Fatal(err)
		}
		results, records := all(t, j), has.records
		if added > 0 {
			last := results[len(results)-1].Sequence
			if last < added || last > added+1 || records["a"].Sequence != last {
				t.Errorf("round %d: the last is %d by the queue and %d by the record; %d was added", round, last, records["a"].Sequence, added)
			}
			if first := results[0].Sequence; first > removing+1 {
				t.Errorf("round %d: the first is %d; up to %d were to be removed", round, first, removing)
			}
			for i := range results {
				if results[i].Sequence != results[0].Sequence+int64(i) {
					t.Fatalf("round %d: %d at place %d after %d", round, results[i].Sequence, i, results[0].Sequence)
				}
			}
		}
		if err := j.close(); err != nil {
			t.Fatal(err)
		}
	}
	if added < 25 {
		t.Errorf("only %d were added", added)
	}
}
