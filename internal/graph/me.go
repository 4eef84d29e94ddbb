package graph

import (
	"net/http"

	"plimsoll/internal/auth"
	"plimsoll/internal/odata"
)

const (
	meName         = "me"
	mePath         = "/" + meName
	mayName        = ours + ".permissions" // no property, whose name has no dot: Graph's user is an open type here
	mayAnnotation  = mayName + "@odata.type"
	collectionType = "#Collection(String)"
)

// me is the caller, as a user of Graph.
type me struct{ id, displayName, userName string }

func meType() *odata.EntityType[me] {
	return odata.Declare(odata.EntityType[me]{
		Name: namespace + ".user", Base: namespace + ".entity",
		Key: func(m *me) string { return m.id },
		Properties: []odata.Property[me]{
			odata.String("id", func(m *me) *string { return &m.id }).ReadOnly(),
			odata.TextOrNull("displayName", func(m *me) *string { return &m.displayName }).ReadOnly(),
			odata.TextOrNull("userPrincipalName", func(m *me) *string { return &m.userName }).ReadOnly(),
		},
	})
}

// addMe adds what tells callers who they are, and what they may do.
func (a *API) addMe(routes map[string]operations) {
	to := access{reads: []auth.Permission{}}
	routes[mePath] = operations{http.MethodGet: to.read(a.model.me.Type(), a.getMe, odata.OptionFormat)}
	addProperties(routes, owner[me]{
		pattern: mePath, access: to, typ: a.model.me,
		path: func(*call, *me) string { return meName },
		read: func(c *call, _ string) (*me, error) { return c.me(), nil },
	})
}

func (c *call) me() *me { return &me{c.caller.Subject, c.caller.DisplayName, c.caller.UserName} }

func (a *API) getMe(c *call) (*answer, error) {
	body := a.model.me.AppendEntity(c.begin("#"+meName), c.me(), c.query, c.writer(), meName)
	if c.form.Metadata == odata.FullMetadata {
		body = appendTextMember(body, mayAnnotation, collectionType)
	}
	body = odata.AppendTexts(odata.AppendMember(body, mayName), c.caller.Permissions)
	return c.ok(append(body, '}')), nil
}
