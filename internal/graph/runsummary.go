package graph

import (
	"maps"
	"net/http"
	"net/url"
	"time"

	"plimsoll"
	"plimsoll/internal/odata"
	"plimsoll/internal/query"
)

const summaryPath = scriptPath + "/runSummary"

// addRunSummary adds the paths of a script's run summary and its history.
func (a *API) addRunSummary(routes map[string]operations) {
	rows, to := a.model.runSummary.Type(), toScripts()
	maps.Copy(routes, map[string]operations{
		summaryPath: {
			http.MethodGet:    to.read(rows, a.getRunSummary, ofEntity()...),
			http.MethodPost:   to.write(rows, maxBody, a.createRunSummary),
			http.MethodPatch:  to.write(rows, maxBody, a.updateRunSummary),
			http.MethodDelete: to.remove(a.deleteRunSummary),
		},
		scriptPath + "/" + ours + ".runSummaryHistory": {
			http.MethodGet: to.read(a.model.history.Type(), a.listRunSummaryHistory, ofCollection()...),
		},
	})
	addProperties(routes, a.summaryOwner())
}

// counts are the properties of every summary.
func counts() []odata.Property[record] {
	return []odata.Property[record]{
		odata.String("id", func(r *record) *string { return &r.ID }).ReadOnly(),
		odata.Int32("noIssueDetectedDeviceCount", func(r *record) *int32 { return &r.NoIssueDetected }).Required(),
		odata.Int32("issueDetectedDeviceCount", func(r *record) *int32 { return &r.IssueDetected }).Required(),
		odata.Int32("detectionScriptErrorDeviceCount", func(r *record) *int32 { return &r.DetectionScriptError }).Required(),
		odata.Int32("detectionScriptPendingDeviceCount", func(r *record) *int32 { return &r.DetectionScriptPending }).Required(),
		odata.DateTimeOffset("lastScriptRunDateTime", func(r *record) *time.Time { return &r.LastScriptRun }).Required(),
	}
}

func runSummaryType() *odata.EntityType[record] {
	return odata.Declare(odata.EntityType[record]{
		Name: namespace + ".deviceComplianceScriptRunSummary", Base: namespace + ".entity",
		// The reference's example of the operation calls it so.
		Aliases:    []string{"microsoft.management.services.api.deviceComplianceScriptRunSummary"},
		Key:        func(r *record) string { return r.ID },
		Changes:    func(r *record) int64 { return r.Sequence },
		Properties: counts(),
	})
}

func historyType() *odata.EntityType[record] {
	return odata.Declare(odata.EntityType[record]{
		Name: ours + ".runSummaryHistoryEntry",
		Properties: append(counts(),
			odata.DateTimeOffset("recordedDateTime", func(r *record) *time.Time { return &r.RecordedAt }),
			odata.String("recordedBy", func(r *record) *string { return &r.RecordedBy }).Searched(),
			odata.NullableTime("removedDateTime", func(r *record) *time.Time { return &r.RemovedAt }),
			odata.TextOrNull("removedBy", func(r *record) *string { return &r.RemovedBy }).Searched(),
		),
	})
}

// summaryAnswer is the answer that carries a script's run summary.
func (a *API) summaryAnswer(c *call, r *record) *answer {
	path := scriptName(r.ScriptID) + "/runSummary"
	body := c.begin("#" + path + c.query.Context() + "/$entity")
	result := c.ok(append(a.model.runSummary.AppendEntity(body, r, c.query, c.writer(), path), '}'))
	result.etag = odata.ETag(r.Sequence)
	return result
}

// changedSummary is the answer to a POST or PATCH.
func (a *API) changedSummary(c *call, r *record) *answer {
	result := a.summaryAnswer(c, r)
	result.changed = true
	result.location = c.base() + "/" + scriptsName + "/" + url.PathEscape(r.ScriptID) + "/runSummary"
	return result
}

// createRunSummary is the operation the service was founded on.
func (a *API) createRunSummary(c *call) (*answer, error) {
	patch, err := a.model.runSummary.Decode(c.body)
	if err == nil {
		err = patch.RequireAll()
	}
	if err != nil {
		return nil, err
	}
	var given record
	patch.Apply(&given)
	created, err := c.service.ReportRunSummary(c.r.Context(), c.caller.Subject, c.key("id"), given.RunSummary)
	if err != nil {
		return nil, err
	}
	result := a.changedSummary(c, &created)
	result.status, result.create = http.StatusCreated, true
	return result, nil
}

func (a *API) getRunSummary(c *call) (*answer, error) {
	found, err := c.service.RunSummary(c.r.Context(), c.key("id"))
	if err != nil {
		return nil, err
	}
	return a.summaryAnswer(c, &found), nil
}

func (a *API) updateRunSummary(c *call) (*answer, error) {
	patch, err := a.model.runSummary.Decode(c.body)
	if err != nil {
		return nil, err
	}
	match, err := c.match()
	if err != nil {
		return nil, err
	}
	edit := func(s *plimsoll.RunSummary) {
		edited := record{RunSummary: *s}
		patch.Apply(&edited)
		*s = edited.RunSummary
	}
	updated, err := c.service.UpdateRunSummary(c.r.Context(), c.caller.Subject, c.key("id"), match, edit)
	if err != nil {
		return nil, err
	}
	return a.changedSummary(c, &updated), nil
}

func (a *API) deleteRunSummary(c *call) (*answer, error) {
	match, err := c.match()
	if err != nil {
		return nil, err
	}
	err = c.service.RemoveRunSummary(c.r.Context(), c.caller.Subject, c.key("id"), match)
	return noContent(), err
}

// summaryOwner has the paths of a run summary's properties.
func (a *API) summaryOwner() owner[record] {
	return owner[record]{
		pattern: summaryPath, access: toScripts(), typ: a.model.runSummary,
		path: func(_ *call, r *record) string { return scriptName(r.ScriptID) + "/runSummary" },
		read: func(c *call, _ string) (*record, error) {
			found, err := c.service.RunSummary(c.r.Context(), c.key("id"))
			return &found, err
		},
	}
}

func (a *API) listRunSummaryHistory(c *call) (*answer, error) {
	id := c.key("id")
	list := "history/" + id
	page, err := c.page(c.query, list, query.Type{Kind: query.Number})
	if err != nil {
		return nil, err
	}
	rows, err := c.service.RunSummaryHistory(c.r.Context(), id, page)
	if err != nil {
		return nil, err
	}
	entries, err := collection(c.query, list, rows, func(token string) string { return c.nextLink(odata.OptionSkipToken, token) })
	if err != nil {
		return nil, err
	}
	body := c.begin("#Collection(" + a.model.history.Name + ")" + c.query.Context())
	return c.listed(c.ok(append(a.model.history.AppendCollection(body, "", entries, c.query, c.writer(), ""), '}'))), nil
}
