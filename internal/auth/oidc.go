package auth

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"plimsoll"
)

const (
	// rediscoverAfter is how often the provider is discovered anew. With it go
	// the keys that the provider has withdrawn.
	rediscoverAfter = time.Hour
	fetchTimeout    = 10 * time.Second
)

// OIDC verifies the access tokens of an OpenID provider that is not ours.
type OIDC struct {
	issuer string
	rules  rules
	client *http.Client
	found  atomic.Pointer[discovered]
	turn   chan struct{} // holds one token while someone discovers
}

type discovered struct {
	keys KeySet
	at   time.Time
}

// NewOIDC returns a verifier of the tokens that the provider at issuerURL made
// for any of the audiences (separated by commas). Nothing is fetched until the
// first token comes, so that a server starts while the provider is away; until
// it is back, Verify answers [plimsoll.Unavailable].
func NewOIDC(issuerURL, audience string, httpClient *http.Client, now func() time.Time) (*OIDC, error) {
	u, err := url.Parse(issuerURL)
	private := err == nil && (u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()))
	if !private || u.Host == "" {
		return nil, plimsoll.Errorf(plimsoll.Invalid,
			"The OpenID issuer must be an https URL, such as https://login.example.com/realm: "+
				"over plain HTTP, which is for loopback only, anyone on the way could replace its keys.")
	}
	audiences := split(audience)
	if len(audiences) == 0 {
		return nil, plimsoll.Errorf(plimsoll.Invalid,
			"The OpenID audience must not be empty: without it, tokens for any other service would be accepted.")
	}
	trusted := func(iss string) bool { return iss == issuerURL }
	return &OIDC{
		issuer: issuerURL,
		rules:  rules{issuer: trusted, audience: audiences, now: now},
		client: throttledClient(httpClient, now),
		turn:   make(chan struct{}, 1),
	}, nil
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func split(list string) []string {
	items := strings.Split(list, ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	return slices.DeleteFunc(items, func(s string) bool { return s == "" })
}

// Verify implements [Verifier].
func (o *OIDC) Verify(ctx context.Context, bearer string) (Principal, error) {
	// Before the provider is asked anything: what is no token needs no key.
	if err := wellFormed(bearer); err != nil {
		return Principal{}, err
	}
	keys, err := o.keys(ctx)
	if err != nil {
		return Principal{}, err
	}
	return o.rules.verify(ctx, keys, bearer)
}

// keys gives the provider's keys. The first callers wait for the discovery;
// later ones do not, and keep what is known while the provider is away.
func (o *OIDC) keys(ctx context.Context) (KeySet, error) {
	d := o.found.Load()
	if d == nil {
		return o.firstKeys(ctx)
	}
	if o.rules.now().Sub(d.at) >= rediscoverAfter {
		select {
		case o.turn <- struct{}{}:
			go func() {
				defer func() { <-o.turn }()
				_, _ = o.discover(context.WithoutCancel(ctx))
			}()
		default: // someone is at it
		}
	}
	return d.keys, nil
}

func (o *OIDC) firstKeys(ctx context.Context) (KeySet, error) {
	select {
	case o.turn <- struct{}{}:
		defer func() { <-o.turn }()
	case <-ctx.Done():
		return nil, away(ctx.Err())
	}
	if d := o.found.Load(); d != nil {
		return d.keys, nil
	}
	// The caller may hang up; those who wait behind still want the answer.
	return o.discover(context.WithoutCancel(ctx))
}

// discover fetches the provider's configuration (OpenID Connect Discovery 1.0
// section 4). The client's time-out bounds it.
func (o *OIDC) discover(ctx context.Context) (KeySet, error) {
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, o.client), o.issuer)
	if err != nil {
		return nil, away(err)
	}
	var config struct {
		JWKS string `json:"jwks_uri"`
	}
	if err := provider.Claims(&config); err != nil {
		return nil, away(err)
	}
	// The key set keeps its context: that of a request would keep all of it.
	keys := oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), o.client), config.JWKS)
	o.found.Store(&discovered{keys: keys, at: o.rules.now()})
	return keys, nil
}

// away makes the error for a provider that does not answer as one should. It
// is no fault of the token, which may be tried again.
func away(cause error) error {
	return &plimsoll.Error{
		Code:       plimsoll.Unavailable,
		Message:    "The OpenID provider that vouches for this token cannot be reached. Try again soon.",
		RetryAfter: fetchInterval,
		Err:        cause,
	}
}
