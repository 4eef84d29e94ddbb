package graph

import (
	"bytes"
	"time"

	"plimsoll"
	"plimsoll/internal/odata"
)

const (
	namespace = "microsoft.graph"
	ours      = "plimsoll" // the namespace of what Graph has no word for
)

// model declares every type that is served. $metadata is written from it.
type model struct {
	management odata.EntityType[deviceManagement]
	script     odata.EntityType[plimsoll.Script]
	runSummary odata.EntityType[plimsoll.RunSummary]
	history    odata.EntityType[plimsoll.RunSummaryRecord]
	metadata   []byte
}

// deviceManagement is the singleton under which Graph keeps the scripts.
type deviceManagement struct{ id string }

func newModel() *model {
	m := &model{
		management: odata.EntityType[deviceManagement]{
			Name: namespace + ".deviceManagement", Base: namespace + ".entity",
			Properties: []odata.Property[deviceManagement]{
				odata.String("id", func(m *deviceManagement) *string { return &m.id }).ReadOnly(),
			},
			Navigations: []odata.Navigation{
				{Name: "deviceComplianceScripts", Type: namespace + ".deviceComplianceScript", Collection: true},
			},
		},
		script:     scriptType(),
		runSummary: runSummaryType(),
		history:    historyType(),
	}
	var text bytes.Buffer
	if err := odata.WriteMetadata(&text, m.schemas()); err != nil {
		panic("the model cannot be written: " + err.Error()) // a fault of this file alone
	}
	m.metadata = text.Bytes()
	return m
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

func scriptType() odata.EntityType[plimsoll.Script] {
	type script = plimsoll.Script
	return odata.EntityType[script]{
		Name: namespace + ".deviceComplianceScript", Base: namespace + ".entity",
		Properties: []odata.Property[script]{
			odata.String("id", func(s *script) *string { return &s.ID }).ReadOnly(),
			odata.NullableString("publisher", func(s *script) **string { return &s.Publisher }),
			odata.NullableString("version", func(s *script) **string { return &s.Version }),
			odata.String("displayName", func(s *script) *string { return &s.DisplayName }).Required(),
			odata.NullableString("description", func(s *script) **string { return &s.Description }),
			odata.NullableBinary("detectionScriptContent", func(s *script) *[]byte { return &s.Content }),
			odata.DateTimeOffset("createdDateTime", func(s *script) *time.Time { return &s.CreatedAt }).ReadOnly(),
			odata.DateTimeOffset("lastModifiedDateTime", func(s *script) *time.Time { return &s.ModifiedAt }).ReadOnly(),
			odata.Enum("runAsAccount", runAsAccounts(), func(s *script) *plimsoll.RunAsAccount { return &s.RunAsAccount }),
			odata.Boolean("enforceSignatureCheck", func(s *script) *bool { return &s.EnforceSignatureCheck }),
			odata.Boolean("runAs32Bit", func(s *script) *bool { return &s.RunAs32Bit }),
			odata.Strings("roleScopeTagIds", func(s *script) *[]string { return &s.RoleScopeTagIDs }),
			odata.NullableEnum("platform", platforms(), func(s *script) *plimsoll.Platform { return &s.Platform }),
		},
		Navigations: []odata.Navigation{
			{Name: "runSummary", Type: namespace + ".deviceComplianceScriptRunSummary"},
		},
	}
}

// countsOf declares the counts of a summary, wherever one stands in a T.
func countsOf[T any](summary func(*T) *plimsoll.RunSummary) []odata.Property[T] {
	return []odata.Property[T]{
		odata.String("id", func(v *T) *string { return &summary(v).ID }).ReadOnly(),
		odata.Int32("noIssueDetectedDeviceCount",
			func(v *T) *int32 { return &summary(v).NoIssueDetected }).Required(),
		odata.Int32("issueDetectedDeviceCount",
			func(v *T) *int32 { return &summary(v).IssueDetected }).Required(),
		odata.Int32("detectionScriptErrorDeviceCount",
			func(v *T) *int32 { return &summary(v).DetectionScriptError }).Required(),
		odata.Int32("detectionScriptPendingDeviceCount",
			func(v *T) *int32 { return &summary(v).DetectionScriptPending }).Required(),
		odata.DateTimeOffset("lastScriptRunDateTime",
			func(v *T) *time.Time { return &summary(v).LastScriptRun }).Required(),
	}
}

func runSummaryType() odata.EntityType[plimsoll.RunSummary] {
	return odata.EntityType[plimsoll.RunSummary]{
		Name: namespace + ".deviceComplianceScriptRunSummary", Base: namespace + ".entity",
		// The reference's example of the operation calls it so.
		Aliases:    []string{"microsoft.management.services.api.deviceComplianceScriptRunSummary"},
		Properties: countsOf(func(s *plimsoll.RunSummary) *plimsoll.RunSummary { return s }),
	}
}

func historyType() odata.EntityType[plimsoll.RunSummaryRecord] {
	type record = plimsoll.RunSummaryRecord
	return odata.EntityType[record]{
		Name: ours + ".runSummaryHistoryEntry",
		Properties: append(countsOf(func(r *record) *plimsoll.RunSummary { return &r.RunSummary }),
			odata.DateTimeOffset("recordedDateTime", func(r *record) *time.Time { return &r.RecordedAt }),
			odata.String("recordedBy", func(r *record) *string { return &r.RecordedBy }),
			odata.NullableTime("removedDateTime", func(r *record) *time.Time { return &r.RemovedAt }),
			odata.TextOrNull("removedBy", func(r *record) *string { return &r.RemovedBy }),
		),
	}
}

func (m *model) schemas() []odata.Schema {
	history := odata.Function{Name: "runSummaryHistory", IsBound: true, Parameters: []odata.ParameterElement{
		{Name: "bindingParameter", Type: m.script.Name},
	}}
	history.Returns.Type = "Collection(" + m.history.Name + ")"
	return []odata.Schema{
		{
			Namespace: namespace,
			Enums:     []odata.EnumElement{runAsAccounts().Describe(), platforms().Describe()},
			Entities: []odata.TypeElement{
				odata.AbstractEntity(namespace + ".entity"),
				m.management.Describe(), m.script.Describe(), m.runSummary.Describe(),
			},
			Container: &odata.EntityElements{Name: "GraphService", Singletons: []odata.SingletonElement{
				{Name: "deviceManagement", Type: m.management.Name},
			}},
		},
		{
			Namespace: ours,
			Complexes: []odata.TypeElement{m.history.Describe()},
			Functions: []odata.Function{history},
		},
	}
}
