package service

import (
	"context"

	"plimsoll"
	"plimsoll/internal/query"
)

// AuditStore keeps who changed what. Every change adds its event itself.
type AuditStore interface {
	AuditTrail(ctx context.Context, page query.Page) (query.Rows[plimsoll.AuditEvent], error)
	CountAuditEvents(ctx context.Context, filter *query.Expr) (int64, error)
	AuditEvent(ctx context.Context, id string) (plimsoll.AuditEvent, error)
}

// AuditTrail gives a page of the audit events; their own order is the newest
// first.
func (s *Service) AuditTrail(ctx context.Context, page query.Page) (query.Rows[plimsoll.AuditEvent], error) {
	return s.stores.AuditTrail(ctx, page)
}

// CountAuditEvents gives the number of audit events that filter wants.
func (s *Service) CountAuditEvents(ctx context.Context, filter *query.Expr) (int64, error) {
	return s.stores.CountAuditEvents(ctx, filter)
}

// AuditEvent gives an audit event.
func (s *Service) AuditEvent(ctx context.Context, id string) (plimsoll.AuditEvent, error) {
	return s.stores.AuditEvent(ctx, id)
}
