package signature_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"io"
	"strings"
	"testing"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"plimsoll"
	"plimsoll/internal/agent/signature"
)

// The flags of a security key's signature (PROTOCOL.u2f).
const touched = 1

// softKey signs as a security key does (PROTOCOL.u2f), without the hardware.
type softKey struct {
	private ed25519.PrivateKey
	public  ssh.PublicKey
	flags   byte
}

func securityKey(tb testing.TB, flags byte) ssh.Signer {
	tb.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	key, err := ssh.ParsePublicKey(ssh.Marshal(struct {
		Type        string
		Key         []byte
		Application string
	}{ssh.KeyAlgoSKED25519, public, "ssh:"}))
	if err != nil {
		tb.Fatal(err)
	}
	return softKey{private, key, flags}
}

func (k softKey) PublicKey() ssh.PublicKey { return k.public }

func (k softKey) Sign(_ io.Reader, data []byte) (*ssh.Signature, error) {
	application, message := sha256.Sum256([]byte("ssh:")), sha256.Sum256(data)
	rest := []byte{k.flags, 0, 0, 0, 9}
	signed := append(append(application[:], rest...), message[:]...)
	return &ssh.Signature{Format: ssh.KeyAlgoSKED25519, Blob: ed25519.Sign(k.private, signed), Rest: rest}, nil
}

func TestSecurityKeyMustBeTouched(t *testing.T) {
	t.Parallel()
	key := securityKey(t, 0)
	content := signByHand(t, script, "plimsoll", sshsig.HashSHA512, key)
	_, err := signature.Verify([]byte(content), allowing(t, "", key.PublicKey()), later())
	wantReason(t, err, signature.KeyNotAllowed, plimsoll.Forbidden)
	if err == nil || !strings.Contains(err.Error(), "touch") {
		t.Error(err)
	}
}

// certificate gives one for the signer's key, made by itself.
func certificate(tb testing.TB, signer ssh.Signer) *ssh.Certificate {
	tb.Helper()
	made := &ssh.Certificate{Key: signer.PublicKey(), CertType: ssh.UserCert, ValidBefore: ssh.CertTimeInfinity}
	if err := made.SignCert(rand.Reader, signer); err != nil {
		tb.Fatal(err)
	}
	return made
}

func certified(t *testing.T, signer ssh.Signer) ssh.Signer {
	t.Helper()
	made, err := ssh.NewCertSigner(certificate(t, signer), signer)
	if err != nil {
		t.Fatal(err)
	}
	return made
}
