package issuer

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/zitadel/oidc/v3/pkg/oidc"

	"plimsoll"
)

// UserTokenLifetime is how long a user's access token holds. It cannot be
// withdrawn; the page gets another by its session, as long as there is one.
const UserTokenLifetime = 15 * time.Minute

// userToken is the claims of a user's access token, as Entra ID's version 2 has
// them for a delegated one.
type userToken struct {
	Audience    string `json:"aud"`
	Issuer      string `json:"iss"`
	IssuedAt    int64  `json:"iat"` // in seconds of the Unix epoch, as are those below
	NotBefore   int64  `json:"nbf"`
	Expiry      int64  `json:"exp"`
	AppID       string `json:"appid"` // the dashboard
	Party       string `json:"azp"`
	Subject     string `json:"sub"` // the user
	ObjectID    string `json:"oid"`
	Name        string `json:"preferred_username"`
	TenantID    string `json:"tid"`
	Permissions string `json:"scp"` // by spaces
	Type        string `json:"idtyp"`
	Version     string `json:"ver"`
	ID          string `json:"jti"`
	UniqueID    string `json:"uti"`
}

// idToken is the claims of OpenID Connect Core 1.0 section 2.
type idToken struct {
	Audience   string `json:"aud"`
	Issuer     string `json:"iss"`
	IssuedAt   int64  `json:"iat"`
	Expiry     int64  `json:"exp"`
	SignedInAt int64  `json:"auth_time"`
	Subject    string `json:"sub"`
	ObjectID   string `json:"oid"`
	Name       string `json:"preferred_username"`
	TenantID   string `json:"tid"`
	Nonce      string `json:"nonce,omitempty"`
	TokenHash  string `json:"at_hash"`
	Version    string `json:"ver"`
}

// authorizationCode serves the grant of RFC 6749 section 4.1.3, with PKCE (RFC
// 7636 section 4.5). There are no refresh tokens: the page asks the authorization
// endpoint again, with prompt=none.
func (s *Server) authorizationCode(w http.ResponseWriter, r *http.Request, form url.Values) error {
	code, err := s.takeCode(r, form)
	if err != nil {
		return err
	}
	access, err := s.userClaims(r, &code.user)
	if err != nil {
		return err
	}
	token, err := s.Keys.Sign(r.Context(), access)
	if err != nil {
		return err
	}
	id := ""
	if slices.Contains(code.Scopes, oidc.ScopeOpenID) {
		hash := sha256.Sum256([]byte(token))
		id, err = s.Keys.Sign(r.Context(), idToken{
			Audience: DashboardClientID, Issuer: access.Issuer, IssuedAt: access.IssuedAt, Expiry: access.Expiry,
			SignedInAt: code.SignedInAt.Unix(), Subject: access.Subject, ObjectID: access.ObjectID, Name: access.Name,
			TenantID: access.TenantID, Nonce: code.Nonce, Version: access.Version,
			TokenHash: base64.RawURLEncoding.EncodeToString(hash[:len(hash)/2]),
		})
		if err != nil {
			return err
		}
	}
	s.Log.DebugContext(r.Context(), "token issued", "user_id", code.user.ID, "kind", access.Type)
	lifetime := uint64(UserTokenLifetime.Seconds())
	noStore(w)
	writeJSON(w, http.StatusOK, tokenResponse{
		AccessTokenResponse: oidc.AccessTokenResponse{
			TokenType: oidc.BearerToken, ExpiresIn: lifetime, AccessToken: token, IDToken: id, Scope: code.Scopes,
		},
		ExtExpiresIn: lifetime,
	})
	return nil
}

// takenCode is a code with its user.
type takenCode struct {
	plimsoll.AuthorizationCode

	user plimsoll.User
}

// takeCode gives the code that the form exchanges, which is used up then, also
// where the rest of the form does not fit it.
func (s *Server) takeCode(r *http.Request, form url.Values) (*takenCode, error) {
	verifier, redirectURI := form.Get("code_verifier"), form.Get("redirect_uri")
	switch {
	case r.Header.Get("Authorization") != "" || form.Has("client_secret") || asserts(form):
		return nil, invalidClient("The dashboard is a public client: it has no secret to send.")
	case form.Get("client_id") != DashboardClientID:
		return nil, invalidClient("The client_id is not that of this installation's dashboard.")
	case !form.Has("code") || redirectURI == "":
		return nil, invalidRequest("code and redirect_uri are required.")
	case !regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`).MatchString(verifier):
		return nil, invalidRequest("A code_verifier of 43 to 128 characters is required (RFC 7636 section 4.1).")
	}
	code, user, err := s.Users.store.TakeAuthorizationCode(r.Context(), hashToken(form.Get("code")), s.Now())
	if plimsoll.ErrorCode(err) == plimsoll.NotFound {
		return nil, invalidGrant("The code was used already or has expired, or the user has signed out.")
	}
	if err != nil {
		return nil, err
	}
	made := subtle.ConstantTimeCompare([]byte(oidc.NewSHACodeChallenge(verifier)), []byte(code.Challenge)) == 1
	if !made || code.RedirectURI != redirectURI || code.ClientID != DashboardClientID {
		s.Log.WarnContext(r.Context(), "code refused", "user_id", user.ID, "from", r.RemoteAddr)
		return nil, invalidGrant("The code_verifier or the redirect_uri is not that of the code, which is used up now.")
	}
	return &takenCode{code, user}, nil
}

func invalidGrant(description string) error {
	return newRefusal(http.StatusBadRequest, oidc.ErrInvalidGrant(), description)
}

func (s *Server) userClaims(r *http.Request, user *plimsoll.User) (userToken, error) {
	id, err := uuid.NewRandomFromReader(s.Rand)
	if err != nil {
		return userToken{}, err
	}
	now := s.Now()
	return userToken{
		Audience: Audience, Issuer: s.issuerURL(r), TenantID: s.TenantID,
		IssuedAt: now.Unix(), NotBefore: now.Unix(), Expiry: now.Add(UserTokenLifetime).Unix(),
		AppID: DashboardClientID, Party: DashboardClientID, Subject: user.ID, ObjectID: user.ID, Name: user.Name,
		Permissions: strings.Join(user.Permissions, " "),
		Type:        "user", Version: "2.0", ID: id.String(), UniqueID: id.String(),
	}, nil
}
