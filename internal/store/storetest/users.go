package storetest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"plimsoll"
)

func newUser(name string, at time.Time) plimsoll.User {
	return plimsoll.User{ID: randomID(), Name: name, Permissions: []string{"A.Read", "B.Write"}, CreatedAt: at}
}

func newInvitation(u *plimsoll.User, token string) plimsoll.Invitation {
	return plimsoll.Invitation{
		Hash: []byte("\x00\xff" + token), UserID: u.ID, CreatedAt: u.CreatedAt, ExpiresAt: u.CreatedAt.Add(time.Hour),
	}
}

func addUser(t *testing.T, store Store, name string) plimsoll.User {
	t.Helper()
	u := newUser(name, noon())
	must(t, store.CreateUser(t.Context(), u, newInvitation(&u, name), event("user.create", u.ID)))
	u.InvitedTill = noon().Add(time.Hour)
	return u
}

func users(t *testing.T, store Store) {
	t.Helper()
	ada, grace := addUser(t, store, "Ada"), addUser(t, store, "grace@example.com")
	twin := newUser("ADA", noon())
	wantCode(t, store.CreateUser(t.Context(), twin, newInvitation(&twin, "x"), event("x", "x")), plimsoll.Conflict)
	for _, want := range []plimsoll.User{ada, grace} {
		byID, err := store.User(t.Context(), want.ID)
		must(t, err)
		byName, err := store.UserByName(t.Context(), " "+want.Name+" ")
		must(t, err)
		if diff := cmp.Diff([]plimsoll.User{want, want}, []plimsoll.User{byID, byName}); diff != "" {
			t.Error(diff)
		}
	}

	again := newInvitation(&ada, "again")
	must(t, store.InviteUser(t.Context(), again, event("user.invite", ada.ID)))
	_, err := store.InvitedUser(t.Context(), newInvitation(&ada, "Ada").Hash, noon())
	wantNotFound(t, err)
	invited, err := store.InvitedUser(t.Context(), again.Hash, again.ExpiresAt.Add(-plimsoll.Tick))
	must(t, err)
	if diff := cmp.Diff(ada, invited); diff != "" {
		t.Error(diff)
	}
	_, err = store.InvitedUser(t.Context(), again.Hash, again.ExpiresAt)
	wantNotFound(t, err)

	must(t, store.DeleteUser(t.Context(), ada.ID, event("user.delete", ada.ID)))
	wantNotFound(t, store.DeleteUser(t.Context(), ada.ID, event("x", "x")))
	wantNotFound(t, store.InviteUser(t.Context(), again, event("x", "x")))
	_, err = store.UserByName(t.Context(), "ada")
	wantNotFound(t, err)
	_, err = store.InvitedUser(t.Context(), again.Hash, noon())
	wantNotFound(t, err)
	all, err := store.Users(t.Context())
	must(t, err)
	if diff := cmp.Diff([]plimsoll.User{grace}, all); diff != "" {
		t.Error(diff)
	}
	wantActivities(t, store, "user.create", "user.create", "user.invite", "user.delete")
}

// inviteFirst does as a server does that starts at the time given.
func inviteFirst(t *testing.T, store Store, at time.Time, token string) (name string, hash []byte) {
	t.Helper()
	u := newUser("administrator", at)
	i := newInvitation(&u, token)
	name, err := store.InviteFirstUser(t.Context(), u, i, event("user.create", u.ID), event("user.invite", u.ID))
	must(t, err)
	return name, i.Hash
}

func firstUser(t *testing.T, store Store) {
	t.Helper()
	must2(store.Install(t.Context(), plimsoll.Installation{TenantID: randomID(), CreatedAt: noon()}, nil, event("install", "x")))(t)
	wantFirst := func(at time.Time, token, want string) (hash []byte) {
		t.Helper()
		name, hash := inviteFirst(t, store, at, token)
		if name != want {
			t.Fatalf("%s: invited %q, want %q", token, name, want)
		}
		return hash
	}
	wantFirst(noon(), "one", "administrator")
	wantFirst(noon().Add(time.Hour-plimsoll.Tick), "two", "")
	hash := wantFirst(noon().Add(time.Hour), "three", "administrator")
	invited, err := store.InvitedUser(t.Context(), hash, noon().Add(time.Hour))
	must(t, err)
	start := newSession(&invited, "s", noon().Add(time.Hour))
	must(t, store.AcceptInvitation(t.Context(), hash, "hash", start, event("user.password", "x")))
	wantFirst(noon().Add(9*time.Hour), "four", "")
	must(t, store.DeleteUser(t.Context(), invited.ID, event("user.delete", invited.ID)))
	wantFirst(noon().Add(10*time.Hour), "five", "")
}

