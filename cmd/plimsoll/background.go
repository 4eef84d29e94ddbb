package main

import (
	"context"
	"log/slog"
	"time"

	"plimsoll/internal/store"
)

// How often computed summaries are added to their histories, each at most once a
// minute, and how often what is of no use is thinned out.
const (
	recordInterval = 15 * time.Second
	thinInterval   = time.Hour
)

// background is the work that no request waits for. Servers on one store share
// it: each step is a transaction that the others wait for, and sees what they did.
func (a *app) background(s *store.Store, log *slog.Logger) []func(context.Context) {
	return []func(context.Context){
		func(ctx context.Context) { s.RunWork(ctx, backgroundFault(ctx, log, "assignments")) },
		a.every(recordInterval, log, "recording summaries", s.RecordSummaries),
		a.every(thinInterval, log, "thinning histories", s.ThinHistories),
		a.every(thinInterval, log, "dropping old counts", s.DropOldCounts),
		a.every(thinInterval, log, "dropping what expired of sign-ins", s.DropExpiredSignIns),
	}
}

// backgroundFault logs a fault of work that will be tried again.
func backgroundFault(ctx context.Context, log *slog.Logger, what string) func(error) {
	return func(err error) {
		if err != nil && ctx.Err() == nil {
			log.ErrorContext(ctx, "background work failed", "work", what, "error", err)
		}
	}
}

func (a *app) every(
	interval time.Duration, log *slog.Logger, what string, work func(context.Context, time.Time) error,
) func(context.Context) {
	return func(ctx context.Context) {
		fault, ticker := backgroundFault(ctx, log, what), time.NewTicker(interval)
		defer ticker.Stop()
		for ctx.Err() == nil {
			fault(work(ctx, a.now()))
			select {
			case <-ctx.Done():
			case <-ticker.C:
			}
		}
	}
}
