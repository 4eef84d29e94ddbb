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

// Validate refuses a group that cannot be kept.
func (g *Group) Validate() error {
	if err := checkNamed(g.DisplayName, g.Description); err != nil {
		return err
	}
	if err := checkText("mailNickname", g.MailNickname, MaxName); err != nil {
		return err
	}
	if !g.Dynamic() {
		return nil
	}
	_, err := ParseRule("membershipRule", g.MembershipRule)
	return err
}

func checkNamed(name string, description *string) error {
	if name == "" {
		return Invalidf("displayName", "displayName must not be empty.")
	}
	if err := checkText("displayName", name, MaxName); err != nil {
		return err
	}
	if description == nil {
		return nil
	}
	return checkText("description", *description, MaxDescription)
}

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

// Validate refuses a filter that cannot be kept.
func (f *AssignmentFilter) Validate() error {
	if err := checkNamed(f.DisplayName, f.Description); err != nil {
		return err
	}
	if err := checkText("platform", f.Platform, MaxInventoryText); err != nil {
		return err
	}
	if err := checkTags("roleScopeTags", f.RoleScopeTags); err != nil {
		return err
	}
	_, err := ParseRule("rule", f.Rule)
	return err
}
