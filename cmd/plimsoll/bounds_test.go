package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"plimsoll/internal/odata"
)

// TestBatchAnswersAreBounded asks in one batch for far more than a batch holds:
// what does not fit is left for another, and says so.
func TestBatchAnswersAreBounded(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, store string) {
		t.Helper()
		s := signedIn(t, store)
		content := base64.StdEncoding.EncodeToString(make([]byte, 1<<20))
		for range 3 {
			s.must(t, http.StatusCreated, "POST", scripts, `{"displayName":"large","detectionScriptContent":"`+content+`"}`)
		}
		items := make([]string, odata.MaxBatch)
		for i := range items {
			items[i] = fmt.Sprintf(`{"id":"%d","method":"GET","url":"%s?$select=detectionScriptContent"}`, i, scripts)
		}
		answer := s.must(t, http.StatusOK, "POST", "/$batch", `{"requests":[`+strings.Join(items, ",")+`]}`)
		const most = 48 << 20 // the bound, and what was under way
		if len(answer.text) > most {
			t.Errorf("the answer has %d bytes", len(answer.text))
		}
		statuses := map[float64]int{}
		for _, response := range answer.json["responses"].([]any) {
			one := response.(map[string]any)
			statuses[one["status"].(float64)]++
			retry := one["headers"].(map[string]any)["Retry-After"]
			if (one["status"] == 429.0) != (retry == "1") {
				t.Errorf("status %v, Retry-After %v", one["status"], retry)
			}
		}
		if statuses[200] == 0 || statuses[429] == 0 || len(statuses) != 2 {
			t.Errorf("statuses %v", statuses)
		}
	})
}

// TestBatchPrefersNothing has a preference that is about a single change: a
// batch is answered whole.
func TestBatchPrefersNothing(t *testing.T) {
	t.Parallel()
	s := signedIn(t, sqliteAddress(t))
	body := `{"requests":[{"id":"a","method":"POST","url":"` + scripts + `","body":{"displayName":"x"}},{"id":"b","method":"GET","url":"/x"}]}`
	r := s.must(t, http.StatusOK, "POST", "/$batch", body, "Prefer", "return=minimal")
	if responses, _ := r.json["responses"].([]any); len(responses) != 2 || r.Header.Get("Preference-Applied") != "" {
		t.Errorf("%v %s", r.Header, r.text)
	}
	s.must(t, http.StatusNotAcceptable, "POST", "/$batch", body, "Accept", "text/html")
}

// TestDeltaIsOfOneStore has links that this store did not give, or not yet.
func TestDeltaIsOfOneStore(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, store string) {
		t.Helper()
		s, other := signedIn(t, store), signedIn(t, sqliteAddress(t))
		link := other.must(t, http.StatusOK, "GET", scripts+"/delta", "").json["@odata.deltaLink"].(string)
		_, token, _ := strings.Cut(link, "?")
		s.must(t, http.StatusBadRequest, "GET", scripts+"/delta?"+token, "")

		early := odata.DeltaToken("deviceManagement/deviceComplianceScripts/$delta/end/"+s.TenantID, 1_000_000)
		r := s.must(t, http.StatusGone, "GET", scripts+"/delta?$deltatoken="+early, "")
		if e, _ := r.json["error"].(map[string]any); e["code"] != "Gone" {
			t.Error(r.text)
		}
		wantNoPhantoms(t, s)
	})
}

// wantNoPhantoms has scripts that came and went before a reader began.
func wantNoPhantoms(t *testing.T, s *testServer) {
	t.Helper()
	for range 2 {
		s.must(t, http.StatusNoContent, "DELETE", scripts+"/"+s.addScript(t), "")
	}
	begin := s.must(t, http.StatusOK, "GET", scripts+"/delta?$top=1", "")
	link, _ := begin.json["@odata.deltaLink"].(string)
	if rows := begin.json["value"].([]any); len(rows) != 0 || link == "" {
		t.Fatal(begin.text)
	}
	kept := s.addScript(t)
	next := s.must(t, http.StatusOK, "GET", link, "")
	if rows := next.json["value"].([]any); len(rows) != 1 || rows[0].(map[string]any)["id"] != kept {
		t.Error(next.text)
	}
}

// TestLinksThatCannotBe has sort keys from which no link can go on: they are
// refused rather than linked to a page that is never answered.
func TestLinksThatCannotBe(t *testing.T) {
	t.Parallel()
	s := signedIn(t, sqliteAddress(t))
	for range 2 {
		s.must(t, http.StatusCreated, "POST", scripts, `{"displayName":"x","description":"`+strings.Repeat("ü", 16000)+`"}`)
	}
	r := s.must(t, http.StatusBadRequest, "GET", scripts+"?$orderby=description&$top=1", "")
	if !strings.Contains(r.text, "substring(description") {
		t.Error(r.text)
	}
	s.must(t, http.StatusOK, "GET", scripts+"?$orderby=substring(description,0,100)&$top=1", "")
	s.must(t, http.StatusBadRequest, "GET", scripts+"?$orderby=now()%20sub%20createdDateTime", "")
	s.must(t, http.StatusBadRequest, "GET", scripts+"/delta?$top=0", "")
}

// TestChangeSetOfAnother has one request of a change set carry a token that does
// not hold: it is told so, and nothing of the set is kept.
func TestChangeSetOfAnother(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, store string) {
		t.Helper()
		s := signedIn(t, store)
		answers := s.runBatch(t, "/beta",
			change("good", "POST", scripts, `{"displayName":"a"}`).grouped(),
			change("bad", "POST", scripts, `{"displayName":"b"}`).grouped().with("Authorization", "Bearer x"))
		wantStatuses(t, answers, map[string]int{"good": http.StatusFailedDependency, "bad": http.StatusUnauthorized})
		if n := s.must(t, http.StatusOK, "GET", scripts+"/$count", "").text; n != "0" {
			t.Errorf("%s scripts were kept", n)
		}
	})
}
