package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	kiota "github.com/microsoft/kiota-abstractions-go"
)

func (w *walk) token(ctx context.Context) error {
	service, err := send[*script](ctx, w.client, request(kiota.GET, "{+baseurl}/deviceManagement", nil, nil), newScript)
	if err != nil {
		return err
	}
	return same("id", value(service.ID), os.Getenv("PLIMSOLL_TENANT_ID"))
}

func (w *walk) wrongSecret(ctx context.Context) error {
	intruder, err := newClient("pls_wrong")
	if err != nil {
		return err
	}
	if _, err = intruder.list(ctx, nil); err == nil || !strings.Contains(err.Error(), "invalid_client") {
		return fmt.Errorf("%w, want invalid_client", err)
	}
	return nil
}

func (w *walk) createScript(ctx context.Context) (err error) {
	w.script, err = w.create(ctx, &script{DisplayName: pointer("Disk encryption"), Publisher: pointer("IT"), Platform: pointer("linux")})
	if err != nil {
		return err
	}
	return errors.Join(
		same("the id's length", len(value(w.script.ID)), 36),
		same("displayName", value(w.script.DisplayName), "Disk encryption"),
		same("runAsAccount", value(w.script.RunAsAccount), "system"),
		same("platform", value(w.script.Platform), "linux"),
		same("it was created now", time.Since(value(w.script.CreatedDateTime)).Abs() < time.Hour, true),
	)
}

// summaryWith is a summary to post. Kiota writes dates in whole seconds: digits
// below that go with the additional data.
func summaryWith(issues int32) *runSummary {
	summary := &runSummary{NoIssue: pointer(int32(97)), Issue: &issues, Error: pointer(int32(1)), Pending: pointer(int32(0))}
	summary.SetAdditionalData(map[string]any{"lastScriptRunDateTime": "2017-01-01T00:01:17.4310553-08:00"})
	return summary
}

func (w *walk) postRunSummary(ctx context.Context) error {
	created, err := w.report(ctx, w.script.ID, summaryWith(2))
	if err != nil {
		return err
	}
	read, err := w.summary(ctx, w.script.ID)
	if err != nil {
		return err
	}
	return errors.Join(
		same("id", value(read.ID), value(created.ID)),
		same("counts", [4]int32{value(read.NoIssue), value(read.Issue), value(read.Error), value(read.Pending)}, [4]int32{97, 2, 1, 0}),
		same("lastScriptRunDateTime", value(read.LastRun).UTC(), time.Date(2017, 1, 1, 8, 1, 17, 431055300, time.UTC)),
	)
}

func (w *walk) patchRunSummary(ctx context.Context) error {
	whole := time.Date(2026, 11, 23, 0, 1, 17, 0, time.FixedZone("", -8*60*60))
	changed, err := w.sendSummary(ctx, kiota.PATCH, w.script.ID, &runSummary{Issue: pointer(int32(3)), LastRun: &whole})
	if err != nil {
		return err
	}
	return errors.Join(
		same("issueDetectedDeviceCount", value(changed.Issue), 3), same("noIssueDetectedDeviceCount", value(changed.NoIssue), 97),
		same("lastScriptRunDateTime", value(changed.LastRun).UTC(), whole.UTC()),
	)
}

func (w *walk) selected(ctx context.Context) error {
	read, err := w.get(ctx, w.script.ID, &query{Select: []string{"displayName", "platform"}})
	if err != nil {
		return err
	}
	return errors.Join(same("displayName", value(read.DisplayName), "Disk encryption"), same("publisher is absent", read.Publisher == nil, true))
}

func (w *walk) expanded(ctx context.Context) error {
	read, err := w.get(ctx, w.script.ID, &query{Expand: []string{"runSummary"}})
	if err != nil {
		return err
	}
	return same("issueDetectedDeviceCount", value(read.RunSummary.Issue), 3)
}

func (w *walk) expandedSelection(ctx context.Context) error {
	read, err := w.get(ctx, w.script.ID, &query{Expand: []string{"runSummary($select=issueDetectedDeviceCount)"}})
	if err != nil {
		return err
	}
	return errors.Join(
		same("issueDetectedDeviceCount", value(read.RunSummary.Issue), 3),
		same("noIssueDetectedDeviceCount is absent", read.RunSummary.NoIssue == nil, true),
	)
}

// every byte there is
func contentOfScript() []byte {
	var content []byte
	for b := range 256 {
		content = append(content, byte(b))
	}
	return content
}

func (w *walk) content(ctx context.Context) error {
	holder, err := w.create(ctx, &script{DisplayName: pointer("Content"), Content: contentOfScript()})
	if err != nil {
		return err
	}
	read, err := w.get(ctx, holder.ID, nil)
	if err != nil {
		return err
	}
	return same("it is the same", bytes.Equal(read.Content, contentOfScript()), true)
}

func (w *walk) rawContent(ctx context.Context) error {
	holder, err := w.create(ctx, &script{DisplayName: pointer("Content"), Content: contentOfScript()})
	if err != nil {
		return err
	}
	r := request(kiota.GET, scripts+"/{id}/detectionScriptContent/$value", holder.ID, nil)
	r.Headers.Clear()
	r.Headers.Add("Accept", "application/octet-stream, application/json;q=0.9")
	read, err := w.SendPrimitive(ctx, r, "[]byte", refusals)
	if err != nil {
		return err
	}
	return same("it is the same", bytes.Equal(read.([]byte), contentOfScript()), true)
}
