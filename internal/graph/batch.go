package graph

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"sync"

	"github.com/google/uuid"

	"plimsoll/internal/odata"
	"plimsoll/internal/service"
)

// maxBatchBody is the size of a batch, as in Graph.
const maxBatchBody = 4 << 20

// batch is a batch on its way: each request takes the way of any other, with a
// permission, a request-id and an answer of its own.
type batch struct {
	*odata.Batch

	api       *API
	call      *call
	answers   []odata.BatchAnswer
	locations []string // what "$id" of each item stands for, below the root
}

// runBatch answers POST /$batch. As its requests do not wait for others unless
// they say so, those in JSON run at the same time; those of multipart run in
// order (OData Protocol 4.01, section 11.7).
func (a *API) runBatch(c *call) (*answer, error) {
	parsed, err := odata.ParseBatch(c.r.Header.Get("Content-Type"), c.body, c.base())
	if err != nil {
		return nil, err
	}
	boundary, err := uuid.NewRandomFromReader(a.random)
	if err != nil {
		return nil, err
	}
	b := &batch{
		Batch: &parsed, api: a, call: c,
		answers: make([]odata.BatchAnswer, len(parsed.Items)), locations: make([]string, len(parsed.Items)),
	}
	if b.Multipart {
		b.runInOrder(c.r.Context())
	} else {
		b.runAtOnce(c.r.Context())
	}
	mark := strings.ReplaceAll(boundary.String(), "-", "")
	result := &answer{
		status: http.StatusOK, contentType: b.ContentType(mark), body: b.AppendAnswers(nil, b.answers, mark),
	}
	if c.preferences.ContinueOnError {
		result.applied = "odata.continue-on-error"
	}
	return result, nil
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
			b.runUnit(ctx, unit)
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
	if b.Items[unit[0]].Group != 0 {
		b.runChangeSet(ctx, unit)
		return
	}
	b.run(ctx, unit[0])
}

// changeSet is what the requests of a change set share.
type changeSet struct {
	service *service.Service // bound to its transaction
	err     error            // why its last request failed
}

// changeSetKey finds the change set in a request's context.
type changeSetKey struct{}

func changeSetOf(r *http.Request) *changeSet {
	set, _ := r.Context().Value(changeSetKey{}).(*changeSet)
	return set
}

// runChangeSet runs requests of which all succeed or none.
func (b *batch) runChangeSet(ctx context.Context, unit []int) {
	failed := -1
	err := b.call.service.Atomically(ctx, func(bound *service.Service) error {
		failed = -1
		set := &changeSet{service: bound}
		for _, i := range unit {
			b.run(context.WithValue(ctx, changeSetKey{}, set), i)
			if b.failed([]int{i}) {
				failed = i
				return errors.Join(set.err, errChangeSet())
			}
		}
		return nil
	})
	if err == nil {
		return
	}
	for _, i := range unit {
		switch {
		case failed < 0: // the transaction itself
			b.refuse(ctx, i, err)
		case i != failed:
			b.refuse(ctx, i, errChangeSet())
		}
	}
}

// errChangeSet and errDependency refuse what could have been done, but for
// another request.
func errChangeSet() error {
	return &failure{
		status:  http.StatusFailedDependency,
		message: "Another request of the change set failed, and so nothing of it was kept.",
	}
}

func errDependency() error {
	return &failure{status: http.StatusFailedDependency, message: "A request that this one depends on failed."}
}

// run runs one request as if it had come alone.
func (b *batch) run(ctx context.Context, i int) {
	item := &b.Items[i]
	if b.failed(item.DependsOn) {
		b.refuse(ctx, i, errDependency())
		return
	}
	path := item.URL
	if item.Reference >= 0 {
		path = b.locations[item.Reference] + path
	}
	request, err := b.request(ctx, item, path)
	if err != nil {
		b.refuse(ctx, i, err)
		return
	}
	w := &recorder{header: http.Header{}}
	b.api.ServeHTTP(w, request)
	b.answers[i] = w.answer(item.Method)
	b.locations[i], _, _ = strings.Cut(path, "?")
	if location, isOurs := strings.CutPrefix(w.header.Get("Location"), b.call.base()); isOurs {
		b.locations[i] = location
	}
}

func (b *batch) request(ctx context.Context, item *odata.BatchItem, path string) (*http.Request, error) {
	outer := b.call.r
	request, err := http.NewRequestWithContext(ctx, item.Method, b.call.base()+path, bytes.NewReader(item.Body))
	if err != nil {
		return nil, notServed()
	}
	request.Header = http.Header(item.Header).Clone()
	if request.Header == nil {
		request.Header = http.Header{}
	}
	for name, value := range map[string]string{
		"Authorization": outer.Header.Get("Authorization"), "Client-Request-Id": b.call.clientRequestID,
	} {
		if request.Header.Get(name) == "" {
			request.Header.Set(name, value)
		}
	}
	request.RequestURI, request.RemoteAddr = b.call.root+path, outer.RemoteAddr
	return request, nil
}

// refuse answers a request that is not run.
func (b *batch) refuse(ctx context.Context, i int, err error) {
	w := &recorder{header: http.Header{}}
	request := &http.Request{Method: b.Items[i].Method, URL: &url.URL{}, Header: http.Header{"Client-Request-Id": {b.call.clientRequestID}}}
	b.api.serve(w, request.WithContext(ctx), b.call.root, b.call.route, func(*call) (*answer, error) { return nil, err })
	b.answers[i] = w.answer(http.MethodGet)
}

// recorder keeps the answer to a request of a batch.
type recorder struct {
	header http.Header
	status int
	body   []byte
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) { w.status = status }

func (w *recorder) Write(body []byte) (int, error) {
	w.body = append(w.body, body...)
	return len(body), nil
}

func (w *recorder) answer(method string) odata.BatchAnswer {
	result := odata.BatchAnswer{
		Status: w.status, Reason: http.StatusText(w.status), Header: textproto.MIMEHeader(w.header), Body: w.body,
	}
	if method == http.MethodHead {
		result.Body = nil
	}
	return result
}
