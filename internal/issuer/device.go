package issuer

import (
	"crypto/ed25519"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"plimsoll"
)

// stranger is a public key of which the private key was thrown away. What an
// unknown device sends is verified with it, so that the time of an answer does
// not tell which devices exist.
const stranger = "\x86\xc1\xb2\x38\x5f\xaf\x49\x19\x1d\x74\xe4\xd4\x8a\xb4\x8c\xbb" +
	"\x70\x22\x37\x77\xed\x24\x58\xe4\x1f\x2f\x81\x91\x94\x4a\x0f\x39"

// asserts says whether the request proves its client by an assertion.
func asserts(form url.Values) bool {
	return form.Has("client_assertion") || form.Has("client_assertion_type")
}

// assertionOf gives the assertion of a request that has no other proof of its
// client beside it (RFC 6749 section 2.3, RFC 7521 section 4.2).
func assertionOf(r *http.Request, form url.Values) (string, error) {
	kind, raw := form.Get("client_assertion_type"), form.Get("client_assertion")
	switch {
	case form.Has("client_secret") || r.Header.Get("Authorization") != "":
		return "", invalidRequest("Send a client_assertion or a client_secret, not both.")
	case kind == "" || raw == "":
		return "", invalidRequest("client_assertion and client_assertion_type go together.")
	case kind != oidc.ClientAssertionTypeJWTAssertion:
		return "", invalidClient("The client_assertion_type served here is " + oidc.ClientAssertionTypeJWTAssertion + ".")
	}
	return raw, nil
}

// authenticateDevice gives the id of the device that signed the assertion
// (RFC 7523 section 3). What it checks first needs no key, and is the same
// whatever devices there are.
func (s *Server) authenticateDevice(r *http.Request, form url.Values) (string, error) {
	raw, err := assertionOf(r, form)
	if err != nil {
		return "", err
	}
	a, err := parseAssertion(raw)
	if err != nil {
		return "", err
	}
	if id := form.Get("client_id"); id != "" && !strings.EqualFold(id, a.device) {
		return "", invalidRequest("The client_id is not the sub of the client_assertion.")
	}
	if err := a.checkTimes(s.Now()); err != nil {
		return "", err
	}
	if !slices.ContainsFunc(a.claims.Audience, func(aud string) bool { return s.addressed(r, aud) }) {
		return "", invalidClient("The aud of the client_assertion must be the URL of this token endpoint, by the host that the request was sent to, or of its issuer.")
	}
	if err := s.verifyDevice(r, a); err != nil {
		return "", err
	}
	if !s.used.add(a, s.Now()) {
		s.Log.WarnContext(r.Context(), "device refused", "device_id", a.device, "from", r.RemoteAddr, "reason", "jti used before")
		return "", invalidClient("The client_assertion was used before. Make a new one for each request.")
	}
	return a.device, nil
}

// verifyDevice checks the signature. An unknown device and a wrong key are the
// same refusal.
func (s *Server) verifyDevice(r *http.Request, a assertion) error {
	key, err := s.Devices.DeviceKey(r.Context(), a.device)
	unknown := plimsoll.ErrorCode(err) == plimsoll.NotFound
	switch {
	case unknown:
		key = ed25519.PublicKey(stranger)
	case err != nil:
		return err
	case len(key) != ed25519.PublicKeySize: // on which ed25519 panics
		return plimsoll.Errorf(plimsoll.Damaged, "The public key of device %s has %d bytes.", a.device, len(key))
	}
	if err := a.token.Claims(key); err != nil || unknown {
		reason := "wrong signature"
		if unknown {
			reason = "unknown device"
		}
		s.Log.WarnContext(r.Context(), "device refused", "device_id", a.device, "from", r.RemoteAddr, "reason", reason)
		return invalidClient("The device is unknown, or the client_assertion is not signed with its key.")
	}
	return nil
}

// addressed says whether aud is this token endpoint or its issuer, by the
// host that this client used and by any name of the tenant.
func (s *Server) addressed(r *http.Request, aud string) bool {
	base, err := url.Parse(s.BaseURL(r))
	if err != nil {
		return false
	}
	u, err := url.Parse(aud)
	if err != nil || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || !sameOrigin(u, base) {
		return false
	}
	path, below := strings.CutPrefix(u.EscapedPath(), strings.TrimSuffix(base.EscapedPath(), "/")+"/")
	tenant, endpoint, _ := strings.Cut(path, "/")
	return below && s.isTenant(tenant) && (endpoint == "oauth2/v2.0/token" || endpoint == "v2.0")
}

// sameOrigin compares scheme, host and port (RFC 6454 section 5).
func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && a.Host != "" && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return map[string]string{"http": "80", "https": "443"}[u.Scheme]
}
