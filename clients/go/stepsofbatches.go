package main

import (
	"context"
	"errors"
	"fmt"

	kiota "github.com/microsoft/kiota-abstractions-go"
	graphcore "github.com/microsoftgraph/msgraph-sdk-go-core"
)

func (w *walk) batch(ctx context.Context) error {
	batch := graphcore.NewBatchRequest(w)
	var items []graphcore.BatchItem
	for i, s := range w.fleet[:20] {
		item, err := batch.AddBatchRequestStep(*request(kiota.GET, scripts+"/{id}", s.ID, nil))
		if err != nil {
			return err
		}
		if i%5 != 0 { // four chains of five, each item of which names all before it
			item.DependsOnItem(items[i-1])
		}
		items = append(items, item)
	}
	answer, err := batch.Send(ctx, w)
	if err != nil {
		return err
	}
	for i, item := range items {
		read, err := graphcore.GetBatchResponseById[*script](answer, *item.GetId(), newScript)
		if err == nil {
			err = same("displayName", value(read.DisplayName), value(w.fleet[i].DisplayName))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) batchOfQueries(ctx context.Context) error {
	batch := graphcore.NewBatchRequest(w)
	post, err := w.with(ctx, request(kiota.POST, summaryOf, w.fleet[1].ID, nil), summaryWith(41))
	if err != nil {
		return err
	}
	posted, err := batch.AddBatchRequestStep(*post)
	if err != nil {
		return err
	}
	read, err := batch.AddBatchRequestStep(*request(kiota.GET, scripts+"/{id}", w.fleet[1].ID, &query{Expand: []string{"runSummary"}}))
	if err != nil {
		return err
	}
	read.DependsOnItem(posted)
	deleted, err := batch.AddBatchRequestStep(*request(kiota.DELETE, summaryOf, w.fleet[1].ID, nil))
	if err != nil {
		return err
	}
	deleted.DependsOnItem(read)
	answer, err := batch.Send(ctx, w)
	if err != nil {
		return err
	}
	found, err := graphcore.GetBatchResponseById[*script](answer, *read.GetId(), newScript)
	if err != nil {
		return err
	}
	status := func(item graphcore.BatchItem) int32 { return value(answer.GetResponseById(*item.GetId()).GetStatus()) }
	return errors.Join(
		same("statuses", [3]int32{status(posted), status(read), status(deleted)}, [3]int32{201, 200, 204}),
		same("issueDetectedDeviceCount", value(found.RunSummary.Issue), 41),
	)
}

func (w *walk) batchWithFailure(ctx context.Context) error {
	batch := graphcore.NewBatchRequest(w)
	nowhere, err := batch.AddBatchRequestStep(*request(kiota.GET, scripts+"/{id}", pointer("00000000-0000-0000-0000-000000000000"), nil))
	if err != nil {
		return err
	}
	after, err := batch.AddBatchRequestStep(*request(kiota.GET, scripts+"/{id}", w.script.ID, nil))
	if err != nil {
		return err
	}
	after.DependsOnItem(nowhere)
	answer, err := batch.Send(ctx, w)
	if err != nil {
		return err
	}
	var refusal *odataError
	if _, err = graphcore.GetBatchResponseById[*script](answer, *nowhere.GetId(), newScript); !errors.As(err, &refusal) {
		return fmt.Errorf("%w (%T), want a refusal", err, err)
	}
	return errors.Join(
		same("code", value(refusal.Code), "ResourceNotFound"),
		same("the status after it", value(answer.GetResponseById(*after.GetId()).GetStatus()), 424),
	)
}
