package graph

import (
	"plimsoll"
	"plimsoll/internal/odata"
)

// deltaName names the list of changes to its tokens.
const deltaName = scriptsName + "/$delta"

// scriptDelta lists what changed (OData Protocol 4.01, section 11.3): without a
// token every script, page by page, and at the end a link for what changes from
// then on. $deltatoken=latest gives that link at once, as in Graph.
func (a *API) scriptDelta(c *call) (*answer, error) {
	after, removedAfter, err := a.deltaStart(c)
	if err != nil {
		return nil, err
	}
	with, limit := a.wanted(c.query, false), c.pageSize(c.query)
	if len(with) > 0 {
		limit = min(limit, contentPage)
	}
	var changes []plimsoll.ScriptChange
	more := false
	if c.query.DeltaToken != "latest" {
		if changes, more, err = c.service.ScriptChanges(c.r.Context(), after, removedAfter, with, limit, pageBudget); err != nil {
			return nil, err
		}
	}
	if n := len(changes); n > 0 {
		after = changes[n-1].Sequence
	}
	body := append(odata.AppendMember(c.begin(scriptsContext+c.query.Context()+"/$delta"), "value"), '[')
	for i := range changes {
		if i > 0 {
			body = append(body, ',')
		}
		body = a.appendChange(body, c, &changes[i])
	}
	body = append(body, ']')
	if more {
		link := c.nextLink(odata.OptionSkipToken, odata.DeltaToken(deltaName+"/page", after, removedAfter))
		body = appendTextMember(body, "@odata.nextLink", link)
	} else {
		link := c.nextLink(odata.OptionDeltaToken, odata.DeltaToken(deltaName, after))
		body = appendTextMember(body, "@odata.deltaLink", link)
	}
	return c.listed(c.ok(append(body, '}'))), nil
}

// deltaStart gives the number of the change that the list goes on after, and
// that from which removed scripts are of interest: whoever begins knows none of
// those that are gone.
func (a *API) deltaStart(c *call) (after, removedAfter int64, err error) {
	switch q := c.query; {
	case q.SkipToken != "" && q.DeltaToken != "":
		return 0, 0, &odata.Error{
			Kind: odata.BadRequest, Target: string(odata.OptionDeltaToken),
			Message: "$deltatoken and $skiptoken cannot stand together: follow the links as they are.",
		}
	case q.SkipToken != "":
		numbers, err := odata.ParseDeltaToken(odata.OptionSkipToken, deltaName+"/page", q.SkipToken, 2)
		if err != nil {
			return 0, 0, err
		}
		return numbers[0], numbers[1], nil
	case q.DeltaToken == "latest":
		after, err = c.service.LastScriptChange(c.r.Context())
		return after, after, err
	case q.DeltaToken != "":
		numbers, err := odata.ParseDeltaToken(odata.OptionDeltaToken, deltaName, q.DeltaToken, 1)
		if err != nil {
			return 0, 0, err
		}
		return numbers[0], numbers[0], nil
	default:
		removedAfter, err = c.service.LastScriptChange(c.r.Context())
		return 0, removedAfter, err
	}
}

// appendChange writes a script, or in the form of OData 4.0 that Graph uses
// (OData JSON 4.01, section 16) that it is gone.
func (a *API) appendChange(dst []byte, c *call, change *plimsoll.ScriptChange) []byte {
	dst = append(dst, '{')
	if !change.Removed {
		s := script{Script: change.Script}
		return append(a.model.script.AppendEntity(dst, &s, c.query, c.writer(), scriptName(s.ID)), '}')
	}
	dst = appendTextMember(dst, "id", change.ID)
	return append(odata.AppendMember(dst, "@removed"), `{"reason":"deleted"}}`...)
}
