package graph

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"plimsoll/internal/auth"
	"plimsoll/internal/odata"
)

type object = map[string]any

// at follows names into a JSON object; nil where there is nothing.
func at(o object, names ...string) any {
	var v any = o
	for _, name := range names {
		inner, _ := v.(object)
		v = inner[name]
	}
	return v
}

func objectAt(o object, names ...string) object {
	inner, _ := at(o, names...).(object)
	return inner
}

// metadataOf reads a root's $metadata as a client does, and gives the root's
// paths.
func metadataOf(t *testing.T, root string) (object, surface) {
	t.Helper()
	m := newModel()
	var document object
	if err := json.Unmarshal(m.metadata[root][odata.JSON], &document); err != nil {
		t.Fatal(err)
	}
	return document, (&API{model: m}).surfaces()[root]
}

// annotated is what $metadata says of what is at a path.
type annotated struct {
	says       object
	path       string
	collection bool
	expand     string // a navigation of it, "" where it has none
}

func (a annotated) capability(names ...string) any {
	return at(a.says, append([]string{"@Capabilities." + names[0]}, names[1:]...)...)
}

// TestMetadataHolds tries at each annotated path what its annotations promise
// and deny.
func TestMetadataHolds(t *testing.T) {
	t.Parallel()
	for _, root := range []string{beta, v1} {
		document, paths := metadataOf(t, root)
		graph := objectAt(document, namespace)
		places := []annotated{{objectAt(graph, "GraphService", "deviceManagement"), "/deviceManagement", false, "deviceComplianceScripts"}}
		if root == beta {
			targets := objectAt(graph, "$Annotations")
			for target, place := range map[string]annotated{
				".deviceManagement/deviceComplianceScripts":        {path: scriptsPath, collection: true, expand: "runSummary"},
				".deviceComplianceScript/runSummary":               {path: summaryPath},
				".deviceManagement/managedDevices":                 {path: devicesPath, collection: true},
				".deviceManagement/assignmentFilters":              {path: filtersPath, collection: true},
				".deviceManagement/enrollmentTokens":               {path: enrollmentTokensPath, collection: true},
				".deviceManagement/auditEvents":                    {path: auditEventsPath, collection: true},
				".deviceComplianceScript/assignments":              {path: assignmentsPath, collection: true},
				".deviceComplianceScript/deviceRunStates":          {path: runStatesPath, collection: true, expand: "managedDevice"},
				".deviceComplianceScriptDeviceState/managedDevice": {path: runStatesPath + "/{member}/managedDevice"},
				".group/members":                                   {path: membersPath, collection: true},
			} {
				place.says = objectAt(targets, namespace+target)
				places = append(places, place)
			}
			if len(targets) != len(places)-1 {
				t.Errorf("annotations of more than is tried: %v", targets)
			}
			places = append(places, annotated{objectAt(graph, "GraphService", "groups"), groupsPath, true, "members"},
				annotated{objectAt(graph, "GraphService", meName), mePath, false, ""})
		}
		for _, place := range places {
			place.tryQueries(t, root, paths)
			place.tryMethods(t, root, paths)
		}
	}
}

// TestFunctionsHold does so for the functions and what they give.
func TestFunctionsHold(t *testing.T) {
	t.Parallel()
	document, paths := metadataOf(t, beta)
	for name, path := range map[string]string{
		namespace + ".delta":        scriptsPath + "/" + namespace + ".delta",
		ours + ".runSummaryHistory": scriptPath + "/" + ours + ".runSummaryHistory",
		ours + ".summaries":         summariesPath,
		ours + ".changes":           changesPath,
		ours + ".runStates":         deviceRunStatesPath,
		ours + ".errorGroups":       errorGroupsPath,
	} {
		space, function := unqualified(name)
		overloads, _ := at(document, space, function).([]any)
		if len(overloads) != 1 {
			t.Fatalf("%s: %v", name, overloads)
		}
		says, _ := overloads[0].(object)
		var takes []string
		parameters, _ := says["$Parameter"].([]any)
		for _, p := range parameters[1:] {
			p, _ := p.(object)
			takes = append(takes, fmt.Sprint(p["$Name"]))
		}
		if parameters, is := parametersOf(name); !is || !slices.Equal(parameters, takes) {
			t.Errorf("%s takes %q, and is said to take %q", name, parameters, takes)
		}
		if returns := objectAt(says, "$ReturnType"); returns["$Type"] != "Edm.Stream" {
			annotated{returns, path, true, "runSummary"}.tryQueries(t, beta, paths)
		}
		tryPermissions(t, path, objectAt(says, "@Capabilities.OperationRestrictions"), paths[path][http.MethodGet])
	}
}