// must2 is must for what gives something else beside an error.
func must2[T any](_ T, err error) func(t *testing.T) {
	return func(t *testing.T) {
		t.Helper()
		must(t, err)
	}
}

func firstUserAtOnce(t *testing.T, store Store) {
	t.Helper()
	must2(store.Install(t.Context(), plimsoll.Installation{TenantID: randomID(), CreatedAt: noon()}, nil, event("install", "x")))(t)
	names := atOnce(8, func(n int) string {
		u := newUser("administrator", noon())
		name, err := store.InviteFirstUser(t.Context(), u, newInvitation(&u, "abcdefgh"[n:n+1]), event("user.create", u.ID), event("x", "x"))
		if err != nil {
			t.Error(err)
		}
		return name
	})
	if names["administrator"] != 1 || names[""] != 7 {
		t.Errorf("%v", names)
	}
	wantActivities(t, store, "install", "user.create")
}

// atOnce calls work n times at once, and counts what it gives.
func atOnce[T comparable](n int, work func(n int) T) map[T]int {
	results := make([]T, n)
	var running sync.WaitGroup
	for i := range n {
		running.Go(func() { results[i] = work(i) })
	}
	running.Wait()
	counts := map[T]int{}
	for _, result := range results {
		counts[result]++
	}
	return counts
}

func newSession(u *plimsoll.User, cookie string, at time.Time) plimsoll.Session {
	s := plimsoll.Session{Hash: []byte("\x00\xff" + cookie), UserID: u.ID, CreatedAt: at}
	s.ExpiresAt = s.UsedAt(at)
	return s
}

// addSignedIn adds a user with the password "hash", signed in.
func addSignedIn(t *testing.T, store Store, name string) (plimsoll.User, plimsoll.Session) {
	t.Helper()
	u := addUser(t, store, name)
	first := newSession(&plimsoll.User{}, "first of "+name, noon())
	must(t, store.AcceptInvitation(t.Context(), newInvitation(&u, name).Hash, "hash", first, event("user.password", "x")))
	first.UserID, u.Password, u.SignedInAt, u.InvitedTill = u.ID, "hash", noon(), time.Time{}
	return u, first
}

func wantSession(t *testing.T, store Store, want plimsoll.Session, user *plimsoll.User) {
	t.Helper()
	session, u, err := store.Session(t.Context(), want.Hash, noon())
	must(t, err)
	if diff := cmp.Diff(want, session) + cmp.Diff(*user, u); diff != "" {
		t.Error(diff)
	}
}

func wantNoSession(t *testing.T, store Store, hash []byte, at time.Time) {
	t.Helper()
	_, _, err := store.Session(t.Context(), hash, at)
	wantNotFound(t, err)
}

func sessions(t *testing.T, store Store) {
	t.Helper()
	u, first := addSignedIn(t, store, "ada")
	wantSession(t, store, first, &u)
	wantNoSession(t, store, first.Hash, first.ExpiresAt)
	second := newSession(&u, "second", noon().Add(time.Minute))
	wantCode(t, store.StartSession(t.Context(), second, "another", nil, nil, event("x", "x")), plimsoll.Unauthenticated)
	must(t, store.StartSession(t.Context(), second, "hash", nil, nil, event("user.signIn", u.ID)))
	u.SignedInAt = second.CreatedAt
	wantSession(t, store, first, &u)
	wantSession(t, store, second, &u)
	third := newSession(&u, "third", noon().Add(time.Minute))
	must(t, store.StartSession(t.Context(), third, "hash", second.Hash, nil, event("user.signIn", u.ID)))
	wantNoSession(t, store, second.Hash, noon())
	must(t, store.EndSession(t.Context(), third.Hash, event("user.signOut", u.ID)))
	must(t, store.EndSession(t.Context(), third.Hash, event("x", "x")))
	wantNoSession(t, store, third.Hash, noon())
	wantSession(t, store, first, &u)
	must(t, store.DeleteUser(t.Context(), u.ID, event("user.delete", u.ID)))
	wantNoSession(t, store, first.Hash, noon())
	wantCode(t, store.StartSession(t.Context(), third, "hash", nil, nil, event("x", "x")), plimsoll.Unauthenticated)
}

