package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// command runs "plimsoll" with --json, and reads what it prints into out.
func command(t *testing.T, out any, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "plimsoll", append(args, "--json")...)
	var problem bytes.Buffer
	cmd.Stderr = &problem
	text, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(text, out)
	}
	if err != nil {
		t.Fatalf("plimsoll %q: %v: %s%s", args, err, text, &problem)
	}
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, store string) {
		t.Helper()
		s := signedIn(t, store)
		path := scripts + "/" + s.addScript(t) + "/runSummary"
		s.must(t, http.StatusCreated, "POST", path, summaryBody(1))
		for permission, writes := range map[string]bool{
			"DeviceManagementConfiguration.Read.All": false, "DeviceManagementConfiguration.ReadWrite.All": true,
			"DeviceManagementManagedDevices.Read.All": false, "DeviceManagementManagedDevices.ReadWrite.All": true,
			"DeviceManagementScripts.Read.All": false, "DeviceManagementScripts.ReadWrite.All": true,
		} {
			var c credentials
			command(t, &c, "client", "create", "--store", store, "--name", permission, "--permission", permission)
			s.token = s.signIn(t, &c)
			s.must(t, http.StatusOK, "GET", path, "")
			if writes {
				s.must(t, http.StatusCreated, "POST", path, summaryBody(2))
				continue
			}
			for _, method := range []string{"POST", "PATCH", "DELETE"} {
				r := s.must(t, http.StatusForbidden, method, path, summaryBody(3))
				if !strings.Contains(r.text, `"code":"Forbidden"`) || !strings.Contains(r.text, "DeviceManagementScripts.ReadWrite.All") {
					t.Error(r.text)
				}
			}
		}
		var c credentials
		command(t, &c, "client", "create", "--store", store, "--name", "groups", "--permission", "Group.ReadWrite.All")
		s.token = s.signIn(t, &c)
		s.must(t, http.StatusForbidden, "GET", path, "")
	})
}

// TestClientLife rotates and deletes a client while the server runs.
func TestClientLife(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, store string) {
		t.Helper()
		s := signedIn(t, store)
		status := func(c credentials) int { return s.signInStatus(t, c.ClientID, c.ClientSecret) }
		var old, young, last credentials
		command(t, &old, "client", "create", "--store", store, "--name", "ci", "--permission", "Group.Read.All")
		command(t, &young, "client", "rotate", "--store", store, old.ClientID, "--overlap", "1h")
		if status(old) != 200 || status(young) != 200 {
			t.Errorf("with an overlap: the old %d, the new %d", status(old), status(young))
		}
		command(t, &last, "client", "rotate", "--store", store, old.ClientID)
		if status(old) != 401 || status(young) != 401 || status(last) != 200 {
			t.Errorf("without: %d, %d, %d", status(old), status(young), status(last))
		}
		command(t, &map[string]string{}, "client", "delete", "--store", store, old.ClientID)
		if status(last) != 401 {
			t.Errorf("deleted: %d", status(last))
		}
	})
}

// TestLocalAuthority serves over TLS with a certificate of the server's own
// authority, and gets a token as the administrator would.
func TestLocalAuthority(t *testing.T) {
	t.Parallel()
	store := "sqlite:" + t.TempDir() + "/plimsoll.db"
	s := startServer(t, store, "--tls", "local")
	pem, err := os.ReadFile(s.CAFile)
	if err != nil || !strings.HasPrefix(s.URL, "https://127.0.0.1:") {
		t.Fatal(s.URL, err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	s.client.Transport = &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true,
	}
	cmd := exec.CommandContext(t.Context(), "plimsoll", "token", "--server", s.URL, "--ca", s.CAFile, "--client-id", s.FirstClient.ClientID)
	cmd.Env = append(os.Environ(), "PLIMSOLL_CLIENT_SECRET="+s.FirstClient.ClientSecret)
	token, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	s.token = strings.TrimSpace(string(token))
	r := s.must(t, http.StatusCreated, "POST", scripts+"/"+s.addScript(t)+"/runSummary", summaryBody(1))
	if r.ProtoMajor != 2 || !strings.HasPrefix(r.Header.Get("Location"), s.URL) {
		t.Error(r.Proto, r.Header)
	}
	var discovery map[string]any
	document := s.must(t, http.StatusOK, "GET", s.URL+"/"+s.TenantID+"/v2.0/.well-known/openid-configuration", "")
	if err := json.Unmarshal([]byte(document.text), &discovery); err != nil || discovery["issuer"] != s.URL+"/"+s.TenantID+"/v2.0" {
		t.Error(document.text, err)
	}
}

// provider is an OpenID provider that is not ours.
type provider struct {
	*httptest.Server

	signer jose.Signer
}

func startProvider(t *testing.T) *provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{}
	mux := http.NewServeMux()
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{
			"issuer": p.URL, "jwks_uri": p.URL + "/keys", "authorization_endpoint": p.URL, "token_endpoint": p.URL,
			"id_token_signing_alg_values_supported": []string{"ES256"},
		})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "1", Algorithm: "ES256", Use: "sig"}}})
	})
	p.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "1"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// token signs the claims, beside those that every good token has.
