// Package issuer is the built-in OpenID provider: it keeps clients and signing
// keys, and gives out access tokens in the shape of Entra ID's, so that
// programs made for Microsoft Graph find here what they look for there.
//
// It is built on the types of zitadel/oidc's pkg/oidc, not on the server of its
// pkg/op. That server answers fixed paths where these carry a tenant; its error
// answers can have no header, and RFC 6749 section 5.2 and RFC 6585 section 4
// want WWW-Authenticate and Retry-After; it takes secrets from the query string,
// which RFC 6749 section 2.3.1 forbids; it logs to the process's own logger; and
// it adds 1.5 MB to the program. What is left to write without it is the parsing
// of one form, and of one URL: the authorization code grant has one client, which
// is the product's own, so that nothing is registered and nobody asked for consent.
//
// The pages on which people sign in are forms without scripts. Users, sessions and
// all that leads to them rest in the store, whichever server is asked.
package issuer

import "time"

const (
	// Audience is the aud of every client's access token, and what a verifier of
	// them expects.
	Audience = "api://plimsoll"
	// DeviceAudience is the aud of every device's access token. The two keep
	// devices and clients off each other's surface.
	DeviceAudience = "api://plimsoll-agent"
	// TokenLifetime is how long an access token holds. It cannot be withdrawn:
	// a deleted client or removed device is out when its last token has expired.
	TokenLifetime = time.Hour
)
