package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/chromedp/chromedp/kb"
)

// slowReads lets the page's reads of devices take window.slow ms, and notes their addresses.
// Five minutes pass in three seconds.
const slowReads = `{
	const [fetch, set] = [window.fetch, window.setTimeout];
	window.setTimeout = (run, ms, ...rest) => set(run, ms === 300_000 ? 3000 : ms, ...rest);
	Object.assign(window, { slow: 0, asked: [] });
	window.fetch = async (...request) => {
		if (!String(request[0]).includes('managedDevices')) return fetch(...request);
		asked.push(decodeURIComponent(request[0]));
		await new Promise((pass, fail) => {
			setTimeout(pass, slow);
			request[1]?.signal?.addEventListener('abort', () => fail(request[1].signal.reason));
		});
		return fetch(...request);
	};
}`

// keepLists works with lists while they are being read: each shows what was asked of it
// last, whatever comes late, and in another order than it was asked for.
func (a story) keepLists() {
	t := a.t
	s := signedIn(t, sqliteAddress(t))
	secret := s.newEnrollment(t)
	for i := range 250 {
		s.addDevice(t, secret, fmt.Sprintf("pc-%03d", i), "Linux")
	}
	group := s.must(t, http.StatusCreated, "POST", "/groups", `{"displayName":"Berlin"}`).json["id"].(string)
	p := a.open(s)
	p.must(p.OnEachDocument(slowReads))
	p.useLink(s.FirstUser.URL)
	p.waitFor("navigation", "Pages")
	p.turnListAround()
	p.followAddress()
	p.keepFaultToPage()
	p.pickByKeyboard(group)
	p.followNews(secret)
	p.readOverviewAgain()
}

// turnListAround changes the order while a page of the earlier one is under way.
func (p *tab) turnListAround() {
	p.t.Helper()
	p.visit("/devices")
	p.reads("250 devices")
	evaluate[bool](p, "slow = 1000; document.querySelector('.table').scrollTop = 4200; true")
	p.until("asked.filter((address) => address.includes('skip')).length === 1")
	p.click("button", "Name")
	p.until("asked.at(-1).includes('deviceName desc')")
	for _, top := range []int{3300, 3200} { // people go on scrolling
		time.Sleep(100 * time.Millisecond)
		evaluate[int](p, fmt.Sprintf("document.querySelector('.table').scrollTop = %d", top))
	}
	p.waitFor("link", "pc-249")
	evaluate[int](p, "slow = 0")
	names := evaluate[[]string](p, `(async () => {
		const [box, seen] = [document.querySelector('.table'), []];
		for (let top = 0; top < 250 * 48; top += 300) {
			box.scrollTop = top;
			for (let tries = 0; tries < 200 && !box.querySelector('tr[aria-rowindex="' + (Math.floor(top / 48) + 2) + '"]'); tries++) await new Promise((pass) => setTimeout(pass, 10));
			for (const row of box.querySelectorAll('tr[aria-rowindex] th[scope=row]')) seen[row.parentElement.ariaRowIndex - 2] = row.innerText;
		}
		return seen;
	})()`)
	if len(names) != 250 {
		p.t.Errorf("250 devices are shown in %d rows", len(names))
	}
	for i, name := range names {
		if want := fmt.Sprintf("pc-%03d", 249-i); name != want {
			p.t.Fatalf("row %d is of %q, want %q", i, name, want)
		}
	}
}

// pickByKeyboard adds the device whose name was typed, though another was found before,
// and takes a group that was chosen out again.
func (p *tab) pickByKeyboard(group string) {
	p.t.Helper()
	p.visit("/groups/" + group)
	p.waitFor("combobox", "Add a device")
	evaluate[bool](p, "document.querySelector('[role=combobox]').focus() ?? true")
	p.waitFor("option", "pc-000")
	evaluate[int](p, "slow = 300")
	p.keys("pc-123" + kb.Enter)
	p.reads("pc-123 was added.")
	evaluate[int](p, "slow = 2000")
	p.keys("nothing")
	time.Sleep(time.Second)
	p.lacks("Nothing matches")
	p.reads("Nothing matches")
	evaluate[int](p, "slow = 0")

	p.visit("/enrol")
	p.pick("Group", "Berlin")
	evaluate[bool](p, "document.querySelector('[role=combobox]').select() ?? true")
	p.keys("\b" + kb.Tab)
	time.Sleep(100 * time.Millisecond)
	if left := evaluate[string](p, "document.querySelector('[role=combobox]').value"); left != "" {
		p.t.Errorf("what was taken out is %q again", left)
	}
}

