package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	providerAudience = "api://fleet"
	providerClient   = "fleet-dashboard"
)

// signInProvider is an OpenID provider of another site, at which Ada signs in with
// one click (OpenID Connect Core; RFC 7636; RFC 6749, section 4.1).
type signInProvider struct {
	URL string // by a name, so that it is another site than the server

	t         *testing.T
	signer    jose.Signer
	dashboard atomic.Pointer[string] // the origin that may ask
	scopes    atomic.Value           // what Ada may do: a string
	user      atomic.Value           // her name as a user: a string
	life      atomic.Int64           // of tokens, in seconds
	signedIn  atomic.Bool
	exchanged atomic.Int64 // codes for tokens
	spoilt    atomic.Value // claims of ID tokens that are other than they must be: a map[string]any
	ailing    atomic.Value // the error that it answers where it may show no page: a string; "silence" for no answer

	mu    sync.Mutex
	codes map[string]url.Values // requests that were granted
	asked []time.Time           // when it was asked and could show no page
}

func startSignInProvider(t *testing.T, scopes string) *signInProvider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &signInProvider{t: t, codes: map[string]url.Values{}}
	p.scopes.Store(scopes)
	p.user.Store("ada")
	p.life.Store(900)
	p.spoilt.Store(map[string]any{})
	p.ailing.Store("")
	if p.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "1"}}, nil); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	p.URL = strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	mux.HandleFunc("GET /.well-known/openid-configuration", p.forDashboard(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{
			"issuer": p.URL, "jwks_uri": p.URL + "/keys", "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
			"end_session_endpoint": p.URL + "/logout", "id_token_signing_alg_values_supported": []string{"ES256"},
			"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"}, "code_challenge_methods_supported": []string{"S256"},
		})
	}))
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "1", Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.forDashboard(p.token))
	mux.HandleFunc("GET /logout", func(w http.ResponseWriter, r *http.Request) {
		p.signedIn.Store(false)
		w.Header().Set("Content-Type", "text/html")
		if r.FormValue("id_token_hint") == "" || r.FormValue("client_id") != providerClient {
			http.Error(w, "who?", http.StatusBadRequest)
			return
		}
		fmt.Fprint(w, "<!DOCTYPE html><title>Provider</title><p>Signed out at the provider</p>")
	})
	return p
}

// startBesideProvider starts a provider, and a server whose page signs people in there
// and whose API the test may use.
func startBesideProvider(t *testing.T, scopes string) (*signInProvider, *testServer) {
	t.Helper()
	p := startSignInProvider(t, scopes)
	s := startServer(t, sqliteAddress(t), p.flags()...)
	p.dashboard.Store(&s.URL)
	s.token = s.signIn(t, s.FirstClient)
	return p, s
}

// flags make a server sign people in here.
func (p *signInProvider) flags() []string {
	return []string{"--oidc-issuer", p.URL, "--oidc-audience", providerAudience, "--oidc-client-id", providerClient, "--oidc-scope", "openid profile fleet"}
}

// asks gives when it was asked since the last time, without a page to show.
func (p *signInProvider) asks() []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	asked := p.asked
	p.asked = nil
	return asked
}

// forDashboard lets the dashboard's origin read an answer, and no other (CORS).
func (p *signInProvider) forDashboard(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if origin := p.dashboard.Load(); origin != nil {
			w.Header().Set("Access-Control-Allow-Origin", *origin)
		}
		w.Header().Set("Content-Type", "application/json")
		next(w, r)
	}
}

// authorize asks Ada with a page, or sends her back at once where she is signed in.
func (p *signInProvider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("client_id") != providerClient || q.Get("redirect_uri") != *p.dashboard.Load()+"/signed-in.html" {
		http.Error(w, "not a client of mine", http.StatusBadRequest)
		return
	}
	ailing := ""
	if q.Get("prompt") == "none" {
		ailing = p.ailing.Load().(string)
		p.mu.Lock()
		p.asked = append(p.asked, time.Now())
		p.mu.Unlock()
	}
	if ailing == "silence" {
		w.WriteHeader(http.StatusNoContent) // with which a frame stays as it is
		return
	}
	answer := url.Values{"state": {q.Get("state")}}
	if ailing != "" {
		answer.Set("error", ailing)
	} else if q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("nonce") == "" || !strings.Contains(q.Get("scope"), "openid") {
		answer.Set("error", "invalid_request")
	} else if r.Method == http.MethodPost || p.signedIn.Load() {
		p.signedIn.Store(true)
		code := rand.Text()
		p.mu.Lock()
		p.codes[code] = q
		p.mu.Unlock()
		answer.Set("code", code)
	} else if q.Get("prompt") == "none" {
		answer.Set("error", "login_required")
	} else {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!DOCTYPE html><title>Provider</title><form method="post" action="%s"><button>Continue as Ada</button></form>`, html.EscapeString(r.URL.String()))
		return
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+answer.Encode(), http.StatusSeeOther)
}

// token gives tokens for a code, once, to who made its challenge.
func (p *signInProvider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	request := p.codes[r.FormValue("code")]
	delete(p.codes, r.FormValue("code"))
	p.mu.Unlock()
	challenge := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if request == nil || r.FormValue("grant_type") != "authorization_code" || r.FormValue("redirect_uri") != request.Get("redirect_uri") ||
		r.FormValue("client_id") != providerClient || request.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(challenge[:]) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":"invalid_grant"}`)
		return
	}
	p.exchanged.Add(1)
	about := map[string]any{"aud": providerClient, "nonce": request.Get("nonce"), "name": "Ada"}
	maps.Copy(about, p.spoilt.Load().(map[string]any))
	_ = json.NewEncoder(w).Encode(map[string]any{
		"token_type": "Bearer", "expires_in": p.life.Load(),
		"access_token": p.sign(map[string]any{"aud": providerAudience, "scp": "openid " + p.scopes.Load().(string), "preferred_username": p.user.Load()}),
		"id_token":     p.sign(about),
	})
}

func (p *signInProvider) sign(claims map[string]any) string {
	all := map[string]any{
		"iss": p.URL, "sub": "ada", "azp": providerClient, "iat": time.Now().Unix(),
		"exp": time.Now().Add(time.Duration(p.life.Load()) * time.Second).Unix(),
	}
	maps.Copy(all, claims)
	token, err := jwt.Signed(p.signer).Claims(all).Serialize()
	if err != nil {
		p.t.Error(err)
	}
	return token
}
