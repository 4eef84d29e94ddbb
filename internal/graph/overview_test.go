package graph

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"plimsoll"
	"plimsoll/internal/auth"
	"plimsoll/internal/query"
	"plimsoll/internal/service"
)

// someone is a caller.
type someone auth.Principal

func (s someone) Verify(context.Context, string) (auth.Principal, error) {
	return auth.Principal(s), nil
}

// smallOverview has two scripts, of which one has summaries. What it was asked for is
// there to be looked at.
type smallOverview struct {
	service.OverviewStore
	service.ScriptStore

	since time.Time
	limit int
	fault error
}

func (o *smallOverview) ScriptSummaries(_ context.Context, at time.Time, limit int) ([]plimsoll.ScriptSummary, error) {
	o.since, o.limit = at, limit
	then := reported("a", 1)
	return []plimsoll.ScriptSummary{
		{ID: "a", DisplayName: "Disk encryption", Platform: plimsoll.PlatformLinux, Current: new(reported("a", 7)), Earlier: &then},
		{ID: "b", DisplayName: "Firewall"},
	}, o.fault
}

func (o *smallOverview) CountScripts(context.Context, *query.Expr) (int64, error) { return 1001, nil }

// reported is a summary whose first count is n.
func reported(scriptID string, n int32) plimsoll.RunSummaryRecord {
	return plimsoll.RunSummaryRecord{
		ScriptID: scriptID, RecordedAt: time.Date(2026, 1, 1, 0, 0, int(n), 0, time.UTC),
		RunSummary: plimsoll.RunSummary{
			ID: "0", NoIssueDetected: n, IssueDetected: 2, DetectionScriptError: 3, DetectionScriptPending: 4,
			LastScriptRun: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		},
	}
}

// overviewSurface serves an overview to a caller.
func overviewSurface(o *smallOverview, caller someone) *testSurface {
	s := service.New(service.Stores{OverviewStore: o, ScriptStore: o}, nil, time.Now, rand.Reader)
	return &testSurface{token: "any", API: New(s, nil, caller, noThrottle{}, "tenant", slog.New(slog.DiscardHandler),
		func(string, string, int, time.Duration) {}, time.Now, rand.Reader)}
}

func reader() someone {
	return someone{Subject: "c", Permissions: []auth.Permission{readsScripts}}
}

func TestMe(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		caller someone
		accept string
		want   object
	}{
		{
			"a user",
			someone{Subject: "u", DisplayName: "Ada", UserName: "ada@example.com", Permissions: []auth.Permission{readsScripts, "Group.Read.All"}},
			"",
			object{"displayName": "Ada", "userPrincipalName": "ada@example.com", mayName: []any{string(readsScripts), "Group.Read.All"}},
		},
		{"an application that may nothing", someone{Subject: "u"}, "", object{"displayName": nil, "userPrincipalName": nil, mayName: []any{}}},
		{
			"with full metadata",
			someone{Subject: "u", DisplayName: "Ada"},
			"application/json;odata.metadata=full",
			object{"displayName": "Ada", "userPrincipalName": nil, mayName: []any{}, mayAnnotation: collectionType},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := overviewSurface(nil, c.caller)
			c.want["id"], c.want["@odata.context"] = "u", "https://host/beta/$metadata#me"
			got := s.send(t, http.StatusOK, "GET", mePath, "", "Accept", c.accept)
			for name := range got {
				if _, wanted := c.want[name]; !wanted {
					delete(got, name) // links and types, which other tests hold
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			s.send(t, http.StatusMethodNotAllowed, "PATCH", mePath, `{}`)
			shows(t, s.send(t, http.StatusOK, "GET", mePath+"/id", ""), object{"value": "u"})
		})
	}
}

