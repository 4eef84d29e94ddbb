package issuer

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/google/uuid"
	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// Config is what a [Server] is made of. What may be left out says so.
type Config struct {
	TenantID string // of the installation, a GUID in lower case
	Clients  *Clients
	Keys     *Keys
	// Devices may be nil: then no device gets a token, and client assertions
	// are refused.
	Devices DeviceKeys
	// Users may be nil: then nobody signs in, and the endpoints for it are not
	// there.
	Users *Users
	// DashboardRedirects are the paths, below BaseURL, that [DashboardClientID] may
	// have codes sent to.
	DashboardRedirects []string
	// PostLogout is the path that it may have a browser sent to that was signed out.
	PostLogout string
	// Stylesheet is the path of the pages' stylesheet.
	Stylesheet string
	// Throttle bounds how many forms one network may send; nil for no limit.
	Throttle Throttle
	// Strangers bounds how many passwords all may try together in browsers that are
	// not known for the name; nil for no limit.
	Strangers Throttle
	// BaseURL gives scheme, host and port as the client used them, such as
	// https://plimsoll.example.com:8443. A proxy in front may have changed
	// what the request says of them.
	BaseURL func(*http.Request) string
	Now     func() time.Time
	Rand    io.Reader
	Log     *slog.Logger
}

// Throttle refuses a request with [plimsoll.TooManyRequests] where too many came
// from whom it is said to be.
type Throttle interface{ Take(from string) error }

// Server answers the provider's endpoints over HTTP:
//
//	GET       /{tenant}/v2.0/.well-known/openid-configuration
//	GET       /{tenant}/discovery/v2.0/keys
//	POST      /{tenant}/oauth2/v2.0/token
//	GET, POST /{tenant}/oauth2/v2.0/authorize
//	GET, POST /{tenant}/oauth2/v2.0/logout
//	GET, POST /sign-in
//	GET, POST /sign-in/invitation
//	GET, POST /sign-in/password
//
// A tenant is the installation's id, or one of the aliases "common" and
// "organizations".
type Server struct {
	Config
	mux   *http.ServeMux
	used  *usedAssertions
	pages *template.Template
}

// NewServer returns the server of one installation.
func NewServer(c Config) *Server {
	s := &Server{Config: c, mux: http.NewServeMux(), used: newUsedAssertions(maxUsed)}
	read := []string{http.MethodGet, http.MethodHead}
	s.mux.Handle("/{tenant}/v2.0"+oidc.DiscoveryEndpoint, s.endpoint(s.discovery, read...))
	s.mux.Handle("/{tenant}/discovery/v2.0/keys", s.endpoint(s.keys, read...))
	s.mux.Handle("/{tenant}/oauth2/v2.0/token", s.endpoint(s.token, http.MethodPost))
	if c.Users != nil {
		s.serveUsers()
	}
	return s
}

func (s *Server) serveUsers() {
	s.pages = parsePages()
	both := []string{http.MethodGet, http.MethodHead, http.MethodPost}
	// Another site may send a browser here, by a link or by a form: the answer goes
	// to the dashboard, whoever asked.
	s.mux.Handle("/{tenant}/"+authorizeEndpoint, s.answering(s.refuseOnPage, func(w http.ResponseWriter, r *http.Request) error {
		s.pageHeader(w, r)
		if err := s.admit(r, both); err != nil {
			return err
		}
		return s.authorize(w, r)
	}))
	s.mux.Handle("/{tenant}/"+logoutEndpoint, s.pageEndpoint(s.logout, both...))
	s.mux.Handle(signInPath, s.pageEndpoint(s.signIn, both...))
	s.mux.Handle(invitationPath, s.pageEndpoint(s.invitation, both...))
	s.mux.Handle(passwordPath, s.pageEndpoint(s.password, both...))
}

// Handler serves the provider's paths and hands every other request to next.
// Its paths begin with a tenant, so they cannot stand beside others' in one
// [http.ServeMux].
func (s *Server) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := s.mux.Handler(r); pattern == "" {
			next.ServeHTTP(w, r)
			return
		}
		s.mux.ServeHTTP(w, r)
	})
}

// waitTimeout ends what waits for a store that does not answer.
const waitTimeout = 30 * time.Second

// endpoint checks tenant and method, and writes the error that the handler
// returns.
func (s *Server) endpoint(handle func(http.ResponseWriter, *http.Request) error, methods ...string) http.Handler {
	return s.answering(s.refuse, func(w http.ResponseWriter, r *http.Request) error {
		if err := s.admit(r, methods); err != nil {
			return err
		}
		return handle(w, r)
	})
}

// answering gives a request an id and an end, and has refuse write the error that
// the handler returns.
func (s *Server) answering(
	refuse func(http.ResponseWriter, *http.Request, error), handle func(http.ResponseWriter, *http.Request) error,
) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, err := uuid.NewRandomFromReader(s.Rand)
		w.Header().Set("request-id", id.String())
		ctx, cancel := context.WithTimeout(r.Context(), waitTimeout)
		defer cancel()
		if err == nil {
			err = handle(w, r.WithContext(ctx))
		}
		if err != nil {
			refuse(w, r, err)
		}
	})
}

// admit refuses what has no tenant of this installation, or another method. A
// path without a tenant has this one.
func (s *Server) admit(r *http.Request, methods []string) error {
	if tenant := r.PathValue("tenant"); tenant != "" && !s.isTenant(tenant) {
		return invalidRequest("The tenant was not found. Use the tenant id of this installation, common or organizations.")
	}
	if !slices.Contains(methods, r.Method) {
		allowed := strings.Join(methods, ", ")
		return newRefusal(http.StatusMethodNotAllowed, oidc.ErrInvalidRequest(), "This endpoint serves "+allowed+".").
			with("Allow", allowed)
	}
	return nil
}

func (s *Server) isTenant(name string) bool {
	return strings.EqualFold(name, s.TenantID) || strings.EqualFold(name, "common") || strings.EqualFold(name, "organizations")
}

// issuerURL is the iss of tokens that the request asks for. It has the tenant's
// real id, also when an alias was used.
func (s *Server) issuerURL(r *http.Request) string {
	return s.tenantURL(r) + "/v2.0"
}

func (s *Server) tenantURL(r *http.Request) string {
	return strings.TrimSuffix(s.BaseURL(r), "/") + "/" + s.TenantID
}
