package graph

import (
	"net/http"
	"slices"

	"plimsoll"
	"plimsoll/internal/httpapi"
	"plimsoll/internal/odata"
)

// deltaList names the list of changes to its tokens: those of another
// installation are not taken.
func (a *API) deltaList(place string) string {
	return scriptsName + "/$delta/" + place + "/" + a.tenantID
}

// scriptDelta lists what changed (OData Protocol 4.01, section 11.3): without a
// token every script, page by page, and at the end a link for what changes from
// then on. $deltatoken=latest gives that link at once, as in Graph.
func (a *API) scriptDelta(c *call) (*answer, error) {
	after, removedAfter, err := a.deltaStart(c)
	if err != nil {
		return nil, err
	}
	with, limit := a.wanted(c.query, false), c.pageSize(c.query)
	if slices.Contains(with, contentName) {
		limit = min(limit, contentPage)
	}
	var changes []plimsoll.ScriptChange
	more := false
	if c.query.DeltaToken != "latest" {
		if changes, more, err = c.service.ScriptChanges(c.r.Context(), after, removedAfter, with, limit, c.budget()); err != nil {
			return nil, err
		}
	}
	page := &odata.Collection[script]{Rows: make([]script, len(changes)), Removed: make([]bool, len(changes))}
	for i, change := range changes {
		page.Rows[i].Script, page.Removed[i], after = change.Script, change.Removed, change.Sequence
	}
	if more {
		page.NextLink = c.nextLink(odata.OptionSkipToken, odata.DeltaToken(a.deltaList("page"), after, removedAfter))
	} else {
		// Whatever was removed up to removedAfter, this reader never had.
		page.DeltaLink = c.nextLink(odata.OptionDeltaToken, odata.DeltaToken(a.deltaList("end"), max(after, removedAfter)))
	}
	body := c.begin(scriptsContext + c.query.Context() + "/$delta")
	body = a.model.script.AppendCollection(body, "", page, c.query, c.writer(), scriptsName)
	return c.listed(c.ok(append(body, '}'))), nil
}

// deltaStart gives the number of the change that the list goes on after, and
// that from which removed scripts are of interest: whoever begins knows none of
// those that are gone.
func (a *API) deltaStart(c *call) (after, removedAfter int64, err error) {
	switch q := c.query; {
	case q.Top == 0:
		return 0, 0, &odata.Error{
			Kind: odata.BadRequest, Target: string(odata.OptionTop),
			Message: "$top must be 1 or more here: pages of nothing would never end.",
		}
	case q.SkipToken != "" && q.DeltaToken != "":
		return 0, 0, &odata.Error{
			Kind: odata.BadRequest, Target: string(odata.OptionDeltaToken),
			Message: "$deltatoken and $skiptoken cannot stand together: follow the links as they are.",
		}
	case q.SkipToken != "":
		numbers, err := odata.ParseDeltaToken(odata.OptionSkipToken, a.deltaList("page"), q.SkipToken, 2)
		if err != nil {
			return 0, 0, err
		}
		return numbers[0], numbers[1], a.checkDelta(c, numbers)
	case q.DeltaToken == "latest":
		after, err = c.service.LastScriptChange(c.r.Context())
		return after, after, err
	case q.DeltaToken != "":
		numbers, err := odata.ParseDeltaToken(odata.OptionDeltaToken, a.deltaList("end"), q.DeltaToken, 1)
		if err != nil {
			return 0, 0, err
		}
		return numbers[0], numbers[0], a.checkDelta(c, numbers)
	default:
		removedAfter, err = c.service.LastScriptChange(c.r.Context())
		return 0, removedAfter, err
	}
}

// checkDelta refuses numbers that were not given yet: those of a time that a
// restored backup has taken back.
func (a *API) checkDelta(c *call, numbers []int64) error {
	last, err := c.service.LastScriptChange(c.r.Context())
	if err == nil && slices.Max(numbers) > last {
		err = &httpapi.Failure{
			Status: http.StatusGone, Target: string(odata.OptionDeltaToken),
			Message: "What this link goes on from is gone: a backup was restored since. Start again, without a token.",
		}
	}
	return err
}
