package issuer

import (
	"context"
	"crypto/ed25519"
	"time"

	"plimsoll"
)

// Store is what [Clients] are kept in.
type Store interface {
	ClientStore
	InstallationStore
}

// ClientStore keeps the clients. Each change is one transaction with its audit
// event.
type ClientStore interface {
	CreateClient(ctx context.Context, c plimsoll.Client, ev plimsoll.AuditEvent) error
	// Client gives the client with its secrets, or [plimsoll.NotFound].
	Client(ctx context.Context, id string) (plimsoll.Client, error)
	// Clients gives all clients by CreatedAt, then ID.
	Clients(ctx context.Context) ([]plimsoll.Client, error)
	// RotateClient adds the secret. The older ones expire at oldUntil, those
	// that were to expire sooner keep their time, and those that have expired
	// are dropped. [plimsoll.NotFound] when there is no such client.
	RotateClient(ctx context.Context, id string, secret plimsoll.ClientSecret, oldUntil time.Time, ev plimsoll.AuditEvent) error
	// DeleteClient drops the client, or gives [plimsoll.NotFound].
	DeleteClient(ctx context.Context, id string, ev plimsoll.AuditEvent) error
}

// InstallationStore keeps what makes a store one fleet's own.
type InstallationStore interface {
	// Installation gives [plimsoll.NotFound] on an empty store.
	Installation(ctx context.Context) (plimsoll.Installation, error)
	// Install makes the installation and, unless it is nil, its first client,
	// in one transaction. It changes nothing and gives false when there is an
	// installation already.
	Install(ctx context.Context, inst plimsoll.Installation, first *plimsoll.Client, ev plimsoll.AuditEvent) (created bool, err error)
}

// DeviceKeys knows the keys of the devices.
type DeviceKeys interface {
	// DeviceKey gives the public key of the device, whose id is a GUID in lower
	// case. [plimsoll.NotFound] when there is no such device, it was removed or
	// its enrolment was revoked.
	DeviceKey(ctx context.Context, deviceID string) (ed25519.PublicKey, error)
}

// KeyStore keeps the signing keys.
type KeyStore interface {
	// SigningKeys gives all keys by Generation.
	SigningKeys(ctx context.Context) ([]plimsoll.SigningKey, error)
	// AddSigningKey does nothing when a key of that generation is there.
	AddSigningKey(ctx context.Context, key plimsoll.SigningKey) error
	// DeleteSigningKeys drops the keys that expired before the time.
	DeleteSigningKeys(ctx context.Context, expiredBefore time.Time) error
}