// passwords end sessions, whichever way they are set.
func passwords(t *testing.T, store Store) {
	t.Helper()
	u, first := addSignedIn(t, store, "ada")
	_, others := addSignedIn(t, store, "grace")
	changed := newSession(&u, "changed", noon().Add(time.Hour))
	wantCode(t, store.ChangePassword(t.Context(), "another", "new", changed, event("x", "x")), plimsoll.Unauthenticated)
	wantSession(t, store, first, &u)
	must(t, store.ChangePassword(t.Context(), "hash", "new", changed, event("user.password", u.ID)))
	u.Password, u.SignedInAt = "new", changed.CreatedAt
	wantNoSession(t, store, first.Hash, noon())
	wantSession(t, store, changed, &u)

	invitation := newInvitation(&u, "reset")
	must(t, store.InviteUser(t.Context(), invitation, event("user.invite", u.ID)))
	u.InvitedTill = invitation.ExpiresAt
	wantSession(t, store, changed, &u) // until it is used
	reset := newSession(&plimsoll.User{}, "reset", noon())
	late := newSession(&plimsoll.User{}, "late", invitation.ExpiresAt)
	wantNotFound(t, store.AcceptInvitation(t.Context(), invitation.Hash, "newest", late, event("x", "x")))
	must(t, store.AcceptInvitation(t.Context(), invitation.Hash, "newest", reset, event("user.password", "x")))
	wantNoSession(t, store, changed.Hash, noon())
	if _, _, err := store.Session(t.Context(), others.Hash, noon()); err != nil {
		t.Error("another's session ended:", err)
	}
	events, err := store.AuditEvents(t.Context(), 1)
	must(t, err)
	if e := events[0]; e.Actor != u.ID || e.ObjectID != u.ID {
		t.Errorf("who used the link is not told: %+v", e)
	}
}

func invitationsAtOnce(t *testing.T, store Store) {
	t.Helper()
	u := addUser(t, store, "ada")
	codes := atOnce(8, func(n int) plimsoll.Code {
		start := newSession(&u, "abcdefgh"[n:n+1], noon())
		return plimsoll.ErrorCode(store.AcceptInvitation(t.Context(), newInvitation(&u, "ada").Hash, "hash", start, event("user.password", u.ID)))
	})
	if codes[""] != 1 || codes[plimsoll.NotFound] != 7 {
		t.Errorf("%v", codes)
	}
}

func newAuthorizationCode(s *plimsoll.Session, code string) plimsoll.AuthorizationCode {
	return plimsoll.AuthorizationCode{
		Hash: []byte("\x00\xff" + code), Session: s.Hash, SignedInAt: s.CreatedAt, ClientID: "client", RedirectURI: "https://x/y",
		Challenge: "challenge", Nonce: "n\"", Scopes: []string{"openid", "x/.default"}, ExpiresAt: noon().Add(time.Minute),
	}
}

func codes(t *testing.T, store Store) {
	t.Helper()
	u, session := addSignedIn(t, store, "ada")
	add := func(code string) plimsoll.AuthorizationCode {
		c := newAuthorizationCode(&session, code)
		must(t, store.AddAuthorizationCode(t.Context(), c, noon().Add(100*time.Hour)))
		return c
	}
	want := add("good")
	session.ExpiresAt = noon().Add(100 * time.Hour)
	wantSession(t, store, session, &u)
	got, user, err := store.TakeAuthorizationCode(t.Context(), want.Hash, want.ExpiresAt.Add(-plimsoll.Tick))
	must(t, err)
	if diff := cmp.Diff(want, got) + cmp.Diff(u, user); diff != "" {
		t.Error(diff)
	}
	refused := func(c *plimsoll.AuthorizationCode, at time.Time) {
		t.Helper()
		_, _, err := store.TakeAuthorizationCode(t.Context(), c.Hash, at)
		wantNotFound(t, err)
	}
	refused(&want, noon())
	late := add("late")
	refused(&late, late.ExpiresAt)
	refused(&late, noon())
	raced := add("raced")
	counts := atOnce(8, func(int) plimsoll.Code {
		_, _, err := store.TakeAuthorizationCode(t.Context(), raced.Hash, noon())
		return plimsoll.ErrorCode(err)
	})
	if counts[""] != 1 || counts[plimsoll.NotFound] != 7 {
		t.Errorf("%v", counts)
	}
	ended := add("ended")
	must(t, store.EndSession(t.Context(), session.Hash, event("user.signOut", u.ID)))
	refused(&ended, noon())
	wantNotFound(t, store.AddAuthorizationCode(t.Context(), newAuthorizationCode(&session, "after"), noon()))
}

