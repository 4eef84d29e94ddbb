package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"plimsoll/internal/wholefile"
)

const (
	caFile    = "ca.pem"
	caKeyFile = "ca-key.pem"

	authorityYears = 10
	// backdate is how far a client's clock may be behind.
	backdate = time.Hour
)

// AuthorityError says why the local authority in the data directory cannot be used,
// and what to do. Its files are never replaced unasked: clients trust them.
type AuthorityError struct {
	File    string
	Problem string
	Remedy  string
	Err     error // the cause; may be nil
}

func (e *AuthorityError) Error() string {
	text := fmt.Sprintf("local authority: %s %s", e.File, e.Problem)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text + "; " + e.Remedy
}

// Unwrap returns the cause, if there is one.
func (e *AuthorityError) Unwrap() error { return e.Err }

const (
	remedyRestore = "restore " + caFile + " and " + caKeyFile + " from a backup, or move both away and start again: " +
		"a new authority is made then, and every client must be given the new " + caFile
	remedyReplace = "move " + caFile + " and " + caKeyFile + " away and start again: " +
		"a new authority is made then, and every client must be given the new " + caFile
	remedyClock = "set this machine's clock right and start again"
	remedyRead  = "give this process the right to read it"
)

// authority signs the server's certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// openAuthority loads the authority in dir, or makes one where there is none. The
// caller holds the directory's lock.
func openAuthority(dir string, at time.Time) (*authority, error) {
	certPath, keyPath := filepath.Join(dir, caFile), filepath.Join(dir, caKeyFile)
	certPEM, certErr := os.ReadFile(certPath)
	keyPEM, keyErr := os.ReadFile(keyPath)
	absent := errors.Is(certErr, fs.ErrNotExist)
	switch {
	case certErr != nil && !absent:
		return nil, &AuthorityError{certPath, "cannot be read", remedyRead, certErr}
	case errors.Is(keyErr, fs.ErrNotExist) && absent:
		return makeAuthority(certPath, keyPath, at)
	case errors.Is(keyErr, fs.ErrNotExist):
		return nil, &AuthorityError{keyPath, "is missing beside " + caFile, remedyRestore, nil}
	case keyErr != nil:
		return nil, &AuthorityError{keyPath, "cannot be read", remedyRead, keyErr}
	}
	key, err := decodeKey(keyPEM)
	if err != nil {
		return nil, &AuthorityError{keyPath, "is damaged", remedyRestore, err}
	}
	if absent {
		// A crash came between the two files. The same key and name make the same authority.
		return certifyAuthority(certPath, key, at)
	}
	return checkAuthority(certPath, certPEM, key, at)
}

func checkAuthority(path string, certPEM []byte, key *ecdsa.PrivateKey, at time.Time) (*authority, error) {
	cert, err := decodeCertificate(certPEM)
	switch {
	case err != nil:
		return nil, &AuthorityError{path, "is damaged", remedyRestore, err}
	case !cert.IsCA:
		return nil, &AuthorityError{path, "is not the certificate of an authority", remedyRestore, nil}
	case !key.PublicKey.Equal(cert.PublicKey):
		return nil, &AuthorityError{path, "does not belong to " + caKeyFile, remedyRestore, nil}
	case at.Before(cert.NotBefore):
		return nil, &AuthorityError{path, "is not valid yet", remedyClock, inForce(cert, at)}
	case at.After(cert.NotAfter):
		return nil, &AuthorityError{path, "has expired", remedyReplace, inForce(cert, at)}
	}
	return &authority{cert: cert, key: key}, nil
}

// makeAuthority writes the key first: from a key alone the next start can go on.
func makeAuthority(certPath, keyPath string, at time.Time) (*authority, error) {
	key, keyPEM, err := newKey()
	if err != nil {
		return nil, err
	}
	if err := wholefile.Write(keyPath, keyPEM, 0o600); err != nil {
		return nil, fmt.Errorf("local authority: %w", err)
	}
	return certifyAuthority(certPath, key, at)
}

func certifyAuthority(path string, key *ecdsa.PrivateKey, at time.Time) (*authority, error) {
	name, err := authorityName(key)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             at.Add(-backdate),
		NotAfter:              at.AddDate(authorityYears, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	cert, certPEM, err := sign(template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("local authority: %w", err)
	}
	if err := wholefile.Write(path, certPEM, 0o600); err != nil {
		return nil, fmt.Errorf("local authority: %w", err)
	}
	return &authority{cert: cert, key: key}, nil
}

// authorityName tells authorities apart in a trust store, and is the same for the
// same key, so that a certificate made again for it continues the old one.
func authorityName(key *ecdsa.PrivateKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return "", fmt.Errorf("local authority: %w", err)
	}
	return fmt.Sprintf("Plimsoll local authority %x", sha256.Sum256(der))[:len("Plimsoll local authority ")+8], nil
}

func newKey() (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	return key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func sign(template, parent *x509.Certificate, public *ecdsa.PublicKey, by *ecdsa.PrivateKey) (*x509.Certificate, []byte, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, by)
	if err != nil {
		return nil, nil, fmt.Errorf("sign a certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	return cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), err
}

func decodeKey(text []byte) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("it holds no PEM private key")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("its key is %T, not ECDSA", parsed)
	}
	return key, nil
}

func decodeCertificate(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("it holds no PEM certificate")
	}
	return x509.ParseCertificate(block.Bytes)
}
