package agent

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"time"

	"plimsoll"
	"plimsoll/internal/wholefile"
)

// Identity is which device this machine is, of which server. It rests in the
// agent's folder, readable by the agent's account alone.
type Identity struct {
	Server     string    `json:"server"` // its address, such as https://plimsoll.example.com
	TenantID   string    `json:"tenantId"`
	DeviceID   string    `json:"deviceId"`
	PrivateKey string    `json:"privateKey"` // Ed25519, in PEM (PKCS #8)
	Authority  string    `json:"authority,omitempty"`
	SignedOnly bool      `json:"signedOnly"` // run no script without a signature, whatever the server says
	EnrolledAt time.Time `json:"enrolledDateTime"`
}

// The files of the agent's folder.
const (
	identityFile  = "identity.json"
	enrolmentFile = "enrolment.json" // one that the server has yet to answer
	signersFile   = "allowed_signers"
	queueFile     = "queue.db"
	statusFile    = "status.json"
	lockFile      = "agent.lock"
	scriptsFolder = "scripts"
	runsFolder    = "runs"
)

// LoadIdentity gives which device the agent's folder makes of this machine. It is
// NotFound where the machine is yet to enrol.
func LoadIdentity(folder string) (*Identity, error) {
	identity, err := readIdentity(filepath.Join(folder, identityFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, plimsoll.Errorf(plimsoll.NotFound, "This machine is no device of a fleet by the folder %s: enrol it with plimsoll agent enroll.", folder)
	}
	return identity, err
}

func readIdentity(path string) (*Identity, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var identity Identity
	if err := json.Unmarshal(text, &identity); err != nil {
		return nil, plimsoll.Errorf(plimsoll.Damaged, "%s is damaged (%v): enrol the machine again.", path, err)
	}
	if _, err := identity.key(); err != nil {
		return nil, plimsoll.Errorf(plimsoll.Damaged, "%s has no key (%v): enrol the machine again.", path, err)
	}
	return &identity, nil
}

// Save keeps the identity in the agent's folder, in place of what is there.
func (i *Identity) Save(folder string) error {
	return writeJSON(filepath.Join(folder, identityFile), i)
}

func (i *Identity) key() (ed25519.PrivateKey, error) {
	block, _ := pem.Decode([]byte(i.PrivateKey))
	if block == nil {
		return nil, errors.New("no PEM block")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New("a key of another kind")
	}
	return key, nil
}

func encodeKey(key ed25519.PrivateKey) (string, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), nil
}

// writeJSON puts a value in place of a file, whole or not at all, for the agent's
// account alone.
func writeJSON(path string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return wholefile.Write(path, append(text, '\n'), 0o600)
}