func TestSummaries(t *testing.T) {
	t.Parallel()
	o := &smallOverview{}
	s := overviewSurface(o, reader())
	counts := func(n float64) object {
		return object{
			"noIssueDetectedDeviceCount": n, "issueDetectedDeviceCount": 2.0, "detectionScriptErrorDeviceCount": 3.0, "detectionScriptPendingDeviceCount": 4.0,
		}
	}
	current, earlier := counts(7), counts(1)
	current["computed"] = false
	current["lastScriptRunDateTime"], earlier["recordedDateTime"] = "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"
	want := object{
		"@odata.context": "https://host/beta/$metadata#Collection(plimsoll.scriptSummary)",
		"value": []any{
			object{"id": "a", "displayName": "Disk encryption", "platform": "linux", "current": current, "earlier": earlier},
			object{"id": "b", "displayName": "Firewall", "platform": nil, "current": nil, "earlier": nil},
		},
	}
	got := s.send(t, http.StatusOK, "GET", summariesPath+"(since=2026-01-01T00:00:00Z)", "")
	if diff := cmp.Diff(want, withoutTypes(got)); diff != "" || o.limit != 1000 {
		t.Error(diff, o.limit)
	}
	some := s.send(t, http.StatusOK, "GET", summariesPath+"(since=2026-01-01T00:00:00Z)?$select=displayName,current&$count=true", "")
	rows, _ := some["value"].([]any)
	if first, _ := rows[0].(object); some["@odata.count"] != 1001.0 || first["displayName"] == nil || first["current"] == nil || first["earlier"] != nil {
		t.Error(some)
	}
	o.fault = plimsoll.Errorf(plimsoll.Unavailable, "away")
	s.send(t, http.StatusServiceUnavailable, "GET", summariesPath+"(since=2026-01-01T00:00:00Z)", "")
	s = overviewSurface(o, someone{Permissions: []auth.Permission{"Group.Read.All"}})
	s.send(t, http.StatusForbidden, "GET", summariesPath+"(since=2026-01-01T00:00:00Z)", "")
}

// withoutTypes takes the names of types out of a JSON value.
func withoutTypes(v any) any {
	switch v := v.(type) {
	case object:
		delete(v, "@odata.type")
		for name := range v {
			v[name] = withoutTypes(v[name])
		}
	case []any:
		for i := range v {
			v[i] = withoutTypes(v[i])
		}
	}
	return v
}

// TestSummariesSince gives the time in each form, and in some that are none.
func TestSummariesSince(t *testing.T) {
	t.Parallel()
	o := &smallOverview{}
	s := overviewSurface(o, reader())
	for _, c := range []struct {
		arguments string
		status    int
	}{
		{"(since=2026-01-01T00:00:00Z)", 200},
		{"(since=2026-01-01T00:00:00.000Z)", 200},
		{"(since=2026-01-01T00:00Z)", 200},
		{"(since=2026-01-01T01:00:00+01:00)", 200},
		{"(since=2026-01-01T01:00:00%2B01:00)", 200},
		{"(since%3D2026-01-01T00%3A00%3A00Z)", 200},
		{"(since=2026-01-01)", 400},
		{"(since=2026-01-01T00:00:00)", 400},
		{"(since='2026-01-01T00:00:00Z')", 400},
		{"(since=0000-01-01T00:00:00Z)", 400},
		{"(since=null)", 400},
		{"(since=)", 400},
		{"(since=2026-01-01T00:00:00Z)?$top=1", 400},
		{"(since=2026-01-01T00:00:00Z)?$filter=id eq 'a'", 400},
		{"(until=2026-01-01T00:00:00Z)", 400},
		{"(since=2026-01-01T00:00:00Z,since=2026-01-01T00:00:00Z)", 400},
		{"()", 400},
		{"", 400},
	} {
		o.since = time.Time{}
		got := s.send(t, c.status, "GET", summariesPath+c.arguments, "")
		if want := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC); o.since.Equal(want) != (c.status == http.StatusOK) {
			t.Errorf("%s: since %v: %v", c.arguments, o.since, got)
		}
	}
}
