package graph

import (
	"net/http"
	"strconv"

	"plimsoll"
	"plimsoll/internal/odata"
)

const errorGroupsPath = scriptPath + "/" + ours + ".errorGroups"

// errorGroupType is what errors that are alike have in common, how many there are,
// and the device of one of them, the newest.
func errorGroupType() *odata.EntityType[plimsoll.ErrorGroup] {
	type group = plimsoll.ErrorGroup
	return odata.Declare(odata.EntityType[group]{
		Name: ours + ".errorGroup",
		Properties: []odata.Property[group]{
			odata.String("text", func(g *group) *string { return &g.Text }),
			odata.Int64("count", func(g *group) *int64 { return &g.Count }),
			odata.String("exampleDeviceId", func(g *group) *string { return &g.Example.DeviceID }),
			odata.String("exampleDeviceName", func(g *group) *string { return &g.Example.DeviceName }),
		},
	})
}

func (a *API) addErrorGroups(routes map[string]operations) {
	routes[errorGroupsPath] = operations{
		http.MethodGet: toScripts().read(a.model.errorGroup.Type(), a.listErrorGroups, odata.OptionFormat),
	}
}

func (a *API) listErrorGroups(c *call) (*answer, error) {
	found, err := a.fleet(c).ErrorGroups(c.r.Context(), c.key("id"))
	if err != nil {
		return nil, err
	}
	body := c.begin("#Collection(" + a.model.errorGroup.Name + ")")
	body = a.model.errorGroup.AppendCollection(body, "", &odata.Collection[plimsoll.ErrorGroup]{Rows: found.Groups}, c.query, c.writer(), "")
	body = strconv.AppendInt(odata.AppendMember(body, ours+".counted"), found.Counted, 10)
	body = strconv.AppendBool(odata.AppendMember(body, ours+".complete"), found.Complete)
	return c.ok(append(body, '}')), nil
}
