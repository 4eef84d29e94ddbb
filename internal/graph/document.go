package graph

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"plimsoll/internal/odata"
	"plimsoll/internal/query"
)

// begin opens the answer's object with its context (OData JSON 4.01, section
// 4.5.1), relative to the service's $metadata.
func (c *call) begin(context string) []byte {
	body := append(make([]byte, 0, initialBodySize), '{')
	if c.form.Metadata == odata.NoMetadata {
		return body
	}
	return appendTextMember(body, "@odata.context", c.base()+"/$metadata"+context)
}

func (c *call) ok(body []byte) *answer {
	return &answer{status: http.StatusOK, contentType: c.form.ContentType(), body: body}
}

// number is the answer to /$count.
func (c *call) number(n int64) *answer {
	return &answer{status: http.StatusOK, contentType: odata.Plain, body: strconv.AppendInt(nil, n, 10)}
}

func (a *API) serviceDocument(c *call) (*answer, error) {
	sets := `{"name":"deviceManagement","kind":"Singleton","url":"deviceManagement"}`
	if c.root == beta { // where groups are, and who asks
		sets = `{"name":"groups","kind":"EntitySet","url":"groups"},` + sets + `,{"name":"me","kind":"Singleton","url":"me"}`
	}
	return c.ok(append(odata.AppendMember(c.begin(""), "value"), "["+sets+"]}"...)), nil
}

// metadata answers in the form that was asked for; the parameters of JSON mean
// nothing for it.
func (a *API) metadata(c *call) (*answer, error) {
	return &answer{
		status: http.StatusOK, contentType: c.form.Media + ";charset=utf-8", body: a.model.metadata[c.root][c.form.Media],
	}, nil
}

func (a *API) getDeviceManagement(c *call) (*answer, error) {
	management := &deviceManagement{id: a.tenantID}
	err := errors.Join(
		expand(c, "deviceComplianceScripts", &management.scripts, func(q *odata.Query) (*odata.Collection[script], error) { return a.scripts(c, q) }),
		a.devices().expandInto(c, "managedDevices", &management.devices),
		a.filters().expandInto(c, "assignmentFilters", &management.filters),
		a.enrollmentTokens().expandInto(c, "enrollmentTokens", &management.tokens),
		a.auditEvents().expandInto(c, "auditEvents", &management.events),
	)
	if err != nil {
		return nil, err
	}
	body := a.model.management[c.root].AppendEntity(c.begin("#deviceManagement"+c.query.Context()),
		management, c.query, c.writer(), "deviceManagement")
	result := c.ok(append(body, '}'))
	if len(c.query.Expand) > 0 {
		result = c.listed(result)
	}
	return result, nil
}

// expand reads the page of a navigation that the request expands.
func expand[T any](
	c *call, navigation string, into *odata.Collection[T], read func(*odata.Query) (*odata.Collection[T], error),
) error {
	expanded := c.query.Expanded(navigation)
	if expanded == nil {
		return nil
	}
	page, err := read(&expanded.Query)
	if err == nil {
		*into = *page
	}
	return err
}

// expandInto reads the page of a set that deviceManagement's query expands.
func (s *set[T]) expandInto(c *call, navigation string, into *odata.Collection[T]) error {
	if c.query.Expanded(navigation) != nil {
		if err := c.caller.May(s.access.reads); err != nil {
			return err
		}
	}
	return expand(c, navigation, into, func(q *odata.Query) (*odata.Collection[T], error) { return s.page(c, "", q) })
}

// managementOwner has the paths of deviceManagement's properties.
func (a *API) managementOwner(root string) owner[deviceManagement] {
	return owner[deviceManagement]{
		pattern: "/deviceManagement", access: toScripts(), typ: a.model.management[root],
		path: func(*call, *deviceManagement) string { return "deviceManagement" },
		read: func(*call, string) (*deviceManagement, error) { return &deviceManagement{id: a.tenantID}, nil },
	}
}

