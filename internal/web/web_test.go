package web_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"plimsoll/internal/web"
)

// site serves the dashboard before an API that answers 418 to everything.
func site(t *testing.T, provider string) http.Handler {
	t.Helper()
	api := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	handler, err := web.Handler(web.Config{
		Version: "1.2.3", ClientID: "page", Scope: "openid api", Provider: provider,
		Authority: func(r *http.Request) string { return "https://" + r.Host + "/tenant/v2.0" },
	}, api)
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

func ask(t *testing.T, handler http.Handler, method, path string, header map[string]string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r)
	return recorder
}

func body(t *testing.T, answer *httptest.ResponseRecorder) string {
	t.Helper()
	content := io.Reader(answer.Body)
	if answer.Header().Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		content = unzipped
	}
	text, err := io.ReadAll(content)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestPaths(t *testing.T) {
	t.Parallel()
	handler := site(t, "")
	for _, c := range []struct {
		method, path string
		status       int
		contentType  string
	}{
		{"GET", "/", 200, "text/html; charset=utf-8"},
		{"HEAD", "/", 200, "text/html; charset=utf-8"},
		{"GET", "/signed-in.html?code=x", 200, "text/html; charset=utf-8"},
		{"GET", "/dashboard/app.js", 200, "text/javascript; charset=utf-8"},
		{"GET", "/dashboard/pages/overview.js", 200, "text/javascript; charset=utf-8"},
		{"GET", web.SignInStylesheet, 200, "text/css; charset=utf-8"},
		{"GET", "/dashboard/icon.svg", 200, "image/svg+xml"},
		{"GET", "/dashboard/config.json", 200, "application/json"},
		{"GET", "/dashboard/", 404, "text/plain; charset=utf-8"},
		{"GET", "/dashboard/missing.js", 404, "text/plain; charset=utf-8"},
		{"GET", "/dashboard/app.js.gz", 404, "text/plain; charset=utf-8"},
		{"POST", "/", 405, "text/plain; charset=utf-8"},
		{"DELETE", "/dashboard/config.json", 405, "text/plain; charset=utf-8"},
		{"GET", "/beta", 418, ""},
		{"GET", "/index.html", 418, ""},
		{"GET", "/dashboard", 418, ""},
		{"POST", "/beta/$batch", 418, ""},
	} {
		answer := ask(t, handler, c.method, c.path, nil)
		if answer.Code != c.status || answer.Header().Get("Content-Type") != c.contentType {
			t.Errorf("%s %s: %d %q, want %d %q", c.method, c.path, answer.Code, answer.Header().Get("Content-Type"), c.status, c.contentType)
		}
		if c.status == 405 && answer.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s %s: Allow is %q", c.method, c.path, answer.Header().Get("Allow"))
		}
		if c.method == "HEAD" && body(t, answer) != "" {
			t.Errorf("HEAD %s has a body", c.path)
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	answer := ask(t, site(t, ""), "GET", "https://fleet.example/dashboard/config.json", nil)
	var got map[string]string
	if err := json.Unmarshal([]byte(body(t, answer)), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"authority": "https://fleet.example/tenant/v2.0", "clientId": "page", "scope": "openid api", "version": "1.2.3"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A browser that asks again is told that it has the latest, in either coding.
func TestRevalidation(t *testing.T) {
	t.Parallel()
	handler := site(t, "")
	plain := ask(t, handler, "GET", "/dashboard/app.js", nil)
	packed := ask(t, handler, "GET", "/dashboard/app.js", map[string]string{"Accept-Encoding": "br, gzip;q=0.5"})
	if body(t, plain) != body(t, packed) || packed.Header().Get("Content-Encoding") != "gzip" || plain.Header().Get("Content-Encoding") != "" {
		t.Error("the codings differ in content, or one is not what was asked for")
	}
	if plain.Header().Get("ETag") == packed.Header().Get("ETag") {
		t.Error("both codings have the same entity tag")
	}
	for _, refused := range []string{"gzip;q=0", "br", "identity"} {
		if ask(t, handler, "GET", "/dashboard/app.js", map[string]string{"Accept-Encoding": refused}).Header().Get("Content-Encoding") != "" {
			t.Errorf("Accept-Encoding %s got gzip", refused)
		}
	}
	for _, answer := range []*httptest.ResponseRecorder{plain, packed} {
		again := ask(t, handler, "GET", "/dashboard/app.js", map[string]string{"If-None-Match": answer.Header().Get("ETag")})
		if again.Code != http.StatusNotModified || body(t, again) != "" {
			t.Errorf("If-None-Match %s: %d", answer.Header().Get("ETag"), again.Code)
		}
	}
	if other := ask(t, handler, "GET", "/dashboard/app.js", map[string]string{"If-None-Match": `"x"`}); other.Code != http.StatusOK {
		t.Errorf("another tag: %d", other.Code)
	}
}

// What the page links to may be kept for ever; what another edition's page links to
// is given, but not kept.
func TestEditions(t *testing.T) {
	t.Parallel()
	handler := site(t, "")
	links := regexp.MustCompile(`(?:href|src)="(/dashboard/[^"]+)"`)
	for _, page := range []string{"/", web.RedirectPath} {
		found := links.FindAllStringSubmatch(body(t, ask(t, handler, "GET", page, nil)), -1)
		if len(found) == 0 {
			t.Fatalf("%s links to nothing", page)
		}
		for _, link := range found {
			answer := ask(t, handler, "GET", link[1], nil)
			if kept := answer.Header().Get("Cache-Control"); answer.Code != http.StatusOK || !strings.Contains(kept, "immutable") {
				t.Errorf("%s: %d, Cache-Control %q", link[1], answer.Code, kept)
			}
			name := link[1][strings.LastIndex(link[1], "/"):]
			if strings.Count(link[1], "/") != 3 {
				continue // not at the top
			}
			other := ask(t, handler, "GET", "/dashboard/v-other"+name, nil)
			if other.Header().Get("Cache-Control") != "no-cache" || body(t, other) != body(t, ask(t, handler, "GET", "/dashboard"+name, nil)) {
				t.Errorf("another edition's %s: Cache-Control %q", name, other.Header().Get("Cache-Control"))
			}
		}
	}
	if ask(t, handler, "GET", "/dashboard/v-other/missing.js", nil).Code != http.StatusNotFound {
		t.Error("what no edition has is there")
	}
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ path, provider, has string }{
		{"/", "", "frame-ancestors 'none'"},
		{"/", "", "connect-src 'self';"},
		{"/", "https://login.example", "connect-src 'self' https://login.example;"},
		{"/", "https://login.example", "frame-src 'self' https://login.example;"},
		{web.RedirectPath, "", "frame-ancestors 'self'"},
		{"/dashboard/missing.js", "", "default-src 'none'"},
	} {
		header := ask(t, site(t, c.provider), "GET", c.path, nil).Header()
		policy := header.Get("Content-Security-Policy")
		if !strings.Contains(policy+";", c.has) {
			t.Errorf("%s: the policy %q lacks %q", c.path, policy, c.has)
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
			t.Errorf("%s: the policy %q is lax", c.path, policy)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
		} {
			if header.Get(name) != want {
				t.Errorf("%s: %s is %q, want %q", c.path, name, header.Get(name), want)
			}
		}
	}
}
