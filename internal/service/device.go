package service

import (
	"context"
	"time"

	"plimsoll"
	"plimsoll/internal/query"
)

// Devices gives a page of the devices; their own order is that of their ids.
func (s *Service) Devices(ctx context.Context, page query.Page) (query.Rows[plimsoll.Device], error) {
	return s.stores.Devices(ctx, page)
}

// CountDevices gives the number of devices that filter wants; nil wants all.
func (s *Service) CountDevices(ctx context.Context, filter *query.Expr) (int64, error) {
	return s.stores.CountDevices(ctx, filter)
}

// Device gives a device.
func (s *Service) Device(ctx context.Context, id string) (plimsoll.Device, error) {
	return s.stores.Device(ctx, id)
}

// UpdateDevice applies edit to a device whose change counter matches.
func (s *Service) UpdateDevice(
	ctx context.Context, actor, id string, match Match, edit func(*plimsoll.Device),
) (plimsoll.Device, error) {
	return s.stores.UpdateDevice(ctx, id, func(device *plimsoll.Device) error {
		if err := match.check(device.Changes); err != nil {
			return err
		}
		edit(device)
		device.Changes++
		return device.Validate()
	}, s.event(actor, "managedDevice.update", id))
}

// DeleteDevice removes a device whose change counter matches, with its run
// states. Its agent is refused from then on.
func (s *Service) DeleteDevice(ctx context.Context, actor, id string, match Match) error {
	return s.stores.DeleteDevice(ctx, id, func(device *plimsoll.Device) error {
		return match.check(device.Changes)
	}, s.event(actor, "managedDevice.delete", id))
}

// RequestRun has a device run one of its scripts as soon as its agent hears of it,
// whatever the script's schedule says. It is NotFound where there is no such device,
// or the device does not have the script to run.
func (s *Service) RequestRun(ctx context.Context, actor, deviceID, scriptID string) error {
	return s.stores.RequestRun(ctx, deviceID, scriptID,
		s.event(actor, "managedDevice.initiateOnDemandProactiveRemediation", scriptID+":"+deviceID))
}

// Unenroll removes a device at its own agent's wish, with its run states. The agent
// is refused from then on: it is Unauthenticated where there is no such device.
func (s *Service) Unenroll(ctx context.Context, deviceID string) error {
	return asAgent(s.stores.DeleteDevice(ctx, deviceID, func(*plimsoll.Device) error { return nil },
		s.event(deviceID, "managedDevice.unenroll", deviceID)))
}

// matchingTimeout bounds how long all devices may be held against a rule.
const matchingTimeout = 30 * time.Second

// MatchingDevices tells whom a rule of a group or a filter would take in now: how
// many, in Total, and the first of them, limit at most. Nothing is changed. A
// rule that is none is Invalid, with the place where it goes wrong.
func (s *Service) MatchingDevices(ctx context.Context, rule string, limit int) (query.Rows[plimsoll.Device], error) {
	parsed, err := plimsoll.ParseRule("rule", rule)
	if err != nil {
		return query.Rows[plimsoll.Device]{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, matchingTimeout)
	defer cancel()
	return s.stores.MatchingDevices(ctx, parsed, limit)
}
