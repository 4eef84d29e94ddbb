package main

import (
	"context"
	"log/slog"
	"time"

	"plimsoll/internal/store"
)

// How often computed summaries are added to their histories, each at most once a
// minute, and how often the histories are thinned.
const (
	recordInterval = 15 * time.Second
	thinInterval   = time.Hour
)

// background is the work that no request waits for. Servers on one store share
// it: each step is a transaction that the others wait for, and sees what they did.
func (a *app) background(s *store.Store, log *slog.Logger) []func(context.Context) {
	failed := func(ctx context.Context, what string) func(error) {
		return func(err error) {
			if ctx.Err() == nil {
				log.ErrorContext(ctx, "background work failed, and will be tried again", "work", what, "error", err)
			}
		}
	}
	every := func(interval time.Duration, what string, work func(context.Context, time.Time) error) func(context.Context) {
		return func(ctx context.Context) {
			ticker := time.NewTicker(interval)
			defer ticker.Stop()
			for ctx.Err() == nil {
				if err := work(ctx, a.now()); err != nil {
					failed(ctx, what)(err)
				}
				select {
				case <-ctx.Done():
				case <-ticker.C:
				}
			}
		}
	}
	return []func(context.Context){
		func(ctx context.Context) { s.RunWork(ctx, failed(ctx, "targeting")) },
		every(recordInterval, "recording summaries", s.RecordSummaries),
		every(thinInterval, "thinning histories", s.ThinHistories),
	}
}
