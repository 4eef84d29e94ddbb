package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestDatabasesAreIsolatedAndDropped(t *testing.T) {
	t.Parallel()
	first := connect(t, URL(t))
	mustExec(t, first, "CREATE TABLE kept (id int)")
	var second string
	t.Run("second", func(t *testing.T) {
		second = URL(t)
		conn := connect(t, second) // still open when the database is dropped
		if n := count(t, conn, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"); n != 0 {
			t.Errorf("a new database holds %d tables", n)
		}
	})
	if n := count(t, first, "SELECT count(*) FROM pg_database WHERE datname = $1", databaseOf(t, second)); n != 0 {
		t.Error("the database is there after its test")
	}
	if n := count(t, first, "SELECT count(*) FROM kept"); n != 0 {
		t.Error("the first database changed")
	}
}

func TestCollationIsNotC(t *testing.T) {
	t.Parallel()
	conn := connect(t, URL(t))
	if count(t, conn, `SELECT count(*) FROM pg_collation WHERE collprovider = 'i'
		AND current_setting('server_version_num')::int >= 150000`) == 0 {
		return // without ICU there is no other to choose
	}
	if n := count(t, conn, "SELECT count(*) WHERE 'a' < 'B'"); n != 1 {
		t.Error("databases order as C does, so tests can't show SQL that depends on it")
	}
}

func TestDatabaseIsQuick(t *testing.T) {
	t.Parallel()
	URL(t) // starts the cluster
	const n = 20
	start := time.Now()
	for i := range n { //nolint:paralleltest // one after the other is what is timed
		t.Run(fmt.Sprint(i), func(t *testing.T) { URL(t) })
	}
	each := time.Since(start) / n
	t.Logf("%v for each database, made and dropped", each)
	if each > time.Second { // ten times what a busy machine needs
		t.Errorf("a database costs %v", each)
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	for i := range 20 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			mustExec(t, connect(t, URL(t)), "CREATE TABLE one (id int)")
		})
	}
}

func TestKillAndStart(t *testing.T) {
	t.Parallel()
	cluster := Start(t, Durable)
	address := cluster.URL()
	conn := connect(t, address)
	for _, setting := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
		if n := count(t, conn, "SELECT count(*) WHERE current_setting($1) = 'on'", setting); n != 1 {
			t.Errorf("%s is off", setting)
		}
	}
	mustExec(t, conn, "CREATE TABLE kept AS SELECT 1 AS id")
	cluster.Kill()
	if _, err := pgx.Connect(t.Context(), address); err == nil {
		t.Fatal("a killed cluster accepts connections")
	}
	cluster.Start()
	if n := count(t, connect(t, address), "SELECT count(*) FROM kept"); n != 1 {
		t.Fatalf("%d rows are left of 1", n)
	}
}

// TestKillUnderLoad restarts while a session of the killed server still computes, which keeps its memory in use.
func TestKillUnderLoad(t *testing.T) {
	t.Parallel()
	cluster := Start(t)
	address := cluster.URL()
	busy := connect(t, address)
	done := make(chan struct{})
	go func() {
		defer close(done)
		// It fails when the session notices the kill before its end.
		_, _ = busy.Exec(t.Context(), "SELECT count(*) FROM generate_series(1, 2000000) AS n WHERE sqrt(n) > 1")
	}()
	time.Sleep(50 * time.Millisecond)
	cluster.Kill()
	cluster.Start()
	<-done
	cluster.KillAll()
	cluster.Start()
	count(t, connect(t, address), "SELECT 1")
}

func TestClusterGoesWithItsTest(t *testing.T) {
	t.Parallel()
	var dir, address string
	t.Run("owner", func(t *testing.T) {
		cluster := Start(t)
		dir, address = cluster.dir, cluster.URL()
	})
	if !gone(dir, address) {
		t.Errorf("the cluster in %s outlived its test", dir)
	}
}

// TestChild is no test of its own: the tests below run it as another process. It prints where its database is.
func TestChild(t *testing.T) { //nolint:paralleltest // alone in its process
	switch os.Getenv("PGTEST_CHILD") {
	case "shared":
		fmt.Printf("child %s %s\n", sharedDir(parent()), URL(t))
	case "own":
		cluster := Start(t)
		fmt.Printf("child %s %s\n", cluster.dir, cluster.URL())
		os.Exit(3) // without any cleanup, as after a panic
	default: // it is for other tests to run
	}
}