// unqualified takes a qualified name apart.
func unqualified(name string) (space, unqualified string) {
	i := max(strings.LastIndexByte(name, '.'), 0)
	return name[:i], strings.TrimPrefix(name[i:], ".")
}

func (a annotated) tryQueries(t *testing.T, root string, paths surface) {
	t.Helper()
	get := paths[a.path][http.MethodGet]
	refused := func(query string) error {
		_, err := odata.ParseQuery(query, get.rows, time.Now(), get.options...)
		return err
	}
	tries := []struct {
		said  any
		query string
	}{{a.capability("SelectSupport", "Supported"), "$select=id"}}
	expand := a.expand
	if expand == "" {
		expand = "runSummary" // which is no navigation there
	}
	tries = append(tries, struct {
		said  any
		query string
	}{a.capability("ExpandRestrictions", "Expandable"), "$expand=" + expand})
	if a.collection {
		tries = append(tries, []struct {
			said  any
			query string
		}{
			{a.capability("FilterRestrictions", "Filterable"), "$filter=id%20eq%20'x'"},
			{a.capability("SortRestrictions", "Sortable"), "$orderby=id"},
			{a.capability("CountRestrictions", "Countable"), "$count=true"},
			{a.capability("SearchRestrictions", "Searchable"), "$search=x"},
			{a.capability("TopSupported"), "$top=1"},
			{a.capability("SkipSupported"), "$skip=1"},
		}...)
	}
	for _, try := range tries {
		if err := refused(try.query); try.said != (err == nil) {
			t.Errorf("%s%s?%s is said to be supported: %v; %v", root, a.path, try.query, try.said, err)
		}
	}
	if a.path == scriptsPath {
		unsortable, _ := a.capability("SortRestrictions", "NonSortableProperties").([]any)
		for _, p := range newModel().script.Properties {
			if err := refused("$orderby=" + p.Name()); slices.Contains(unsortable, any(p.Name())) != (err != nil) {
				t.Errorf("%s of %v: %v", p.Name(), unsortable, err)
			}
		}
	}
}

// tryMethods holds the restrictions to the methods that are served, for whom,
// and what they require.
func (a annotated) tryMethods(t *testing.T, root string, paths surface) {
	t.Helper()
	one := a.path
	if a.collection {
		if one += "/{id}"; strings.Contains(a.path, "{id}") {
			one = a.path + "/{" + member + "}"
		}
		if byKey := a.capability("IndexableByKey"); byKey != (paths[one] != nil) {
			t.Errorf("%s: by key: %v", a.path, byKey)
		}
		if count := a.capability("CountRestrictions", "Countable"); count != (paths[a.path+"/$count"] != nil) {
			t.Errorf("%s/$count: %v", a.path, count)
		}
		record, _ := a.capability("ReadRestrictions", "ReadByKeyRestrictions").(object)
		tryMethod(t, root+one, record, "Readable", paths[one], http.MethodGet)
	}
	for _, try := range []struct{ term, able, path, method string }{
		{"ReadRestrictions", "Readable", a.path, http.MethodGet},
		{"InsertRestrictions", "Insertable", a.path, http.MethodPost},
		{"UpdateRestrictions", "Updatable", one, http.MethodPatch},
		{"DeleteRestrictions", "Deletable", one, http.MethodDelete},
	} {
		record, _ := a.capability(try.term).(object)
		tryMethod(t, root+try.path, record, try.able, paths[try.path], try.method)
	}
	if _, replaced := paths[one][http.MethodPut]; replaced || paths[one][http.MethodPatch].handle != nil && a.capability("UpdateRestrictions", "UpdateMethod") != "PATCH" {
		t.Errorf("%s: %v", one, a.capability("UpdateRestrictions"))
	}
	tags := a.says["@Core.OptimisticConcurrency"] != nil
	tagless := strings.HasPrefix(a.path, assignmentsPath) || strings.HasPrefix(a.path, runStatesPath)
	if changes := paths[one][http.MethodPatch].handle != nil && !tagless; tags != changes {
		t.Errorf("%s: entity tags: %t, changes: %t", one, tags, changes)
	}
	tracked := a.capability("ChangeTracking", "Supported") == true
	if delta := paths[a.path+"/delta"] != nil; tracked != delta {
		t.Errorf("%s: changes are said to be tracked: %t; %t", a.path, tracked, delta)
	}
}

func tryMethod(t *testing.T, path string, record object, able string, methods operations, method string) {
	t.Helper()
	op, served := methods[method]
	if said, _ := record[able].(bool); said != served {
		t.Errorf("%s %s is served: %t; %s: %v", method, path, served, able, record)
	}
	if served {
		tryPermissions(t, path, record, op)
	}
}

// tryPermissions tries every permission by itself.
func tryPermissions(t *testing.T, path string, record object, op operation) {
	t.Helper()
	schemes, _ := record["Permissions"].([]any)
	if len(schemes) != 2 {
		t.Fatalf("%s: %v", path, record)
	}
	for _, scheme := range schemes {
		var scopes []string
		scheme, _ := scheme.(object)
		list, _ := scheme["Scopes"].([]any)
		for _, scope := range list {
			scope, _ := scope.(object)
			name, _ := scope["Scope"].(string)
			scopes = append(scopes, name)
		}
		for _, permission := range auth.Permissions() {
			caller := auth.Principal{Permissions: []auth.Permission{permission}}
			if may := caller.May(op.permission) == nil; may != slices.Contains(scopes, string(permission)) {
				t.Errorf("%s: %s alone is enough: %t; %v", path, permission, may, scopes)
			}
		}
	}
}

// TestRequiredProperties creates from nothing, and is told what is missing.
func TestRequiredProperties(t *testing.T) {
	t.Parallel()
	document, _ := metadataOf(t, beta)
	m := newModel()
	for target, missing := range map[string]error{
		".deviceManagement/deviceComplianceScripts": required(t, m.script),
		".deviceComplianceScript/runSummary":        required(t, m.runSummary),
		".deviceManagement/assignmentFilters":       required(t, m.filter),
		".deviceComplianceScript/assignments":       required(t, m.assignment),
	} {
		listed, _ := at(document, namespace, "$Annotations", namespace+target, "@Capabilities.InsertRestrictions", "RequiredProperties").([]any)
		var names []string
		for _, name := range listed {
			name, _ := name.(string)
			names = append(names, name)
		}
		if got, want := missing.Error(), "Required and missing: "+strings.Join(names, ", ")+"."; got != want {
			t.Errorf("%s: %s; $metadata: %s", target, got, want)
		}
	}
}

