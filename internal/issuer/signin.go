package issuer

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"plimsoll"
	"plimsoll/internal/httpapi"
)

const (
	signInPath     = "/sign-in"
	invitationPath = "/sign-in/invitation"
	passwordPath   = "/sign-in/password"
	homePath       = "/"
)

// The titles of the pages.
const (
	titleSignIn     = "Sign in"
	titleInvitation = "Set your password"
	titlePassword   = "Change your password"
	titleSignOut    = "Sign out"
)

// signIn serves the page to sign in.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return s.show(w, http.StatusOK, "sign-in.html", &page{Title: titleSignIn, Return: s.returnTo(r.URL.Query().Get("return"))})
	}
	form, err := readForm(w, r)
	if err != nil {
		return err
	}
	p := &page{Title: titleSignIn, Name: form.Get("name"), Return: s.returnTo(form.Get("return"))}
	a, err := s.Users.attempt(r.Context(), p.Name, s.sent(r, browserCookie))
	if err != nil {
		return err
	}
	if !a.known {
		err = throttled(s.Strangers, "", "Too many sign in at once. Wait a few seconds, and try again.")
	}
	if err == nil {
		err = s.Users.authenticate(r.Context(), a, form.Get("password"), "The name or the password is wrong.")
	}
	if err == nil {
		err = s.start(w, r, a)
	}
	if err != nil {
		s.Log.WarnContext(r.Context(), "sign-in refused", "user_id", a.user.ID, "from", r.RemoteAddr, "reason", err)
		return s.showProblem(w, "sign-in.html", p, err)
	}
	s.Log.InfoContext(r.Context(), "signed in", "user_id", a.user.ID, "from", r.RemoteAddr)
	http.Redirect(w, r, p.Return, http.StatusSeeOther)
	return nil
}

// start begins a session of a user whose password was right, in place of the
// browser's.
func (s *Server) start(w http.ResponseWriter, r *http.Request, a *attempt) error {
	session, cookies, err := s.newSession(r, a.user.ID, a.user.Password)
	if err != nil {
		return err
	}
	ev := s.Users.event(a.user.ID, "user.signIn", a.user.ID)
	if err := s.Users.store.StartSession(r.Context(), session, a.user.Password, s.sessionHash(r), a.key, ev); err != nil {
		return err
	}
	setCookies(w, cookies)
	return nil
}

// returnTo gives where to go after the sign-in: to this issuer's own
// authorization endpoint, to the change of the password, or home. Whatever else
// was asked for, the answer leads nowhere else.
func (s *Server) returnTo(asked string) string {
	u, err := url.Parse(asked)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil {
		return homePath
	}
	if u.Path == passwordPath {
		return passwordPath
	}
	tenant, endpoint, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	if !s.isTenant(tenant) || endpoint != authorizeEndpoint {
		return homePath
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return homePath
	}
	return s.authorizePath() + "?" + query.Encode()
}

// invitation serves the page to set a password by a link.
func (s *Server) invitation(w http.ResponseWriter, r *http.Request) error {
	form := r.URL.Query()
	if r.Method == http.MethodPost {
		var err error
		if form, err = readForm(w, r); err != nil {
			return err
		}
	}
	token := form.Get("token")
	user, err := s.Users.store.InvitedUser(r.Context(), hashToken(token), s.Now())
	if err != nil {
		return s.unusableLink(w, err)
	}
	p := &page{Title: titleInvitation, Name: user.Name, Token: token}
	if r.Method != http.MethodPost {
		return s.show(w, http.StatusOK, "invitation.html", p)
	}
	if err := checkNewPassword(form, user.Name); err != nil {
		return s.showProblem(w, "invitation.html", p, err)
	}
	hash, err := s.Users.hash(r.Context(), form.Get("password"))
	if err != nil {
		return s.showProblem(w, "invitation.html", p, err)
	}
	session, cookies, err := s.newSession(r, user.ID, hash)
	if err != nil {
		return err
	}
	ev := s.Users.event(user.ID, "user.setPassword", user.ID)
	if err := s.Users.store.AcceptInvitation(r.Context(), hashToken(token), hash, session, ev); err != nil {
		return s.unusableLink(w, err)
	}
	s.Log.InfoContext(r.Context(), "password set by a link", "user_id", user.ID, "from", r.RemoteAddr)
	setCookies(w, cookies)
	http.Redirect(w, r, homePath, http.StatusSeeOther)
	return nil
}

func (s *Server) unusableLink(w http.ResponseWriter, err error) error {
	if plimsoll.ErrorCode(err) != plimsoll.NotFound {
		return err
	}
	return s.show(w, http.StatusNotFound, "message.html", &page{
		Title: "This link holds no more",
		Text: "It was used already, was replaced by a newer one, or has expired. An administrator can make another: plimsoll user invite. " +
			"As long as nobody has signed in yet, the server prints one when it starts.",
	})
}

