package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"plimsoll/internal/store/pgtest"
)

// replica is what a client knows of the scripts by their changes alone: their
// descriptions, by their ids.
type replica map[string]any

// follow reads changes to their end, and gives the link for those to come. It
// counts the rows: a script is listed once, however often it changed.
func (r replica) follow(t *testing.T, s *testServer, path string) (deltaLink string, rows int) {
	t.Helper()
	for {
		page := s.must(t, http.StatusOK, "GET", path, "")
		for _, value := range page.json["value"].([]any) {
			rows++
			row := value.(map[string]any)
			id := row["id"].(string)
			if removed, gone := row["@removed"]; gone {
				if diff := cmp.Diff(map[string]any{"reason": "deleted"}, removed); diff != "" || len(row) != 2 {
					t.Error(row)
				}
				delete(r, id)
				continue
			}
			r[id] = row["description"]
		}
		next, more := page.json["@odata.nextLink"].(string)
		link, last := page.json["@odata.deltaLink"].(string)
		if more == last {
			t.Fatalf("a page has both links or none: %s", page.text)
		}
		if last {
			return link, rows
		}
		path = next
	}
}

// wantReplica compares what a client knows with what there is.
func wantReplica(t *testing.T, s *testServer, r replica) {
	t.Helper()
	there := replica{}
	for _, script := range s.follow(t, scripts+"?$top=1000") {
		there[script["id"].(string)] = script["description"]
	}
	if diff := cmp.Diff(there, r); diff != "" {
		t.Error(diff)
	}
}

// describe gives a script another description.
func (s *testServer) describe(t *testing.T, id, description string) {
	t.Helper()
	s.must(t, http.StatusOK, "PATCH", scripts+"/"+id, fmt.Sprintf(`{"description":%q}`, description))
}

// TestDelta follows what changes from the beginning on.
func TestDelta(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		known := replica{}
		link, rows := known.follow(t, s, scripts+"/delta")
		if rows != 0 {
			t.Errorf("nothing changed %d times", rows)
		}
		ids := make([]string, 5)
		for i := range ids {
			ids[i] = s.addScript(t)
		}
		for _, step := range []struct {
			name string
			do   func()
			rows int
		}{
			{"created", func() {}, 5},
			{"nothing", func() {}, 0},
			{"changed", func() { s.describe(t, ids[0], "new") }, 1},
			{"changed often", func() { s.describe(t, ids[0], "a"); s.describe(t, ids[1], "b"); s.describe(t, ids[0], "c") }, 2},
			{"changed to the same", func() { s.describe(t, ids[0], "c") }, 1},
			{"removed", func() { s.must(t, http.StatusNoContent, "DELETE", scripts+"/"+ids[4], "") }, 1},
			{"changed and removed", func() { s.describe(t, ids[3], "x"); s.must(t, http.StatusNoContent, "DELETE", scripts+"/"+ids[3], "") }, 1},
			{"refused", func() { s.must(t, http.StatusBadRequest, "PATCH", scripts+"/"+ids[0], `{"displayName":""}`) }, 0},
			{"summarised", func() { s.must(t, http.StatusCreated, "POST", scripts+"/"+ids[0]+"/runSummary", summaryBody(1)) }, 0},
			{"taken back", func() {
				s.runBatch(t, "/beta", change("1", "PATCH", scripts+"/"+ids[0], `{"description":"lost"}`).grouped(), change("2", "PATCH", scripts+"/"+ids[0], `{"displayName":""}`).grouped())
			}, 0},
			{"together", func() {
				s.runBatch(t, "/beta", change("1", "PATCH", scripts+"/"+ids[0], `{"description":"1"}`).grouped(), change("2", "DELETE", scripts+"/"+ids[1], "null").grouped(),
					change("3", "POST", scripts, `{"displayName":"3"}`).grouped())
			}, 3},
		} {
			step.do()
			before := link
			if link, rows = known.follow(t, s, link); rows != step.rows {
				t.Errorf("%s: %d rows, want %d", step.name, rows, step.rows)
			}
			if _, again := known.follow(t, s, before); again != step.rows {
				t.Errorf("%s: the same link gives %d rows again, want %d", step.name, again, step.rows)
			}
			wantReplica(t, s, known)
		}
		brief := s.addScript(t)
		s.must(t, http.StatusNoContent, "DELETE", scripts+"/"+brief, "")
		if known.follow(t, s, link); len(known) != 3 { // whoever never knew it is told of nothing, or that it is gone
			t.Error(known)
		}
		fresh := replica{}
		if _, rows := fresh.follow(t, s, scripts+"/delta"); rows != len(fresh) || rows != 3 {
			t.Errorf("who begins is told of %d scripts and their removals", rows)
		}
		wantReplica(t, s, fresh)
	})
}

