package graph

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"plimsoll"
	"plimsoll/internal/odata"
)

// summaryAnswer is the answer that carries a script's run summary.
func (a *API) summaryAnswer(c *call, r *plimsoll.RunSummaryRecord) (*answer, error) {
	selection, err := a.model.runSummary.Select(c.query.Select)
	if err != nil {
		return nil, err
	}
	context := scriptsContext + "('" + url.PathEscape(r.ScriptID) + "')/runSummary"
	if len(c.query.Select) > 0 {
		context += "(" + strings.Join(c.query.Select, ",") + ")"
	}
	body := appendETag(c.begin(context+"/$entity"), r.Sequence)
	result := ok(append(a.model.runSummary.AppendMembers(body, &r.RunSummary, selection), '}'))
	result.etag = etag(r.Sequence)
	return result, nil
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
	record, err := a.service.ReportRunSummary(c.r.Context(), c.caller.Subject, c.r.PathValue("id"), summary)
	if err != nil {
		return nil, err
	}
	result, err := a.summaryAnswer(c, &record)
	result.status, result.create, result.location = http.StatusCreated, true, c.summaryURL(&record)
	return result, err
}

func (c *call) summaryURL(r *plimsoll.RunSummaryRecord) string {
	return c.base + scriptsPath + "/" + r.ScriptID + "/runSummary"
}

func (a *API) getRunSummary(c *call) (*answer, error) {
	record, err := a.service.RunSummary(c.r.Context(), c.r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return a.summaryAnswer(c, &record)
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
	record, err := a.service.UpdateRunSummary(c.r.Context(), c.caller.Subject, c.r.PathValue("id"), match, patch.Apply)
	if err != nil {
		return nil, err
	}
	result, err := a.summaryAnswer(c, &record)
	result.location = c.summaryURL(&record)
	return result, err
}

func (a *API) deleteRunSummary(c *call) (*answer, error) {
	match, err := c.match()
	if err != nil {
		return nil, err
	}
	err = a.service.RemoveRunSummary(c.r.Context(), c.caller.Subject, c.r.PathValue("id"), match)
	return &answer{status: http.StatusNoContent}, err
}

func (a *API) listRunSummaryHistory(c *call) (*answer, error) {
	selection, err := a.model.history.Select(c.query.Select)
	if err != nil {
		return nil, err
	}
	id := c.r.PathValue("id")
	scope := "history/" + id
	before := int64(0)
	if c.query.SkipToken != "" {
		key, err := odata.ParseSkipToken(scope, c.query.SkipToken)
		if err != nil {
			return nil, err
		}
		if before, err = strconv.ParseInt(key, 10, 64); err != nil {
			return nil, err
		}
	}
	size := pageSize(c.query, maxPage)
	entries, total, err := a.service.RunSummaryHistory(c.r.Context(), id, before, size+1)
	if err != nil {
		return nil, err
	}
	token := ""
	if len(entries) > size {
		entries = entries[:size]
		if size > 0 {
			token = odata.SkipToken(scope, strconv.FormatInt(entries[size-1].Sequence, 10))
		}
	}
	row := func(dst []byte, r *plimsoll.RunSummaryRecord) []byte {
		return a.model.history.AppendMembers(dst, r, selection)
	}
	return ok(appendPage(c.begin("#Collection("+a.model.history.Name+")"), c, total, entries, row, token)), nil
}
