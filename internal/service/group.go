package service

import (
	"context"

	"plimsoll"
	"plimsoll/internal/query"
)

// CreateGroup stores what edit makes of a new group.
func (s *Service) CreateGroup(
	ctx context.Context, actor string, edit func(*plimsoll.Group),
) (plimsoll.Group, error) {
	group := plimsoll.Group{}
	edit(&group)
	id, err := s.newID()
	if err != nil {
		return group, err
	}
	group.ID, group.Changes, group.CreatedAt = id, 1, s.clock()
	if err := group.Validate(); err != nil {
		return group, err
	}
	return group, s.stores.CreateGroup(ctx, &group, s.event(actor, "group.create", id))
}

// Group gives a group.
func (s *Service) Group(ctx context.Context, id string) (plimsoll.Group, error) {
	return s.stores.Group(ctx, id)
}

// Groups gives a page of the groups; their own order is that of their ids.
func (s *Service) Groups(ctx context.Context, page query.Page) (query.Rows[plimsoll.Group], error) {
	return s.stores.Groups(ctx, page)
}

// CountGroups gives the number of groups that filter wants; nil wants all.
func (s *Service) CountGroups(ctx context.Context, filter *query.Expr) (int64, error) {
	return s.stores.CountGroups(ctx, filter)
}

// UpdateGroup applies edit to a group whose change counter matches.
func (s *Service) UpdateGroup(
	ctx context.Context, actor, id string, match Match, edit func(*plimsoll.Group),
) (plimsoll.Group, error) {
	return s.stores.UpdateGroup(ctx, id, func(group *plimsoll.Group) error {
		if err := match.check(group.Changes); err != nil {
			return err
		}
		edit(group)
		group.Changes++
		return group.Validate()
	}, s.event(actor, "group.update", id))
}

// DeleteGroup removes a group whose change counter matches, with what its
// members have from it.
func (s *Service) DeleteGroup(ctx context.Context, actor, id string, match Match) error {
	return s.stores.DeleteGroup(ctx, id, func(group *plimsoll.Group) error {
		return match.check(group.Changes)
	}, s.event(actor, "group.delete", id))
}

// Members gives a page of the devices in a group.
func (s *Service) Members(
	ctx context.Context, groupID string, page query.Page,
) (query.Rows[plimsoll.Device], error) {
	return s.stores.Members(ctx, groupID, page)
}

// CountMembers gives the number of devices in a group that filter wants.
func (s *Service) CountMembers(ctx context.Context, groupID string, filter *query.Expr) (int64, error) {
	return s.stores.CountMembers(ctx, groupID, filter)
}

// AddMember puts a device into a group with static members.
func (s *Service) AddMember(ctx context.Context, actor, groupID, deviceID string) error {
	return s.stores.AddMember(ctx, groupID, deviceID, s.event(actor, "group.addMember", groupID))
}

// RemoveMember takes a device out of a group with static members.
func (s *Service) RemoveMember(ctx context.Context, actor, groupID, deviceID string) error {
	return s.stores.RemoveMember(ctx, groupID, deviceID, s.event(actor, "group.removeMember", groupID))
}