// TestRunSharesOneCluster runs two test processes under one parent, as `go test ./...` does, and then ends the parent.
func TestRunSharesOneCluster(t *testing.T) {
	t.Parallel()
	children := children(t, "shared", `"$0" "$@" & "$0" "$@" & wait; exit 0`)
	if len(children) != 2 || children[0].dir != children[1].dir {
		t.Fatalf("processes of one run have clusters of their own: %v", children)
	}
	if a, b := portOf(t, children[0].url), portOf(t, children[1].url); a != b {
		t.Fatalf("processes of one run use the ports %s and %s", a, b)
	}
	waitGone(t, children[0])
}

func TestCrashedTestLeavesNothing(t *testing.T) {
	t.Parallel()
	children := children(t, "own", `"$0" "$@"; exit 0`)
	if len(children) != 1 {
		t.Fatalf("got %v", children)
	}
	waitGone(t, children[0])
}

// TestLeftoverIsReplaced has a directory that a killed run left: half a cluster, announced and dead.
func TestLeftoverIsReplaced(t *testing.T) {
	t.Parallel()
	bin, err := findInstalled()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(fastDir(), fmt.Sprintf("plimsoll-pgtest-leftover-%d", os.Getpid()))
	t.Cleanup((&Cluster{tb: t, server: server{dir: dir, bin: bin}}).remove)
	if err := os.MkdirAll(filepath.Join(dir, "data", "base"), 0o700); err != nil {
		t.Fatal(err)
	}
	dead := server{port: 1}
	if err := announce(dir, dead.url()); err != nil {
		t.Fatal(err)
	}
	var addresses []string
	for range 2 {
		admin, err := connectOrCreate(t.Context(), dir, identify(os.Getpid()))
		if err != nil {
			t.Fatal(err)
		}
		addresses = append(addresses, admin.Config().ConnString())
		_ = admin.Close(t.Context())
	}
	if addresses[0] != addresses[1] {
		t.Errorf("the second call made another cluster: %v", addresses)
	}
}

func TestExternalServer(t *testing.T) {
	cluster := Start(t)
	t.Setenv("PLIMSOLL_TEST_POSTGRES", cluster.url())
	if got, want := portOf(t, URL(t)), portOf(t, cluster.url()); got != want {
		t.Errorf("the database is at port %s, not in the given server at %s", got, want)
	}
}

func TestMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := findIn(t.TempDir() + "/*/bin")
	if want := "PostgreSQL is missing: run make test-deps or apt-get install postgresql"; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestHighestVersionIsFound(t *testing.T) {
	root := t.TempDir()
	t.Setenv("PATH", t.TempDir())
	for _, version := range []string{"9", "17", "16", "18"} {
		folder := filepath.Join(root, "postgresql", version, "bin")
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, program := range []string{"initdb", "postgres", "pg_ctl"} {
			if version == "18" && program == "postgres" {
				continue // a client alone is no server
			}
			if err := os.WriteFile(filepath.Join(folder, program), nil, 0o700); err != nil {
				t.Fatal(err)
			}
		}
	}
	got, err := findIn(root + "/postgresql/*/bin")
	if want := filepath.Join(root, "postgresql/17/bin"); err != nil || got != want {
		t.Errorf("got %s, %v", got, err)
	}
}

type child struct{ dir, url string }

// children runs script, whose arguments run TestChild in mode, and returns what the children printed. It returns when
// the pipes of all are closed, so it also shows that nothing which stays behind holds them.
func children(t *testing.T, mode, script string) []child {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script, os.Args[0], "-test.run=^TestChild$", "-test.v")
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "PLIMSOLL_TEST_POSTGRES=")
	}), "PGTEST_CHILD="+mode)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var found []child
	for line := range strings.Lines(string(out)) {
		var c child
		if n, _ := fmt.Sscanf(line, "child %s %s", &c.dir, &c.url); n == 2 {
			found = append(found, c)
		}
	}
	if len(found) == 0 {
		t.Fatalf("no child told where it is:\n%s", out)
	}
	return found
}

func waitGone(t *testing.T, c child) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err := retry(ctx, func(context.Context) error {
		if !gone(c.dir, c.url) {
			return errors.New("it is still there")
		}
		return nil
	})
	if err != nil {
		t.Errorf("the cluster in %s outlived its run: %v", c.dir, err)
	}
}

func gone(dir, address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	conn, err := net.Dial("tcp", u.Host)
	if err == nil {
		_ = conn.Close()
		return false
	}
	_, err = os.Stat(dir)
	return errors.Is(err, fs.ErrNotExist)
}

func connect(t *testing.T, address string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func mustExec(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, conn *pgx.Conn, sql string, args ...any) (n int) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func portOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Port()
}

func databaseOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(u.Path, "/")
}
