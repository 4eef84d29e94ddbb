package graph

import (
	"net/http"
	"time"

	"plimsoll/internal/odata"
)

// The function that tells of what changes, as a stream of events.
const (
	changesName = "changes"
	changesPath = "/deviceManagement/" + ours + "." + changesName
	// readTimeout is how long a page may take to read an event.
	readTimeout = 10 * time.Second
)

// addChanges adds the path of that function.
func (a *API) addChanges(routes map[string]operations) {
	routes[changesPath] = operations{http.MethodGet: {
		permission: toScripts().reads, serves: []string{odata.EventStream}, handle: a.followChanges,
	}}
}

// followChanges opens a page. It is refused with a status as long as it was shown
// nothing.
func (a *API) followChanges(c *call) (*answer, error) {
	if c.item != nil {
		return nil, &odata.Error{Kind: odata.BadRequest, Message: "A stream of events cannot be in a batch; ask for it by itself."}
	}
	result := &answer{status: http.StatusOK, contentType: c.form.ContentType()}
	if met, err := c.condition(result); met != result || c.r.Method == http.MethodHead {
		return met, err // of what is not followed no page may be open
	}
	opened, err := a.pages.add(c.caller.Subject)
	if err != nil {
		return nil, err
	}
	select {
	case first, more := <-opened.events:
		if !more {
			return nil, opened.why
		}
		result.follows = &following{first: first, page: opened}
		return result, nil
	case <-c.r.Context().Done():
		a.pages.remove(opened)
		return nil, c.r.Context().Err()
	}
}

// following is an answer that goes on.
type following struct {
	first []byte
	page  *page
}

// follow sends a page its events, until it or the client ends, or the token
// expires: whoever comes again is asked anew what it may.
func (a *API) follow(w http.ResponseWriter, r *http.Request, s *following, expires time.Time) {
	defer a.pages.remove(s.page)
	control := http.NewResponseController(w)
	expired := time.NewTimer(expires.Sub(a.now()))
	defer expired.Stop()
	for event, more := s.first, true; more && a.sendEvent(w, control, event) == nil; {
		select {
		case event, more = <-s.page.events:
		case <-expired.C:
			more = false
		case <-r.Context().Done():
			return
		}
	}
	_ = control.SetWriteDeadline(a.now().Add(readTimeout)) // for the stream's end
}

// sendEvent sends one event, in a time of its own: the server's is for answers
// that end soon.
func (a *API) sendEvent(w http.ResponseWriter, control *http.ResponseController, event []byte) error {
	if err := control.SetWriteDeadline(a.now().Add(readTimeout)); err != nil {
		return err
	}
	if _, err := w.Write(event); err != nil {
		return err
	}
	if err := control.Flush(); err != nil {
		return err
	}
	return control.SetWriteDeadline(time.Time{}) // over HTTP/2 it would end a stream that is at rest
}
