package auth

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode"

	"plimsoll"
)

// personalTenant is the tenant of every personal Microsoft account. Graph
// does not serve device management to those.
const personalTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"

// maxSubject is the longest name of a caller, in bytes: it is stored with what
// the caller changes.
const maxSubject = 256

// claims are the members of an access token that say who calls and what they
// may do, under the names that Entra ID, Keycloak and Okta give them.
type claims struct {
	TenantID string `json:"tid"`
	AppID    string `json:"appid"`     // Entra ID, version 1
	Party    string `json:"azp"`       // Entra ID version 2, Keycloak
	ClientID string `json:"client_id"` // RFC 9068 section 2.2
	ObjectID string `json:"oid"`
	UPN      string `json:"upn"`
	Sub      string `json:"sub"`
	User     string `json:"preferred_username"` // Keycloak, of users and of service accounts
	Name     string `json:"name"`               // OpenID Connect Core 1.0, section 5.1

	// What only tokens of other kinds have (OpenID Connect Core 1.0, section 2,
	// and Back-Channel Logout 1.0, section 2.4), and Keycloak's word for the kind.
	Kind       string          `json:"typ"`
	Nonce      json.RawMessage `json:"nonce"`
	TokenHash  json.RawMessage `json:"at_hash"`
	CodeHash   json.RawMessage `json:"c_hash"`
	LogoutFact json.RawMessage `json:"events"`

	Delegated *names `json:"scp"`   // Entra ID and Okta: what a user granted
	Roles     names  `json:"roles"` // Entra ID: what an application was given
	Scope     names  `json:"scope"` // RFC 9068 section 2.2.3
}

// names is a list of names: a space-separated string, or an array of strings.
type names []string

// UnmarshalJSON takes both forms.
func (n *names) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte(`"`)) {
		var s string
		err := json.Unmarshal(data, &s)
		*n = strings.Fields(s)
		return err
	}
	return json.Unmarshal(data, (*[]string)(n))
}

// permissions gives the known permissions of the token. A delegated token has
// those of scp alone: what its application may do by itself is not the
// user's.
func (c *claims) permissions() []Permission {
	granted := slices.Concat(c.Roles, c.Scope)
	if c.Delegated != nil {
		granted = *c.Delegated
	}
	var perms []Permission
	for _, name := range granted {
		if Known(name) && !slices.Contains(perms, Permission(name)) {
			perms = append(perms, Permission(name))
		}
	}
	return perms
}

// isAccess tells an access token from an ID token, a refresh token and the like,
// which the same provider signs and which may have the same audience (RFC 8725,
// section 3.11).
func (c *claims) isAccess() bool {
	if strings.EqualFold(c.Kind, "Bearer") { // Keycloak says it, and adds a nonce in some versions
		return c.LogoutFact == nil
	}
	return c.Nonce == nil && c.TokenHash == nil && c.CodeHash == nil && c.LogoutFact == nil &&
		(c.Kind == "" || strings.EqualFold(c.Kind, "JWT"))
}

// isUser tells users from applications.
func (c *claims) isUser() bool {
	return c.Delegated != nil || c.User != "" && !strings.HasPrefix(c.User, "service-account-")
}

// subject names the caller in the audit trail: the user, where there is one.
func (c *claims) subject() string {
	if c.isUser() {
		return cmp.Or(c.ObjectID, c.UPN, c.Sub)
	}
	return cmp.Or(c.AppID, c.Party, c.ClientID, c.Sub)
}

// principal turns the claims of a token that holds into its caller.
func (c *claims) principal(expiresAt time.Time) (Principal, error) {
	subject := c.subject()
	if subject == "" {
		return Principal{}, refuse(nil, "The access token names no caller: it has none of appid, azp, client_id, oid, upn and sub.")
	}
	if len(subject) > maxSubject || strings.ContainsFunc(subject, unicode.IsControl) {
		return Principal{}, refuse(nil, "The access token's caller has a name too long, or with control characters.")
	}
	p := Principal{
		Subject: subject, DisplayName: cmp.Or(c.Name, c.User, c.UPN), TenantID: c.TenantID, Delegated: c.Delegated != nil,
		Permissions: c.permissions(), ExpiresAt: expiresAt,
	}
	if c.isUser() {
		p.UserName = cmp.Or(c.UPN, c.User)
	}
	return p, nil
}

// refuse makes the error for a token that does not hold. The cause is for the
// log.
func refuse(cause error, message string) error {
	return &plimsoll.Error{Code: plimsoll.Unauthenticated, Message: message, Err: cause}
}
