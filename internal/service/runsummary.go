package service

import (
	"context"

	"plimsoll"
	"plimsoll/internal/query"
)

// ReportRunSummary adds a summary to a script's history; it becomes the current
// one. It is durable when this returns.
func (s *Service) ReportRunSummary(
	ctx context.Context, actor, scriptID string, summary plimsoll.RunSummary,
) (plimsoll.RunSummaryRecord, error) {
	record := &plimsoll.RunSummaryRecord{
		RunSummary: summary, ScriptID: scriptID, RecordedAt: s.clock(), RecordedBy: actor,
	}
	if err := record.Validate(); err != nil {
		return *record, err
	}
	id, err := s.newID()
	if err != nil {
		return *record, err
	}
	record.ID = id
	if err := s.stores.Submit(ctx, record); err != nil {
		return plimsoll.RunSummaryRecord{}, err // the record may be in use still
	}
	return *record, nil
}

// RunSummary gives a script's current summary.
func (s *Service) RunSummary(ctx context.Context, scriptID string) (plimsoll.RunSummaryRecord, error) {
	return s.stores.RunSummary(ctx, scriptID)
}

// UpdateRunSummary applies edit to the current summary, if its sequence matches.
// What it was before stays in the history.
func (s *Service) UpdateRunSummary(
	ctx context.Context, actor, scriptID string, match Match, edit func(*plimsoll.RunSummary),
) (plimsoll.RunSummaryRecord, error) {
	return s.stores.UpdateRunSummary(ctx, scriptID, func(record *plimsoll.RunSummaryRecord) error {
		if err := match.check(record.Sequence); err != nil {
			return err
		}
		edit(&record.RunSummary)
		record.RecordedAt, record.RecordedBy = s.clock(), actor
		return record.Validate()
	})
}

// RemoveRunSummary takes the current summary away, if its sequence matches. Its
// entry, and those before it, stay in the history.
func (s *Service) RemoveRunSummary(ctx context.Context, actor, scriptID string, match Match) error {
	return s.stores.RemoveRunSummary(ctx, scriptID, func(record *plimsoll.RunSummaryRecord) error {
		if err := match.check(record.Sequence); err != nil {
			return err
		}
		record.RemovedAt, record.RemovedBy = s.clock(), actor
		return nil
	})
}

// RunSummaryHistory gives a page of a script's history; its own order is the
// newest first.
func (s *Service) RunSummaryHistory(
	ctx context.Context, scriptID string, page query.Page,
) (query.Rows[plimsoll.RunSummaryRecord], error) {
	return s.stores.RunSummaryHistory(ctx, scriptID, page)
}
