package graph

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"plimsoll"
	"plimsoll/internal/odata"
	"plimsoll/internal/query"
)

const (
	scriptsName    = "deviceManagement/deviceComplianceScripts"
	scriptsContext = "#" + scriptsName
	contentName    = "detectionScriptContent"

	scriptsPath = "/" + scriptsName
	scriptPath  = scriptsPath + "/{id}"
)

// addScripts adds the paths of the scripts.
func (a *API) addScripts(routes map[string]operations) {
	rows, to := a.model.script.Type(), toScripts()
	delta := operations{http.MethodGet: to.read(rows, a.scriptDelta, ofDelta()...)}
	maps.Copy(routes, map[string]operations{
		scriptsPath: {
			http.MethodGet:  to.read(rows, a.listScripts, ofCollection()...),
			http.MethodPost: to.write(rows, maxScriptBody, a.createScript),
		},
		scriptsPath + "/$count":                  {http.MethodGet: to.raw(rows, a.countScripts, ofCount()...)},
		scriptsPath + "/delta":                   delta,
		scriptsPath + "/" + namespace + ".delta": delta,
		scriptPath: {
			http.MethodGet:    to.read(rows, a.getScript, ofEntity()...),
			http.MethodPatch:  to.write(rows, maxScriptBody, a.updateScript),
			http.MethodDelete: to.remove(a.deleteScript),
		},
	})
	addProperties(routes, a.scriptOwner())
}

func runAsAccounts() odata.Enumeration[plimsoll.RunAsAccount] {
	return odata.Enumeration[plimsoll.RunAsAccount]{
		Name: namespace + ".runAsAccountType", Members: plimsoll.RunAsAccounts(),
	}
}

func platforms() odata.Enumeration[plimsoll.Platform] {
	return odata.Enumeration[plimsoll.Platform]{
		Name: namespace + ".deviceComplianceScriptPlatformType", Members: plimsoll.Platforms(),
	}
}

// script is a script with those pages of its assignments and run states that are
// expanded.
type script struct {
	plimsoll.ListedScript

	assignments odata.Collection[assignment]
	runStates   odata.Collection[runState]
}

func scriptType(m *model) *odata.EntityType[script] {
	return odata.Declare(odata.EntityType[script]{
		Name: namespace + ".deviceComplianceScript", Base: namespace + ".entity",
		Key:     func(s *script) string { return s.ID },
		Changes: func(s *script) int64 { return s.Changes },
		Properties: []odata.Property[script]{
			odata.String("id", func(s *script) *string { return &s.ID }).ReadOnly(),
			odata.NullableString("publisher", func(s *script) **string { return &s.Publisher }).Searched(),
			odata.NullableString("version", func(s *script) **string { return &s.Version }),
			odata.String("displayName", func(s *script) *string { return &s.DisplayName }).Required().Searched(),
			odata.NullableString("description", func(s *script) **string { return &s.Description }).Searched(),
			odata.NullableBinary("detectionScriptContent", func(s *script) *[]byte { return &s.Content }),
			odata.DateTimeOffset("createdDateTime", func(s *script) *time.Time { return &s.CreatedAt }).ReadOnly(),
			odata.DateTimeOffset("lastModifiedDateTime", func(s *script) *time.Time { return &s.ModifiedAt }).ReadOnly(),
			odata.Enum("runAsAccount", runAsAccounts(), func(s *script) *plimsoll.RunAsAccount { return &s.RunAsAccount }),
			odata.Boolean("enforceSignatureCheck", func(s *script) *bool { return &s.EnforceSignatureCheck }),
			odata.Boolean("runAs32Bit", func(s *script) *bool { return &s.RunAs32Bit }),
			odata.Strings("roleScopeTagIds", func(s *script) *[]string { return &s.RoleScopeTagIDs }),
			odata.NullableEnum("platform", platforms(), func(s *script) *plimsoll.Platform { return &s.Platform }),
		},
		Navigations: []odata.Navigation[script]{
			odata.One("runSummary", m.runSummary, func(s *script) *record { return s.RunSummary }),
			odata.Many("assignments", m.assignment, func(s *script) *odata.Collection[assignment] { return &s.assignments }),
			odata.Many("deviceRunStates", m.runState, func(s *script) *odata.Collection[runState] { return &s.runStates }),
		},
	})
}

// wanted gives what a query wants of scripts beside what each row has. Of one
// script, its content belongs to what is wanted when nothing is selected.
func (a *API) wanted(q *odata.Query, whole bool) (with []string) {
	if q.Names(a.model.script.Type(), contentName) || whole && q.Select.All() {
		with = append(with, contentName)
	}
	if q.Expanded("runSummary") != nil {
		with = append(with, "runSummary")
	}
	return with
}

// scripts reads the page of scripts that a query wants.
func (a *API) scripts(c *call, q *odata.Query) (*odata.Collection[script], error) {
	page, err := c.page(q, scriptsName, query.Type{Kind: query.String})
	if err != nil {
		return nil, err
	}
	page.With = a.wanted(q, false)
	if page.Wants(contentName) {
		page.Limit = min(page.Limit, contentPage)
	}
	expands := expandsSets(q)
	if expands {
		page.Limit = min(page.Limit, expandedPage)
	}
	found, err := c.service.Scripts(c.r.Context(), page)
	if err != nil {
		return nil, err
	}
	rows := query.Rows[script]{Rows: make([]script, len(found.Rows)), Last: found.Last, Total: found.Total}
	for i, one := range found.Rows {
		rows.Rows[i].ListedScript = one
		if err := a.expandScript(c, q, &rows.Rows[i]); err != nil {
			return nil, err
		}
	}
	return collection(q, scriptsName, rows, func(token string) string {
		if q == c.query {
			return c.nextLink(odata.OptionSkipToken, token)
		}
		return c.base() + "/" + scriptsName + "?" + q.Encode() + c.given(isFormat) + "$skiptoken=" + token // it goes on by itself
	})
}

