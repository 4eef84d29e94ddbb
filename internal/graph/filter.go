package graph

import (
	"time"

	"plimsoll"
	"plimsoll/internal/odata"
	"plimsoll/internal/query"
	"plimsoll/internal/service"
)

const (
	filtersName = "deviceManagement/assignmentFilters"
	filtersPath = "/" + filtersName
)

// filterPlatforms is Graph's type of the platforms that a filter can be said to be
// for.
func filterPlatforms() odata.Enumeration[string] {
	return odata.Enumeration[string]{
		Name: namespace + ".devicePlatformType",
		Members: []string{
			"android", "androidForWork", "iOS", "macOS", "windowsPhone81", "windows81AndLater", "windows10AndLater",
			"androidWorkProfile", "unknown", "androidAOSP", "androidMobileApplicationManagement",
			"iOSMobileApplicationManagement", "unknownFutureValue", "windowsMobileApplicationManagement", "linux",
		},
	}
}

func filterType() *odata.EntityType[assignmentFilter] {
	return odata.Declare(odata.EntityType[assignmentFilter]{
		Name: namespace + ".deviceAndAppManagementAssignmentFilter", Base: namespace + ".entity",
		Key:     func(f *assignmentFilter) string { return f.ID },
		Changes: func(f *assignmentFilter) int64 { return f.Changes },
		Properties: []odata.Property[assignmentFilter]{
			odata.String("id", func(f *assignmentFilter) *string { return &f.ID }).ReadOnly(),
			odata.String("displayName", func(f *assignmentFilter) *string { return &f.DisplayName }).Required().Searched(),
			odata.NullableString("description", func(f *assignmentFilter) **string { return &f.Description }).Searched(),
			odata.NullableEnum("platform", filterPlatforms(), func(f *assignmentFilter) *string { return &f.Platform }),
			odata.String("rule", func(f *assignmentFilter) *string { return &f.Rule }).Required(),
			odata.Strings("roleScopeTags", func(f *assignmentFilter) *[]string { return &f.RoleScopeTags }),
			odata.DateTimeOffset("createdDateTime", func(f *assignmentFilter) *time.Time { return &f.CreatedAt }).ReadOnly(),
			odata.DateTimeOffset("lastModifiedDateTime", func(f *assignmentFilter) *time.Time { return &f.ModifiedAt }).ReadOnly(),
		},
	})
}

// filters is the set of all assignment filters.
func (a *API) filters() *set[assignmentFilter] {
	return &set[assignmentFilter]{
		pattern: filtersPath, typ: a.model.filter, access: toScripts(), own: query.String, maxBody: maxBody,
		list: func(c *call, _ string, page query.Page) (query.Rows[assignmentFilter], error) {
			return a.fleet(c).Filters(c.r.Context(), page)
		},
		count: func(c *call, filter *query.Expr) (int64, error) {
			return a.fleet(c).CountFilters(c.r.Context(), filter)
		},
		get: func(c *call, id string) (assignmentFilter, error) { return a.fleet(c).Filter(c.r.Context(), id) },
		create: func(c *call, patch odata.Patch[assignmentFilter]) (plimsoll.AssignmentFilter, error) {
			return a.fleet(c).CreateFilter(c.r.Context(), c.caller.Subject, patch.Apply)
		},
		update: func(c *call, id string, match service.Match, patch odata.Patch[assignmentFilter]) (plimsoll.AssignmentFilter, error) {
			return a.fleet(c).UpdateFilter(c.r.Context(), c.caller.Subject, id, match, patch.Apply)
		},
		remove: func(c *call, id string, match service.Match) error {
			return a.fleet(c).DeleteFilter(c.r.Context(), c.caller.Subject, id, match)
		},
	}
}

func (a *API) addFilters(routes map[string]operations) { a.filters().addTo(routes) }
