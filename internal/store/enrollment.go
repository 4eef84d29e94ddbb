package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"plimsoll"
	"plimsoll/internal/query"
)

const enrollmentColumns = `t.id, t.name, t.hash, t.group_id, t.max_uses, t.uses, t.created_at, t.expires_at, t.revoked_at`

func scanToken(row scanner, more ...any) (t plimsoll.EnrollmentToken, err error) {
	dest := []any{
		&t.ID, &t.Name, &t.Hash, &t.GroupID, &t.MaxUses, &t.Uses,
		instant{&t.CreatedAt},
		instant{&t.ExpiresAt},
		instant{&t.RevokedAt},
	}
	return t, row.Scan(append(dest, more...)...)
}

func noToken(id string) error {
	return plimsoll.Errorf(plimsoll.NotFound, "There is no enrolment token with the id %q.", id)
}

// CreateEnrollmentToken stores a new token.
func (s *Store) CreateEnrollmentToken(ctx context.Context, t *plimsoll.EnrollmentToken, event plimsoll.AuditEvent) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		if t.GroupID != "" {
			var rule string
			err := tx.QueryRowContext(ctx, `SELECT rule FROM device_set WHERE kind = 'group' AND id = $1`, t.GroupID).Scan(&rule)
			if errors.Is(err, sql.ErrNoRows) || err == nil && rule != "" {
				return plimsoll.Invalidf("groupId", "groupId must be the id of a group with static members.")
			}
			if err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO enrollment_token (id, name, hash, group_id, max_uses, uses, created_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, 0, $6, $7)`, t.ID, t.Name, t.Hash, t.GroupID, t.MaxUses, ticks(t.CreatedAt), nullTicks(t.ExpiresAt))
		if err != nil {
			return err
		}
		return addAuditEvent(ctx, tx, event)
	})
}

// EnrollmentTokens gives a page of the tokens, by their ids.
func (s *Store) EnrollmentTokens(ctx context.Context, page query.Page) (query.Rows[plimsoll.EnrollmentToken], error) {
	l := &list[plimsoll.EnrollmentToken]{
		from: "enrollment_token t", own: sortKey{sql: "t.id", kind: query.String}, selects: enrollmentColumns, scan: scanToken,
		columns: map[string]string{
			"id": "t.id", "displayName": "t.name", "groupId": "nullif(t.group_id, '')", "maximumUses": "t.max_uses", "uses": "t.uses",
			"createdDateTime": "t.created_at", "expirationDateTime": "t.expires_at", "revokedDateTime": "t.revoked_at",
		},
		size: func(t *plimsoll.EnrollmentToken) int { return len(t.Name) + 200 },
	}
	return l.read(ctx, s, &page)
}

// EnrollmentToken gives one token.
func (s *Store) EnrollmentToken(ctx context.Context, id string) (plimsoll.EnrollmentToken, error) {
	t, err := scanToken(s.read.QueryRowContext(ctx, `SELECT `+enrollmentColumns+` FROM enrollment_token t WHERE t.id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		err = noToken(id)
	}
	return t, refusal(err)
}

// RevokeEnrollmentToken lets no device enrol by a token any more. Those that did
// stay.
func (s *Store) RevokeEnrollmentToken(ctx context.Context, id string, at time.Time, event plimsoll.AuditEvent) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `UPDATE enrollment_token SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1`, id, ticks(at))
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(noToken(id), err)
		}
		return addAuditEvent(ctx, tx, event)
	})
}

// Enroll makes one device one of the fleet: see EnrollDevices.
func (s *Store) Enroll(ctx context.Context, e *plimsoll.Enrollment) error {
	refusals, err := s.EnrollDevices(ctx, []*plimsoll.Enrollment{e})
	if err == nil {
		err = refusals[0]
	}
	return err
}

