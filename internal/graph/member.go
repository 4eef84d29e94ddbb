package graph

import (
	"net/http"

	"plimsoll/internal/odata"
	"plimsoll/internal/query"
)

const membersPath = groupPath + "/members"

// members is the set of a group's members. They are not in it but referred to.
func (a *API) members() *set[device] {
	return &set[device]{
		pattern: membersPath, home: devicesName, typ: a.model.device, access: toGroups(), own: query.Number,
		list: func(c *call, groupID string, page query.Page) (query.Rows[device], error) {
			return a.fleet(c).Members(c.r.Context(), groupID, page)
		},
		count: func(c *call, filter *query.Expr) (int64, error) {
			return a.fleet(c).CountMembers(c.r.Context(), c.key("id"), filter)
		},
	}
}

// addMembers adds the paths of a group's members and of the references to them
// (OData Protocol 4.01, section 11.4.6).
func (a *API) addMembers(routes map[string]operations) {
	a.members().addTo(routes)
	to := toGroups()
	routes[membersPath+"/$ref"] = operations{http.MethodPost: to.act(maxBody, a.addMember)}
	routes[membersPath+"/{"+member+"}/$ref"] = operations{http.MethodDelete: to.remove(a.removeMember)}
}

func (a *API) addMember(c *call) (*answer, error) {
	address, err := odata.DecodeReference(c.body)
	if err != nil {
		return nil, err
	}
	id, err := deviceKey("@odata.id", address)
	if err != nil {
		return nil, err
	}
	return noContent(), a.fleet(c).AddMember(c.r.Context(), c.caller.Subject, c.key("id"), id)
}

func (a *API) removeMember(c *call) (*answer, error) {
	return noContent(), a.fleet(c).RemoveMember(c.r.Context(), c.caller.Subject, c.key("id"), c.key(member))
}
