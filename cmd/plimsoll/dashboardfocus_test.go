package main

import (
	"fmt"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// keepFocus closes dialogs and goes through a long list by keyboard: the focus returns to
// what opened the one, or to what stands beside it, and stays in the other.
func (a story) keepFocus() {
	t := a.t
	s := signedIn(t, sqliteAddress(t))
	secret := s.newEnrollment(t)
	for i := range 130 {
		s.addDevice(t, secret, fmt.Sprintf("pc-%03d", i), "Linux")
	}
	script := s.addScript(t)
	p := a.openSignedIn(s)
	p.visit("/scripts/" + script + "/edit")
	p.press("Delete")
	p.waitFor("heading", "Delete Disk encryption?")
	p.keys(kb.Escape)
	p.focusIsOn("Delete")
	p.fill("Description", "changed")
	p.press("Preview changes")
	p.waitFor("heading", "What changes")
	p.press("Save")
	p.reads("Saved.")
	p.reads("Nothing is changed yet.") // there is nothing to preview any more
	p.focusIsOn("More settings")

	p.visit("/enrol")
	p.press("Revoke")
	p.waitFor("heading", "Revoke this command?")
	p.keys(kb.Tab + kb.Enter)
	p.until("!document.querySelector('dialog') && [...document.querySelectorAll('.tag')].some((tag) => tag.innerText === 'Revoked')")
	p.until("document.activeElement !== document.body")

	p.visit("/devices")
	p.waitFor("link", "pc-000")
	evaluate[bool](p, "document.querySelector('tbody a').focus() ?? true")
	for _, key := range []string{kb.End, kb.Home, kb.PageDown} {
		before := evaluate[float64](p, "document.querySelector('.table').scrollTop")
		p.keys(key)
		p.until("document.querySelector('.table').scrollTop !== %v", before)
		p.until("document.activeElement.closest('.table')")
	}
	p.until("!document.querySelector('.going-on')") // the first of these had the rest be read
	p.keys(kb.End)
	p.waitFor("link", "pc-129")
}

// keys presses keys on what has the focus.
func (p *tab) keys(keys string) {
	p.t.Helper()
	p.must(p.Do(chromedp.KeyEvent(keys)))
}

// press presses Enter on a button, once it is there.
func (p *tab) press(button string) {
	p.t.Helper()
	p.waitFor("button", button)
	p.until("[...document.querySelectorAll('dialog button, main button')].find((one) => one.innerText === %s && !one.disabled)?.focus() === undefined && document.activeElement.innerText === %[1]s", quoted(button))
	p.keys(kb.Enter)
}

// focusIsOn waits until what reads so has the focus.
func (p *tab) focusIsOn(text string) {
	p.t.Helper()
	p.until("document.activeElement.innerText === %s", quoted(text))
}
