package service

import (
	"context"

	"plimsoll"
	"plimsoll/internal/query"
)

// RunStates gives a page of what a script found on the devices.
func (s *Service) RunStates(
	ctx context.Context, scriptID string, page query.Page,
) (query.Rows[plimsoll.DeviceRunState], error) {
	return s.stores.RunStates(ctx, scriptID, page)
}

// CountRunStates gives the number of a script's run states that filter wants.
func (s *Service) CountRunStates(ctx context.Context, scriptID string, filter *query.Expr) (int64, error) {
	return s.stores.CountRunStates(ctx, scriptID, filter)
}

// RunState gives what a script found on a device.
func (s *Service) RunState(ctx context.Context, scriptID, deviceID string) (plimsoll.DeviceRunState, error) {
	return s.stores.RunState(ctx, scriptID, deviceID)
}

// DeviceRunStates gives a page of what every script found on a device.
func (s *Service) DeviceRunStates(
	ctx context.Context, deviceID string, page query.Page,
) (query.Rows[plimsoll.DeviceRunState], error) {
	return s.stores.DeviceRunStates(ctx, deviceID, page)
}

// ErrorGroups groups, by their likeness, the errors of a script's runs that could
// not tell.
func (s *Service) ErrorGroups(ctx context.Context, scriptID string) (plimsoll.ErrorGroups, error) {
	return s.stores.ErrorGroups(ctx, scriptID)
}

// ChangeRunState applies edit to what a script found on a device, and makes it a
// finding of the current revision. Where there is none it is made, if create says so.
func (s *Service) ChangeRunState(
	ctx context.Context, actor, scriptID, deviceID string, create bool, edit func(*plimsoll.DeviceRunState),
) (plimsoll.DeviceRunState, error) {
	activity := "deviceComplianceScriptDeviceState.update"
	if create {
		activity = "deviceComplianceScriptDeviceState.create"
	}
	event := s.event(actor, activity, scriptID+":"+deviceID)
	return s.stores.ChangeRunState(ctx, scriptID, deviceID, create, func(state *plimsoll.DeviceRunState) error {
		edit(state)
		state.ScriptID, state.DeviceID = scriptID, deviceID
		return state.Validate(event.At)
	}, event)
}

// DeleteRunState forgets what a script found on a device: where an assignment
// reaches the device, the script is pending there again.
func (s *Service) DeleteRunState(ctx context.Context, actor, scriptID, deviceID string) error {
	return s.stores.DeleteRunState(ctx, scriptID, deviceID,
		s.event(actor, "deviceComplianceScriptDeviceState.delete", scriptID+":"+deviceID))
}
