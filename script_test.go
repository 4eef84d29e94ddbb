package plimsoll_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"plimsoll"
)

func newScript(t *testing.T) plimsoll.Script {
	t.Helper()
	s := plimsoll.NewScript()
	s.DisplayName, s.Content = "disk encryption", []byte("#!/bin/sh\n")
	if err := s.Create("id", time.Unix(1, 0).UTC()); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRevision has every property change alone: only what runs on a device
// raises the revision, and everything counts as a change.
func TestRevision(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		edit   func(*plimsoll.Script)
		raises bool
	}{
		"nothing":         {func(*plimsoll.Script) {}, false},
		"the same":        {func(s *plimsoll.Script) { s.Content = []byte("#!/bin/sh\n") }, false},
		"publisher":       {func(s *plimsoll.Script) { s.Publisher = new("x") }, false},
		"version":         {func(s *plimsoll.Script) { s.Version = new("2") }, false},
		"displayName":     {func(s *plimsoll.Script) { s.DisplayName = "x" }, false},
		"description":     {func(s *plimsoll.Script) { s.Description = new("x") }, false},
		"platform":        {func(s *plimsoll.Script) { s.Platform = plimsoll.PlatformLinux }, false},
		"roleScopeTagIds": {func(s *plimsoll.Script) { s.RoleScopeTagIDs = []string{"1"} }, false},
		"content":         {func(s *plimsoll.Script) { s.Content = []byte("#!/bin/bash\n") }, true},
		"no content":      {func(s *plimsoll.Script) { s.Content = []byte{} }, true},
		"account":         {func(s *plimsoll.Script) { s.RunAsAccount = plimsoll.RunAsUser }, true},
		"architecture":    {func(s *plimsoll.Script) { s.RunAs32Bit = true }, true},
		"signature":       {func(s *plimsoll.Script) { s.EnforceSignatureCheck = true }, true},
	}
	for name, c := range cases {
		s := newScript(t)
		later := s.CreatedAt.Add(time.Hour)
		if err := s.Change(c.edit, later); err != nil {
			t.Fatal(name, err)
		}
		want := int64(1)
		if c.raises {
			want = 2
		}
		if s.Revision != want || s.Changes != 2 || !s.ModifiedAt.Equal(later) || s.CreatedAt.Equal(later) {
			t.Errorf("%s: revision %d, want %d; %d changes, modified %v", name, s.Revision, want, s.Changes, s.ModifiedAt)
		}
	}
}

func TestRefusedChangeLeavesTheScript(t *testing.T) {
	t.Parallel()
	cases := map[string]func(*plimsoll.Script){
		"displayName":            func(s *plimsoll.Script) { s.DisplayName = "" },
		"publisher":              func(s *plimsoll.Script) { s.Publisher = new(strings.Repeat("é", plimsoll.MaxName+1)) },
		"version":                func(s *plimsoll.Script) { s.Version = new("a\x00b") },
		"description":            func(s *plimsoll.Script) { s.Description = new("\xff") },
		"detectionScriptContent": func(s *plimsoll.Script) { s.Content = make([]byte, plimsoll.MaxContent+1) },
		"runAsAccount":           func(s *plimsoll.Script) { s.RunAsAccount = "root" },
		"platform":               func(s *plimsoll.Script) { s.Platform = plimsoll.PlatformUnknownFuture },
		"roleScopeTagIds":        func(s *plimsoll.Script) { s.RoleScopeTagIDs = make([]string, plimsoll.MaxRoleScopeTags+1) },
	}
	for property, edit := range cases {
		s := newScript(t)
		before := s
		err := s.Change(edit, s.CreatedAt.Add(time.Hour))
		e, ok := err.(*plimsoll.Error) //nolint:errorlint // it must be the refusal itself
		if !ok || e.Code != plimsoll.Invalid || e.Property != property || !strings.Contains(e.Message, property) {
			t.Errorf("%s: %v", property, err)
		}
		if diff := cmp.Diff(before, s); diff != "" {
			t.Errorf("%s: %s", property, diff)
		}
	}
}

func TestLimitsHold(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	err := s.Change(func(s *plimsoll.Script) {
		s.DisplayName = strings.Repeat("é", plimsoll.MaxName)
		s.Description = new(strings.Repeat("\U0001F600", plimsoll.MaxDescription))
		s.Content = make([]byte, plimsoll.MaxContent)
		s.RoleScopeTagIDs = make([]string, plimsoll.MaxRoleScopeTags)
	}, s.CreatedAt)
	if err != nil {
		t.Error(err)
	}
}

func TestInstant(t *testing.T) {
	t.Parallel()
	west := time.FixedZone("", -8*3600)
	got, err := plimsoll.Instant("p", time.Date(2017, 1, 1, 0, 1, 17, 431055399, west))
	if want := time.Date(2017, 1, 1, 8, 1, 17, 431055300, time.UTC); err != nil || got != want {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	for _, bad := range []time.Time{
		time.Date(0, 12, 31, 23, 59, 59, 0, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 0, west),
	} {
		if _, err := plimsoll.Instant("p", bad); plimsoll.ErrorCode(err) != plimsoll.Invalid {
			t.Errorf("%v: %v", bad, err)
		}
	}
}