// attemptsAtOnce guesses with many at once: no more are let through than one after
// the other.
func attemptsAtOnce(t *testing.T, store Store) {
	t.Helper()
	take := func(ctx context.Context, name string, at time.Time) bool {
		_, allowed, err := store.TakeSignInAttempt(ctx, plimsoll.AttemptsOfName(name), at)
		if err != nil {
			t.Error(err)
		}
		return allowed
	}
	counts := atOnce(12, func(n int) bool { return take(t.Context(), []string{"Ada", " ada"}[n%2], noon()) })
	if counts[true] != plimsoll.FreeAttempts {
		t.Errorf("%d attempts were let through", counts[true])
	}
	a, allowed, err := store.TakeSignInAttempt(t.Context(), plimsoll.AttemptsOfName("ada"), noon())
	must(t, err)
	if allowed || !a.BlockedTill.Equal(noon().Add(time.Minute)) {
		t.Errorf("%t, %+v", allowed, a)
	}
	if !take(t.Context(), "grace", noon()) {
		t.Error("another name has to wait")
	}
	u, _ := addSignedIn(t, store, "ADA") // a link takes the wait away
	if !take(t.Context(), u.Name, noon()) {
		t.Error("the name has to wait after a right password")
	}
	for range plimsoll.FreeAttempts - 1 {
		take(t.Context(), u.Name, noon())
	}
	// A right password forgets what was counted with it, and nothing else.
	browser, name := []byte("\x00\xffbrowser"), plimsoll.AttemptsOfName(u.Name)
	_, _, err = store.TakeSignInAttempt(t.Context(), browser, noon())
	must(t, err)
	must(t, store.StartSession(t.Context(), newSession(&u, "s", noon()), "hash", nil, browser, event("user.signIn", u.ID)))
	if a, _, err = store.TakeSignInAttempt(t.Context(), browser, noon()); err != nil || a.Wrong != 1 {
		t.Errorf("%+v, %v", a, err)
	}
	if take(t.Context(), u.Name, noon()) {
		t.Error("the right password from a browser took the name's wait away")
	}
	must(t, store.StartSession(t.Context(), newSession(&u, "t", noon()), "hash", nil, name, event("user.signIn", u.ID)))
	if a, allowed, err = store.TakeSignInAttempt(t.Context(), name, noon()); err != nil || !allowed || a.Wrong != 1 {
		t.Errorf("%t, %+v, %v", allowed, a, err)
	}
}

func expiredSignIns(t *testing.T, store Store) {
	t.Helper()
	u, session := addSignedIn(t, store, "ada")
	code := newAuthorizationCode(&session, "code")
	must(t, store.AddAuthorizationCode(t.Context(), code, session.ExpiresAt))
	must(t, store.InviteUser(t.Context(), newInvitation(&u, "i"), event("user.invite", u.ID)))
	must2(store.InvitedUser(t.Context(), newInvitation(&u, "i").Hash, noon()))(t)
	for range plimsoll.FreeAttempts {
		_, _, err := store.TakeSignInAttempt(t.Context(), plimsoll.AttemptsOfName("nobody"), noon())
		must(t, err)
	}

	must(t, store.DropExpiredSignIns(t.Context(), code.ExpiresAt.Add(-plimsoll.Tick)))
	_, _, err := store.TakeAuthorizationCode(t.Context(), code.Hash, noon())
	must(t, err)
	must(t, store.DropExpiredSignIns(t.Context(), noon().Add(time.Hour)))
	_, err = store.InvitedUser(t.Context(), newInvitation(&u, "i").Hash, noon())
	wantNotFound(t, err)
	wantSession(t, store, session, &u)
	must(t, store.DropExpiredSignIns(t.Context(), session.ExpiresAt))
	wantNoSession(t, store, session.Hash, noon())
	_, allowed, err := store.TakeSignInAttempt(t.Context(), plimsoll.AttemptsOfName("nobody"), noon())
	must(t, err)
	if allowed {
		t.Error("attempts were forgotten too early")
	}
	must(t, store.DropExpiredSignIns(t.Context(), noon().Add(24*time.Hour)))
	_, allowed, err = store.TakeSignInAttempt(t.Context(), plimsoll.AttemptsOfName("nobody"), noon())
	must(t, err)
	if !allowed {
		t.Error("attempts were not forgotten")
	}
}
