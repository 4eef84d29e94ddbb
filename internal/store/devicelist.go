package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"plimsoll"
	"plimsoll/internal/query"
)

func noDevice(id string) error {
	return plimsoll.Errorf(plimsoll.NotFound,
		"There is no managedDevice with the id %q. Ids are compared case-sensitively.", id)
}

// deviceTexts are the columns of a device's texts, and the properties that they
// are, in the order in which they are read.
func deviceTexts() [][2]string {
	return [][2]string{
		{"device_name", "deviceName"},
		{"managed_device_name", "managedDeviceName"},
		{"operating_system", "operatingSystem"},
		{"os_version", "osVersion"},
		{"manufacturer", "manufacturer"},
		{"model", "model"},
		{"serial_number", "serialNumber"},
		{"ethernet_mac", "ethernetMacAddress"},
		{"wifi_mac", "wiFiMacAddress"},
		{"user_id", "userId"},
		{"user_principal_name", "userPrincipalName"},
		{"user_display_name", "userDisplayName"},
		{"email_address", "emailAddress"},
		{"category", "deviceCategoryDisplayName"},
		{"notes", "notes"},
	}
}

// compliance is the SQL of what a device's scripts say of it. A run of an older
// revision says nothing.
const compliance = `CASE WHEN d.cloned_at IS NOT NULL THEN 'conflict' ELSE coalesce((SELECT
	CASE max(CASE c.state WHEN 2 THEN 3 WHEN 3 THEN 2 WHEN 1 THEN 1 ELSE 0 END)
		WHEN 3 THEN 'noncompliant' WHEN 2 THEN 'error' WHEN 1 THEN 'compliant' END
	FROM run_state c JOIN script cs ON cs.number = c.script AND cs.revision = c.revision
	WHERE c.bucket = d.bucket AND c.device = d.number), 'unknown') END`

// complianceIs is the SQL of a device's compliance being one, in words that find
// the few of whom an index tells.
func complianceIs(member string) string {
	on := func(state plimsoll.RunState) string {
		return fmt.Sprintf(`d.number IN (SELECT c.device FROM script cs CROSS JOIN run_state c
			WHERE c.script = cs.number AND c.state = %d AND c.revision = cs.revision)`, stateNumber(state))
	}
	switch plimsoll.ComplianceState(member) {
	case plimsoll.ComplianceNoncompliant:
		return "(d.cloned_at IS NULL AND " + on(plimsoll.StateFail) + ")"
	case plimsoll.ComplianceError:
		return "(d.cloned_at IS NULL AND " + on(plimsoll.StateScriptError) + " AND NOT " + on(plimsoll.StateFail) + ")"
	case plimsoll.ComplianceConflict:
		return "d.cloned_at IS NOT NULL"
	case plimsoll.ComplianceUnknown, plimsoll.ComplianceCompliant:
		return "(" + compliance + ") = '" + member + "'"
	default: // no device is any other
		return "FALSE"
	}
}

// folded, behind a property's name, is that property in lower case, where it is
// kept so.
const folded = " in lower case"

// deviceProperties gives the SQL of each property that a filter or an order of
// devices may name.
func deviceProperties() map[string]string {
	properties := map[string]string{
		"id": "d.id", "azureADDeviceId": "d.id", "complianceState": "(" + compliance + ")", "managementAgent": "'unknown'",
		"managedDeviceOwnerType": "d.owner_type", "roleScopeTagIds": "d.role_scope_tag_ids", "isEncrypted": "d.is_encrypted",
		"physicalMemoryInBytes": "d.physical_memory", "totalStorageSpaceInBytes": "d.total_storage",
		"freeStorageSpaceInBytes": "d.free_storage", "enrolledDateTime": "d.enrolled_at", "lastSyncDateTime": "d.last_sync_at",
	}
	for _, text := range deviceTexts() {
		properties[text[1]] = "nullif(d." + text[0] + ", '')"
	}
	properties["deviceName"] = "d.device_name" // which is never empty, and has an index
	properties["deviceName"+folded] = "d.folded_name"
	return properties
}

// deviceColumns are what scanDevice reads.
func deviceColumns() string { return storedColumns() + ", " + compliance }

// storedColumns are those of deviceColumns that no query has to work out.
func storedColumns() string {
	columns := []string{"d.id, d.changes, d.public_key, d.enrollment_token_id, d.inventory_hash"}
	for _, text := range deviceTexts() {
		columns = append(columns, "d."+text[0])
	}
	return strings.Join(columns, ", ") + `, d.owner_type, d.role_scope_tag_ids, d.is_encrypted, d.physical_memory, d.total_storage,
		d.free_storage, d.enrolled_at, d.last_sync_at, d.cloned_at`
}