// checkNewPassword refuses a password that must not be set.
func checkNewPassword(form url.Values, userName string) error {
	if form.Get("password") != form.Get("again") {
		return plimsoll.Invalidf("again", "The two passwords differ. Type the same one twice.")
	}
	return plimsoll.CheckPassword(form.Get("password"), userName)
}

// password serves the page on which users change theirs.
func (s *Server) password(w http.ResponseWriter, r *http.Request) error {
	session, user, err := s.session(r)
	if plimsoll.ErrorCode(err) == plimsoll.NotFound {
		http.Redirect(w, r, signInPath+"?return="+url.QueryEscape(passwordPath), http.StatusSeeOther)
		return nil
	}
	if err != nil {
		return err
	}
	p := &page{Title: titlePassword, Name: user.Name}
	if r.Method != http.MethodPost {
		return s.show(w, http.StatusOK, "password.html", p)
	}
	form, err := readForm(w, r)
	if err != nil {
		return err
	}
	if err := s.changePassword(w, r, form, &session, &user); err != nil {
		s.Log.WarnContext(r.Context(), "change of password refused", "user_id", user.ID, "from", r.RemoteAddr, "reason", err)
		return s.showProblem(w, "password.html", p, err)
	}
	s.Log.InfoContext(r.Context(), "password changed", "user_id", user.ID, "from", r.RemoteAddr)
	return s.show(w, http.StatusOK, "message.html", &page{
		Title: "Your password is changed", Text: "You are still signed in here. Wherever else you were signed in, you are not any more.",
	})
}

// changePassword counts wrong passwords for the session alone: who has a stolen one
// gets no further than others, and others hold up nobody who is signed in.
func (s *Server) changePassword(w http.ResponseWriter, r *http.Request, form url.Values, in *plimsoll.Session, user *plimsoll.User) error {
	// The new one is looked at first: a right password that changes nothing would
	// count as a wrong one.
	if err := checkNewPassword(form, user.Name); err != nil {
		return err
	}
	a := &attempt{user: *user, key: in.Hash, known: true}
	if err := s.Users.authenticate(r.Context(), a, form.Get("current"), "The current password is wrong."); err != nil {
		return err
	}
	hash, err := s.Users.hash(r.Context(), form.Get("password"))
	if err != nil {
		return err
	}
	session, cookies, err := s.newSession(r, user.ID, hash)
	if err != nil {
		return err
	}
	ev := s.Users.event(user.ID, "user.changePassword", user.ID)
	if err := s.Users.store.ChangePassword(r.Context(), user.Password, hash, session, ev); err != nil {
		return err
	}
	setCookies(w, cookies)
	return nil
}

// showProblem shows a form again with what is wrong. What the form cannot mend is
// given back.
func (s *Server) showProblem(w http.ResponseWriter, name string, p *page, err error) error {
	e, ok := errors.AsType[*plimsoll.Error](err)
	if !ok {
		return err
	}
	status := http.StatusForbidden
	switch e.Code {
	case plimsoll.Unauthenticated:
	case plimsoll.Invalid:
		status = http.StatusUnprocessableEntity
	case plimsoll.TooManyRequests:
		status = http.StatusTooManyRequests
		w.Header().Set("Retry-After", retryAfter(e))
	default:
		return err
	}
	p.Problem = e.Message
	return s.show(w, status, name, p)
}

// pageEndpoint serves what browsers show. A form that another site sends is
// refused (net/http's CrossOriginProtection): nobody is signed in, out or over to
// a new password by a page of others.
func (s *Server) pageEndpoint(handle func(http.ResponseWriter, *http.Request) error, methods ...string) http.Handler {
	protection := http.NewCrossOriginProtection()
	return s.answering(s.refuseOnPage, func(w http.ResponseWriter, r *http.Request) error {
		s.pageHeader(w, r)
		if err := s.admit(r, methods); err != nil {
			return err
		}
		if err := protection.Check(r); err != nil {
			return newRefusal(http.StatusForbidden, oidc.ErrAccessDenied(), "The form was sent from a page of another site. Open the page here, and send it from there.")
		}
		if err := s.throttleForm(r); err != nil {
			return err
		}
		return handle(w, r)
	})
}

// throttleForm refuses a form where too many came from one network.
func (s *Server) throttleForm(r *http.Request) error {
	if r.Method != http.MethodPost {
		return nil
	}
	return throttled(s.Throttle, httpapi.Network(r.RemoteAddr),
		"Too many forms came from your network at once. Wait a few seconds, and send this one again.")
}

// throttled gives the throttle's refusal in words for people.
func throttled(t Throttle, from, message string) error {
	if t == nil {
		return nil
	}
	err := t.Take(from)
	if e, ok := errors.AsType[*plimsoll.Error](err); ok {
		return &plimsoll.Error{Code: plimsoll.TooManyRequests, RetryAfter: e.RetryAfter, Message: message}
	}
	return err
}
