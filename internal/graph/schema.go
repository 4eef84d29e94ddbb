package graph

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"plimsoll/internal/odata"
)

// document is $metadata in its forms, by media type.
type document map[string][]byte

// surface is the paths of a root. $metadata is made from it, so that it says
// what is served.
type surface map[string]operations

// surfaces gives the roots with their paths.
func (a *API) surfaces() map[string]surface {
	whole := a.everywhere(beta)
	maps.Copy(whole, a.betaOnly())
	return map[string]surface{beta: whole, v1: a.everywhere(v1)}
}

// documents writes $metadata of each root.
func (m *model) documents() map[string]document {
	documents := map[string]document{}
	for root, paths := range (&API{model: m}).surfaces() { // to look at
		schemas := m.schemas(paths, m.management[root])
		inXML, err := odata.MetadataXML(schemas)
		if err != nil {
			panic("the model cannot be written: " + err.Error()) // a fault of this package alone
		}
		inJSON, err := odata.MetadataJSON(schemas)
		if err != nil {
			panic("the model cannot be written: " + err.Error())
		}
		documents[root] = document{odata.XML: inXML, odata.JSON: inJSON}
	}
	return documents
}

// schemas describes what is at the paths of a root.
func (m *model) schemas(paths surface, management *odata.EntityType[deviceManagement]) []odata.Schema {
	schema := odata.Schema{
		Namespace: namespace,
		Entities:  []odata.TypeElement{odata.AbstractEntity(namespace + ".entity")},
		Container: &odata.ContainerElement{
			Name: "GraphService",
			Sets: paths.sets(namespace + ".group"),
			Singletons: []odata.SingletonElement{{
				Name: "deviceManagement", Type: management.Name, Annotations: paths.entity("/deviceManagement"),
			}},
			Annotations: paths.service(),
		},
	}
	if paths[scriptsPath] == nil {
		schema.Entities = append(schema.Entities, management.Describe())
		return []odata.Schema{schema}
	}
	schema.Container.Singletons = append(schema.Container.Singletons, odata.SingletonElement{
		Name: meName, Type: m.me.Name, Annotations: paths.entity(mePath),
	})
	schema.Enums = []odata.EnumElement{
		runAsAccounts().Describe(), platforms().Describe(), ownerTypes().Describe(), runStates().Describe(),
		filterPlatforms().Describe(), filterTypes().Describe(), complianceStates().Describe(), managementAgents().Describe(),
	}
	schema.Entities = append(schema.Entities, management.Describe(), m.script.Describe(), m.runSummary.Describe(), m.runState.Describe(),
		m.assignment.Describe(), m.device.Describe(), directoryObject(), m.group.Describe(), m.filter.Describe(), m.user(), m.auditEvent.Describe())
	schema.Complexes = slices.Concat(
		[]odata.TypeElement{m.target.Describe()}, m.target.DescribeDerived(),
		[]odata.TypeElement{m.schedule.Describe()}, m.schedule.DescribeDerived(),
		[]odata.TypeElement{m.auditActor.Describe(), m.auditResource.Describe()},
	)
	schema.Actions = []odata.Action{m.assign(paths), m.runNow(paths)}
	schema.Functions = []odata.Function{m.delta(paths)}
	schema.Targets = m.targets(paths, management.Name)
	return []odata.Schema{schema, {
		Namespace: ours,
		Entities:  []odata.TypeElement{m.enrollmentToken.Describe()},
		Complexes: []odata.TypeElement{
			m.history.Describe(), m.summaries.Describe(), currentCountsType().Describe(), earlierCountsType().Describe(),
			m.scriptRunState.Describe(), m.errorGroup.Describe(), m.reach.Describe(),
		},
		Actions: []odata.Action{m.matching(paths, management.Name), m.reachedDevices(paths)},
		Functions: []odata.Function{
			m.runSummaryHistory(paths), m.allSummaries(paths), changes(paths, management.Name), m.deviceRunStates(paths), m.errorGroups(paths),
		},
	}}
}