// required gives what a body without anything is told.
func required[T any](t *testing.T, typ *odata.EntityType[T]) error {
	t.Helper()
	patch, err := typ.Decode([]byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	return patch.RequireAll()
}

// TestMetadataLeadsToEveryPath finds each path in $metadata, step by step, and
// each step that $metadata has among the paths.
func TestMetadataLeadsToEveryPath(t *testing.T) {
	t.Parallel()
	for _, root := range []string{beta, v1} {
		document, paths := metadataOf(t, root)
		walk := walker{document: document, reached: map[string]bool{"": true, "/$metadata": true, "/$batch": true}}
		for name, singleton := range objectAt(document, namespace, "GraphService") {
			if singleton, ok := singleton.(object); ok && !strings.HasPrefix(name, "@") {
				typ, _ := singleton["$Type"].(string)
				if singleton["$Collection"] == true {
					walk.member("/"+name, object{"$Kind": "NavigationProperty", "$Collection": true, "$Type": typ, "$ContainsTarget": true})
				} else {
					walk.entity("/"+name, typ)
				}
			}
		}
		for path := range paths {
			if !walk.reached[path] {
				t.Errorf("%s%s is served, and not described", root, path)
			}
		}
		for path := range walk.reached {
			if paths[path] == nil {
				t.Errorf("%s%s is described, and not served", root, path)
			}
		}
	}
}

type walker struct {
	document object
	reached  map[string]bool
}

func (w *walker) typeOf(name string) object {
	space, typ := unqualified(name)
	return objectAt(w.document, space, typ)
}

func (w *walker) entity(path, typ string) {
	w.reached[path] = true
	w.functions(path, typ, false)
	for described := w.typeOf(typ); described != nil; {
		for name, member := range described {
			if member, ok := member.(object); ok && !strings.ContainsAny(name, "$@") {
				w.member(path+"/"+name, member)
			}
		}
		base, _ := described["$BaseType"].(string)
		described = w.typeOf(base)
	}
}

func (w *walker) member(path string, described object) {
	w.reached[path] = true
	typ, _ := described["$Type"].(string)
	switch isNavigation, isCollection := described["$Kind"] != nil, described["$Collection"] == true; {
	case isNavigation && isCollection:
		w.reached[path+"/$count"] = true
		w.functions(path, typ, true)
		key := "/{id}"
		if strings.Contains(path, key) {
			key = "/{" + member + "}"
		}
		if described["$ContainsTarget"] != true {
			w.reached[path+"/$ref"], w.reached[path+key+"/$ref"] = true, true
			break
		}
		w.entity(path+key, typ)
	case isNavigation && described["$ContainsTarget"] != true, w.typeOf(typ)["$Kind"] == "ComplexType":
	case isNavigation:
		w.entity(path, typ)
	case isCollection:
		w.reached[path+"/$count"] = true
	default:
		w.reached[path+"/$value"] = true
	}
}

// functions adds those that are bound to a type, or to a collection of it; Graph
// serves its own without their namespace too.
func (w *walker) functions(path, typ string, collection bool) {
	for space := range w.document {
		for name, overloads := range objectAt(w.document, space) {
			overloads, _ := overloads.([]any)
			for _, overload := range overloads {
				overload, _ := overload.(object)
				parameters, _ := overload["$Parameter"].([]any)
				bound, _ := parameters[0].(object)
				if bound["$Type"] == typ && (bound["$Collection"] == true) == collection {
					w.reached[path+"/"+space+"."+name] = true
					if space == namespace {
						w.reached[path+"/"+name] = true
					}
				}
			}
		}
	}
}

// TestMetadataOfV1 holds /v1.0 to what is Graph's there.
func TestMetadataOfV1(t *testing.T) {
	t.Parallel()
	document, _ := metadataOf(t, v1)
	if len(document) != 4 { // $Version, $EntityContainer, $Reference and one namespace
		t.Error(document)
	}
	graph := objectAt(document, namespace)
	delete(graph, "GraphService")
	want := object{
		"entity": object{
			"$Kind": "EntityType", "$Abstract": true, "$Key": []any{"id"}, "id": object{"@Core.Computed": true},
		},
		"deviceManagement": object{"$Kind": "EntityType", "$BaseType": "microsoft.graph.entity"},
	}
	if diff := cmp.Diff(want, graph); diff != "" {
		t.Error(diff)
	}
}

type noThrottle struct{}

func (noThrottle) Take(string) error { return nil }

// TestMetadataForms asks for both forms in each way that there is.
func TestMetadataForms(t *testing.T) {
	t.Parallel()
	api := New(nil, nil, nil, noThrottle{}, "tenant", slog.New(slog.DiscardHandler),
		func(string, string, int, time.Duration) {}, time.Now, rand.Reader)
	const inXML, inJSON = "application/xml;charset=utf-8", "application/json;charset=utf-8"
	for _, c := range []struct {
		query, accept string
		want          string // "" for 406
	}{
		{"", "", inXML},
		{"", "*/*", inXML},
		{"", "application/xml", inXML},
		{"", "application/*", inXML},
		{"", "application/json", inJSON},
		{"", "application/json;odata.metadata=full", inJSON},
		{"", "application/json;q=0.5,application/xml", inXML},
		{"", "application/xml;q=0.5,application/json", inJSON},
		{"", "application/json, text/plain, */*", inXML}, // axios, and with it generators
		{"?$format=json", "application/xml", inJSON},
		{"?$format=xml", "application/json", inXML},
		{"?$format=application/json", "", inJSON},
		{"", "text/html", ""},
		{"?$format=atom", "", ""},
	} {
		for _, root := range []string{beta, v1} {
			r := httptest.NewRequest(http.MethodGet, root+"/$metadata"+c.query, nil)
			if c.accept != "" {
				r.Header.Set("Accept", c.accept)
			}
			w := httptest.NewRecorder()
			api.ServeHTTP(w, r)
			got := w.Header().Get("Content-Type")
			switch refused := w.Code == http.StatusNotAcceptable; {
			case c.want == "" && !refused, c.want != "" && (w.Code != http.StatusOK || got != c.want):
				t.Errorf("%s with Accept: %s: %d %s", c.query, c.accept, w.Code, got)
			case !refused:
				media, _, _ := strings.Cut(c.want, ";")
				if diff := cmp.Diff(string(api.model.metadata[root][media]), w.Body.String()); diff != "" {
					t.Error(diff)
				}
			}
		}
	}
}
