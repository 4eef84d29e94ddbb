// Package simulate puts a server under the load of a fleet that it plays, and
// holds the run summaries to what the fleet reported, to the last device.
package simulate

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"plimsoll"
)

// Config is what a simulation is made of. All of it is required, but for Token.
type Config struct {
	Server      string // such as https://plimsoll.example.com
	Devices     int
	Scripts     int
	Duration    time.Duration // for which the agents run
	Interval    time.Duration // between two check-ins of one device
	Connections int           // at once
	Token       string        // by which the devices enrol; "" makes one
	Keep        bool          // leave the devices, scripts and all
	Seed        uint64        // of what the agents do

	API      API
	HTTP     *http.Client // of the devices
	Now      func() time.Time
	Random   io.Reader // for keys
	Progress func(Progress)
}

// API calls the server's API as an administrator: target is a path below
// /beta. Its errors are those of the API.
type API func(ctx context.Context, method, target string, body, answer any) error

// Progress is how far a simulation is.
type Progress struct {
	Phase   string
	Done    int // devices, in a phase that takes each once
	Elapsed time.Duration
	Report  Report
}

// Report is what came of a simulation.
type Report struct {
	Devices          int        `json:"devices"`
	Scripts          int        `json:"scripts"`
	Seconds          float64    `json:"seconds"` // that the agents ran
	Reports          int64      `json:"reports"` // check-ins with results that were answered
	Results          int64      `json:"results"`
	ReportsPerSecond float64    `json:"reportsPerSecond"`
	P50Milliseconds  float64    `json:"p50Milliseconds"` // of those check-ins
	P99Milliseconds  float64    `json:"p99Milliseconds"`
	Retries          int64      `json:"retries"`
	OfflineSpells    int64      `json:"offlineSpells"`
	LostAnswers      int64      `json:"lostAnswers"`
	Refused          int64      `json:"refused"`     // results that the server did not take
	Undelivered      int        `json:"undelivered"` // devices whose results could not be brought
	Mismatches       int        `json:"mismatches"`
	Differences      []Mismatch `json:"differences"`
}

// Mismatch is a property of a run summary that is not what the fleet reported.
type Mismatch struct {
	ScriptID string `json:"scriptId"`
	Property string `json:"property"`
	Expected string `json:"expected"`
	Actual   string `json:"actual"`
}

// script is one of the simulation's.
type script struct {
	id       string
	revision int64
}

// simulation is one under way.
type simulation struct {
	Config

	name    string // of all that it makes
	token   string
	tokenID string // "" where it is not ours
	groupID string
	scripts []script
	agents  []*agent

	draining                                     atomic.Bool
	retries, refused, offlineSpells, lostAnswers atomic.Int64

	mu      sync.Mutex
	chance  *rand.Rand
	reports int64
	results int64
	times   []float64 // milliseconds of reports: a sample, where there are many
	ran     time.Duration
}

// maxTimes is how many times of reports are kept.
const maxTimes = 1 << 18

// drainTimeout is how long the last results may take.
const drainTimeout = 2 * time.Minute

// Run plays a fleet, and gives what came of it, also where ctx ends: the fleet
// then stops earlier. It removes what it made.
func Run(ctx context.Context, c Config) (report Report, err error) {
	s := &simulation{Config: c, token: c.Token, chance: rand.New(rand.NewPCG(c.Seed, 0))} //nolint:gosec // it decides nothing that must be secret
	s.name = fmt.Sprintf("%08x", s.chance.Uint32())
	s.API = func(ctx context.Context, method, target string, body, answer any) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return c.API(context.WithoutCancel(ctx), method, target, body, answer) // or what was made would not be known
	}
	lasting := context.WithoutCancel(ctx) // for what must be done in any case
	defer func() {
		if !c.Keep {
			err = errors.Join(err, s.clear(lasting))
		}
	}()
	if err = s.prepare(ctx); err != nil {
		return report, err
	}
	if err = s.run(ctx, lasting); err != nil {
		return report, err
	}
	report = s.report()
	for _, a := range s.agents {
		if len(a.queue) > 0 {
			report.Undelivered++
		}
	}
	s.Progress(Progress{Phase: "compare", Report: report})
	report.Differences, err = s.compare(lasting)
	report.Mismatches = len(report.Differences)
	return report, err
}