// sets describes what stands beside deviceManagement: nothing where there are no
// groups.
func (s surface) sets(group string) []odata.SetElement {
	if s[groupsPath] == nil {
		return nil
	}
	return []odata.SetElement{{
		Name: groupsName, Type: group, Annotations: append(s.collection(groupsPath), odata.OptimisticConcurrency()),
	}}
}

// targets tells of what the navigations lead to. What changes has entity tags, and
// of scripts there is a delta.
func (m *model) targets(paths surface, management string) []odata.TargetElement {
	tagged := odata.OptimisticConcurrency()
	return []odata.TargetElement{
		{
			Target:      management + "/deviceComplianceScripts",
			Annotations: append(paths.collection(scriptsPath), tagged, odata.ChangeTracking()),
		},
		{Target: management + "/managedDevices", Annotations: append(paths.collection(devicesPath), tagged)},
		{Target: management + "/assignmentFilters", Annotations: append(paths.collection(filtersPath), tagged)},
		{Target: management + "/enrollmentTokens", Annotations: paths.collection(enrollmentTokensPath)},
		{Target: management + "/auditEvents", Annotations: paths.collection(auditEventsPath)},
		{Target: m.group.Name + "/members", Annotations: paths.collection(membersPath)},
		{Target: m.script.Name + "/assignments", Annotations: paths.collection(assignmentsPath)},
		{Target: m.script.Name + "/deviceRunStates", Annotations: paths.collection(runStatesPath)},
		{Target: m.runState.Name + "/managedDevice", Annotations: paths.entity(runStatesPath + "/{" + member + "}/managedDevice")},
		{Target: m.script.Name + "/runSummary", Annotations: append(paths.entity(summaryPath), tagged)},
	}
}

// directoryObject describes what Graph bases groups on.
func directoryObject() odata.TypeElement {
	return odata.TypeElement{Name: "directoryObject", BaseType: namespace + ".entity", Abstract: true}
}

func (m *model) assign(paths surface) odata.Action {
	action := odata.BoundAction("assign", m.script.Name,
		odata.ParameterElement{Name: assignParameter, Type: odata.CollectionOf(m.assignment.Name)})
	action.Annotations = []odata.Annotation{odata.OperationRestrictions(paths.served(assignPath, http.MethodPost))}
	return action
}

func (m *model) runNow(paths surface) odata.Action {
	action := odata.BoundAction(runNow, m.device.Name, odata.ParameterElement{Name: runNowParameter, Type: "Edm.String"})
	action.Annotations = []odata.Annotation{odata.OperationRestrictions(paths.served(runNowPath, http.MethodPost))}
	return action
}

func (m *model) matching(paths surface, management string) odata.Action {
	devices := odata.CollectionOf(m.device.Name)
	action := odata.BoundAction("matchingDevices", management, odata.ParameterElement{Name: "rule", Type: "Edm.String"})
	action.Returns = &odata.ReturnElement{Type: devices}
	action.Annotations = []odata.Annotation{odata.OperationRestrictions(paths.served(matchingPath, http.MethodPost))}
	return action
}

func (m *model) delta(paths surface) odata.Function {
	scripts := odata.CollectionOf(m.script.Name)
	delta := odata.BoundFunction("delta", scripts, scripts)
	delta.EntitySetPath = "bindingParameter"
	return paths.annotate(delta, scriptsPath+"/"+namespace+".delta")
}

func (m *model) runSummaryHistory(paths surface) odata.Function {
	history := odata.BoundFunction("runSummaryHistory", m.script.Name, odata.CollectionOf(m.history.Name))
	return paths.annotate(history, scriptPath+"/"+ours+".runSummaryHistory")
}

// user describes the caller: what a token allows is no property that could be
// described.
func (m *model) user() odata.TypeElement {
	user := m.me.Describe()
	user.Open = true
	return user
}

func (m *model) allSummaries(paths surface) odata.Function {
	since := odata.ParameterElement{Name: sinceParameter, Type: "Edm.DateTimeOffset", Precision: odata.TimePrecision}
	summaries := odata.BoundFunction(summariesName, odata.CollectionOf(m.script.Name), odata.CollectionOf(m.summaries.Name), since)
	return paths.annotate(summaries, summariesPath)
}

