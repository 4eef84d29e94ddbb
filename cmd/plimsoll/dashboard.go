package main

import (
	"net/http"
	"net/url"
	"strings"

	"plimsoll"
	"plimsoll/internal/issuer"
	"plimsoll/internal/web"
)

const dashboardScope = "openid profile api://plimsoll/.default"

// dashboard serves the page before next. It signs people in at --oidc-issuer where
// it is a client there, and else at the built-in issuer.
func (c *serveCommand) dashboard(tenantID string, next http.Handler) (http.Handler, error) {
	config := web.Config{
		Version: version, ClientID: issuer.DashboardClientID, Scope: dashboardScope,
		Authority: func(r *http.Request) string { return baseURL(r) + "/" + tenantID + "/v2.0" },
	}
	if c.OIDCClientID == "" {
		return web.Handler(config, next)
	}
	provider, err := url.Parse(c.OIDCIssuer)
	if err != nil {
		return nil, plimsoll.Errorf(plimsoll.Invalid, "--oidc-issuer is not a URL")
	}
	config.ClientID, config.Scope, config.Provider = c.OIDCClientID, c.OIDCScope, provider.Scheme+"://"+provider.Host
	config.Authority = func(*http.Request) string { return strings.TrimSuffix(c.OIDCIssuer, "/") }
	return web.Handler(config, next)
}

// checkDashboard refuses settings of a sign-in that there is not.
func (c *serveCommand) checkDashboard() error {
	if c.OIDCClientID != "" && c.OIDCIssuer == "" {
		return plimsoll.Errorf(plimsoll.Invalid, "--oidc-client-id is of use only beside --oidc-issuer")
	}
	if c.OIDCClientID != "" && !strings.Contains(" "+c.OIDCScope+" ", " openid ") {
		return plimsoll.Errorf(plimsoll.Invalid, "--oidc-scope must hold openid")
	}
	return nil
}

// baseURL is the server's address as the client has it.
func baseURL(r *http.Request) string { return r.URL.Scheme + "://" + r.Host }
