package runner

import (
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"plimsoll"
)

const (
	dregs   = 2 * time.Second // for what was written to be read, when all that could write has ended
	closing = time.Second     // for a pipe that is closed to end its reading
)

// stream is a pipe into which a script writes, and what is kept of that.
type stream struct {
	theirs, ours *os.File
	drained      chan struct{} // closed when the reading ends
	lock         sync.Mutex    // of the text, for a reading that does not end goes on
	text         plimsoll.Transcript
}

// newStream reads a pipe, until nobody can write any more or it is closed.
func newStream(ours, theirs *os.File) *stream {
	s := &stream{theirs: theirs, ours: ours, drained: make(chan struct{})}
	go func() {
		defer close(s.drained)
		_, _ = io.Copy(s, ours)
	}()
	return s
}

// Write takes what was read.
func (s *stream) Write(p []byte) (int, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.text.Write(p)
}

// String gives what is kept of what was read so far.
func (s *stream) String() string {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.text.String()
}

// streams are a script's output and, behind it, its complaint.
type streams []*stream

func connect(cmd *exec.Cmd) (streams, error) {
	var all streams
	for _, end := range []*io.Writer{&cmd.Stdout, &cmd.Stderr} {
		ours, theirs, err := os.Pipe()
		if err != nil {
			all.started()
			all.close()
			return nil, err
		}
		*end = theirs
		all = append(all, newStream(ours, theirs))
	}
	return all, nil
}

// started leaves the writing to the script.
func (all streams) started() {
	for _, s := range all {
		_ = s.theirs.Close()
	}
}

// close reads what is left, and no more: what holds a pipe even so is not waited
// for. Closing ends the reading, but on Windows it may wait for that itself.
func (all streams) close() {
	all.wait(dregs)
	for _, s := range all {
		go s.ours.Close()
	}
	all.wait(closing)
}

func (all streams) wait(atMost time.Duration) {
	late := time.After(atMost)
	for _, s := range all {
		select {
		case <-s.drained:
		case <-late:
			return
		}
	}
}
