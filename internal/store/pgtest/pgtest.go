// Package pgtest gives tests a real PostgreSQL, started from the installed binaries.
//
// All test processes of one `go test` run share one server, and each test has its own database in it.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// patience bounds what a test waits for PostgreSQL: many times what it takes, as a busy machine is no failure.
const patience = 2 * time.Minute

// URL returns the connection URL of a new, empty database, dropped when the test ends. It is in the server that the run
// shares, which acknowledges a commit before it is on disk, or in the one whose superuser's URL PLIMSOLL_TEST_POSTGRES
// holds.
func URL(tb testing.TB) string {
	tb.Helper()
	server, name := createDatabase(tb, connectShared)
	tb.Cleanup(func() {
		// The test's own context has ended by now.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), patience)
		defer cancel()
		if err := dropDatabase(ctx, server.String(), name); err != nil {
			tb.Errorf("drop database %s: %v", name, err)
		}
	})
	return in(server, name)
}

// createDatabase makes an empty database, and returns its name and the URL by which connect reached its server.
func createDatabase(tb testing.TB, connect func(context.Context) (*pgx.Conn, error)) (server *url.URL, name string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	admin, err := connect(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	name = "t_" + strings.ToLower(rand.Text())
	// Nobody can be connected to template0, and a session in the template would make this fail.
	_, err = admin.Exec(ctx, "CREATE DATABASE "+name+" TEMPLATE template0")
	if err = errors.Join(err, admin.Close(ctx)); err != nil {
		tb.Fatal(err)
	}
	if server, err = url.Parse(admin.Config().ConnString()); err != nil {
		tb.Fatal(err)
	}
	return server, name
}

func dropDatabase(ctx context.Context, server, name string) error {
	admin, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	_, err = admin.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)")
	return errors.Join(err, admin.Close(ctx))
}

// in returns the URL of another database of the server.
func in(server *url.URL, database string) string {
	u := *server
	u.Path = "/" + database
	return u.String()
}

// Option changes how Start sets a cluster up.
type Option func(*Cluster)

// Durable leaves fsync, synchronous_commit and full_page_writes on and keeps the data on disk, as in production. Without
// it a killed server may have lost what it committed last.
func Durable(c *Cluster) { c.durable = true }

// Sized is Durable with the memory that docs/operations.md advises for a large fleet.
func Sized(c *Cluster) { c.durable, c.more = true, "shared_buffers = 2GB\nmax_wal_size = 8GB\n" }

// Cluster is a PostgreSQL that only one test uses, and may kill. Its methods end the test when they fail, so only the
// test's own goroutine may call them.
type Cluster struct {
	server

	tb testing.TB
}

// Start starts a cluster that is stopped and removed when the test ends. It ignores PLIMSOLL_TEST_POSTGRES.
func Start(tb testing.TB, opts ...Option) *Cluster {
	tb.Helper()
	bin, err := findInstalled()
	if err != nil {
		tb.Fatal(err)
	}
	c := &Cluster{tb: tb, server: server{bin: bin}}
	for _, opt := range opts {
		opt(c)
	}
	parent := fastDir()
	if c.durable {
		parent = os.TempDir()
	}
	self := identify(os.Getpid())
	c.dir = filepath.Join(parent, fmt.Sprintf("plimsoll-pgtest-%d-%s", self.pid, rand.Text()))
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	tb.Cleanup(c.remove)
	if err := c.create(ctx, self); err != nil {
		tb.Fatal(err)
	}
	return c
}

// URL returns the connection URL of a new, empty database, which lasts as long as the cluster and survives Kill.
func (c *Cluster) URL() string {
	c.tb.Helper()
	return in(createDatabase(c.tb, c.connect))
}

// Kill ends the postmaster with SIGKILL and returns when it accepts no more connections. Sessions end by themselves
// soon after, when they miss it.
func (c *Cluster) Kill() {
	c.tb.Helper()
	ctx, cancel := context.WithTimeout(c.tb.Context(), patience)
	defer cancel()
	if err := c.kill(); err != nil {
		c.tb.Fatal(err)
	}
	if err := retry(ctx, c.refuses); err != nil {
		c.tb.Fatalf("PostgreSQL outlived SIGKILL: %v", err)
	}
}

// KillAll ends the postmaster and every process that it started with SIGKILL, in the midst of whatever they do, and
// returns when it accepts no more connections.
func (c *Cluster) KillAll() {
	c.tb.Helper()
	ctx, cancel := context.WithTimeout(c.tb.Context(), patience)
	defer cancel()
	children, err := c.children(ctx)
	if err != nil {
		c.tb.Fatal(err)
	}
	if err := c.kill(); err != nil { // first: it would start again what dies before it
		c.tb.Fatal(err)
	}
	for _, pid := range children {
		if child, err := os.FindProcess(pid); err == nil {
			_ = child.Kill() // unless it has ended meanwhile
		}
	}
	if err := retry(ctx, c.refuses); err != nil {
		c.tb.Fatalf("PostgreSQL outlived SIGKILL: %v", err)
	}
}

func (c *Cluster) children(ctx context.Context) ([]int, error) {
	admin, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = admin.Close(ctx) }()
	rows, err := admin.Query(ctx, "SELECT pid FROM pg_stat_activity")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int])
}

// Start starts the cluster again after Kill or KillAll, at the same address, and returns when it has recovered.
func (c *Cluster) Start() {
	c.tb.Helper()
	ctx, cancel := context.WithTimeout(c.tb.Context(), patience)
	defer cancel()
	// It can't start while a session of the killed server lives.
	if err := retry(ctx, c.startAgain); err != nil {
		c.tb.Fatal(err)
	}
}

// startAgain starts the cluster, whatever pg_ctl says of it: over the killed server's lock file it may wait for
// what has ended, or miss what runs.
func (c *Cluster) startAgain(ctx context.Context) error {
	err := c.start(ctx)
	if err == nil {
		return nil
	}
	admin, down := c.connect(ctx)
	if down != nil {
		return err
	}
	return admin.Close(ctx)
}

func (c *Cluster) refuses(ctx context.Context) error {
	admin, err := c.connect(ctx)
	if err == nil {
		return errors.Join(errors.New("it still accepts connections"), admin.Close(ctx))
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return nil
}

// remove removes what it can; the reaper does the rest once this process has ended.
func (c *Cluster) remove() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.tb.Context()), patience)
	defer cancel()
	_ = c.stop(ctx)
	_ = os.RemoveAll(c.dir)
}

// retry calls try until it succeeds or ctx ends, and then returns the last failure.
func retry(ctx context.Context, try func(context.Context) error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}
