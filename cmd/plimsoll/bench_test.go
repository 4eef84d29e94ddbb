package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"plimsoll"
	"plimsoll/internal/auth"
	"plimsoll/internal/issuer"
	"plimsoll/internal/store"
	"plimsoll/internal/store/pgtest"
)

// What these benchmarks measure shares two cores with what measures it, and
// often with other work. So each is compared with a floor, in slices that take
// turns, and the median over the rounds is reported: noise then hits both alike.
const (
	benchClients = 64 // connections, each with one request under way
	slice        = 250 * time.Millisecond
)

// BenchmarkGetRunSummary compares reading a run summary with a bare net/http
// handler that answers the same bytes.
func BenchmarkGetRunSummary(b *testing.B) {
	program := builtServer(b)
	stores := map[string]func(testing.TB) string{"sqlite": sqliteAddress, "postgres": pgtest.URL}
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			s := benchServer(b, program, stores[engine](b))
			path := scripts + "/" + s.benchScript(b) + "/runSummary"
			s.benchSend(b, http.StatusCreated, "POST", path, summaryBody(1))
			request := s.request("GET", path, "")
			subject := dialLoad(b, s.URL, http.StatusOK, request)
			floor := dialLoad(b, startBareHandler(b, s.benchSend(b, http.StatusOK, "GET", path, ""), ""), http.StatusOK, request)
			compareRates(b, subject, floor)
		})
	}
}

// compareRates has two crowds take turns, and reports the requests that each had
// answered in a second.
func compareRates(b *testing.B, subject, floor *load) {
	b.Helper()
	subject.run(b) // fills the caches
	floor.run(b)
	var rates, floors series
	for b.Loop() {
		floors = append(floors, floor.run(b))
		rates = append(rates, subject.run(b))
	}
	report(b, rates, "req/s")
	report(b, floors, "floor-req/s")
	report(b, rates.over(floors), "ratio")
}

// BenchmarkBatch compares 20 reads in a $batch with 20 reads, each a request of
// its own on a connection that is kept.
func BenchmarkBatch(b *testing.B) {
	const reads = 20
	program := builtServer(b)
	stores := map[string]func(testing.TB) string{"sqlite": sqliteAddress, "postgres": pgtest.URL}
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			s := benchServer(b, program, stores[engine](b))
			path := scripts + "/" + s.benchScript(b) + "/runSummary"
			s.benchSend(b, http.StatusCreated, "POST", path, summaryBody(1))
			items := make([]string, reads)
			for i := range items {
				items[i] = fmt.Sprintf(`{"id":"%d","method":"GET","url":"%s"}`, i, path)
			}
			plain := func(request []byte) []byte {
				return bytes.Replace(request, []byte("Accept-Encoding: gzip\r\n"), nil, 1)
			}
			batch := s.request("POST", "/$batch", `{"requests":[`+strings.Join(items, ",")+`]}`)
			subject := dialLoad(b, s.URL, http.StatusOK, plain(batch))
			floor := dialLoad(b, s.URL, http.StatusOK, plain(s.request("GET", path, "")))
			subject.run(b) // fills the caches
			floor.run(b)
			var rates, floors series
			for b.Loop() {
				floors = append(floors, floor.run(b))
				rates = append(rates, reads*subject.run(b))
			}
			report(b, rates, "reads/s")
			report(b, floors, "floor-reads/s")
			report(b, rates.over(floors), "ratio")
		})
	}
}

// BenchmarkPostRunSummary compares reporting run summaries, each durable when
// it is acknowledged, with writing the same rows 64 to a transaction, and shows
// beside it what one transaction for each would come to.
func BenchmarkPostRunSummary(b *testing.B) {
	program := builtServer(b)
	for _, n := range []int{1, benchClients} {
		b.Run(fmt.Sprintf("sqlite/scripts=%d", n), func(b *testing.B) {
			s := benchServer(b, program, sqliteAddress(b))
			benchmarkPost(b, s, openRaw(b, sqliteAddress(b)), n)
		})
		b.Run(fmt.Sprintf("postgres/scripts=%d", n), func(b *testing.B) {
			// Two clusters: what the floor syncs is not counted as the server's.
			cluster, beside := pgtest.Start(b, pgtest.Durable), pgtest.Start(b, pgtest.Durable)
			s := benchServer(b, program, cluster.URL())
			before := walSyncs(b, cluster)
			posted := benchmarkPost(b, s, openRaw(b, beside.URL()), n)
			s.end(b) // PostgreSQL adds up a session's figures when it ends
			b.ReportMetric((walSyncs(b, cluster)-before)/posted, "fsyncs/req")
		})
	}
}

