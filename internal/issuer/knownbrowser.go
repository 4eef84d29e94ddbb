package issuer

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"plimsoll"
)

// A browser in which a user has signed in keeps a cookie that says so, OWASP's
// "device cookie" (Slow Down Online Guessing Attacks with Device Cookies): wrong
// passwords from there are counted apart from everybody else's for the name, so that
// nobody else can make it wait.
const (
	browserCookie = "plimsoll-browser"
	// browserLifetime is how long the cookie is kept after a sign-in. It lets nobody
	// in, and gives who steals it 100 tries a day.
	browserLifetime = 365 * 24 * time.Hour
)

// browserToken gives the cookie's value that has the nonce, for a user whose password
// has the hash. The hash is the key: it has random bits enough, all servers on a
// store have it and nobody else has, and with another password it is another.
func browserToken(nonce, passwordHash string) string {
	mac := hmac.New(sha256.New, []byte(passwordHash))
	mac.Write([]byte("plimsoll browser\x00" + nonce))
	return nonce + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// isBrowserOf says whether the token is of a browser in which the user has signed in
// since the password was set. Who does not exist has no such browser: what stands in
// for the hash is no secret, and everybody could make a token by it.
func isBrowserOf(user *plimsoll.User, token string) bool {
	nonce, _, _ := strings.Cut(token, ".")
	return hmac.Equal([]byte(token), []byte(browserToken(nonce, user.Password))) && user.Password != ""
}

// newBrowserCookie makes a cookie of a browser in which somebody signs in whose
// password has the hash. Each has its own count.
func (s *Server) newBrowserCookie(r *http.Request, passwordHash string) (*http.Cookie, error) {
	nonce, err := newToken(s.Rand)
	return s.cookie(r, browserCookie, browserToken(nonce, passwordHash), browserLifetime), err
}
