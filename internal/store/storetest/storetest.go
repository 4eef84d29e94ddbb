// Package storetest is the conformance suite of stores: what every engine must
// do, and do alike.
package storetest

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"testing"
	"time"

	"plimsoll"
	"plimsoll/internal/query"
)

// The roles of a store.
type (
	// Scripts keeps scripts.
	Scripts interface {
		CreateScript(ctx context.Context, s *plimsoll.Script, e plimsoll.AuditEvent) error
		Script(ctx context.Context, id string, with ...string) (plimsoll.ListedScript, error)
		Scripts(ctx context.Context, page query.Page) (query.Rows[plimsoll.ListedScript], error)
		CountScripts(ctx context.Context, filter *query.Expr) (int64, error)
		UpdateScript(ctx context.Context, id string, change func(*plimsoll.Script) error,
			e plimsoll.AuditEvent) (plimsoll.Script, error)
		DeleteScript(ctx context.Context, id string, allow func(*plimsoll.Script) error, e plimsoll.AuditEvent) error
	}
	// RunSummaries keeps their histories.
	RunSummaries interface {
		AppendRunSummaries(ctx context.Context, records []*plimsoll.RunSummaryRecord) ([]error, error)
		RunSummary(ctx context.Context, scriptID string) (plimsoll.RunSummaryRecord, error)
		RunSummaries(ctx context.Context, ids []string) ([]plimsoll.RunSummaryRecord, []error, error)
		RunSummaryHistory(ctx context.Context, scriptID string, page query.Page) (
			query.Rows[plimsoll.RunSummaryRecord], error)
		UpdateRunSummary(ctx context.Context, scriptID string, change func(*plimsoll.RunSummaryRecord) error) (
			plimsoll.RunSummaryRecord, error)
		RemoveRunSummary(ctx context.Context, scriptID string, remove func(*plimsoll.RunSummaryRecord) error) error
	}
	// ScriptFeed tells what changed.
	ScriptFeed interface {
		ScriptChanges(ctx context.Context, after, removedAfter int64, with []string, limit, budget int) (
			[]plimsoll.ScriptChange, bool, error)
		LastScriptChange(ctx context.Context) (int64, error)
	}
	// Overview gives all at once.
	Overview interface {
		FleetState(ctx context.Context) (plimsoll.FleetState, error)
		ScriptSummaries(ctx context.Context, at time.Time, limit int) ([]plimsoll.ScriptSummary, error)
	}
	// ChangeSets makes several changes at once.
	ChangeSets interface {
		Atomically(ctx context.Context, work func(bound Store) error) error
		Submit(ctx context.Context, r *plimsoll.RunSummaryRecord) error
	}
	// Clients keeps the issuer's clients.
	Clients interface {
		CreateClient(ctx context.Context, c plimsoll.Client, e plimsoll.AuditEvent) error
		Client(ctx context.Context, id string) (plimsoll.Client, error)
		Clients(ctx context.Context) ([]plimsoll.Client, error)
		RotateClient(ctx context.Context, id string, secret plimsoll.ClientSecret, oldUntil time.Time,
			e plimsoll.AuditEvent) error
		DeleteClient(ctx context.Context, id string, e plimsoll.AuditEvent) error
	}
	// Installations keeps whose store it is.
	Installations interface {
		Installation(ctx context.Context) (plimsoll.Installation, error)
		Install(ctx context.Context, i plimsoll.Installation, first *plimsoll.Client, e plimsoll.AuditEvent) (bool, error)
	}
	// SigningKeys keeps the issuer's keys.
	SigningKeys interface {
		SigningKeys(ctx context.Context) ([]plimsoll.SigningKey, error)
		AddSigningKey(ctx context.Context, k plimsoll.SigningKey) error
		DeleteSigningKeys(ctx context.Context, expiredBefore time.Time) error
	}
	// Users keeps who may sign in.
	Users interface {
		CreateUser(ctx context.Context, u plimsoll.User, i plimsoll.Invitation, e plimsoll.AuditEvent) error
		InviteFirstUser(ctx context.Context, u plimsoll.User, i plimsoll.Invitation, created, invited plimsoll.AuditEvent) (string, error)
		User(ctx context.Context, id string) (plimsoll.User, error)
		UserByName(ctx context.Context, name string) (plimsoll.User, error)
		Users(ctx context.Context) ([]plimsoll.User, error)
		InviteUser(ctx context.Context, i plimsoll.Invitation, e plimsoll.AuditEvent) error
		DeleteUser(ctx context.Context, id string, e plimsoll.AuditEvent) error
	}
	// Passwords lets users set theirs.
	Passwords interface {
		InvitedUser(ctx context.Context, hash []byte, now time.Time) (plimsoll.User, error)
		AcceptInvitation(ctx context.Context, hash []byte, password string, start plimsoll.Session, e plimsoll.AuditEvent) error
		ChangePassword(ctx context.Context, old, password string, start plimsoll.Session, e plimsoll.AuditEvent) error
		TakeSignInAttempt(ctx context.Context, key []byte, now time.Time) (plimsoll.SignInAttempts, bool, error)
	}
	// Sessions keeps who is signed in.
	Sessions interface {
		StartSession(ctx context.Context, start plimsoll.Session, password string, before, attempts []byte, e plimsoll.AuditEvent) error
		Session(ctx context.Context, hash []byte, now time.Time) (plimsoll.Session, plimsoll.User, error)
		EndSession(ctx context.Context, hash []byte, e plimsoll.AuditEvent) error
		AddAuthorizationCode(ctx context.Context, c plimsoll.AuthorizationCode, sessionTill time.Time) error
		TakeAuthorizationCode(ctx context.Context, hash []byte, now time.Time) (plimsoll.AuthorizationCode, plimsoll.User, error)
		DropExpiredSignIns(ctx context.Context, now time.Time) error
	}
	// EnrollmentTokens lets devices enrol.
	EnrollmentTokens interface {
		CreateEnrollmentToken(ctx context.Context, t *plimsoll.EnrollmentToken, e plimsoll.AuditEvent) error
		EnrollmentToken(ctx context.Context, id string) (plimsoll.EnrollmentToken, error)
		EnrollmentTokens(ctx context.Context, page query.Page) (query.Rows[plimsoll.EnrollmentToken], error)
		RevokeEnrollmentToken(ctx context.Context, id string, at time.Time, e plimsoll.AuditEvent) error
		EnrollDevices(ctx context.Context, enrollments []*plimsoll.Enrollment) ([]error, error)
	}
	// Devices is what people read and change of devices.
	Devices interface {
		Devices(ctx context.Context, page query.Page) (query.Rows[plimsoll.Device], error)
		CountDevices(ctx context.Context, filter *query.Expr) (int64, error)
		Device(ctx context.Context, id string) (plimsoll.Device, error)
		MatchingDevices(ctx context.Context, rule *plimsoll.Rule, limit int) (query.Rows[plimsoll.Device], error)
		UpdateDevice(ctx context.Context, id string, change func(*plimsoll.Device) error,
			e plimsoll.AuditEvent) (plimsoll.Device, error)
		DeleteDevice(ctx context.Context, id string, allow func(*plimsoll.Device) error, e plimsoll.AuditEvent) error
	}
	// Agents is what the devices' agents ask for and tell.
	Agents interface {
		DeviceKey(ctx context.Context, id string) (ed25519.PublicKey, error)
		Agent(ctx context.Context, deviceID string) (plimsoll.Agent, error)
		DeviceVersion(deviceID string) (version uint64, ok bool)
		Watch(deviceID string) (own, others <-chan struct{}, stop func())
		StartAgents(ctx context.Context, starts []*plimsoll.AgentStart) (refusals []error, err error)
		UpdateInventory(ctx context.Context, id string, i plimsoll.Inventory, hash string, at time.Time) error
		Seen(ctx context.Context, at map[string]time.Time) error
		ApplyReports(ctx context.Context, reports []*plimsoll.Report) ([]error, error)
	}
	// Runs keeps whom scripts reach, and what they found.
	Runs interface {
		ReachedDevices(ctx context.Context, scriptID string, all []plimsoll.Assignment) (reached, notApplicable int64, err error)
		ReplaceAssignments(ctx context.Context, scriptID string, all []plimsoll.Assignment, e plimsoll.AuditEvent) error
		ChangeRunState(ctx context.Context, scriptID, deviceID string, create bool,
			change func(*plimsoll.DeviceRunState) error, e plimsoll.AuditEvent) (plimsoll.DeviceRunState, error)
		DeleteRunState(ctx context.Context, scriptID, deviceID string, e plimsoll.AuditEvent) error
		RequestRun(ctx context.Context, deviceID, scriptID string, e plimsoll.AuditEvent) error
		Work(ctx context.Context) (worked bool, err error)
		DropOldCounts(ctx context.Context, now time.Time) error
	}
	// RunStates tells what scripts found.
	RunStates interface {
		RunStates(ctx context.Context, scriptID string, page query.Page) (query.Rows[plimsoll.DeviceRunState], error)
		CountRunStates(ctx context.Context, scriptID string, filter *query.Expr) (int64, error)
		DeviceRunStates(ctx context.Context, deviceID string, page query.Page) (query.Rows[plimsoll.DeviceRunState], error)
		ErrorGroups(ctx context.Context, scriptID string) (plimsoll.ErrorGroups, error)
	}
	// Groups keeps groups.
	Groups interface {
		CreateGroup(ctx context.Context, g *plimsoll.Group, e plimsoll.AuditEvent) error
		Group(ctx context.Context, id string) (plimsoll.Group, error)
		Groups(ctx context.Context, page query.Page) (query.Rows[plimsoll.Group], error)
		UpdateGroup(ctx context.Context, id string, change func(*plimsoll.Group) error,
			e plimsoll.AuditEvent) (plimsoll.Group, error)
		DeleteGroup(ctx context.Context, id string, allow func(*plimsoll.Group) error, e plimsoll.AuditEvent) error
	}
	// Members keeps who is in a group.
	Members interface {
		Members(ctx context.Context, groupID string, page query.Page) (query.Rows[plimsoll.Device], error)
		CountMembers(ctx context.Context, groupID string, filter *query.Expr) (int64, error)
		AddMember(ctx context.Context, groupID, deviceID string, e plimsoll.AuditEvent) error
		RemoveMember(ctx context.Context, groupID, deviceID string, e plimsoll.AuditEvent) error
	}
	// Filters keeps assignment filters.
	Filters interface {
		CreateFilter(ctx context.Context, f *plimsoll.AssignmentFilter, e plimsoll.AuditEvent) error
		Filter(ctx context.Context, id string) (plimsoll.AssignmentFilter, error)
		UpdateFilter(ctx context.Context, id string, change func(*plimsoll.AssignmentFilter) error,
			e plimsoll.AuditEvent) (plimsoll.AssignmentFilter, error)
		DeleteFilter(ctx context.Context, id string, allow func(*plimsoll.AssignmentFilter) error, e plimsoll.AuditEvent) error
	}
	// Fleet keeps devices, and whom scripts reach.
	Fleet interface {
		EnrollmentTokens
		Devices
		Agents
		Runs
		RunStates
		Groups
		Members
		Filters
	}
	// Issuer is what the built-in issuer keeps.
	Issuer interface {
		Clients
		Installations
		SigningKeys
		Users
		Passwords
		Sessions
	}
	// Upkeep is what operators need.
	Upkeep interface {
		AuditEvents(ctx context.Context, limit int) ([]plimsoll.AuditEvent, error)
		AuditTrail(ctx context.Context, page query.Page) (query.Rows[plimsoll.AuditEvent], error)
		CountAuditEvents(ctx context.Context, filter *query.Expr) (int64, error)
		AuditEvent(ctx context.Context, id string) (plimsoll.AuditEvent, error)
		Verify(ctx context.Context) (plimsoll.Verification, error)
		Ping(ctx context.Context) error
		Pools() map[string]*sql.DB
		Close() error
	}
)

