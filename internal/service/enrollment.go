package service

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"

	"plimsoll"
	"plimsoll/internal/query"
)

const (
	enrollmentSecret = "ple_" // so that people and scanners know what they see
	secretBytes      = 32
)

// CreateEnrollmentToken stores what edit makes of a new enrolment token. The
// secret is given here and never again.
func (s *Service) CreateEnrollmentToken(
	ctx context.Context, actor string, edit func(*plimsoll.EnrollmentToken),
) (token plimsoll.EnrollmentToken, secret string, err error) {
	edit(&token)
	if token.ID, err = s.newID(); err != nil {
		return token, "", err
	}
	token.CreatedAt = s.clock()
	if err := token.Validate(); err != nil {
		return token, "", err
	}
	if !token.ExpiresAt.IsZero() {
		if token.ExpiresAt, err = plimsoll.Instant("expirationDateTime", token.ExpiresAt); err != nil {
			return token, "", err
		}
	}
	random := make([]byte, secretBytes)
	if _, err := io.ReadFull(s.random, random); err != nil {
		return token, "", fmt.Errorf("make a secret: %w", err)
	}
	secret = enrollmentSecret + base64.RawURLEncoding.EncodeToString(random)
	token.Hash = hashOf(secret)
	if err := s.stores.CreateEnrollmentToken(ctx, &token, s.event(actor, "enrollmentToken.create", token.ID)); err != nil {
		return plimsoll.EnrollmentToken{}, "", err
	}
	return token, secret, nil
}

// EnrollmentTokens gives a page of the enrolment tokens.
func (s *Service) EnrollmentTokens(
	ctx context.Context, page query.Page,
) (query.Rows[plimsoll.EnrollmentToken], error) {
	return s.stores.EnrollmentTokens(ctx, page)
}

// EnrollmentToken gives an enrolment token.
func (s *Service) EnrollmentToken(ctx context.Context, id string) (plimsoll.EnrollmentToken, error) {
	return s.stores.EnrollmentToken(ctx, id)
}

// RevokeEnrollmentToken ends an enrolment token. Devices that it enrolled stay.
func (s *Service) RevokeEnrollmentToken(ctx context.Context, actor, id string) error {
	event := s.event(actor, "enrollmentToken.revoke", id)
	return s.stores.RevokeEnrollmentToken(ctx, id, event.At, event)
}

// Enroll makes the machine that has the other half of publicKey a device of the
// fleet; it is durable when this returns. A key that the same token enrolled
// already is the same device once more.
func (s *Service) Enroll(
	ctx context.Context, tokenSecret string, publicKey []byte, inventory plimsoll.Inventory, inventoryHash string,
) (plimsoll.Device, error) {
	if len(publicKey) != ed25519.PublicKeySize {
		return plimsoll.Device{}, plimsoll.Invalidf("publicKey", "publicKey must be the %d bytes of an Ed25519 public key, in base64.", ed25519.PublicKeySize)
	}
	if err := checkLabel("inventoryHash", inventoryHash); err != nil {
		return plimsoll.Device{}, err
	}
	id, err := s.newID()
	if err != nil {
		return plimsoll.Device{}, err
	}
	now := s.clock()
	enrollment := &plimsoll.Enrollment{TokenHash: hashOf(tokenSecret), Device: plimsoll.Device{
		Inventory: inventory, ID: id, Changes: 1, PublicKey: publicKey, InventoryHash: inventoryHash,
		OwnerType: plimsoll.OwnerCompany, RoleScopeTagIDs: []string{"0"}, EnrolledAt: now, LastSyncAt: now,
	}}
	if err := enrollment.Device.Validate(); err != nil {
		return plimsoll.Device{}, err
	}
	token, err := s.stores.EnrollmentTokenByHash(ctx, enrollment.TokenHash) // guesses take no turn from those that write
	if err == nil {
		err = token.CheckLife(now)
	}
	if err != nil {
		return plimsoll.Device{}, err
	}
	if err := s.stores.Enroll(ctx, enrollment); err != nil {
		return plimsoll.Device{}, err // the enrolment may be in use still
	}
	return enrollment.Device, nil
}

func hashOf(secret string) []byte {
	hash := sha256.Sum256([]byte(secret))
	return hash[:]
}
