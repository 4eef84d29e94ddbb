package signature_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"io"
	"strings"
	"testing"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"plimsoll"
	"plimsoll/internal/agent/signature"
)

func pemOf(tb testing.TB, signed string) []byte {
	tb.Helper()
	_, block, ok := strings.Cut(signed, "# -----BEGIN")
	if !ok {
		tb.Fatal("there is no block")
	}
	return []byte(strings.ReplaceAll("-----BEGIN"+block, "\n# ", "\n"))
}

func blobOf(tb testing.TB, signed string) []byte {
	tb.Helper()
	made, err := sshsig.Unarmor(pemOf(tb, signed))
	if err != nil {
		tb.Fatal(err)
	}
	return made.Marshal()
}

func withBlob(signed string, blob []byte, length int) string {
	content, _, _ := strings.Cut(signed, "# -----BEGIN")
	block := "# -----BEGIN SSH SIGNATURE-----\n"
	for rest := base64.StdEncoding.EncodeToString(blob); rest != ""; {
		line := rest[:min(length, len(rest))]
		block, rest = block+"# "+line+"\n", rest[len(line):]
	}
	return content + block + "# -----END SSH SIGNATURE-----\n"
}

type blobFields struct {
	Version                                   uint32
	Key, Namespace, Reserved, Hash, Signature string
}

func editBlob(t *testing.T, blob []byte, edit func(*blobFields)) []byte {
	t.Helper()
	var fields blobFields
	if err := ssh.Unmarshal(blob[len("SSHSIG"):], &fields); err != nil {
		t.Fatal(err)
	}
	edit(&fields)
	return append([]byte("SSHSIG"), ssh.Marshal(fields)...)
}

func reserving(t *testing.T, blob []byte) []byte {
	t.Helper()
	return editBlob(t, blob, func(f *blobFields) { f.Reserved = "x" })
}

func lengthened(t *testing.T, blob []byte) []byte {
	t.Helper()
	return editBlob(t, blob, func(f *blobFields) { f.Signature += "x" })
}

func TestHashAndKeyInTheBlob(t *testing.T) {
	t.Parallel()
	signer, other := newSigner(t, 1), newSigner(t, 2)
	for name, test := range map[string]struct {
		edit   func(*blobFields)
		reason signature.Reason
		code   plimsoll.Code
	}{
		"another hash":      {func(f *blobFields) { f.Hash = "sha256" }, signature.ContentChanged, plimsoll.Damaged},
		"SHA-1":             {func(f *blobFields) { f.Hash = "sha1" }, signature.SignatureDamaged, plimsoll.Damaged},
		"another's key":     {func(f *blobFields) { f.Key = string(other.PublicKey().Marshal()) }, signature.KeyNotAllowed, plimsoll.Forbidden},
		"a key and more":    {func(f *blobFields) { f.Key += "x" }, signature.SignatureDamaged, plimsoll.Damaged},
		"another namespace": {func(f *blobFields) { f.Namespace = "plimsoll\x00" }, signature.WrongNamespace, plimsoll.Forbidden},
		"no namespace":      {func(f *blobFields) { f.Namespace = "" }, signature.WrongNamespace, plimsoll.Forbidden},
		"a certificate":     {func(f *blobFields) { f.Key = string(certificate(t, signer).Marshal()) }, signature.KeyNotAllowed, plimsoll.Forbidden},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			good := sign(t, script, signer)
			content := withBlob(good, editBlob(t, blobOf(t, good), test.edit), 70)
			_, err := signature.Verify([]byte(content), allowing(t, "", signer.PublicKey()), later())
			wantReason(t, err, test.reason, test.code)
		})
	}
}

func TestRSAWithSHA1(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signer := signerOf(t, key)
	if _, err := signature.Sign([]byte(script), sha1Signer{signer.(ssh.AlgorithmSigner)}, signedAt()); err == nil {
		t.Error("a signature with SHA-1 is given out")
	}
	made, err := sshsig.Sign(strings.NewReader(script), sha1Signer{signer.(ssh.AlgorithmSigner)}, sshsig.HashSHA512, "plimsoll")
	if err != nil || made.Signature.Format != ssh.KeyAlgoRSA {
		t.Fatal(made, err)
	}
	content := script + asComments(string(sshsig.Armor(made)))
	_, err = signature.Verify([]byte(content), allowing(t, "", signer.PublicKey()), later())
	wantReason(t, err, signature.SignatureDamaged, plimsoll.Damaged)
}

type sha1Signer struct{ ssh.AlgorithmSigner }

func (s sha1Signer) SignWithAlgorithm(random io.Reader, data []byte, _ string) (*ssh.Signature, error) {
	return s.AlgorithmSigner.SignWithAlgorithm(random, data, ssh.KeyAlgoRSA)
}
