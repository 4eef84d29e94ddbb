package storetest

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"plimsoll"
	"plimsoll/internal/query"
	"plimsoll/internal/query/querytest"
)

func field(name string, kind query.Kind, nullable bool) *query.Expr {
	e := &query.Expr{Op: query.Field, Name: name, Type: query.Type{Kind: kind, Nullable: nullable}}
	switch kind {
	case query.Number:
		e.Type.Min, e.Type.Max = math.MinInt32, math.MaxInt32
	case query.Instant:
		e.Type.Max = query.MaxInstant
	}
	return e
}

// counts gives the properties of a run summary.
func counts(path string, nullable bool) []*query.Expr {
	return []*query.Expr{
		field(path+"id", query.String, nullable),
		field(path+"noIssueDetectedDeviceCount", query.Number, nullable),
		field(path+"issueDetectedDeviceCount", query.Number, nullable),
		field(path+"detectionScriptErrorDeviceCount", query.Number, nullable),
		field(path+"detectionScriptPendingDeviceCount", query.Number, nullable),
		field(path+"lastScriptRunDateTime", query.Instant, nullable),
	}
}

func scriptFields() []*query.Expr {
	account, platform := field("runAsAccount", query.Enum, false), field("platform", query.Enum, true)
	account.Type.Enum, account.Type.Members = "account", texts(plimsoll.RunAsAccounts())
	platform.Type.Enum, platform.Type.Members = "platform", texts(plimsoll.Platforms())
	tags := field("roleScopeTagIds", query.String, false)
	tags.Type.Collection = true
	return append(counts("runSummary/", true),
		field("id", query.String, false), field("displayName", query.String, false), field("publisher", query.String, true),
		field("version", query.String, true), field("description", query.String, true),
		field("detectionScriptContent", query.Binary, true),
		field("createdDateTime", query.Instant, false), field("lastModifiedDateTime", query.Instant, false),
		field("enforceSignatureCheck", query.Boolean, false), field("runAs32Bit", query.Boolean, false),
		field("runSummary", query.Entity, true), account, platform, tags)
}

func historyFields() []*query.Expr {
	return append(counts("", false), field("recordedDateTime", query.Instant, false), field("recordedBy", query.String, false),
		field("removedDateTime", query.Instant, true), field("removedBy", query.String, true))
}

func named(fields []*query.Expr, name string) *query.Expr {
	return fields[slices.IndexFunc(fields, func(f *query.Expr) bool { return f.Name == name })]
}

func texts[T ~string](names []T) (plain []string) {
	for _, name := range names {
		plain = append(plain, string(name))
	}
	return plain
}

func ticks(at time.Time) int64 {
	return (at.Unix()+62_135_596_800)*query.TicksPerSecond + int64(at.Nanosecond())/100
}

func summaryRow(path string, r *plimsoll.RunSummaryRecord) map[string]any {
	if r == nil {
		return map[string]any{}
	}
	return map[string]any{
		path + "id":                                r.ID,
		path + "noIssueDetectedDeviceCount":        int64(r.NoIssueDetected),
		path + "issueDetectedDeviceCount":          int64(r.IssueDetected),
		path + "detectionScriptErrorDeviceCount":   int64(r.DetectionScriptError),
		path + "detectionScriptPendingDeviceCount": int64(r.DetectionScriptPending),
		path + "lastScriptRunDateTime":             ticks(r.LastScriptRun),
	}
}

func scriptRow(s *plimsoll.ListedScript) map[string]any {
	row := summaryRow("runSummary/", s.RunSummary)
	row["id"], row["displayName"], row["roleScopeTagIds"] = s.ID, s.DisplayName, s.RoleScopeTagIDs
	row["createdDateTime"], row["lastModifiedDateTime"] = ticks(s.CreatedAt), ticks(s.ModifiedAt)
	row["runAsAccount"], row["enforceSignatureCheck"], row["runAs32Bit"] = string(s.RunAsAccount), s.EnforceSignatureCheck, s.RunAs32Bit
	for name, text := range map[string]*string{"publisher": s.Publisher, "version": s.Version, "description": s.Description} {
		if text != nil {
			row[name] = *text
		}
	}
	if s.Platform != "" {
		row["platform"] = string(s.Platform)
	}
	if s.Content != nil {
		row["detectionScriptContent"] = s.Content
	}
	if s.RunSummary != nil {
		row["runSummary"] = s.RunSummary
	}
	return row
}

