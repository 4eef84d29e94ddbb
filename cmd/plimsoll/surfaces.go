package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/klauspost/compress/gzhttp"

	"plimsoll/internal/auth"
	"plimsoll/internal/checkin"
	"plimsoll/internal/graph"
	"plimsoll/internal/issuer"
	"plimsoll/internal/odata"
	"plimsoll/internal/service"
	"plimsoll/internal/store"
	"plimsoll/internal/throttle"
	"plimsoll/internal/web"
)

// surfaces are what a server answers to, and what they are made of.
type surfaces struct {
	*app

	store         *store.Store
	clients       *issuer.Clients
	users         *issuer.Users
	service       *service.Service
	pages         *graph.Pages
	limiter       *throttle.Throttle
	metrics       *metrics
	external      auth.Verifier // of another provider's tokens; nil for none
	tenantID      string
	waitingAgents int
	log           *slog.Logger
}

// handler puts the surfaces together. When ctx ends, nobody is kept waiting for a
// change any longer.
func (s *surfaces) handler(ctx context.Context) http.Handler {
	keys := issuer.NewKeys(s.store, s.now, s.random, s.log)
	builtin := auth.NewBuiltin(keys, s.tenantID, issuer.Audience, s.now)
	verifier := auth.NewCached(auth.NewByIssuer(builtin, s.external), rememberTokens, s.now)
	api := graph.New(s.service, s.pages, verifier, s.limiter, s.tenantID, s.log, s.metrics.observeRequest, s.now, s.random)
	tokens := issuer.NewServer(issuer.Config{
		TenantID: s.tenantID, Clients: s.clients, Keys: keys, Devices: s.store, Now: s.now, Rand: s.random, Log: s.log,
		Users: s.users, BaseURL: baseURL,
		Throttle:           throttle.New(formLimits(), s.metrics.observeThrottled, s.now),
		Strangers:          throttle.New(strangerLimits(), s.metrics.observeThrottled, s.now),
		DashboardRedirects: []string{web.RedirectPath}, PostLogout: "/", Stylesheet: web.SignInStylesheet,
	})
	devices := checkin.NewHandler(checkin.Config{
		Service: s.service, Throttle: s.limiter, TenantID: s.tenantID, Log: s.log, Observe: s.metrics.observeRequest, Now: s.now, Random: s.random,
		MostWait: s.waitingAgents,
		Verifier: auth.NewCached(auth.NewBuiltin(keys, s.tenantID, issuer.DeviceAudience, s.now), rememberTokens, s.now),
	})
	context.AfterFunc(ctx, devices.StopWaiting)
	context.AfterFunc(ctx, s.pages.Stop)
	s.metrics.gauge("plimsoll_waiting_agents", devices.Waiting) // agents that wait for a change now
	s.metrics.gauge("plimsoll_open_pages", s.pages.Open)        // pages that follow what changes now
	return compressed(operations(s.store, s.metrics, besides(devices, tokens.Handler(api))))
}

// compressed packs answers, but for streams of events: those are encoded once for
// all who read them.
func compressed(h http.Handler) http.Handler {
	wrap, err := gzhttp.NewWrapper(gzhttp.ContentTypeFilter(func(media string) bool {
		return media != odata.EventStream && gzhttp.DefaultContentTypeFilter(media)
	}))
	if err != nil {
		panic("answers cannot be compressed: " + err.Error()) // a fault of these options alone
	}
	return wrap(h)
}

// besides serves the devices' paths, and hands the rest on.
func besides(devices, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, checkin.Root) {
			devices.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// operations serves what operators ask, and hands the rest on.
func operations(s *store.Store, m *metrics, next http.Handler) http.Handler {
	measured := m.handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		switch r.URL.Path {
		case "/healthz": // the process lives
			fmt.Fprintln(w, "ok")
		case "/readyz": // and reaches its database
			ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
			defer cancel()
			if err := s.Ping(ctx); err != nil {
				http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
				return
			}
			fmt.Fprintln(w, "ready")
		case "/metrics":
			measured.ServeHTTP(w, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}
