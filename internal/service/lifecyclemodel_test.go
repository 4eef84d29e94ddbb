package service_test

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"plimsoll"
	"plimsoll/internal/query"
	"plimsoll/internal/service"
)

// match draws a precondition on a thing with the counter given, and says
// whether it holds.
func match(rt *rapid.T, counter int64) (service.Match, bool) {
	switch rapid.SampledFrom([]string{"none", "none", "current", "current", "stale"}).Draw(rt, "If-Match") {
	case "none":
		return nil, true
	case "current":
		return func(c int64) bool { return c == counter }, true
	default:
		return func(c int64) bool { return c != counter }, false
	}
}

// drawEdit draws a change of the name and of a few properties, most often of one
// that raises the revision, and says whether the script may be kept.
func drawEdit(rt *rapid.T) (edit func(*plimsoll.Script), valid bool) {
	name, valid := drawName(rt)
	text := rapid.StringOfN(rapid.RuneFrom([]rune("aZ0 \n'\"é😀")), 0, 8, -1)
	note := rapid.Ptr(text, true).Draw(rt, "note")
	tags := rapid.SliceOfN(text, 0, 3).Draw(rt, "tags")
	platform := rapid.SampledFrom([]plimsoll.Platform{"", "windows10", "linux", "macOS"}).Draw(rt, "platform")
	content := rapid.SampledFrom([][]byte{nil, {}, []byte("exit 0"), []byte("exit 1")}).Draw(rt, "content")
	account := rapid.SampledFrom(plimsoll.RunAsAccounts()).Draw(rt, "account")
	switched := rapid.Bool().Draw(rt, "switched")
	edits := map[string]func(*plimsoll.Script){
		"publisher":       func(s *plimsoll.Script) { s.Publisher = note },
		"version":         func(s *plimsoll.Script) { s.Version = note },
		"description":     func(s *plimsoll.Script) { s.Description = note },
		"tags":            func(s *plimsoll.Script) { s.RoleScopeTagIDs = tags },
		"platform":        func(s *plimsoll.Script) { s.Platform = platform },
		"content":         func(s *plimsoll.Script) { s.Content = content },
		"account":         func(s *plimsoll.Script) { s.RunAsAccount = account },
		"signature check": func(s *plimsoll.Script) { s.EnforceSignatureCheck = switched },
		"architecture":    func(s *plimsoll.Script) { s.RunAs32Bit = switched },
	}
	properties := []string{"content", "content", "account", "signature check", "architecture", "publisher", "version", "description", "tags", "platform"}
	property := rapid.OneOf(rapid.SampledFrom(properties[:5]), rapid.SampledFrom(properties))
	drawn := rapid.OneOf(rapid.SliceOfN(property, 1, 1), rapid.SliceOfN(property, 0, 5)).Draw(rt, "edit")
	return func(s *plimsoll.Script) {
		s.DisplayName = name
		for _, property := range drawn {
			edits[property](s)
		}
	}, valid
}

// drawName draws a name, and now and then one that must be refused.
func drawName(rt *rapid.T) (name string, valid bool) {
	names := []string{"Disk encryption", "Firewall", " ", strings.Repeat("é", plimsoll.MaxName)}
	wrong := []string{"", "\xff", "\x00", strings.Repeat("é", plimsoll.MaxName+1)}
	if rapid.IntRange(0, 9).Draw(rt, "wrong") == 9 {
		return rapid.SampledFrom(wrong).Draw(rt, "name"), false
	}
	return rapid.SampledFrom(names).Draw(rt, "name"), true
}

