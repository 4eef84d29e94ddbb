package checkin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/google/uuid"

	"plimsoll"
	"plimsoll/internal/auth"
	"plimsoll/internal/httpapi"
	"plimsoll/internal/service"
)

// waitTimeout ends what waits for a database that does not answer.
const waitTimeout = 60 * time.Second

// Config is what a [Handler] is made of. All of it is required.
type Config struct {
	Service  *service.Service
	Verifier auth.Verifier // of the tokens of devices
	Throttle Throttle
	TenantID string
	Log      *slog.Logger
	MostWait int // agents that wait for a change at most; more are refused
	// Observe is told of every request: the pattern of its path, its method, the
	// status of its answer, and how long it took, but for what it waited for a change.
	Observe func(route, method string, status int, took time.Duration)
	Now     func() time.Time
	Random  io.Reader
}

// Throttle lets a client's request through, or gives the
// [plimsoll.TooManyRequests] error that says when to come back. A device is a
// client, by its id; so is each network from which machines enrol.
type Throttle interface {
	Take(client string) error
}

// Handler serves the device protocol.
type Handler struct {
	Config
	mux   *http.ServeMux
	turns turns // of the check-ins of each device
	waits waits
}

// NewHandler makes the handler of all paths below /agent/v1/.
func NewHandler(c Config) *Handler {
	h := &Handler{Config: c, mux: http.NewServeMux(), waits: waits{most: c.MostWait}}
	h.handle(http.MethodPost, EnrollPath, h.enroll)
	h.handle(http.MethodPost, CheckInPath, h.authenticated(h.checkIn))
	h.handle(http.MethodGet, contentPath, h.authenticated(h.content))
	h.handle(http.MethodGet, WaitPath, h.authenticated(h.wait))
	h.handle(http.MethodPost, UnenrollPath, h.authenticated(h.unenroll))
	h.handle("", "/", func(*call) (*answer, error) { return nil, notServed() })
	return h
}

// ServeHTTP answers a request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// call is one request on its way to its answer.
type call struct {
	*http.Request

	sent     *http.Request       // as it came: waitTimeout does not end its context
	w        http.ResponseWriter // for its deadlines
	id       string              // for the log and the client
	deviceID string              // of the token
	waited   time.Duration       // for a change
}

// answer is what goes back.
type answer struct {
	status      int
	contentType string
	etag        string
	body        []byte
}

type operation func(*call) (*answer, error)

// handle serves one method at a path; HEAD goes with GET, and "" is all.
func (h *Handler) handle(method, pattern string, do operation) {
	route := pattern
	if method == "" {
		route = ""
	}
	h.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		h.serve(w, r, route, func(c *call) (*answer, error) {
			if served := r.Method == method || method == http.MethodGet && r.Method == http.MethodHead; method != "" && !served {
				return nil, &httpapi.Failure{
					Status: http.StatusMethodNotAllowed, Allow: []string{method},
					Message: "Only " + method + " is served at this path.",
				}
			}
			return do(c)
		})
	})
}

// serve runs an operation and writes what comes of it.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, route string, do operation) {
	start := h.Now()
	id, err := uuid.NewRandomFromReader(h.Random)
	ctx, cancel := context.WithTimeout(r.Context(), waitTimeout)
	defer cancel()
	c := &call{Request: r.WithContext(ctx), sent: r, w: w, id: id.String()}
	w.Header().Set("request-id", c.id)
	w.Header().Set("Cache-Control", "no-store")
	var result *answer
	if err == nil {
		result, err = guard(c, do)
	}
	var status int
	if err != nil {
		status = h.refuse(w, r, c, route, err)
	} else {
		status = result.status
		send(w, result)
	}
	took := h.Now().Sub(start)
	h.Observe(route, r.Method, status, took-c.waited)
	if h.Log.Enabled(ctx, slog.LevelDebug) {
		h.Log.DebugContext(ctx, "request", "request_id", c.id, "method", r.Method, "route", route,
			"status", status, "took", took, "device_id", c.deviceID)
	}
}

// guard turns a panic into an error, so that one request's fault is one
// request's.
func guard(c *call, do operation) (result *answer, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("panic: %v\n%s", fault, debug.Stack())
		}
	}()
	return do(c)
}

