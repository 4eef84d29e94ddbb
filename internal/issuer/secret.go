package issuer

import (
	"encoding/base64"
	"io"

	"golang.org/x/crypto/bcrypt"

	"plimsoll"
)

// secretPrefix lets people and secret scanners tell what a leaked string is.
const secretPrefix = "pls_"

// newSecret makes a secret of 256 bits and the trace of it that is kept.
func (c *Clients) newSecret() (string, plimsoll.ClientSecret, error) {
	raw := make([]byte, 32)
	if _, err := io.ReadFull(c.rand, raw); err != nil {
		return "", plimsoll.ClientSecret{}, err
	}
	secret := secretPrefix + base64.RawURLEncoding.EncodeToString(raw)
	hash, err := bcrypt.GenerateFromPassword([]byte(secret), c.cost)
	if err != nil {
		return "", plimsoll.ClientSecret{}, err
	}
	return secret, plimsoll.ClientSecret{Hash: string(hash), CreatedAt: c.now()}, nil
}

// holding gives the hashes of the client's secrets that have not expired.
func (c *Clients) holding(client plimsoll.Client) []string {
	var hashes []string
	for _, s := range client.Secrets {
		if s.ExpiresAt.IsZero() || c.now().Before(s.ExpiresAt) {
			hashes = append(hashes, s.Hash)
		}
	}
	return hashes
}