// textsOf gives the texts of a device, in the order of deviceTexts.
func textsOf(d *plimsoll.Device) []*string {
	return []*string{
		&d.DeviceName, &d.ManagedDeviceName, &d.OperatingSystem, &d.OSVersion, &d.Manufacturer, &d.Model, &d.SerialNumber,
		&d.EthernetMAC, &d.WiFiMAC, &d.UserID, &d.UserPrincipalName, &d.UserDisplayName, &d.EmailAddress, &d.Category, &d.Notes,
	}
}

func scanDevice(row scanner, more ...any) (d plimsoll.Device, err error) {
	var tags []byte
	dest := []any{&d.ID, &d.Changes, &d.PublicKey, &d.EnrollmentTokenID, &d.InventoryHash}
	for _, text := range textsOf(&d) {
		dest = append(dest, text)
	}
	dest = append(dest, &d.OwnerType, &tags, &d.IsEncrypted, &d.PhysicalMemory, &d.TotalStorage, &d.FreeStorage,
		instant{&d.EnrolledAt}, instant{&d.LastSyncAt}, instant{&d.ClonedAt}, &d.Compliance)
	if err = row.Scan(append(dest, more...)...); err != nil {
		return d, err
	}
	return d, json.Unmarshal(tags, &d.RoleScopeTagIDs)
}

func deviceList() *list[plimsoll.Device] {
	return &list[plimsoll.Device]{
		from: "device d", columns: deviceProperties(), own: sortKey{sql: "d.number", kind: query.Number},
		equal:   map[string]func(string) string{"complianceState": complianceIs},
		selects: deviceColumns(), scan: scanDevice,
		size: func(d *plimsoll.Device) int { return len(d.Notes) + 1000 },
	}
}

// memberList is the list of the devices of a set.
func memberList(set int64) *list[plimsoll.Device] {
	l := deviceList()
	l.from = "device_set_member m JOIN device d ON d.bucket = m.bucket AND d.number = m.device"
	l.where, l.args, l.own.sql = "m.device_set = $1", []any{set}, "m.device"
	return l
}

// Devices gives a page of the devices, the oldest first.
func (s *Store) Devices(ctx context.Context, page query.Page) (query.Rows[plimsoll.Device], error) {
	return deviceList().read(ctx, s, &page)
}

// CountDevices gives how many devices filter wants; nil wants all.
func (s *Store) CountDevices(ctx context.Context, filter *query.Expr) (int64, error) {
	return deviceList().total(ctx, s, filter)
}

// matchChunk is how many devices are held against a rule at once.
const matchChunk = 5000

// MatchingDevices tells which devices a rule selects now: how many, in Total, and
// the first of them, the oldest first, limit at most.
func (s *Store) MatchingDevices(ctx context.Context, rule *plimsoll.Rule, limit int) (query.Rows[plimsoll.Device], error) {
	var total int64
	var first [][]int64
	for last, read := int64(0), matchChunk; read == matchChunk; {
		var numbers []int64
		// Each chunk waits for a turn of its own: all of them may take longer than a list has.
		err := s.scan(ctx, "rule", "To hold some thousand devices against the rule takes", func(ctx context.Context) (err error) {
			numbers, err = collect(ctx, s.read, func(row scanner) (number int64, err error) {
				d, err := scanDevice(row, &number)
				if facts := d.RuleFacts(); err == nil && rule.Matches(&facts) {
					total++
					if len(first) < limit {
						first = append(first, []int64{number})
					}
				}
				return number, err
			}, `SELECT `+storedColumns()+`, '', d.number FROM device d WHERE d.number > $1 ORDER BY d.number LIMIT $2`, last, matchChunk)
			return err
		})
		if err != nil {
			return query.Rows[plimsoll.Device]{}, err
		}
		if read = len(numbers); read > 0 {
			last = numbers[read-1]
		}
	}
	array, err := json.Marshal(first)
	if err != nil || len(first) == 0 {
		return query.Rows[plimsoll.Device]{Total: total}, err
	}
	rows, err := collect(ctx, s.read, func(row scanner) (plimsoll.Device, error) { return scanDevice(row) },
		`SELECT `+deviceColumns()+` FROM `+s.dialect.rows+` JOIN device d ON d.number = CAST(value ->> 0 AS bigint) ORDER BY d.number`, string(array))
	return query.Rows[plimsoll.Device]{Rows: rows, Total: total}, err
}

// Device gives one device.
func (s *Store) Device(ctx context.Context, id string) (plimsoll.Device, error) {
	return readDevice(ctx, s.read, id)
}

func readDevice(ctx context.Context, db reader, id string) (plimsoll.Device, error) {
	d, err := scanDevice(db.QueryRowContext(ctx, `SELECT `+deviceColumns()+` FROM device d WHERE d.bucket = $1 AND d.id = $2`,
		plimsoll.DeviceBucket(id), id))
	if errors.Is(err, sql.ErrNoRows) {
		err = noDevice(id)
	}
	return d, refusal(err)
}
