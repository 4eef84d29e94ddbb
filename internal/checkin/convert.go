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

func seconds(d time.Duration) int64 { return int64(d / time.Second) }
