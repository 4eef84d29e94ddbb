package pgtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/jackc/pgx/v5"
)

const (
	settings = "listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nmax_connections = 300\n" +
		"dynamic_shared_memory_type = mmap\n" // in the data directory, so that nothing of a killed server stays in /dev/shm
	fastSettings = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n" +
		"shared_buffers = 32MB\nmax_wal_size = 256MB\n"
)

// server is a PostgreSQL in a directory that holds everything of it. It listens on TCP alone, as the product connects.
type server struct {
	dir     string
	bin     string // from findInstalled
	port    int
	durable bool
	more    string // settings, a line each
}

func (s *server) data() string { return filepath.Join(s.dir, "data") }
func (s *server) log() string  { return filepath.Join(s.data(), "server.log") }

// url returns the URL of the superuser's own database.
func (s *server) url() string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", s.port)
}

func (s *server) connect(ctx context.Context) (*pgx.Conn, error) { return pgx.Connect(ctx, s.url()) }

// create makes and starts the server. It lasts no longer than owner, even when nobody stops it.
func (s *server) create(ctx context.Context, owner process) error {
	if err := makeDir(s.dir); err != nil {
		return err
	}
	if err := reap(owner, s.dir); err != nil { // first, so that nothing below can outlive a killed run
		return err
	}
	if err := s.initdb(ctx); err != nil {
		return err
	}
	if err := s.configure(); err != nil {
		return err
	}
	return s.startSomewhere(ctx)
}

// makeDir makes the directory, if it isn't there, for the user that PostgreSQL runs as.
func makeDir(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return handOver(dir)
}

// initdb prefers a collation that orders unlike C, so that tests show which SQL depends on the database's.
func (s *server) initdb(ctx context.Context) error {
	var failures []error
	for _, locale := range [][]string{
		{"--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"}, // from 15 on, where built with ICU
		{"--locale=C", "--locale-provider=icu", "--icu-locale=en-US"},
		{"--locale=en_US.UTF-8"},
		{"--locale=C.UTF-8"},
		{"--locale=C"},
	} {
		if err := os.RemoveAll(s.data()); err != nil {
			return err
		}
		args := append([]string{"--no-sync", "-A", "trust", "-U", "postgres", "-E", "UTF8", "-D", s.data()}, locale...)
		err := s.run(ctx, "initdb", args...)
		if err == nil {
			return nil
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// configure writes the file that ALTER SYSTEM adds to.
func (s *server) configure() error {
	lines := settings + s.more
	if !s.durable {
		lines += fastSettings
	}
	return os.WriteFile(filepath.Join(s.data(), "postgresql.auto.conf"), []byte(lines), 0o600)
}

// startSomewhere starts the server on a port that is free. Ports come from below those that systems give to outgoing
// connections, so that none takes this one while the server is down between Kill and Start.
func (s *server) startSomewhere(ctx context.Context) (err error) {
	for range 5 {
		var b [2]byte
		_, _ = rand.Read(b[:]) // it never fails
		s.port = 20000 + int(binary.BigEndian.Uint16(b[:]))%12000
		if err = s.start(ctx); err == nil {
			return nil
		}
	}
	return err
}

// startSeconds is how long pg_ctl waits for a server that it has started.
const startSeconds = "20"

// start starts the server, detached from this process, and waits until it accepts connections.
func (s *server) start(ctx context.Context) error {
	err := s.run(ctx, "pg_ctl", "-D", s.data(), "-l", s.log(), "-o", "-p "+strconv.Itoa(s.port), "-s", "-w", "-t", startSeconds, "start")
	if err == nil {
		return nil
	}
	log, _ := os.ReadFile(s.log()) // without a log, the failure alone must do
	return fmt.Errorf("%w\n%s", err, log[max(0, len(log)-2000):])
}

func (s *server) stop(ctx context.Context) error {
	return s.run(ctx, "pg_ctl", "-D", s.data(), "-m", "immediate", "-s", "-w", "stop")
}

// kill sends SIGKILL to the postmaster, whose pid is the first line of its lock file.
func (s *server) kill() error {
	lock, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return err
	}
	line, _, _ := bytes.Cut(lock, []byte("\n"))
	pid, err := strconv.Atoi(string(line))
	if err != nil {
		return err
	}
	postmaster, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return postmaster.Kill()
}

// run runs one of PostgreSQL's programs as a user that it accepts.
func (s *server) run(ctx context.Context, program string, args ...string) error {
	//nolint:gosec // the program is one of PostgreSQL's, in the folder that findInstalled found
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, program), args...)
	cmd.Dir = s.dir // the current one may be closed to that user
	if err := demote(cmd); err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, out)
	}
	return nil
}
