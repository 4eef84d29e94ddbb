package plimsoll

import "time"

// Installation is what makes one fleet's store its own: the tenant whose
// tokens it issues. All servers on one store share it.
type Installation struct {
	TenantID  string // a GUID in lower case
	CreatedAt time.Time
}

// Client is a program that may ask the built-in issuer for tokens.
type Client struct {
	ID          string // a GUID in lower case, the client_id of OAuth
	Name        string
	Permissions []string // Graph's names, such as DeviceManagementConfiguration.ReadWrite.All
	CreatedAt   time.Time
	Secrets     []ClientSecret // those that still hold, or once did
}

// Validate refuses a client without a name, or with a name that cannot be kept.
func (c *Client) Validate() error {
	if c.Name == "" {
		return Invalidf("name", "name must not be empty: it is how people tell clients apart.")
	}
	return checkText("name", c.Name, MaxName)
}

// ClientSecret is the trace of a secret: enough to recognise it, never the
// secret itself.
type ClientSecret struct {
	Hash      string // bcrypt
	CreatedAt time.Time
	ExpiresAt time.Time // zero: until it is rotated away
}

// SigningKey is a private key of the built-in issuer. Generations follow one
// another: a key is published first, signs later, and stays published until
// the last token it signed has expired.
type SigningKey struct {
	Generation  int64  // 1, 2, 3 …; two servers that make the same one keep the first
	ID          string // the kid of RFC 7517
	PKCS8       []byte // DER (RFC 5958)
	PublishedAt time.Time
	SignsFrom   time.Time
	ExpiresAt   time.Time // neither published nor accepted from here on
}
