package issuer

import (
	"net/http"
	"net/url"
	"time"

	"plimsoll"
)

// The name of the session's cookie. Browsers take one with the prefix over HTTPS
// only, for all paths of this host, and from no other host of the domain (RFC
// 6265bis section 4.1.3).
const (
	cookieName   = "plimsoll-session"
	cookiePrefix = "__Host-"
)

func (s *Server) isHTTPS(r *http.Request) bool {
	base, err := url.Parse(s.BaseURL(r))
	return err == nil && base.Scheme == "https"
}

func (s *Server) cookie(r *http.Request, value string, lifetime time.Duration) *http.Cookie {
	c := &http.Cookie{
		Name: cookieName, Value: value, Path: "/", MaxAge: int(lifetime.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if s.isHTTPS(r) {
		c.Name, c.Secure = cookiePrefix+cookieName, true
	}
	return c
}

// sessionHash gives under what the request's session is kept; nil where its
// cookie is missing.
func (s *Server) sessionHash(r *http.Request) []byte {
	sent, err := r.Cookie(s.cookie(r, "", 0).Name)
	if err != nil || sent.Value == "" {
		return nil
	}
	return hashToken(sent.Value)
}

// session gives whom the request's browser is signed in as; [plimsoll.NotFound]
// where it is nobody.
func (s *Server) session(r *http.Request) (plimsoll.Session, plimsoll.User, error) {
	hash := s.sessionHash(r)
	if hash == nil {
		return plimsoll.Session{}, plimsoll.User{}, plimsoll.Errorf(plimsoll.NotFound, "Nobody is signed in.")
	}
	return s.Users.store.Session(r.Context(), hash, s.Now())
}

// newSession makes a session of the user that begins now, and its cookie.
func (s *Server) newSession(r *http.Request, userID string) (plimsoll.Session, *http.Cookie, error) {
	token, err := newToken(s.Rand)
	session := plimsoll.Session{Hash: hashToken(token), UserID: userID, CreatedAt: s.Now()}
	session.ExpiresAt = session.UsedAt(session.CreatedAt)
	return session, s.cookie(r, token, plimsoll.SessionLifetime), err
}

// dropCookie has the browser forget its session.
func (s *Server) dropCookie(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, s.cookie(r, "", -time.Second))
}
