package issuer

import (
	"net/http"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// metadata is the provider's, with a member of RFC 9207 section 3 that the type
// lacks.
type metadata struct {
	*oidc.DiscoveryConfiguration

	NamesIssuer bool `json:"authorization_response_iss_parameter_supported,omitempty"`
}

// discovery serves the provider's metadata (OpenID Connect Discovery 1.0
// section 3).
func (s *Server) discovery(w http.ResponseWriter, r *http.Request) error {
	tenant := s.tenantURL(r)
	// It carries the host that this client used: not for caches that others
	// share.
	w.Header().Set("Cache-Control", "private, max-age=300")
	methods, algorithms := s.authMethods()
	m := metadata{DiscoveryConfiguration: &oidc.DiscoveryConfiguration{
		Issuer: s.issuerURL(r),
		// Microsoft's libraries do not take a document without it, not even for
		// grants that never go there.
		AuthorizationEndpoint:             tenant + "/" + authorizeEndpoint,
		TokenEndpoint:                     tenant + "/oauth2/v2.0/token",
		JwksURI:                           tenant + "/discovery/v2.0/keys",
		ScopesSupported:                   standardScopes(),
		ResponseTypesSupported:            []string{string(oidc.ResponseTypeCode)},
		GrantTypesSupported:               []oidc.GrantType{oidc.GrantTypeClientCredentials},
		SubjectTypesSupported:             []string{"public"},
		IDTokenSigningAlgValuesSupported:  []string{string(signatureAlgorithm)},
		TokenEndpointAuthMethodsSupported: methods,

		TokenEndpointAuthSigningAlgValuesSupported: algorithms,
	}}
	if s.Users != nil {
		m.EndSessionEndpoint = tenant + "/" + logoutEndpoint
		m.ResponseModesSupported = []string{"query", "fragment"}
		m.GrantTypesSupported = append(m.GrantTypesSupported, oidc.GrantTypeCode)
		m.CodeChallengeMethodsSupported = []oidc.CodeChallengeMethod{oidc.CodeChallengeMethodS256}
		m.TokenEndpointAuthMethodsSupported = append(methods, oidc.AuthMethodNone)
		m.ClaimsSupported = []string{
			"aud", "iss", "iat", "exp", "auth_time", "sub", "oid", "preferred_username", "tid", "nonce", "at_hash", "ver",
		}
		m.NamesIssuer = true
	}
	writeJSON(w, http.StatusOK, m)
	return nil
}

// authMethods gives how the token endpoint lets clients prove themselves, and
// the algorithms of those that sign.
func (s *Server) authMethods() (methods []oidc.AuthMethod, algorithms []string) {
	methods = []oidc.AuthMethod{oidc.AuthMethodPost, oidc.AuthMethodBasic}
	if s.Devices == nil {
		return methods, nil
	}
	return append(methods, oidc.AuthMethodPrivateKeyJWT), []string{string(jose.EdDSA)}
}

// keys serves the JWK set (RFC 7517 section 5).
func (s *Server) keys(w http.ResponseWriter, r *http.Request) error {
	set, err := s.Keys.Public(r.Context())
	if err != nil {
		return err
	}
	// Far less than a key is published before it signs.
	w.Header().Set("Cache-Control", "public, max-age=3600")
	writeJSON(w, http.StatusOK, set)
	return nil
}
