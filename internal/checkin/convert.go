package checkin

import (
	"encoding/hex"
	"time"

	"plimsoll"
	"plimsoll/internal/service"
)

func (i *Inventory) domain() plimsoll.Inventory { return plimsoll.Inventory(*i) }

func (r *Result) domain() plimsoll.Result {
	return plimsoll.Result{
		ScriptID: r.ScriptID, Revision: r.Revision, Sequence: r.Sequence, State: plimsoll.RunState(r.State),
		RanAt: r.RanAt, DueAt: r.DueAt, Output: r.Output, Error: r.Error,
	}
}

func wireAnswer(answer *service.CheckInAnswer) *CheckInResponse {
	response := &CheckInResponse{
		ETag: answer.ETag, NextCheckInSeconds: seconds(answer.NextCheckIn), InventoryWanted: answer.InventoryWanted,
		Results: make([]Outcome, len(answer.Outcomes)),
	}
	for i, outcome := range answer.Outcomes {
		response.Results[i] = Outcome{Code: outcome.Outcome, Message: outcome.Message}
	}
	if answer.Scripts != nil {
		response.Scripts = make([]Script, len(answer.Scripts))
		for i := range answer.Scripts {
			response.Scripts[i] = wireScript(&answer.Scripts[i])
		}
	}
	return response
}

func wireScript(a *plimsoll.AssignedScript) Script {
	return Script{
		ID: a.ScriptID, DisplayName: a.DisplayName, Revision: a.Revision, ContentHash: hex.EncodeToString(a.ContentHash),
		RunAsAccount: string(a.RunAsAccount), EnforceSignatureCheck: a.EnforceSignatureCheck, RunAs32Bit: a.RunAs32Bit,
		TimeLimitSeconds: seconds(timeLimit), Schedule: wireSchedule(&a.Schedule), LastSequence: a.LastSequence,
		RunRequest: a.RunRequest,
	}
}

func wireSchedule(s *plimsoll.Schedule) Schedule {
	wire := Schedule{Interval: s.Interval, UseUTC: s.UseUTC}
	switch s.Kind {
	case plimsoll.ScheduleHourly:
		wire.Kind = Hourly
		return wire
	case plimsoll.ScheduleOnce:
		wire.Kind, wire.Interval, wire.Date = Once, 0, s.Date.Format(time.DateOnly)
	default:
		wire.Kind = Daily
	}
	wire.Time = time.Time{}.Add(s.Time).Format(time.TimeOnly)
	return wire
}

// Domain gives the schedule as it is reckoned with. It is [plimsoll.Invalid] where
// it is none by which a script could run, or says more than its kind can.
func (s *Schedule) Domain() (plimsoll.Schedule, error) {
	d := plimsoll.Schedule{Interval: s.Interval, UseUTC: s.UseUTC}
	timed, dated := true, false
	switch s.Kind {
	case Hourly:
		d.Kind, timed = plimsoll.ScheduleHourly, false
	case Daily:
		d.Kind = plimsoll.ScheduleDaily
	case Once:
		d.Kind, dated = plimsoll.ScheduleOnce, true
	default:
		return d, plimsoll.Invalidf("schedule/kind", "schedule/kind must be %s, %s or %s.", Hourly, Daily, Once)
	}
	if dated && s.Interval != 0 {
		return d, plimsoll.Invalidf("schedule/interval", "schedule/interval is of no use to a script that runs once.")
	}
	clock, err := part("schedule/time", s.Time, time.TimeOnly, timed)
	if err != nil {
		return d, err
	}
	if d.Date, err = part("schedule/date", s.Date, time.DateOnly, dated); err != nil {
		return d, err
	}
	if dated && d.Date.Year() < 1 {
		return d, plimsoll.Invalidf("schedule/date", "schedule/date must be in the years 1 to 9999.")
	}
	if timed {
		hour, minute, second := clock.Clock()
		d.Time = time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second
	}
	return d, d.Validate()
}

// part reads a text that a schedule has to have, or must not have.
func part(member, text, layout string, wanted bool) (time.Time, error) {
	if !wanted && text != "" {
		return time.Time{}, plimsoll.Invalidf(member, "%s is of no use to a schedule of this kind.", member)
	}
	at, err := time.Parse(layout, text)
	if wanted && (err != nil || at.Format(layout) != text) { // Parse takes more than the layout says
		return time.Time{}, plimsoll.Invalidf(member, "%s must be as in %s.", member, layout)
	}
	return at, nil
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }
