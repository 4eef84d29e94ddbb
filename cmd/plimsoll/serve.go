package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"time"

	"plimsoll"
	"plimsoll/internal/auth"
	"plimsoll/internal/graph"
	"plimsoll/internal/ingest"
	"plimsoll/internal/issuer"
	"plimsoll/internal/server"
	"plimsoll/internal/service"
	"plimsoll/internal/store"
	"plimsoll/internal/throttle"
)

type serveCommand struct {
	Demo        bool        `help:"Give this server three scripts to run, make this machine a device of it, and run its agent: all of the product at once." env:"-"`
	Listen      string      `default:"127.0.0.1:8080" help:"Address and port to listen on."`
	TLS         server.Mode `name:"tls" default:"auto" enum:"auto,off,local,files,acme" help:"How the listener is protected: off (plain HTTP, on loopback or behind a proxy only), local (an authority made in the folder of --data), files, acme; auto chooses by the other flags, and plain HTTP on loopback."`
	TLSCert     string      `name:"tls-cert" help:"PEM file of the certificate and its chain, for --tls files. Read again when it changes." placeholder:"FILE" type:"path"`
	TLSKey      string      `name:"tls-key" help:"PEM file of the certificate's key." placeholder:"FILE" type:"path"`
	Host        []string    `help:"Name or address that clients use, for the local certificate; for ACME, the names to get a certificate for. May be given several times."`
	ACMEEmail   string      `name:"acme-email" help:"Contact for the ACME authority."`
	ACMEServer  string      `name:"acme-server" help:"Directory of the ACME authority; the default is Let's Encrypt." placeholder:"URL"`
	ACMECA      string      `name:"acme-ca" help:"PEM file of authorities to trust when talking to the ACME authority." placeholder:"FILE" type:"path"`
	BehindProxy bool        `help:"A trusted proxy is in front: serve plain HTTP on any address, and believe X-Forwarded-*."`

	OIDCIssuer   string `name:"oidc-issuer" help:"Accept tokens of this OpenID provider too." placeholder:"URL"`
	OIDCAudience string `name:"oidc-audience" help:"What aud must be in them; several are separated by commas."`
	OIDCClientID string `name:"oidc-client-id" help:"Sign people of the dashboard in there, as this public client; else they sign in here."`
	OIDCScope    string `name:"oidc-scope" default:"openid profile" help:"What the dashboard asks for there: openid, and the scope of the API."`

	CheckInInterval time.Duration `default:"15m" help:"How often the agents of devices check in, from 10s to 24h."`
	MaxConnections  int           `default:"10000" help:"Connections served at once; more wait."`
	MaxAgents       *int          `name:"max-waiting-agents" help:"Agents that wait for a change at once; more are answered 429, and come at the check-in interval. The default is half of --max-connections; 0 lets none wait." placeholder:"N"`
	MaxOpenPages    int           `default:"2000" help:"Pages that follow what changes at once; more are answered 429. 0 lets none."`
	MaxWaiting      int           `default:"4096" help:"Run summaries that wait to be stored, and on PostgreSQL to be read; more are answered 429."`
	RatePerClient   float64       `default:"0" help:"Requests a second that one client, or one device, may make, from 0.001 to 100000; more are answered 429. 0 is no limit."`
	RateTotal       float64       `default:"0" help:"Requests a second that all clients and devices together may make of this server; 0 is no limit."`
	Burst           time.Duration `default:"2s" help:"How much of these rates may come at once after a pause: 2s is 10 requests where 5 a second are allowed; at least one."`
	ShutdownTimeout time.Duration `default:"30s" help:"How long requests under way may take once the server is told to stop."`
	LogFormat       string        `default:"text" enum:"text,json" help:"Form of the log on standard error: text or json."`
	LogLevel        slog.Level    `default:"info" help:"Least level to log: debug, info, warn or error. At debug every request is logged."`
}

const (
	commitBatch    = 512      // run summaries in one transaction, or one query, at most
	commitReports  = 128      // devices' reports in one transaction, of up to 100 results each
	reportLanes    = 2        // transactions of reports at once on PostgreSQL
	reportBytes    = 64 << 20 // that reports under way may hold
	rememberTokens = 8192     // verified tokens that are not verified again for a while

	// ballastSize is of bytes that are never touched, and so take no memory.
	// They count for the garbage collector's pace: without them it sets in at 4
	// MiB, many times a second, and reads are a third slower (docs/performance.md).
	ballastSize = 64 << 20
)