func changes(paths surface, management string) odata.Function {
	changes := odata.BoundFunction(changesName, management, "Edm.Stream")
	changes.Annotations = []odata.Annotation{odata.OperationRestrictions(paths.served(changesPath, http.MethodGet))}
	return changes
}

func (m *model) deviceRunStates(paths surface) odata.Function {
	states := odata.BoundFunction("runStates", m.device.Name, odata.CollectionOf(m.scriptRunState.Name))
	return paths.annotate(states, deviceRunStatesPath)
}

func (m *model) errorGroups(paths surface) odata.Function {
	groups := odata.BoundFunction("errorGroups", m.script.Name, odata.CollectionOf(m.errorGroup.Name))
	return paths.annotate(groups, errorGroupsPath)
}

func (m *model) reachedDevices(paths surface) odata.Action {
	action := odata.BoundAction("reachedDevices", m.script.Name,
		odata.ParameterElement{Name: assignParameter, Type: odata.CollectionOf(m.assignment.Name)})
	action.Returns = &odata.ReturnElement{Type: m.reach.Name}
	action.Annotations = []odata.Annotation{odata.OperationRestrictions(paths.served(reachedPath, http.MethodPost))}
	return action
}

// served tells of the operation at a path, in Graph's names for the ways to get
// a token: a permission has the same name in each.
func (s surface) served(path, method string) odata.Served {
	op, ok := s[path][method]
	if !ok {
		return odata.Served{}
	}
	return odata.Served{OK: true, Permissions: odata.Permissions([]string{"DelegatedWorkOrSchool", "Application"}, op.permission...)}
}

// queries tells of the options of the GET at a path.
func (s surface) queries(path string, collection bool) []odata.Annotation {
	get := s[path][http.MethodGet]
	return odata.QueryCapabilities(get.rows, collection, get.options...)
}

// changes tells of the PATCH and DELETE at a path.
func (s surface) changes(path string) []odata.Annotation {
	return []odata.Annotation{
		odata.UpdateRestrictions(s.served(path, http.MethodPatch)),
		odata.DeleteRestrictions(s.served(path, http.MethodDelete)),
	}
}

func (s surface) inserts(path string) odata.Annotation {
	return odata.InsertRestrictions(s.served(path, http.MethodPost), s[path][http.MethodGet].rows)
}

// entity tells of a singleton, or of what a navigation to one entity leads to.
func (s surface) entity(path string) []odata.Annotation {
	annotations := []odata.Annotation{odata.ReadRestrictions(s.served(path, http.MethodGet))}
	if insert := s.inserts(path); s.served(path, http.MethodPost).OK {
		annotations = append(annotations, insert)
	}
	return slices.Concat(annotations, s.changes(path), s.queries(path, false))
}

// collection tells of entities and of each by its key.
func (s surface) collection(path string) []odata.Annotation {
	one := path + "/{id}"
	if strings.Contains(path, "{id}") {
		one = path + "/{" + member + "}"
	}
	byKey := s.served(one, http.MethodGet)
	annotations := []odata.Annotation{
		odata.ReadCollectionRestrictions(s.served(path, http.MethodGet), byKey), odata.IndexableByKey(byKey.OK), s.inserts(path),
	}
	return slices.Concat(annotations, s.changes(one), s.queries(path, true))
}

// annotate tells of the function at a path.
func (s surface) annotate(f odata.Function, path string) odata.Function {
	f.Annotations = []odata.Annotation{odata.OperationRestrictions(s.served(path, http.MethodGet))}
	f.Returns.Annotations = s.queries(path, true)
	return f
}

// service tells of the root itself.
func (s surface) service() []odata.Annotation {
	annotations := append(odata.ServiceCapabilities(),
		odata.SupportedMetadataFormats(s["/$metadata"][http.MethodGet].serves...),
		odata.AcceptableEncodings("gzip"), // by readBody
	)
	if s["/$batch"] != nil {
		annotations = append(annotations, odata.BatchCapabilities()...)
	}
	return annotations
}