func send(w http.ResponseWriter, a *answer) {
	header := w.Header()
	if a.etag != "" {
		header.Set("ETag", a.etag)
	}
	if a.contentType != "" {
		header.Set("Content-Type", a.contentType)
		header.Set("Content-Length", strconv.Itoa(len(a.body)))
		header.Set("X-Content-Type-Options", "nosniff")
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

// authenticated runs an operation for a device whose token holds.
func (h *Handler) authenticated(do operation) operation {
	return func(c *call) (*answer, error) {
		bearer := httpapi.BearerToken(c.Header)
		if bearer == "" {
			return nil, plimsoll.Errorf(plimsoll.Unauthenticated,
				"The request carries no token: send Authorization: Bearer {token}, with a token for the scope %s.", Scope)
		}
		caller, err := h.Verifier.Verify(c.Context(), bearer)
		if err != nil {
			return nil, err
		}
		c.deviceID = caller.Subject
		if err := h.Throttle.Take(c.deviceID); err != nil {
			return nil, err
		}
		return do(c)
	}
}

func (h *Handler) enroll(c *call) (*answer, error) {
	if err := h.Throttle.Take(httpapi.Network(c.RemoteAddr)); err != nil {
		return nil, err
	}
	body, err := httpapi.ReadBody(c.Request, maxEnroll)
	if err != nil {
		return nil, err
	}
	var request EnrollRequest
	if err := decode(body, &request); err != nil {
		return nil, err
	}
	device, err := h.Service.Enroll(c.Context(), request.Token, request.PublicKey, request.Inventory.domain(), request.InventoryHash)
	if err != nil {
		return nil, err
	}
	h.Log.InfoContext(c.Context(), "device enrolled", "device_id", device.ID, "from", c.RemoteAddr)
	return jsonAnswer(http.StatusCreated, &EnrollResponse{
		DeviceID: device.ID, TenantID: h.TenantID, TokenEndpoint: tokenPath(h.TenantID),
		CheckInSeconds: seconds(h.Service.CheckInInterval()),
	}), nil
}

func tokenPath(tenantID string) string { return "/" + tenantID + "/oauth2/v2.0/token" }

// checkIn takes one check-in of a device at a time, as its agent sends them: a
// body may take maxCheckIn of memory.
func (h *Handler) checkIn(c *call) (*answer, error) {
	done, err := h.turns.take(c.Context(), c.deviceID)
	if err != nil {
		return nil, err
	}
	defer done()
	body, err := httpapi.ReadBody(c.Request, maxCheckIn)
	if err != nil {
		return nil, err
	}
	in, err := decodeCheckIn(body)
	if err != nil {
		return nil, err
	}
	result, err := h.Service.CheckIn(c.Context(), c.deviceID, in)
	if plimsoll.ErrorCode(err) == plimsoll.Conflict {
		h.Log.WarnContext(c.Context(), "device cloned", "device_id", c.deviceID, "from", c.RemoteAddr)
	}
	if err != nil {
		return nil, err
	}
	return jsonAnswer(http.StatusOK, wireAnswer(&result)), nil
}

func (h *Handler) content(c *call) (*answer, error) {
	content, err := h.Service.AssignedContent(c.Context(), c.deviceID, c.PathValue("id"))
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256(content)
	etag := `"` + hex.EncodeToString(hash[:]) + `"`
	if c.Header.Get("If-None-Match") == etag {
		return &answer{status: http.StatusNotModified, etag: etag}, nil
	}
	return &answer{status: http.StatusOK, contentType: "application/octet-stream", etag: etag, body: content}, nil
}

// unenroll removes the device. The body says nothing: it may be left out.
func (h *Handler) unenroll(c *call) (*answer, error) {
	body, err := httpapi.ReadBody(c.Request, maxEnroll)
	if err == nil && len(body) > 0 {
		err = decode(body, &struct{}{})
	}
	if err == nil {
		err = h.Service.Unenroll(c.Context(), c.deviceID)
	}
	if err != nil {
		return nil, err
	}
	h.Log.InfoContext(c.Context(), "device unenrolled", "device_id", c.deviceID, "from", c.RemoteAddr)
	return &answer{status: http.StatusNoContent}, nil
}

func jsonAnswer(status int, value any) *answer {
	return &answer{status: status, contentType: "application/json", body: encode(value)}
}

// refuse writes err, logs what is ours to mend, and gives the status.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, c *call, route string, err error) int {
	f := httpapi.Explain(err)
	if left := errors.Is(r.Context().Err(), context.Canceled); f.Status >= http.StatusInternalServerError && !left {
		h.Log.ErrorContext(r.Context(), "request failed", "request_id", c.id, "method", r.Method, "route", route,
			"device_id", c.deviceID, "error", err)
	}
	header := w.Header()
	if f.Status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", challenge(c.Header))
	}
	f.SetHeader(header)
	send(w, jsonAnswer(f.Status, bodyOf(f, c.id, h.Now())))
	return f.Status
}