// prepare makes the group, the scripts and the devices, and waits until the
// scripts reach all of them.
func (s *simulation) prepare(ctx context.Context) error {
	var group, token struct{ ID, Token string }
	if err := s.API(ctx, http.MethodPost, "/groups", map[string]any{
		"displayName": "simulation " + s.name, "mailEnabled": false, "mailNickname": "simulation-" + s.name, "securityEnabled": true,
	}, &group); err != nil {
		return err
	}
	s.groupID = group.ID
	if s.token == "" {
		if err := s.API(ctx, http.MethodPost, management+"/enrollmentTokens", map[string]any{
			"displayName": "simulation " + s.name, "groupId": s.groupID,
		}, &token); err != nil {
			return err
		}
		s.token, s.tokenID = token.Token, token.ID
	}
	for i := range s.Scripts {
		var made struct{ ID string }
		if err := s.API(ctx, http.MethodPost, scriptsPath, map[string]any{
			"displayName": fmt.Sprintf("simulation %s %d", s.name, i+1), "detectionScriptContent": []byte("#!/bin/sh\n"),
		}, &made); err != nil {
			return err
		}
		s.scripts = append(s.scripts, script{made.ID, 1})
		if err := s.API(ctx, http.MethodPost, scriptsPath+"/"+made.ID+"/assign", map[string]any{
			"deviceHealthScriptAssignments": []any{map[string]any{
				"target": map[string]any{"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": s.groupID},
			}},
		}, nil); err != nil {
			return err
		}
	}
	if err := s.enrollAll(ctx); err != nil {
		return err
	}
	return s.awaitReached(ctx)
}

const (
	management  = "/deviceManagement"
	scriptsPath = management + "/deviceComplianceScripts"
)

func (s *simulation) enrollAll(ctx context.Context) error {
	s.agents = make([]*agent, s.Devices)
	begin := s.Now()
	return s.each(ctx, s.Devices, func(ctx context.Context, i int) (err error) {
		a, err := s.newAgent()
		if err == nil {
			err = s.enroll(ctx, a, i)
		}
		if err != nil {
			return err
		}
		s.agents[i] = a
		if s.tokenID == "" {
			if err = s.API(ctx, http.MethodPost, "/groups/"+s.groupID+"/members/$ref", map[string]any{
				"@odata.id": s.Server + "/beta/directoryObjects/" + a.client.DeviceID,
			}, nil); err != nil {
				return err
			}
		}
		if (i+1)%1000 == 0 || i+1 == s.Devices {
			s.Progress(Progress{Phase: "enrol", Done: i + 1, Elapsed: s.Now().Sub(begin), Report: Report{Devices: s.Devices}})
		}
		return nil
	})
}

