package graph

import (
	"slices"
	"time"

	"plimsoll"
	"plimsoll/internal/odata"
	"plimsoll/internal/query"
	"plimsoll/internal/service"
)

const (
	groupsName = "groups"
	groupsPath = "/" + groupsName
	groupPath  = groupsPath + "/{id}"

	dynamicMembership = "DynamicMembership"
	processingOn      = "On"
	processingPaused  = "Paused"
)

// group is a group as it goes over the wire: what Graph tells of it beside is
// made from the rule, or is the same for all.
type group struct {
	plimsoll.Group

	types           []string
	processing      string
	mailEnabled     bool
	securityEnabled bool
	members         odata.Collection[device] // those that are expanded
}

func shownGroup(g plimsoll.Group) group {
	shown := group{Group: g, types: []string{}, securityEnabled: true}
	if g.Dynamic() {
		shown.types, shown.processing = []string{dynamicMembership}, processingOn
		if g.RulePaused {
			shown.processing = processingPaused
		}
	}
	return shown
}

func groupType(devices *odata.EntityType[device]) *odata.EntityType[group] {
	return odata.Declare(odata.EntityType[group]{
		Name: namespace + ".group", Base: namespace + ".directoryObject",
		Key:     func(g *group) string { return g.ID },
		Changes: func(g *group) int64 { return g.Changes },
		Properties: []odata.Property[group]{
			odata.String("id", func(g *group) *string { return &g.ID }).ReadOnly(),
			odata.String("displayName", func(g *group) *string { return &g.DisplayName }).Required().Searched(),
			odata.NullableString("description", func(g *group) **string { return &g.Description }).Searched(),
			odata.Strings("groupTypes", func(g *group) *[]string { return &g.types }),
			odata.TextOrNull("membershipRule", func(g *group) *string { return &g.MembershipRule }),
			odata.TextOrNull("membershipRuleProcessingState", func(g *group) *string { return &g.processing }),
			odata.Boolean("mailEnabled", func(g *group) *bool { return &g.mailEnabled }),
			odata.TextOrNull("mailNickname", func(g *group) *string { return &g.MailNickname }),
			odata.Boolean("securityEnabled", func(g *group) *bool { return &g.securityEnabled }),
			odata.DateTimeOffset("createdDateTime", func(g *group) *time.Time { return &g.CreatedAt }).ReadOnly(),
		},
		Navigations: []odata.Navigation[group]{
			odata.Many("members", devices, func(g *group) *odata.Collection[device] { return &g.members }).Reference(),
		},
	})
}

// groupEdit is what a body asks of a group.
type groupEdit struct {
	patch               odata.Patch[group]
	typed, dynamic      bool // groupTypes is given, with DynamicMembership
	ruled               bool // membershipRule is given
	rule                string
	processed, isPaused bool // membershipRuleProcessingState is given, as Paused
}

// readGroupEdit refuses what no group here can be. What a body gives is told
// from what it leaves as it was.
func readGroupEdit(patch odata.Patch[group]) (groupEdit, error) {
	const left = "\x00"
	given := group{processing: left, securityEnabled: true}
	given.MembershipRule = left
	patch.Apply(&given)
	e := groupEdit{
		patch: patch, typed: given.types != nil, dynamic: slices.Contains(given.types, dynamicMembership),
		ruled: given.MembershipRule != left, processed: given.processing != left, isPaused: given.processing == processingPaused,
	}
	if e.ruled {
		e.rule = given.MembershipRule
	}
	switch {
	case slices.ContainsFunc(given.types, func(t string) bool { return t != dynamicMembership }):
		return e, plimsoll.Invalidf("groupTypes", "groupTypes must be [] or [%q]: groups here are security groups.", dynamicMembership)
	case given.mailEnabled:
		return e, plimsoll.Invalidf("mailEnabled", "mailEnabled must be false: groups here are security groups.")
	case !given.securityEnabled:
		return e, plimsoll.Invalidf("securityEnabled", "securityEnabled must be true: groups here are security groups.")
	case e.dynamic && e.ruled && e.rule == "":
		return e, noRule()
	case e.typed && !e.dynamic && e.rule != "":
		return e, plimsoll.Invalidf("groupTypes", "A group with a membershipRule has %q in its groupTypes.", dynamicMembership)
	case e.processed && given.processing != "" && given.processing != processingOn && !e.isPaused:
		return e, plimsoll.Invalidf("membershipRuleProcessingState", "membershipRuleProcessingState must be %s or %s.", processingOn, processingPaused)
	}
	return e, nil
}

