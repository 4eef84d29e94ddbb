package signature_test

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"

	"plimsoll"
	"plimsoll/internal/agent/signature"
)

// FuzzVerify looks for a script that passes without having been signed.
func FuzzVerify(f *testing.F) {
	signer := newSigner(f, 1)
	signers := allowing(f, "", signer.PublicKey())
	once := sign(f, script, signer)
	signed := []string{once, sign(f, once+"exit 1\n", signer), signByHand(f, script, "plimsoll", "sha256", signer)}
	for _, content := range signed {
		f.Add([]byte(content))
		f.Add([]byte(strings.ReplaceAll(content, "\n", "\r\n")))
	}
	f.Add([]byte(script))
	f.Add([]byte(withBlob(once, blobOf(f, once)[:50], 9)))
	f.Add([]byte(sign(f, script, newSigner(f, 2))))
	f.Add([]byte(sign(f, script, securityKey(f, touched))))
	f.Fuzz(func(t *testing.T, content []byte) {
		_, err := signature.Verify(content, signers, later())
		if err != nil {
			if _, ok := errors.AsType[*signature.Refusal](err); !ok {
				t.Errorf("%T: %v", err, err)
			}
			return
		}
		for _, one := range signed {
			body := one[:strings.LastIndex(one, "# -----BEGIN")]
			rest, ok := bytes.CutPrefix(content, []byte(body))
			if ok && regexp.MustCompile(`\A(# [0-9A-Za-z+/= -]*\r?(\n|\z))+\z`).Match(rest) {
				return
			}
		}
		t.Errorf("%q passes", content)
	})
}

// FuzzParseAllowedSigners holds what is read to what can be said of it: a refusal
// names a line, and a file of several is the sum of its lines.
func FuzzParseAllowedSigners(f *testing.F) {
	key := keyLine(newSigner(f, 1).PublicKey())
	f.Add("# nothing\n\n")
	f.Add("alice@example.com " + key + " comment\r\nbob " + keyLine(securityKey(f, touched).PublicKey()))
	f.Add(`"a b",c NAMESPACES="*,!git",valid-after="20300101Z",valid-before="203001020304" ` + key)
	f.Add("*@example.com cert-authority " + key)
	f.Add("alice " + keyLine(certificate(f, newSigner(f, 1))))
	content := []byte(sign(f, script, newSigner(f, 1)))
	f.Fuzz(func(t *testing.T, text string) {
		signers, err := signature.ParseAllowedSigners([]byte(text))
		failed, allowed := false, false
		for line := range strings.Lines(text) {
			one, err := signature.ParseAllowedSigners([]byte(line))
			failed = failed || err != nil
			if err == nil {
				_, err = signature.Verify(content, one, later())
				allowed = allowed || err == nil
			}
		}
		switch {
		case len(text) > signature.MaxAllowedSigners:
			return
		case (err != nil) != failed:
			t.Errorf("%v, and a line alone fails: %v", err, failed)
		case err != nil:
			if plimsoll.ErrorCode(err) != plimsoll.Invalid || !strings.HasPrefix(err.Error(), "line ") {
				t.Error(err)
			}
		default:
			if _, err := signature.Verify(content, signers, later()); (err == nil) != allowed {
				t.Errorf("%v, and a line alone allows: %v", err, allowed)
			}
		}
	})
}
