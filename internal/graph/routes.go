package graph

import (
	"net/http"
	"slices"

	"plimsoll/internal/auth"
	"plimsoll/internal/odata"
)

// The roots, as Graph has them. What is in Graph's v1.0 is served at both.
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

const (
	scriptsPath = "/" + scriptsName
	scriptPath  = scriptsPath + "/{id}"
	summaryPath = scriptPath + "/runSummary"
)

// isFunction tells which names may have parentheses.
func isFunction(name string) bool {
	switch name {
	case "delta", namespace + ".delta", ours + ".runSummaryHistory":
		return true
	default:
		return false
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
			http.MethodGet: read(a.model.management[root].Type(), a.getDeviceManagement, ofEntity()...),
		},
	}
	addProperties(routes, a.managementOwner(root))
	return routes
}

// betaOnly lists the paths that are served below /beta only.
func (a *API) betaOnly() map[string]operations {
	scripts, summary, history := a.model.script.Type(), a.model.runSummary.Type(), a.model.history.Type()
	delta := operations{http.MethodGet: read(scripts, a.scriptDelta, ofDelta()...)}
	routes := map[string]operations{
		scriptsPath: {
			http.MethodGet:  read(scripts, a.listScripts, ofCollection()...),
			http.MethodPost: write(scripts, maxScriptBody, a.createScript),
		},
		scriptsPath + "/$count":                  {http.MethodGet: raw(scripts, a.countScripts, ofCount()...)},
		scriptsPath + "/delta":                   delta,
		scriptsPath + "/" + namespace + ".delta": delta,
		scriptPath: {
			http.MethodGet:    read(scripts, a.getScript, ofEntity()...),
			http.MethodPatch:  write(scripts, maxScriptBody, a.updateScript),
			http.MethodDelete: remove(a.deleteScript),
		},
		summaryPath: {
			http.MethodGet:    read(summary, a.getRunSummary, ofEntity()...),
			http.MethodPost:   write(summary, maxBody, a.createRunSummary),
			http.MethodPatch:  write(summary, maxBody, a.updateRunSummary),
			http.MethodDelete: remove(a.deleteRunSummary),
		},
		scriptPath + "/" + ours + ".runSummaryHistory": {
			http.MethodGet: read(history, a.listRunSummaryHistory, ofCollection()...),
		},
	}
	addProperties(routes, a.scriptOwner())
	addProperties(routes, a.summaryOwner())
	return routes
}

type handler func(*call) (*answer, error)

func read(rows *odata.StructuredType, handle handler, options ...odata.Option) operation {
	return operation{permission: auth.Read(), serves: []string{odata.JSON}, rows: rows, options: options, handle: handle}
}

// raw reads what is answered as text or bytes, whatever Accept says.
func raw(rows *odata.StructuredType, handle handler, options ...odata.Option) operation {
	return operation{permission: auth.Read(), rows: rows, options: options, handle: handle}
}

// write reads a body, and shows what it made as a GET would.
func write(rows *odata.StructuredType, maxBody int64, handle handler) operation {
	return operation{
		permission: auth.Write(), serves: []string{odata.JSON}, maxBody: maxBody,
		rows: rows, options: ofEntity(), handle: handle,
	}
}

func remove(handle handler) operation {
	return operation{permission: auth.Write(), handle: handle}
}

func open(handle handler, serves ...string) operation {
	return operation{serves: serves, options: []odata.Option{odata.OptionFormat}, handle: handle}
}
