package issuer

import (
	"encoding/json"
	"net/http"
	"net/url"

	"plimsoll"
)

// logout serves the end_session_endpoint (OpenID Connect RP-Initiated Logout 1.0).
// A session ends where its own id_token is sent along, or the person confirms.
func (s *Server) logout(w http.ResponseWriter, r *http.Request) error {
	form, err := authorizeForm(w, r)
	if err != nil {
		return err
	}
	session, user, err := s.session(r)
	switch {
	case plimsoll.ErrorCode(err) == plimsoll.NotFound:
		s.dropCookie(w, r)
		return s.signedOut(w, r, form)
	case err != nil:
		return err
	case r.Method != http.MethodPost && !s.isIDTokenOf(r, form.Get("id_token_hint"), user.ID):
		p := &page{Title: titleSignOut, Name: user.Name, Action: "/" + s.TenantID + "/" + logoutEndpoint}
		for _, name := range []string{"post_logout_redirect_uri", "state"} {
			if value := form.Get(name); value != "" {
				p.Fields = append(p.Fields, field{name, value})
			}
		}
		return s.show(w, http.StatusOK, "sign-out.html", p)
	}
	if err := s.Users.store.EndSession(r.Context(), session.Hash, s.Users.event(user.ID, "user.signOut", user.ID)); err != nil {
		return err
	}
	s.Log.InfoContext(r.Context(), "signed out", "user_id", user.ID, "from", r.RemoteAddr)
	s.dropCookie(w, r)
	return s.signedOut(w, r, form)
}

// isIDTokenOf says whether this issuer gave the dashboard the ID token for the
// user. That it has expired does not matter.
func (s *Server) isIDTokenOf(r *http.Request, token, userID string) bool {
	if token == "" {
		return false
	}
	payload, err := s.Keys.VerifySignature(r.Context(), token)
	var claims idToken
	return err == nil && json.Unmarshal(payload, &claims) == nil && claims.Audience == DashboardClientID && claims.Subject == userID
}

// signedOut sends the browser to where the client wants it, if it may, and tells
// otherwise.
func (s *Server) signedOut(w http.ResponseWriter, r *http.Request, form url.Values) error {
	if s.isBelow(r, form.Get("post_logout_redirect_uri"), s.PostLogout) {
		to := s.PostLogout
		if state := form.Get("state"); state != "" {
			to += "?" + url.Values{"state": {state}}.Encode()
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
		return nil
	}
	return s.show(w, http.StatusOK, "message.html", &page{Title: "You are signed out"})
}
