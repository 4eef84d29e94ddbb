package graph

import (
	"net/http"
	"time"

	"plimsoll"
	"plimsoll/internal/odata"
	"plimsoll/internal/query"
	"plimsoll/internal/service"
)

const (
	devicesName = "deviceManagement/managedDevices"
	devicesPath = "/" + devicesName
)

func ownerTypes() odata.Enumeration[plimsoll.OwnerType] {
	return odata.Enumeration[plimsoll.OwnerType]{
		Name: namespace + ".managedDeviceOwnerType", Members: plimsoll.OwnerTypes(),
	}
}

func complianceStates() odata.Enumeration[plimsoll.ComplianceState] {
	return odata.Enumeration[plimsoll.ComplianceState]{
		Name: namespace + ".complianceState", Members: plimsoll.ComplianceStates(),
	}
}

// managementAgents is Graph's type of who manages a device. It has no word for
// the agent here.
func managementAgents() odata.Enumeration[string] {
	return odata.Enumeration[string]{Name: namespace + ".managementAgentType", Members: []string{
		"eas", "mdm", "easMdm", "intuneClient", "easIntuneClient", "configurationManagerClient",
		"configurationManagerClientMdm", "configurationManagerClientMdmEas", "unknown", "jamf", "googleCloudDevicePolicyController",
	}}
}

func deviceType() *odata.EntityType[device] {
	text := func(name string, field func(*device) *string) odata.Property[device] {
		return odata.TextOrNull(name, field).ReadOnly()
	}
	size := func(name string, field func(*device) *int64) odata.Property[device] {
		return odata.Int64(name, field).ReadOnly()
	}
	return odata.Declare(odata.EntityType[device]{
		Name: namespace + ".managedDevice", Base: namespace + ".entity",
		Key:     func(d *device) string { return d.ID },
		Changes: func(d *device) int64 { return d.Changes },
		Properties: []odata.Property[device]{
			odata.String("id", func(d *device) *string { return &d.ID }).ReadOnly(),
			text("azureADDeviceId", func(d *device) *string { return &d.ID }), // this is the directory
			odata.Enum("complianceState", complianceStates(), func(d *device) *plimsoll.ComplianceState { return &d.Compliance }).ReadOnly(),
			odata.TextOrNull("deviceCategoryDisplayName", func(d *device) *string { return &d.Category }),
			odata.String("deviceName", func(d *device) *string { return &d.DeviceName }).ReadOnly().Searched(),
			text("emailAddress", func(d *device) *string { return &d.EmailAddress }).Searched(),
			odata.DateTimeOffset("enrolledDateTime", func(d *device) *time.Time { return &d.EnrolledAt }).ReadOnly(),
			text("ethernetMacAddress", func(d *device) *string { return &d.EthernetMAC }),
			size("freeStorageSpaceInBytes", func(d *device) *int64 { return &d.FreeStorage }),
			odata.Boolean("isEncrypted", func(d *device) *bool { return &d.IsEncrypted }).ReadOnly(),
			odata.DateTimeOffset("lastSyncDateTime", func(d *device) *time.Time { return &d.LastSyncAt }).ReadOnly(),
			odata.TextOrNull("managedDeviceName", func(d *device) *string { return &d.ManagedDeviceName }).Searched(),
			odata.Enum("managedDeviceOwnerType", ownerTypes(), func(d *device) *plimsoll.OwnerType { return &d.OwnerType }),
			odata.Enum("managementAgent", managementAgents(), func(*device) *string { return new("unknown") }).ReadOnly(),
			text("manufacturer", func(d *device) *string { return &d.Manufacturer }),
			text("model", func(d *device) *string { return &d.Model }).Searched(),
			odata.TextOrNull("notes", func(d *device) *string { return &d.Notes }),
			text("operatingSystem", func(d *device) *string { return &d.OperatingSystem }),
			text("osVersion", func(d *device) *string { return &d.OSVersion }),
			size("physicalMemoryInBytes", func(d *device) *int64 { return &d.PhysicalMemory }),
			odata.Strings("roleScopeTagIds", func(d *device) *[]string { return &d.RoleScopeTagIDs }),
			text("serialNumber", func(d *device) *string { return &d.SerialNumber }).Searched(),
			size("totalStorageSpaceInBytes", func(d *device) *int64 { return &d.TotalStorage }),
			text("userDisplayName", func(d *device) *string { return &d.UserDisplayName }).Searched(),
			text("userId", func(d *device) *string { return &d.UserID }),
			text("userPrincipalName", func(d *device) *string { return &d.UserPrincipalName }).Searched(),
			text("wiFiMacAddress", func(d *device) *string { return &d.WiFiMAC }),
		},
	})
}

