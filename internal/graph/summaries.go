package graph

import (
	"net/http"
	"time"

	"plimsoll"
	"plimsoll/internal/odata"
)

// The function that gives the summaries of all scripts, as they are and as they
// were.
const (
	summariesName  = "summaries"
	sinceParameter = "since"
	summariesPath  = scriptsPath + "/" + ours + "." + summariesName
	maxSummaries   = 1000
)

// scriptSummary is a row of that function.
type scriptSummary = plimsoll.ScriptSummary

func scriptSummaryType() *odata.EntityType[scriptSummary] {
	return odata.Declare(odata.EntityType[scriptSummary]{
		Name: ours + ".scriptSummary",
		Properties: []odata.Property[scriptSummary]{
			odata.String("id", func(s *scriptSummary) *string { return &s.ID }),
			odata.String("displayName", func(s *scriptSummary) *string { return &s.DisplayName }),
			odata.NullableEnum("platform", platforms(), func(s *scriptSummary) *plimsoll.Platform { return &s.Platform }),
			odata.Complex("current", currentCountsType(), func(s *scriptSummary) **record { return &s.Current }),
			odata.Complex("earlier", earlierCountsType(), func(s *scriptSummary) **record { return &s.Earlier }),
		},
	})
}

// currentCountsType has what a summary says now.
func currentCountsType() *odata.EntityType[record] {
	return odata.Declare(odata.EntityType[record]{Name: ours + ".currentCounts", Properties: currentCounts()})
}

// currentCounts gives the counts, and whether they are those of devices here.
func currentCounts() []odata.Property[record] {
	return append(counts()[1:], odata.Boolean("computed", func(r *record) *bool { return &r.Computed }))
}

// earlierCountsType has what a summary said, and since when it did.
func earlierCountsType() *odata.EntityType[record] {
	return odata.Declare(odata.EntityType[record]{
		Name: ours + ".earlierCounts",
		Properties: append(counts()[1:5:5],
			odata.DateTimeOffset("recordedDateTime", func(r *record) *time.Time { return &r.RecordedAt })),
	})
}

// addSummaries adds the path of that function.
func (a *API) addSummaries(routes map[string]operations) {
	routes[summariesPath] = operations{
		http.MethodGet: toScripts().read(a.model.summaries.Type(), a.listSummaries,
			odata.OptionSelect, odata.OptionCount, odata.OptionFormat),
	}
}

func (a *API) listSummaries(c *call) (*answer, error) {
	since, ok := odata.ParseDateTimeOffset(c.r.PathValue(sinceParameter))
	if !ok {
		return nil, &odata.Error{
			Kind: odata.BadRequest, Target: sinceParameter,
			Message: "since must be a date and time with an offset, in the years 1 to 9999, as in " +
				ours + "." + summariesName + "(since=2026-01-01T00:00:00Z).",
		}
	}
	rows, err := c.service.ScriptSummaries(c.r.Context(), since, maxSummaries)
	if err != nil {
		return nil, err
	}
	page := &odata.Collection[scriptSummary]{Rows: rows}
	if c.query.Count {
		if page.Total, err = c.service.CountScripts(c.r.Context(), nil); err != nil {
			return nil, err
		}
	}
	body := c.begin("#Collection(" + a.model.summaries.Name + ")" + c.query.Context())
	return c.ok(append(a.model.summaries.AppendCollection(body, "", page, c.query, c.writer(), ""), '}')), nil
}