func historyRow(r *plimsoll.RunSummaryRecord) map[string]any {
	row := summaryRow("", r)
	row["recordedDateTime"], row["recordedBy"] = ticks(r.RecordedAt), r.RecordedBy
	if !r.RemovedAt.IsZero() {
		row["removedDateTime"] = ticks(r.RemovedAt)
	}
	if r.RemovedBy != "" {
		row["removedBy"] = r.RemovedBy
	}
	return row
}

// drawScript draws a script of few different values, so that many are equal.
func drawScript(t *rapid.T) *plimsoll.Script {
	text := querytest.Text()
	optional := rapid.Ptr(text, true)
	s := plimsoll.NewScript()
	s.DisplayName = text.Filter(func(name string) bool { return name != "" }).Draw(t, "name")
	s.Publisher, s.Version, s.Description = optional.Draw(t, "publisher"), optional.Draw(t, "version"), optional.Draw(t, "description")
	s.Content = []byte(text.Draw(t, "content"))
	s.RunAsAccount = rapid.SampledFrom(plimsoll.RunAsAccounts()).Draw(t, "account")
	s.Platform = rapid.SampledFrom([]plimsoll.Platform{"", "windows10", "linux", "macOS"}).Draw(t, "platform")
	s.EnforceSignatureCheck, s.RunAs32Bit = rapid.Bool().Draw(t, "signature"), rapid.Bool().Draw(t, "32 bit")
	s.RoleScopeTagIDs = rapid.SliceOfN(text, 0, 3).Draw(t, "tags")
	if rapid.IntRange(0, 5).Draw(t, "no list") == 0 {
		s.RoleScopeTagIDs = nil
	}
	if err := s.Create(randomID(), drawTime(t)); err != nil {
		t.Fatal(err)
	}
	return &s
}

func drawTime(t *rapid.T) time.Time {
	first := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	day := rapid.OneOf(rapid.SampledFrom([]int64{0, 59, 738_000, query.MaxDate}), rapid.Int64Range(0, query.MaxDate)).Draw(t, "day")
	tick := rapid.OneOf(rapid.SampledFrom([]int64{0, query.TicksPerDay - 1}), rapid.Int64Range(0, query.TicksPerDay-1)).Draw(t, "tick")
	return first.AddDate(0, 0, int(day)).Add(time.Duration(tick) * plimsoll.Tick)
}

func drawRecord(t *rapid.T, scriptID string) *plimsoll.RunSummaryRecord {
	count := rapid.OneOf(rapid.Int32Range(-2, 2), rapid.SampledFrom([]int32{math.MinInt32, math.MaxInt32}))
	return &plimsoll.RunSummaryRecord{
		RunSummary: plimsoll.RunSummary{
			ID: randomID(), NoIssueDetected: count.Draw(t, "healthy"), IssueDetected: count.Draw(t, "issue"),
			DetectionScriptError: count.Draw(t, "error"), DetectionScriptPending: count.Draw(t, "pending"), LastScriptRun: drawTime(t),
		},
		ScriptID: scriptID, RecordedAt: drawTime(t), RecordedBy: querytest.Text().Draw(t, "by"),
	}
}

// fill stores n random scripts, half of them with a run summary.
func fill(t *testing.T, store Store, n int) []plimsoll.ListedScript {
	t.Helper()
	scripts, summaries := rapid.Custom(drawScript), rapid.Custom(func(t *rapid.T) *plimsoll.RunSummaryRecord { return drawRecord(t, "") })
	all := make([]plimsoll.ListedScript, n)
	for i := range all {
		s := scripts.Example(i)
		s.ID = randomID() // an example is the same each time
		if i%7 == 6 {     // ties
			s.DisplayName, s.Publisher, s.CreatedAt = all[i-1].DisplayName, all[i-1].Publisher, all[i-1].CreatedAt
		}
		must(t, store.CreateScript(t.Context(), s, event("create", s.ID)))
		all[i].Script = *s
		if i%2 == 0 {
			r := summaries.Example(i)
			r.ScriptID = s.ID
			_, err := store.AppendRunSummaries(t.Context(), []*plimsoll.RunSummaryRecord{r})
			must(t, err)
			all[i].RunSummary = r
		}
	}
	return all
}

