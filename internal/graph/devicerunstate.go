package graph

import (
	"net/http"

	"plimsoll/internal/odata"
	"plimsoll/internal/query"
)

const deviceRunStatesPath = devicesPath + "/{id}/" + ours + ".runStates"

// scriptRunStateType is a run state as the list of a device has it: with the
// script that it is of, in place of the device.
func scriptRunStateType() *odata.EntityType[runState] {
	return odata.Declare(odata.EntityType[runState]{
		Name: ours + ".scriptRunState",
		Properties: append(runStateProperties(),
			odata.String("scriptId", func(s *runState) *string { return &s.ScriptID }).ReadOnly(),
			odata.String("scriptName", func(s *runState) *string { return &s.ScriptName }).ReadOnly().Searched(),
		),
	})
}

func (a *API) addDeviceRunStates(routes map[string]operations) {
	routes[deviceRunStatesPath] = operations{
		http.MethodGet: toDevices().read(a.model.scriptRunState.Type(), a.listDeviceRunStates, ofCollection()...),
	}
}

func (a *API) listDeviceRunStates(c *call) (*answer, error) {
	id := c.key("id")
	list := "runStates/" + id
	page, err := c.page(c.query, list, query.Type{Kind: query.Number})
	if err != nil {
		return nil, err
	}
	found, err := a.fleet(c).DeviceRunStates(c.r.Context(), id, page)
	if err != nil {
		return nil, err
	}
	rows, err := collection(c.query, list, shownRows(found, shownRunState), func(token string) string {
		return c.nextLink(odata.OptionSkipToken, token)
	})
	if err != nil {
		return nil, err
	}
	body := c.begin("#Collection(" + a.model.scriptRunState.Name + ")" + c.query.Context())
	return c.listed(c.ok(append(a.model.scriptRunState.AppendCollection(body, "", rows, c.query, c.writer(), ""), '}'))), nil
}
