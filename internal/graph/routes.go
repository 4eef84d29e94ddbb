package graph

import (
	"net/http"
	"slices"

	"plimsoll/internal/auth"
	"plimsoll/internal/odata"
)

// The roots, as Graph has them. Scripts are Graph's beta alone, and so all that
// belongs to them is served there.
const (
	beta = "/beta"
	v1   = "/v1.0"
)

// operation is what is served at a path for a method.
type operation struct {
	permission []auth.Permission     // any of them; an empty list serves any caller, nil anyone
	serves     []string              // the media types of its answer; nil answers any Accept
	maxBody    int64                 // in bytes, unpacked; 0 where no body is read
	anyForm    bool                  // of a body: handle looks at it; else it is JSON
	rows       *odata.StructuredType // what the options are about
	options    []odata.Option
	handle     func(*call) (*answer, error)
}

// operations are those at one path, by method.
type operations map[string]operation

// find gives the operation of a method. HEAD is GET without the body, which
// net/http leaves out.
func (o operations) find(method string) (operation, bool) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	op, ok := o[method]
	return op, ok
}

// allowed gives the methods for the Allow header, sorted.
func (o operations) allowed() []string {
	methods := make([]string, 0, len(o)+1)
	for method := range o {
		methods = append(methods, method)
		if method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
	}
	slices.Sort(methods)
	return methods
}

// parametersOf tells which names may have parentheses, and what in them.
func parametersOf(name string) (parameters []string, isFunction bool) {
	switch name {
	case "delta", namespace + ".delta", ours + ".runSummaryHistory", ours + "." + changesName, ours + ".runStates", ours + ".errorGroups":
		return nil, true
	case ours + "." + summariesName:
		return []string{sinceParameter}, true
	default:
		return nil, false
	}
}

// ofEntity and ofCollection are the query options of a GET.
func ofEntity() []odata.Option {
	return []odata.Option{odata.OptionSelect, odata.OptionExpand, odata.OptionFormat}
}

func ofCollection() []odata.Option {
	return append(ofEntity(), odata.OptionFilter, odata.OptionSearch, odata.OptionOrderBy,
		odata.OptionTop, odata.OptionSkip, odata.OptionCount, odata.OptionSkipToken)
}

func ofCount() []odata.Option { return []odata.Option{odata.OptionFilter, odata.OptionSearch} }

func ofDelta() []odata.Option {
	return []odata.Option{
		odata.OptionSelect, odata.OptionFormat, odata.OptionTop, odata.OptionSkipToken, odata.OptionDeltaToken,
	}
}

// everywhere lists the paths that are served below both roots, as they are below
// one of them.
func (a *API) everywhere(root string) map[string]operations {
	routes := map[string]operations{
		"":           {http.MethodGet: open(a.serviceDocument, odata.JSON)},
		"/$metadata": {http.MethodGet: open(a.metadata, odata.XML, odata.JSON)},
		"/$batch":    {http.MethodPost: {permission: []auth.Permission{}, maxBody: maxBatchBody, anyForm: true, handle: a.runBatch}},
		"/deviceManagement": {
			http.MethodGet: toScripts().read(a.model.management[root].Type(), a.getDeviceManagement, ofEntity()...),
		},
	}
	addProperties(routes, a.managementOwner(root))
	return routes
}

// betaOnly lists the paths that are served below /beta only.
func (a *API) betaOnly() map[string]operations {
	routes := map[string]operations{}
	a.addScripts(routes)
	a.addRunSummary(routes)
	a.addAssignments(routes)
	a.addRunStates(routes)
	a.addDevices(routes)
	a.addGroups(routes)
	a.addFilters(routes)
	a.addEnrollmentTokens(routes)
	a.addSummaries(routes)
	a.addChanges(routes)
	a.addMe(routes)
	a.addDeviceRunStates(routes)
	a.addErrorGroups(routes)
	a.addReached(routes)
	a.addAuditEvents(routes)
	return routes
}
