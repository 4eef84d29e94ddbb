package main

import (
	"os"
	"path/filepath"
	"strings"
)

// firstSteps goes from an empty server to the first result as the page leads, with
// the command that it shows. Nothing is loaded anew on the way.
func (a story) firstSteps() {
	t := a.t
	s := startServer(t, sqliteAddress(t))
	p := a.openSignedIn(s)
	evaluate[bool](p, "window.sameDocument = true")
	p.wantStep("Write a first script")
	p.click("link", "Disk space Linux, macOS: at least 10 % of the system disk is free.")
	p.waitFor("textbox", "Name")
	p.until("document.querySelector('textarea[wrap=off]').value.includes('df -P /')")
	p.click("button", "Create script")

	p.waitFor("button", "Add an assignment") // where the new script is assigned
	p.reads("Disk space was made.")
	p.click("button", "Add an assignment")
	p.reads("0 devices are reached")
	p.click("button", "Save assignments")
	p.reads("The assignments are saved.")

	p.click("link", "Overview")
	p.wantStep("Enrol a first device")
	p.click("link", "Enrol a device")
	p.click("button", "Make the command")
	p.reads("Waiting for the first machine")
	device := a.enrolAsShown(s, p.text(".command pre"))
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	p.waitFor("link", name)
	p.reads("1 of 1 used")
	p.reads("Only this machine can reach 127.0.0.1")

	p.click("link", "Overview")
	p.waitFor("link", "Disk space")
	device.start(t)
	p.until("document.querySelector('.bar .pending') === null && document.querySelector('.bar .part')")
	s.token = s.signIn(t, s.FirstClient)
	script := s.listed(t, scripts, "id")
	if shown, counted := p.figures(), s.counts(t, script); shown != counted || strings.HasSuffix(counted, "1") {
		t.Errorf("the page counts %s, the API %s", shown, counted)
	}
	if !evaluate[bool](p, "window.sameDocument === true") {
		t.Error("the page was loaded anew")
	}
	p.wantOrigins(p.Requests(), s.URL)
}

// wantStep waits until a step is the one to take.
func (p *tab) wantStep(title string) {
	p.t.Helper()
	p.until("document.querySelector('[aria-current=step] h3')?.innerText === %s", quoted(title))
}

// figures gives the four numbers of a page as testServer.counts does.
func (p *tab) figures() string {
	p.t.Helper()
	return evaluate[string](p, "[...document.querySelectorAll('.figures dd')].map((dd) => dd.firstChild.textContent).join(' ')")
}

// enrolAsShown runs the first line of a shown command on this machine, with the
// program of the test and a folder of its own. The second, which makes a service of
// the system of it, is for administrators.
func (a story) enrolAsShown(s *testServer, shown string) *device {
	a.t.Helper()
	const installed = "/usr/local/bin/plimsoll"
	lines := strings.Split(strings.TrimSpace(shown), "\n")
	words := strings.Fields(lines[0])
	if len(lines) != 2 || len(words) < 4 || words[0] != "sudo" || words[1] != installed || lines[1] != "sudo "+installed+" agent install" {
		a.t.Fatalf("the command is %q", shown)
	}
	d := &device{folder: filepath.Join(a.t.TempDir(), "agent"), log: &processLog{}}
	if out, err := runProgram(a.t, "", append(words[2:], "--data", d.folder)...); err != nil {
		a.t.Fatalf("%v\n%s\n%s", err, out, s.log)
	}
	return d
}
