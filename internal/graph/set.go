package graph

import (
	"net/http"
	"net/url"
	"strings"

	"plimsoll"
	"plimsoll/internal/odata"
	"plimsoll/internal/query"
	"plimsoll/internal/service"
)

// set is a collection of entities, and each of them by its key. What it leaves
// nil is not served.
type set[T any] struct {
	pattern string // of its path, such as /groups or …/{id}/assignments
	typ     *odata.EntityType[T]
	access  access
	own     query.Kind // of the key by which the store sorts what is equal in all else
	maxBody int64
	whole   bool                             // the list is neither filtered, sorted nor paged
	columns func(q *odata.Query) []column[T] // of the list as CSV; nil where it is not served so
	implied func(q *odata.Query) []query.Key // the order where none is asked for; nil for that of the store
	home    string                           // the canonical path of the entities where it is not that of the set

	list   func(c *call, owner string, page query.Page) (query.Rows[T], error)
	count  func(c *call, filter *query.Expr) (int64, error)
	get    func(c *call, key string) (T, error)
	create func(c *call, patch odata.Patch[T]) (T, error)
	update func(c *call, key string, match service.Match, patch odata.Patch[T]) (T, error)
	remove func(c *call, key string, match service.Match) error
	expand func(c *call, q *odata.Query, v *T) error // reads what q expands and the store does not
}

// expandedPage is the most rows of a page for each of which more is read.
const expandedPage = 20

// member is what patterns call the key of an entity below another, which is
// {id}.
const member = "member"

// key is what the pattern of a member calls its key.
func (s *set[T]) key() string {
	if strings.Contains(s.pattern, "{id}") {
		return member
	}
	return "id"
}

// onePath is the pattern of a member's path.
func (s *set[T]) onePath() string { return s.pattern + "/{" + s.key() + "}" }

// place gives the set's address below the root, with keys as segments, and its
// canonical path, with keys in parentheses. owner is the key of what it is below.
func (s *set[T]) place(owner string) (address, canonical string) {
	before, after, nested := strings.Cut(strings.TrimPrefix(s.pattern, "/"), "/{id}")
	if !nested {
		return before, before
	}
	return before + "/" + url.PathEscape(owner) + after, odata.MemberPath(before, owner) + after
}

// path is the canonical path of the set's entities.
func (s *set[T]) path(owner string) string {
	if s.home != "" {
		return s.home
	}
	_, canonical := s.place(owner)
	return canonical
}

// addTo adds the set's paths.
func (s *set[T]) addTo(routes map[string]operations) {
	rows, all, each := s.typ.Type(), operations{}, operations{}
	ofList, ofNumber := ofCollection(), ofCount()
	if s.whole {
		ofList, ofNumber = append(ofEntity(), odata.OptionCount), nil
	}
	if s.list != nil {
		read := s.access.read(rows, s.serveList, ofList...)
		if s.columns != nil {
			read.serves = []string{odata.JSON, odata.CSV}
		}
		all[http.MethodGet] = read
	}
	if s.count != nil {
		routes[s.pattern+"/$count"] = operations{http.MethodGet: s.access.raw(rows, s.serveCount, ofNumber...)}
	}
	if s.create != nil {
		all[http.MethodPost] = s.access.write(rows, s.maxBody, s.serveCreate)
	}
	if s.update != nil {
		each[http.MethodPatch] = s.access.write(rows, s.maxBody, s.serveUpdate)
	}
	if s.remove != nil {
		each[http.MethodDelete] = s.access.remove(s.serveRemove)
	}
	if s.get != nil {
		each[http.MethodGet] = s.access.read(rows, s.serveGet, ofEntity()...)
		addProperties(routes, s.owner())
	}
	routes[s.pattern] = all
	if len(each) > 0 {
		routes[s.onePath()] = each
	}
}

// owner has the paths of a member's properties.
func (s *set[T]) owner() owner[T] {
	return owner[T]{
		pattern: s.onePath(), access: s.access, typ: s.typ,
		path: func(c *call, v *T) string { return odata.MemberPath(s.path(c.key("id")), s.typ.Key(v)) },
		read: func(c *call, _ string) (*T, error) {
			found, err := s.get(c, c.key(s.key()))
			return &found, err
		},
	}
}

