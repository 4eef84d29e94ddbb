package graph

import (
	"plimsoll"
	"plimsoll/internal/odata"
)

const (
	namespace = "microsoft.graph"
	ours      = "plimsoll" // the namespace of what Graph has no word for
)

// Every type that is served, as Go holds it.
type (
	record           = plimsoll.RunSummaryRecord
	device           = plimsoll.Device
	assignmentFilter = plimsoll.AssignmentFilter
)

// model declares every type that is served. $metadata is written from it.
type model struct {
	management      map[string]*odata.EntityType[deviceManagement] // by root: Graph's v1.0 has no scripts
	script          *odata.EntityType[script]
	runSummary      *odata.EntityType[record]
	history         *odata.EntityType[record]
	summaries       *odata.EntityType[scriptSummary]
	me              *odata.EntityType[me]
	device          *odata.EntityType[device]
	group           *odata.EntityType[group]
	filter          *odata.EntityType[assignmentFilter]
	enrollmentToken *odata.EntityType[enrollmentToken]
	assignment      *odata.EntityType[assignment]
	target          *odata.EntityType[plimsoll.Target]
	schedule        *odata.EntityType[plimsoll.Schedule]
	runState        *odata.EntityType[runState]
	scriptRunState  *odata.EntityType[runState]
	errorGroup      *odata.EntityType[plimsoll.ErrorGroup]
	reach           *odata.EntityType[reach]
	auditEvent      *odata.EntityType[auditEvent]
	auditActor      *odata.EntityType[plimsoll.AuditEvent]
	auditResource   *odata.EntityType[plimsoll.AuditedObject]
	metadata        map[string]document // by root
}

// deviceManagement is the singleton under which Graph keeps the scripts and the
// devices, with those pages of them that are expanded.
type deviceManagement struct {
	id      string
	scripts odata.Collection[script]
	devices odata.Collection[device]
	filters odata.Collection[assignmentFilter]
	tokens  odata.Collection[enrollmentToken]
	events  odata.Collection[auditEvent]
}

func newModel() *model {
	m := &model{
		runSummary: runSummaryType(), history: historyType(), summaries: scriptSummaryType(), me: meType(), device: deviceType(),
		filter: filterType(), enrollmentToken: enrollmentTokenType(), target: targetType(), schedule: scheduleType(),
		scriptRunState: scriptRunStateType(), errorGroup: errorGroupType(), reach: reachType(),
		auditActor: auditActorType(), auditResource: auditResourceType(),
	}
	m.auditEvent = auditEventType(m.auditActor, m.auditResource)
	m.assignment, m.runState, m.group = assignmentType(m.target, m.schedule), runStateType(m.device), groupType(m.device)
	m.script = scriptType(m)
	m.management = map[string]*odata.EntityType[deviceManagement]{
		beta: managementType(
			odata.Many("deviceComplianceScripts", m.script, func(m *deviceManagement) *odata.Collection[script] { return &m.scripts }),
			odata.Many("managedDevices", m.device, func(m *deviceManagement) *odata.Collection[device] { return &m.devices }),
			odata.Many("assignmentFilters", m.filter, func(m *deviceManagement) *odata.Collection[assignmentFilter] { return &m.filters }),
			odata.Many("enrollmentTokens", m.enrollmentToken, func(m *deviceManagement) *odata.Collection[enrollmentToken] { return &m.tokens }),
			odata.Many("auditEvents", m.auditEvent, func(m *deviceManagement) *odata.Collection[auditEvent] { return &m.events }),
		),
		v1: managementType(),
	}
	m.metadata = m.documents()
	return m
}

func managementType(navigations ...odata.Navigation[deviceManagement]) *odata.EntityType[deviceManagement] {
	return odata.Declare(odata.EntityType[deviceManagement]{
		Name: namespace + ".deviceManagement", Base: namespace + ".entity",
		Key: func(m *deviceManagement) string { return m.id },
		Properties: []odata.Property[deviceManagement]{
			odata.String("id", func(m *deviceManagement) *string { return &m.id }).ReadOnly(),
		},
		Navigations: navigations,
	})
}
