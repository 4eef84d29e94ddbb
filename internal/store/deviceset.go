package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"plimsoll"
	"plimsoll/internal/query"
)

// evaluateSets holds the devices of a bucket from first to last against the rule
// of one set, or of every set where it is 0, and makes them members of those that
// select them.
func (s *Store) evaluateSets(ctx context.Context, tx *sql.Tx, set, bucket, first, last int64) error {
	rules, err := s.rules(ctx, tx, set)
	if err != nil || len(rules) == 0 {
		return err
	}
	members, err := s.membersIn(ctx, tx, rules, bucket, first, last)
	if err != nil {
		return err
	}
	var join, leave [][]int64
	_, err = collect(ctx, tx, func(row scanner) (struct{}, error) {
		var number int64
		d, err := scanDevice(row, &number)
		facts := d.RuleFacts()
		for _, r := range rules {
			switch selected, member := r.rule != nil && r.rule.Matches(&facts), members[[2]int64{number, r.set}]; {
			case selected && !member:
				join = append(join, []int64{bucket, number, r.set})
			case member && !selected:
				leave = append(leave, []int64{bucket, number, r.set})
			}
		}
		return struct{}{}, err
	}, `SELECT `+storedColumns()+`, '', d.number FROM device d WHERE d.bucket = $1 AND d.number BETWEEN $2 AND $3`, bucket, first, last)
	if err != nil {
		return err
	}
	const key = `CAST(value ->> 0 AS bigint), CAST(value ->> 1 AS bigint), CAST(value ->> 2 AS bigint)`
	if err = s.execRows(ctx, tx, join, `INSERT INTO device_set_member (bucket, device, device_set) SELECT `+key+
		` FROM `+s.dialect.rows); err != nil {
		return err
	}
	return s.execRows(ctx, tx, leave, `DELETE FROM device_set_member WHERE (bucket, device, device_set) IN (SELECT `+key+
		` FROM `+s.dialect.rows+`)`)
}

// setRule is the rule of a set; nil selects nobody, as the set is gone.
type setRule struct {
	set  int64
	rule *plimsoll.Rule
}

// rules gives the rules that say who is in a set: those of sets that are paused
// say nothing now.
func (s *Store) rules(ctx context.Context, tx *sql.Tx, set int64) ([]setRule, error) {
	return collect(ctx, tx, func(row scanner) (r setRule, err error) {
		var kind, text string
		if err = row.Scan(&r.set, &kind, &text); err != nil || kind == setGone {
			return r, err
		}
		r.rule, err = s.known.rule(text)
		return r, err
	}, `SELECT number, kind, rule FROM device_set WHERE ($1 = 0 OR number = $1) AND NOT paused AND (rule <> '' OR kind = 'gone')`, set)
}

// membersIn tells which devices are in which of the sets.
func (s *Store) membersIn(
	ctx context.Context, tx *sql.Tx, rules []setRule, bucket, first, last int64,
) (map[[2]int64]bool, error) {
	wanted := map[int64]bool{}
	for _, r := range rules {
		wanted[r.set] = true
	}
	members := map[[2]int64]bool{}
	_, err := collect(ctx, tx, func(row scanner) (struct{}, error) {
		var device, set int64
		err := row.Scan(&device, &set)
		if wanted[set] {
			members[[2]int64{device, set}] = true
		}
		return struct{}{}, err
	}, `SELECT device, device_set FROM device_set_member WHERE bucket = $1 AND device BETWEEN $2 AND $3`, bucket, first, last)
	return members, err
}

// The kinds of sets. One that is gone is being emptied.
const (
	setGroup  = "group"
	setFilter = "filter"
	setGone   = "gone"
)

// deviceSet is a row of device_set.
type deviceSet struct {
	number int64
	kind   string
	plimsoll.AssignmentFilter

	mailNickname string
	paused       bool
}

const setColumns = `g.number, g.kind, g.id, g.changes, g.display_name, g.description, g.mail_nickname, g.rule, g.paused,
	g.platform, g.scope_tags, g.created_at, g.modified_at`

func scanSet(row scanner, more ...any) (d deviceSet, err error) {
	var tags []byte
	dest := []any{
		&d.number, &d.kind, &d.ID, &d.Changes, &d.DisplayName, &d.Description, &d.mailNickname, &d.Rule, &d.paused, &d.Platform, &tags,
		instant{&d.CreatedAt},
		instant{&d.ModifiedAt},
	}
	if err = row.Scan(append(dest, more...)...); err != nil {
		return d, err
	}
	return d, json.Unmarshal(tags, &d.RoleScopeTags)
}

