// Package graph is the Microsoft Graph surface: its paths, its types on the
// wire, and the mapping to the domain and back.
//
// Every request takes the same way: its path is matched, its caller is known
// and allowed, its form is checked, its operation runs, and one place writes
// the answer or the refusal.
package graph

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"plimsoll"
	"plimsoll/internal/auth"
	"plimsoll/internal/httpapi"
	"plimsoll/internal/odata"
	"plimsoll/internal/service"
)

const (
	maxClientID     = 128 // of client-request-id, in characters
	maxBody         = 64 << 10
	maxDeviceBody   = 256 << 10
	maxAssignBody   = 256 << 10
	maxRunStateBody = 512 << 10
	maxScriptBody   = 2 << 20 // a script of 1 MiB in base64, and its other properties
	initialBodySize = 1 << 10
	autoLength      = 2 << 10 // what net/http counts by itself, in bytes
	// waitTimeout ends what waits for a database or an issuer that does not
	// answer. The client's own part, sending a body, has the listener's limits.
	waitTimeout = 30 * time.Second
)

// Observe is told of every request: the pattern of its path, its method, the
// status of its answer, and how long it took.
type Observe func(route, method string, status int, took time.Duration)

// Throttle lets a client's request through, or gives the
// [plimsoll.TooManyRequests] error that says when to come back. All who need no
// token are one client, "": they cannot use up what the others share.
type Throttle interface {
	Take(client string) error
}

// API serves the surface.
type API struct {
	service  *service.Service
	pages    *Pages
	cases    func(*service.Service) fleet
	verifier auth.Verifier
	throttle Throttle
	tenantID string
	log      *slog.Logger
	observe  Observe
	now      func() time.Time
	random   io.Reader
	model    *model
	mux      *http.ServeMux
}

// New makes the surface of one tenant, which opens pages where it is asked to. Requests must carry the scheme and host
// that the client used in their URL and Host.
func New(
	s *service.Service, pages *Pages, verifier auth.Verifier, throttle Throttle, tenantID string,
	log *slog.Logger, observe Observe, now func() time.Time, random io.Reader,
) *API {
	a := &API{
		service: s, pages: pages, cases: fleetOf, verifier: verifier, throttle: throttle, tenantID: tenantID,
		log: log, observe: observe, now: now, random: random,
		model: newModel(), mux: http.NewServeMux(),
	}
	for root, paths := range a.surfaces() {
		for pattern, methods := range paths {
			a.mux.Handle(root+pattern, a.resource(root, pattern, methods))
		}
	}
	a.mux.Handle("/", a.resource("", "", nil))
	return a
}

// ServeHTTP answers any path: those it does not serve with Graph's 404.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	segments, arguments, err := odata.ParsePath(r.URL.EscapedPath(), parametersOf)
	if e, ok := errors.AsType[*odata.Error](err); ok && e.Kind == odata.NotFound {
		err = notServed() // the protocol knows no root; what cannot be there is told as what is not
	}
	if err != nil {
		a.serve(w, r, "", "", func(c *call) (*answer, error) {
			return nil, cmp.Or(a.authenticate(c), a.throttle.Take(c.caller.Subject), err)
		})
		return
	}
	canonical := *r
	canonical.URL = new(*r.URL)
	canonical.URL.Path = "/" + strings.Join(segments, "/")
	for i, segment := range segments {
		segments[i] = url.PathEscape(segment)
	}
	canonical.URL.RawPath = "/" + strings.Join(segments, "/")
	for name, value := range arguments {
		canonical.SetPathValue(name, value)
	}
	a.mux.ServeHTTP(w, &canonical)
}

// resource serves the operations at one path; nil is a path without any.
func (a *API) resource(root, pattern string, methods operations) http.Handler {
	route := root + pattern
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.serve(w, r, root, route, func(c *call) (*answer, error) {
			return a.operate(c, methods)
		})
	})
}

// operate finds the request's operation, and runs it for a caller who may and a
// request in good form.
func (a *API) operate(c *call, methods operations) (*answer, error) {
	op, served := methods.find(c.r.Method)
	if !served || op.permission != nil {
		if err := a.authenticate(c); err != nil {
			return nil, err
		}
	}
	if err := a.throttle.Take(c.caller.Subject); err != nil {
		return nil, err
	}
	switch {
	case methods == nil:
		return nil, notServed()
	case !served:
		return nil, methodNotAllowed(c.r.Method, methods.allowed())
	}
	if len(op.permission) > 0 {
		if err := c.caller.May(op.permission); err != nil {
			return nil, err
		}
	}
	if err := a.read(c, op); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), waitTimeout)
	defer cancel()
	c.r = c.r.WithContext(ctx)
	result, err := op.handle(c)
	if err != nil {
		return nil, err
	}
	return c.condition(result)
}

func (a *API) authenticate(c *call) (err error) {
	if c.bearer == "" {
		return plimsoll.Errorf(plimsoll.Unauthenticated,
			"The request carries no token: send Authorization: Bearer {token}.")
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), waitTimeout)
	defer cancel()
	c.caller, err = a.verifier.Verify(ctx, c.bearer)
	return err
}

