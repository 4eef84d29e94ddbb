package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"plimsoll/internal/web/browsertest"
)

// keepBudget holds the page to what it may take: bytes of a first load, and requests
// of the API.
func (a story) keepBudget() {
	t := a.t
	s := signedIn(t, sqliteAddress(t))
	secret := s.newEnrollment(t)
	for i := range 300 {
		s.addDevice(t, secret, fmt.Sprintf("pc-%03d", i), "Linux")
	}
	for start := 0; start < 200; start += 20 {
		var items []item
		for i := start; i < start+20; i++ {
			items = append(items, change(fmt.Sprint(i), "POST", scripts, fmt.Sprintf(`{"displayName":"Script %d"}`, i)))
		}
		for id, answer := range s.runBatch(t, "/beta", items...) {
			if answer.Status != http.StatusCreated {
				t.Fatalf("%s: %+v", id, answer)
			}
			s.must(t, http.StatusCreated, "POST", scripts+"/"+answer.member("id").(string)+"/runSummary", summaryBody(1))
		}
	}
	script := s.assignToAll(t, "On all", "#!/bin/sh\n")
	s.awaitCounts(t, script, "0 0 0 300")
	p := a.open(s)
	p.must(p.OnEachDocument(noteWhenReady))
	p.useLink(s.FirstUser.URL)
	p.wantFigures("200 400 600 1,100")
	t.Logf("ready after %.0f ms, beside other tests", evaluate[float64](p, "window.readyAfter"))

	// The browser had nothing before.
	var bytes float64
	for _, request := range p.Requests() {
		if !strings.HasPrefix(request.URL, s.URL+"/sign-in/") {
			bytes += request.Bytes
		}
	}
	t.Logf("a first load takes %.1f KiB", bytes/1024)
	if bytes > 150*1024 || bytes < 20*1024 {
		t.Errorf("a first load takes %.1f KiB", bytes/1024)
	}

	p.visit("/groups")
	p.Requests()
	p.visit("/")
	p.wantFigures("200 400 600 1,100")
	if calls := p.calls(); len(calls) != 1 || !strings.HasSuffix(calls[0], "/$batch") {
		t.Errorf("the overview asks %q", calls)
	}

	p.visit("/scripts/" + script)
	p.reads("300 devices in all.")
	p.Requests()
	p.visit("/scripts/" + script + "/devices")
	p.reads("300 devices")
	if calls := p.calls(); len(calls) != 2 || !strings.Contains(calls[0], "$top=100") || !strings.Contains(calls[1], "/$count") {
		t.Errorf("the first rows and their number are asked by %q", calls)
	}
	if rows := evaluate[float64](p, "document.querySelectorAll('tbody tr').length"); rows > 60 {
		t.Errorf("%v rows are in the document", rows)
	}
	evaluate[float64](p, "document.querySelector('.table').scrollTop = 75 * 48")
	p.until("document.querySelector('tr[aria-rowindex=\"90\"]')")
	var calls []string
	waitUntil(t, "the next rows are asked for", func() bool { calls = append(calls, p.calls()...); return len(calls) > 0 })
	if len(calls) != 1 || !strings.Contains(calls[0], "$skiptoken=") {
		t.Errorf("to scroll on asks %q", calls)
	}
}

// noteWhenReady has a page remember, in ms since it was asked for, when it first showed
// the fleet's numbers: the page hears clicks from then on, as it draws all at once.
const noteWhenReady = `new MutationObserver((_, observer) => {
	if (!document.querySelector('main .figures')) return;
	window.readyAfter = performance.now();
	observer.disconnect();
}).observe(document, { childList: true, subtree: true });`

// BenchmarkOpenDashboard opens the overview of 200 scripts, in a browser that has the
// page's files and in one that has nothing.
func BenchmarkOpenDashboard(b *testing.B) {
	s := benchServer(b, builtServer(b), sqliteAddress(b))
	for i := range 200 {
		id := s.benchSend(b, http.StatusCreated, "POST", scripts, fmt.Sprintf(`{"displayName":"Script %d"}`, i)).json["id"].(string)
		s.benchSend(b, http.StatusCreated, "POST", scripts+"/"+id+"/runSummary", summaryBody(1))
	}
	browser, closeIt, err := browsertest.Start(context.WithoutCancel(b.Context()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(closeIt)
	page, closePage, err := browser.Open()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(closePage)
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	must(page.OnEachDocument(noteWhenReady))
	must(page.Do(chromedp.Navigate(s.FirstUser.URL)))
	must(page.Fill("textbox", "New password", userPassword))
	must(page.Fill("textbox", "New password, once more", userPassword))
	must(page.Click("button", "Set the password"))
	must(page.Until("window.readyAfter"))
	took := map[string][]float64{}
	for b.Loop() {
		for _, unit := range []string{"ms-again", "ms-first"} {
			if unit == "ms-first" {
				must(page.ForgetFiles())
			}
			must(page.Do(chromedp.Navigate(s.URL + "/")))
			must(page.Until("window.readyAfter"))
			ms, err := browsertest.Evaluate[float64](page, "window.readyAfter")
			must(err)
			took[unit] = append(took[unit], ms)
		}
	}
	for unit, all := range took {
		slices.Sort(all)
		middle := all[len(all)/2]
		b.ReportMetric(middle, unit)
		if middle > 500 {
			b.Errorf("%s: the page is ready after %.0f ms", unit, middle)
		}
	}
}

// calls gives what was asked of the API since it was asked last, but for the stream.
func (p *tab) calls() (calls []string) {
	p.t.Helper()
	for _, request := range p.Requests() {
		address, err := url.PathUnescape(request.URL)
		if err != nil {
			p.t.Fatal(err)
		}
		if strings.HasPrefix(address, p.s.URL+"/beta") && !strings.HasSuffix(address, "plimsoll.changes") {
			calls = append(calls, request.Method+" "+address)
		}
	}
	return calls
}
