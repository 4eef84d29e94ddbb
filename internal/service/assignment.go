package service

import (
	"context"
	"slices"

	"plimsoll"
	"plimsoll/internal/query"
)

// Assignments gives the assignments of a script.
func (s *Service) Assignments(ctx context.Context, scriptID string) ([]plimsoll.Assignment, error) {
	return s.stores.Assignments(ctx, scriptID)
}

// Assignment gives one assignment of a script.
func (s *Service) Assignment(ctx context.Context, scriptID, id string) (plimsoll.Assignment, error) {
	all, err := s.stores.Assignments(ctx, scriptID)
	if err != nil {
		return plimsoll.Assignment{}, err
	}
	i, err := findAssignment(all, id)
	if err != nil {
		return plimsoll.Assignment{}, err
	}
	return all[i], nil
}

func findAssignment(all []plimsoll.Assignment, id string) (int, error) {
	i := slices.IndexFunc(all, func(a plimsoll.Assignment) bool { return a.ID == id })
	if i < 0 {
		return i, plimsoll.Errorf(plimsoll.NotFound, "The script has no assignment with the id %.100q.", id)
	}
	return i, nil
}

// Assign makes all the assignments of a script, in place of those it has. Each
// gets an id of its own.
func (s *Service) Assign(ctx context.Context, actor, scriptID string, all []plimsoll.Assignment) error {
	for i := range all {
		id, err := s.newID()
		if err != nil {
			return err
		}
		all[i].ID, all[i].ScriptID = id, scriptID
	}
	if err := checkAssignments(all); err != nil {
		return err
	}
	return s.stores.ReplaceAssignments(ctx, scriptID, all, s.event(actor, "deviceComplianceScript.assign", scriptID))
}

// ReachedDevices tells how many devices the assignments would reach, were they all
// of a script's, and to how many of these the script would not apply, as it is for
// another platform. Nothing is changed, and what [Service.Assign] refuses is
// refused.
func (s *Service) ReachedDevices(
	ctx context.Context, scriptID string, all []plimsoll.Assignment,
) (reached, notApplicable int64, err error) {
	if err := checkAssignments(all); err != nil {
		return 0, 0, err
	}
	return s.stores.ReachedDevices(ctx, scriptID, all)
}

// CreateAssignment adds an assignment to a script.
func (s *Service) CreateAssignment(
	ctx context.Context, actor, scriptID string, edit func(*plimsoll.Assignment),
) (created plimsoll.Assignment, err error) {
	edit(&created)
	if created.ID, err = s.newID(); err != nil {
		return created, err
	}
	created.ScriptID = scriptID
	if err := created.Validate(); err != nil {
		return created, err
	}
	add := func(all []plimsoll.Assignment) ([]plimsoll.Assignment, error) {
		all = append(all, created)
		return all, checkAssignments(all)
	}
	return created, s.stores.ChangeAssignments(ctx, scriptID, add, s.event(actor, "deviceHealthScriptAssignment.create", created.ID))
}

// UpdateAssignment applies edit to an assignment of a script.
func (s *Service) UpdateAssignment(
	ctx context.Context, actor, scriptID, id string, edit func(*plimsoll.Assignment),
) (updated plimsoll.Assignment, err error) {
	change := func(all []plimsoll.Assignment) ([]plimsoll.Assignment, error) {
		i, err := findAssignment(all, id)
		if err != nil {
			return nil, err
		}
		edit(&all[i])
		all[i].ID, all[i].ScriptID = id, scriptID
		err = checkAssignments(all)
		updated = all[i]
		return all, err
	}
	err = s.stores.ChangeAssignments(ctx, scriptID, change, s.event(actor, "deviceHealthScriptAssignment.update", id))
	return updated, err
}

// DeleteAssignment takes an assignment of a script away.
func (s *Service) DeleteAssignment(ctx context.Context, actor, scriptID, id string) error {
	remove := func(all []plimsoll.Assignment) ([]plimsoll.Assignment, error) {
		i, err := findAssignment(all, id)
		if err != nil {
			return nil, err
		}
		return slices.Delete(all, i, i+1), nil
	}
	return s.stores.ChangeAssignments(ctx, scriptID, remove, s.event(actor, "deviceHealthScriptAssignment.delete", id))
}

// checkAssignments completes the assignments of a script, and refuses what the
// script cannot have.
func checkAssignments(all []plimsoll.Assignment) error {
	if len(all) > plimsoll.MaxAssignments {
		return plimsoll.Invalidf("assignments", "A script has at most %d assignments, not %d.", plimsoll.MaxAssignments, len(all))
	}
	for i := range all {
		if err := all[i].Validate(); err != nil {
			return err
		}
	}
	return nil
}

// CreateFilter stores what edit makes of a new assignment filter.
func (s *Service) CreateFilter(
	ctx context.Context, actor string, edit func(*plimsoll.AssignmentFilter),
) (plimsoll.AssignmentFilter, error) {
	filter := plimsoll.AssignmentFilter{RoleScopeTags: []string{"0"}}
	edit(&filter)
	id, err := s.newID()
	if err != nil {
		return filter, err
	}
	now := s.clock()
	filter.ID, filter.Changes, filter.CreatedAt, filter.ModifiedAt = id, 1, now, now
	if err := filter.Validate(); err != nil {
		return filter, err
	}
	return filter, s.stores.CreateFilter(ctx, &filter, s.event(actor, "assignmentFilter.create", id))
}

// Filter gives an assignment filter.
func (s *Service) Filter(ctx context.Context, id string) (plimsoll.AssignmentFilter, error) {
	return s.stores.Filter(ctx, id)
}

// Filters gives a page of the assignment filters; their own order is that of
// their ids.
func (s *Service) Filters(ctx context.Context, page query.Page) (query.Rows[plimsoll.AssignmentFilter], error) {
	return s.stores.Filters(ctx, page)
}

// CountFilters gives the number of assignment filters that filter wants.
func (s *Service) CountFilters(ctx context.Context, filter *query.Expr) (int64, error) {
	return s.stores.CountFilters(ctx, filter)
}

// UpdateFilter applies edit to an assignment filter whose change counter matches.
func (s *Service) UpdateFilter(
	ctx context.Context, actor, id string, match Match, edit func(*plimsoll.AssignmentFilter),
) (plimsoll.AssignmentFilter, error) {
	event := s.event(actor, "assignmentFilter.update", id)
	return s.stores.UpdateFilter(ctx, id, func(filter *plimsoll.AssignmentFilter) error {
		if err := match.check(filter.Changes); err != nil {
			return err
		}
		edit(filter)
		filter.Changes++
		filter.ModifiedAt = event.At
		return filter.Validate()
	}, event)
}

// DeleteFilter removes an assignment filter whose change counter matches, and
// which no assignment names.
func (s *Service) DeleteFilter(ctx context.Context, actor, id string, match Match) error {
	return s.stores.DeleteFilter(ctx, id, func(filter *plimsoll.AssignmentFilter) error {
		return match.check(filter.Changes)
	}, s.event(actor, "assignmentFilter.delete", id))
}
