package issuer

import (
	"encoding/json"
	"net/http"
	"net/url"

	"plimsoll"
)

// confirmedField is what the form has that asks whether to sign out.
const confirmedField = "confirmed"

// logout serves the end_session_endpoint (OpenID Connect RP-Initiated Logout 1.0).
// A session ends where its user's own id_token is sent along, by whichever method, or
// the person confirms (section 2); pageEndpoint refuses the form of another site.
func (s *Server) logout(w http.ResponseWriter, r *http.Request) error {
	form, err := authorizeForm(w, r)
	if err != nil {
		return err
	}
	session, user, err := s.session(r)
	confirmed := r.Method == http.MethodPost && form.Has(confirmedField)
	switch {
	case plimsoll.ErrorCode(err) == plimsoll.NotFound:
		// A browser that sent none, as by another site's form or picture, keeps what
		// it has.
		if s.sessionHash(r) != nil {
			s.dropCookie(w, r)
		}
		return s.signedOut(w, r, form)
	case err != nil:
		return err
	case !confirmed && !s.isIDTokenOf(r, form.Get("id_token_hint"), user.ID):
		p := &page{
			Title: titleSignOut, Name: user.Name, Action: "/" + s.TenantID + "/" + logoutEndpoint, Fields: []field{{confirmedField, "yes"}},
		}
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
