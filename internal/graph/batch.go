package graph

import (
	"bytes"
	"context"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"plimsoll"
	"plimsoll/internal/httpapi"
	"plimsoll/internal/odata"
	"plimsoll/internal/service"
)

// Limits of a batch. Its body has the size that it has in Graph. Its answers are
// held until the last is there: no request begins once they have maxBatchAnswer
// bytes, and those under way are few, each with a small page of a list.
const (
	maxBatchBody   = 4 << 20
	maxBatchAnswer = 16 << 20
	batchBudget    = 1 << 20 // of a page
	batchAtOnce    = 8       // units
)

// batch is a batch on its way: each request takes the way of any other, with a
// permission, a request-id and an answer of its own.
type batch struct {
	*odata.Batch

	api       *API
	call      *call
	answers   []odata.BatchAnswer
	locations []string     // what "$id" of each item stands for, below the root
	size      atomic.Int64 // of the answers' bodies
}

// runBatch answers POST /$batch. As its requests do not wait for others unless
// they say so, those in JSON run at the same time; those of multipart run in
// order (OData Protocol 4.01, section 11.7).
func (a *API) runBatch(c *call) (*answer, error) {
	if c.item != nil {
		return nil, &odata.Error{Kind: odata.BadRequest, Message: "A batch cannot hold a batch."}
	}
	b, mark, err := a.newBatch(c)
	if err != nil {
		return nil, err
	}
	if b.Multipart {
		b.runInOrder(c.r.Context())
	} else {
		b.runAtOnce(c.r.Context())
	}
	room := make([]byte, 0, int(b.size.Load())+len(b.Items)*initialBodySize)
	result := &answer{
		status: http.StatusOK, contentType: b.ContentType(mark), body: b.AppendAnswers(room, b.answers, mark),
	}
	if c.preferences.ContinueOnError {
		result.applied = "odata.continue-on-error"
	}
	return result, nil
}

// newBatch reads a batch, and makes the mark between its answers.
func (a *API) newBatch(c *call) (b *batch, mark string, err error) {
	parsed, err := odata.ParseBatch(c.r.Header.Get("Content-Type"), c.body, c.base())
	if err != nil {
		return nil, "", err
	}
	form := odata.JSON
	if parsed.Multipart {
		form = odata.Mixed
	}
	if _, err = odata.Negotiate(strings.Join(c.r.Header.Values("Accept"), ","), "", form); err != nil {
		return nil, "", err
	}
	boundary, err := uuid.NewRandomFromReader(a.random)
	return &batch{
		Batch: &parsed, api: a, call: c,
		answers: make([]odata.BatchAnswer, len(parsed.Items)), locations: make([]string, len(parsed.Items)),
	}, strings.ReplaceAll(boundary.String(), "-", ""), err
}

func (b *batch) runInOrder(ctx context.Context) {
	for _, unit := range b.Units {
		b.runUnit(ctx, unit)
		if b.failed(unit) && !b.call.preferences.ContinueOnError {
			return
		}
	}
}

// runAtOnce has each unit wait for those it depends on.
func (b *batch) runAtOnce(ctx context.Context) {
	done := make([]chan struct{}, len(b.Items))
	for i := range done {
		done[i] = make(chan struct{})
	}
	turns := make(chan struct{}, batchAtOnce)
	var running sync.WaitGroup
	for _, unit := range b.Units {
		running.Go(func() {
			for _, i := range unit {
				for _, dependency := range b.Items[i].DependsOn {
					if b.Items[i].Group == 0 || b.Items[dependency].Group != b.Items[i].Group {
						<-done[dependency]
					}
				}
			}
			turns <- struct{}{}
			b.runUnit(ctx, unit)
			<-turns
			for _, i := range unit {
				close(done[i])
			}
		})
	}
	running.Wait()
}

func (b *batch) failed(items []int) bool {
	for _, i := range items {
		if b.answers[i].Status >= http.StatusBadRequest {
			return true
		}
	}
	return false
}

// runUnit runs one request, or a change set.
func (b *batch) runUnit(ctx context.Context, unit []int) {
	for _, i := range unit {
		if b.failed(b.Items[i].DependsOn) {
			b.refuseAll(ctx, unit, i, errDependency())
			return
		}
	}
	switch {
	case b.size.Load() > maxBatchAnswer:
		b.refuseAll(ctx, unit, unit[0], &plimsoll.Error{
			Code: plimsoll.TooManyRequests, RetryAfter: time.Second,
			Message: "The answers of this batch are as large as may be; send this request again, in another batch or alone.",
		})
	case b.Items[unit[0]].Group != 0:
		b.runChangeSet(ctx, unit)
	default:
		_ = b.run(ctx, unit[0], b.call.service) // its answer has the error
	}
}