// benchmarkPost reports to the server for as many scripts, and gives the number
// of reports that it took.
func benchmarkPost(b *testing.B, s *benchedServer, raw *rawWriter, scriptCount int) (posted float64) {
	b.Helper()
	requests := make([][]byte, scriptCount)
	for i := range requests {
		requests[i] = s.request("POST", scripts+"/"+s.benchScript(b)+"/runSummary", summaryBody(i))
	}
	subject := dialLoad(b, s.URL, http.StatusCreated, requests...)
	subject.run(b)
	var rates, batched, alone series
	for b.Loop() {
		batched = append(batched, raw.run(b, benchClients))
		rates = append(rates, subject.run(b))
		alone = append(alone, raw.run(b, 1))
	}
	commits, posted := s.commits(b)
	report(b, rates, "req/s")
	report(b, batched, "floor-rows/s")
	report(b, rates.over(batched), "ratio")
	report(b, alone, "alone-rows/s")
	b.ReportMetric(commits/posted, "commits/req")
	return posted
}

// BenchmarkStart measures a first start on a new SQLite store, from exec to the
// announcement, and the memory that the server holds at rest.
func BenchmarkStart(b *testing.B) {
	program := builtServer(b)
	var starts series
	for b.Loop() {
		address := sqliteAddress(b)
		begin := time.Now()
		s := launchServer(b, program, address)
		starts = append(starts, float64(time.Since(begin))/float64(time.Millisecond))
		s.end(b)
	}
	report(b, starts, "ms")
	s := launchServer(b, program, sqliteAddress(b))
	time.Sleep(2 * time.Second)
	if runtime.GOOS == "linux" {
		b.ReportMetric(residentMiB(b, s.cmd.Process.Pid), "MiB")
	}
}

// series is a rate, or a ratio of rates, in each round.
type series []float64

func (s series) over(floor series) series {
	ratios := make(series, len(s))
	for i := range s {
		ratios[i] = s[i] / floor[i]
	}
	return ratios
}

func report(b *testing.B, s series, unit string) {
	b.Helper()
	b.ReportMetric(slices.Sorted(slices.Values(s))[len(s)/2], unit)
	b.ReportMetric(0, "ns/op") // a round is as long as its slices: that says nothing
}

// builtServer builds the program as users run it.
func builtServer(b *testing.B) string {
	b.Helper()
	program := filepath.Join(b.TempDir(), "plimsoll.exe") // a name that every system runs
	build := exec.CommandContext(b.Context(), "go", "build", "-buildvcs=false", "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return program
}

func sqliteAddress(tb testing.TB) string {
	tb.Helper()
	return "sqlite:" + filepath.Join(tb.TempDir(), "plimsoll.db")
}

// process is a program under measurement, which printed a line once it listened.
type process struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer
	line   string
}

func launch(b *testing.B, stdin []byte, program string, args ...string) *process {
	b.Helper()
	p := &process{cmd: exec.CommandContext(b.Context(), program, args...)}
	p.cmd.Stdin, p.cmd.Stderr = bytes.NewReader(stdin), &p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = p.cmd.Wait() }) // the benchmark's context has ended it
	if p.line, err = bufio.NewReader(stdout).ReadString('\n'); err != nil {
		b.Fatalf("%s printed %q, %v\n%s", program, p.line, err, &p.stderr)
	}
	return p
}

// end stops the process as an administrator would.
func (p *process) end(b *testing.B) {
	b.Helper()
	if err := errors.Join(p.cmd.Process.Signal(syscall.SIGTERM), p.cmd.Wait()); err != nil {
		b.Fatalf("%v\n%s", err, &p.stderr)
	}
}

// benchedServer is a server under measurement, and a client that is signed in.
type benchedServer struct {
	testServer
	*process
}

func launchServer(b *testing.B, program, address string) *process {
	b.Helper()
	return launch(b, nil, program, "serve", "--json", "--listen", "127.0.0.1:0", "--data", b.TempDir(), "--store", address)
}

func benchServer(b *testing.B, program, address string) *benchedServer {
	b.Helper()
	s := &benchedServer{process: launchServer(b, program, address)}
	if err := json.Unmarshal([]byte(s.line), &s.announcement); err != nil {
		b.Fatal(err)
	}
	s.client = &http.Client{Timeout: time.Minute, Transport: http.DefaultTransport.(*http.Transport).Clone()}
	form := url.Values{
		"grant_type": {"client_credentials"}, "scope": {"https://graph.microsoft.com/.default"},
		"client_id": {s.FirstClient.ClientID}, "client_secret": {s.FirstClient.ClientSecret},
	}
	answer := s.benchSend(b, http.StatusOK, "POST", s.URL+"/"+s.TenantID+"/oauth2/v2.0/token", form.Encode(),
		"Content-Type", "application/x-www-form-urlencoded", "Authorization", "")
	s.token, _ = answer.json["access_token"].(string)
	return s
}

