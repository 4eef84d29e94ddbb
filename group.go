package plimsoll

import "time"

// Group is a set of devices (Graph's group): those that were put into it, or
// those that its rule selects.
type Group struct {
	ID             string // a GUID in lower case
	Changes        int64  // from 1
	DisplayName    string
	Description    *string
	MailNickname   string
	MembershipRule string // "" for a group with static members
	RulePaused     bool   // membershipRuleProcessingState is Paused: members stay as they are
	CreatedAt      time.Time
}

// Dynamic tells whether a rule selects the members.
func (g *Group) Dynamic() bool { return g.MembershipRule != "" }

// AssignmentFilter narrows an assignment to the devices that its rule selects, or
// to the others (Graph's deviceAndAppManagementAssignmentFilter).
type AssignmentFilter struct {
	ID            string // a GUID in lower case
	Changes       int64  // from 1
	DisplayName   string
	Description   *string
	Platform      string // as Graph names it, such as windows10AndLater; only told, the rule selects
	Rule          string
	RoleScopeTags []string
	CreatedAt     time.Time
	ModifiedAt    time.Time
}