// Pages of a list: in rows, and in bytes of what the rows hold. PostgreSQL sends
// a result to its end even where it is left in the midst, so that rows that may
// be a megabyte each are also asked for in small numbers.
const (
	defaultPage = 100
	maxPage     = 1000
	contentPage = 10
	pageBudget  = 4 << 20
)

// page asks for the page of a list that a query wants. list names the list, and
// own is the type of its own key.
func (c *call) page(q *odata.Query, list string, own query.Type) (query.Page, error) {
	after, err := q.After(list, own)
	return query.Page{
		Filter: q.Filter, Order: q.OrderBy, After: after, Skip: q.Skip,
		Limit: c.pageSize(q), Budget: c.budget(), Count: q.Count,
	}, err
}

// budget gives the bytes of text and content that end a page.
func (c *call) budget() int {
	if c.item != nil {
		return batchBudget
	}
	return pageBudget
}

// pageSize gives the rows of a page: as many as $top asks, or the client
// prefers, within the limit. As in Graph, $top is the size of a page and
// @odata.nextLink leads on.
func (c *call) pageSize(q *odata.Query) int {
	preferred := c.preferences.MaxPageSize
	if q.Top < 0 && preferred == 0 {
		return defaultPage
	}
	size := maxPage
	if q.Top >= 0 {
		size = min(size, q.Top)
	}
	if preferred > 0 {
		size = min(size, preferred)
	}
	return size
}

// collection makes what is answered of a page of rows. link gives the link to
// the next page from its token.
func collection[T any](
	q *odata.Query, list string, rows query.Rows[T], link func(token string) string,
) (*odata.Collection[T], error) {
	c := &odata.Collection[T]{Rows: rows.Rows, Total: rows.Total}
	if rows.Last == nil {
		return c, nil
	}
	c.NextLink = link(q.NextToken(list, rows.Last))
	if _, options, _ := strings.Cut(c.NextLink, "?"); len(options) > odata.MaxQuery {
		return nil, &odata.Error{
			Kind: odata.BadRequest, Target: string(odata.OptionOrderBy),
			Message: "The page ends with values so long that no link can go on from them; sort by something shorter, such as substring(description,0,100).",
		}
	}
	return c, nil
}

// listed tells of the preference that a list heeds.
func (c *call) listed(result *answer) *answer {
	if n := c.preferences.MaxPageSize; n > 0 {
		result.applied = "odata.maxpagesize=" + strconv.Itoa(min(n, maxPage))
	}
	return result
}

// nextLink gives the request's own URL with another token. What the token
// stands for is left out.
func (c *call) nextLink(option odata.Option, token string) string {
	path, _, _ := strings.Cut(c.r.RequestURI, "?") // as it was sent, where it was no whole URL
	if !strings.HasPrefix(path, "/") {
		path = c.r.URL.EscapedPath()
	}
	return c.host() + path + "?" + c.given(lasting) + string(option) + "=" + token
}

// given gives the query options that are wanted, as they were sent, each with an
// & behind it.
func (c *call) given(wanted func(name string) bool) string {
	var options strings.Builder
	for given := range strings.SplitSeq(c.r.URL.RawQuery, "&") {
		name, _, _ := strings.Cut(given, "=")
		if name, err := url.QueryUnescape(name); err == nil && name != "" && wanted(name) {
			options.WriteString(given + "&")
		}
	}
	return options.String()
}

// lasting tells whether an option is of all pages, and not of one only.
func lasting(name string) bool {
	return !slices.Contains([]odata.Option{odata.OptionSkipToken, odata.OptionDeltaToken, odata.OptionSkip}, odata.OptionOf(name))
}

// isFormat tells whether an option says the form of the whole answer, what it
// expands included.
func isFormat(name string) bool { return odata.OptionOf(name) == odata.OptionFormat }
