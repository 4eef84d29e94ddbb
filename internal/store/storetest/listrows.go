package storetest

import (
	"math"
	"slices"
	"testing"
	"time"

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
