package inventory

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"

	"plimsoll"
)

// runner runs a program and gives what it printed. Nothing comes between: name is
// the program, found by PATH where it is no path, and no shell reads args.
type runner func(ctx context.Context, name string, args ...string) ([]byte, error)

// limits bound a command.
type limits struct {
	time   time.Duration
	output int // bytes
}

// command runs within the limits that every probe has.
func command() runner { return limits{time: 10 * time.Second, output: 1 << 20}.run }

// run is a [runner]. It prints in English, whatever the machine speaks.
func (l limits) run(ctx context.Context, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, l.time)
	defer cancel()
	c := exec.CommandContext(ctx, name, args...)
	c.Env = append(os.Environ(), "LC_ALL=C")
	c.WaitDelay = time.Second                     // for a child of it that keeps the pipe
	out := capture{limit: l.output, more: cancel} // and with that it is ended
	complaint := capture{limit: 1 << 10, more: func() {}}
	c.Stdout, c.Stderr = &out, &complaint
	hideWindow(c)
	err := c.Run()
	switch {
	case out.full:
		return nil, plimsoll.Errorf(plimsoll.Invalid, "%s printed more than %d bytes.", name, l.output)
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s was ended: %w", name, ctx.Err())
	case err != nil:
		return nil, fmt.Errorf("%s: %w: %s", name, err, bytes.TrimSpace(complaint.text.Bytes()))
	}
	return out.text.Bytes(), nil
}

// capture keeps the beginning of what is written, and tells when there is more. Its
// buffer is not embedded, for io.Copy would fill that without a call of Write.
type capture struct {
	text  bytes.Buffer
	limit int
	more  func()
	full  bool
}

func (c *capture) Write(p []byte) (int, error) {
	kept := p[:min(len(p), c.limit-c.text.Len())]
	c.text.Write(kept)
	if len(kept) < len(p) {
		c.full = true
		c.more()
	}
	return len(p), nil
}