func (s *benchedServer) benchSend(b *testing.B, status int, method, path, body string, headers ...string) *reply {
	b.Helper()
	r, err := s.send(b.Context(), method, path, body, headers...)
	if err != nil || r.StatusCode != status {
		b.Fatalf("%s %s: %+v, %v\n%s", method, path, r, err, &s.stderr)
	}
	return r
}

func (s *benchedServer) benchScript(b *testing.B) string {
	b.Helper()
	return s.benchSend(b, http.StatusCreated, "POST", scripts, `{"displayName":"Disk encryption"}`).json["id"].(string)
}

// commits gives how many transactions the server wrote reports in, and how many
// reports they held.
func (s *benchedServer) commits(b *testing.B) (transactions, reports float64) {
	b.Helper()
	for line := range strings.Lines(s.benchSend(b, http.StatusOK, "GET", s.URL+"/metrics", "").text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch name {
		case "plimsoll_run_summary_commit_size_count":
			transactions, _ = strconv.ParseFloat(value, 64)
		case "plimsoll_run_summary_commit_size_sum":
			reports, _ = strconv.ParseFloat(value, 64)
		}
	}
	return transactions, reports
}

// request gives a request's bytes, with the headers that SDKs send.
func (s *benchedServer) request(method, path, body string) []byte {
	host := strings.TrimPrefix(s.URL, "http://")
	text := fmt.Sprintf("%s /beta%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nAccept: application/json\r\n"+
		"Accept-Encoding: gzip\r\nAuthorization: Bearer %s\r\n", method, path, host, s.token)
	if body != "" {
		text += fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	return []byte(text + "\r\n" + body)
}

// residentMiB gives the memory that a process holds.
func residentMiB(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kB, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kB / 1024
}

// load is a crowd of clients. Each has a connection of its own and sends its
// next request when the last was answered. It speaks HTTP/1.1 by hand, so that
// it takes little of what is measured.
type load struct {
	clients []*loadClient
	want    string        // how a good answer begins
	slice   time.Duration // of one run
}

type loadClient struct {
	conn     net.Conn
	in       *bufio.Reader
	requests [][]byte // which take turns
	calls    int
	edit     func(request []byte, call int) // before each
}

// dialLoad connects the usual crowd to a server.
func dialLoad(b *testing.B, server string, status int, requests ...[]byte) *load {
	b.Helper()
	return dialClients(b, benchClients, server, status, requests...)
}

// dialClients connects a crowd to a server. The requests are shared out: a client
// has one, or several that no other has.
func dialClients(b *testing.B, clients int, server string, status int, requests ...[]byte) *load {
	b.Helper()
	l := &load{want: fmt.Sprintf("HTTP/1.1 %d ", status), slice: slice}
	for i := range clients {
		conn, err := net.Dial("tcp", strings.TrimPrefix(server, "http://"))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = conn.Close() })
		c := &loadClient{conn: conn, in: bufio.NewReader(conn), edit: func([]byte, int) {}}
		for r := i % len(requests); r < len(requests); r += clients {
			c.requests = append(c.requests, requests[r])
		}
		l.clients = append(l.clients, c)
	}
	return l
}

// run has the crowd at work for a slice, and gives the requests answered in a
// second.
func (l *load) run(b *testing.B) float64 {
	b.Helper()
	counts, failures := make([]int, len(l.clients)), make([]error, len(l.clients))
	begin := time.Now()
	var running sync.WaitGroup
	for i, c := range l.clients {
		running.Go(func() {
			for failures[i] == nil && time.Since(begin) < l.slice {
				failures[i] = c.call(l.want)
				counts[i]++
			}
		})
	}
	running.Wait()
	took := time.Since(begin)
	if err := errors.Join(failures...); err != nil {
		b.Fatal(err)
	}
	total := 0
	for _, n := range counts {
		total += n
	}
	return float64(total) / took.Seconds()
}