// page reads the page that a query wants: the request's own, or one within
// $expand, which goes on by itself.
func (s *set[T]) page(c *call, owner string, q *odata.Query) (*odata.Collection[T], error) {
	address, canonical := s.place(owner)
	if s.whole && (q.Filter != nil || len(q.OrderBy) > 0 || q.Top >= 0 || q.Skip > 0) {
		return nil, &odata.Error{
			Kind: odata.BadRequest, Target: string(odata.OptionExpand),
			Message: "$expand: " + canonical + " is given as a whole; of options, it takes $select, $expand and $count.",
		}
	}
	page, err := s.asked(c, q, canonical)
	if err != nil {
		return nil, err
	}
	if s.expand != nil && len(q.Expand) > 0 {
		page.Limit = min(page.Limit, expandedPage)
	}
	rows, err := s.list(c, owner, page)
	if err != nil {
		return nil, err
	}
	for i := range rows.Rows {
		if err := s.complete(c, q, &rows.Rows[i]); err != nil {
			return nil, err
		}
	}
	return collection(q, canonical, rows, func(token string) string {
		if q == c.query {
			return c.nextLink(odata.OptionSkipToken, token)
		}
		return c.base() + "/" + address + "?" + q.Encode() + c.given(isFormat) + "$skiptoken=" + token
	})
}

// asked gives the page that a query asks for, in the order that it implies.
func (s *set[T]) asked(c *call, q *odata.Query, canonical string) (query.Page, error) {
	if s.implied != nil && len(q.OrderBy) == 0 {
		q.OrderBy = s.implied(q)
	}
	return c.page(q, canonical, query.Type{Kind: s.own})
}

// complete reads what a query expands of an entity.
func (s *set[T]) complete(c *call, q *odata.Query, v *T) error {
	if s.expand == nil || len(q.Expand) == 0 {
		return nil
	}
	return s.expand(c, q, v)
}

func (s *set[T]) serveList(c *call) (*answer, error) {
	if c.form.Media == odata.CSV {
		return s.serveCSV(c)
	}
	owner := c.key("id")
	page, err := s.page(c, owner, c.query)
	if err != nil {
		return nil, err
	}
	path := s.path(owner)
	body := c.begin("#" + path + c.query.Context())
	return c.listed(c.ok(append(s.typ.AppendCollection(body, "", page, c.query, c.writer(), path), '}'))), nil
}

func (s *set[T]) serveCount(c *call) (*answer, error) {
	n, err := s.count(c, c.query.Filter)
	return c.number(n), err
}

// one is the answer that carries one member.
func (s *set[T]) one(c *call, v *T) (*answer, error) {
	if err := s.complete(c, c.query, v); err != nil {
		return nil, err
	}
	path := s.path(c.key("id"))
	body := c.begin("#" + path + c.query.Context() + "/$entity")
	body = s.typ.AppendEntity(body, v, c.query, c.writer(), odata.MemberPath(path, s.typ.Key(v)))
	result := c.ok(append(body, '}'))
	if s.typ.Changes != nil {
		result.etag = odata.ETag(s.typ.Changes(v))
	}
	return result, nil
}

// changed is the answer to a POST or PATCH.
func (s *set[T]) changed(c *call, v *T) (*answer, error) {
	result, err := s.one(c, v)
	if err != nil {
		return nil, err
	}
	address, _ := s.place(c.key("id"))
	result.changed, result.location = true, c.base()+"/"+address+"/"+url.PathEscape(s.typ.Key(v))
	return result, nil
}

func (s *set[T]) serveGet(c *call) (*answer, error) {
	found, err := s.get(c, c.key(s.key()))
	if err != nil {
		return nil, err
	}
	return s.one(c, &found)
}

func (s *set[T]) serveCreate(c *call) (*answer, error) {
	patch, err := s.typ.Decode(c.body)
	if err == nil {
		err = patch.RequireAll()
	}
	if err != nil {
		return nil, err
	}
	created, err := s.create(c, patch)
	if err != nil {
		return nil, err
	}
	result, err := s.changed(c, &created)
	if err != nil {
		return nil, err
	}
	result.status, result.create = http.StatusCreated, true
	return result, nil
}

func (s *set[T]) serveUpdate(c *call) (*answer, error) {
	patch, err := s.typ.Decode(c.body)
	if err != nil {
		return nil, err
	}
	match, err := s.match(c)
	if err != nil {
		return nil, err
	}
	updated, err := s.update(c, c.key(s.key()), match, patch)
	if err != nil {
		return nil, err
	}
	return s.changed(c, &updated)
}

func (s *set[T]) serveRemove(c *call) (*answer, error) {
	match, err := s.match(c)
	if err != nil {
		return nil, err
	}
	return noContent(), s.remove(c, c.key(s.key()), match)
}

// match gives the precondition of a change. What has no entity tag meets none but
// that it is there.
func (s *set[T]) match(c *call) (service.Match, error) {
	match, err := c.match()
	if err != nil || match == nil || s.typ.Changes != nil {
		return match, err
	}
	if !match(0) { // which no entity tag is made of
		return nil, plimsoll.Errorf(plimsoll.PreconditionFailed,
			"It has no @odata.etag that If-Match or If-None-Match could be held against; send the request without them, or If-Match: *.")
	}
	return nil, nil
}