// wanted gives the rows that a page without end would have, as the oracle says.
// own is the order of the list where no other is given.
func wanted[T any](rows []T, page *query.Page, row func(*T) map[string]any, own func(a, b *T) int) []T {
	look := func(one *T) func(string) any {
		values := row(one)
		return func(name string) any { return values[name] }
	}
	var found []T
	for i := range rows {
		if page.Filter == nil || querytest.Eval(page.Filter, look(&rows[i])) == true {
			found = append(found, rows[i])
		}
	}
	slices.SortFunc(found, func(a, b T) int {
		for _, key := range page.Order {
			order := querytest.Compare(key.Expr.Type, querytest.Eval(key.Expr, look(&a)), querytest.Eval(key.Expr, look(&b)))
			if order != 0 && key.Descending {
				return -order
			}
			if order != 0 {
				return order
			}
		}
		order := own(&a, &b)
		if n := len(page.Order); n > 0 && page.Order[n-1].Descending {
			return -order
		}
		return order
	})
	return found
}

func byID(a, b *plimsoll.ListedScript) int { return cmpText(a.ID, b.ID) }

func cmpText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func ids(rows []plimsoll.ListedScript) []string {
	list := make([]string, len(rows))
	for i := range rows {
		list[i] = rows[i].ID
	}
	return list
}

// listCases holds every case of the table to the oracle.
func listCases(t *testing.T, store Store) {
	t.Helper()
	rows, fields := fill(t, store, 80), scriptFields()
	for _, c := range querytest.Cases(named(fields, "displayName"), named(fields, "publisher"),
		named(fields, "createdDateTime"), named(fields, "roleScopeTagIds")) {
		page := query.Page{Filter: c.Filter, Limit: 1000, Budget: 1 << 30}
		got, err := store.Scripts(t.Context(), page)
		must(t, err)
		if diff := cmp.Diff(ids(wanted(rows, &page, scriptRow, byID)), ids(got.Rows)); diff != "" {
			t.Errorf("%s: %s", c.Name, diff)
		}
	}
}

// drawOrder draws up to three keys.
func drawOrder(t *rapid.T, d querytest.Drawing) (order []query.Key) {
	for range rapid.IntRange(0, 3).Draw(t, "keys") {
		order = append(order, d.Key(t, rapid.IntRange(0, 2).Draw(t, "depth of a key")))
	}
	return order
}

// listProperty holds random filters and orders to the oracle.
func listProperty(t *testing.T, store Store) {
	t.Helper()
	rows, drawing := fill(t, store, 60), querytest.Drawing{Fields: scriptFields()}
	rapid.Check(t, func(rt *rapid.T) {
		page := query.Page{Limit: 1000, Budget: 1 << 30, Count: true, Skip: rapid.IntRange(0, 3).Draw(rt, "skip")}
		page.Filter = drawing.Filter(rt, rapid.IntRange(0, 6).Draw(rt, "depth"))
		page.Order = drawOrder(rt, drawing)
		want := wanted(rows, &page, scriptRow, byID)
		got, err := store.Scripts(rt.Context(), page)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(ids(want[min(page.Skip, len(want)):]), ids(got.Rows)); diff != "" || got.Last != nil {
			rt.Fatalf("%s\nthen %v", diff, got.Last)
		}
		if n, err := store.CountScripts(rt.Context(), page.Filter); err != nil || int(n) != len(want) || n != got.Total {
			rt.Fatalf("%d were counted, %d listed, %d wanted, %v", n, got.Total, len(want), err)
		}
	})
}

