package service

import (
	"context"
	"time"

	"plimsoll"
	"plimsoll/internal/query"
)

// DeviceStore keeps the devices.
type DeviceStore interface {
	Devices(ctx context.Context, page query.Page) (query.Rows[plimsoll.Device], error)
	CountDevices(ctx context.Context, filter *query.Expr) (int64, error)
	Device(ctx context.Context, id string) (plimsoll.Device, error)
	// MatchingDevices tells how many devices a rule selects now, in Total, and
	// gives the first of them, limit at most.
	MatchingDevices(ctx context.Context, rule *plimsoll.Rule, limit int) (query.Rows[plimsoll.Device], error)
	UpdateDevice(ctx context.Context, id string, change func(*plimsoll.Device) error,
		e plimsoll.AuditEvent) (plimsoll.Device, error)
	DeleteDevice(ctx context.Context, id string, allow func(*plimsoll.Device) error, e plimsoll.AuditEvent) error
	// RequestRun has a device's agent run a script that the device has, at once;
	// NotFound where there is no such device, or it does not have the script.
	RequestRun(ctx context.Context, deviceID, scriptID string, e plimsoll.AuditEvent) error
}

// EnrollmentTokenStore keeps the enrolment tokens.
type EnrollmentTokenStore interface {
	CreateEnrollmentToken(ctx context.Context, t *plimsoll.EnrollmentToken, e plimsoll.AuditEvent) error
	EnrollmentTokens(ctx context.Context, page query.Page) (query.Rows[plimsoll.EnrollmentToken], error)
	EnrollmentToken(ctx context.Context, id string) (plimsoll.EnrollmentToken, error)
	EnrollmentTokenByHash(ctx context.Context, hash []byte) (*plimsoll.EnrollmentToken, error)
	RevokeEnrollmentToken(ctx context.Context, id string, at time.Time, e plimsoll.AuditEvent) error
}

// Enroller makes a device one of the fleet, with the run states that the
// assignments give it, and returns once that is durable. A key that the same
// token enrolled already gives the device's id once more, in e.Device.ID.
type Enroller interface {
	Enroll(ctx context.Context, e *plimsoll.Enrollment) error
}

// GroupStore keeps the groups. A change of a rule takes effect in the background.
type GroupStore interface {
	Groups(ctx context.Context, page query.Page) (query.Rows[plimsoll.Group], error)
	CountGroups(ctx context.Context, filter *query.Expr) (int64, error)
	Group(ctx context.Context, id string) (plimsoll.Group, error)
	CreateGroup(ctx context.Context, g *plimsoll.Group, e plimsoll.AuditEvent) error
	UpdateGroup(ctx context.Context, id string, change func(*plimsoll.Group) error,
		e plimsoll.AuditEvent) (plimsoll.Group, error)
	DeleteGroup(ctx context.Context, id string, allow func(*plimsoll.Group) error, e plimsoll.AuditEvent) error
}

// MemberStore keeps who is in a group. A change of a static member takes effect
// at once.
type MemberStore interface {
	Members(ctx context.Context, groupID string, page query.Page) (query.Rows[plimsoll.Device], error)
	CountMembers(ctx context.Context, groupID string, filter *query.Expr) (int64, error)
	AddMember(ctx context.Context, groupID, deviceID string, e plimsoll.AuditEvent) error
	RemoveMember(ctx context.Context, groupID, deviceID string, e plimsoll.AuditEvent) error
}

// FilterStore keeps the assignment filters. A change of a rule takes effect in
// the background; one that an assignment names cannot be deleted.
type FilterStore interface {
	Filters(ctx context.Context, page query.Page) (query.Rows[plimsoll.AssignmentFilter], error)
	CountFilters(ctx context.Context, filter *query.Expr) (int64, error)
	Filter(ctx context.Context, id string) (plimsoll.AssignmentFilter, error)
	CreateFilter(ctx context.Context, f *plimsoll.AssignmentFilter, e plimsoll.AuditEvent) error
	UpdateFilter(ctx context.Context, id string, change func(*plimsoll.AssignmentFilter) error,
		e plimsoll.AuditEvent) (plimsoll.AssignmentFilter, error)
	DeleteFilter(ctx context.Context, id string, allow func(*plimsoll.AssignmentFilter) error, e plimsoll.AuditEvent) error
}

