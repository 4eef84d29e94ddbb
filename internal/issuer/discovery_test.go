package issuer_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

func TestDiscovery(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	for _, tenant := range []string{f.tenant, "common", "Organizations"} {
		a := f.do(t, newRequest(t, http.MethodGet, f.URL+"/"+tenant+"/v2.0/.well-known/openid-configuration", nil))
		var d oidc.DiscoveryConfiguration
		if err := json.Unmarshal([]byte(a.body), &d); err != nil {
			t.Fatal(err)
		}
		base := f.URL + "/" + f.tenant
		if d.Issuer != base+"/v2.0" || d.TokenEndpoint != base+"/oauth2/v2.0/token" ||
			d.JwksURI != base+"/discovery/v2.0/keys" || d.AuthorizationEndpoint != base+"/oauth2/v2.0/authorize" {
			t.Errorf("%s: %s", tenant, a.body)
		}
	}
}

// The issuer is where the client found it, whatever the server is called.
func TestIssuerGoesByTheNameUsed(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	named := func(r *http.Request) { r.Host = "plimsoll.example.com:8443" }
	a := f.ask(t, f.grant(), named)
	want := "https://plimsoll.example.com:8443/" + f.tenant + "/v2.0"
	if iss := decode(t, strings.Split(a.AccessToken, ".")[1])["iss"]; iss != want {
		t.Errorf("iss %v, want %s", iss, want)
	}
	if _, err := f.builtin(f.keys).Verify(t.Context(), a.AccessToken); err != nil {
		t.Error(err)
	}
}

func TestJWKS(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	a := f.do(t, newRequest(t, http.MethodGet, f.URL+"/common/discovery/v2.0/keys", nil))
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal([]byte(a.body), &set); err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 1 || set.Keys[0]["kty"] != "EC" || set.Keys[0]["use"] != "sig" || set.Keys[0]["kid"] == "" {
		t.Errorf("%s", a.body)
	}
	if set.Keys[0]["d"] != "" {
		t.Error("the private key is published")
	}
}

func TestReadEndpointsRefuse(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	for _, path := range []string{"/v2.0/.well-known/openid-configuration", "/discovery/v2.0/keys"} {
		a := f.do(t, newRequest(t, http.MethodPost, f.URL+"/common"+path, nil))
		if a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d %v", path, a.status, a.header)
		}
		a = f.do(t, newRequest(t, http.MethodGet, f.URL+"/nobody"+path, nil))
		if a.status != http.StatusBadRequest || a.Error != "invalid_request" {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
		if a = f.do(t, newRequest(t, http.MethodHead, f.URL+"/common"+path, nil)); a.status != http.StatusOK {
			t.Errorf("HEAD %s: %d", path, a.status)
		}
	}
}

func TestOtherPathsAreNotTheIssuers(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	for _, path := range []string{"/", "/beta/deviceManagement", "/common", "/common/oauth2/v2.0/token/x"} {
		resp, err := f.Client().Do(newRequest(t, http.MethodGet, f.URL+path, nil))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusNotFound || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
			t.Errorf("%s: %d %v", path, resp.StatusCode, resp.Header)
		}
	}
}
