package main

import (
	"context"
	"errors"
	"net/url"

	kiota "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	graphcore "github.com/microsoftgraph/msgraph-sdk-go-core"
)

// query is what a generated request builder takes.
type query struct {
	Count   *bool    `uriparametername:"%24count"`
	Expand  []string `uriparametername:"%24expand"`
	Filter  *string  `uriparametername:"%24filter"`
	Orderby []string `uriparametername:"%24orderby"`
	Search  *string  `uriparametername:"%24search"`
	Select  []string `uriparametername:"%24select"`
	Top     *int32   `uriparametername:"%24top"`
}

const options = "{?%24count,%24expand,%24filter,%24orderby,%24search,%24select,%24top}"

const scripts = "{+baseurl}/deviceManagement/deviceComplianceScripts"

// client is what a generated client would be.
type client struct {
	*graphcore.GraphRequestAdapterBase
}

// request is of a path: {+baseurl}… with {id} for the id.
func request(method kiota.HttpMethod, path string, id *string, q *query) *kiota.RequestInformation {
	parameters := map[string]string{}
	if id != nil {
		parameters["id"] = *id
	}
	r := kiota.NewRequestInformationWithMethodAndUrlTemplateAndPathParameters(method, path+options, parameters)
	r.Headers.Add("Accept", "application/json")
	if q != nil {
		r.AddQueryParameters(*q)
	}
	return r
}

func (c client) with(ctx context.Context, r *kiota.RequestInformation, body serialization.Parsable) (*kiota.RequestInformation, error) {
	return r, r.SetContentFromParsable(ctx, c, "application/json", body)
}

// send gives the one thing that is answered.
func send[T any](ctx context.Context, c client, r *kiota.RequestInformation, create serialization.ParsableFactory) (T, error) {
	answer, err := c.Send(ctx, r, create, refusals)
	if err != nil {
		return *new(T), err
	}
	if answer == nil {
		return *new(T), errors.New("the answer is empty")
	}
	return answer.(T), nil
}

func (c client) sendScript(ctx context.Context, method kiota.HttpMethod, path string, id *string, body *script, headers ...string) (*script, error) {
	r, err := c.with(ctx, request(method, path, id, nil), body)
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(headers); i += 2 {
		r.Headers.Add(headers[i], headers[i+1])
	}
	return send[*script](ctx, c, r, newScript)
}

func (c client) create(ctx context.Context, body *script) (*script, error) {
	return c.sendScript(ctx, kiota.POST, scripts, nil, body)
}

func (c client) patch(ctx context.Context, id *string, body *script, headers ...string) (*script, error) {
	return c.sendScript(ctx, kiota.PATCH, scripts+"/{id}", id, body, headers...)
}

func (c client) get(ctx context.Context, id *string, q *query) (*script, error) {
	return send[*script](ctx, c, request(kiota.GET, scripts+"/{id}", id, q), newScript)
}

func (c client) list(ctx context.Context, q *query) (*page[*script], error) {
	return c.listAt(ctx, request(kiota.GET, scripts, nil, q))
}

func (c client) listAt(ctx context.Context, r *kiota.RequestInformation) (*page[*script], error) {
	return send[*page[*script]](ctx, c, r, pageOf[*script](newScript))
}

// follow is a request of a link.
func follow(link string) (*kiota.RequestInformation, error) {
	address, err := url.Parse(link)
	if err != nil {
		return nil, err
	}
	r := kiota.NewRequestInformation()
	r.Method = kiota.GET
	r.SetUri(*address)
	r.Headers.Add("Accept", "application/json")
	return r, nil
}

func (c client) delete(ctx context.Context, path string, id *string) error {
	return c.SendNoContent(ctx, request(kiota.DELETE, path, id, nil), refusals)
}

const summaryOf = scripts + "/{id}/runSummary"

func (c client) sendSummary(ctx context.Context, method kiota.HttpMethod, id *string, body *runSummary) (*runSummary, error) {
	r, err := c.with(ctx, request(method, summaryOf, id, nil), body)
	if err != nil {
		return nil, err
	}
	return send[*runSummary](ctx, c, r, newRunSummary)
}

func (c client) report(ctx context.Context, id *string, body *runSummary) (*runSummary, error) {
	return c.sendSummary(ctx, kiota.POST, id, body)
}

func (c client) summary(ctx context.Context, id *string) (*runSummary, error) {
	return send[*runSummary](ctx, c, request(kiota.GET, summaryOf, id, nil), newRunSummary)
}