// read checks a request's form, and reads its query options and body.
func (a *API) read(c *call, op operation) (err error) {
	header := c.r.Header
	if err = odata.CheckVersions(header.Get("OData-Version"), header.Get("OData-MaxVersion")); err != nil {
		return err
	}
	if c.query, err = odata.ParseQuery(c.r.URL.RawQuery, op.rows, a.now(), op.options...); err != nil {
		return err
	}
	if op.serves != nil {
		if c.form, err = odata.Negotiate(strings.Join(header.Values("Accept"), ","), c.query.Format, op.serves...); err != nil {
			return err
		}
	}
	if prefer := header.Values("Prefer"); len(prefer) > 0 {
		c.preferences = odata.ParsePreferences(prefer)
	}
	if op.maxBody == 0 {
		return nil
	}
	if c.r.Method == http.MethodPost {
		if err = c.unconditional(); err != nil {
			return err
		}
	}
	if !op.anyForm {
		if err = odata.CheckContentType(header.Get("Content-Type")); err != nil {
			return err
		}
	}
	c.body, err = httpapi.ReadBody(c.r, op.maxBody)
	return err
}

// serve runs handle and writes what comes of it: an answer, a refusal, or a
// fault of ours when it panics.
func (a *API) serve(w http.ResponseWriter, r *http.Request, root, route string, handle handler) {
	start := a.now()
	c, err := a.newCall(r, root, route)
	if item, batched := w.(*recorder); batched {
		c.item, c.service = item, item.service
	}
	recorder := &statusRecorder{ResponseWriter: w}
	c.announce(recorder.Header())
	var result *answer
	if err == nil {
		result, err = a.guard(c, handle)
	}
	if err != nil {
		if c.item != nil {
			c.item.err = err
		}
		a.refuse(recorder, r, c, err)
	} else {
		send(recorder, c, result)
		if result.stream != nil && r.Method == http.MethodGet {
			err = a.stream(recorder, r, result)
		}
	}
	cut := err != nil && result != nil
	took := a.now().Sub(start)
	a.observe(route, r.Method, recorder.status, took)
	if a.log.Enabled(r.Context(), slog.LevelDebug) {
		a.log.DebugContext(r.Context(), "request", "request_id", c.requestID, "method", r.Method, "route", route, "path", r.URL.Path,
			"status", recorder.status, "took", took, "caller", c.caller.Subject)
	}
	if cut { // nobody may take what was sent for the whole
		if r.Context().Err() == nil {
			a.log.ErrorContext(r.Context(), "answer cut off", "request_id", c.requestID, "route", route, "error", err)
		}
		panic(http.ErrAbortHandler)
	}
	if err == nil && result.follows != nil { // whose time is not that of a request
		a.follow(recorder, r, result.follows, c.caller.ExpiresAt)
	}
}

func (a *API) newCall(r *http.Request, root, route string) (*call, error) {
	id, err := uuid.NewRandomFromReader(a.random)
	c := &call{
		r: r, service: a.service, root: root, route: route, requestID: id.String(), bearer: httpapi.BearerToken(r.Header),
	}
	c.clientRequestID = c.requestID
	if own := r.Header.Get("client-request-id"); own != "" && len(own) <= maxClientID && isPrintable(own) {
		c.clientRequestID = own
	}
	return c, err
}

func isPrintable(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

func (c *call) announce(header http.Header) {
	header.Set("request-id", c.requestID)
	header.Set("client-request-id", c.clientRequestID)
	header.Set("OData-Version", "4.0")
}

// guard turns a panic into an error, so that one request's fault is one
// request's.
func (a *API) guard(c *call, handle handler) (result *answer, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("panic: %v\n%s", fault, debug.Stack())
		}
	}()
	return handle(c)
}

// send writes an answer. Where the client prefers it (RFC 7240), the body of a
// change is left out.
func send(w http.ResponseWriter, c *call, result *answer) {
	header := w.Header()
	if result.location != "" {
		header.Set("Location", result.location)
	}
	if result.etag != "" {
		header.Set("ETag", result.etag)
	}
	if result.changed && c.preferences.Return != "" {
		result.applied = "return=" + c.preferences.Return
	}
	if result.applied != "" {
		header.Set("Preference-Applied", result.applied)
	}
	if result.applied == "return=minimal" {
		if result.create {
			header.Set("OData-EntityId", result.location)
		}
		result = &answer{status: http.StatusNoContent}
	}
	if result.contentType != "" {
		header.Set("Content-Type", result.contentType)
		if len(result.body) > autoLength && result.stream == nil && result.follows == nil {
			header.Set("Content-Length", strconv.Itoa(len(result.body)))
		}
		header.Set("X-Content-Type-Options", "nosniff")
	}
	if result.contentType == odata.EventStream {
		header.Set("Cache-Control", "no-store")
		header.Set("X-Accel-Buffering", "no") // nginx would gather what is to be seen at once
	}
	w.WriteHeader(result.status)
	_, _ = w.Write(result.body) //nolint:gosec // JSON or XML, sent as such; and a client that left needs no answer
}

// statusRecorder remembers the status for the log and the metrics.
type statusRecorder struct {
	http.ResponseWriter

	status int
}

func (r *statusRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap gives the writer inside, for http.ResponseController.
func (r *statusRecorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
