package graph

import (
	"net/http"
	"slices"
	"time"

	"plimsoll"
	"plimsoll/internal/odata"
	"plimsoll/internal/query"
	"plimsoll/internal/service"
)

const runStatesPath = scriptPath + "/deviceRunStates"

// runState is a run state as it goes over the wire.
type runState struct {
	plimsoll.DeviceRunState

	id string
}

func shownRunState(s plimsoll.DeviceRunState) runState { return runState{s, s.ID()} }

func runStates() odata.Enumeration[plimsoll.RunState] {
	return odata.Enumeration[plimsoll.RunState]{Name: namespace + ".runState", Members: plimsoll.RunStates()}
}

// runStateProperties are the properties of a run state itself.
func runStateProperties() []odata.Property[runState] {
	return []odata.Property[runState]{
		odata.String("id", func(s *runState) *string { return &s.id }).ReadOnly(),
		odata.Enum("detectionState", runStates(), func(s *runState) *plimsoll.RunState { return &s.State }),
		odata.NullableTime("lastStateUpdateDateTime", func(s *runState) *time.Time { return &s.RanAt }),
		odata.NullableTime("expectedStateUpdateDateTime", func(s *runState) *time.Time { return &s.DueAt }),
		odata.NullableTime("lastSyncDateTime", func(s *runState) *time.Time { return &s.LastSyncAt }).ReadOnly(),
		odata.TextOrNull("scriptOutput", func(s *runState) *string { return &s.Output }).Searched(),
		odata.TextOrNull("scriptError", func(s *runState) *string { return &s.Error }).Searched(),
	}
}

func runStateType(devices *odata.EntityType[device]) *odata.EntityType[runState] {
	return odata.Declare(odata.EntityType[runState]{
		Name: namespace + ".deviceComplianceScriptDeviceState", Base: namespace + ".entity",
		Key:        func(s *runState) string { return s.id },
		Properties: runStateProperties(),
		Navigations: []odata.Navigation[runState]{
			odata.One("managedDevice", devices, func(s *runState) *device { return s.Device }).Reference(),
		},
	})
}

// runStates is the set of what a script found on each device.
func (a *API) runStates() *set[runState] {
	return &set[runState]{
		pattern: runStatesPath, typ: a.model.runState, access: toScripts(), own: query.Number, maxBody: maxRunStateBody,
		columns: a.runStateColumns, implied: byNameWhereNamed,
		list: func(c *call, scriptID string, page query.Page) (query.Rows[runState], error) {
			found, err := a.fleet(c).RunStates(c.r.Context(), scriptID, page)
			return shownRows(found, shownRunState), err
		},
		count: func(c *call, filter *query.Expr) (int64, error) {
			return a.fleet(c).CountRunStates(c.r.Context(), c.key("id"), filter)
		},
		get: a.getRunState,
		create: func(c *call, patch odata.Patch[runState]) (runState, error) {
			deviceID, err := namedDevice(c.key("id"), patch)
			if err != nil {
				return runState{}, err
			}
			return a.changeRunState(c, deviceID, true, patch)
		},
		update: func(c *call, id string, _ service.Match, patch odata.Patch[runState]) (runState, error) {
			deviceID, err := stateDevice(c.key("id"), id)
			if err != nil {
				return runState{}, err
			}
			return a.changeRunState(c, deviceID, false, patch)
		},
		remove: func(c *call, id string, _ service.Match) error {
			deviceID, err := stateDevice(c.key("id"), id)
			if err != nil {
				return err
			}
			return a.fleet(c).DeleteRunState(c.r.Context(), c.caller.Subject, c.key("id"), deviceID)
		},
	}
}

// deviceNamed is how filters and orders of run states call a device's name.
const deviceNamed = "managedDevice/deviceName"

// byNameWhereNamed sorts by the devices' names where a filter asks for them and no
// other order is wanted: the index that finds the names is in that order.
func byNameWhereNamed(q *odata.Query) []query.Key {
	if name := fieldIn(q.Filter, deviceNamed); name != nil {
		return []query.Key{{Expr: name}}
	}
	return nil
}