func (d *deviceSet) group() plimsoll.Group {
	return plimsoll.Group{
		ID: d.ID, Changes: d.Changes, DisplayName: d.DisplayName, Description: d.Description, MailNickname: d.mailNickname,
		MembershipRule: d.Rule, RulePaused: d.paused, CreatedAt: d.CreatedAt,
	}
}

func groupSet(g *plimsoll.Group) deviceSet {
	return deviceSet{kind: setGroup, mailNickname: g.MailNickname, paused: g.RulePaused, AssignmentFilter: plimsoll.AssignmentFilter{
		ID: g.ID, Changes: g.Changes, DisplayName: g.DisplayName, Description: g.Description, Rule: g.MembershipRule,
		CreatedAt: g.CreatedAt, ModifiedAt: g.CreatedAt,
	}}
}

func noSet(kind, id string) error {
	name := map[string]string{setGroup: "group", setFilter: "assignmentFilter"}[kind]
	return plimsoll.Errorf(plimsoll.NotFound, "There is no %s with the id %q. Ids are compared case-sensitively.", name, id)
}

// setList is the list of the sets of a kind, as show makes them.
func setList[T any](kind string, show func(*deviceSet) T) *list[T] {
	return &list[T]{
		from: "device_set g", where: "g.kind = $1", args: []any{kind}, own: sortKey{sql: "g.id", kind: query.String},
		selects: setColumns,
		columns: map[string]string{
			"id": "g.id", "displayName": "g.display_name", "description": "g.description", "mailNickname": "g.mail_nickname",
			"membershipRule": "nullif(g.rule, '')", "membershipRuleProcessingState": "CASE WHEN g.rule = '' THEN NULL WHEN g.paused THEN 'Paused' ELSE 'On' END",
			"rule": "g.rule", "platform": "nullif(g.platform, '')", "createdDateTime": "g.created_at", "lastModifiedDateTime": "g.modified_at",
			"mailEnabled": "false", "securityEnabled": "true", "roleScopeTags": "g.scope_tags",
			"groupTypes": `CASE WHEN g.rule <> '' THEN '["DynamicMembership"]' ELSE '[]' END`,
		},
		scan: func(row scanner, more ...any) (one T, err error) {
			d, err := scanSet(row, more...)
			return show(&d), err
		},
		size: func(*T) int { return 1000 },
	}
}

// readSet gives one set.
func readSet(ctx context.Context, db reader, kind, id, lock string) (deviceSet, error) {
	d, err := scanSet(db.QueryRowContext(ctx, `SELECT `+setColumns+` FROM device_set g WHERE g.kind = $1 AND g.id = $2`+lock, kind, id))
	if errors.Is(err, sql.ErrNoRows) {
		err = noSet(kind, id)
	}
	return d, refusal(err)
}

func (s *Store) createSet(ctx context.Context, d deviceSet, event plimsoll.AuditEvent) error {
	return s.transact(ctx, func(tx *sql.Tx) (err error) {
		if d.number, err = nextNumber(ctx, tx); err != nil {
			return err
		}
		if _, err = tx.ExecContext(ctx, `INSERT INTO device_set (number, kind, id, changes, display_name, description, mail_nickname,
				rule, paused, platform, scope_tags, created_at, modified_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`, d.values()...); err != nil {
			return err
		}
		if d.Rule != "" && !d.paused {
			if err = s.addTask(ctx, tx, taskSet, d.number); err != nil {
				return err
			}
		}
		return addAuditEvent(ctx, tx, event)
	})
}

func (d *deviceSet) values() []any {
	return []any{
		d.number, d.kind, d.ID, d.Changes, d.DisplayName, d.Description, d.mailNickname, d.Rule, d.paused, d.Platform,
		jsonList(append([]string{}, d.RoleScopeTags...)), ticks(d.CreatedAt), ticks(d.ModifiedAt),
	}
}

