package graph

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"plimsoll"
)

// row is a summary in an event.
func row(id, first string) string {
	return `{"scriptId":"` + id + `","noIssueDetectedDeviceCount":` + first + `,"issueDetectedDeviceCount":2,` +
		`"detectionScriptErrorDeviceCount":3,"detectionScriptPendingDeviceCount":4,"lastScriptRunDateTime":"2026-01-01T00:00:00Z","computed":false}`
}

func summariesEvent(rows, removed string) string {
	return "event: summaries\ndata: {\"value\":[" + rows + `],"removed":[` + removed + "]}\n\n"
}

const (
	threeDevices = "event: devices\ndata: {\"count\":3}\n\n"
	fourDevices  = "event: devices\ndata: {\"count\":4}\n\n"
	otherScripts = "event: scripts\ndata: {}\n\n"
)

// TestChangesTell has two pages follow the same fleet, of which one comes later.
func TestChangesTell(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, 2, readsScripts)
		first := w.open(t, false)
		if diff := cmp.Diff(summariesEvent(row("a", "1")+","+row("b", "2"), "")+threeDevices, first.read()); diff != "" {
			t.Errorf("at first: %s", diff)
		}
		time.Sleep(lookInterval / 2) // between two looks
		for _, step := range []struct {
			name, want string
			change     func(*plimsoll.FleetState)
		}{
			{"nothing", "", func(*plimsoll.FleetState) {}},
			{"a summary", summariesEvent(row("b", "9"), ""), func(f *plimsoll.FleetState) { f.Summaries[1].NoIssueDetected = 9 }},
			{"another id of the same", "", func(f *plimsoll.FleetState) { f.Summaries[1].ID, f.Summaries[1].Sequence = "x", 7 }},
			{"the same, computed", strings.Replace(summariesEvent(row("b", "9"), ""), "false", "true", 1), func(f *plimsoll.FleetState) { f.Summaries[1].Computed = true }},
			{"a new one", summariesEvent(row("c", "5"), ""), func(f *plimsoll.FleetState) { f.Summaries = append(f.Summaries, reported("c", 5)) }},
			{"two that are gone", summariesEvent("", `"a","c"`), func(f *plimsoll.FleetState) { f.Summaries = f.Summaries[1:2] }},
			{"one that is there again", summariesEvent(row("a", "1"), ""), func(f *plimsoll.FleetState) {
				f.Summaries = []plimsoll.RunSummaryRecord{reported("a", 1), f.Summaries[0]}
			}},
			{"scripts", otherScripts, func(f *plimsoll.FleetState) { f.ScriptChanges++ }},
			{"devices", fourDevices, func(f *plimsoll.FleetState) { f.Devices = 4 }},
			{"all of it", summariesEvent(row("a", "6"), `"b"`) + otherScripts + threeDevices, func(f *plimsoll.FleetState) {
				*f = plimsoll.FleetState{Summaries: []plimsoll.RunSummaryRecord{reported("a", 6)}, ScriptChanges: 9, Devices: 3}
			}},
		} {
			w.fleet.change(step.change)
			time.Sleep(lookInterval)
			if diff := cmp.Diff(step.want, first.read()); diff != "" {
				t.Errorf("%s: %s", step.name, diff)
			}
		}
		second := w.open(t, false)
		if diff := cmp.Diff(summariesEvent(row("a", "6"), "")+threeDevices, second.read()); diff != "" {
			t.Errorf("a later page at first: %s", diff)
		}
		w.fleet.change(func(f *plimsoll.FleetState) { f.ScriptChanges++ })
		time.Sleep(lookInterval)
		for name, page := range map[string]*browser{"first": first, "later": second} {
			if diff := cmp.Diff(otherScripts, page.read()); diff != "" {
				t.Errorf("both are told the same, and the %s: %s", name, diff)
			}
		}
	})
}

// TestChangesAtRest has a page that is told nothing new know that the server is there,
// and the store not be looked at where no page is.
func TestChangesAtRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, 1, readsScripts)
		time.Sleep(time.Minute)
		if n := w.fleet.looked(); n != 0 {
			t.Errorf("without a page it was looked at %d times", n)
		}
		page := w.open(t, false)
		page.read()
		time.Sleep(time.Minute + lookInterval/2)
		if text := page.read(); text != strings.Repeat(stillHere, 4) {
			t.Errorf("in a minute of nothing it was told %q", text)
		}
		if n := w.fleet.looked(); n < 60 || n > 62 {
			t.Errorf("in a minute it was looked at %d times", n)
		}
		if !page.deadline.IsZero() {
			t.Errorf("a page at rest has until %v", page.deadline)
		}
		page.leave()
		if page.isOpen() || w.pages.Open() != 0 {
			t.Errorf("%d pages are left", w.pages.Open())
		}
		time.Sleep(time.Minute)
		if n := w.fleet.looked(); n > 1 {
			t.Errorf("for a page that left it was looked at %d times", n)
		}
		w.fleet.change(func(f *plimsoll.FleetState) { f.Summaries = nil })
		if text := w.open(t, false).read(); text != summariesEvent("", "")+threeDevices {
			t.Errorf("a page that comes after a pause is shown %q", text)
		}
	})
}

