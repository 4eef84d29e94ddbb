package main

import (
	"time"

	kiota "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
)

// script is Graph's deviceComplianceScript.
type script struct {
	entity

	DisplayName, Publisher, Description, Version *string
	RunAsAccount, Platform                       *string
	Content                                      []byte
	CreatedDateTime                              *time.Time
	RunSummary                                   *runSummary
	Removed                                      *removed
}

func newScript(serialization.ParseNode) (serialization.Parsable, error) { return &script{}, nil }

func (s *script) GetFieldDeserializers() fields {
	return s.fields(fields{
		"displayName":            kiota.SetStringValue(set(&s.DisplayName)),
		"publisher":              kiota.SetStringValue(set(&s.Publisher)),
		"description":            kiota.SetStringValue(set(&s.Description)),
		"version":                kiota.SetStringValue(set(&s.Version)),
		"runAsAccount":           kiota.SetStringValue(set(&s.RunAsAccount)),
		"platform":               kiota.SetStringValue(set(&s.Platform)),
		"detectionScriptContent": kiota.SetByteArrayValue(set(&s.Content)),
		"createdDateTime":        kiota.SetTimeValue(set(&s.CreatedDateTime)),
		"runSummary":             kiota.SetObjectValue(newRunSummary, set(&s.RunSummary)),
		"@removed":               kiota.SetObjectValue(newRemoved, set(&s.Removed)),
	})
}

func (s *script) Serialize(w serialization.SerializationWriter) error {
	return written(
		w.WriteStringValue("displayName", s.DisplayName),
		w.WriteStringValue("publisher", s.Publisher),
		w.WriteStringValue("description", s.Description),
		w.WriteStringValue("version", s.Version),
		w.WriteStringValue("runAsAccount", s.RunAsAccount),
		w.WriteStringValue("platform", s.Platform),
		w.WriteByteArrayValue("detectionScriptContent", s.Content),
		w.WriteAdditionalData(s.AdditionalData),
	)
}

// runSummary is Graph's deviceComplianceScriptRunSummary.
type runSummary struct {
	entity

	NoIssue, Issue, Error, Pending *int32
	LastRun                        *time.Time
}

func newRunSummary(serialization.ParseNode) (serialization.Parsable, error) {
	return &runSummary{}, nil
}

func (s *runSummary) GetFieldDeserializers() fields {
	return s.fields(fields{
		"noIssueDetectedDeviceCount":        kiota.SetInt32Value(set(&s.NoIssue)),
		"issueDetectedDeviceCount":          kiota.SetInt32Value(set(&s.Issue)),
		"detectionScriptErrorDeviceCount":   kiota.SetInt32Value(set(&s.Error)),
		"detectionScriptPendingDeviceCount": kiota.SetInt32Value(set(&s.Pending)),
		"lastScriptRunDateTime":             kiota.SetTimeValue(set(&s.LastRun)),
	})
}

func (s *runSummary) Serialize(w serialization.SerializationWriter) error {
	return written(
		w.WriteInt32Value("noIssueDetectedDeviceCount", s.NoIssue),
		w.WriteInt32Value("issueDetectedDeviceCount", s.Issue),
		w.WriteInt32Value("detectionScriptErrorDeviceCount", s.Error),
		w.WriteInt32Value("detectionScriptPendingDeviceCount", s.Pending),
		w.WriteTimeValue("lastScriptRunDateTime", s.LastRun),
		w.WriteAdditionalData(s.AdditionalData),
	)
}

// removed stands in a delta for what is gone.
type removed struct{ Reason *string }

func newRemoved(serialization.ParseNode) (serialization.Parsable, error) { return &removed{}, nil }

func (r *removed) GetFieldDeserializers() fields {
	return fields{"reason": kiota.SetStringValue(set(&r.Reason))}
}

func (r *removed) Serialize(serialization.SerializationWriter) error { return nil }