// Run serves until it is told to stop, and finishes what it accepted.
func (c *serveCommand) Run(ctx context.Context, a *app) (err error) {
	limits, err := c.limits()
	if err != nil {
		return err
	}
	ballast := make([]byte, ballastSize)
	defer runtime.KeepAlive(ballast)
	log := newLogger(a.stderr, c.LogFormat, c.LogLevel)
	external, err := c.provider(a.now)
	if err != nil {
		return err
	}
	// All that may fail comes before the store is made: its first client is
	// shown once, and must not be lost to a port that is taken.
	listener, err := server.Listen(ctx, c.serverConfig(a.Data), log, a.now)
	if err != nil {
		return settingError(err)
	}
	defer listener.Close()
	s, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Serve(); err != nil {
		return fmt.Errorf("%s: %w", a.storeName(), err)
	}
	clients := issuer.NewClients(s, a.now, a.random)
	tenantID, first, err := clients.Install(ctx, true)
	if err != nil {
		return err
	}
	users := issuer.NewUsers(s, a.now, a.random)
	administrator, token, expiresAt, err := users.InviteFirst(ctx)
	if err != nil {
		return err
	}
	m := newMetrics(s)
	useCases, stop := c.startService(ctx, a, s, m, log)
	defer stop() // after the last request, and before the store closes
	pages := graph.NewPages(useCases.FleetState, c.MaxOpenPages, a.now, backgroundFault(ctx, log, "showing what changes"))
	defer runInBackground(ctx, pages.Run)()
	limiter := throttle.New(limits, m.observeThrottled, a.now)
	api := (&surfaces{
		app: a, store: s, clients: clients, users: users, service: useCases, pages: pages, limiter: limiter, metrics: m,
		external: external, tenantID: tenantID, waitingAgents: c.waitingAgents(), log: log,
	}).handler(ctx)
	handler, err := c.dashboard(tenantID, api)
	if err != nil {
		return err
	}
	var invited *invitation
	if token != "" {
		invited = newInvitation(listener.URL(), administrator, token, expiresAt)
	}
	if err := a.announce(listener, tenantID, first, invited); err != nil {
		return err
	}
	if c.Demo {
		end := c.startDemo(ctx, &demo{app: a, service: useCases, server: listener, tenantID: tenantID, log: log})
		defer end()
	}
	err = listener.Serve(ctx, handler)
	log.InfoContext(ctx, "stopped")
	return err
}

// startDemo begins the demonstration, and gives what waits for its end, which ctx
// brings about.
func (c *serveCommand) startDemo(ctx context.Context, d *demo) (end func()) {
	var running sync.WaitGroup
	running.Go(func() {
		if err := d.run(ctx); err != nil && ctx.Err() == nil {
			d.log.ErrorContext(ctx, "the demonstration failed", "error", err)
		}
	})
	return running.Wait
}

func (c *serveCommand) limits() (throttle.Limits, error) {
	if c.MaxWaiting < 1 {
		return throttle.Limits{}, plimsoll.Errorf(plimsoll.Invalid, "--max-waiting must be 1 or more")
	}
	if c.waitingAgents() < 0 {
		return throttle.Limits{}, plimsoll.Errorf(plimsoll.Invalid, "--max-waiting-agents must be 0 or more")
	}
	if c.MaxOpenPages < 0 {
		return throttle.Limits{}, plimsoll.Errorf(plimsoll.Invalid, "--max-open-pages must be 0 or more")
	}
	if c.CheckInInterval < 10*time.Second || c.CheckInInterval > 24*time.Hour {
		return throttle.Limits{}, plimsoll.Errorf(plimsoll.Invalid, "--check-in-interval must be from 10s to 24h")
	}
	return c.rateLimits()
}

// waitingAgents gives how many agents may wait for a change.
func (c *serveCommand) waitingAgents() int {
	if c.MaxAgents == nil {
		return c.MaxConnections / 2
	}
	return *c.MaxAgents
}

// rateLimits gives what the flags allow. Their ranges keep every wait within
// what a Retry-After can say, and every burst within what can be counted.
func (c *serveCommand) rateLimits() (throttle.Limits, error) {
	limits := throttle.Limits{PerClient: c.RatePerClient, Total: c.RateTotal, Burst: c.Burst}
	for flag, rate := range map[string]float64{"--rate-per-client": limits.PerClient, "--rate-total": limits.Total} {
		if inRange := rate >= 0.001 && rate <= 100_000; rate != 0 && !inRange { // nor is NaN
			return limits, plimsoll.Errorf(plimsoll.Invalid, "%s must be from 0.001 to 100000 requests a second, or 0 for no limit", flag)
		}
	}
	if limits.Burst < 0 || limits.Burst > time.Hour {
		return limits, plimsoll.Errorf(plimsoll.Invalid, "--burst must be from 0s to 1h")
	}
	return limits, nil
}

// formLimits is how many forms of the sign-in pages one network may send: twenty
// at once, and one every two seconds.
func formLimits() throttle.Limits { return throttle.Limits{PerClient: 0.5, Burst: 40 * time.Second} }

// strangerLimits is how many passwords all networks together may try in browsers in
// which their user has not signed in before: ten at once, and two a second. Each
// takes a core for a quarter of a second, so that guesses take half a core at most,
// and the last of ten is looked at before it is refused for its wait. It is enough
// for 120 people a minute with new browsers; all others are not counted here.
func strangerLimits() throttle.Limits { return throttle.Limits{Total: 2, Burst: 5 * time.Second} }

