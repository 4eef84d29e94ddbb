package store_test

import (
	"path/filepath"
	"testing"

	"plimsoll/internal/store"
	"plimsoll/internal/store/pgtest"
	"plimsoll/internal/store/storetest"
)

func open(t *testing.T, address string) storetest.Store {
	t.Helper()
	s, err := store.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestSQLite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, open, func(t *testing.T) string {
		t.Helper()
		return "sqlite:" + filepath.Join(t.TempDir(), "a folder", "it's 100% #1?.db")
	})
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	storetest.Run(t, open, func(t *testing.T) string {
		t.Helper()
		return pgtest.URL(t)
	})
}
