package server

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestForwarded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                       string
		trusted                    bool
		headers                    map[string]string
		remote, host, scheme, kept string
	}{
		{"nothing forwarded", true, nil, "192.0.2.1:1234", "inner:8080", "http", ""},
		{
			"trusted", true,
			map[string]string{"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Host": "mdm.example.com", "X-Forwarded-Proto": "https"},
			"203.0.113.9:0", "mdm.example.com", "https", "203.0.113.9",
		},
		{
			"not trusted", false,
			map[string]string{"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Forwarded": "host=evil.example"},
			"192.0.2.1:1234", "inner:8080", "http", "",
		},
		{
			"the proxy's own entry is the last", true,
			map[string]string{"X-Forwarded-For": "127.0.0.1, 203.0.113.9", "X-Forwarded-Host": "evil.example, mdm.example.com:8443", "X-Forwarded-Proto": "http,HTTPS"},
			"203.0.113.9:0", "mdm.example.com:8443", "https", "127.0.0.1, 203.0.113.9",
		},
		{
			"an address of the other family", true,
			map[string]string{"X-Forwarded-For": "2001:db8::9"},
			"[2001:db8::9]:0", "inner:8080", "http", "2001:db8::9",
		},
		{
			"nonsense", true,
			map[string]string{"X-Forwarded-For": "unknown", "X-Forwarded-Host": "evil.example/path?", "X-Forwarded-Proto": "javascript"},
			"192.0.2.1:1234", "inner:8080", "http", "unknown",
		},
		{"a user in the host", true, map[string]string{"X-Forwarded-Host": "mdm.example.com@evil.example"}, "192.0.2.1:1234", "inner:8080", "http", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodGet, "http://inner:8080/beta?$top=1", nil)
			for name, value := range c.headers {
				r.Header.Set(name, value)
			}
			sent := maps.Clone(r.Header)
			forwarded(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if r.RemoteAddr != c.remote || r.Host != c.host || r.URL.Scheme != c.scheme || r.URL.Host != c.host {
					t.Errorf("seen from %s as %s://%s (%s)", r.RemoteAddr, r.URL.Scheme, r.Host, r.URL.Host)
				}
				if got := r.Header.Get("X-Forwarded-For"); got != c.kept || r.Header.Get("Forwarded") != "" {
					t.Errorf("X-Forwarded-For is %q, want %q; Forwarded is %q", got, c.kept, r.Header.Get("Forwarded"))
				}
				if r.URL.RequestURI() != "/beta?$top=1" {
					t.Errorf("RequestURI = %q", r.URL.RequestURI())
				}
			}), c.trusted).ServeHTTP(httptest.NewRecorder(), r)
			if len(r.Header) != len(sent) || r.Host != "inner:8080" {
				t.Error("the original request was changed")
			}
		})
	}
}

func TestSchemeUnderTLS(t *testing.T) {
	t.Parallel()
	s := start(t, localConfig(t.TempDir()), newClock().now, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.URL.Scheme + "://" + r.Host))
	}))
	if body := get(t, client(t, s.CAFile()), s.URL()); body != s.URL() {
		t.Errorf("the handler sees %q, the client called %q", body, s.URL())
	}
}
