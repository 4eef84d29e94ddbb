package issuer

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// Config is what a [Server] is made of. All of it but Devices is required.
type Config struct {
	TenantID string // of the installation, a GUID in lower case
	Clients  *Clients
	Keys     *Keys
	// Devices may be nil: then no device gets a token, and client assertions
	// are refused.
	Devices DeviceKeys
	// BaseURL gives scheme, host and port as the client used them, such as
	// https://plimsoll.example.com:8443. A proxy in front may have changed
	// what the request says of them.
	BaseURL func(*http.Request) string
	Now     func() time.Time
	Rand    io.Reader
	Log     *slog.Logger
}

// Server answers the provider's endpoints over HTTP:
//
//	GET  /{tenant}/v2.0/.well-known/openid-configuration
//	GET  /{tenant}/discovery/v2.0/keys
//	POST /{tenant}/oauth2/v2.0/token
//
// A tenant is the installation's id, or one of the aliases "common" and
// "organizations".
type Server struct {
	Config
	mux  *http.ServeMux
	used *usedAssertions
}

// NewServer returns the server of one installation.
func NewServer(c Config) *Server {
	s := &Server{Config: c, mux: http.NewServeMux(), used: newUsedAssertions(maxUsed)}
	read := []string{http.MethodGet, http.MethodHead}
	s.mux.Handle("/{tenant}/v2.0"+oidc.DiscoveryEndpoint, s.endpoint(s.discovery, read...))
	s.mux.Handle("/{tenant}/discovery/v2.0/keys", s.endpoint(s.keys, read...))
	s.mux.Handle("/{tenant}/oauth2/v2.0/token", s.endpoint(s.token, http.MethodPost))
	return s
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
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, err := uuid.NewRandomFromReader(s.Rand)
		w.Header().Set("request-id", id.String())
		ctx, cancel := context.WithTimeout(r.Context(), waitTimeout)
		defer cancel()
		if err == nil {
			err = s.admit(r, methods)
		}
		if err == nil {
			err = handle(w, r.WithContext(ctx))
		}
		if err != nil {
			s.refuse(w, r, err)
		}
	})
}

func (s *Server) admit(r *http.Request, methods []string) error {
	if !s.isTenant(r.PathValue("tenant")) {
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
