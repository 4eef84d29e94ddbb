package graph

import (
	"context"

	"plimsoll"
	"plimsoll/internal/query"
	"plimsoll/internal/service"
)

// deviceCases are what people do with devices.
type deviceCases interface {
	Devices(ctx context.Context, page query.Page) (query.Rows[plimsoll.Device], error)
	CountDevices(ctx context.Context, filter *query.Expr) (int64, error)
	Device(ctx context.Context, id string) (plimsoll.Device, error)
	MatchingDevices(ctx context.Context, rule string, limit int) (query.Rows[plimsoll.Device], error)
	UpdateDevice(ctx context.Context, actor, id string, match service.Match, edit func(*plimsoll.Device)) (plimsoll.Device, error)
	DeleteDevice(ctx context.Context, actor, id string, match service.Match) error
	RequestRun(ctx context.Context, actor, deviceID, scriptID string) error
}

// groupCases are what people do with groups.
type groupCases interface {
	Groups(ctx context.Context, page query.Page) (query.Rows[plimsoll.Group], error)
	CountGroups(ctx context.Context, filter *query.Expr) (int64, error)
	Group(ctx context.Context, id string) (plimsoll.Group, error)
	CreateGroup(ctx context.Context, actor string, edit func(*plimsoll.Group)) (plimsoll.Group, error)
	UpdateGroup(ctx context.Context, actor, id string, match service.Match, edit func(*plimsoll.Group)) (plimsoll.Group, error)
	DeleteGroup(ctx context.Context, actor, id string, match service.Match) error
}

// memberCases are what people do with who is in a group.
type memberCases interface {
	Members(ctx context.Context, groupID string, page query.Page) (query.Rows[plimsoll.Device], error)
	CountMembers(ctx context.Context, groupID string, filter *query.Expr) (int64, error)
	AddMember(ctx context.Context, actor, groupID, deviceID string) error
	RemoveMember(ctx context.Context, actor, groupID, deviceID string) error
}

// filterCases are what people do with assignment filters.
type filterCases interface {
	Filters(ctx context.Context, page query.Page) (query.Rows[plimsoll.AssignmentFilter], error)
	CountFilters(ctx context.Context, filter *query.Expr) (int64, error)
	Filter(ctx context.Context, id string) (plimsoll.AssignmentFilter, error)
	CreateFilter(ctx context.Context, actor string, edit func(*plimsoll.AssignmentFilter)) (plimsoll.AssignmentFilter, error)
	UpdateFilter(ctx context.Context, actor, id string, match service.Match,
		edit func(*plimsoll.AssignmentFilter)) (plimsoll.AssignmentFilter, error)
	DeleteFilter(ctx context.Context, actor, id string, match service.Match) error
}

// enrollmentCases are what people do with enrolment tokens.
type enrollmentCases interface {
	EnrollmentTokens(ctx context.Context, page query.Page) (query.Rows[plimsoll.EnrollmentToken], error)
	EnrollmentToken(ctx context.Context, id string) (plimsoll.EnrollmentToken, error)
	// CreateEnrollmentToken also gives the secret, once.
	CreateEnrollmentToken(ctx context.Context, actor string,
		edit func(*plimsoll.EnrollmentToken)) (t plimsoll.EnrollmentToken, secret string, err error)
	RevokeEnrollmentToken(ctx context.Context, actor, id string) error
}

// assignmentCases are what people do with a script's assignments.
type assignmentCases interface {
	Assignments(ctx context.Context, scriptID string) ([]plimsoll.Assignment, error)
	Assignment(ctx context.Context, scriptID, id string) (plimsoll.Assignment, error)
	ReachedDevices(ctx context.Context, scriptID string, all []plimsoll.Assignment) (reached, notApplicable int64, err error)
	Assign(ctx context.Context, actor, scriptID string, all []plimsoll.Assignment) error
	CreateAssignment(ctx context.Context, actor, scriptID string, edit func(*plimsoll.Assignment)) (plimsoll.Assignment, error)
	UpdateAssignment(ctx context.Context, actor, scriptID, id string, edit func(*plimsoll.Assignment)) (plimsoll.Assignment, error)
	DeleteAssignment(ctx context.Context, actor, scriptID, id string) error
}

// runStateCases are what people do with what a script found.
type runStateCases interface {
	RunStates(ctx context.Context, scriptID string, page query.Page) (query.Rows[plimsoll.DeviceRunState], error)
	CountRunStates(ctx context.Context, scriptID string, filter *query.Expr) (int64, error)
	RunState(ctx context.Context, scriptID, deviceID string) (plimsoll.DeviceRunState, error)
	DeviceRunStates(ctx context.Context, deviceID string, page query.Page) (query.Rows[plimsoll.DeviceRunState], error)
	ErrorGroups(ctx context.Context, scriptID string) (plimsoll.ErrorGroups, error)
	ChangeRunState(ctx context.Context, actor, scriptID, deviceID string, create bool,
		edit func(*plimsoll.DeviceRunState)) (plimsoll.DeviceRunState, error)
	DeleteRunState(ctx context.Context, actor, scriptID, deviceID string) error
}

// auditCases are what people ask of who changed what.
type auditCases interface {
	AuditTrail(ctx context.Context, page query.Page) (query.Rows[plimsoll.AuditEvent], error)
	CountAuditEvents(ctx context.Context, filter *query.Expr) (int64, error)
	AuditEvent(ctx context.Context, id string) (plimsoll.AuditEvent, error)
}

// fleet is what the surface needs of the service for devices and whom they
// belong to.
type fleet interface {
	deviceCases
	groupCases
	memberCases
	filterCases
	enrollmentCases
	assignmentCases
	runStateCases
	auditCases
}

func fleetOf(s *service.Service) fleet { return s }

// fleet gives the use cases as the call may have them: within a change set,
// those of its transaction.
func (a *API) fleet(c *call) fleet { return a.cases(c.service) }