// devices is the set of all devices: agents make new ones, and people change
// what they call them.
func (a *API) devices() *set[device] {
	return &set[device]{
		pattern: devicesPath, typ: a.model.device, access: toDevices(), own: query.Number, maxBody: maxDeviceBody, columns: columnsOf(a.model.device),
		list: func(c *call, _ string, page query.Page) (query.Rows[device], error) {
			return a.fleet(c).Devices(c.r.Context(), page)
		},
		count: func(c *call, filter *query.Expr) (int64, error) {
			return a.fleet(c).CountDevices(c.r.Context(), filter)
		},
		get: func(c *call, id string) (device, error) { return a.fleet(c).Device(c.r.Context(), id) },
		update: func(c *call, id string, match service.Match, patch odata.Patch[device]) (device, error) {
			return a.fleet(c).UpdateDevice(c.r.Context(), c.caller.Subject, id, match, patch.Apply)
		},
		remove: func(c *call, id string, match service.Match) error {
			return a.fleet(c).DeleteDevice(c.r.Context(), c.caller.Subject, id, match)
		},
	}
}

// matchingPath is that of the action that tries a rule: it changes nothing.
const matchingPath = "/deviceManagement/" + ours + ".matchingDevices"

// runNow is the action that has a device run a script at once.
const (
	runNow          = "initiateOnDemandProactiveRemediation"
	runNowPath      = devicesPath + "/{id}/" + runNow
	runNowParameter = "scriptPolicyId"
)

func (a *API) addDevices(routes map[string]operations) {
	a.devices().addTo(routes)
	run := operations{http.MethodPost: toOperate().act(maxBody, a.runNow)}
	routes[runNowPath] = run
	routes[devicesPath+"/{id}/"+namespace+"."+runNow] = run
	routes[matchingPath] = operations{http.MethodPost: {
		permission: toDevices().reads, serves: []string{odata.JSON}, maxBody: maxBody, rows: a.model.device.Type(),
		options: []odata.Option{odata.OptionSelect, odata.OptionTop, odata.OptionFormat}, handle: a.matching,
	}}
}

// runNow takes its parameter in either spelling: in Graph both are in use.
func (a *API) runNow(c *call) (*answer, error) {
	const what = "the id of a script that the device has to run"
	script, err := odata.DecodeText(c.body, runNowParameter, what)
	if err != nil {
		capital, otherErr := odata.DecodeText(c.body, "ScriptPolicyId", what)
		if otherErr != nil {
			return nil, err
		}
		script = capital
	}
	return noContent(), a.fleet(c).RequestRun(c.r.Context(), c.caller.Subject, c.key("id"), script)
}

// matching tells whom a rule selects. The count is of all, the rows are the first.
func (a *API) matching(c *call) (*answer, error) {
	rule, err := odata.DecodeText(c.body, "rule", "the rule of a group or a filter")
	if err != nil {
		return nil, err
	}
	limit := 100
	if c.query.Top >= 0 {
		limit = min(c.query.Top, maxPage)
	}
	found, err := a.fleet(c).MatchingDevices(c.r.Context(), rule, limit)
	if err != nil {
		return nil, err
	}
	q := *c.query
	q.Count = true
	page := &odata.Collection[device]{Rows: found.Rows, Total: found.Total}
	body := c.begin("#" + devicesName + q.Context())
	return c.ok(append(a.model.device.AppendCollection(body, "", page, &q, c.writer(), devicesName), '}')), nil
}