// EnrollDevices makes devices part of the fleet, each for itself, in one durable
// transaction: refusals[i] is why enrollments[i] was not taken, or nil. A key that
// the same token enrolled before keeps its device's id, which is then in the
// Enrollment: an answer that was lost can be asked for again, as long as the token
// is neither revoked nor expired, and also where it is used up.
func (s *Store) EnrollDevices(ctx context.Context, enrollments []*plimsoll.Enrollment) (refusals []error, err error) {
	ids := make([]string, len(enrollments))
	for i, e := range enrollments {
		ids[i] = e.Device.ID
	}
	err = s.transactCounted(ctx, func(tx *sql.Tx, counts tally) error {
		refusals = make([]error, len(enrollments))
		// Whoever changes what devices get waits for this number, and so for the
		// devices that it could not see; tokens follow in one order.
		if _, err := nextNumber(ctx, tx); err != nil {
			return err
		}
		tokens, err := s.lockTokens(ctx, tx, enrollments)
		if err != nil {
			return err
		}
		for i, e := range enrollments {
			e.Device.ID = ids[i]
			if refusals[i], err = s.enroll(ctx, tx, tokens, e, counts); err != nil {
				return err
			}
		}
		return nil
	})
	return refusals, err
}

// lockTokens reads the tokens of enrollments, which are the transaction's then.
func (s *Store) lockTokens(ctx context.Context, tx *sql.Tx, enrollments []*plimsoll.Enrollment) (map[string]*plimsoll.EnrollmentToken, error) {
	var hashes [][]byte
	for _, e := range enrollments {
		hashes = append(hashes, e.TokenHash)
	}
	slices.SortFunc(hashes, bytes.Compare)
	tokens := map[string]*plimsoll.EnrollmentToken{}
	for _, hash := range slices.CompactFunc(hashes, bytes.Equal) {
		t, err := tokenByHash(ctx, tx, hash, s.dialect.lockRow)
		if err != nil {
			return nil, err
		}
		tokens[string(hash)] = t
	}
	return tokens, nil
}

// EnrollmentTokenByHash gives the token whose secret has the SHA-256 hash, or nil.
func (s *Store) EnrollmentTokenByHash(ctx context.Context, hash []byte) (*plimsoll.EnrollmentToken, error) {
	return tokenByHash(ctx, s.read, hash, "")
}

func tokenByHash(ctx context.Context, db reader, hash []byte, lock string) (*plimsoll.EnrollmentToken, error) {
	t, err := scanToken(db.QueryRowContext(ctx, `SELECT `+enrollmentColumns+` FROM enrollment_token t WHERE t.hash = $1`+lock, hash))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &t, refusal(err)
}

func (s *Store) enroll(
	ctx context.Context, tx *sql.Tx, tokens map[string]*plimsoll.EnrollmentToken, e *plimsoll.Enrollment, counts tally,
) (refused, err error) {
	t := tokens[string(e.TokenHash)]
	if refused = t.CheckLife(e.Device.EnrolledAt); refused != nil {
		return refused, nil
	}
	var id, tokenID string
	err = tx.QueryRowContext(ctx, `SELECT device_id, token_id FROM device_key WHERE public_key = $1`, e.Device.PublicKey).Scan(&id, &tokenID)
	switch {
	case err == nil && tokenID == t.ID:
		e.Device.ID = id
		return nil, nil
	case err == nil:
		return plimsoll.Errorf(plimsoll.Conflict,
			"The key is enrolled already, as the device %s. Make a new key, or delete that device first.", id), nil
	case !errors.Is(err, sql.ErrNoRows):
		return nil, err
	}
	if refused = t.CheckUses(); refused != nil {
		return refused, nil
	}
	t.Uses++
	e.Device.EnrollmentTokenID = t.ID
	return nil, s.addDevice(ctx, tx, t, &e.Device, counts)
}

func (s *Store) addDevice(ctx context.Context, tx *sql.Tx, t *plimsoll.EnrollmentToken, d *plimsoll.Device, counts tally) error {
	if _, err := tx.ExecContext(ctx, `UPDATE enrollment_token SET uses = $2 WHERE id = $1`, t.ID, t.Uses); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO device_key (public_key, device_id, token_id) VALUES ($1, $2, $3)`,
		d.PublicKey, d.ID, t.ID); err != nil {
		return err
	}
	number, err := nextNumber(ctx, tx)
	if err != nil {
		return err
	}
	if err = insertDevice(ctx, tx, number, d); err != nil {
		return err
	}
	bucket := plimsoll.DeviceBucket(d.ID)
	counts.addDevices(bucket, 1)
	if _, err = tx.ExecContext(ctx, `INSERT INTO device_set_member (bucket, device, device_set)
		SELECT $1, $2, number FROM device_set WHERE kind = 'group' AND id = $3 AND rule = ''`, bucket, number, t.GroupID); err != nil {
		return err
	}
	return s.settleDevice(ctx, tx, bucket, number, counts)
}
