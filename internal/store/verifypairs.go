package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"plimsoll"
)

const (
	verifyDevices = 500 // devices that are looked at together: what verification holds in memory
	shownPairs    = 100 // sentences about devices; of what else differs there is the number
)

// verifyPairs holds every device's groups and run states against the rules and
// the assignments. It works out itself what these want, rather than by the
// statements that are to be checked.
func (s *Store) verifyPairs(ctx context.Context, v *plimsoll.Verification) error {
	buckets, err := collect(ctx, s.read, column[int64], `SELECT DISTINCT bucket FROM device ORDER BY bucket`)
	if err != nil {
		return err
	}
	found := &pairFindings{v: v}
	for _, bucket := range buckets {
		if err := s.verifyBucket(ctx, bucket, found); err != nil {
			return refusal(err)
		}
	}
	if found.more > 0 {
		v.Differences = append(v.Differences, fmt.Sprintf("There are %d differences more between devices and what the rules and assignments want.", found.more))
	}
	return nil
}

// verifyBucket reads one state of the database: either the background has work
// left in it, so that not everything is yet as it is wanted, or all has to be.
func (s *Store) verifyBucket(ctx context.Context, bucket int64, found *pairFindings) error {
	tx, err := s.readers.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // it only reads
	var working bool
	var devices int64
	if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM fleet_task), (SELECT count(*) FROM device WHERE bucket = $1)`,
		bucket).Scan(&working, &devices); err != nil {
		return err
	}
	if working {
		found.v.Unsettled += devices
		return nil
	}
	found.v.Settled += devices
	if found.wants, err = readWants(ctx, tx); err != nil {
		return err
	}
	for last := int64(0); ; {
		batch, err := readVerified(ctx, tx, bucket, last)
		if err != nil || len(batch) == 0 {
			return err
		}
		for _, d := range batch {
			found.device(d)
			last = d.number
		}
	}
}

// wants is what rules and assignments say, under the numbers of sets and scripts.
type wants struct {
	sets    map[int64]wantedSet
	scripts map[int64]*wantedScript
}

type wantedSet struct {
	name string         // for people
	rule *plimsoll.Rule // that says who is in it now; nil: its members stay as they are
}

type wantedScript struct {
	id          string
	runsOn      int64
	assignments []wantedAssignment // exclusions first, and then by rank
}

type wantedAssignment struct {
	number, set, filter int64
	kind                plimsoll.TargetKind
	filterType          plimsoll.FilterType
}

func readWants(ctx context.Context, tx *sql.Tx) (wants, error) {
	w := wants{map[int64]wantedSet{}, map[int64]*wantedScript{}}
	if _, err := collect(ctx, tx, func(row scanner) (struct{}, error) {
		var number int64
		var kind, id, rule string
		var paused bool
		if err := row.Scan(&number, &kind, &id, &rule, &paused); err != nil {
			return struct{}{}, err
		}
		set, err := wantedSet{name: kind + " " + id}, error(nil)
		if rule != "" && !paused {
			set.rule, err = plimsoll.ParseRule("rule", rule)
		}
		w.sets[number] = set
		return struct{}{}, err
	}, `SELECT number, kind, id, rule, paused FROM device_set`); err != nil {
		return w, err
	}
	if _, err := collect(ctx, tx, func(row scanner) (struct{}, error) {
		var number int64
		script := &wantedScript{}
		err := row.Scan(&number, &script.id, &script.runsOn)
		w.scripts[number] = script
		return struct{}{}, err
	}, `SELECT number, id, runs_on FROM script`); err != nil {
		return w, err
	}
	_, err := collect(ctx, tx, func(row scanner) (struct{}, error) {
		var number int64
		var a wantedAssignment
		err := row.Scan(&number, &a.number, &a.set, &a.filter, &a.kind, &a.filterType)
		if script := w.scripts[number]; script != nil {
			script.assignments = append(script.assignments, a)
		}
		return struct{}{}, err
	}, `SELECT script, number, device_set, filter, target, filter_type FROM assignment
		ORDER BY target <> 'exclusionGroupAssignmentTarget', schedule_rank, number`)
	return w, err
}

// holding gives the assignment by which a device has the script; 0 is none.
func (w *wantedScript) holding(d *verified) int64 {
	for _, a := range w.assignments {
		reached := false
		switch a.kind {
		case plimsoll.TargetExclusionGroup:
			if d.sets[a.set] {
				return 0
			}
		case plimsoll.TargetAllDevices:
			reached = true
		case plimsoll.TargetAllLicensedUsers:
			reached = d.UserID != "" || d.UserPrincipalName != ""
		case plimsoll.TargetGroup:
			reached = d.sets[a.set]
		case plimsoll.TargetCollection:
		}
		if reached && (a.filter == 0 || d.sets[a.filter] == (a.filterType == plimsoll.FilterInclude)) {
			return a.number
		}
	}
	return 0
}

// verified is a device that is looked at.
type verified struct {
	plimsoll.Device

	number int64
	folded string                 // the name that searches go by
	sets   map[int64]bool         // that it is in
	runs   map[int64]*verifiedRun // by script
}

type verifiedRun struct {
	revision, state, assignment int64
	pushed                      bool
}

// readVerified reads the devices of a bucket that come after a number.
func readVerified(ctx context.Context, tx *sql.Tx, bucket, after int64) ([]*verified, error) {
	byNumber := map[int64]*verified{}
	batch, err := collect(ctx, tx, func(row scanner) (d *verified, err error) {
		d = &verified{sets: map[int64]bool{}, runs: map[int64]*verifiedRun{}}
		d.Device, err = scanDevice(row, &d.number, &d.folded)
		byNumber[d.number] = d
		return d, err
	}, `SELECT `+storedColumns()+`, '', d.number, d.folded_name FROM device d WHERE d.bucket = $1 AND d.number > $2 ORDER BY d.number LIMIT $3`,
		bucket, after, verifyDevices)
	if err != nil || len(batch) == 0 {
		return nil, err
	}
	first, last := batch[0].number, batch[len(batch)-1].number
	if _, err = collect(ctx, tx, func(row scanner) (struct{}, error) {
		var device, set int64
		err := row.Scan(&device, &set)
		if d := byNumber[device]; d != nil {
			d.sets[set] = true
		}
		return struct{}{}, err
	}, `SELECT device, device_set FROM device_set_member WHERE bucket = $1 AND device BETWEEN $2 AND $3`, bucket, first, last); err != nil {
		return nil, err
	}
	_, err = collect(ctx, tx, func(row scanner) (struct{}, error) {
		var device, script int64
		run := &verifiedRun{}
		err := row.Scan(&device, &script, &run.revision, &run.state, &run.assignment, &run.pushed)
		if d := byNumber[device]; d != nil {
			d.runs[script] = run
		}
		return struct{}{}, err
	}, `SELECT device, script, revision, state, assignment, pushed FROM run_state
		WHERE bucket = $1 AND device BETWEEN $2 AND $3`, bucket, first, last)
	return batch, err
}

// pairFindings gathers what differs.
type pairFindings struct {
	wants

	v    *plimsoll.Verification
	said int
	more int64
}

func (f *pairFindings) differ(format string, args ...any) {
	if f.said == shownPairs {
		f.more++
		return
	}
	f.said++
	f.v.Differences = append(f.v.Differences, fmt.Sprintf(format, args...))
}

// device holds a device's groups to their rules, and its run states to the
// assignments: by the groups that it is in, so that what is wrong is told once.
func (f *pairFindings) device(d *verified) {
	if d.folded != strings.ToLower(d.DeviceName) {
		f.differ("Device %s is searched for by the name %q, and has another.", d.ID, d.folded)
	}
	facts := d.RuleFacts()
	for number, set := range f.sets {
		if set.rule != nil && set.rule.Matches(&facts) != d.sets[number] {
			f.differ("Device %s: whether it is in the %s is kept as %t, and its rule says the opposite.", d.ID, set.name, d.sets[number])
		}
	}
	for number := range d.sets {
		if _, there := f.sets[number]; !there {
			f.differ("Device %s is in the group or filter with the number %d, which is not there.", d.ID, number)
		}
	}
	for number, script := range f.scripts {
		f.pair(d, script, d.runs[number])
	}
	for number := range d.runs {
		if f.scripts[number] == nil {
			f.differ("Device %s has a run state of the script with the number %d, which is not there.", d.ID, number)
		}
	}
}

// pair holds one run state, or its absence, to what is wanted. Whether a script
// is for the device's system is only looked at where it never ran: a runner may
// report otherwise.
func (f *pairFindings) pair(d *verified, script *wantedScript, run *verifiedRun) {
	holding := script.holding(d)
	switch {
	case run == nil && holding != 0:
		f.differ("Device %s has no run state of the script %s, which is assigned to it.", d.ID, script.id)
	case run == nil:
	case holding == 0 && !run.pushed:
		f.differ("Device %s has a run state of the script %s, which is not assigned to it.", d.ID, script.id)
	case run.assignment != holding:
		f.differ("Device %s runs the script %s by the assignment with the number %d, not by %d.", d.ID, script.id, run.assignment, holding)
	case !run.pushed && run.revision == 0 && (run.state == stateNumber(plimsoll.StateNotApplicable)) != (script.runsOn&systemOf(d.OperatingSystem) == 0):
		f.differ("Device %s: whether the script %s applies to it is kept wrongly.", d.ID, script.id)
	}
}
