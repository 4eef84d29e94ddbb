package plimsoll

import (
	"cmp"
	"time"
)

// TargetKind is whom an assignment reaches.
type TargetKind string

// The kinds, by Graph's types.
const (
	TargetAllDevices       TargetKind = "allDevicesAssignmentTarget"
	TargetAllLicensedUsers TargetKind = "allLicensedUsersAssignmentTarget" // devices with a user
	TargetGroup            TargetKind = "groupAssignmentTarget"
	TargetExclusionGroup   TargetKind = "exclusionGroupAssignmentTarget" // wins over all others
	// TargetCollection needs a Configuration Manager, which is not here: it is refused.
	TargetCollection TargetKind = "configurationManagerCollectionAssignmentTarget"
)

// FilterType says what an assignment's filter does (Graph's
// deviceAndAppManagementAssignmentFilterType).
type FilterType string

// The filter types.
const (
	FilterNone    FilterType = "none"
	FilterInclude FilterType = "include"
	FilterExclude FilterType = "exclude"
)

// Target is whom an assignment reaches.
type Target struct {
	Kind         TargetKind
	GroupID      string // of a TargetGroup and a TargetExclusionGroup
	CollectionID string // of a TargetCollection
	FilterID     string // "" for none
	FilterType   FilterType
}

// ScheduleKind is how often a script runs.
type ScheduleKind string

// The kinds, by Graph's types.
const (
	ScheduleHourly ScheduleKind = "deviceHealthScriptHourlySchedule"  // every Interval hours
	ScheduleDaily  ScheduleKind = "deviceHealthScriptDailySchedule"   // every Interval days, at Time
	ScheduleOnce   ScheduleKind = "deviceHealthScriptRunOnceSchedule" // on Date, at Time
)

// Schedule says when a script runs on a device.
type Schedule struct {
	Kind     ScheduleKind
	Interval int32         // 1 to 23; hours of an hourly schedule, days of a daily one
	UseUTC   bool          // Time and Date are in UTC, and else in the device's own zone
	Time     time.Duration // since midnight; of a daily and a run-once schedule
	Date     time.Time     // midnight in UTC of the day; of a run-once schedule
}

// every gives how long lies between two runs, to tell which schedule is shorter.
func (s *Schedule) every() time.Duration {
	switch s.Kind {
	case ScheduleHourly:
		return time.Duration(s.Interval) * time.Hour
	case ScheduleDaily:
		return time.Duration(s.Interval) * 24 * time.Hour
	default:
		return 100 * 365 * 24 * time.Hour
	}
}

// Rank orders schedules: of several that reach a device, the one with the lowest
// rank holds, which is that of the shortest interval.
func (s *Schedule) Rank() int64 { return int64(s.every() / time.Hour) }

// Assignment gives a script to devices (Graph's deviceHealthScriptAssignment).
type Assignment struct {
	ID                   string // a GUID in lower case
	ScriptID             string
	Target               Target
	RunRemediationScript bool     // kept, and of no effect: there is no remediation
	Schedule             Schedule // of a zero Kind: none was given
}

// DefaultSchedule is that of an assignment without one: every day at midnight of
// the device.
func DefaultSchedule() Schedule { return Schedule{Kind: ScheduleDaily, Interval: 1} }

// MaxAssignments is how many assignments a script has at most.
const MaxAssignments = 200

// Validate completes an assignment, and refuses one that can reach nobody.
func (a *Assignment) Validate() error {
	a.Target.FilterType = cmp.Or(a.Target.FilterType, FilterNone)
	if a.Schedule.Kind == "" {
		a.Schedule = DefaultSchedule()
	}
	if err := a.Target.validate(); err != nil {
		return err
	}
	return a.Schedule.validate()
}

func (t *Target) validate() error {
	switch t.Kind {
	case TargetAllDevices, TargetAllLicensedUsers:
	case TargetGroup, TargetExclusionGroup:
		if t.GroupID == "" {
			return Invalidf("target/groupId", "target/groupId must be the id of a group.")
		}
	case TargetCollection:
		return Invalidf("target", "A Configuration Manager collection cannot be a target here: there is no Configuration Manager. Make a group of its devices.")
	default:
		return Invalidf("target", "target must be one of %s, %s, %s and %s.",
			TargetAllDevices, TargetAllLicensedUsers, TargetGroup, TargetExclusionGroup)
	}
	filtered := t.FilterType != FilterNone
	switch {
	case filtered && t.FilterID == "":
		return Invalidf("target/deviceAndAppManagementAssignmentFilterId", "An include or exclude filter needs its id in deviceAndAppManagementAssignmentFilterId.")
	case !filtered && t.FilterID != "":
		return Invalidf("target/deviceAndAppManagementAssignmentFilterType", "deviceAndAppManagementAssignmentFilterType must be include or exclude where a filter is named.")
	case filtered && t.Kind == TargetExclusionGroup:
		return Invalidf("target/deviceAndAppManagementAssignmentFilterType", "An exclusion takes no filter: it excludes all of its group.")
	}
	return nil
}

const day = 24 * time.Hour

func (s *Schedule) validate() error {
	switch s.Kind {
	case ScheduleHourly, ScheduleDaily:
		if s.Interval < 1 || s.Interval > 23 {
			return Invalidf("runSchedule/interval", "runSchedule/interval must be from 1 to 23.")
		}
	case ScheduleOnce:
		if s.Date.IsZero() {
			return Invalidf("runSchedule/date", "runSchedule/date must be the day of the run, such as 2027-01-31.")
		}
	default:
		return Invalidf("runSchedule", "runSchedule must be one of %s, %s and %s.", ScheduleHourly, ScheduleDaily, ScheduleOnce)
	}
	if s.Time < 0 || s.Time >= day {
		return Invalidf("runSchedule/time", "runSchedule/time must be a time of day.")
	}
	return nil
}
