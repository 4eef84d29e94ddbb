package graph

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"plimsoll"
	"plimsoll/internal/odata"
	"plimsoll/internal/query"
)

// summaryAnswer is the answer that carries a script's run summary.
func (a *API) summaryAnswer(c *call, r *plimsoll.RunSummaryRecord, selection odata.Selection) *answer {
	context := scriptsContext + "('" + url.PathEscape(r.ScriptID) + "')/runSummary"
	if len(c.query.Select) > 0 {
		context += "(" + strings.Join(c.query.Select, ",") + ")"
	}
	body := appendETag(c.begin(context+"/$entity"), r.Sequence)
	result := ok(append(a.model.runSummary.AppendMembers(body, &r.RunSummary, selection), '}'))
	result.etag = etag(r.Sequence)
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
	var summary plimsoll.RunSummary
	patch.Apply(&summary)
	record, err := a.service.ReportRunSummary(c.r.Context(), c.caller.Subject, c.scriptID(), summary)
	if err != nil {
		return nil, err
	}
	result := a.summaryAnswer(c, &record, odata.SelectAll())
	result.status, result.create, result.location = http.StatusCreated, true, c.summaryURL(&record)
	return result, nil
}

func (c *call) summaryURL(r *plimsoll.RunSummaryRecord) string {
	return c.base + scriptsPath + "/" + r.ScriptID + "/runSummary"
}

func (a *API) getRunSummary(c *call) (*answer, error) {
	selection, err := a.model.runSummary.Select(c.query.Select)
	if err != nil {
		return nil, err
	}
	record, err := a.service.RunSummary(c.r.Context(), c.scriptID())
	if err != nil {
		return nil, err
	}
	return a.summaryAnswer(c, &record, selection), nil
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
	record, err := a.service.UpdateRunSummary(c.r.Context(), c.caller.Subject, c.scriptID(), match, patch.Apply)
	if err != nil {
		return nil, err
	}
	result := a.summaryAnswer(c, &record, odata.SelectAll())
	result.location = c.summaryURL(&record)
	return result, nil
}

func (a *API) deleteRunSummary(c *call) (*answer, error) {
	match, err := c.match()
	if err != nil {
		return nil, err
	}
	err = a.service.RemoveRunSummary(c.r.Context(), c.caller.Subject, c.scriptID(), match)
	return &answer{status: http.StatusNoContent}, err
}

func (a *API) listRunSummaryHistory(c *call) (*answer, error) {
	selection, err := a.model.history.Select(c.query.Select)
	if err != nil {
		return nil, err
	}
	id := c.scriptID()
	scope := "history/" + id
	page := query.Page{Limit: pageSize(c.query), Budget: pageBudget, Count: c.query.Count}
	if c.query.SkipToken != "" {
		isSequence := func(key string) bool {
			before, err := strconv.ParseInt(key, 10, 64)
			page.After = []any{before}
			return err == nil && before > 0
		}
		if _, err := odata.ParseSkipToken(scope, c.query.SkipToken, isSequence); err != nil {
			return nil, err
		}
	}
	list, err := a.service.RunSummaryHistory(c.r.Context(), id, page)
	if err != nil {
		return nil, err
	}
	token := ""
	if len(list.Last) == 1 {
		token = odata.SkipToken(scope, strconv.FormatInt(list.Last[0].(int64), 10))
	}
	row := func(dst []byte, r *plimsoll.RunSummaryRecord) []byte {
		return a.model.history.AppendMembers(dst, r, selection)
	}
	return ok(appendPage(c.begin("#Collection("+a.model.history.Name+")"), c, list.Total, list.Rows, row, token)), nil
}
