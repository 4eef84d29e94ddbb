package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"golang.org/x/term"

	"plimsoll"
)

// connection is how commands reach a server as a client.
type connection struct {
	Server           string `default:"http://127.0.0.1:8080" help:"The server's address."`
	Tenant           string `default:"common" help:"The tenant's id; common is the server's own."`
	ClientID         string `required:"" help:"The client's id."`
	ClientSecret     string `help:"The client's secret. Better in PLIMSOLL_CLIENT_SECRET or a file: command lines are seen by others. Asked for where it is not given."`
	ClientSecretFile string `help:"File that holds the client's secret; it goes before --client-secret." placeholder:"FILE" type:"path"`
	CA               string `name:"ca" help:"File of the authority to trust, such as the server's DIR/ca.pem." placeholder:"FILE" type:"path"`
}

type tokenCommand struct{ connection }

// Run asks the server's issuer for a token.
func (c *tokenCommand) Run(ctx context.Context, a *app) error {
	token, _, err := c.token(ctx, a)
	if err != nil {
		return err
	}
	return a.print(map[string]any{
		"accessToken": token.AccessToken, "tokenType": token.TokenType, "expiresDateTime": token.Expiry.UTC(),
	}, token.AccessToken+"\n")
}

// token gives a token of the server's issuer, and the client that it came by.
func (c *connection) token(ctx context.Context, a *app) (*oauth2.Token, *http.Client, error) {
	if address, err := url.Parse(c.Server); err != nil || address.Scheme != "http" && address.Scheme != "https" {
		return nil, nil, plimsoll.Errorf(plimsoll.Invalid, "--server must be a URL such as http://127.0.0.1:8080, not %q", c.Server)
	}
	secret, err := c.secret(a)
	if err != nil {
		return nil, nil, err
	}
	client, err := c.httpClient()
	if err != nil {
		return nil, nil, err
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, client)
	config := clientcredentials.Config{
		ClientID: c.ClientID, ClientSecret: secret, AuthStyle: oauth2.AuthStyleInParams,
		TokenURL: strings.TrimSuffix(c.Server, "/") + "/" + c.Tenant + "/oauth2/v2.0/token",
		Scopes:   []string{"https://graph.microsoft.com/.default"},
	}
	token, err := config.Token(ctx)
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refused.ErrorCode != "" {
		return nil, nil, fmt.Errorf("the server refused: %s: %s", refused.ErrorCode, refused.ErrorDescription)
	}
	if _, untrusted := errors.AsType[x509.UnknownAuthorityError](err); untrusted {
		return nil, nil, fmt.Errorf("%w; name the authority's file with --ca, such as the server's DIR/ca.pem", err)
	}
	if err != nil {
		return nil, nil, &plimsoll.Error{Code: plimsoll.Unavailable, Message: "no token was to be had from " + c.Server, Err: err}
	}
	return token, client, nil
}

func (c *connection) secret(a *app) (string, error) {
	if c.ClientSecretFile != "" {
		text, err := os.ReadFile(c.ClientSecretFile)
		secret := strings.TrimSpace(string(text))
		if err == nil && secret == "" {
			err = plimsoll.Errorf(plimsoll.Invalid, "%s is empty; it must hold the client's secret", c.ClientSecretFile)
		}
		return secret, err
	}
	if c.ClientSecret != "" {
		return c.ClientSecret, nil
	}
	if file, ok := a.stdin.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		fmt.Fprint(a.stderr, "Client secret: ")
		text, err := term.ReadPassword(int(file.Fd()))
		fmt.Fprintln(a.stderr)
		return string(text), err
	}
	line, _ := bufio.NewReader(a.stdin).ReadString('\n')
	if line = strings.TrimSpace(line); line == "" {
		return "", plimsoll.Errorf(plimsoll.Invalid,
			"no client secret: set PLIMSOLL_CLIENT_SECRET, or give --client-secret-file, or write it to standard input")
	}
	return line, nil
}

func (c *connection) httpClient() (*http.Client, error) {
	client := &http.Client{Timeout: 30 * time.Second}
	if c.CA == "" {
		return client, nil
	}
	pem, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, plimsoll.Errorf(plimsoll.Invalid, "%s holds no certificate in PEM", c.CA)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	client.Transport = transport
	return client, nil
}
