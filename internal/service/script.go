package service

import (
	"context"

	"plimsoll"
	"plimsoll/internal/query"
)

// CreateScript stores what edit makes of a new script.
func (s *Service) CreateScript(
	ctx context.Context, actor string, edit func(*plimsoll.Script),
) (plimsoll.Script, error) {
	script := plimsoll.NewScript()
	edit(&script)
	id, err := s.newID()
	if err != nil {
		return script, err
	}
	if err := script.Create(id, s.clock()); err != nil {
		return script, err
	}
	return script, s.stores.CreateScript(ctx, &script, s.event(actor, "deviceComplianceScript.create", id))
}

// Script gives a script, with its content or its current run summary where with
// names them as properties: "detectionScriptContent", "runSummary".
func (s *Service) Script(ctx context.Context, id string, with ...string) (plimsoll.ListedScript, error) {
	return s.stores.Script(ctx, id, with...)
}

// Scripts gives a page of the scripts; their own order is that of their ids.
func (s *Service) Scripts(ctx context.Context, page query.Page) (query.Rows[plimsoll.ListedScript], error) {
	return s.stores.Scripts(ctx, page)
}

// CountScripts gives the number of scripts that filter wants; nil wants all.
func (s *Service) CountScripts(ctx context.Context, filter *query.Expr) (int64, error) {
	return s.stores.CountScripts(ctx, filter)
}

// UpdateScript applies edit to a script whose change counter matches.
func (s *Service) UpdateScript(
	ctx context.Context, actor, id string, match Match, edit func(*plimsoll.Script),
) (plimsoll.Script, error) {
	event := s.event(actor, "deviceComplianceScript.update", id)
	return s.stores.UpdateScript(ctx, id, func(script *plimsoll.Script) error {
		if err := match.check(script.Changes); err != nil {
			return err
		}
		return script.Change(edit, event.At)
	}, event)
}

// DeleteScript removes a script whose change counter matches, with its summary
// and its history.
func (s *Service) DeleteScript(ctx context.Context, actor, id string, match Match) error {
	return s.stores.DeleteScript(ctx, id, func(script *plimsoll.Script) error {
		return match.check(script.Changes)
	}, s.event(actor, "deviceComplianceScript.delete", id))
}
