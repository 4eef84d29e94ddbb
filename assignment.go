package plimsoll

import "cmp"

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

// Assignment gives a script to devices (Graph's deviceHealthScriptAssignment).
type Assignment struct {
	ID                   string // a GUID in lower case
	ScriptID             string
	Target               Target
	RunRemediationScript bool     // kept, and of no effect: there is no remediation
	Schedule             Schedule // of a zero Kind: none was given
}

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
	return a.Schedule.Validate()
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
