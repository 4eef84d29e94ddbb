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
	sessionCookie = "plimsoll-session"
	cookiePrefix  = "__Host-"
)

func (s *Server) isHTTPS(r *http.Request) bool {
	base, err := url.Parse(s.BaseURL(r))
	return err == nil && base.Scheme == "https"
}

// cookie makes a cookie that is sent where another site leads here by a link.
func (s *Server) cookie(r *http.Request, name, value string, lifetime time.Duration) *http.Cookie {
	c := &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(lifetime.Seconds()), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if s.isHTTPS(r) {
		c.Name, c.Secure = cookiePrefix+name, true
	}
	return c
}

// sent gives the value of a cookie of this server; "" where there is none.
func (s *Server) sent(r *http.Request, name string) string {
	c, err := r.Cookie(s.cookie(r, name, "", 0).Name)
	if err != nil {
		return ""
	}
	return c.Value
}

// sessionHash gives under what the request's session is kept; nil where its
// cookie is missing.
func (s *Server) sessionHash(r *http.Request) []byte {
	if token := s.sent(r, sessionCookie); token != "" {
		return hashToken(token)
	}
	return nil
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

// newSession makes a session that begins now, of a user whose password has the hash
// from then on, and the cookies of the browser.
func (s *Server) newSession(r *http.Request, userID, passwordHash string) (plimsoll.Session, []*http.Cookie, error) {
	token, err := newToken(s.Rand)
	if err != nil {
		return plimsoll.Session{}, nil, err
	}
	session := plimsoll.Session{Hash: hashToken(token), UserID: userID, CreatedAt: s.Now()}
	session.ExpiresAt = session.UsedAt(session.CreatedAt)
	known, err := s.newBrowserCookie(r, passwordHash)
	return session, []*http.Cookie{s.cookie(r, sessionCookie, token, plimsoll.SessionLifetime), known}, err
}

func setCookies(w http.ResponseWriter, cookies []*http.Cookie) {
	for _, c := range cookies {
		http.SetCookie(w, c)
	}
}

// dropCookie has the browser forget its session.
func (s *Server) dropCookie(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, s.cookie(r, sessionCookie, "", -time.Second))
}
