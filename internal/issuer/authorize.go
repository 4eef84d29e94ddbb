package issuer

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"plimsoll"
)

const (
	// DashboardClientID is the client_id of the dashboard, a public client (RFC 6749
	// section 2.1), in every installation.
	DashboardClientID = "c5020ee1-1f08-4041-8042-4cc2778b58bd"
	// codeLifetime is how long a code waits to be exchanged.
	codeLifetime = time.Minute
	maxNonce     = 512

	authorizeEndpoint = "oauth2/v2.0/authorize"
	logoutEndpoint    = "oauth2/v2.0/logout"
)

func (s *Server) authorizePath() string { return "/" + s.TenantID + "/" + authorizeEndpoint }

// authorization is a request that was found good (RFC 6749 section 4.1.1, OpenID
// Connect Core 1.0 section 3.1.2.1).
type authorization struct {
	redirectURI string
	fragment    bool // where the answer goes, in place of the query
	state       string
	nonce       string
	challenge   string
	scopes      []string
	prompt      []string
	maxAge      time.Duration // of the sign-in; negative for any
}

// authorize serves the authorization endpoint. Nobody is asked for consent: the
// one client is the product's own.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) error {
	form, err := authorizeForm(w, r)
	if err != nil {
		return err
	}
	if form.Get("client_id") != DashboardClientID {
		return invalidRequest("The client_id is not that of this installation's dashboard.")
	}
	a := &authorization{
		redirectURI: form.Get("redirect_uri"), fragment: form.Get("response_mode") == "fragment", state: form.Get("state"),
	}
	if !s.isBelow(r, a.redirectURI, s.DashboardRedirects...) {
		return invalidRequest("The redirect_uri is not one of this installation's dashboard, by the address that the browser shows.")
	}
	if refused := a.read(form); refused != nil {
		return s.answer(w, r, a, errorAnswer(refused))
	}
	session, _, err := s.session(r)
	switch {
	case plimsoll.ErrorCode(err) == plimsoll.NotFound:
		return s.askToSignIn(w, r, a, form)
	case err != nil:
		return s.answer(w, r, a, errorAnswer(s.logRefusal(w, r, err).answer))
	case slices.Contains(a.prompt, oidc.PromptLogin), slices.Contains(a.prompt, oidc.PromptSelectAccount),
		a.maxAge >= 0 && s.Now().Sub(session.CreatedAt) > a.maxAge:
		return s.askToSignIn(w, r, a, form)
	}
	return s.giveCode(w, r, a, &session, form)
}

// authorizeForm gives the request's parameters, of whichever method.
func authorizeForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if r.Method == http.MethodPost {
		return readForm(w, r)
	}
	return parseForm(r.URL.RawQuery)
}

// isBelow says whether the address is one of the paths at the address that the
// browser has this server under, to the letter (RFC 9700 section 2.1).
func (s *Server) isBelow(r *http.Request, address string, paths ...string) bool {
	base := strings.TrimSuffix(s.BaseURL(r), "/")
	return slices.ContainsFunc(paths, func(path string) bool { return path != "" && address == base+path })
}