// refuseAll refuses a unit for what one of it lacks.
func (b *batch) refuseAll(ctx context.Context, unit []int, which int, err error) {
	for _, i := range unit {
		if i == which {
			b.refuse(ctx, i, err)
		} else {
			b.refuse(ctx, i, errChangeSet())
		}
	}
}

// runChangeSet runs requests of which all succeed or none. Whose they are is
// asked before the transaction, in which nothing may wait for another server.
func (b *batch) runChangeSet(ctx context.Context, unit []int) {
	for _, i := range unit {
		if token := httpapi.BearerToken(b.header(i)); token != "" {
			if _, err := b.api.verifier.Verify(ctx, token); err != nil {
				b.refuseAll(ctx, unit, i, err)
				return
			}
		}
	}
	failed := unit[0]
	err := b.call.service.Atomically(ctx, func(bound *service.Service) error {
		for _, i := range unit {
			failed = i
			if err := b.run(ctx, i, bound); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.refuseAll(ctx, unit, failed, err)
	}
}

// errChangeSet and errDependency refuse what could have been done, but for
// another request.
func errChangeSet() error {
	return &httpapi.Failure{
		Status:  http.StatusFailedDependency,
		Message: "Another request of the change set failed, and so nothing of it was kept.",
	}
}

func errDependency() error {
	return &httpapi.Failure{Status: http.StatusFailedDependency, Message: "A request that this one depends on failed."}
}

// run runs one request as if it had come alone, and gives the reason why it was
// refused.
func (b *batch) run(ctx context.Context, i int, with *service.Service) error {
	item := &b.Items[i]
	path := item.URL
	if item.Reference >= 0 {
		path = b.locations[item.Reference] + path
	}
	request, err := http.NewRequestWithContext( //nolint:gosec // it is served here, and sent nowhere
		ctx, item.Method, b.call.base()+path, bytes.NewReader(item.Body))
	if err != nil {
		b.refuse(ctx, i, notServed())
		return notServed()
	}
	request.Header = b.header(i)
	request.RequestURI, request.RemoteAddr = b.call.root+path, b.call.r.RemoteAddr
	w := &recorder{header: http.Header{}, service: with}
	b.api.ServeHTTP(w, request)
	b.keep(i, w)
	b.locations[i], _, _ = strings.Cut(path, "?")
	if location, isOurs := strings.CutPrefix(w.header.Get("Location"), b.call.base()); isOurs {
		b.locations[i] = location
	}
	return w.err
}

// header gives an item's header: its caller is the batch's unless it says
// otherwise.
func (b *batch) header(i int) http.Header {
	header := http.Header(b.Items[i].Header).Clone()
	if header == nil {
		header = http.Header{}
	}
	if header.Get("Authorization") == "" {
		header.Set("Authorization", b.call.r.Header.Get("Authorization"))
	}
	if header.Get("Client-Request-Id") == "" {
		header.Set("Client-Request-Id", b.call.clientRequestID)
	}
	return header
}

// refuse answers a request that is not run, or whose change was not kept.
func (b *batch) refuse(ctx context.Context, i int, err error) {
	w := &recorder{header: http.Header{}}
	request := &http.Request{Method: b.Items[i].Method, URL: &url.URL{}, Header: http.Header{"Client-Request-Id": {b.call.clientRequestID}}}
	b.api.serve(w, request.WithContext(ctx), b.call.root, b.call.route, func(*call) (*answer, error) { return nil, err })
	b.keep(i, w)
}

func (b *batch) keep(i int, w *recorder) {
	b.size.Add(int64(len(w.body) - len(b.answers[i].Body)))
	b.answers[i] = odata.BatchAnswer{
		Status: w.status, Reason: http.StatusText(w.status), Header: textproto.MIMEHeader(w.header), Body: w.body,
	}
	if b.Items[i].Method == http.MethodHead {
		b.answers[i].Body = nil
	}
}

// recorder keeps the answer to a request of a batch.
type recorder struct {
	service *service.Service // within a change set, bound to its transaction
	header  http.Header
	status  int
	body    []byte
	err     error // why it was refused
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) { w.status = status }

// Write keeps the body, which comes whole.
func (w *recorder) Write(body []byte) (int, error) {
	w.body = body
	return len(body), nil
}
