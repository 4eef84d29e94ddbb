package graph

import (
	"context"
	"io"
	"net/http"
	"time"

	"plimsoll/internal/odata"
	"plimsoll/internal/query"
)

const (
	// exportPage is how many rows of a table are held at once, and exportPause how
	// long their writing may take.
	exportPage  = 1000
	exportPause = time.Minute
)

// column is a column of a list as a table.
type column[T any] struct {
	name string
	cell func(*T) string
}

// columnsOf gives a column for each property of a type that a query selects.
func columnsOf[T any](t *odata.EntityType[T]) func(*odata.Query) []column[T] {
	return func(q *odata.Query) (columns []column[T]) {
		for _, p := range t.Selected(&q.Select) {
			columns = append(columns, column[T]{p.Name(), p.Cell})
		}
		return columns
	}
}

// export is a list on its way to a client as CSV, page by page.
type export[T any] struct {
	set     *set[T]
	owner   string
	columns []column[T]
	page    query.Page
	left    int // rows that $top allows; -1 for all
}

// serveCSV answers with all the rows that a query wants, as RFC 4180 has them. The
// first are read before anything is written: what is refused is refused as ever.
func (s *set[T]) serveCSV(c *call) (*answer, error) {
	if err := c.checkCSV(); err != nil {
		return nil, err
	}
	owner := c.key("id")
	_, canonical := s.place(owner)
	page, err := s.asked(c, c.query, canonical)
	if err != nil {
		return nil, err
	}
	e := &export[T]{set: s, owner: owner, columns: s.columns(c.query), page: page, left: c.query.Top}
	names := make([]string, len(e.columns))
	for i, column := range e.columns {
		names[i] = column.name
	}
	body, more, err := e.next(c, odata.AppendRecord(nil, names...))
	if err != nil {
		return nil, err
	}
	result := c.ok(body)
	result.stream = func(w io.Writer, goOn func() (context.Context, context.CancelFunc)) error {
		for more {
			ctx, cancel := goOn()
			c.r = c.r.WithContext(ctx)
			body, more, err = e.next(c, body[:0])
			cancel()
			if err != nil {
				return err
			}
			if _, err = w.Write(body); err != nil {
				return err
			}
		}
		return nil
	}
	return result, nil
}

// next writes the next page, and tells whether there are more.
func (e *export[T]) next(c *call, dst []byte) (body []byte, more bool, err error) {
	e.page.Limit, e.page.Count = exportPage, false
	if e.left >= 0 {
		e.page.Limit = min(e.left, exportPage)
	}
	rows, err := e.set.list(c, e.owner, e.page)
	if err != nil {
		return nil, false, err
	}
	cells := make([]string, len(e.columns))
	for i := range rows.Rows {
		for j, column := range e.columns {
			cells[j] = column.cell(&rows.Rows[i])
		}
		dst = odata.AppendRecord(dst, cells...)
	}
	e.page.After, e.page.Skip = rows.Last, 0
	if e.left >= 0 {
		e.left -= len(rows.Rows)
	}
	return dst, rows.Last != nil && e.left != 0, nil
}

// checkCSV refuses what means nothing for a table.
func (c *call) checkCSV() error {
	for _, option := range []odata.Option{odata.OptionExpand, odata.OptionCount, odata.OptionSkipToken} {
		if c.query.Gives(option) {
			return &odata.Error{
				Kind: odata.BadRequest, Target: string(option),
				Message: string(option) + " is not supported for CSV, which has all rows that are wanted; $filter, $search, $orderby, $select, $top and $skip are.",
			}
		}
	}
	if c.item != nil {
		return &odata.Error{
			Kind: odata.NotAcceptable, Target: "Accept",
			Message: "CSV may be of any length, and so is not for a batch: ask for it alone.",
		}
	}
	return nil
}

// stream writes what follows the beginning of an answer. Each part has its own
// time to be read from the store and to be sent.
func (a *API) stream(w http.ResponseWriter, r *http.Request, result *answer) error {
	return result.stream(w, func() (context.Context, context.CancelFunc) {
		// Where a connection has no deadline, there is none to be moved.
		_ = http.NewResponseController(w).SetWriteDeadline(a.now().Add(waitTimeout + exportPause))
		return context.WithTimeout(r.Context(), waitTimeout)
	})
}
