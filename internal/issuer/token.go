package issuer

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"
	"github.com/zitadel/oidc/v3/pkg/oidc"

	"plimsoll"
)

// deviceRole is the one thing that a device's token is for. It is no permission
// of Graph's.
const deviceRole = "Device.CheckIn"

// holder is whom a token is for.
type holder struct {
	id       string
	kind     string // Entra ID's idtyp
	audience string // the surface where the token holds
	roles    []string
}

// accessToken is the claims of an access token, as Entra ID's version 2 has
// them for an application.
type accessToken struct {
	Audience  string   `json:"aud"`
	Issuer    string   `json:"iss"`
	IssuedAt  int64    `json:"iat"` // in seconds of the Unix epoch, as are those below
	NotBefore int64    `json:"nbf"`
	Expiry    int64    `json:"exp"`
	AppID     string   `json:"appid"` // the holder's id, which the three below repeat
	Party     string   `json:"azp"`
	Subject   string   `json:"sub"`
	ObjectID  string   `json:"oid"`
	TenantID  string   `json:"tid"`
	Roles     []string `json:"roles"`
	Type      string   `json:"idtyp"`
	Version   string   `json:"ver"`
	ID        string   `json:"jti"`
	UniqueID  string   `json:"uti"` // Entra ID's name for jti
}

// tokenResponse is the answer of RFC 6749 section 5.1, with a member that
// Microsoft's libraries read.
type tokenResponse struct {
	oidc.AccessTokenResponse
	ExtExpiresIn uint64 `json:"ext_expires_in"`
}

// token serves the token endpoint (RFC 6749 section 3.2).
func (s *Server) token(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(w, r)
	if err != nil {
		return err
	}
	switch oidc.GrantType(form.Get("grant_type")) {
	case oidc.GrantTypeClientCredentials:
		return s.clientCredentials(w, r, form)
	case oidc.GrantTypeCode:
		if s.Users != nil {
			return s.authorizationCode(w, r, form)
		}
	case "":
		return invalidRequest("grant_type is missing.")
	}
	served := "The grant_type served here is client_credentials."
	if s.Users != nil {
		served = "The grant_types served here are client_credentials and authorization_code."
	}
	return newRefusal(http.StatusBadRequest, oidc.ErrUnsupportedGrantType(), served)
}

// clientCredentials serves the grant of RFC 6749 section 4.4.
func (s *Server) clientCredentials(w http.ResponseWriter, r *http.Request, form url.Values) error {
	if err := checkScope(form.Get("scope")); err != nil {
		return err
	}
	h, err := s.authenticate(r, form)
	if err != nil {
		return err
	}
	claims, err := s.claims(s.issuerURL(r), h)
	if err != nil {
		return err
	}
	token, err := s.Keys.Sign(r.Context(), claims)
	if err != nil {
		return err
	}
	s.Log.DebugContext(r.Context(), "token issued", "client_id", h.id, "kind", h.kind)
	lifetime := uint64(TokenLifetime.Seconds())
	noStore(w)
	writeJSON(w, http.StatusOK, tokenResponse{
		AccessTokenResponse: oidc.AccessTokenResponse{TokenType: oidc.BearerToken, ExpiresIn: lifetime, AccessToken: token},
		ExtExpiresIn:        lifetime,
	})
	return nil
}

func (s *Server) authenticate(r *http.Request, form url.Values) (holder, error) {
	if s.Devices != nil && asserts(form) {
		id, err := s.authenticateDevice(r, form)
		return holder{id: id, kind: "device", audience: DeviceAudience, roles: []string{deviceRole}}, err
	}
	client, err := s.authenticateClient(r, form)
	return holder{id: client.ID, kind: "app", audience: Audience, roles: client.Permissions}, err
}

func (s *Server) authenticateClient(r *http.Request, form url.Values) (plimsoll.Client, error) {
	id, secret, err := credentials(r, form)
	if err != nil {
		return plimsoll.Client{}, err
	}
	client, err := s.Clients.Authenticate(r.Context(), id, secret)
	if plimsoll.ErrorCode(err) == plimsoll.Unauthenticated {
		s.Log.WarnContext(r.Context(), "client refused", "client_id", loggable(id), "from", r.RemoteAddr)
		return plimsoll.Client{}, invalidClient("The client is unknown, or its secret is wrong or has expired.")
	}
	return client, err
}

// loggable gives a client's id for the log, and nothing of what has another
// form: people paste secrets into the wrong field.
func loggable(id string) string {
	parsed, err := uuid.Parse(id)
	if err != nil {
		return "not a GUID"
	}
	return parsed.String()
}

// claims makes the claims of a token for its holder. The resource that the
// scope named does not matter: there is but one API here for each kind of
// holder, and clients ask for it under the name of the one they were made for.
func (s *Server) claims(issuer string, h holder) (accessToken, error) {
	id, err := uuid.NewRandomFromReader(s.Rand)
	if err != nil {
		return accessToken{}, err
	}
	now := s.Now()
	return accessToken{
		Audience: h.audience, Issuer: issuer, TenantID: s.TenantID,
		IssuedAt: now.Unix(), NotBefore: now.Unix(), Expiry: now.Add(TokenLifetime).Unix(),
		AppID: h.id, Party: h.id, Subject: h.id, ObjectID: h.id,
		Roles: append([]string{}, h.roles...),
		Type:  h.kind, Version: "2.0", ID: id.String(), UniqueID: id.String(),
	}, nil
}

// standardScopes are those of OpenID Connect Core 1.0 section 5.4 and 11 that
// libraries ask for along with a resource's. They change nothing here.
func standardScopes() []string {
	return []string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail, oidc.ScopeOfflineAccess}
}

// checkScope refuses scopes that ask for less than all the client may do. To
// give more than was asked for would be a surprise.
func checkScope(scope string) error {
	for name := range strings.FieldsSeq(scope) {
		switch name {
		case oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail, oidc.ScopeOfflineAccess:
			continue
		}
		if resource, ok := strings.CutSuffix(name, "/.default"); !ok || resource == "" {
			return newRefusal(http.StatusBadRequest, oidc.ErrInvalidScope(),
				"A client gets all of its permissions or none: ask for the scope <resource>/.default, such as "+Audience+"/.default.")
		}
	}
	return nil
}
