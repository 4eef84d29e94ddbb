package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"plimsoll"
	"plimsoll/internal/checkin"
)

// fleetLoad is many agents that report to two servers without a pause, each
// result again and again until it is acknowledged, and some even then.
type fleetLoad struct {
	store   string
	servers [2]atomic.Pointer[testServer] // another one where one was started anew
	agents  []*loadAgent
	steady  []string // scripts that all devices keep
	moving  string   // a script that devices get and lose

	acknowledged, refused, twice atomic.Int64 // results; check-ins; check-ins at both servers at once
}

// loadAgent is a device's agent.
type loadAgent struct {
	clients  [2]*checkin.Client // for each server
	random   *rand.Rand
	sequence int64
	queue    []checkin.Result
	done     []checkin.Result          // acknowledged, the latest last
	last     map[string]checkin.Result // by script: the latest that was acknowledged
	accepted map[string]int            // how often each result was told to be the latest
}

// newFleetLoad enrols the devices and gives them three scripts. Both servers are
// asked by an administrator who may do all.
func newFleetLoad(t *testing.T, store string, a, b *testServer, devices int) *fleetLoad {
	t.Helper()
	l := &fleetLoad{store: store, agents: make([]*loadAgent, devices)}
	transport := &http.Transport{MaxConnsPerHost: 256, MaxIdleConnsPerHost: 256}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Timeout: time.Minute, Transport: transport}
	var c credentials
	command(t, &c, "client", "create", "--store", store, "--name", "fleet",
		"--permission", "Group.ReadWrite.All", "--permission", "DeviceManagementConfiguration.ReadWrite.All")
	a.token = a.signIn(t, &c)
	b.token = a.token
	for i, s := range []*testServer{a, b} {
		s.client = client
		l.servers[i].Store(s)
	}
	secret := a.newEnrollment(t)
	var enrolling sync.WaitGroup
	for i := range l.agents {
		agent := &loadAgent{
			random: rand.New(rand.NewPCG(1, uint64(i))),
			last:   map[string]checkin.Result{}, accepted: map[string]int{},
		}
		l.agents[i], agent.clients[0] = agent, newAgent(t, a)
		enrolling.Go(func() {
			if _, err := agent.clients[0].Enroll(t.Context(), secret, machine(fmt.Sprint("device ", i)), ""); err != nil {
				t.Error(err)
			}
			agent.clients[1] = sameDevice(agent.clients[0])
		})
	}
	enrolling.Wait()
	for range 2 {
		l.steady = append(l.steady, l.addAssigned(t, a))
	}
	l.moving = l.addAssigned(t, a)
	l.awaitSettled(t)
	return l
}

func (l *fleetLoad) addAssigned(t *testing.T, s *testServer) string {
	t.Helper()
	id := s.must(t, http.StatusCreated, "POST", scripts, `{"displayName":"x","detectionScriptContent":"IyEvYmluL3NoCg=="}`).json["id"].(string)
	s.must(t, http.StatusNoContent, "POST", scripts+"/"+id+"/assign", `{"deviceHealthScriptAssignments":[`+toAllDevices+`]}`)
	return id
}

// awaitSettled recounts the store until the background has nothing left to do,
// and wants no difference at any time.
func (l *fleetLoad) awaitSettled(t *testing.T) {
	t.Helper()
	waitUntil(t, "the background has nothing left to do", func() bool {
		var v struct{ SettledDevices, UnsettledDevices int }
		command(t, &v, "verify", "--store", l.store) // which fails where it finds a difference
		return v.UnsettledDevices == 0 && v.SettledDevices == len(l.agents)
	})
}

// start sets the agents to work; stop has each bring its last results, and waits.
func (l *fleetLoad) start(t *testing.T) (stop func()) {
	t.Helper()
	var (
		all     sync.WaitGroup
		stopped atomic.Bool
	)
	for _, agent := range l.agents {
		all.Go(func() {
			for !stopped.Load() && !t.Failed() {
				l.run(agent)
				l.bring(t, agent)
			}
		})
	}
	return sync.OnceFunc(func() {
		stopped.Store(true)
		all.Wait()
	})
}

// run adds a result of each script to an agent's queue, sometimes of two runs.
func (l *fleetLoad) run(a *loadAgent) {
	for range 1 + a.random.IntN(2) {
		a.sequence++
		for _, script := range append([]string{l.moving}, l.steady...) {
			a.queue = append(a.queue, checkin.Result{
				ScriptID: script, Revision: 1, Sequence: a.sequence, RanAt: time.Now().UTC(),
				State: []string{"success", "fail", "scriptError"}[a.random.IntN(3)], Output: fmt.Sprint("run ", a.sequence),
			})
		}
	}
}