// updateSet changes a set. Who is in it follows in the background where its rule
// is another, or counts again.
func (s *Store) updateSet(
	ctx context.Context, kind, id string, change func(*deviceSet) error, event plimsoll.AuditEvent,
) (d deviceSet, err error) {
	err = s.transact(ctx, func(tx *sql.Tx) (err error) {
		if err = s.lockFleet(ctx, tx); err != nil {
			return err
		}
		if d, err = readSet(ctx, tx, kind, id, s.dialect.lockRow); err != nil {
			return err
		}
		before := d
		if err = change(&d); err != nil {
			return err
		}
		if d.Rule != "" && !d.paused && (d.Rule != before.Rule || before.paused) || d.kind == setGone {
			if err = s.addTask(ctx, tx, taskSet, d.number); err != nil {
				return err
			}
		}
		if _, err = tx.ExecContext(ctx, `UPDATE device_set SET kind = $2, id = $3, changes = $4, display_name = $5, description = $6,
				mail_nickname = $7, rule = $8, paused = $9, platform = $10, scope_tags = $11, created_at = $12, modified_at = $13
			WHERE number = $1`, d.values()...); err != nil {
			return err
		}
		return addAuditEvent(ctx, tx, event)
	})
	return d, err
}

// Groups gives a page of the groups, by their ids.
func (s *Store) Groups(ctx context.Context, page query.Page) (query.Rows[plimsoll.Group], error) {
	return setList(setGroup, (*deviceSet).group).read(ctx, s, &page)
}

// CountGroups gives how many groups filter wants; nil wants all.
func (s *Store) CountGroups(ctx context.Context, filter *query.Expr) (int64, error) {
	return setList(setGroup, (*deviceSet).group).total(ctx, s, filter)
}

// Group gives one group.
func (s *Store) Group(ctx context.Context, id string) (plimsoll.Group, error) {
	d, err := readSet(ctx, s.read, setGroup, id, "")
	return d.group(), err
}

// CreateGroup stores a new group. Whom its rule selects follows in the
// background.
func (s *Store) CreateGroup(ctx context.Context, g *plimsoll.Group, event plimsoll.AuditEvent) error {
	return s.createSet(ctx, groupSet(g), event)
}

// UpdateGroup changes one group. One that becomes static keeps its members.
func (s *Store) UpdateGroup(
	ctx context.Context, id string, change func(*plimsoll.Group) error, event plimsoll.AuditEvent,
) (plimsoll.Group, error) {
	d, err := s.updateSet(ctx, setGroup, id, func(d *deviceSet) error {
		g := d.group()
		if err := change(&g); err != nil {
			return err
		}
		number := d.number
		*d = groupSet(&g)
		d.number, d.ModifiedAt = number, event.At
		return nil
	}, event)
	return d.group(), err
}

// DeleteGroup removes a group, if allow agrees to it as it stands. What its
// members have from it goes in the background.
func (s *Store) DeleteGroup(
	ctx context.Context, id string, allow func(*plimsoll.Group) error, event plimsoll.AuditEvent,
) error {
	_, err := s.updateSet(ctx, setGroup, id, func(d *deviceSet) error {
		g := d.group()
		d.kind, d.paused = setGone, false
		return allow(&g)
	}, event)
	return err
}

func filterOf(d *deviceSet) plimsoll.AssignmentFilter { return d.AssignmentFilter }

// Filters gives a page of the assignment filters, by their ids.
func (s *Store) Filters(ctx context.Context, page query.Page) (query.Rows[plimsoll.AssignmentFilter], error) {
	return setList(setFilter, filterOf).read(ctx, s, &page)
}

// CountFilters gives how many assignment filters filter wants; nil wants all.
func (s *Store) CountFilters(ctx context.Context, filter *query.Expr) (int64, error) {
	return setList(setFilter, filterOf).total(ctx, s, filter)
}

// Filter gives one assignment filter.
func (s *Store) Filter(ctx context.Context, id string) (plimsoll.AssignmentFilter, error) {
	d, err := readSet(ctx, s.read, setFilter, id, "")
	return d.AssignmentFilter, err
}

// CreateFilter stores a new assignment filter.
func (s *Store) CreateFilter(ctx context.Context, f *plimsoll.AssignmentFilter, event plimsoll.AuditEvent) error {
	return s.createSet(ctx, deviceSet{kind: setFilter, AssignmentFilter: *f}, event)
}

