package checkin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
)

const (
	assertionType     = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	assertionLifetime = 5 * time.Minute
	renewBefore       = time.Minute // before a token's end a new one is asked for
)

// goodToken gives a token that is not too old, and whether it was just got.
func (c *Client) goodToken(ctx context.Context) (token string, fresh bool, err error) {
	c.mu.Lock()
	token, renewedBy := c.token, c.renewedBy
	c.mu.Unlock()
	if token != "" && c.Now().Before(renewedBy) {
		return token, false, nil
	}
	token, err = c.renew(ctx)
	return token, true, err
}

func (c *Client) setToken(token string, renewedBy time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token, c.renewedBy = token, renewedBy
}

// dropToken forgets a token that the server does not take, unless there is another
// by now.
func (c *Client) dropToken(token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token == token {
		c.token = ""
	}
}

// renew gets a token by private_key_jwt (RFC 7523).
func (c *Client) renew(ctx context.Context) (string, error) {
	assertion, err := c.assertion()
	if err != nil {
		return "", err
	}
	asked := c.Now()
	form := url.Values{
		"grant_type": {"client_credentials"}, "scope": {Scope},
		"client_assertion_type": {assertionType}, "client_assertion": {assertion},
	}
	answer, err := c.send(ctx, &message{
		method: http.MethodPost, path: tokenPath(c.TenantID), contentType: "application/x-www-form-urlencoded", body: []byte(form.Encode()),
	})
	if refused, ok := err.(*Error); ok { //nolint:errorlint // send wraps none
		refused.OfToken = true
	}
	if err != nil {
		return "", err
	}
	var token struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"` // seconds
	}
	if err := json.Unmarshal(answer, &token); err != nil {
		return "", fmt.Errorf("read the token endpoint's answer: %w", err)
	}
	if token.AccessToken == "" {
		return "", errors.New("the token endpoint's answer has no access_token")
	}
	c.setToken(token.AccessToken, asked.Add(time.Duration(token.ExpiresIn)*time.Second-renewBefore))
	return token.AccessToken, nil
}

// assertion proves who the device is, once.
func (c *Client) assertion() (string, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: c.Key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", err
	}
	id, err := uuid.NewRandomFromReader(c.Random)
	if err != nil {
		return "", err
	}
	now := c.Now()
	return jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: c.DeviceID, Subject: c.DeviceID, ID: id.String(),
		Audience: jwt.Audience{strings.TrimSuffix(c.Server, "/") + tokenPath(c.TenantID)},
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(assertionLifetime)),
	}).Serialize()
}
