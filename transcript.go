package plimsoll

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// keptHalf is how many bytes are kept of each end of a script's output.
const keptHalf = 16 << 10

// Transcript takes what a script writes, however much it is, and keeps of it what
// is kept: text in UTF-8 without U+0000, and of one beyond 32 KiB the first and the
// last 16 KiB around a mark that says how much is missing. Its zero value is ready.
type Transcript struct {
	length  int64  // of the text so far
	head    []byte // its first 32 KiB
	tail    []byte // its last 16 KiB, or more
	partial []byte // the beginning of a character
	bad     bool   // it ends with U+FFFD, in place of bytes that are no UTF-8
}

// Write takes more; it never fails.
func (t *Transcript) Write(p []byte) (int, error) {
	if len(t.partial) == 0 && utf8.Valid(p) && bytes.IndexByte(p, 0) < 0 {
		t.add(p)
		t.bad = t.bad && len(p) == 0
		return len(p), nil
	}
	rest := append(t.partial, p...)
	for len(rest) > 0 && utf8.FullRune(rest) {
		r, size := utf8.DecodeRune(rest)
		t.take(r, rest[:size])
		rest = rest[size:]
	}
	t.partial = bytes.Clone(rest)
	return len(p), nil
}

// take adds a character: a run of bytes that are none counts as one.
func (t *Transcript) take(r rune, text []byte) {
	const replacement = string(utf8.RuneError)
	bad := r == utf8.RuneError && len(text) == 1
	switch {
	case !bad && r != 0:
		t.add(text)
	case !bad || !t.bad:
		t.add([]byte(replacement))
	}
	t.bad = bad
}

func (t *Transcript) add(text []byte) {
	t.length += int64(len(text))
	t.head = append(t.head, text[:min(len(text), 2*keptHalf-len(t.head))]...)
	const enough = keptHalf + utf8.UTFMax
	if t.tail = append(t.tail, text[max(0, len(text)-enough):]...); len(t.tail) > 4*enough {
		t.tail = append(t.tail[:0], t.tail[len(t.tail)-enough:]...)
	}
}

// String gives what is kept.
func (t *Transcript) String() string {
	if len(t.partial) > 0 {
		whole := *t
		whole.head, whole.tail, whole.partial = bytes.Clone(t.head), bytes.Clone(t.tail), nil
		whole.take(utf8.RuneError, t.partial[:1])
		return whole.String()
	}
	if t.length <= 2*keptHalf {
		return string(t.head)
	}
	head, tail := keptHalf, len(t.tail)-keptHalf
	for !utf8.RuneStart(t.head[head]) {
		head--
	}
	for tail < len(t.tail) && !utf8.RuneStart(t.tail[tail]) {
		tail++
	}
	missing := t.length - int64(head) - int64(len(t.tail)-tail)
	return fmt.Sprintf("%s\n[… %d bytes are left out …]\n%s", t.head[:head], missing, t.tail[tail:])
}

// KeptText gives what is kept of what a script wrote, as a [Transcript] does.
func KeptText(text string) string {
	var t Transcript
	_, _ = t.Write([]byte(text)) // never fails
	return t.String()
}
