package main

import (
	"context"
	"encoding/base64"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/chromedp/cdproto/security"
	"github.com/chromedp/chromedp"

	"plimsoll/internal/checkin"
	"plimsoll/internal/store/pgtest"
)

// waitAfterWrongPasswords has a stranger try passwords until the name has to wait: it
// does, and says so, but not where its user has signed in before.
func (a story) waitAfterWrongPasswords() {
	s := startServer(a.t, sqliteAddress(a.t))
	known := a.openSignedIn(s)
	known.signOut()
	stranger := a.open(s)
	stranger.navigate(s.URL + "/sign-in")
	for range 5 {
		stranger.signIn("administrator", "not "+userPassword)
		stranger.waitFor("alert", "")
	}
	stranger.reads("it has to wait. Try again in")
	stranger.signIn("administrator", userPassword)
	stranger.reads("There were too many wrong passwords for this name")
	known.signIn("administrator", userPassword)
	known.waitFor("heading", "Three steps to the first number")
}

// watchAnotherServer keeps the overview of one server open while a device reports to
// another: both are on one PostgreSQL.
func (a story) watchAnotherServer() {
	t := a.t
	store := pgtest.URL(t)
	one := signedIn(t, store)
	two := startServer(t, store)
	p := a.openSignedIn(one)
	agent := newAgent(t, two)
	if _, err := agent.Enroll(t.Context(), one.newEnrollment(t), machine("elsewhere"), "h"); err != nil {
		t.Fatal(err)
	}
	script := one.assigned(t, agent, base64.StdEncoding.EncodeToString([]byte("#!/bin/sh\n")))
	p.wantFigures("0 0 0 1")
	evaluate[bool](p, "window.sameDocument = true")
	for i, state := range []string{"fail", "success"} {
		checkIn(t, agent, &checkin.CheckInRequest{Results: []checkin.Result{
			{ScriptID: script.ID, Revision: 1, Sequence: int64(i + 1), State: state, RanAt: time.Now(), Output: "from elsewhere"},
		}})
		p.wantFigures(map[string]string{"fail": "0 1 0 0", "success": "1 0 0 0"}[state])
	}
	p.visit("/scripts/" + script.ID + "/devices?state=success&search=ELSE&order=detectionState")
	p.waitFor("link", "elsewhere")
	p.reads("from elsewhere")
	p.visit("/scripts/" + script.ID + "/devices?state=fail")
	p.reads("Nothing matches")
	if !evaluate[bool](p, "window.sameDocument === true") {
		t.Error("the page was loaded anew")
	}
}

// trustOwnAuthority enrols a device at a server whose certificate is of its own
// authority, by the command that the page shows.
func (a story) trustOwnAuthority() {
	t := a.t
	s := startServer(t, sqliteAddress(t), "--tls", "local")
	p := a.open(s)
	p.must(p.Do(func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) { // as somebody who has installed the CA file
		return chromedp.Call(ctx, security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true})
	}))
	p.useLink(s.FirstUser.URL)
	p.waitFor("navigation", "Pages")
	p.visit("/enrol")
	p.click("button", "Make the command")
	p.click("checkbox", "The server’s certificate is from its own authority")
	p.reads("--ca ca.pem")
	a.enrolAsShown(s, strings.Replace(p.text(".command pre"), "--ca ca.pem", "--ca "+s.CAFile, 1))
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	p.waitFor("link", name)
	if strings.Contains(s.log.String(), "TLS handshake error") {
		t.Error(s.log)
	}
}

// refuseFirstToken signs somebody in at a provider whose tokens the server does not
// take: the page says so, in place of itself.
func (a story) refuseFirstToken() {
	provider := startSignInProvider(a.t, "DeviceManagementConfiguration.Read.All")
	flags := provider.flags()
	flags[slices.Index(flags, "--oidc-audience")+1] = "another"
	s := startServer(a.t, sqliteAddress(a.t), flags...)
	provider.dashboard.Store(&s.URL)
	p := a.open(s)
	p.navigate(s.URL + "/")
	p.click("button", "Continue as Ada")
	p.waitFor("button", "Sign in again")
	p.reads("Request id")
	p.reads("audience")
}
