package store

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"plimsoll"
)

// lockDevice gives the number of a device, whose row is the transaction's then.
func (s *Store) lockDevice(ctx context.Context, tx *sql.Tx, id string) (number int64, err error) {
	return deviceNumber(ctx, tx, id, s.dialect.lockRow)
}

// deviceNumber gives the number that stands for a device in the hot tables.
func deviceNumber(ctx context.Context, db reader, id, lock string) (number int64, err error) {
	err = db.QueryRowContext(ctx, `SELECT number FROM device WHERE bucket = $1 AND id = $2`+lock,
		plimsoll.DeviceBucket(id), id).Scan(&number)
	if errors.Is(err, sql.ErrNoRows) {
		err = noDevice(id)
	}
	return number, refusal(err)
}

// deviceValues gives the columns of a device that may change, and their values.
func deviceValues(d *plimsoll.Device) (columns []string, values []any) {
	texts := textsOf(d)
	for i, text := range deviceTexts() {
		columns, values = append(columns, text[0]), append(values, *texts[i])
	}
	columns = append(columns, "folded_name", "changes", "inventory_hash", "owner_type", "role_scope_tag_ids", "is_encrypted",
		"physical_memory", "total_storage", "free_storage", "last_sync_at", "system")
	return columns, append(values, strings.ToLower(d.DeviceName), d.Changes, d.InventoryHash, string(d.OwnerType), jsonList(append([]string{}, d.RoleScopeTagIDs...)), d.IsEncrypted,
		d.PhysicalMemory, d.TotalStorage, d.FreeStorage, ticks(d.LastSyncAt), systemOf(d.OperatingSystem))
}

// insertDevice stores a new device under its number.
func insertDevice(ctx context.Context, tx *sql.Tx, number int64, d *plimsoll.Device) error {
	columns, values := deviceValues(d)
	columns = append(columns, "bucket", "number", "id", "public_key", "enrollment_token_id", "instance", "previous_instance", "enrolled_at")
	values = append(values, plimsoll.DeviceBucket(d.ID), number, d.ID, d.PublicKey, d.EnrollmentTokenID, "", "", ticks(d.EnrolledAt))
	places := make([]string, len(values))
	for i := range places {
		places[i] = fmt.Sprintf("$%d", i+1)
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO device ("+strings.Join(columns, ", ")+") VALUES ("+strings.Join(places, ", ")+")", values...)
	return err
}

// changeDevice changes a device in a transaction, with what follows for the sets
// that it is in, and so for the scripts that reach it.
func (s *Store) changeDevice(
	ctx context.Context, tx *sql.Tx, id string, change func(*plimsoll.Device) error,
) (d plimsoll.Device, err error) {
	number, err := s.lockDevice(ctx, tx, id)
	if err != nil {
		return d, err
	}
	if d, err = readDevice(ctx, tx, id); err != nil {
		return d, err
	}
	if err = change(&d); err != nil {
		return d, err
	}
	columns, values := deviceValues(&d)
	for i := range columns {
		columns[i] += fmt.Sprintf(" = $%d", i+1)
	}
	if err = s.changed(ctx, tx, id); err != nil {
		return d, err
	}
	bucket := plimsoll.DeviceBucket(id)
	if _, err = tx.ExecContext(ctx, "UPDATE device SET "+strings.Join(columns, ", ")+
		fmt.Sprintf(" WHERE bucket = $%d AND number = $%d", len(values)+1, len(values)+2), append(values, bucket, number)...); err != nil {
		return d, err
	}
	counts := newTally()
	if err = s.settleDevice(ctx, tx, bucket, number, counts); err != nil {
		return d, err
	}
	return d, s.applyCounts(ctx, tx, counts)
}

// settleDevice holds one device against every rule, and every script.
func (s *Store) settleDevice(ctx context.Context, tx *sql.Tx, bucket, number int64, counts tally) error {
	if err := s.evaluateSets(ctx, tx, 0, bucket, number, number); err != nil {
		return err
	}
	return s.retarget(ctx, tx, reach{bucket: bucket, first: number, last: number}, counts)
}

// UpdateDevice changes one device: change gets it as it stands.
func (s *Store) UpdateDevice(
	ctx context.Context, id string, change func(*plimsoll.Device) error, event plimsoll.AuditEvent,
) (d plimsoll.Device, err error) {
	err = s.transact(ctx, func(tx *sql.Tx) (err error) {
		if d, err = s.changeDevice(ctx, tx, id, change); err != nil {
			return err
		}
		return addAuditEvent(ctx, tx, event)
	})
	return d, err
}

// UpdateInventory keeps what a device's agent tells of it, under the name that
// the agent gives it.
func (s *Store) UpdateInventory(
	ctx context.Context, id string, inventory plimsoll.Inventory, hash string, at time.Time,
) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		_, err := s.changeDevice(ctx, tx, id, func(d *plimsoll.Device) error {
			d.Inventory, d.InventoryHash, d.LastSyncAt = inventory, hash, at
			d.Changes++
			return nil
		})
		return err
	})
}