// AssignmentStore keeps the assignments of scripts. A change takes effect in the
// background, and makes the script's summary a computed one.
type AssignmentStore interface {
	Assignments(ctx context.Context, scriptID string) ([]plimsoll.Assignment, error)
	// ReachedDevices tells how many devices assignments would reach now, and to how
	// many of these the script would not apply.
	ReachedDevices(ctx context.Context, scriptID string, all []plimsoll.Assignment) (reached, notApplicable int64, err error)
	ReplaceAssignments(ctx context.Context, scriptID string, all []plimsoll.Assignment, e plimsoll.AuditEvent) error
	ChangeAssignments(ctx context.Context, scriptID string,
		change func([]plimsoll.Assignment) ([]plimsoll.Assignment, error), e plimsoll.AuditEvent) error
}

// RunStateStore keeps what scripts found on devices.
type RunStateStore interface {
	RunStates(ctx context.Context, scriptID string, page query.Page) (query.Rows[plimsoll.DeviceRunState], error)
	CountRunStates(ctx context.Context, scriptID string, filter *query.Expr) (int64, error)
	RunState(ctx context.Context, scriptID, deviceID string) (plimsoll.DeviceRunState, error)
	// DeviceRunStates gives what every script found on a device, with its name.
	DeviceRunStates(ctx context.Context, deviceID string, page query.Page) (query.Rows[plimsoll.DeviceRunState], error)
	// ErrorGroups groups what the script's runs that could not tell wrote.
	ErrorGroups(ctx context.Context, scriptID string) (plimsoll.ErrorGroups, error)
	// ChangeRunState makes the state what change makes of it, for the current
	// revision, and one that is not there where create says so.
	ChangeRunState(ctx context.Context, scriptID, deviceID string, create bool,
		change func(*plimsoll.DeviceRunState) error, e plimsoll.AuditEvent) (plimsoll.DeviceRunState, error)
	// DeleteRunState forgets the runs: where an assignment reaches the device,
	// the script is pending there again.
	DeleteRunState(ctx context.Context, scriptID, deviceID string, e plimsoll.AuditEvent) error
}

// AgentStarter notes which of its processes a device's agent is, and returns once
// that is durable. It gives Conflict where another process took over since: the key
// is used twice.
type AgentStarter interface {
	StartAgent(ctx context.Context, start *plimsoll.AgentStart) error
}

// CheckInStore is what agents are served from.
type CheckInStore interface {
	// Agent gives what is known of a device's agent, and its scripts by their ids;
	// NotFound where there is no such device.
	Agent(ctx context.Context, deviceID string) (plimsoll.Agent, error)
	// DeviceVersion gives a number that is another whenever what Agent gives may
	// be, and false where nobody can tell. It asks no database.
	DeviceVersion(deviceID string) (version uint64, ok bool)
	// Watch tells of other versions: own holds a value after a change of the device
	// alone, others after one of more devices. Until stop is called none is missed.
	Watch(deviceID string) (own, others <-chan struct{}, stop func())
	// AssignedContent gives the content of a script that the device has to run.
	AssignedContent(ctx context.Context, deviceID, scriptID string) ([]byte, error)
	// UpdateInventory keeps what a device's agent tells of it, under the name that
	// the agent gives it, with what follows for the groups and filters it is in.
	UpdateInventory(ctx context.Context, deviceID string, i plimsoll.Inventory, hash string, at time.Time) error
	// Seen notes when devices spoke to the service.
	Seen(ctx context.Context, at map[string]time.Time) error
}

// Reporter takes reports, and returns once one is durable, with its outcomes.
type Reporter interface {
	Report(ctx context.Context, r *plimsoll.Report) error
}