func fieldIn(e *query.Expr, name string) *query.Expr {
	if e == nil || e.Op == query.Field && e.Name == name {
		return e
	}
	for _, arg := range e.Args {
		if found := fieldIn(arg, name); found != nil {
			return found
		}
	}
	return nil
}

// runStateColumns gives the columns of run states as a table: of the device those
// that are selected by their paths, or by managedDevice or by nothing three.
func (a *API) runStateColumns(q *odata.Query) (columns []column[runState]) {
	e, own := q.Expanded("managedDevice"), columnsOf(a.model.runState)(q)
	for _, p := range a.model.device.Selected(new(odata.SelectAll())) {
		name := p.Name()
		shown := slices.Contains([]string{"deviceName", "operatingSystem", "osVersion"}, name)
		if e != nil {
			shown = e.Select.Has(name) || e.Select.All()
		} else if !q.Select.All() && !q.Select.Has("managedDevice") {
			shown = false
		}
		if !shown {
			continue
		}
		if slices.ContainsFunc(own, func(c column[runState]) bool { return c.name == name }) {
			name = "managedDevice/" + name
		}
		columns = append(columns, column[runState]{name, func(s *runState) string { return p.Cell(s.Device) }})
	}
	return append(columns, own...)
}

func (a *API) getRunState(c *call, id string) (runState, error) {
	deviceID, err := stateDevice(c.key("id"), id)
	if err != nil {
		return runState{}, err
	}
	found, err := a.fleet(c).RunState(c.r.Context(), c.key("id"), deviceID)
	return shownRunState(found), err
}

func (a *API) changeRunState(c *call, deviceID string, create bool, patch odata.Patch[runState]) (runState, error) {
	changed, err := a.fleet(c).ChangeRunState(c.r.Context(), c.caller.Subject, c.key("id"), deviceID, create, func(s *plimsoll.DeviceRunState) {
		edited := shownRunState(*s)
		patch.Apply(&edited)
		*s = edited.DeviceRunState
	})
	return shownRunState(changed), err
}

// stateDevice gives the device of a script's run state by the state's id.
func stateDevice(scriptID, id string) (deviceID string, err error) {
	of, deviceID, ok := plimsoll.ParseRunStateID(id)
	if !ok || of != scriptID {
		return "", plimsoll.Errorf(plimsoll.NotFound,
			"The script has no run state with the id %.200q: its ids are {scriptId}:{deviceId}.", id)
	}
	return deviceID, nil
}

// namedDevice gives the device that a new run state is of: the one that is bound
// as its managedDevice, or that its id names, alone or behind the script.
func namedDevice(scriptID string, patch odata.Patch[runState]) (string, error) {
	bound, err := deviceKeys("managedDevice", patch.Bindings("managedDevice"))
	if err != nil {
		return "", err
	}
	id := patch.Given("id")
	if of, deviceID, both := plimsoll.ParseRunStateID(id); both {
		if of != scriptID {
			return "", plimsoll.Invalidf("id", "id must be {scriptId}:{deviceId} with the id of this script, %s.", scriptID)
		}
		id = deviceID
	}
	switch {
	case len(bound) == 0 && id == "":
		return "", plimsoll.Invalidf("managedDevice@odata.bind",
			`Which device is it of? Give "managedDevice@odata.bind":"…/%s/{id}", or the device's id as id.`, devicesName)
	case len(bound) == 0:
		return id, nil
	case id != "" && id != bound[0]:
		return "", plimsoll.Invalidf("id", "id and managedDevice@odata.bind name two devices, %.100q and %.100q.", id, bound[0])
	default:
		return bound[0], nil
	}
}

// addRunStates adds the paths of a script's run states, and of the device of
// each.
func (a *API) addRunStates(routes map[string]operations) {
	a.runStates().addTo(routes)
	routes[runStatesPath+"/{"+member+"}/managedDevice"] = operations{
		http.MethodGet: toScripts().read(a.model.device.Type(), a.getRunStateDevice, ofEntity()...),
	}
}

func (a *API) getRunStateDevice(c *call) (*answer, error) {
	found, err := a.getRunState(c, c.key(member))
	if err != nil {
		return nil, err
	}
	return a.devices().one(c, found.Device)
}
