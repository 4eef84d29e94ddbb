package graph

import (
	"net/http"
	"net/url"

	"plimsoll"
	"plimsoll/internal/odata"
	"plimsoll/internal/query"
)

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
	created, err := c.service.ReportRunSummary(c.r.Context(), c.caller.Subject, c.scriptID(), given.RunSummary)
	if err != nil {
		return nil, err
	}
	result := a.changedSummary(c, &created)
	result.status, result.create = http.StatusCreated, true
	return result, nil
}

func (a *API) getRunSummary(c *call) (*answer, error) {
	found, err := c.service.RunSummary(c.r.Context(), c.scriptID())
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
	updated, err := c.service.UpdateRunSummary(c.r.Context(), c.caller.Subject, c.scriptID(), match, edit)
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
	err = c.service.RemoveRunSummary(c.r.Context(), c.caller.Subject, c.scriptID(), match)
	return &answer{status: http.StatusNoContent}, err
}

// summaryOwner has the paths of a run summary's properties.
func (a *API) summaryOwner() owner[record] {
	return owner[record]{
		pattern: summaryPath, typ: a.model.runSummary,
		path: func(r *record) string { return scriptName(r.ScriptID) + "/runSummary" },
		read: func(c *call, _ string) (*record, error) {
			found, err := c.service.RunSummary(c.r.Context(), c.scriptID())
			return &found, err
		},
	}
}

func (a *API) listRunSummaryHistory(c *call) (*answer, error) {
	id := c.scriptID()
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
