// Package service holds the use cases: what an administrator may do with
// scripts, devices and all that belongs to them, and what a device's agent may,
// at what time, and on whose behalf. Storage is what the small interfaces here ask for.
package service

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"

	"plimsoll"
	"plimsoll/internal/query"
)

// ScriptStore keeps scripts. Changes are transactions: what change or allow
// returns as an error leaves everything as it was.
type ScriptStore interface {
	CreateScript(ctx context.Context, s *plimsoll.Script, e plimsoll.AuditEvent) error
	Script(ctx context.Context, id string, with ...string) (plimsoll.ListedScript, error)
	Scripts(ctx context.Context, page query.Page) (query.Rows[plimsoll.ListedScript], error)
	CountScripts(ctx context.Context, filter *query.Expr) (int64, error)
	UpdateScript(ctx context.Context, id string, change func(*plimsoll.Script) error,
		e plimsoll.AuditEvent) (plimsoll.Script, error)
	DeleteScript(ctx context.Context, id string, allow func(*plimsoll.Script) error, e plimsoll.AuditEvent) error
}

// RunSummaryStore keeps the histories of reported run summaries.
type RunSummaryStore interface {
	RunSummaryHistory(ctx context.Context, scriptID string, page query.Page) (
		query.Rows[plimsoll.RunSummaryRecord], error)
	UpdateRunSummary(ctx context.Context, scriptID string, change func(*plimsoll.RunSummaryRecord) error) (
		plimsoll.RunSummaryRecord, error)
	RemoveRunSummary(ctx context.Context, scriptID string, remove func(*plimsoll.RunSummaryRecord) error) error
}

// RunSummaryReader gives a script's current summary.
type RunSummaryReader interface {
	RunSummary(ctx context.Context, scriptID string) (plimsoll.RunSummaryRecord, error)
}

// RunSummaryAppender adds a summary to its script's history, sets its sequence,
// and returns once it is durable.
type RunSummaryAppender interface {
	Submit(ctx context.Context, r *plimsoll.RunSummaryRecord) error
}

// Stores is all that a Service keeps things in.
type Stores struct {
	ScriptStore
	ScriptFeed
	OverviewStore
	RunSummaryStore
	RunSummaryReader
	RunSummaryAppender
	DeviceStore
	EnrollmentTokenStore
	Enroller
	GroupStore
	MemberStore
	FilterStore
	AssignmentStore
	RunStateStore
	AuditStore
	CheckInStore
	AgentStarter
	Reporter
}

// Atomically runs work with stores whose changes are made together, when it
// returns nil, or not at all. It may run work several times.
type Atomically func(ctx context.Context, work func(Stores) error) error

// Service carries out the use cases. Every actor it is given is the client or
// user of the caller's token.
type Service struct {
	stores     Stores
	atomically Atomically
	now        func() time.Time
	random     io.Reader

	checkInInterval time.Duration
	quiet           *lru.Cache[string, quiet]
	sightings       *sightings
	looks           *pace
}

// DefaultCheckInInterval is how often an agent comes where nobody says otherwise.
const DefaultCheckInInterval = 15 * time.Minute

// Option is a setting of a [Service].
type Option func(*Service)

// WithCheckInInterval sets how often agents come.
func WithCheckInInterval(interval time.Duration) Option {
	return func(s *Service) { s.checkInInterval = interval }
}

// New makes a Service. random is a source of cryptographic quality, for ids and
// secrets.
func New(
	stores Stores, atomically Atomically, now func() time.Time, random io.Reader, options ...Option,
) *Service {
	s := &Service{
		stores: stores, atomically: atomically, now: now, random: random,
		checkInInterval: DefaultCheckInInterval, quiet: newQuiet(), sightings: &sightings{},
		looks: newPace(looksPerSecond, looksAtOnce, now),
	}
	for _, set := range options {
		set(s)
	}
	return s
}

// CheckInInterval gives how often agents come.
func (s *Service) CheckInInterval() time.Duration { return s.checkInInterval }

// Atomically runs work with a Service whose changes are made together, durable
// when Atomically returns nil, or not at all where work returns an error. What is
// read by it includes its changes. work may be run several times, and must use
// no other Service meanwhile.
func (s *Service) Atomically(ctx context.Context, work func(*Service) error) error {
	return s.atomically(ctx, func(stores Stores) error {
		bound := *s
		bound.stores = stores
		bound.atomically = func(_ context.Context, work func(Stores) error) error { return work(stores) }
		return work(&bound)
	})
}

// clock gives the time as it is stored.
func (s *Service) clock() time.Time { return s.now().UTC().Truncate(plimsoll.Tick) }

func (s *Service) newID() (string, error) {
	id, err := uuid.NewRandomFromReader(s.random)
	if err != nil {
		return "", fmt.Errorf("make an id: %w", err)
	}
	return id.String(), nil
}

func (s *Service) event(actor, activity, objectID string) plimsoll.AuditEvent {
	return plimsoll.AuditEvent{At: s.clock(), Actor: actor, Activity: activity, ObjectID: objectID}
}

// Match is the caller's precondition on the change counter of a thing: nil
// agrees to any.
type Match func(counter int64) bool

func (m Match) check(counter int64) error {
	if m == nil || m(counter) {
		return nil
	}
	return plimsoll.Errorf(plimsoll.PreconditionFailed,
		"It is not as If-Match or If-None-Match wants it, by its @odata.etag: it changed since it was read. Read it again, then decide.")
}
