package server

import (
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// forwarded gives h requests whose RemoteAddr, Host and URL.Scheme are the
// client's. Behind a proxy they come from what it forwarded; otherwise what a client
// forwards about itself is a claim, and is taken out, so that no handler can believe it.
func forwarded(h http.Handler, trusted bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen, address := *r, *r.URL // net/http keeps the originals
		seen.URL = &address
		seen.URL.Scheme = "http"
		if r.TLS != nil {
			seen.URL.Scheme = "https"
		}
		if trusted {
			seen.Header = maps.Clone(r.Header)
			believe(&seen)
		} else {
			seen.Header = withoutForwarded(r.Header)
		}
		seen.URL.Host = seen.Host
		h.ServeHTTP(w, &seen)
	})
}

// believe takes over the last entry of each header: the one that the trusted proxy
// added itself, where those before may have come from the client.
func believe(r *http.Request) {
	if ip, err := netip.ParseAddr(last(r.Header, "X-Forwarded-For")); err == nil {
		r.RemoteAddr = net.JoinHostPort(ip.Unmap().String(), "0")
	}
	if proto := strings.ToLower(last(r.Header, "X-Forwarded-Proto")); proto == "http" || proto == "https" {
		r.URL.Scheme = proto
	}
	if host := last(r.Header, "X-Forwarded-Host"); isHostPort(host) {
		r.Host = host
	}
	// A proxy that speaks X-Forwarded passes this one through as the client sent it.
	r.Header.Del("Forwarded")
}

// withoutForwarded gives the headers as they are where none is forwarded, as is
// usual, and otherwise a copy without those.
func withoutForwarded(h http.Header) http.Header {
	for name := range h {
		if isForwarded(name) {
			rest := maps.Clone(h)
			maps.DeleteFunc(rest, func(name string, _ []string) bool { return isForwarded(name) })
			return rest
		}
	}
	return h
}

func isForwarded(name string) bool {
	return name == "Forwarded" || strings.HasPrefix(name, "X-Forwarded-") || name == "X-Real-Ip"
}

func last(h http.Header, name string) string {
	values := strings.Split(strings.Join(h.Values(name), ","), ",")
	return strings.TrimSpace(values[len(values)-1])
}

// isHostPort reports whether host can stand in a URL and means the same there.
func isHostPort(host string) bool {
	u, err := url.Parse("//" + host)
	return err == nil && u.Hostname() != "" && u.Host == host && u.User == nil
}