// read takes over what the form asks for, and gives why that cannot be answered,
// or nil.
func (a *authorization) read(form url.Values) *oidc.Error {
	refuse := func(e *oidc.Error, description string) *oidc.Error { return e.WithDescription("%s", description) }
	a.nonce, a.challenge = form.Get("nonce"), form.Get("code_challenge")
	a.scopes, a.prompt = strings.Fields(form.Get("scope")), strings.Fields(form.Get("prompt"))
	mode := form.Get("response_mode")
	switch {
	case form.Has("request"):
		return refuse(oidc.ErrRequestNotSupported(), "Send the parameters as they are.")
	case form.Has("request_uri"):
		return refuse(&oidc.Error{ErrorType: "request_uri_not_supported"}, "Send the parameters as they are.")
	case form.Get("response_type") != string(oidc.ResponseTypeCode):
		return refuse(&oidc.Error{ErrorType: "unsupported_response_type"}, "The response_type served here is code.")
	case mode != "" && mode != "query" && mode != "fragment":
		return refuse(oidc.ErrInvalidRequest(), "The response_mode served here is query or fragment.")
	case form.Get("code_challenge_method") != string(oidc.CodeChallengeMethodS256) || !isChallenge(a.challenge):
		return refuse(oidc.ErrInvalidRequest(), "A code_challenge by the code_challenge_method S256 is required (RFC 7636).")
	case !isText(a.nonce) || !isText(a.state) || !isText(form.Get("scope")):
		return refuse(oidc.ErrInvalidRequest(), "The nonce, the state and the scope must be UTF-8 without the character U+0000.")
	case len(a.nonce) > maxNonce:
		return refuse(oidc.ErrInvalidRequest(), "The nonce is longer than 512 bytes.")
	case slices.Contains(a.prompt, oidc.PromptNone) && len(a.prompt) > 1:
		return refuse(oidc.ErrInvalidRequest(), "The prompt none goes with no other.")
	}
	if err := checkScope(form.Get("scope")); err != nil {
		return asRefusal(err).answer
	}
	a.maxAge = -1
	if asked := form.Get("max_age"); asked != "" {
		seconds, err := strconv.ParseUint(asked, 10, 31)
		if err != nil {
			return refuse(oidc.ErrInvalidRequest(), "The max_age is not a number of seconds.")
		}
		a.maxAge = time.Duration(seconds) * time.Second
	}
	return nil
}

// isChallenge says whether the text is a SHA-256 in base64url, without padding.
func isChallenge(text string) bool {
	return regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`).MatchString(text)
}

// askToSignIn leads to the page to sign in, and from there back here; unless
// nothing must be shown.
func (s *Server) askToSignIn(w http.ResponseWriter, r *http.Request, a *authorization, form url.Values) error {
	if slices.Contains(a.prompt, oidc.PromptNone) {
		return s.answer(w, r, a, errorAnswer(oidc.ErrLoginRequired().WithDescription("Nobody is signed in in this browser.")))
	}
	// Who comes back has just signed in: what asked for that is done with.
	form.Del("prompt")
	form.Del("max_age")
	back := s.authorizePath() + "?" + form.Encode()
	http.Redirect(w, r, signInPath+"?return="+url.QueryEscape(back), http.StatusSeeOther)
	return nil
}

// giveCode answers with a code for the session's user.
func (s *Server) giveCode(w http.ResponseWriter, r *http.Request, a *authorization, session *plimsoll.Session, form url.Values) error {
	code, err := newToken(s.Rand)
	if err != nil {
		return err
	}
	now := s.Now()
	err = s.Users.store.AddAuthorizationCode(r.Context(), plimsoll.AuthorizationCode{
		Hash: hashToken(code), Session: session.Hash, ClientID: DashboardClientID, RedirectURI: a.redirectURI,
		Challenge: a.challenge, Nonce: a.nonce, Scopes: a.scopes, ExpiresAt: now.Add(codeLifetime),
	}, session.UsedAt(now))
	switch {
	case plimsoll.ErrorCode(err) == plimsoll.NotFound: // it ended meanwhile
		return s.askToSignIn(w, r, a, form)
	case err != nil:
		return s.answer(w, r, a, errorAnswer(s.logRefusal(w, r, err).answer))
	}
	return s.answer(w, r, a, url.Values{"code": {code}})
}

func errorAnswer(e *oidc.Error) url.Values {
	return url.Values{"error": {string(e.ErrorType)}, "error_description": {e.Description}}
}

// answer sends the browser to the client with the answer, its state, and who
// answers (RFC 9207).
func (s *Server) answer(w http.ResponseWriter, r *http.Request, a *authorization, answer url.Values) error {
	answer.Set("iss", s.issuerURL(r))
	if a.state != "" {
		answer.Set("state", a.state)
	}
	separator := "?"
	if a.fragment {
		separator = "#"
	}
	http.Redirect(w, r, a.redirectURI+separator+answer.Encode(), http.StatusSeeOther)
	return nil
}
