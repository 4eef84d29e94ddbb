package signature_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hiddeco/sshsig"
	"pgregory.net/rapid"

	"plimsoll"
	"plimsoll/internal/agent/signature"
)

func TestEveryByteCounts(t *testing.T) {
	t.Parallel()
	signer := newSigner(t, 1)
	signers := allowing(t, "", signer.PublicKey())
	good := []byte(sign(t, "exit 0\n", signer))
	block := bytes.Index(good, []byte("# -----BEGIN"))
	want, err := signature.Verify(good, signers, later())
	if err != nil {
		t.Fatal(err)
	}
	cosmetic := 0
	try := func(position int, changed []byte) {
		got, err := signature.Verify(changed, signers, later())
		switch _, refused := errors.AsType[*signature.Refusal](err); {
		case bytes.Equal(changed, good) || refused:
		case err != nil || got != want || position < block || !bytes.Equal(changed[:block], good[:block]):
			t.Errorf("changed at %d, %q gives %+v, %v", position, changed, got, err)
		default:
			cosmetic++
		}
	}
	others := []byte("\n\r #=-A/+\x00")
	for i, b := range good {
		for bit := range 8 {
			try(i, append(append(bytes.Clone(good[:i]), b^1<<bit), good[i+1:]...))
		}
		for _, other := range others {
			try(i, append(append(bytes.Clone(good[:i]), other), good[i+1:]...))
			try(i, append(append(bytes.Clone(good[:i]), other), good[i:]...))
		}
		try(i, append(bytes.Clone(good[:i]), good[i+1:]...))
	}
	if cosmetic == 0 {
		t.Error("not even a line end of the block may be another")
	}
}

func TestChangedContentIsRefused(t *testing.T) {
	t.Parallel()
	signer := newSigner(t, 1)
	signers := allowing(t, "", signer.PublicKey())
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.SliceOf(rapid.SampledFrom([]byte("ab\r\n# -")))
		content := text.Draw(rt, "content")
		signed, err := signature.Sign(content, signer, signedAt())
		if err != nil {
			rt.Fatal(err)
		}
		if _, err := signature.Verify(signed, signers, later()); err != nil {
			rt.Fatal(err)
		}
		end := bytes.LastIndex(signed, []byte("# -----BEGIN"))
		from := rapid.IntRange(0, end).Draw(rt, "from")
		to := rapid.IntRange(from, end).Draw(rt, "to")
		changed := append(append(bytes.Clone(signed[:from]), text.Draw(rt, "in its place")...), signed[to:]...)
		if bytes.Equal(changed, signed) {
			return
		}
		if _, err := signature.Verify(changed, signers, later()); err == nil {
			rt.Fatalf("%q passes for %q", changed, signed)
		}
	})
}

func TestTimeIsLinear(t *testing.T) {
	t.Parallel()
	signer := newSigner(t, 1)
	signers := allowing(t, "", signer.PublicKey())
	fill := func(line string) string { return strings.Repeat(line, (plimsoll.MaxContent-1000)/len(line)) }
	const begin, end = "# -----BEGIN SSH SIGNATURE-----\n", "# -----END SSH SIGNATURE-----\n"
	for name, content := range map[string]string{
		"long":            sign(t, fill("a"), signer),
		"lines":           sign(t, fill("\n"), signer),
		"beginnings":      sign(t, fill(begin), signer),
		"no beginnings":   fill("#" + begin),
		"almost":          fill(strings.TrimSuffix(begin, "\n")+"x\n") + end,
		"ends":            begin + fill(end),
		"comments":        begin + fill("# \n") + end,
		"base64":          begin + fill("# AAAA\n") + end,
		"comment signs":   fill("# "),
		"returns":         fill("\r") + end,
		"a long key":      withBlob(begin, []byte("SSHSIG\x00\x00\x00\x01\x00\x0a\x00\x00"+strings.Repeat("\xff", 700_000)), 70),
		"returns in base": begin + "# " + fill("\r") + "\n" + end,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			_, err := signature.Verify([]byte(content), signers, later())
			if wellMade := name == "long" || name == "lines" || name == "beginnings"; (err == nil) != wellMade {
				t.Error(err)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestMessagesStayShort(t *testing.T) {
	t.Parallel()
	signer := newSigner(t, 1)
	long := strings.Repeat("x", 100_000)
	good := sign(t, script, signer)
	for name, content := range map[string]string{
		"namespace": withBlob(good, editBlob(t, blobOf(t, good), func(f *blobFields) { f.Namespace = long }), 70),
		"hash":      withBlob(good, editBlob(t, blobOf(t, good), func(f *blobFields) { f.Hash = long }), 70),
		"time":      signByHand(t, fmt.Sprintf("# Signed: %s\n", long), "plimsoll", sshsig.HashSHA512, signer),
	} {
		if _, err := signature.Verify([]byte(content), allowing(t, "", signer.PublicKey()), later()); err == nil || len(err.Error()) > 400 {
			t.Errorf("%s: %.500v", name, err)
		}
	}
}
