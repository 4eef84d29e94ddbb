package service

import (
	"context"
	"time"

	"plimsoll"
)

// OverviewStore gives all scripts' summaries at once.
type OverviewStore interface {
	FleetState(ctx context.Context) (plimsoll.FleetState, error)
	ScriptSummaries(ctx context.Context, at time.Time, limit int) ([]plimsoll.ScriptSummary, error)
}

// FleetState gives what those who watch the fleet are told of.
func (s *Service) FleetState(ctx context.Context) (plimsoll.FleetState, error) {
	return s.stores.FleetState(ctx)
}

// ScriptSummaries gives up to limit scripts by their names, each with its run
// summary of now and of the time at.
func (s *Service) ScriptSummaries(ctx context.Context, at time.Time, limit int) ([]plimsoll.ScriptSummary, error) {
	return s.stores.ScriptSummaries(ctx, at, limit)
}
