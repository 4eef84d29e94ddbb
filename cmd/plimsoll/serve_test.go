package main

import (
	"net/http"
	"testing"
)

// TestFoundingOperation is the operation the product was founded on, over a
// real wire, on both engines.
func TestFoundingOperation(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, store string) {
		t.Helper()
		s := signedIn(t, store)
		path := scripts + "/" + s.addScript(t) + "/runSummary"
		s.must(t, http.StatusNotFound, "GET", path, "")
		created := s.must(t, http.StatusCreated, "POST", path, summaryBody(1))
		if created.json["lastScriptRunDateTime"] != "2017-01-01T08:01:17.4310553Z" {
			t.Error(created.text)
		}
		if location := created.Header.Get("Location"); location != s.URL+"/beta"+path {
			t.Errorf("Location %q", location)
		}
		if read := s.must(t, http.StatusOK, "GET", path, ""); read.text != created.text {
			t.Errorf("POST answered %s, GET %s", created.text, read.text)
		}
	})
}
