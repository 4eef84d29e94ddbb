package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"github.com/jackc/pgx/v5"
)

// connectShared connects to the server that the test processes of one run share: those with the same parent, which is
// the `go` command. The first of them starts it.
func connectShared(ctx context.Context) (*pgx.Conn, error) {
	if external := os.Getenv("PLIMSOLL_TEST_POSTGRES"); external != "" {
		return pgx.Connect(ctx, external)
	}
	run := parent()
	return connectOrCreate(ctx, sharedDir(run), run)
}

func sharedDir(run process) string {
	return filepath.Join(fastDir(), fmt.Sprintf("plimsoll-pgtest-%d-%s", run.pid, run.start))
}

// connectOrCreate connects to the server in dir. One process at a time looks whether there is none and creates it.
func connectOrCreate(ctx context.Context, dir string, owner process) (*pgx.Conn, error) {
	if admin, err := connectIn(ctx, dir); !absent(err) {
		return admin, err
	}
	bin, err := findInstalled()
	if err != nil {
		return nil, err
	}
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	lock := flock.New(filepath.Join(dir, "lock"))
	if _, err := lock.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return nil, fmt.Errorf("wait for another process to start PostgreSQL: %w", err)
	}
	defer func() { _ = lock.Close() }()
	if admin, err := connectIn(ctx, dir); !absent(err) {
		return admin, err
	}
	s := server{dir: dir, bin: bin}
	if err := s.create(ctx, owner); err != nil {
		return nil, err
	}
	if err := announce(dir, s.url()); err != nil {
		return nil, err
	}
	return s.connect(ctx)
}

// announce tells the other processes where the server is. The file appears whole, as they read it without the lock.
func announce(dir, url string) error {
	draft := filepath.Join(dir, "url.new")
	if err := os.WriteFile(draft, []byte(url), 0o600); err != nil {
		return err
	}
	return os.Rename(draft, filepath.Join(dir, "url"))
}

// connectIn connects to the server that was announced in dir.
func connectIn(ctx context.Context, dir string) (*pgx.Conn, error) {
	url, err := os.ReadFile(filepath.Join(dir, "url"))
	if err != nil {
		return nil, err
	}
	return pgx.Connect(ctx, string(url))
}

// absent says whether err shows that no server runs. One that is only slow or full must not be replaced under the
// tests that use it.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}
