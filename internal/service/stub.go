package service

import (
	"context"

	"plimsoll"
)

func (s *Service) ScriptChanges(ctx context.Context, after, removedAfter int64, with []string, limit, budget int) ([]plimsoll.ScriptChange, bool, error) {
	return nil, false, nil
}
func (s *Service) LastScriptChange(ctx context.Context) (int64, error) { return 0, nil }
