package agent

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"

	"plimsoll"
	"plimsoll/internal/checkin"
)

// Status is what people may see of an agent, as it was when it last changed. It
// rests in the agent's folder, for whoever may read that.
type Status struct {
	Server     string         `json:"server"`
	DeviceID   string         `json:"deviceId"`
	DeviceName string         `json:"deviceName,omitempty"`
	Version    string         `json:"version"`
	ProcessID  int            `json:"processId"`
	StartedAt  time.Time      `json:"startedDateTime"`
	SignedOnly bool           `json:"signedOnly"`
	CheckedIn  time.Time      `json:"lastCheckInDateTime,omitzero"`
	NextAt     time.Time      `json:"nextCheckInDateTime,omitzero"`
	Problem    string         `json:"problem,omitempty"` // of the last check-in
	Queued     int            `json:"queuedResults"`
	Scripts    []ScriptStatus `json:"scripts"`
}

// ScriptStatus is what people may see of a script that the device has to run.
type ScriptStatus struct {
	ID       string            `json:"id"`
	Name     string            `json:"displayName,omitempty"`
	Revision int64             `json:"revision"`
	Schedule string            `json:"schedule"`
	State    plimsoll.RunState `json:"state"` // of its latest run; pending where that was of another revision
	RanAt    time.Time         `json:"ranDateTime,omitzero"`
	Took     time.Duration     `json:"tookNanoseconds,omitempty"`
	NextAt   time.Time         `json:"nextRunDateTime,omitzero"`
	Running  bool              `json:"running"`
	Reported bool              `json:"reported"` // the server has the latest run
	Problem  string            `json:"problem,omitempty"`
}

// ReadStatus gives the status that the folder's agent wrote last. It is NotFound
// where none has run.
func ReadStatus(folder string) (*Status, error) {
	text, err := os.ReadFile(filepath.Join(folder, statusFile))
	if os.IsNotExist(err) {
		return nil, plimsoll.Errorf(plimsoll.NotFound, "No agent has run in %s yet: plimsoll agent run", folder)
	}
	if err != nil {
		return nil, err
	}
	var status Status
	if err := json.Unmarshal(text, &status); err != nil {
		return nil, plimsoll.Errorf(plimsoll.Damaged, "%s is damaged: %v", filepath.Join(folder, statusFile), err)
	}
	return &status, nil
}

// publish writes the status where it is another than before. Nothing depends on
// it, and so it is not held up where it cannot be written.
func (a *Agent) publish() {
	status := Status{
		Server: a.identity.Server, DeviceID: a.identity.DeviceID, DeviceName: a.link.inventory.DeviceName, Version: a.Version,
		ProcessID: os.Getpid(), StartedAt: a.startAt.UTC().Truncate(time.Second), SignedOnly: a.identity.SignedOnly,
		CheckedIn: a.last.At.UTC(), NextAt: a.link.next.UTC().Truncate(time.Second), Queued: a.journal.held + len(a.unsaved) - len(a.link.done),
		Scripts: make([]ScriptStatus, len(a.scripts)),
	}
	if a.link.fault != nil {
		status.Problem = a.link.fault.Error()
	}
	if a.last.Superseded {
		status.Problem = errSuperseded().Error()
	}
	for i, s := range a.scripts {
		status.Scripts[i] = a.scriptStatus(s)
	}
	if reflect.DeepEqual(status, a.status) {
		return
	}
	text, err := json.MarshalIndent(status, "", "  ")
	if err != nil {
		return
	}
	path := filepath.Join(a.Folder, statusFile)
	if os.WriteFile(path+".new", text, 0o600) == nil && os.Rename(path+".new", path) == nil {
		a.status = status
	}
}

func (a *Agent) scriptStatus(s *script) ScriptStatus {
	r := a.record(s.ID)
	status := ScriptStatus{
		ID: s.ID, Name: s.DisplayName, Revision: s.Revision, Schedule: describe(&s.Schedule), State: plimsoll.StatePending,
		Running: s.running, Problem: s.reason, RanAt: r.RanAt.UTC(), Reported: r.Reported,
	}
	now := a.Now().Round(0)
	if next := a.dueAt(s, now); !next.IsZero() && next.After(now) {
		status.NextAt = next.UTC()
	}
	if r.Last != nil {
		status.Took = r.Last.Took
		if r.Revision == s.Revision {
			status.State = plimsoll.RunState(r.Last.State)
		}
		if status.Problem == "" && status.State == plimsoll.StateScriptError {
			status.Problem = r.Last.Error
		}
	}
	return status
}

// describe says when a script runs.
func describe(s *checkin.Schedule) string {
	words := []string{s.Kind}
	switch {
	case s.Interval > 1 && s.Kind == checkin.Hourly:
		words = []string{"every", strconv.Itoa(int(s.Interval)), "hours"}
	case s.Interval > 1:
		words = []string{"every", strconv.Itoa(int(s.Interval)), "days"}
	case s.Kind == checkin.Once:
		words = []string{"once on", s.Date}
	}
	if s.Time != "" {
		words = append(words, "at", s.Time)
		if s.UseUTC {
			words = append(words, "UTC")
		}
	}
	return strings.Join(words, " ")
}
