package issuer_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"plimsoll"
	"plimsoll/internal/auth"
	"plimsoll/internal/issuer"
)

// fleet is an installation with its provider on a loopback port, and a clock
// that stands until it is moved.
type fleet struct {
	*httptest.Server
	store   *interimStore
	clients *issuer.Clients
	keys    *issuer.Keys
	server  *issuer.Server
	tenant  string
	first   *issuer.Credentials

	mu  sync.Mutex
	at  time.Time
	log bytes.Buffer
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	return newFleetOf(t, nil)
}

func newFleetOf(t *testing.T, devices issuer.DeviceKeys) *fleet {
	t.Helper()
	f := &fleet{at: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)}
	f.store = &interimStore{now: f.now}
	f.clients, f.keys = f.newClients(), f.newKeys()
	var err error
	if f.tenant, f.first, err = f.clients.Install(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	f.server = issuer.NewServer(issuer.Config{
		TenantID: f.tenant, Clients: f.clients, Keys: f.keys, Now: f.now, Rand: rand.Reader, Log: f.logger(),
		Devices: devices,
		BaseURL: func(r *http.Request) string { return "https://" + r.Host },
	})
	f.Server = httptest.NewTLSServer(f.server.Handler(http.NotFoundHandler()))
	t.Cleanup(f.Close)
	return f
}

func (f *fleet) newClients() *issuer.Clients {
	c := issuer.NewClients(f.store, f.now, rand.Reader)
	c.UseCheapHashes()
	return c
}

func (f *fleet) newKeys() *issuer.Keys {
	return issuer.NewKeys(f.store, f.now, rand.Reader, f.logger())
}

func (f *fleet) now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.at
}

func (f *fleet) advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = f.at.Add(d)
}

// Write collects the log.
func (f *fleet) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.log.Write(p)
}

func (f *fleet) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(f, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (f *fleet) builtin(keys auth.KeySet) *auth.Builtin {
	return auth.NewBuiltin(keys, f.tenant, issuer.Audience, f.now)
}

func (f *fleet) tokenURL() string { return f.URL + "/" + f.tenant + "/oauth2/v2.0/token" }

// grant is the form of a good token request.
func (f *fleet) grant() url.Values {
	return url.Values{
		"grant_type": {"client_credentials"}, "client_id": {f.first.ClientID}, "client_secret": {f.first.Secret},
		"scope": {"https://graph.microsoft.com/.default openid offline_access profile"},
	}
}

// answer is any answer of the token endpoint.
type answer struct {
	status int
	header http.Header
	body   string

	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"`
	ExtExpiresIn int    `json:"ext_expires_in"`
	AccessToken  string `json:"access_token"`
	Error        string `json:"error"`
	Description  string `json:"error_description"`
}

func (f *fleet) do(t *testing.T, r *http.Request) answer {
	t.Helper()
	resp, err := f.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: resp.StatusCode, header: resp.Header, body: string(body)}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &a); err != nil {
			t.Fatalf("%d %q: %v", resp.StatusCode, body, err)
		}
	}
	return a
}

// ask sends a token request, after the changes.
func (f *fleet) ask(t *testing.T, form url.Values, changes ...func(*http.Request)) answer {
	t.Helper()
	r := newRequest(t, http.MethodPost, f.tokenURL(), strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, change := range changes {
		change(r)
	}
	return f.do(t, r)
}

func newRequest(t *testing.T, method, url string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (f *fleet) token(t *testing.T) string {
	t.Helper()
	a := f.ask(t, f.grant())
	if a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	return a.AccessToken
}

func wantCode(t *testing.T, err error, code plimsoll.Code) {
	t.Helper()
	if got := plimsoll.ErrorCode(err); got != code {
		t.Fatalf("code %q, want %q: %v", got, code, err)
	}
}
