// Package web serves the dashboard: pages that are a client of the public API and
// know no other way in. They are embedded as they are written, without a build step,
// and compressed when the server starts.
package web

import (
	"embed"
	"encoding/json"
	"net/http"
	"strings"
)

// Where the dashboard is, below the server's address.
const (
	// RedirectPath is where a provider sends people back to with their code.
	RedirectPath = "/signed-in.html"
	// SignInStylesheet is what the built-in issuer's own pages look like.
	SignInStylesheet = Root + "sign-in.css"
	// Root is below what everything but the two pages is.
	Root = "/dashboard/"

	configPath = Root + "config.json"
)

//go:embed assets
var assets embed.FS

// Config is what the page is told of the server.
type Config struct {
	Version string // of the server

	// Authority gives the OpenID provider that signs people in, as the page reaches
	// it: its address without /.well-known/openid-configuration.
	Authority func(*http.Request) string
	// Provider is the provider's origin where that is not the server's own, such as
	// https://login.example.com. The page may then talk to it, and to no one else.
	Provider string
	ClientID string
	Scope    string // of the access token, separated by spaces; with openid
}

// settings is what the page reads of Config.
type settings struct {
	Authority string `json:"authority"`
	ClientID  string `json:"clientId"`
	Scope     string `json:"scope"`
	Version   string `json:"version"`
}

// Handler serves the dashboard's paths, and hands all others on to next.
func Handler(c Config, next http.Handler) (http.Handler, error) {
	files, err := load(assets, "assets")
	if err != nil {
		return nil, err
	}
	edition := editionOf(files)
	for _, page := range []string{"/", RedirectPath} {
		if files[page], err = files[page].linking(edition); err != nil {
			return nil, err
		}
	}
	return &site{Config: c, files: files, edition: edition, next: next}, nil
}

type site struct {
	Config

	files   map[string]*file // by path
	edition string           // the folder, below Root, from which the pages load them
	next    http.Handler
}

// ServeHTTP answers for the two pages and everything below [Root].
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if path != "/" && path != RedirectPath && !strings.HasPrefix(path, Root) {
		s.next.ServeHTTP(w, r)
		return
	}
	s.protect(w.Header(), path)
	found, lasting := s.find(path)
	switch {
	case found == nil && path != configPath:
		http.Error(w, "There is nothing here. The dashboard is at /.", http.StatusNotFound)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "This can be read, with GET or HEAD.", http.StatusMethodNotAllowed)
	case path == configPath:
		s.serveConfig(w, r)
	default:
		found.serve(w, r, lasting)
	}
}

// find gives the file at a path, and whether it is the same there for ever: in a
// folder that is named for what is in it. Behind several servers, one of another
// edition may be asked for a file of this: it gives its own, for the moment.
func (s *site) find(path string) (found *file, lasting bool) {
	inside, isAsset := strings.CutPrefix(path, Root+editionPrefix)
	if !isAsset {
		return s.files[path], false
	}
	edition, name, _ := strings.Cut(inside, "/")
	return s.files[Root+name], editionPrefix+edition == s.edition
}

func (s *site) serveConfig(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(settings{
		Authority: s.Authority(r), ClientID: s.ClientID, Scope: s.Scope, Version: s.Version,
	})
}

// protect sets what keeps others out of the page: what it may load, and who may
// frame or open it.
func (s *site) protect(header http.Header, path string) {
	ancestors := "'none'"
	if path == RedirectPath {
		ancestors = "'self'" // a token is renewed in a frame
	}
	reach := "'self'"
	if s.Provider != "" {
		reach += " " + s.Provider
	}
	header.Set("Content-Security-Policy", strings.Join([]string{
		"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'",
		"connect-src " + reach, "frame-src " + reach, "frame-ancestors " + ancestors,
		"base-uri 'none'", "form-action 'self'", "require-trusted-types-for 'script'", "trusted-types plimsoll",
	}, "; "))
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
}
