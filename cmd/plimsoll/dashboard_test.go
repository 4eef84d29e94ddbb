package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"plimsoll/internal/web/browsertest"
)

// TestDashboard uses the program as people do: by its page, in a Chromium that the
// tests share, each as somebody else.
func TestDashboard(t *testing.T) {
	t.Parallel()
	b, closeIt, err := browsertest.Start(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(closeIt)
	for name, tell := range map[string]func(story){
		"sign in":           story.signIn,
		"sign in elsewhere": story.signInElsewhere,
		"first steps":       story.firstSteps,
		"work on a script":  story.workOnScript,
		"watch a fleet":     story.watchFleet,
		"rules":             story.writeRules,
		"assign reported":   story.assignReported,
		"keep the focus":    story.keepFocus,
		"keep dialogs":      story.keepDialogs,
		"show the trend":    story.showTrend,
		"run on all":        story.runOnAll,
		"read only":         story.readOnly,
		"permission lost":   story.losePermission,
		"session ends":      story.sessionEnds,
		"tabs end together": story.tabsEnd,
		"provider ails":     story.providerAils,
		"hidden page":       story.hidePage,
		"server restarts":   story.serverRestarts,
		"hostile texts":     story.showHostileTexts,
		"budget":            story.keepBudget,
		"wrong passwords":   story.waitAfterWrongPasswords,
		"two servers":       story.watchAnotherServer,
		"token refused":     story.refuseFirstToken,
		"own authority":     story.trustOwnAuthority,
		"tour":              story.tour,
		"keep lists":        story.keepLists,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tell(story{t, b})
		})
	}
}

// story is a test of the dashboard.
type story struct {
	t *testing.T
	b *browsertest.Browser
}

// tab is a page of a server, of which the test says what goes wrong.
type tab struct {
	*browsertest.Page

	t *testing.T
	s *testServer
}

// open opens a page as somebody who was never here. A fault of the page is one of
// the test.
func (a story) open(s *testServer) *tab {
	a.t.Helper()
	page, closeIt, err := a.b.Open()
	return watched(a.t, s, page, closeIt, err)
}

// watched gives an opened page, which ends with the test.
func watched(t *testing.T, s *testServer, page *browsertest.Page, closeIt func(), err error) *tab {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, fault := range page.Faults() {
			t.Errorf("the page's fault: %s", fault)
		}
		closeIt()
	})
	p := &tab{page, t, s}
	p.must(p.See(1400, "light"))
	return p
}

// openSignedIn opens the dashboard as the first administrator, who sets the password.
func (a story) openSignedIn(s *testServer) *tab {
	a.t.Helper()
	p := a.open(s)
	p.useLink(s.FirstUser.URL)
	p.waitFor("navigation", "Pages")
	return p
}

// useLink sets the password by a link.
func (p *tab) useLink(link string) {
	p.t.Helper()
	p.navigate(link)
	p.fill("New password", userPassword)
	p.fill("New password, once more", userPassword)
	p.click("button", "Set the password")
}

// signIn fills in the sign-in page.
func (p *tab) signIn(name, password string) {
	p.t.Helper()
	p.waitFor("button", "Sign in")
	p.fill("Name", name)
	p.fill("Password", password)
	p.click("button", "Sign in")
}

// must ends the test where something could not be done, and tells how the page looks.
func (p *tab) must(err error) {
	p.t.Helper()
	if err == nil {
		return
	}
	seen, lookErr := browsertest.Evaluate[string](p.Page, "location.href + '\\n' + document.body.innerText")
	p.t.Fatalf("%v\nThe page (%v):\n%s\nIts faults: %q\nThe server:\n%s", err, lookErr, seen, p.Faults(), lastOf(p.s.log.String()))
}

func (p *tab) navigate(address string) {
	p.t.Helper()
	p.must(p.Do(chromedp.Navigate(address)))
}

// visit leads to a place of the dashboard by its address, as a bookmark does.
func (p *tab) visit(place string) {
	p.t.Helper()
	p.must(p.Go(place))
}

func (p *tab) click(role, name string) {
	p.t.Helper()
	p.must(p.Click(role, name))
}

func (p *tab) fill(label, text string) {
	p.t.Helper()
	p.must(p.Fill("textbox", label, text))
}

func (p *tab) choose(label, option string) {
	p.t.Helper()
	p.must(p.Choose(label, option))
}

// turnTo shows a part of a script's page.
func (p *tab) turnTo(part string) {
	p.t.Helper()
	p.must(p.Click("link", part, "nav.tabs"))
}

// pick chooses from what a field finds for a name.
func (p *tab) pick(label, name string) {
	p.t.Helper()
	p.must(p.Fill("combobox", label, name))
	p.click("option", name)
}

func (p *tab) until(condition string, args ...any) {
	p.t.Helper()
	p.must(p.Until(fmt.Sprintf(condition, args...)))
}

// reads waits until the page shows a text, as people see it.
func (p *tab) reads(text string) {
	p.t.Helper()
	p.must(p.Until("document.body.innerText.includes(" + quoted(text) + ")"))
}

// lacks wants a text not to be shown.
func (p *tab) lacks(text string) {
	p.t.Helper()
	if strings.Contains(p.text("body"), text) {
		p.t.Errorf("the page shows %q:\n%s", text, p.text("body"))
	}
}

// waitFor waits for an element of a role and name.
func (p *tab) waitFor(role, name string) {
	p.t.Helper()
	p.must(p.Await(role, name))
}

func (p *tab) has(role, name string) bool {
	p.t.Helper()
	found, err := p.Has(role, name)
	return err == nil && found
}

// wantNone wants no elements of a role and these names.
func (p *tab) wantNone(role string, names ...string) {
	p.t.Helper()
	for _, name := range names {
		if p.has(role, name) {
			p.t.Errorf("there is a %s %q", role, name)
		}
	}
}

// text gives what the first element of a CSS selector shows.
func (p *tab) text(selector string) string {
	p.t.Helper()
	return evaluate[string](p, "document.querySelector("+quoted(selector)+")?.innerText ?? ''")
}

func evaluate[T any](p *tab, expression string) T {
	p.t.Helper()
	value, err := browsertest.Evaluate[T](p.Page, expression)
	p.must(err)
	return value
}

// quoted gives a text as JavaScript has it.
func quoted(text string) string {
	literal, _ := json.Marshal(text) // cannot fail
	return string(literal)
}

// wantOrigins wants that nobody else was asked for anything.
func (p *tab) wantOrigins(requests []browsertest.Request, origins ...string) {
	p.t.Helper()
	if len(requests) == 0 {
		p.t.Error("no request was seen")
	}
	for _, request := range requests {
		address, err := url.Parse(request.URL)
		if err != nil {
			p.t.Fatal(err)
		}
		origin := address.Scheme + "://" + address.Host
		if address.Scheme == "blob" || address.Scheme == "data" {
			continue // of the page itself
		}
		if !strings.Contains(strings.Join(origins, " ")+" ", origin+" ") {
			p.t.Errorf("%s %s leaves %q", request.Method, request.URL, origins)
		}
	}
}

// lastOf gives the last lines of a log.
func lastOf(log string) string { return log[max(0, len(log)-2000):] }