// bring sends an agent's queue until nothing is left of it: in any order, with
// some results that were acknowledged before, now and then to both servers at once.
func (l *fleetLoad) bring(t *testing.T, a *loadAgent) {
	t.Helper()
	for deadline := time.Now().Add(patience); len(a.queue) > 0; {
		if time.Now().After(deadline) {
			t.Errorf("device %s: no server takes its results", a.clients[0].DeviceID)
			return
		}
		sent := slices.Concat(a.queue, a.done[max(0, len(a.done)-a.random.IntN(4)):])
		a.random.Shuffle(len(sent), func(i, k int) { sent[i], sent[k] = sent[k], sent[i] })
		to := []int{a.random.IntN(2)}
		if a.random.IntN(5) == 0 {
			to = []int{0, 1}
			l.twice.Add(1)
		}
		answers := make([]*checkin.CheckInResponse, len(to))
		var sending sync.WaitGroup
		for i, server := range to {
			a.clients[server].Server = l.servers[server].Load().URL
			sending.Go(func() { answers[i] = l.checkIn(t, a.clients[server], sent) })
		}
		sending.Wait()
		for _, answer := range answers {
			if answer != nil {
				l.take(t, a, sent, answer)
			}
		}
		if !slices.ContainsFunc(answers, func(answer *checkin.CheckInResponse) bool { return answer != nil }) {
			time.Sleep(20 * time.Millisecond) // an agent backs off
		}
	}
}

// checkIn gives nil where the results are to be sent again. Nothing else than a
// server or a database that is away is a reason for that.
func (l *fleetLoad) checkIn(t *testing.T, client *checkin.Client, results []checkin.Result) *checkin.CheckInResponse {
	t.Helper()
	answer, err := client.CheckIn(t.Context(), &checkin.CheckInRequest{Instance: "only", Results: results})
	if err == nil {
		return answer
	}
	l.refused.Add(1)
	if e, ok := errors.AsType[*checkin.Error](err); ok && e.Status != http.StatusServiceUnavailable && e.Status != http.StatusTooManyRequests {
		t.Errorf("device %s: %v", client.DeviceID, err)
	}
	return nil
}

// take removes what was acknowledged from the queue.
func (l *fleetLoad) take(t *testing.T, a *loadAgent, sent []checkin.Result, answer *checkin.CheckInResponse) {
	t.Helper()
	for i, result := range sent {
		name := fmt.Sprint(result.ScriptID, " ", result.Sequence)
		switch code := answer.Results[i].Code; {
		case code == plimsoll.OutcomeNotAssigned && result.ScriptID == l.moving:
		case code == plimsoll.OutcomeAccepted:
			if a.accepted[name]++; a.accepted[name] > 1 && result.ScriptID != l.moving {
				t.Errorf("device %s: %s was accepted twice", a.clients[0].DeviceID, name)
			}
		case code != plimsoll.OutcomeDuplicate:
			t.Errorf("device %s: %s is %s %s", a.clients[0].DeviceID, name, code, answer.Results[i].Message)
		}
		if result.Sequence > a.last[result.ScriptID].Sequence {
			a.last[result.ScriptID] = result
		}
		same := func(r checkin.Result) bool { return r.ScriptID == result.ScriptID && r.Sequence == result.Sequence }
		if slices.ContainsFunc(a.queue, same) {
			a.queue = slices.DeleteFunc(a.queue, same)
			a.done = append(a.done[max(0, len(a.done)-10):], result)
			l.acknowledged.Add(1)
		}
	}
}

// await waits until n more results are acknowledged.
func (l *fleetLoad) await(t *testing.T, n int64) {
	t.Helper()
	want := l.acknowledged.Load() + n
	for deadline := time.Now().Add(patience); l.acknowledged.Load() < want; time.Sleep(time.Millisecond) {
		if t.Failed() || time.Now().After(deadline) {
			t.Fatalf("%d results of %d were acknowledged", l.acknowledged.Load(), want)
		}
	}
}

// change has an administrator move devices in and out of groups, and change rules
// and assignments, until stop.
func (l *fleetLoad) change(t *testing.T) (stop func()) {
	t.Helper()
	s := l.servers[0].Load()
	left := s.must(t, http.StatusCreated, "POST", "/groups", `{"displayName":"Left out"}`).json["id"].(string)
	const ruled = `{"displayName":"Rule","groupTypes":["DynamicMembership"],"membershipRuleProcessingState":"On","membershipRule":"device.deviceName -contains \"%d\""}`
	chosen := s.must(t, http.StatusCreated, "POST", "/groups", fmt.Sprintf(ruled, 1)).json["id"].(string)
	ctx, cancel := context.WithCancel(t.Context())
	var changing sync.WaitGroup
	changing.Go(func() {
		for turn := 0; ctx.Err() == nil; turn++ {
			device := l.agents[turn%len(l.agents)].clients[0].DeviceID
			target := []string{`allDevicesAssignmentTarget"`, `groupAssignmentTarget","groupId":"` + chosen + `"`}[turn/5%2]
			for _, request := range [][3]string{
				{"POST", "/groups/" + left + "/members/$ref", `{"@odata.id":"` + s.URL + "/beta/directoryObjects/" + device + `"}`},
				{"POST", scripts + "/" + l.moving + "/assign", `{"deviceHealthScriptAssignments":[
					{"target":{"@odata.type":"#microsoft.graph.` + target + `}},
					{"target":{"@odata.type":"#microsoft.graph.exclusionGroupAssignmentTarget","groupId":"` + left + `"}}]}`},
				{"PATCH", "/groups/" + chosen, fmt.Sprintf(`{"membershipRule":"device.deviceName -contains \"%d\""}`, turn%10)},
				{"POST", scripts + "/" + l.steady[0] + "/assign", `{"deviceHealthScriptAssignments":[
					{"target":{"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget"},
					"runSchedule":{"@odata.type":"#microsoft.graph.deviceHealthScriptHourlySchedule","interval":` + fmt.Sprint(turn%23+1) + `}}]}`},
				{"DELETE", "/groups/" + left + "/members/" + l.agents[(turn+len(l.agents)/2)%len(l.agents)].clients[0].DeviceID + "/$ref", ""},
			} {
				l.tryChange(ctx, t, l.servers[turn%2].Load(), request)
			}
		}
	})
	return sync.OnceFunc(func() {
		cancel()
		changing.Wait()
	})
}

