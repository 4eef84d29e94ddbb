package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"plimsoll"
)

// Keys are ECDSA P-256. One is made in microseconds where RSA takes up to a
// second, so that a first start is not held up, and its tokens are shorter.
// Clients never look inside an access token, so none of them minds.
const signatureAlgorithm = jose.ES256

// keyring is the signing keys as they were at one time. It does not change.
type keyring struct {
	keys     []ringKey // by generation, the expired left out
	newest   time.Time // from when the newest key signs
	loadedAt time.Time
}

type ringKey struct {
	public    jose.JSONWebKey
	signer    jose.Signer
	signsFrom time.Time
	expiresAt time.Time
}

func newKeyring(stored []plimsoll.SigningKey, now time.Time) (*keyring, error) {
	ring := &keyring{loadedAt: now}
	for _, s := range stored {
		ring.newest = s.SignsFrom
		if !now.Before(s.ExpiresAt) {
			continue
		}
		key, err := parseKey(s)
		if err != nil {
			return nil, fmt.Errorf("signing key %d: %w", s.Generation, err)
		}
		ring.keys = append(ring.keys, key)
	}
	return ring, nil
}

// fresh says whether the ring may be used without a look at the store.
func (r *keyring) fresh(now time.Time) bool {
	age := now.Sub(r.loadedAt)
	return age >= 0 && age < keepFor && !rotationDue(r.newest, now)
}

// verifier gives the public key of that id, unless it has expired.
func (r *keyring) verifier(kid string, now time.Time) (crypto.PublicKey, bool) {
	for _, k := range r.keys {
		if k.public.KeyID == kid && now.Before(k.expiresAt) {
			return k.public.Key, true
		}
	}
	return nil, false
}

// signer gives the newest key that signs already, and that will be accepted
// for as long as a token of now.
func (r *keyring) signer(now time.Time) (jose.Signer, error) {
	for _, k := range slices.Backward(r.keys) {
		if !now.Before(k.signsFrom) && !now.Add(TokenLifetime).After(k.expiresAt) {
			return k.signer, nil
		}
	}
	return nil, plimsoll.Errorf(plimsoll.Internal, "No signing key is in force.")
}

func parseKey(s plimsoll.SigningKey) (ringKey, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(s.PKCS8)
	if err != nil {
		return ringKey{}, err
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return ringKey{}, fmt.Errorf("an ECDSA key is needed, not a %T", parsed)
	}
	signer, err := jose.NewSigner(jose.SigningKey{
		Algorithm: signatureAlgorithm,
		Key:       jose.JSONWebKey{Key: private, KeyID: s.ID},
	}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return ringKey{}, err
	}
	return ringKey{public: publicKey(private, s.ID), signer: signer, signsFrom: s.SignsFrom, expiresAt: s.ExpiresAt}, nil
}

func publicKey(private *ecdsa.PrivateKey, kid string) jose.JSONWebKey {
	return jose.JSONWebKey{Key: &private.PublicKey, KeyID: kid, Algorithm: string(signatureAlgorithm), Use: "sig"}
}

// generate puts key material into the key. Its id is the thumbprint of the
// public key (RFC 7638): two servers that race make keys with different ids.
func generate(key *plimsoll.SigningKey, rand io.Reader) error {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand)
	if err != nil {
		return err
	}
	if key.PKCS8, err = x509.MarshalPKCS8PrivateKey(private); err != nil {
		return err
	}
	jwk := publicKey(private, "")
	thumbprint, err := jwk.Thumbprint(crypto.SHA256)
	key.ID = base64.RawURLEncoding.EncodeToString(thumbprint)
	return err
}
