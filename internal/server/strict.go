package server

import "net/http"

// strict has browsers come by HTTPS alone from now on, for a year since they last
// came (RFC 6797), where the certificate is one that they trust by themselves.
//
// Not so with the local authority. It answers for localhost and the machine's name,
// on whose other ports others serve plain HTTP: the rule is of a host, not of a port.
// And where the authority is made anew, nobody who has seen the rule gets past the
// browser's warning until the new ca.pem is there. What a browser knows by its
// address has no such rule in any case. Behind a proxy it is the proxy's to say.
func strict(h http.Handler, mode Mode) http.Handler {
	if mode != Files && mode != ACME {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		h.ServeHTTP(w, r)
	})
}