func noRule() error {
	return plimsoll.Invalidf("membershipRule",
		`A group with %s in its groupTypes needs a membershipRule, such as (device.osVersion -startsWith "12.").`, dynamicMembership)
}

// lacksRule tells whether a rule must stand already for the edit to make sense.
func (e *groupEdit) lacksRule() bool { return e.dynamic && !e.ruled }

func (e *groupEdit) apply(g *plimsoll.Group) {
	edited := group{Group: *g}
	e.patch.Apply(&edited)
	*g = edited.Group
	if e.typed && !e.dynamic {
		g.MembershipRule = ""
	}
	if e.processed {
		g.RulePaused = e.isPaused
	}
}

// groups is the set of all groups.
func (a *API) groups() *set[group] {
	return &set[group]{
		pattern: groupsPath, typ: a.model.group, access: toGroups(), own: query.String, maxBody: maxBody,
		list: func(c *call, _ string, page query.Page) (query.Rows[group], error) {
			found, err := a.fleet(c).Groups(c.r.Context(), page)
			rows := query.Rows[group]{Rows: make([]group, len(found.Rows)), Last: found.Last, Total: found.Total}
			for i, g := range found.Rows {
				rows.Rows[i] = shownGroup(g)
			}
			return rows, err
		},
		count: func(c *call, filter *query.Expr) (int64, error) { return a.fleet(c).CountGroups(c.r.Context(), filter) },
		get: func(c *call, id string) (group, error) {
			found, err := a.fleet(c).Group(c.r.Context(), id)
			return shownGroup(found), err
		},
		create: a.createGroup,
		update: a.updateGroup,
		remove: func(c *call, id string, match service.Match) error {
			return a.fleet(c).DeleteGroup(c.r.Context(), c.caller.Subject, id, match)
		},
		expand: func(c *call, q *odata.Query, g *group) error {
			e := q.Expanded("members")
			if e == nil {
				return nil
			}
			page, err := a.members().page(c, g.ID, &e.Query)
			if err == nil {
				g.members = *page
			}
			return err
		},
	}
}

// createGroup makes a group, with the members that the body binds or not at all.
func (a *API) createGroup(c *call, patch odata.Patch[group]) (group, error) {
	edit, err := readGroupEdit(patch)
	if err == nil && edit.lacksRule() {
		err = noRule()
	}
	if err != nil {
		return group{}, err
	}
	bound, err := deviceKeys("members", patch.Bindings("members"))
	if err != nil {
		return group{}, err
	}
	return a.withMembers(c, bound, func(cases fleet) (plimsoll.Group, error) {
		return cases.CreateGroup(c.r.Context(), c.caller.Subject, edit.apply)
	})
}

// withMembers changes a group and adds members to it, or does neither.
func (a *API) withMembers(c *call, bound []string, change func(fleet) (plimsoll.Group, error)) (group, error) {
	if len(bound) == 0 {
		changed, err := change(a.fleet(c))
		return shownGroup(changed), err
	}
	var changed plimsoll.Group
	err := c.service.Atomically(c.r.Context(), func(s *service.Service) (err error) {
		cases := a.cases(s)
		if changed, err = change(cases); err != nil {
			return err
		}
		for _, id := range bound {
			if err = cases.AddMember(c.r.Context(), c.caller.Subject, changed.ID, id); err != nil {
				return err
			}
		}
		return nil
	})
	return shownGroup(changed), err
}

func (a *API) updateGroup(c *call, id string, match service.Match, patch odata.Patch[group]) (group, error) {
	edit, err := readGroupEdit(patch)
	if err != nil {
		return group{}, err
	}
	bound, err := deviceKeys("members", patch.Bindings("members"))
	if err != nil {
		return group{}, err
	}
	if edit.lacksRule() {
		switch found, err := a.fleet(c).Group(c.r.Context(), id); {
		case err != nil:
			return group{}, err
		case !found.Dynamic():
			return group{}, noRule()
		}
	}
	return a.withMembers(c, bound, func(cases fleet) (plimsoll.Group, error) {
		return cases.UpdateGroup(c.r.Context(), c.caller.Subject, id, match, edit.apply)
	})
}

func (a *API) addGroups(routes map[string]operations) {
	a.groups().addTo(routes)
	a.addMembers(routes)
}
