package plimsoll_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"plimsoll"
)

// kept is what must be kept of a text, as one would write it with the whole text
// at hand.
func kept(text string) string {
	const half = 16 << 10
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\x00", "\ufffd")
	if len(text) <= 2*half {
		return text
	}
	head, tail := half, len(text)-half
	for !utf8.RuneStart(text[head]) {
		head--
	}
	for tail < len(text) && !utf8.RuneStart(text[tail]) {
		tail++
	}
	return fmt.Sprintf("%s\n[… %d bytes are left out …]\n%s", text[:head], tail-head, text[tail:])
}

// TestTranscript writes texts in pieces, which may end within a character.
func TestTranscript(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.SampledFrom([]string{"a", "é", "€", "😀", "\xff", "\xe2\x82", "\xf0\x9f", "\x80", "\x00", "\ufffd", "line\n"})
		var text strings.Builder
		for range rapid.IntRange(0, 12).Draw(t, "runs") {
			text.WriteString(strings.Repeat(piece.Draw(t, "piece"), rapid.SampledFrom([]int{1, 2, 3, 1000, 5461, 16383, 16384, 40000}).Draw(t, "times")))
		}
		var transcript plimsoll.Transcript
		for rest := text.String(); rest != ""; {
			n := min(len(rest), rapid.SampledFrom([]int{1, 2, 3, 5, 511, 4096, 32768, 100000}).Draw(t, "written"))
			if wrote, err := transcript.Write([]byte(rest[:n])); wrote != n || err != nil {
				t.Fatal(wrote, err)
			}
			rest = rest[n:]
			if rest == "" || n > 4000 && len(rest) < 10000 { // looking changes nothing
				_ = transcript.String()
			}
		}
		want := kept(text.String())
		if got := transcript.String(); got != want {
			t.Fatalf("%d bytes, want %d", len(got), len(want))
		}
		if got := plimsoll.KeptText(text.String()); got != want {
			t.Fatalf("at once: %d bytes, want %d", len(got), len(want))
		}
	})
}

// TestTranscriptIsSmall writes a flood.
func TestTranscriptIsSmall(t *testing.T) { //nolint:paralleltest // it counts allocations
	flood, transcript := []byte(strings.Repeat("y\n", 32<<10)), &plimsoll.Transcript{}
	_, _ = transcript.Write(flood)
	if n := testing.AllocsPerRun(1000, func() { _, _ = transcript.Write(flood) }); n > 1 {
		t.Errorf("%v allocations to write on", n)
	}
	if got := transcript.String(); len(got) > 33<<10 || !strings.Contains(got, "bytes are left out") {
		t.Errorf("%d bytes are kept", len(got))
	}
}