// UpdateFilter changes one assignment filter. Whom it selects follows in the
// background.
func (s *Store) UpdateFilter(
	ctx context.Context, id string, change func(*plimsoll.AssignmentFilter) error, event plimsoll.AuditEvent,
) (plimsoll.AssignmentFilter, error) {
	d, err := s.updateSet(ctx, setFilter, id, func(d *deviceSet) error { return change(&d.AssignmentFilter) }, event)
	return d.AssignmentFilter, err
}

// DeleteFilter removes an assignment filter that no assignment names, if allow
// agrees to it as it stands.
func (s *Store) DeleteFilter(
	ctx context.Context, id string, allow func(*plimsoll.AssignmentFilter) error, event plimsoll.AuditEvent,
) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		if err := s.lockFleet(ctx, tx); err != nil {
			return err
		}
		d, err := readSet(ctx, tx, setFilter, id, s.dialect.lockRow)
		if err != nil {
			return err
		}
		if err = allow(&d.AssignmentFilter); err != nil {
			return err
		}
		var named bool
		if err = tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM assignment WHERE filter = $1)`, d.number).Scan(&named); err != nil {
			return err
		}
		if named {
			return plimsoll.Errorf(plimsoll.Conflict, "An assignment names this filter; take it out of the assignment first.")
		}
		if err = s.addTask(ctx, tx, taskSet, d.number); err != nil {
			return err
		}
		if _, err = tx.ExecContext(ctx, `UPDATE device_set SET kind = 'gone', paused = false WHERE number = $1`, d.number); err != nil {
			return err
		}
		return addAuditEvent(ctx, tx, event)
	})
}

// Members gives a page of the devices in a group.
func (s *Store) Members(ctx context.Context, groupID string, page query.Page) (query.Rows[plimsoll.Device], error) {
	d, err := readSet(ctx, s.read, setGroup, groupID, "")
	if err != nil {
		return query.Rows[plimsoll.Device]{Total: -1}, err
	}
	return memberList(d.number).read(ctx, s, &page)
}

// CountMembers gives how many devices in a group filter wants; nil wants all.
func (s *Store) CountMembers(ctx context.Context, groupID string, filter *query.Expr) (int64, error) {
	d, err := readSet(ctx, s.read, setGroup, groupID, "")
	if err != nil {
		return 0, err
	}
	return memberList(d.number).total(ctx, s, filter)
}

// AddMember puts a device into a group with static members.
func (s *Store) AddMember(ctx context.Context, groupID, deviceID string, event plimsoll.AuditEvent) error {
	return s.changeMember(ctx, groupID, deviceID, `INSERT INTO device_set_member (bucket, device, device_set) VALUES ($1, $2, $3)
		ON CONFLICT (bucket, device, device_set) DO NOTHING`,
		plimsoll.Invalidf("@odata.id", "The device is a member of the group already."), event)
}

// RemoveMember takes a device out of a group with static members.
func (s *Store) RemoveMember(ctx context.Context, groupID, deviceID string, event plimsoll.AuditEvent) error {
	return s.changeMember(ctx, groupID, deviceID, `DELETE FROM device_set_member WHERE bucket = $1 AND device = $2 AND device_set = $3`,
		plimsoll.Errorf(plimsoll.NotFound, "The device is no member of the group."), event)
}

func (s *Store) changeMember(
	ctx context.Context, groupID, deviceID, statement string, unchanged error, event plimsoll.AuditEvent,
) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		device, err := s.lockDevice(ctx, tx, deviceID)
		if err != nil {
			return err
		}
		// Read when the device is locked: whoever ends the group, or gives it a
		// rule, afterwards comes by the device again.
		group, err := readSet(ctx, tx, setGroup, groupID, "")
		if err != nil {
			return err
		}
		if group.Rule != "" {
			return plimsoll.Errorf(plimsoll.Invalid, "The group's members are those that its membershipRule selects; change the rule.")
		}
		bucket := plimsoll.DeviceBucket(deviceID)
		result, err := tx.ExecContext(ctx, statement, bucket, device, group.number)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(unchanged, err)
		}
		if err = s.changed(ctx, tx, deviceID); err != nil {
			return err
		}
		counts := newTally()
		if err = s.retarget(ctx, tx, reach{set: group.number, bucket: bucket, first: device, last: device}, counts); err != nil {
			return err
		}
		if err = s.applyCounts(ctx, tx, counts); err != nil {
			return err
		}
		return addAuditEvent(ctx, tx, event)
	})
}