// historyProperty does the same with a history.
func historyProperty(t *testing.T, store Store) {
	t.Helper()
	s := addScript(t, store)
	report(t, store, addScript(t, store).ID, 1) // is of no concern
	records := rapid.Custom(func(t *rapid.T) *plimsoll.RunSummaryRecord { return drawRecord(t, s.ID) })
	rows := make([]plimsoll.RunSummaryRecord, 30)
	for i := range rows {
		r := records.Example(i)
		_, err := store.AppendRunSummaries(t.Context(), []*plimsoll.RunSummaryRecord{r})
		must(t, err)
		if i%3 == 0 {
			must(t, store.RemoveRunSummary(t.Context(), s.ID, func(removed *plimsoll.RunSummaryRecord) error {
				removed.RemovedAt, removed.RemovedBy = r.RecordedAt, r.RecordedBy
				*r = *removed
				return nil
			}))
		}
		rows[i] = *r
	}
	drawing := querytest.Drawing{Fields: historyFields()}
	newestFirst := func(a, b *plimsoll.RunSummaryRecord) int { return int(b.Sequence - a.Sequence) }
	oldestFirst := func(a, b *plimsoll.RunSummaryRecord) int { return int(a.Sequence - b.Sequence) }
	rapid.Check(t, func(rt *rapid.T) {
		page := query.Page{Limit: rapid.IntRange(1, 40).Draw(rt, "limit"), Budget: 1 << 30}
		page.Filter = drawing.Filter(rt, rapid.IntRange(0, 4).Draw(rt, "depth"))
		page.Order = drawOrder(rt, drawing)
		own := newestFirst
		if len(page.Order) > 0 {
			own = oldestFirst // or the newest first again, where the last key descends
		}
		want, got := wanted(rows, &page, historyRow, own), []plimsoll.RunSummaryRecord(nil)
		for more := true; more; more = page.After != nil {
			list, err := store.RunSummaryHistory(rt.Context(), s.ID, page)
			if err != nil {
				rt.Fatal(err)
			}
			got, page.After = append(got, list.Rows...), list.Last
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatal(diff)
		}
	})
}

// pagingProperty walks through lists of every order in pages of every size,
// while others come, change and go.
func pagingProperty(t *testing.T, store Store) {
	t.Helper()
	rows, drawing := fill(t, store, 40), querytest.Drawing{Fields: scriptFields()}
	stays := map[string]bool{}
	for _, id := range ids(rows) {
		stays[id] = true
	}
	rapid.Check(t, func(rt *rapid.T) {
		page := query.Page{Limit: rapid.IntRange(1, 15).Draw(rt, "limit"), Budget: rapid.SampledFrom([]int{0, 200, 1 << 30}).Draw(rt, "budget")}
		if rapid.Bool().Draw(rt, "filtered") {
			page.Filter = drawing.Filter(rt, 2)
		}
		page.Order = drawOrder(rt, drawing)
		var got, gone []string
		for more := true; more; more = page.After != nil {
			list, err := store.Scripts(rt.Context(), page)
			if err != nil {
				rt.Fatal(err)
			}
			if len(list.Rows) > page.Limit || len(list.Rows) == 0 && list.Last != nil {
				rt.Fatalf("a page of %d has %d rows, then %v", page.Limit, len(list.Rows), list.Last)
			}
			for _, id := range ids(list.Rows) {
				if stays[id] {
					got = append(got, id)
				}
			}
			page.After = list.Last
			if len(gone) < 10 { // or the list might grow as fast as it is read
				gone = append(gone, churn(rt, store, rows))
			}
		}
		for _, id := range gone {
			drop(rt, store, id)
		}
		if want := ids(wanted(rows, &page, scriptRow, byID)); !slices.Equal(want, got) {
			rt.Fatal(cmp.Diff(want, got))
		}
	})
}

// churn stores a script, which may go at once or stay for now, and changes of
// another what no list shows.
func churn(t *rapid.T, store Store, rows []plimsoll.ListedScript) (id string) {
	s := drawScript(t)
	if err := store.CreateScript(t.Context(), s, event("create", s.ID)); err != nil {
		t.Fatal(err)
	}
	changed := rapid.SampledFrom(rows).Draw(t, "changed").ID
	if _, err := store.Pools()["write"].ExecContext(t.Context(), "UPDATE script SET changes = changes + 1 WHERE id = $1", changed); err != nil {
		t.Fatal(err)
	}
	if rapid.Bool().Draw(t, "goes at once") {
		drop(t, store, s.ID)
	}
	return s.ID
}

func drop(t *rapid.T, store Store, id string) {
	err := store.DeleteScript(t.Context(), id, func(*plimsoll.Script) error { return nil }, event("delete", id))
	if err != nil && plimsoll.ErrorCode(err) != plimsoll.NotFound {
		t.Fatal(err)
	}
}
