package issuer_test

import (
	"context"
	"slices"
	"sync"
	"time"

	"plimsoll"
)

// interimStore stands in for the SQL store, and holds no more than its
// contract says. The contract itself is proved by the store's own suite.
type interimStore struct {
	mu      sync.Mutex
	clients []plimsoll.Client
	inst    *plimsoll.Installation
	keys    []plimsoll.SigningKey
	events  []plimsoll.AuditEvent
	now     func() time.Time

	away  error // what every call answers, when not nil
	looks int   // calls of SigningKeys
}

// lock gives the error that the call is to answer, and is undone by its defer.
func (s *interimStore) lock() error {
	s.mu.Lock()
	return s.away
}

func (s *interimStore) setAway(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = err
}

func (s *interimStore) index(id string) (int, error) {
	if s.away != nil {
		return 0, s.away
	}
	i := slices.IndexFunc(s.clients, func(c plimsoll.Client) bool { return c.ID == id })
	if i < 0 {
		return 0, plimsoll.Errorf(plimsoll.NotFound, "There is no such client.")
	}
	return i, nil
}

func (s *interimStore) CreateClient(_ context.Context, c plimsoll.Client, ev plimsoll.AuditEvent) error {
	defer s.mu.Unlock()
	if err := s.lock(); err != nil {
		return err
	}
	s.clients, s.events = append(s.clients, c), append(s.events, ev)
	return nil
}

func (s *interimStore) Client(_ context.Context, id string) (plimsoll.Client, error) {
	defer s.mu.Unlock()
	s.mu.Lock()
	i, err := s.index(id)
	if err != nil {
		return plimsoll.Client{}, err
	}
	return s.clients[i], nil
}

func (s *interimStore) Clients(context.Context) ([]plimsoll.Client, error) {
	defer s.mu.Unlock()
	err := s.lock()
	return slices.Clone(s.clients), err
}

func (s *interimStore) RotateClient(_ context.Context, id string, secret plimsoll.ClientSecret, oldUntil time.Time, ev plimsoll.AuditEvent) error {
	defer s.mu.Unlock()
	s.mu.Lock()
	i, err := s.index(id)
	if err != nil {
		return err
	}
	var secrets []plimsoll.ClientSecret
	for _, old := range s.clients[i].Secrets {
		if old.ExpiresAt.IsZero() || old.ExpiresAt.After(oldUntil) {
			old.ExpiresAt = oldUntil
		}
		if old.ExpiresAt.After(s.now()) {
			secrets = append(secrets, old)
		}
	}
	s.clients[i].Secrets, s.events = append(secrets, secret), append(s.events, ev)
	return nil
}

func (s *interimStore) DeleteClient(_ context.Context, id string, ev plimsoll.AuditEvent) error {
	defer s.mu.Unlock()
	s.mu.Lock()
	i, err := s.index(id)
	if err == nil {
		s.clients, s.events = slices.Delete(s.clients, i, i+1), append(s.events, ev)
	}
	return err
}

func (s *interimStore) Installation(context.Context) (plimsoll.Installation, error) {
	defer s.mu.Unlock()
	if err := s.lock(); err != nil {
		return plimsoll.Installation{}, err
	}
	if s.inst == nil {
		return plimsoll.Installation{}, plimsoll.Errorf(plimsoll.NotFound, "Nothing is installed.")
	}
	return *s.inst, nil
}

func (s *interimStore) Install(_ context.Context, inst plimsoll.Installation, first *plimsoll.Client, ev plimsoll.AuditEvent) (bool, error) {
	defer s.mu.Unlock()
	if err := s.lock(); err != nil || s.inst != nil {
		return false, err
	}
	s.inst, s.events = &inst, append(s.events, ev)
	if first != nil {
		s.clients = append(s.clients, *first)
	}
	return true, nil
}

func (s *interimStore) SigningKeys(context.Context) ([]plimsoll.SigningKey, error) {
	defer s.mu.Unlock()
	err := s.lock()
	s.looks++
	return slices.Clone(s.keys), err
}

func (s *interimStore) AddSigningKey(_ context.Context, key plimsoll.SigningKey) error {
	defer s.mu.Unlock()
	if err := s.lock(); err != nil {
		return err
	}
	same := func(k plimsoll.SigningKey) bool { return k.Generation == key.Generation }
	if !slices.ContainsFunc(s.keys, same) {
		s.keys = append(s.keys, key)
	}
	return nil
}

func (s *interimStore) DeleteSigningKeys(_ context.Context, before time.Time) error {
	defer s.mu.Unlock()
	err := s.lock()
	s.keys = slices.DeleteFunc(s.keys, func(k plimsoll.SigningKey) bool { return k.ExpiresAt.Before(before) })
	return err
}