// startService makes the use cases, with what gathers their writes and, where
// the database is another process, their reads.
func (c *serveCommand) startService(
	ctx context.Context, a *app, s *store.Store, m *metrics, log *slog.Logger,
) (useCases *service.Service, stop func()) {
	limits := ingest.Limits{Batch: commitBatch, Waiting: c.MaxWaiting}
	writes := ingest.NewGroup(s.AppendRunSummaries, limits, m.observeCommit)
	lanes := 1 // SQLite has one writer
	if !s.InProcess() {
		lanes = reportLanes
	}
	reports := ingest.NewLanes(lanes, s.ApplyReports, ingest.Limits{
		Batch: commitReports, Waiting: max(1, c.MaxWaiting/lanes), Bytes: reportBytes / int64(lanes),
	}, m.observeReports)
	enrollments := ingest.Enrollments{Group: ingest.NewGroup(s.EnrollDevices, limits, func(int) {})}
	starts := ingest.AgentStarts{Group: ingest.NewGroup(s.StartAgents, limits, func(int) {})}
	stores := storesOf(s)
	stores.RunSummaryAppender, stores.Enroller, stores.Reporter, stores.AgentStarter = writes, enrollments, reports, starts
	works := append(a.background(s, log), writes.Run, reports.Run, enrollments.Run, starts.Run)
	if !s.InProcess() {
		reads := ingest.NewReads(s, limits)
		stores.RunSummaryReader = reads
		listen := func(ctx context.Context) { s.Listen(ctx, a.now, backgroundFault(ctx, log, "hearing of other servers")) }
		works = append(works, listen, reads.Run, reads.Run) // two, so that one query that is not answered does not hold up all
	}
	atomically := func(ctx context.Context, work func(service.Stores) error) error {
		return s.Atomically(ctx, func(bound *store.Store) error { return work(storesOf(bound)) })
	}
	useCases = service.New(stores, atomically, a.now, a.random, service.WithCheckInInterval(c.CheckInInterval))
	works = append(works, func(ctx context.Context) { useCases.StoreSightings(ctx, backgroundFault(ctx, log, "check-in times")) })
	return useCases, runInBackground(ctx, works...)
}

// storesOf gives the store as all that a service keeps things in, but for
// reports: those only come in groups.
func storesOf(s *store.Store) service.Stores {
	return service.Stores{
		ScriptStore: s, ScriptFeed: s, OverviewStore: s, RunSummaryStore: s, RunSummaryReader: s, RunSummaryAppender: s,
		DeviceStore: s, EnrollmentTokenStore: s, Enroller: s, GroupStore: s, MemberStore: s, FilterStore: s,
		AssignmentStore: s, RunStateStore: s, AuditStore: s, CheckInStore: s,
	}
}

// runInBackground starts work, and gives what ends it and waits for its end.
// It outlives ctx: requests that were accepted still need it.
func runInBackground(ctx context.Context, works ...func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	for _, work := range works {
		running.Go(func() { work(ctx) })
	}
	return func() {
		cancel()
		running.Wait()
	}
}

func newLogger(to io.Writer, format string, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(to, options))
	}
	return slog.New(slog.NewTextHandler(to, options))
}

func (c *serveCommand) serverConfig(dataDir string) server.Config {
	return server.Config{
		Listen: c.Listen, TLS: c.TLS, BehindProxy: c.BehindProxy, DataDir: dataDir, Hosts: c.Host,
		CertFile: c.TLSCert, KeyFile: c.TLSKey,
		ACMEEmail: c.ACMEEmail, ACMEDirectory: c.ACMEServer, ACMERootCAs: c.ACMECA,
		MaxConnections: c.MaxConnections, ShutdownTimeout: c.ShutdownTimeout,
	}
}

// settingError names the flag where a setting of the server is at fault.
func settingError(err error) error {
	e, ok := errors.AsType[*server.SettingError](err)
	if !ok {
		return err
	}
	flags := map[string]string{
		"Listen": "--listen", "TLS": "--tls", "DataDir": "--data", "Hosts": "--host",
		"CertFile": "--tls-cert", "KeyFile": "--tls-key", "CertFile, KeyFile": "--tls-cert, --tls-key", "ACMEDirectory": "--acme-server", "ACMERootCAs": "--acme-ca",
		"MaxConnections, ShutdownTimeout": "--max-connections, --shutdown-timeout",
	}
	problem := strings.ReplaceAll(e.Problem, "BehindProxy", "--behind-proxy")
	return &plimsoll.Error{Code: plimsoll.Invalid, Message: flags[e.Setting] + ": " + problem, Err: e.Err}
}

// provider gives the verifier of the tokens of --oidc-issuer, or nil.
func (c *serveCommand) provider(now func() time.Time) (auth.Verifier, error) {
	if err := c.checkDashboard(); err != nil {
		return nil, err
	}
	if c.OIDCIssuer != "" {
		return auth.NewOIDC(c.OIDCIssuer, c.OIDCAudience, nil, now)
	}
	if c.OIDCAudience != "" {
		return nil, plimsoll.Errorf(plimsoll.Invalid, "--oidc-audience is of use only beside --oidc-issuer")
	}
	return nil, nil
}