func (p *provider) token(t *testing.T, claims map[string]any) string {
	t.Helper()
	all := map[string]any{
		"iss": p.URL, "aud": "api://fleet", "sub": "someone", "azp": "their-client",
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
	maps.Copy(all, claims)
	token, err := jwt.Signed(p.signer).Claims(all).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestSecondIssuer(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	s := signedIn(t, "sqlite:"+t.TempDir()+"/plimsoll.db", "--oidc-issuer", p.URL, "--oidc-audience", "api://fleet")
	script, own := s.addScript(t), s.token
	path := scripts + "/" + script + "/runSummary" // with a token of the built-in issuer, which holds still
	const readWrite = "DeviceManagementConfiguration.ReadWrite.All"
	cases := map[string]struct {
		claims map[string]any
		status int
	}{
		"application":      {map[string]any{"roles": []string{"Other", readWrite}}, 201},
		"delegated":        {map[string]any{"scp": "openid " + readWrite}, 201},
		"read only":        {map[string]any{"scp": "DeviceManagementScripts.Read.All"}, 403},
		"no permission":    {nil, 403},
		"a user's scope":   {map[string]any{"scope": "openid " + readWrite, "preferred_username": "ada", "typ": "Bearer"}, 201},
		"ID token":         {map[string]any{"roles": []string{readWrite}, "nonce": "n"}, 401},
		"ID token by hash": {map[string]any{"roles": []string{readWrite}, "at_hash": "h"}, 401},
		"Keycloak's ID":    {map[string]any{"roles": []string{readWrite}, "typ": "ID"}, 401},
		"refresh token":    {map[string]any{"roles": []string{readWrite}, "typ": "Refresh"}, 401},
		"logout token":     {map[string]any{"roles": []string{readWrite}, "events": map[string]any{"x": 1}}, 401},
		"personal account": {map[string]any{"scp": readWrite, "tid": "9188040d-6c67-4c5b-b112-36a304b66dad"}, 403},
		"expired":          {map[string]any{"roles": []string{readWrite}, "exp": time.Now().Add(-time.Hour).Unix()}, 401},
		"not yet valid":    {map[string]any{"roles": []string{readWrite}, "nbf": time.Now().Add(time.Hour).Unix()}, 401},
		"another audience": {map[string]any{"roles": []string{readWrite}, "aud": "api://other"}, 401},
		"another issuer":   {map[string]any{"roles": []string{readWrite}, "iss": "https://elsewhere.example"}, 401},
		"our issuer's name": {map[string]any{
			"roles": []string{readWrite}, "iss": s.URL + "/" + s.TenantID + "/v2.0", "aud": "api://plimsoll", "tid": s.TenantID,
		}, 401},
	}
	for name, c := range cases {
		s.token = p.token(t, c.claims)
		r, err := s.send(t.Context(), "POST", path, summaryBody(1))
		if err != nil || r.StatusCode != c.status {
			t.Errorf("%s: %v %s, want %d", name, err, r.text, c.status)
		}
	}
	s.token = own
	users := 0
	for _, entry := range s.history(t, script, "") {
		if entry["recordedBy"] == "someone" {
			users++
		}
	}
	if users != 2 { // delegated, and a user's scope
		t.Errorf("%d entries are recorded by the user", users)
	}
	good := p.token(t, map[string]any{"roles": []string{readWrite}})
	s.token = good[:len(good)-4] + "AAAA"
	s.must(t, http.StatusUnauthorized, "POST", path, summaryBody(1))
	parts := strings.Split(good, ".")
	s.token = base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + parts[1] + "."
	s.must(t, http.StatusUnauthorized, "POST", path, summaryBody(1))
}

// TestLogsHoldNoSecret logs everything there is to log, and finds nothing in it
// that should not be there.
func TestLogsHoldNoSecret(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"text", "json"} {
		s := signedIn(t, "sqlite:"+t.TempDir()+"/plimsoll.db", "--log-level", "debug", "--log-format", format)
		content := base64.StdEncoding.EncodeToString([]byte("echo confidential-output"))
		s.must(t, http.StatusCreated, "POST", scripts, `{"displayName":"x","detectionScriptContent":"`+content+`"}`)
		s.must(t, http.StatusNotFound, "GET", "/x", "", "client-request-id", "line\tbreak")
		_ = s.signInStatus(t, s.FirstClient.ClientID, "wrong-secret")
		s.stop(t)
		log := s.log.String()
		if !strings.Contains(log, "/beta/deviceManagement/deviceComplianceScripts") {
			t.Errorf("the log lacks the requests: %s", log)
		}
		for _, secret := range []string{s.token, s.FirstClient.ClientSecret, "wrong-secret", content, "confidential-output"} {
			if strings.Contains(log, secret) {
				t.Errorf("the log holds %q:\n%s", secret, log)
			}
		}
	}
}

func (s *testServer) signInStatus(t *testing.T, id, secret string) int {
	t.Helper()
	r, err := s.client.PostForm(s.URL+"/common/oauth2/v2.0/token", map[string][]string{
		"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	return r.StatusCode
}

// TestSecondStart keeps a store's client to itself, and its data.
func TestSecondStart(t *testing.T) {
	t.Parallel()
	store := "sqlite:" + t.TempDir() + "/plimsoll.db"
	first := signedIn(t, store)
	id := first.addScript(t)
	first.stop(t)
	second := startServer(t, store)
	if second.FirstClient != nil || second.FirstUser != nil || second.TenantID != first.TenantID {
		t.Errorf("%+v", second.announcement)
	}
	second.token = first.token // signed by a key that rests in the store
	second.must(t, http.StatusOK, "GET", scripts+"/"+id, "")
}
