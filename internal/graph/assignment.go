package graph

import (
	"net/http"
	"time"

	"plimsoll"
	"plimsoll/internal/odata"
	"plimsoll/internal/query"
	"plimsoll/internal/service"
)

const (
	assignmentsPath = scriptPath + "/assignments"
	assignPath      = scriptPath + "/assign"
	assignParameter = "deviceHealthScriptAssignments"
)

// assignment is an assignment as it goes over the wire.
type assignment struct {
	plimsoll.Assignment

	target   *plimsoll.Target
	schedule *plimsoll.Schedule
}

func shownAssignment(a plimsoll.Assignment) assignment {
	shown := assignment{Assignment: a, target: &a.Target}
	if a.Schedule.Kind != "" {
		shown.schedule = &a.Schedule
	}
	return shown
}

// editAssignment gives the change that a body asks for.
func editAssignment(patch odata.Patch[assignment]) func(*plimsoll.Assignment) {
	return func(a *plimsoll.Assignment) {
		edited := shownAssignment(*a)
		patch.Apply(&edited)
		*a = edited.Assignment
		a.Target, a.Schedule = plimsoll.Target{}, plimsoll.Schedule{}
		if edited.target != nil {
			a.Target = *edited.target
		}
		if edited.schedule != nil {
			a.Schedule = *edited.schedule
		}
	}
}

func filterTypes() odata.Enumeration[plimsoll.FilterType] {
	return odata.Enumeration[plimsoll.FilterType]{
		Name:    namespace + ".deviceAndAppManagementAssignmentFilterType",
		Members: []plimsoll.FilterType{plimsoll.FilterNone, plimsoll.FilterInclude, plimsoll.FilterExclude},
	}
}

func targetType() *odata.EntityType[plimsoll.Target] {
	type target = plimsoll.Target
	kind := func(t *target) *plimsoll.TargetKind { return &t.Kind }
	of := func(kinds plimsoll.TargetKind, properties ...odata.Property[target]) odata.Derived[target] {
		return odata.Derive(string(kinds), kind, kinds, properties...)
	}
	return odata.Declare(odata.EntityType[target]{
		Name: namespace + ".deviceAndAppManagementAssignmentTarget", Abstract: true,
		Properties: []odata.Property[target]{
			odata.TextOrNull("deviceAndAppManagementAssignmentFilterId", func(t *target) *string { return &t.FilterID }),
			odata.Enum("deviceAndAppManagementAssignmentFilterType", filterTypes(), func(t *target) *plimsoll.FilterType { return &t.FilterType }),
		},
		Derived: []odata.Derived[target]{
			of(plimsoll.TargetAllDevices),
			of(plimsoll.TargetAllLicensedUsers),
			of(plimsoll.TargetGroup, odata.TextOrNull("groupId", func(t *target) *string { return &t.GroupID })),
			of(plimsoll.TargetExclusionGroup).From(string(plimsoll.TargetGroup)),
			of(plimsoll.TargetCollection, odata.TextOrNull("collectionId", func(t *target) *string { return &t.CollectionID })),
		},
	})
}

func scheduleType() *odata.EntityType[plimsoll.Schedule] {
	type schedule = plimsoll.Schedule
	const timed = "deviceHealthScriptTimeSchedule"
	kind := func(s *schedule) *plimsoll.ScheduleKind { return &s.Kind }
	return odata.Declare(odata.EntityType[schedule]{
		Name: namespace + ".deviceHealthScriptRunSchedule", Abstract: true,
		Properties: []odata.Property[schedule]{
			odata.Int32("interval", func(s *schedule) *int32 { return &s.Interval }),
		},
		Derived: []odata.Derived[schedule]{
			odata.Derive(string(plimsoll.ScheduleHourly), kind, plimsoll.ScheduleHourly),
			odata.DeriveAbstract(timed,
				odata.Boolean("useUtc", func(s *schedule) *bool { return &s.UseUTC }),
				odata.TimeOfDay("time", func(s *schedule) *time.Duration { return &s.Time }),
			),
			odata.Derive(string(plimsoll.ScheduleDaily), kind, plimsoll.ScheduleDaily).From(timed),
			odata.Derive(string(plimsoll.ScheduleOnce), kind, plimsoll.ScheduleOnce,
				odata.Date("date", func(s *schedule) *time.Time { return &s.Date }).Required(),
			).From(timed),
		},
	})
}

func assignmentType(target *odata.EntityType[plimsoll.Target], schedule *odata.EntityType[plimsoll.Schedule]) *odata.EntityType[assignment] {
	return odata.Declare(odata.EntityType[assignment]{
		Name: namespace + ".deviceHealthScriptAssignment", Base: namespace + ".entity",
		Key: func(a *assignment) string { return a.ID },
		Properties: []odata.Property[assignment]{
			odata.String("id", func(a *assignment) *string { return &a.ID }).ReadOnly(),
			odata.Complex("target", target, func(a *assignment) **plimsoll.Target { return &a.target }).Required(),
			odata.Boolean("runRemediationScript", func(a *assignment) *bool { return &a.RunRemediationScript }),
			odata.Complex("runSchedule", schedule, func(a *assignment) **plimsoll.Schedule { return &a.schedule }),
		},
	})
}

// assignments is the set of a script's assignments. It is small, and given as a
// whole.
func (a *API) assignments() *set[assignment] {
	return &set[assignment]{
		pattern: assignmentsPath, typ: a.model.assignment, access: toScripts(), maxBody: maxBody, whole: true,
		list: func(c *call, scriptID string, _ query.Page) (query.Rows[assignment], error) {
			found, err := a.fleet(c).Assignments(c.r.Context(), scriptID)
			rows := query.Rows[assignment]{Rows: make([]assignment, len(found)), Total: int64(len(found))}
			for i, one := range found {
				rows.Rows[i] = shownAssignment(one)
			}
			return rows, err
		},
		count: func(c *call, _ *query.Expr) (int64, error) {
			found, err := a.fleet(c).Assignments(c.r.Context(), c.key("id"))
			return int64(len(found)), err
		},
		get: func(c *call, id string) (assignment, error) {
			found, err := a.fleet(c).Assignment(c.r.Context(), c.key("id"), id)
			return shownAssignment(found), err
		},
		create: func(c *call, patch odata.Patch[assignment]) (assignment, error) {
			created, err := a.fleet(c).CreateAssignment(c.r.Context(), c.caller.Subject, c.key("id"), editAssignment(patch))
			return shownAssignment(created), err
		},
		update: func(c *call, id string, _ service.Match, patch odata.Patch[assignment]) (assignment, error) {
			updated, err := a.fleet(c).UpdateAssignment(c.r.Context(), c.caller.Subject, c.key("id"), id, editAssignment(patch))
			return shownAssignment(updated), err
		},
		remove: func(c *call, id string, _ service.Match) error {
			return a.fleet(c).DeleteAssignment(c.r.Context(), c.caller.Subject, c.key("id"), id)
		},
	}
}

// addAssignments adds the paths of a script's assignments, and of the action that
// replaces them all.
func (a *API) addAssignments(routes map[string]operations) {
	a.assignments().addTo(routes)
	assign := operations{http.MethodPost: toScripts().act(maxAssignBody, a.assign)}
	routes[assignPath] = assign
	routes[scriptPath+"/"+namespace+".assign"] = assign
}

func (a *API) assign(c *call) (*answer, error) {
	all, err := a.givenAssignments(c)
	if err != nil {
		return nil, err
	}
	return noContent(), a.fleet(c).Assign(c.r.Context(), c.caller.Subject, c.key("id"), all)
}