// expandsSets tells whether a query expands what is read script by script.
func expandsSets(q *odata.Query) bool {
	return q.Expanded("assignments") != nil || q.Expanded("deviceRunStates") != nil
}

// expandScript reads what a query expands of a script beside its run summary.
func (a *API) expandScript(c *call, q *odata.Query, s *script) error {
	if e := q.Expanded("assignments"); e != nil {
		page, err := a.assignments().page(c, s.ID, &e.Query)
		if err != nil {
			return err
		}
		s.assignments = *page
	}
	if e := q.Expanded("deviceRunStates"); e != nil {
		page, err := a.runStates().page(c, s.ID, &e.Query)
		if err != nil {
			return err
		}
		s.runStates = *page
	}
	return nil
}

func (a *API) listScripts(c *call) (*answer, error) {
	scripts, err := a.scripts(c, c.query)
	if err != nil {
		return nil, err
	}
	body := c.begin(scriptsContext + c.query.Context())
	body = a.model.script.AppendCollection(body, "", scripts, c.query, c.writer(), scriptsName)
	return c.listed(c.ok(append(body, '}'))), nil
}

func (a *API) countScripts(c *call) (*answer, error) {
	n, err := c.service.CountScripts(c.r.Context(), c.query.Filter)
	return c.number(n), err
}

// scriptName gives the canonical path of a script below the root.
func scriptName(id string) string { return odata.MemberPath(scriptsName, id) }

// scriptAnswer is the answer that carries one script.
func (a *API) scriptAnswer(c *call, s *script) (*answer, error) {
	if err := a.expandScript(c, c.query, s); err != nil {
		return nil, err
	}
	body := c.begin(scriptsContext + c.query.Context() + "/$entity")
	result := c.ok(append(a.model.script.AppendEntity(body, s, c.query, c.writer(), scriptName(s.ID)), '}'))
	result.etag = odata.ETag(s.Changes)
	return result, nil
}

func shownScript(s plimsoll.Script) *script {
	return &script{ListedScript: plimsoll.ListedScript{Script: s}}
}

// editScript gives the change that a body asks for.
func editScript(patch odata.Patch[script]) func(*plimsoll.Script) {
	return func(s *plimsoll.Script) {
		edited := script{}
		edited.Script = *s
		patch.Apply(&edited)
		*s = edited.Script
	}
}

// changedScript is the answer to a POST or PATCH.
func (a *API) changedScript(c *call, s *script) (*answer, error) {
	result, err := a.scriptAnswer(c, s)
	if err != nil {
		return nil, err
	}
	result.changed, result.location = true, c.base()+"/"+scriptsName+"/"+s.ID
	return result, nil
}

func (a *API) createScript(c *call) (*answer, error) {
	patch, err := a.model.script.Decode(c.body)
	if err == nil {
		err = patch.RequireAll()
	}
	if err != nil {
		return nil, err
	}
	created, err := c.service.CreateScript(c.r.Context(), c.caller.Subject, editScript(patch))
	if err != nil {
		return nil, err
	}
	result, err := a.changedScript(c, shownScript(created)) // which has no run summary yet
	if err != nil {
		return nil, err
	}
	result.status, result.create = http.StatusCreated, true
	return result, nil
}

func (a *API) getScript(c *call) (*answer, error) {
	found, err := c.service.Script(c.r.Context(), c.key("id"), a.wanted(c.query, true)...)
	if err != nil {
		return nil, err
	}
	return a.scriptAnswer(c, &script{ListedScript: found})
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
	updated, err := c.service.UpdateScript(c.r.Context(), c.caller.Subject, c.key("id"), match, editScript(patch))
	if err != nil {
		return nil, err
	}
	shown := shownScript(updated)
	if with := a.wanted(c.query, true); slices.Contains(with, "runSummary") {
		if shown.ListedScript, err = c.service.Script(c.r.Context(), updated.ID, with...); err != nil {
			return nil, err
		}
	}
	return a.changedScript(c, shown)
}

func (a *API) deleteScript(c *call) (*answer, error) {
	match, err := c.match()
	if err != nil {
		return nil, err
	}
	err = c.service.DeleteScript(c.r.Context(), c.caller.Subject, c.key("id"), match)
	return noContent(), err
}

// scriptOwner has the paths of a script's properties.
func (a *API) scriptOwner() owner[script] {
	return owner[script]{
		pattern: scriptPath, access: toScripts(), typ: a.model.script,
		path: func(_ *call, s *script) string { return scriptName(s.ID) },
		read: func(c *call, property string) (*script, error) {
			var with []string
			if property == contentName {
				with = append(with, contentName)
			}
			found, err := c.service.Script(c.r.Context(), c.key("id"), with...)
			return &script{ListedScript: found}, err
		},
	}
}
