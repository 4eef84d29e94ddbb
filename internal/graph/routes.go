package graph

import (
	"net/http"
	"slices"

	"plimsoll/internal/auth"
	"plimsoll/internal/odata"
)

// operation is what is served at a path for a method.
type operation struct {
	permission []auth.Permission // any of them; nil serves anyone
	serves     string            // the media type of its answer; "" answers any Accept
	maxBody    int64             // in bytes, unpacked; 0 where no body is read
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
	scriptsPath = "/deviceManagement/deviceComplianceScripts"
	scriptPath  = scriptsPath + "/{id}"
	summaryPath = scriptPath + "/runSummary"
)

// routes lists every path that is served, below the root.
func (a *API) routes() map[string]operations {
	read := func(serves string, handle func(*call) (*answer, error), options ...odata.Option) operation {
		return operation{permission: auth.Read(), serves: serves, options: options, handle: handle}
	}
	write := func(maxBody int64, handle func(*call) (*answer, error)) operation {
		return operation{permission: auth.Write(), serves: odata.JSON, maxBody: maxBody, handle: handle}
	}
	remove := func(handle func(*call) (*answer, error)) operation {
		return operation{permission: auth.Write(), handle: handle}
	}
	open := func(serves string, handle func(*call) (*answer, error)) operation {
		return operation{serves: serves, handle: handle}
	}
	return map[string]operations{
		"":                  {http.MethodGet: open(odata.JSON, a.serviceDocument)},
		"/$metadata":        {http.MethodGet: open(odata.XML, a.metadata)},
		"/deviceManagement": {http.MethodGet: read(odata.JSON, a.getDeviceManagement)},
		scriptsPath: {
			http.MethodGet: read(odata.JSON, a.listScripts,
				odata.OptionSelect, odata.OptionExpand, odata.OptionTop, odata.OptionCount, odata.OptionSkipToken),
			http.MethodPost: write(maxScriptBody, a.createScript),
		},
		scriptsPath + "/$count": {http.MethodGet: read("", a.countScripts)},
		scriptPath: {
			http.MethodGet:    read(odata.JSON, a.getScript, odata.OptionSelect, odata.OptionExpand),
			http.MethodPatch:  write(maxScriptBody, a.updateScript),
			http.MethodDelete: remove(a.deleteScript),
		},
		summaryPath: {
			http.MethodGet:    read(odata.JSON, a.getRunSummary, odata.OptionSelect),
			http.MethodPost:   write(maxBody, a.createRunSummary),
			http.MethodPatch:  write(maxBody, a.updateRunSummary),
			http.MethodDelete: remove(a.deleteRunSummary),
		},
		scriptPath + "/" + ours + ".runSummaryHistory": {
			http.MethodGet: read(odata.JSON, a.listRunSummaryHistory,
				odata.OptionSelect, odata.OptionTop, odata.OptionCount, odata.OptionSkipToken),
		},
	}
}