// TestChangesEnd ends pages with their tokens, their store and their server.
func TestChangesEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, 10, readsScripts)
		page := w.open(t, false)
		time.Sleep(tokenLife - time.Second)
		if !page.isOpen() {
			t.Error("it ends before its token")
		}
		time.Sleep(2 * time.Second)
		if page.isOpen() || w.pages.Open() != 0 {
			t.Error("it outlives its token")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, 10, readsScripts)
		page := w.open(t, false)
		w.fleet.mu.Lock()
		w.fleet.fault = plimsoll.Errorf(plimsoll.Unavailable, "The store is away.")
		w.fleet.mu.Unlock()
		time.Sleep(lookInterval)
		if page.isOpen() {
			t.Error("a page is open that can be told nothing")
		}
		refused := w.open(t, false)
		time.Sleep(lookInterval)
		if refused.isOpen() || refused.status != http.StatusServiceUnavailable || !strings.Contains(refused.read(), "The store is away.") {
			t.Errorf("without its store: %d", refused.status)
		}
		w.fleet.mu.Lock()
		w.fleet.fault, w.fleet.slow = nil, 3*time.Second
		w.fleet.mu.Unlock()
		waits := w.open(t, false)
		time.Sleep(2 * time.Second) // while it is looked at
		w.pages.Stop()
		if waits.isOpen() || waits.status != http.StatusServiceUnavailable || waits.header.Get("Retry-After") != "1" {
			t.Errorf("a page that waits for the first event of a server that stops: %d %v", waits.status, waits.header)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, 10, readsScripts)
		page := w.open(t, false)
		w.pages.Stop()
		if page.isOpen() || page.status != http.StatusOK || w.open(t, false).status != http.StatusServiceUnavailable {
			t.Error("a page outlives its server")
		}
	})
}

// TestStuckPage has a page whose browser takes nothing: it is closed when its time is
// over, and holds up no other meanwhile.
func TestStuckPage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, 2, readsScripts)
		stuck, reads := w.open(t, true), w.open(t, false)
		reads.read()
		time.Sleep(lookInterval / 2)
		for second := range readTimeout / time.Second {
			w.fleet.change(func(f *plimsoll.FleetState) { f.ScriptChanges++ })
			time.Sleep(lookInterval)
			if text := reads.read(); text != otherScripts {
				t.Errorf("after %d s the other is told %q", second, text)
			}
		}
		if stuck.isOpen() || !reads.isOpen() || w.pages.Open() != 1 {
			t.Errorf("%d pages are open", w.pages.Open())
		}
	})
}

// TestChangesRefused asks in ways that open no page, and so leave none open.
func TestChangesRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, 1, readsScripts)
		for _, c := range []struct {
			method, header, value string
			status                int
		}{
			{"HEAD", "", "", 200},
			{"HEAD", "If-None-Match", "*", 304},
			{"GET", "If-None-Match", "*", 304},
			{"GET", "If-Match", `W/"1"`, 412},
			{"GET", "If-None-Match", "?", 400},
			{"GET", "Accept", "application/json", 406},
			{"GET", "Authorization", "", 401},
			{"POST", "", "", 405},
		} {
			r := httptest.NewRequest(c.method, "https://host/beta"+changesPath, nil)
			r.Header.Set("Authorization", "Bearer any")
			r.Header.Set(c.header, c.value)
			answer := httptest.NewRecorder()
			w.ServeHTTP(answer, r)
			if answer.Code != c.status || w.pages.Open() != 0 {
				t.Errorf("%s with %s: %s: %d, and %d pages are open", c.method, c.header, c.value, answer.Code, w.pages.Open())
			}
		}
		for _, item := range []string{"/beta" + changesPath, changesPath, changesPath + "()"} {
			r := httptest.NewRequest(http.MethodPost, "https://host/beta/$batch", strings.NewReader(`{"requests":[{"id":"1","method":"GET","url":"`+item+`"}]}`))
			r.Header.Set("Authorization", "Bearer any")
			r.Header.Set("Content-Type", "application/json")
			answer := httptest.NewRecorder()
			w.ServeHTTP(answer, r)
			if text := answer.Body.String(); strings.Contains(text, `"status":200`) || w.pages.Open() != 0 {
				t.Errorf("%s in a batch: %s, and %d pages are open", item, text, w.pages.Open())
			}
		}
		one := w.open(t, false)
		refused := w.open(t, false)
		if refused.isOpen() || refused.status != http.StatusTooManyRequests || refused.header.Get("Retry-After") != "15" {
			t.Errorf("one more: %d %v", refused.status, refused.header)
		}
		one.leave()
		if synctest.Wait(); w.open(t, false).status != http.StatusOK {
			t.Error("the place of one that left is not free")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, 0, readsScripts)
		if page := w.open(t, false); page.status != http.StatusTooManyRequests {
			t.Errorf("where none may be open: %d", page.status)
		}
		w = watch(t, 1, "Group.Read.All")
		if page := w.open(t, false); page.status != http.StatusForbidden {
			t.Errorf("without the permission: %d", page.status)
		}
	})
}
