package graph

import (
	"net/http"

	"plimsoll"
	"plimsoll/internal/odata"
)

const reachedPath = scriptPath + "/" + ours + ".reachedDevices"

// reach is how many devices assignments would reach.
type reach struct{ devices, notApplicable int64 }

func reachType() *odata.EntityType[reach] {
	return odata.Declare(odata.EntityType[reach]{
		Name: ours + ".reach",
		Properties: []odata.Property[reach]{
			odata.Int64("deviceCount", func(r *reach) *int64 { return &r.devices }),
			odata.Int64("notApplicableCount", func(r *reach) *int64 { return &r.notApplicable }),
		},
	})
}

// addReached adds the path of the action that tries assignments: it changes
// nothing.
func (a *API) addReached(routes map[string]operations) {
	routes[reachedPath] = operations{http.MethodPost: {
		permission: toScripts().reads, serves: []string{odata.JSON}, maxBody: maxAssignBody, rows: a.model.reach.Type(),
		options: []odata.Option{odata.OptionFormat}, handle: a.reachedDevices,
	}}
}

func (a *API) reachedDevices(c *call) (*answer, error) {
	all, err := a.givenAssignments(c)
	if err != nil {
		return nil, err
	}
	var r reach
	if r.devices, r.notApplicable, err = a.fleet(c).ReachedDevices(c.r.Context(), c.key("id"), all); err != nil {
		return nil, err
	}
	return c.ok(append(a.model.reach.AppendEntity(c.begin("#"+a.model.reach.Name), &r, c.query, c.writer(), ""), '}')), nil
}

// givenAssignments reads the body of assign.
func (a *API) givenAssignments(c *call) ([]plimsoll.Assignment, error) {
	patches, err := odata.DecodeParameter(c.body, assignParameter, a.model.assignment, plimsoll.MaxAssignments)
	if err != nil {
		return nil, err
	}
	all := make([]plimsoll.Assignment, len(patches))
	for i, patch := range patches {
		if err := patch.RequireAll(); err != nil {
			return nil, err
		}
		editAssignment(patch)(&all[i])
	}
	return all, nil
}
