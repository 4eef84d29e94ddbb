package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	kiota "github.com/microsoft/kiota-abstractions-go"
)

func (w *walk) delta(ctx context.Context) error {
	changing, err := w.create(ctx, &script{DisplayName: pointer("Delta, changing")})
	if err != nil {
		return err
	}
	going, err := w.create(ctx, &script{DisplayName: pointer("Delta, going")})
	if err != nil {
		return err
	}
	seen, link, err := w.toTheEnd(ctx, request(kiota.GET, scripts+"/delta()", nil, nil))
	if err != nil {
		return err
	}
	_, err = w.patch(ctx, changing.ID, &script{DisplayName: pointer("Delta, changed")})
	if err = errors.Join(err, w.delete(ctx, scripts+"/{id}", going.ID)); err != nil {
		return err
	}
	next, err := follow(link)
	if err != nil {
		return err
	}
	changes, link, err := w.toTheEnd(ctx, next)
	if err != nil {
		return err
	}
	slices.SortFunc(changes, func(a, b *script) int { return strings.Compare(value(b.DisplayName), value(a.DisplayName)) })
	return errors.Join(
		same("the beginning", sortedIDs(seen), sortedIDs(append(w.all(), changing, going))),
		same("changed and gone", sortedIDs(changes), sortedIDs([]*script{changing, going})),
		same("displayName", value(changes[0].DisplayName), "Delta, changed"),
		same("@removed", changes[len(changes)-1].Removed != nil, true),
		same("there is a link to go on with", link != "", true),
		w.delete(ctx, scripts+"/{id}", changing.ID),
	)
}

func (w *walk) notFound(ctx context.Context) error {
	_, err := w.get(ctx, pointer("00000000-0000-0000-0000-000000000000"), nil)
	return refused(err, 404, "ResourceNotFound", "00000000-0000-0000-0000-000000000000")
}

func (w *walk) badRequest(ctx context.Context) error {
	_, err := w.create(ctx, &script{DisplayName: pointer("")})
	return refused(err, 400, "BadRequest", "displayName")
}

func (w *walk) unauthorized(ctx context.Context) error {
	r := request(kiota.GET, scripts, nil, nil)
	r.Headers.Add("Authorization", "Bearer eyJhbGciOiJub25lIn0.e30.") // a header that stands is not replaced
	_, err := w.listAt(ctx, r)
	return refused(err, 401, "InvalidAuthenticationToken", "")
}

func (w *walk) preconditionFailed(ctx context.Context) error {
	read, err := w.get(ctx, w.script.ID, nil)
	if err != nil {
		return err
	}
	if _, err := w.patch(ctx, w.script.ID, &script{Version: pointer("2")}, "If-Match", read.etag()); err != nil {
		return err
	}
	_, err = w.patch(ctx, w.script.ID, &script{Version: pointer("3")}, "If-Match", read.etag())
	return refused(err, 412, "PreconditionFailed", "")
}

func (w *walk) deleted(ctx context.Context) error {
	if err := w.delete(ctx, summaryOf, w.script.ID); err != nil {
		return err
	}
	_, err := w.summary(ctx, w.script.ID)
	if err := refused(err, 404, "ResourceNotFound", ""); err != nil {
		return err
	}
	if err := w.delete(ctx, scripts+"/{id}", w.script.ID); err != nil {
		return err
	}
	_, err = w.get(ctx, w.script.ID, nil)
	return refused(err, 404, "ResourceNotFound", "")
}

func (w *walk) firstVersion(ctx context.Context) error {
	r, err := follow(os.Getenv("PLIMSOLL_SERVER") + "/v1.0/deviceManagement")
	if err != nil {
		return err
	}
	service, err := send[*script](ctx, w.client, r, newScript)
	if err != nil {
		return err
	}
	return same("id", value(service.ID), os.Getenv("PLIMSOLL_TENANT_ID"))
}