// each does work for all of n, as many at once as there are connections, until
// one fails.
func (s *simulation) each(ctx context.Context, n int, work func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var working sync.WaitGroup
	for range min(s.Connections, n) {
		working.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if err := work(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	working.Wait()
	return context.Cause(ctx)
}

// awaitReached waits until every script is pending on every device.
func (s *simulation) awaitReached(ctx context.Context) error {
	for i := range s.scripts {
		for {
			got, err := s.summary(ctx, &s.scripts[i])
			if err != nil {
				return err
			}
			if got.Pending == int64(s.Devices) {
				break
			}
			s.Progress(Progress{Phase: "assign", Done: int(got.Pending), Report: Report{Devices: s.Devices}})
			s.sleep(ctx, 200*time.Millisecond)
		}
	}
	return nil
}

// summary is a run summary, of the server or expected.
type summary struct {
	NoIssue int64     `json:"noIssueDetectedDeviceCount"`
	Issue   int64     `json:"issueDetectedDeviceCount"`
	Error   int64     `json:"detectionScriptErrorDeviceCount"`
	Pending int64     `json:"detectionScriptPendingDeviceCount"`
	LastRun time.Time `json:"lastScriptRunDateTime"`
}

func (s *simulation) summary(ctx context.Context, one *script) (got summary, err error) {
	return got, s.API(ctx, http.MethodGet, scriptsPath+"/"+one.id+"/runSummary", nil, &got)
}

// run has the agents at work for the duration, revises the scripts in the midst
// of it, and then has all results delivered.
func (s *simulation) run(ctx, lasting context.Context) error {
	begin := s.Now()
	for _, a := range s.agents {
		a.due = begin.Add(time.Duration(s.float() * float64(s.Interval)))
	}
	half, cancel := context.WithTimeout(ctx, s.Duration/2)
	s.serve(half, "run", begin)
	cancel()
	if ctx.Err() == nil {
		for i := range s.scripts {
			if err := s.API(lasting, http.MethodPatch, scriptsPath+"/"+s.scripts[i].id, map[string]any{
				"detectionScriptContent": []byte("#!/bin/sh\n: revised\n"),
			}, nil); err != nil {
				return err
			}
			s.scripts[i].revision++
		}
		half, cancel = context.WithTimeout(ctx, s.Duration/2)
		s.serve(half, "run", begin)
		cancel()
	}
	s.draining.Store(true)
	for _, a := range s.agents {
		a.due, a.failures = s.Now(), 0
	}
	last, cancel := context.WithTimeout(lasting, drainTimeout)
	defer cancel()
	s.serve(last, "deliver", begin)
	s.ran = s.Now().Sub(begin)
	return nil
}

// serve gives each agent its turn when it is due, until ctx ends, or nothing is
// left to deliver.
func (s *simulation) serve(ctx context.Context, phase string, begin time.Time) {
	waiting := agentHeap(slices.DeleteFunc(slices.Clone(s.agents), s.isDone))
	heap.Init(&waiting)
	turns, back := make(chan *agent), make(chan *agent, s.Connections)
	var working sync.WaitGroup
	for range s.Connections {
		working.Go(func() {
			for a := range turns {
				s.turn(context.WithoutCancel(ctx), a)
				back <- a
			}
		})
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for busy := 0; busy > 0 || len(waiting) > 0 && ctx.Err() == nil; {
		var due chan *agent
		var next *agent
		var wake <-chan time.Time
		if len(waiting) > 0 && ctx.Err() == nil {
			if wait := waiting[0].due.Sub(s.Now()); wait <= 0 {
				due, next = turns, waiting[0]
			} else {
				wake = time.After(wait)
			}
		}
		ended := ctx.Done()
		if ctx.Err() != nil {
			ended = nil
		}
		select {
		case due <- next:
			heap.Pop(&waiting)
			busy++
		case a := <-back:
			if busy--; !s.isDone(a) {
				heap.Push(&waiting, a)
			}
		case <-tick.C:
			s.Progress(Progress{Phase: phase, Elapsed: s.Now().Sub(begin), Report: s.report()})
		case <-ended:
		case <-wake:
		}
	}
	close(turns)
	working.Wait()
}

// isDone tells whether an agent has nothing left to deliver, in the end.
func (s *simulation) isDone(a *agent) bool { return s.draining.Load() && len(a.queue) == 0 }

// agentHeap has the agent first that is due first.
type agentHeap []*agent

func (h agentHeap) Len() int           { return len(h) }
func (h agentHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h agentHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *agentHeap) Push(a any) { *h = append(*h, a.(*agent)) } //nolint:forcetypeassert // heap.Push is called with agents alone

// Pop implements heap.Interface.
func (h *agentHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// compare holds the summaries to what the agents reported.
func (s *simulation) compare(ctx context.Context) ([]Mismatch, error) {
	differences := []Mismatch{}
	for i := range s.scripts {
		one, want := &s.scripts[i], s.expected(i)
		got, err := s.summary(ctx, one)
		if err != nil {
			return differences, err
		}
		differ := func(property string, expected, actual any) {
			if expected != actual {
				differences = append(differences, Mismatch{one.id, property, fmt.Sprint(expected), fmt.Sprint(actual)})
			}
		}
		differ("noIssueDetectedDeviceCount", want.NoIssue, got.NoIssue)
		differ("issueDetectedDeviceCount", want.Issue, got.Issue)
		differ("detectionScriptErrorDeviceCount", want.Error, got.Error)
		differ("detectionScriptPendingDeviceCount", want.Pending, got.Pending)
		differ("lastScriptRunDateTime", want.LastRun.UTC(), got.LastRun.UTC())
	}
	return differences, nil
}

// expected works a summary out from what the agents know to be counted.
func (s *simulation) expected(place int) (want summary) {
	want.Pending = int64(len(s.agents))
	for _, a := range s.agents {
		for i := range a.scripts {
			r := &a.scripts[i]
			if r.script != place {
				continue
			}
			if r.counted.RanAt.After(want.LastRun) {
				want.LastRun = r.counted.RanAt
			}
			if r.counted.Revision < s.scripts[place].revision {
				continue
			}
			want.Pending--
			switch plimsoll.RunState(r.counted.State) {
			case plimsoll.StateSuccess:
				want.NoIssue++
			case plimsoll.StateFail:
				want.Issue++
			default:
				want.Error++
			}
		}
	}
	return want
}

// clear removes what the simulation made.
func (s *simulation) clear(ctx context.Context) error {
	remove := func(ctx context.Context, target string) error {
		err := s.API(ctx, http.MethodDelete, target, nil, nil)
		if plimsoll.ErrorCode(err) == plimsoll.NotFound {
			return nil
		}
		return err
	}
	var all error
	for _, one := range s.scripts {
		all = errors.Join(all, remove(ctx, scriptsPath+"/"+one.id))
	}
	s.Progress(Progress{Phase: "clear", Report: Report{Devices: s.Devices}})
	all = errors.Join(all, s.each(ctx, len(s.agents), func(ctx context.Context, i int) error {
		if a := s.agents[i]; a != nil && a.client.DeviceID != "" {
			return remove(ctx, management+"/managedDevices/"+a.client.DeviceID)
		}
		return nil
	}))
	if s.tokenID != "" {
		all = errors.Join(all, remove(ctx, management+"/enrollmentTokens/"+s.tokenID))
	}
	if s.groupID != "" {
		all = errors.Join(all, remove(ctx, "/groups/"+s.groupID))
	}
	return all
}

// took notes how long a check-in with results took.
func (s *simulation) took(d time.Duration, results int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reports++
	s.results += int64(results)
	milliseconds := float64(d.Microseconds()) / 1000
	if len(s.times) < maxTimes {
		s.times = append(s.times, milliseconds)
	} else if at := s.chance.Int64N(s.reports); at < maxTimes {
		s.times[at] = milliseconds // each of them is kept with the same chance
	}
}

func (s *simulation) report() Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := Report{
		Devices: len(s.agents), Scripts: len(s.scripts), Seconds: s.ran.Seconds(), Reports: s.reports, Results: s.results,
		Retries: s.retries.Load(), OfflineSpells: s.offlineSpells.Load(), LostAnswers: s.lostAnswers.Load(), Refused: s.refused.Load(),
	}
	if s.ran > 0 {
		r.ReportsPerSecond = math.Round(float64(s.reports)/s.ran.Seconds()*10) / 10
	}
	if n := len(s.times); n > 0 && s.ran > 0 {
		sorted := slices.SortedFunc(slices.Values(s.times), cmp.Compare)
		r.P50Milliseconds, r.P99Milliseconds = sorted[n/2], sorted[n*99/100]
	}
	return r
}

func (s *simulation) float() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.chance.Float64()
}

func (s *simulation) sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
