package service

import (
	"context"

	"plimsoll"
)

// ScriptFeed tells what changed among the scripts.
type ScriptFeed interface {
	ScriptChanges(ctx context.Context, after, removedAfter int64, with []string, limit, budget int) (
		changes []plimsoll.ScriptChange, more bool, err error)
	LastScriptChange(ctx context.Context) (int64, error)
}

// ScriptChanges gives the latest change of each script that changed after the
// number given, up to limit of them and until they exceed budget bytes, in the
// order of their numbers, and whether more follow. Removals are left out up to
// the number removedAfter. Content is nil unless with names
// detectionScriptContent.
func (s *Service) ScriptChanges(
	ctx context.Context, after, removedAfter int64, with []string, limit, budget int,
) (changes []plimsoll.ScriptChange, more bool, err error) {
	return s.stores.ScriptChanges(ctx, after, removedAfter, with, limit, budget)
}

// LastScriptChange gives the number of the last change, 0 where there was none.
func (s *Service) LastScriptChange(ctx context.Context) (int64, error) {
	return s.stores.LastScriptChange(ctx)
}
