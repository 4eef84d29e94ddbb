package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	kiota "github.com/microsoft/kiota-abstractions-go"
	graphcore "github.com/microsoftgraph/msgraph-sdk-go-core"
)

func (w *walk) createFleet(ctx context.Context) error {
	for n := range int32(25) {
		one, err := w.create(ctx, &script{DisplayName: pointer(fmt.Sprintf("Fleet%02d", n)), Publisher: pointer("R&D + IT")})
		if err != nil {
			return err
		}
		w.fleet = append(w.fleet, one)
		if n%3 != 0 {
			continue
		}
		if _, err := w.report(ctx, one.ID, summaryWith(n/3)); err != nil { // 0 to 8
			return err
		}
	}
	return nil
}

func (w *walk) filtered(ctx context.Context) error {
	found, err := w.list(ctx, &query{Filter: pointer("startswith(displayName,'Fleet') and publisher eq 'R&D + IT' and runSummary/issueDetectedDeviceCount gt 5")})
	if err != nil {
		return err
	}
	slices.SortFunc(found.value, func(a, b *script) int { return strings.Compare(*a.DisplayName, *b.DisplayName) })
	return same("names", names(found.value), "Fleet18 Fleet21 Fleet24")
}

func (w *walk) ordered(ctx context.Context) error {
	found, err := w.list(ctx, &query{
		Filter: pointer("startswith(displayName,'Fleet')"), Orderby: []string{"publisher", "displayName desc"}, Top: pointer(int32(3)), Count: pointer(true),
	})
	if err != nil {
		return err
	}
	return errors.Join(same("names", names(found.value), "Fleet24 Fleet23 Fleet22"), same("count", value(found.count), 25))
}

func (w *walk) searched(ctx context.Context) error {
	found, err := w.list(ctx, &query{Search: pointer(`"encryption"`)})
	if err != nil {
		return err
	}
	return same("names", names(found.value), "Disk encryption")
}

// toTheEnd gives all that a PageIterator visits, and the link for what changes.
func (w *walk) toTheEnd(ctx context.Context, r *kiota.RequestInformation) (visited []*script, deltaLink string, err error) {
	first, err := w.listAt(ctx, r)
	if err != nil {
		return nil, "", err
	}
	iterator, err := graphcore.NewPageIterator[*script](first, w, pageOf[*script](newScript))
	if err != nil {
		return nil, "", err
	}
	iterator.SetHeaders(r.Headers)
	err = iterator.Iterate(ctx, func(s *script) bool {
		visited = append(visited, s)
		return true
	})
	return visited, value(iterator.GetOdataDeltaLink()), err
}

func (w *walk) pages(ctx context.Context) error {
	visited, _, err := w.toTheEnd(ctx, request(kiota.GET, scripts, nil, &query{Top: pointer(int32(7))}))
	if err != nil {
		return err
	}
	return same("ids", sortedIDs(visited), sortedIDs(w.all()))
}

func (w *walk) pagesAsPreferred(ctx context.Context) error {
	r := request(kiota.GET, scripts, nil, nil)
	r.Headers.Add("Prefer", "odata.maxpagesize=4")
	first, err := w.listAt(ctx, r)
	if err != nil {
		return err
	}
	visited, _, err := w.toTheEnd(ctx, r)
	if err != nil {
		return err
	}
	return errors.Join(same("the first page", len(first.value), 4), same("ids", sortedIDs(visited), sortedIDs(w.all())))
}

func (w *walk) counted(ctx context.Context) error {
	r := request(kiota.GET, scripts+"/$count", nil, nil)
	r.Headers.Clear()
	r.Headers.Add("Accept", "text/plain;q=0.9")
	number, err := w.SendPrimitive(ctx, r, "int32", refusals)
	if err != nil {
		return err
	}
	return same("number", *number.(*int32), 26)
}
