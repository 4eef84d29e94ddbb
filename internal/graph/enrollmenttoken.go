package graph

import (
	"time"

	"plimsoll"
	"plimsoll/internal/odata"
	"plimsoll/internal/query"
	"plimsoll/internal/service"
)

const (
	enrollmentTokensName = "deviceManagement/enrollmentTokens"
	enrollmentTokensPath = "/" + enrollmentTokensName
	secretName           = "token"
)

// enrollmentToken is a token as it goes over the wire.
type enrollmentToken struct {
	plimsoll.EnrollmentToken

	secret string // known once, when it was made
}

func enrollmentTokenType() *odata.EntityType[enrollmentToken] {
	return odata.Declare(odata.EntityType[enrollmentToken]{
		Name: ours + ".enrollmentToken", Base: namespace + ".entity",
		Key: func(t *enrollmentToken) string { return t.ID },
		Properties: []odata.Property[enrollmentToken]{
			odata.String("id", func(t *enrollmentToken) *string { return &t.ID }).ReadOnly(),
			odata.TextOrNull("displayName", func(t *enrollmentToken) *string { return &t.Name }).Searched(),
			odata.TextOrNull(secretName, func(t *enrollmentToken) *string { return &t.secret }).ReadOnly(),
			odata.TextOrNull("groupId", func(t *enrollmentToken) *string { return &t.GroupID }),
			odata.Int64("maximumUses", func(t *enrollmentToken) *int64 { return &t.MaxUses }),
			odata.Int64("uses", func(t *enrollmentToken) *int64 { return &t.Uses }).ReadOnly(),
			odata.DateTimeOffset("createdDateTime", func(t *enrollmentToken) *time.Time { return &t.CreatedAt }).ReadOnly(),
			odata.NullableTime("expirationDateTime", func(t *enrollmentToken) *time.Time { return &t.ExpiresAt }),
			odata.NullableTime("revokedDateTime", func(t *enrollmentToken) *time.Time { return &t.RevokedAt }).ReadOnly(),
		},
	})
}

// enrollmentTokens is the set of all enrolment tokens. To delete one is to revoke
// it: it stays, for the devices that came by it.
func (a *API) enrollmentTokens() *set[enrollmentToken] {
	return &set[enrollmentToken]{
		pattern: enrollmentTokensPath, typ: a.model.enrollmentToken, access: toDevices(), own: query.String, maxBody: maxBody,
		list: a.listEnrollmentTokens,
		count: func(c *call, filter *query.Expr) (int64, error) {
			rows, err := a.listEnrollmentTokens(c, "", query.Page{Filter: filter, Count: true})
			return rows.Total, err
		},
		get: func(c *call, id string) (enrollmentToken, error) {
			found, err := a.fleet(c).EnrollmentToken(c.r.Context(), id)
			return enrollmentToken{EnrollmentToken: found}, err
		},
		create: func(c *call, patch odata.Patch[enrollmentToken]) (enrollmentToken, error) {
			created, secret, err := a.fleet(c).CreateEnrollmentToken(c.r.Context(), c.caller.Subject, func(t *plimsoll.EnrollmentToken) {
				edited := enrollmentToken{EnrollmentToken: *t}
				patch.Apply(&edited)
				*t = edited.EnrollmentToken
			})
			return enrollmentToken{created, secret}, err
		},
		remove: func(c *call, id string, _ service.Match) error {
			return a.fleet(c).RevokeEnrollmentToken(c.r.Context(), c.caller.Subject, id)
		},
	}
}

func (a *API) listEnrollmentTokens(c *call, _ string, page query.Page) (query.Rows[enrollmentToken], error) {
	if names(page.Filter, secretName) {
		return query.Rows[enrollmentToken]{}, secretIsGone(odata.OptionFilter)
	}
	for _, key := range page.Order {
		if names(key.Expr, secretName) {
			return query.Rows[enrollmentToken]{}, secretIsGone(odata.OptionOrderBy)
		}
	}
	found, err := a.fleet(c).EnrollmentTokens(c.r.Context(), page)
	rows := query.Rows[enrollmentToken]{Rows: make([]enrollmentToken, len(found.Rows)), Last: found.Last, Total: found.Total}
	for i, t := range found.Rows {
		rows.Rows[i].EnrollmentToken = t
	}
	return rows, err
}

// names tells whether an expression asks for the property.
func names(e *query.Expr, property string) bool {
	if e == nil {
		return false
	}
	if e.Op == query.Field && e.Name == property {
		return true
	}
	for _, arg := range e.Args {
		if names(arg, property) {
			return true
		}
	}
	return false
}

func secretIsGone(option odata.Option) error {
	return &odata.Error{
		Kind: odata.BadRequest, Target: string(option),
		Message: "token is in the answer to the POST alone, and is not kept: no list can be filtered or sorted by it.",
	}
}

func (a *API) addEnrollmentTokens(routes map[string]operations) { a.enrollmentTokens().addTo(routes) }