// call sends a request and reads the answer, whose length must be given.
func (c *loadClient) call(want string) error {
	request := c.requests[c.calls%len(c.requests)]
	c.edit(request, c.calls)
	c.calls++
	if _, err := c.conn.Write(request); err != nil {
		return err
	}
	length := 0
	for first := true; ; first = false {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if first && !bytes.HasPrefix(line, []byte(want)) {
			return fmt.Errorf("answered %q", line)
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
		if len(line) == len("\r\n") {
			break
		}
	}
	if length == 0 {
		return errors.New("answered without a length")
	}
	_, err := c.in.Discard(length)
	return err
}

// bareAnswer is what the bare handler says to every request, or to those with a
// token of the issuer for devices where it is given.
type bareAnswer struct {
	Header http.Header
	Body   []byte
	Issuer string
}

// startBareHandler starts the floor of what net/http can serve: the answer of
// the real server, from a handler that does nothing else.
func startBareHandler(b *testing.B, r *reply, issuer string) string {
	b.Helper()
	header := r.Header.Clone()
	header.Del("Date") // net/http adds these itself
	header.Del("Content-Length")
	stdin, err := json.Marshal(bareAnswer{header, []byte(r.text), issuer})
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(launch(b, stdin, "barehandler").line)
}

// bareHandler is the program "barehandler".
func bareHandler() {
	var answer bareAnswer
	if err := json.NewDecoder(os.Stdin).Decode(&answer); err != nil {
		panic(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("http://" + listener.Addr().String())
	var verifier auth.Verifier
	if answer.Issuer != "" {
		if verifier, err = auth.NewOIDC(answer.Issuer, issuer.DeviceAudience, nil, time.Now); err != nil {
			panic(err)
		}
		verifier = auth.NewCached(verifier, rememberTokens, time.Now)
	}
	panic(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if verifier != nil {
			if _, err := verifier.Verify(r.Context(), strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")); err != nil {
				panic(err)
			}
		}
		maps.Copy(w.Header(), answer.Header)
		_, _ = w.Write(answer.Body)
	})))
}

// rawWriter adds rows to a store's tables without the product: one goroutine,
// one connection, prepared statements.
type rawWriter struct {
	db       *sql.DB
	scriptID string
	sequence int64
}

// openRaw makes the tables and the script that the rows belong to. Transactions
// are as durable as the store's.
func openRaw(b *testing.B, address string) *rawWriter {
	b.Helper()
	s, err := store.Open(b.Context(), address)
	if err != nil {
		b.Fatal(err)
	}
	script := plimsoll.NewScript()
	script.DisplayName = "Disk encryption"
	err = script.Create(uuid.NewString(), time.Now())
	if err == nil {
		err = s.CreateScript(b.Context(), &script, plimsoll.AuditEvent{At: time.Now()})
	}
	if err = errors.Join(err, s.Close()); err != nil {
		b.Fatal(err)
	}
	return &rawWriter{db: openRawDB(b, address), scriptID: script.ID}
}

func openRawDB(b *testing.B, address string) *sql.DB {
	b.Helper()
	driver := "pgx"
	if path, ok := strings.CutPrefix(address, "sqlite:"); ok {
		driver, address = "sqlite", "file:"+path+"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"+
			"&_pragma=fullfsync(1)&_pragma=foreign_keys(1)"
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		b.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	b.Cleanup(func() { _ = db.Close() })
	return db
}

// run writes transactions of as many rows for a slice, and gives the rows
// written in a second.
func (w *rawWriter) run(b *testing.B, rows int) float64 {
	b.Helper()
	values := make([]string, rows)
	for i := range values {
		values[i] = fmt.Sprintf("($1,$%d,$%d,1,2,3,4,$2,$3,$4)", 5+2*i, 6+2*i)
	}
	insert, err := w.db.PrepareContext(b.Context(), `INSERT INTO run_summary (script_id, sequence, id, no_issue_detected,
		issue_detected, detection_script_error, detection_script_pending, last_script_run, recorded_at, recorded_by)
		VALUES `+strings.Join(values, ","))
	if err != nil {
		b.Fatal(err)
	}
	defer insert.Close()
	count, begin := 0, time.Now()
	for ; time.Since(begin) < slice; count += rows {
		if err := w.transact(b.Context(), insert, rows); err != nil {
			b.Fatal(err)
		}
	}
	return float64(count) / time.Since(begin).Seconds()
}

func (w *rawWriter) transact(ctx context.Context, insert *sql.Stmt, rows int) error {
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after the commit
	now := time.Now().UnixNano()
	args := []any{w.scriptID, now, now, "bench"}
	for range rows {
		w.sequence++
		args = append(args, w.sequence, uuid.NewString())
	}
	if _, err = tx.ExecContext(ctx, `UPDATE run_summary_head SET sequence = $1 WHERE script_id = $2`,
		w.sequence, w.scriptID); err != nil {
		return err
	}
	insert = tx.StmtContext(ctx, insert)
	defer insert.Close()
	if _, err = insert.ExecContext(ctx, args...); err != nil {
		return err
	}
	return tx.Commit()
}

// walSyncs gives how often a cluster synced its log so far.
func walSyncs(b *testing.B, c *pgtest.Cluster) (n float64) {
	b.Helper()
	db := openRawDB(b, c.URL())
	var settings string
	err := db.QueryRowContext(b.Context(),
		`SELECT current_setting('fsync') || current_setting('synchronous_commit')`).Scan(&settings)
	if err == nil && settings != "onon" {
		err = errors.New("the cluster is not durable")
	}
	if err == nil {
		err = db.QueryRowContext(b.Context(), `SELECT wal_sync FROM pg_stat_wal`).Scan(&n)
	}
	if err != nil {
		b.Fatal(err)
	}
	return n
}
