package graph

import (
	"net/http"
	"strconv"

	"plimsoll/internal/odata"
)

// begin opens the answer's object with its context (OData JSON 4.01, section
// 4.5.1), relative to the service's $metadata.
func (c *call) begin(context string) []byte {
	body := append(make([]byte, 0, initialBodySize), '{')
	return appendTextMember(body, "@odata.context", c.base+"/$metadata"+context)
}

func etag(counter int64) string { return `W/"` + strconv.FormatInt(counter, 10) + `"` }

func appendETag(dst []byte, counter int64) []byte {
	return appendTextMember(dst, "@odata.etag", etag(counter))
}

func ok(body []byte) *answer {
	return &answer{status: http.StatusOK, contentType: odata.JSON + ";odata.metadata=minimal;charset=utf-8", body: body}
}

func (a *API) serviceDocument(c *call) (*answer, error) {
	return ok(append(c.begin(""),
		`,"value":[{"name":"deviceManagement","kind":"Singleton","url":"deviceManagement"}]}`...)), nil
}

func (a *API) metadata(*call) (*answer, error) {
	return &answer{status: http.StatusOK, contentType: odata.XML + ";charset=utf-8", body: a.model.metadata}, nil
}

func (a *API) getDeviceManagement(c *call) (*answer, error) {
	management := &deviceManagement{id: a.tenantID}
	body := a.model.management.AppendMembers(c.begin("#deviceManagement"), management, odata.SelectAll())
	return ok(append(body, '}')), nil
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

// pageSize gives the rows of a page: as many as $top asks, within the limit. As
// in Graph, $top is the size of a page and @odata.nextLink leads on.
func pageSize(q odata.Query) int {
	if q.Top < 0 {
		return defaultPage
	}
	return min(q.Top, maxPage)
}

// appendPage writes a collection: its count where it was asked for, its rows,
// and the link to the next page unless token is "".
func appendPage[T any](dst []byte, c *call, total int64, rows []T, row func([]byte, *T) []byte, token string) []byte {
	if c.query.Count {
		dst = strconv.AppendInt(odata.AppendMember(dst, "@odata.count"), total, 10)
	}
	dst = append(odata.AppendMember(dst, "value"), '[')
	for i := range rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(row(append(dst, '{'), &rows[i]), '}')
	}
	dst = append(dst, ']')
	if token != "" {
		dst = appendTextMember(dst, "@odata.nextLink", c.nextLink(token))
	}
	return append(dst, '}')
}
