package graph

import (
	"time"

	"plimsoll"
	"plimsoll/internal/odata"
)

const (
	namespace = "microsoft.graph"
	ours      = "plimsoll" // the namespace of what Graph has no word for
)

// Every type that is served, as Go holds it.
type (
	script = plimsoll.ListedScript
	record = plimsoll.RunSummaryRecord
)

// model declares every type that is served. $metadata is written from it.
type model struct {
	management map[string]*odata.EntityType[deviceManagement] // by root: Graph's v1.0 has no scripts
	script     *odata.EntityType[script]
	runSummary *odata.EntityType[record]
	history    *odata.EntityType[record]
	metadata   map[string]document // by root
}

// deviceManagement is the singleton under which Graph keeps the scripts.
type deviceManagement struct {
	id      string
	scripts odata.Collection[script] // those that are expanded
}

func newModel() *model {
	m := &model{runSummary: runSummaryType(), history: historyType()}
	m.script = scriptType(m.runSummary)
	m.management = map[string]*odata.EntityType[deviceManagement]{
		beta: managementType(odata.Many("deviceComplianceScripts", m.script,
			func(m *deviceManagement) *odata.Collection[script] { return &m.scripts })),
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

func runAsAccounts() odata.Enumeration[plimsoll.RunAsAccount] {
	return odata.Enumeration[plimsoll.RunAsAccount]{
		Name: namespace + ".runAsAccountType", Members: plimsoll.RunAsAccounts(),
	}
}

func platforms() odata.Enumeration[plimsoll.Platform] {
	return odata.Enumeration[plimsoll.Platform]{
		Name: namespace + ".deviceComplianceScriptPlatformType", Members: plimsoll.Platforms(),
	}
}

func scriptType(runSummary *odata.EntityType[record]) *odata.EntityType[script] {
	return odata.Declare(odata.EntityType[script]{
		Name: namespace + ".deviceComplianceScript", Base: namespace + ".entity",
		Key:     func(s *script) string { return s.ID },
		Changes: func(s *script) int64 { return s.Changes },
		Properties: []odata.Property[script]{
			odata.String("id", func(s *script) *string { return &s.ID }).ReadOnly(),
			odata.NullableString("publisher", func(s *script) **string { return &s.Publisher }).Searched(),
			odata.NullableString("version", func(s *script) **string { return &s.Version }),
			odata.String("displayName", func(s *script) *string { return &s.DisplayName }).Required().Searched(),
			odata.NullableString("description", func(s *script) **string { return &s.Description }).Searched(),
			odata.NullableBinary("detectionScriptContent", func(s *script) *[]byte { return &s.Content }),
			odata.DateTimeOffset("createdDateTime", func(s *script) *time.Time { return &s.CreatedAt }).ReadOnly(),
			odata.DateTimeOffset("lastModifiedDateTime", func(s *script) *time.Time { return &s.ModifiedAt }).ReadOnly(),
			odata.Enum("runAsAccount", runAsAccounts(), func(s *script) *plimsoll.RunAsAccount { return &s.RunAsAccount }),
			odata.Boolean("enforceSignatureCheck", func(s *script) *bool { return &s.EnforceSignatureCheck }),
			odata.Boolean("runAs32Bit", func(s *script) *bool { return &s.RunAs32Bit }),
			odata.Strings("roleScopeTagIds", func(s *script) *[]string { return &s.RoleScopeTagIDs }),
			odata.NullableEnum("platform", platforms(), func(s *script) *plimsoll.Platform { return &s.Platform }),
		},
		Navigations: []odata.Navigation[script]{
			odata.One("runSummary", runSummary, func(s *script) *record { return s.RunSummary }),
		},
	})
}

// counts are the properties of every summary.
func counts() []odata.Property[record] {
	return []odata.Property[record]{
		odata.String("id", func(r *record) *string { return &r.ID }).ReadOnly(),
		odata.Int32("noIssueDetectedDeviceCount", func(r *record) *int32 { return &r.NoIssueDetected }).Required(),
		odata.Int32("issueDetectedDeviceCount", func(r *record) *int32 { return &r.IssueDetected }).Required(),
		odata.Int32("detectionScriptErrorDeviceCount", func(r *record) *int32 { return &r.DetectionScriptError }).Required(),
		odata.Int32("detectionScriptPendingDeviceCount", func(r *record) *int32 { return &r.DetectionScriptPending }).Required(),
		odata.DateTimeOffset("lastScriptRunDateTime", func(r *record) *time.Time { return &r.LastScriptRun }).Required(),
	}
}

func runSummaryType() *odata.EntityType[record] {
	return odata.Declare(odata.EntityType[record]{
		Name: namespace + ".deviceComplianceScriptRunSummary", Base: namespace + ".entity",
		// The reference's example of the operation calls it so.
		Aliases:    []string{"microsoft.management.services.api.deviceComplianceScriptRunSummary"},
		Key:        func(r *record) string { return r.ID },
		Changes:    func(r *record) int64 { return r.Sequence },
		Properties: counts(),
	})
}

func historyType() *odata.EntityType[record] {
	return odata.Declare(odata.EntityType[record]{
		Name: ours + ".runSummaryHistoryEntry",
		Properties: append(counts(),
			odata.DateTimeOffset("recordedDateTime", func(r *record) *time.Time { return &r.RecordedAt }),
			odata.String("recordedBy", func(r *record) *string { return &r.RecordedBy }).Searched(),
			odata.NullableTime("removedDateTime", func(r *record) *time.Time { return &r.RemovedAt }),
			odata.TextOrNull("removedBy", func(r *record) *string { return &r.RemovedBy }).Searched(),
		),
	})
}