// TestDeltaPages changes what has been listed and what has not, between pages.
func TestDeltaPages(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		var ids []string
		for range 12 {
			ids = append(ids, s.addScript(t))
		}
		known, path := replica{}, scripts+"/delta?$top=3"
		var link string
		for i := 0; path != ""; i++ {
			page := s.must(t, http.StatusOK, "GET", path, "")
			rows := page.json["value"].([]any)
			for _, row := range rows {
				row := row.(map[string]any)
				if known[row["id"].(string)] = row["description"]; row["@removed"] != nil {
					delete(known, row["id"].(string))
				}
			}
			path, _ = page.json["@odata.nextLink"].(string)
			link, _ = page.json["@odata.deltaLink"].(string)
			if i > 3 || path == "" {
				continue
			}
			s.describe(t, rows[0].(map[string]any)["id"].(string), fmt.Sprint("again ", i)) // listed
			s.describe(t, ids[10], fmt.Sprint("later ", i))                                 // not yet
			s.must(t, http.StatusNoContent, "DELETE", scripts+"/"+rows[len(rows)-1].(map[string]any)["id"].(string), "")
			s.addScript(t)
		}
		if link, _ = known.follow(t, s, link); strings.Count(link, "$top=3") != 1 {
			t.Error(link)
		}
		wantReplica(t, s, known)
		sizes := s.must(t, http.StatusOK, "GET", scripts+"/delta", "", "Prefer", "odata.maxpagesize=2")
		if len(sizes.json["value"].([]any)) != 2 || sizes.json["@odata.nextLink"] == nil || sizes.Header.Get("Preference-Applied") != "odata.maxpagesize=2" {
			t.Error(sizes.text)
		}
	})
}

// TestDeltaOptions has what is selected kept by the links, the latest link alone,
// and what is refused.
func TestDeltaOptions(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		id := s.must(t, http.StatusCreated, "POST", scripts, `{"displayName":"x","detectionScriptContent":"AAEC"}`).json["id"].(string)
		latest := s.must(t, http.StatusOK, "GET", scripts+"/delta?$deltatoken=latest&$select=displayName,detectionScriptContent", "")
		link, _ := latest.json["@odata.deltaLink"].(string)
		if len(latest.json["value"].([]any)) != 0 || latest.json["@odata.nextLink"] != nil || !strings.HasPrefix(link, s.URL+"/beta"+scripts+"/delta?$select=displayName,detectionScriptContent&$deltatoken=") {
			t.Fatal(latest.text)
		}
		other := s.addScript(t)
		s.describe(t, id, "new")
		s.must(t, http.StatusNoContent, "DELETE", scripts+"/"+other, "")
		page := s.must(t, http.StatusOK, "GET", link, "")
		if names := strings.Join(members(page.json), " "); names != "@odata.context @odata.deltaLink value value/@odata.etag value/@odata.type value/detectionScriptContent value/displayName value/id" {
			t.Error(names)
		}
		rows := page.json["value"].([]any)
		if len(rows) != 2 || rows[0].(map[string]any)["detectionScriptContent"] != "AAEC" || rows[1].(map[string]any)["id"] != other {
			t.Error(page.text)
		}
		for _, path := range []string{"/microsoft.graph.delta", "/delta()", "/microsoft.graph.delta()"} {
			if r := s.must(t, http.StatusOK, "GET", scripts+path+"?$select=id", ""); !strings.HasPrefix(r.json["@odata.deltaLink"].(string), s.URL+"/beta"+scripts+path+"?$select=id&") {
				t.Error(r.text)
			}
		}
		token := link[strings.LastIndex(link, "=")+1:]
		for _, options := range []string{
			"$deltatoken=" + token[1:], "$deltatoken=" + token + "A", "$deltatoken=", "$deltatoken=LATEST", "$skiptoken=" + token, "$deltatoken=latest&$skiptoken=" + token,
			"$filter=true", "$orderby=id", "$skip=1", "$count=true", "$search=x", "$expand=runSummary", "$select=secret", "$deltatoken=" + token + "&$deltatoken=" + token,
		} {
			s.must(t, http.StatusBadRequest, "GET", scripts+"/delta?"+options, "")
		}
		s.must(t, http.StatusMethodNotAllowed, "POST", scripts+"/delta", "{}")
	})
}

// TestDeltaOfTwoServers writes at two servers of one database, and follows what
// changes at either.
func TestDeltaOfTwoServers(t *testing.T) {
	t.Parallel()
	a, b := startTwo(t, pgtest.URL(t))
	known := replica{}
	link, _ := known.follow(t, a, scripts+"/delta?$top=4")
	done := make(chan struct{}, 2)
	for _, s := range []*testServer{a, b} {
		go func() {
			defer func() { done <- struct{}{} }()
			for i := range 15 {
				r, err := s.send(t.Context(), "POST", scripts, `{"displayName":"x"}`)
				if err != nil || r.StatusCode != http.StatusCreated {
					t.Errorf("%v %s", err, r.shown())
					return
				}
				path := scripts + "/" + r.json["id"].(string)
				if i%3 == 0 {
					_, err = s.send(t.Context(), "DELETE", path, "")
				} else {
					_, err = s.send(t.Context(), "PATCH", path, `{"description":"`+fmt.Sprint(i)+`"}`)
				}
				if err != nil {
					t.Error(err)
				}
			}
		}()
	}
	for running := 2; running > 0; a, b = b, a {
		link = strings.Replace(link, b.URL, a.URL, 1)
		link, _ = known.follow(t, a, link) // while they write
		select {
		case <-done:
			running--
		default:
		}
	}
	link, _ = known.follow(t, b, strings.Replace(link, a.URL, b.URL, 1))
	wantReplica(t, a, known)
	if len(known) != 20 {
		t.Errorf("%d scripts were left", len(known))
	}
	if _, rows := known.follow(t, b, link); rows != 0 {
		t.Errorf("%d rows after the last", rows)
	}
}