// followAddress leads to a list by an address that says less than the list did: what it
// shows and what its fields say is what the address says.
func (p *tab) followAddress() {
	p.t.Helper()
	const search, silence = "document.querySelector('main input[type=search]')", "document.querySelector('select[aria-label=\"Last seen\"]')"
	p.visit("/devices")
	p.must(p.Fill("searchbox", "Search name, user, serial number", "pc-00"))
	p.reads("10 devices")
	p.choose("Last seen", "Silent for a week")
	p.reads("Nothing matches")
	p.click("link", "Devices")
	p.reads("250 devices")
	p.until("%s.value === '' && %s.value === ''", search, silence)
	time.Sleep(500 * time.Millisecond) // longer than words rest
	p.until("location.hash === '#/devices'")
	p.visit("/devices?search=pc-24&silent=week") // of which the list knows one
	p.until("%s.value === 'pc-24' && %s.value === ''", search, silence)
	p.reads("10 devices")
}

// keepFaultToPage has a page fail while it is drawn.
func (p *tab) keepFaultToPage() {
	p.t.Helper()
	p.visit("/")
	evaluate[bool](p, `{ const whole = window.fetch; Object.assign(window, { whole }); } window.fetch = async (...request) => (
		String(request[0]).includes('managedDevices') ? new Response('{"value":[null]}', { headers: { 'Content-Type': 'application/json' } }) : whole(...request)); true`)
	p.visit("/devices")
	p.waitFor("heading", "This could not be shown")
	p.waitFor("button", "Try again")
	evaluate[bool](p, "window.fetch = whole; true")
	p.visit("/devices?order=model")
	p.reads("250 devices")
	if faults := p.Faults(); len(faults) != 1 {
		p.t.Errorf("the console has %q", faults)
	}
}

// followNews shows on a page that is open what others did meanwhile: at once, or where it
// would take people from their place, on a click.
func (p *tab) followNews(secret string) {
	p.t.Helper()
	p.visit("/devices?search=pc")
	p.reads("250 devices")
	evaluate[bool](p, "asked.length = 0; document.querySelector('.table').scrollTop = 4200; true")
	p.until("asked.some((address) => address.includes('skip')) && document.querySelector('tr[aria-rowindex=\"110\"]')")
	device := p.s.addDevice(p.t, secret, "pc-new", "Linux")
	p.reads("New results came in.")
	p.click("button", "Show them")
	p.reads("251 devices")
	p.lacks("New results came in.")
	p.visit("/devices?search=new")
	p.reads("1 device")
	p.s.addDevice(p.t, secret, "pc-newer", "Linux")
	p.reads("2 devices")

	p.visit("/devices/" + device)
	p.reads("No scripts run here")
	script := p.s.assignToAll(p.t, "Disk space", "#!/bin/sh\n")
	p.waitFor("link", "Disk space")

	p.visit("/scripts/" + script + "/edit")
	p.waitFor("textbox", "Source")
	p.s.must(p.t, http.StatusOK, "PATCH", scripts+"/"+script, `{"displayName":"Disk room"}`)
	time.Sleep(2 * time.Second) // until the page was told
	p.waitFor("heading", "Disk space")
	p.turnTo("Summary")
	p.waitFor("heading", "Disk room")
}

// readOverviewAgain leaves the overview open where nothing happens.
func (p *tab) readOverviewAgain() {
	p.t.Helper()
	p.visit("/")
	p.Requests()
	var batches int
	waitUntil(p.t, "what happened in the last 24 hours is read three times", func() bool {
		batches += len(p.calls())
		return batches >= 3
	})
}