func (l *fleetLoad) tryChange(ctx context.Context, t *testing.T, s *testServer, request [3]string) {
	t.Helper()
	r, err := s.send(ctx, request[0], request[1], request[2])
	switch {
	case err != nil: // the server is away, or the test is over
		time.Sleep(10 * time.Millisecond)
	case r.StatusCode/100 == 2, r.StatusCode == http.StatusServiceUnavailable:
	case strings.Contains(request[1], "/members/"): // it is a member already, or none
	default:
		t.Errorf("%s %s: %s", request[0], request[1], r.shown())
	}
}

// check holds what each server tells to what the agents were told.
func (l *fleetLoad) check(t *testing.T) {
	t.Helper()
	l.awaitSettled(t)
	for i := range l.servers {
		s := l.servers[i].Load()
		for _, script := range l.steady {
			l.checkScript(t, s, script)
		}
		for _, agent := range l.agents { // and nobody is refused any more
			client := agent.clients[i]
			client.Server = s.URL
			results := []checkin.Result{agent.last[l.steady[0]], agent.last[l.steady[1]]}
			answer, err := client.CheckIn(t.Context(), &checkin.CheckInRequest{Instance: "only", Results: results})
			if err != nil {
				t.Errorf("device %s: %v", client.DeviceID, err)
			} else if codes := outcomes(answer); !slices.Equal(codes, []plimsoll.Outcome{plimsoll.OutcomeDuplicate, plimsoll.OutcomeDuplicate}) {
				t.Errorf("device %s: what was acknowledged is %v", client.DeviceID, codes)
			}
		}
	}
}

func (l *fleetLoad) checkScript(t *testing.T, s *testServer, script string) {
	t.Helper()
	states := map[string]map[string]any{}
	for link := scripts + "/" + script + "/deviceRunStates?$top=100"; link != ""; {
		page := s.must(t, http.StatusOK, "GET", link, "")
		for _, row := range page.json["value"].([]any) {
			states[row.(map[string]any)["id"].(string)], _ = row.(map[string]any)
		}
		link, _ = page.json["@odata.nextLink"].(string)
	}
	counts, lastRun := map[string]int{}, time.Time{}
	for _, agent := range l.agents {
		last, state := agent.last[script], states[script+":"+agent.clients[0].DeviceID]
		counts[last.State]++
		if last.RanAt = last.RanAt.Truncate(plimsoll.Tick); last.RanAt.After(lastRun) {
			lastRun = last.RanAt
		}
		at, _ := time.Parse(time.RFC3339Nano, fmt.Sprint(state["lastStateUpdateDateTime"]))
		if state["scriptOutput"] != last.Output || state["detectionState"] != last.State || !at.Equal(last.RanAt) {
			t.Errorf("device %s: acknowledged is %+v, stored is %v", agent.clients[0].DeviceID, last, state)
		}
	}
	summary := s.must(t, http.StatusOK, "GET", scripts+"/"+script+"/runSummary", "").json
	want := map[string]any{
		"noIssueDetectedDeviceCount": counts["success"], "issueDetectedDeviceCount": counts["fail"],
		"detectionScriptErrorDeviceCount": counts["scriptError"], "detectionScriptPendingDeviceCount": 0,
	}
	for property, n := range want {
		if fmt.Sprint(summary[property]) != fmt.Sprint(n) {
			t.Errorf("%s is %v, want %v", property, summary[property], n)
		}
	}
	if at, _ := time.Parse(time.RFC3339Nano, fmt.Sprint(summary["lastScriptRunDateTime"])); !at.Equal(lastRun) {
		t.Errorf("the last run is at %v, want %v", at, lastRun)
	}
	if len(states) != len(l.agents) {
		text, _ := json.Marshal(summary)
		t.Errorf("%d devices have a state, want %d; %s", len(states), len(l.agents), text)
	}
}
