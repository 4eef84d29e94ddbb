package graph

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"plimsoll"
	"plimsoll/internal/odata"
	"plimsoll/internal/query"
)

const scriptsContext = "#deviceManagement/deviceComplianceScripts"

// view is what a request wants to see of scripts.
type view struct {
	selection odata.Selection
	expand    bool   // the run summary too
	suffix    string // of the context: the select list of OData JSON 4.01, section 10.7
}

func (a *API) viewOf(q odata.Query) (v view, err error) {
	if v.selection, err = a.model.script.Select(q.Select); err != nil {
		return v, err
	}
	for _, name := range q.Expand {
		if name != "runSummary" {
			return v, &odata.Error{
				Kind: odata.BadRequest, Target: "$expand",
				Message: "$expand takes runSummary here, not " + strconv.Quote(name) + ".",
			}
		}
		v.expand = true
	}
	names := slices.Clone(q.Select)
	if v.expand {
		names = append(names, "runSummary()")
	}
	if len(names) > 0 {
		v.suffix = "(" + strings.Join(names, ",") + ")"
	}
	return v, nil
}

func (a *API) appendScript(dst []byte, s *plimsoll.Script, v view) []byte {
	return a.model.script.AppendMembers(appendETag(dst, s.Changes), s, v.selection)
}

// appendExpanded writes the run summary inside its script, or null.
func (a *API) appendExpanded(dst []byte, r *plimsoll.RunSummaryRecord) []byte {
	dst = odata.AppendMember(dst, "runSummary")
	if r == nil {
		return append(dst, "null"...)
	}
	dst = appendETag(append(dst, '{'), r.Sequence)
	return append(a.model.runSummary.AppendMembers(dst, &r.RunSummary, odata.SelectAll()), '}')
}

func (a *API) listScripts(c *call) (*answer, error) {
	v, err := a.viewOf(c.query)
	if err != nil {
		return nil, err
	}
	page := query.Page{Limit: pageSize(c.query), Budget: pageBudget, Count: c.query.Count}
	if v.expand {
		page.With = append(page.With, "runSummary")
	}
	if a.model.script.Selects(v.selection, "detectionScriptContent") {
		page.With = append(page.With, "detectionScriptContent")
		page.Limit = min(page.Limit, contentPage)
	}
	if c.query.SkipToken != "" {
		isID := func(key string) bool { return uuid.Validate(key) == nil }
		after, err := odata.ParseSkipToken(scriptsPath, c.query.SkipToken, isID)
		if err != nil {
			return nil, err
		}
		page.After = []any{after}
	}
	list, err := a.service.Scripts(c.r.Context(), page)
	if err != nil {
		return nil, err
	}
	token := ""
	if len(list.Last) == 1 {
		token = odata.SkipToken(scriptsPath, list.Last[0].(string))
	}
	row := func(dst []byte, s *plimsoll.ListedScript) []byte {
		dst = a.appendScript(dst, &s.Script, v)
		if v.expand {
			dst = a.appendExpanded(dst, s.RunSummary)
		}
		return dst
	}
	return ok(appendPage(c.begin(scriptsContext+v.suffix), c, list.Total, list.Rows, row, token)), nil
}

func (a *API) countScripts(c *call) (*answer, error) {
	n, err := a.service.CountScripts(c.r.Context(), nil)
	return &answer{status: http.StatusOK, contentType: odata.Plain, body: strconv.AppendInt(nil, n, 10)}, err
}

// scriptAnswer is the answer that carries one script.
func (a *API) scriptAnswer(c *call, s *plimsoll.Script, v view) *answer {
	result := ok(append(a.appendScript(c.begin(scriptsContext+v.suffix+"/$entity"), s, v), '}'))
	result.etag = etag(s.Changes)
	return result
}

func (a *API) createScript(c *call) (*answer, error) {
	patch, err := a.model.script.Decode(c.body)
	if err == nil {
		err = patch.RequireAll()
	}
	if err != nil {
		return nil, err
	}
	script, err := a.service.CreateScript(c.r.Context(), c.caller.Subject, patch.Apply)
	if err != nil {
		return nil, err
	}
	result := a.scriptAnswer(c, &script, view{selection: odata.SelectAll()})
	result.status, result.create = http.StatusCreated, true
	result.location = c.base + scriptsPath + "/" + script.ID
	return result, nil
}

func (a *API) getScript(c *call) (*answer, error) {
	v, err := a.viewOf(c.query)
	if err != nil {
		return nil, err
	}
	id := c.scriptID()
	script, err := a.service.Script(c.r.Context(), id, "detectionScriptContent", "runSummary")
	if err != nil {
		return nil, err
	}
	result := a.scriptAnswer(c, &script.Script, v)
	if v.expand {
		result.body = append(a.appendExpanded(result.body[:len(result.body)-1], script.RunSummary), '}')
	}
	return result, nil
}

func (a *API) updateScript(c *call) (*answer, error) {
	patch, err := a.model.script.Decode(c.body)
	if err != nil {
		return nil, err
	}
	match, err := c.match()
	if err != nil {
		return nil, err
	}
	script, err := a.service.UpdateScript(c.r.Context(), c.caller.Subject, c.scriptID(), match, patch.Apply)
	if err != nil {
		return nil, err
	}
	result := a.scriptAnswer(c, &script, view{selection: odata.SelectAll()})
	result.location = c.base + scriptsPath + "/" + script.ID
	return result, nil
}

func (a *API) deleteScript(c *call) (*answer, error) {
	match, err := c.match()
	if err != nil {
		return nil, err
	}
	err = a.service.DeleteScript(c.r.Context(), c.caller.Subject, c.scriptID(), match)
	return &answer{status: http.StatusNoContent}, err
}

// nextLink gives the request's own URL with another $skiptoken.
func (c *call) nextLink(token string) string {
	var link strings.Builder
	path, _, _ := strings.Cut(c.r.RequestURI, "?") // as it was sent, where it was no whole URL
	if !strings.HasPrefix(path, "/") {
		path = c.r.URL.EscapedPath()
	}
	link.WriteString(strings.TrimSuffix(c.base, root) + path + "?")
	for option := range strings.SplitSeq(c.r.URL.RawQuery, "&") {
		name, _, _ := strings.Cut(option, "=")
		if name, err := url.QueryUnescape(name); err == nil && name != "" && strings.TrimPrefix(name, "$") != "skiptoken" {
			link.WriteString(option + "&")
		}
	}
	return link.String() + "$skiptoken=" + token
}