// Store is all that a store does.
type Store interface {
	Scripts
	RunSummaries
	ScriptFeed
	Overview
	ChangeSets
	Issuer
	Fleet
	Upkeep
}

// Run holds the stores that open makes to the suite. open gives the address of
// a new and empty database, which may be opened several times.
func Run(t *testing.T, open func(t *testing.T, address string) Store, address func(t *testing.T) string) {
	t.Helper()
	cases := map[string]func(*testing.T, Store){
		"a script comes back as it was stored":       scriptRoundTrip,
		"a change of a script is one transaction":    scriptChange,
		"a deleted script takes all with it":         scriptDelete,
		"a list neither skips nor repeats":           scriptPaging,
		"a page of large scripts is short":           pageBudget,
		"filters mean what the table says":           listCases,
		"filters and orders mean what is said":       listProperty,
		"a history's do too":                         historyProperty,
		"pages of any order neither skip nor repeat": pagingProperty,
		"the edges of lists":                         listEdges,
		"instants survive to 100 ns and sort":        instants,
		"summaries are numbered within their script": summaryNumbers,
		"a summary's life":                           summaryLife,
		"concurrent summaries leave no gap":          summaryConcurrency,
		"a summary against its script's deletion":    summaryAgainstDelete,
		"what those who watch are told":              fleetState,
		"summaries as they were":                     summaryThen,
		"a change set is made whole or not at all":   changeSet,
		"a change set crosses others":                changeSetsCross,
		"a change set against a script's deletion":   changeSetAgainstDelete,
		"changes in the order of their numbers":      scriptFeed,
		"whoever follows the changes has all":        followChanges,
		"changes by many at once":                    followWriters,
		"a recount sees wrong numbers of changes":    verifyChanges,
		"summaries are what is counted by hand":      fleet,
		"a device's life":                            deviceLife,
		"what a device's scripts say of it":          deviceCompliance,
		"devices are filtered and sorted":            deviceLists,
		"devices are found without regard to case":   namesInLowerCase,
		"two agents with one key":                    deviceInstances,
		"what agents are given has a version":        agentVersions,
		"who watches a device is woken":              watching,
		"a device is asked to run a script at once":  runRequests,
		"requests by many at once":                   runRequestsAtOnce,
		"devices are seen, and only forward":         devicesSeen,
		"the last pushed state goes with its device": lastPushed,
		"enrolments, one by one":                     enrollments,
		"a token is never used too often":            enrollmentsAtOnce,
		"enrolment tokens":                           enrollmentTokens,
		"static groups":                              staticGroups,
		"dynamic groups":                             dynamicGroups,
		"a group against assignments to it":          groupAgainstAssignments,
		"assignment filters":                         assignmentFilters,
		"clients and their secrets":                  clients,
		"an installation is made once":               installation,
		"signing keys":                               signingKeys,
		"users and their invitations":                users,
		"somebody can sign in":                       firstUser,
		"the first user is made once":                firstUserAtOnce,
		"a session's life":                           sessions,
		"an invitation is used once":                 invitationsAtOnce,
		"passwords end sessions":                     passwords,
		"an authorization code is taken once":        codes,
		"wrong passwords by many at once":            attemptsAtOnce,
		"what expired of sign-ins goes":              expiredSignIns,
		"a recount sees what is wrong":               verification,
		"a recount sees who has what wrongly":        verifyPairs,
		"a recount waits for nobody":                 verifyMeanwhile,
		"a call that ended does nothing":             canceled,
		"what every script found on a device":        deviceRunStates,
		"errors by their likeness":                   errorGroups,
		"whom assignments would reach":               reached,
		"who changed what":                           auditTrail,
	}
	for name, run := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, open(t, address(t)))
		})
	}
	t.Run("many open at once", func(t *testing.T) {
		t.Parallel()
		openAtOnce(t, open, address(t))
	})
}

// openAtOnce starts several stores on one empty database: one migrates, the
// others wait for it, and all see one another's writes.
func openAtOnce(t *testing.T, open func(t *testing.T, address string) Store, address string) {
	t.Helper()
	stores := make(chan Store)
	const n = 4
	for range n {
		go func() { stores <- open(t, address) }()
	}
	script := addScript(t, <-stores)
	for range n - 1 {
		if _, err := (<-stores).Script(t.Context(), script.ID); err != nil {
			t.Error(err)
		}
	}
}

// noon is a time like any other.
func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 123456700, time.UTC) }

func event(activity, id string) plimsoll.AuditEvent {
	return plimsoll.AuditEvent{At: noon(), Actor: "tester", Activity: activity, ObjectID: id}
}

func wantNotFound(t *testing.T, err error) {
	t.Helper()
	if code := plimsoll.ErrorCode(err); code != plimsoll.NotFound {
		t.Errorf("error %v has the code %q, want %q", err, code, plimsoll.NotFound)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// check is must for goroutines that are not the test's own.
func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}