// DeleteDevice removes a device and all that belongs to it, if allow agrees to it
// as it stands.
func (s *Store) DeleteDevice(
	ctx context.Context, id string, allow func(*plimsoll.Device) error, event plimsoll.AuditEvent,
) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		number, err := s.lockDevice(ctx, tx, id)
		if err != nil {
			return err
		}
		d, err := readDevice(ctx, tx, id)
		if err != nil {
			return err
		}
		if err = allow(&d); err != nil {
			return err
		}
		if err = s.changed(ctx, tx, deletedDevice+id); err != nil {
			return err
		}
		if err = s.removeDevice(ctx, tx, plimsoll.DeviceBucket(id), number, d.PublicKey); err != nil {
			return err
		}
		return addAuditEvent(ctx, tx, event)
	})
}

func (s *Store) removeDevice(ctx context.Context, tx *sql.Tx, bucket, number int64, key []byte) error {
	// What no assignment gave the device. The heads come before the run states, in
	// which nobody else adds or assigns one of a device that is locked.
	pushed, err := collect(ctx, tx, column[int64], `SELECT script FROM run_state
		WHERE bucket = $1 AND device = $2 AND assignment = 0 ORDER BY script`, bucket, number)
	if err != nil {
		return err
	}
	for _, script := range pushed {
		if err = s.lockHead(ctx, tx, script); err != nil {
			return err
		}
	}
	pairs, err := collect(ctx, tx, func(row scanner) ([]int64, error) {
		var script int64
		err := row.Scan(&script)
		return []int64{bucket, number, script}, err
	}, `SELECT script FROM run_state WHERE bucket = $1 AND device = $2 ORDER BY script`+s.dialect.lockRow, bucket, number)
	if err != nil {
		return err
	}
	counts := newTally()
	counts.addDevices(bucket, -1)
	if err = s.removePairs(ctx, tx, pairs, counts); err != nil {
		return err
	}
	if err = s.applyCounts(ctx, tx, counts); err != nil {
		return err
	}
	for _, script := range pushed { // this may have been the last that it was computed from
		if err = s.endComputing(ctx, tx, script); err != nil {
			return err
		}
	}
	if _, err = tx.ExecContext(ctx, `DELETE FROM device_set_member WHERE bucket = $1 AND device = $2`, bucket, number); err != nil {
		return err
	}
	if _, err = tx.ExecContext(ctx, `DELETE FROM device_key WHERE public_key = $1`, key); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM device WHERE bucket = $1 AND number = $2`, bucket, number)
	return err
}

// DeviceKey gives the public key by which a device proves itself.
func (s *Store) DeviceKey(ctx context.Context, id string) (ed25519.PublicKey, error) {
	var key []byte
	err := s.read.QueryRowContext(ctx, `SELECT public_key FROM device WHERE bucket = $1 AND id = $2`,
		plimsoll.DeviceBucket(id), id).Scan(&key)
	if errors.Is(err, sql.ErrNoRows) {
		err = noDevice(id)
	}
	return key, refusal(err)
}

// seenDevices is how many devices are noted in one transaction.
const seenDevices = 1000

// Seen notes when devices spoke to the service, so many to a transaction that
// nobody waits for it.
func (s *Store) Seen(ctx context.Context, at map[string]time.Time) error {
	rows := make([][3]any, 0, len(at))
	for id, t := range at {
		rows = append(rows, [3]any{plimsoll.DeviceBucket(id), id, ticks(t)})
	}
	for some := range slices.Chunk(rows, seenDevices) {
		array, err := json.Marshal(some)
		if err != nil {
			return err
		}
		if err = s.transact(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `WITH seen AS (
					SELECT d.bucket, d.number, CAST(value ->> 2 AS bigint) AS at
					FROM `+s.dialect.rows+` JOIN device d ON d.bucket = CAST(value ->> 0 AS bigint) AND d.id = value ->> 1
					ORDER BY d.bucket, d.number`+s.dialect.lockOf("d")+`)
				UPDATE device SET last_sync_at = seen.at FROM seen
				WHERE device.bucket = seen.bucket AND device.number = seen.number AND device.last_sync_at < seen.at`, string(array))
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}