// drawSummary draws a summary, the same as it is kept, and whether it may be.
func drawSummary(rt *rapid.T) (given, kept plimsoll.RunSummary, valid bool) {
	count := rapid.OneOf(rapid.Int32(), rapid.SampledFrom([]int32{0, math.MinInt32, math.MaxInt32}))
	first := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	ends := time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	seconds := rapid.OneOf(rapid.Int64Range(first.Unix(), ends.Unix()-1),
		rapid.SampledFrom([]int64{first.Unix() - 1, first.Unix(), ends.Unix() - 1, ends.Unix()}))
	given = plimsoll.RunSummary{
		NoIssueDetected: count.Draw(rt, "healthy"), IssueDetected: count.Draw(rt, "with the issue"),
		DetectionScriptError: count.Draw(rt, "with an error"), DetectionScriptPending: count.Draw(rt, "pending"),
	}
	at := time.Unix(seconds.Draw(rt, "last run"), rapid.Int64Range(0, 999_999_999).Draw(rt, "nanoseconds")).UTC()
	given.LastScriptRun = at.In(time.FixedZone("", rapid.IntRange(-14, 14).Draw(rt, "zone")*3600))
	kept = given
	kept.LastScriptRun = at.Truncate(100 * time.Nanosecond)
	return given, kept, !at.Before(first) && at.Before(ends)
}

// compare reads everything there is, in every way that there is.
func (f *fleet) compare(rt *rapid.T) {
	list := []plimsoll.ListedScript{}
	for _, id := range f.ids() {
		m := f.scripts[id]
		list = append(list, plimsoll.ListedScript{Script: m.script, RunSummary: m.current()})
		script, err := f.service.Script(rt.Context(), id, "detectionScriptContent", "runSummary")
		same(rt, "the script", plimsoll.ListedScript{Script: m.script, RunSummary: m.current()}, script, err)
		summary, err := f.service.RunSummary(rt.Context(), id)
		if m.current() == nil {
			refused(rt, err, plimsoll.NotFound)
		} else {
			same(rt, "the current summary", *m.current(), summary, err)
		}
		f.compareHistory(rt, m)
	}
	n, err := f.service.CountScripts(rt.Context(), nil)
	same(rt, "the count", int64(len(list)), n, err)
	if f.compared++; f.compared%2 == 0 {
		for i := range list {
			list[i].Content = nil
		}
	}
	f.compareList(rt, list, f.compared%2 == 1)
}

// compareHistory reads a history in pages of five.
func (f *fleet) compareHistory(rt *rapid.T, m *modelled) {
	var read []plimsoll.RunSummaryRecord
	asked := query.Page{Limit: 5, Budget: 1 << 20, Count: true}
	for {
		page, err := f.service.RunSummaryHistory(rt.Context(), m.script.ID, asked)
		same(rt, "the length of the history", int64(len(m.history)), page.Total, err)
		read = append(read, page.Rows...)
		if asked.After = page.Last; page.Last == nil {
			break
		}
	}
	slices.Reverse(read)
	same(rt, "the history", m.history, read, nil)
}

// compareList reads the list in pages of two, with contents and its count or
// with neither.
func (f *fleet) compareList(rt *rapid.T, want []plimsoll.ListedScript, withContent bool) {
	read := []plimsoll.ListedScript{}
	asked := query.Page{Limit: 2, Budget: 1 << 20, With: []string{"runSummary"}, Count: withContent}
	if withContent {
		asked.With = append(asked.With, "detectionScriptContent")
	}
	for {
		page, err := f.service.Scripts(rt.Context(), asked)
		counted := int64(-1)
		if asked.Count {
			counted = int64(len(want))
		}
		same(rt, "the list's count", counted, page.Total, err)
		read = append(read, page.Rows...)
		if asked.After = page.Last; page.Last == nil {
			break
		}
	}
	same(rt, "the list", want, read, nil)
}

func same[T any](rt *rapid.T, what string, want, got T, err error) {
	rt.Helper()
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		rt.Fatalf("%s: %v\n%s", what, err, diff)
	}
}

func refused(rt *rapid.T, err error, want plimsoll.Code) {
	rt.Helper()
	if got := plimsoll.ErrorCode(err); got != want {
		rt.Fatalf("%v has the code %q, want %q", err, got, want)
	}
}
