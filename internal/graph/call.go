package graph

import (
	"context"
	"io"
	"net/http"
	"strings"

	"plimsoll"
	"plimsoll/internal/auth"
	"plimsoll/internal/odata"
	"plimsoll/internal/service"
)

// call is one request on its way to its answer.
type call struct {
	r               *http.Request
	service         *service.Service // within a change set, bound to its transaction
	root            string           // such as /beta
	route           string           // the pattern of its path, for logs and metrics
	requestID       string
	clientRequestID string
	bearer          string
	caller          auth.Principal
	form            odata.Representation // of the answer
	preferences     odata.Preferences
	query           *odata.Query
	body            []byte
	item            *recorder // of a batch; nil for a request that came alone
}

// host gives the URL of the server as the client knows it.
func (c *call) host() string { return c.r.URL.Scheme + "://" + c.r.Host }

// base gives the URL of the service's root.
func (c *call) base() string { return c.host() + c.root }

// writer says how the answer's entities are written.
func (c *call) writer() *odata.Writer {
	w := &odata.Writer{Metadata: c.form.Metadata, IEEE754: c.form.IEEE754}
	if w.Metadata == odata.FullMetadata { // the only one that shows it
		w.Base = c.base()
	}
	return w
}

// answer is what an operation gives back.
type answer struct {
	status      int
	contentType string // "" without a body
	body        []byte
	location    string
	etag        string
	changed     bool   // the answer to a create or a change, which shows what it made
	create      bool   // of which a create
	applied     string // the preference that was heeded
	// stream writes what follows body, page by page: goOn gives each its time. An
	// error means that the rest is missing. Nil where body is all.
	stream  func(w io.Writer, goOn func() (context.Context, context.CancelFunc)) error
	follows *following // events behind body; nil where there are none
}

// key gives a key that the path names, by what its pattern calls it. In
// parentheses it stands in its quotes.
func (c *call) key(name string) string {
	return unquoted(c.r.PathValue(name))
}

// match gives the precondition of a change: that of If-Match and If-None-Match
// (RFC 9110, section 13), or nil where there is none.
func (c *call) match() (service.Match, error) {
	wanted, err := c.entityTags("If-Match")
	if err != nil {
		return nil, err
	}
	unwanted, err := c.entityTags("If-None-Match")
	if err != nil || wanted == nil && unwanted == nil {
		return nil, err
	}
	return func(counter int64) bool {
		tag := odata.ETag(counter)
		return (wanted == nil || wanted.has(tag)) && !unwanted.has(tag)
	}, nil
}

// entityTags are those of a precondition, without the mark of weak ones.
type entityTags map[string]bool

func (t entityTags) has(tag string) bool {
	return t["*"] || t[strings.TrimPrefix(tag, "W/")]
}

// entityTags reads a precondition's header; nil where there is none.
func (c *call) entityTags(header string) (entityTags, error) {
	values := c.r.Header.Values(header)
	if len(values) == 0 {
		return nil, nil
	}
	tags := entityTags{}
	for rest := strings.Join(values, ","); ; {
		rest = strings.TrimLeft(rest, " \t,")
		tag, after, ok := cutEntityTag(rest)
		switch {
		case rest == "" && len(tags) > 0:
			return tags, nil
		case !ok:
			return nil, &odata.Error{
				Kind: odata.BadRequest, Target: header,
				Message: header + ` must be * or list entity tags as @odata.etag gives them, such as W/"3".`,
			}
		}
		tags[tag], rest = true, after
	}
}

// cutEntityTag takes the first of a list of entity tags, in which commas may
// stand, without the mark of weak ones.
func cutEntityTag(list string) (tag, after string, ok bool) {
	if after, ok = strings.CutPrefix(list, "*"); ok {
		tag = "*"
	} else {
		opaque := strings.TrimPrefix(list, "W/")
		end := strings.IndexByte(opaque[min(1, len(opaque)):], '"') + 2
		if !strings.HasPrefix(opaque, `"`) || end < 2 {
			return "", "", false
		}
		tag, after = opaque[:end], opaque[end:]
	}
	after = strings.TrimLeft(after, " \t")
	return tag, after, after == "" || after[0] == ','
}

// condition holds an answer to a GET against the request's preconditions: an
// entity that the client has already is not sent again. What is expanded within
// it changes without its entity tag, and so is always sent.
func (c *call) condition(result *answer) (*answer, error) {
	if c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		return result, nil
	}
	wanted, err := c.entityTags("If-Match")
	if err != nil {
		return nil, err
	}
	unwanted, err := c.entityTags("If-None-Match")
	switch {
	case err != nil:
		return nil, err
	case wanted != nil && !wanted.has(result.etag):
		return nil, plimsoll.Errorf(plimsoll.PreconditionFailed, "It is not what If-Match names; its entity tag is %s now.", result.etag)
	case unwanted.has(result.etag) && len(c.query.Expand) == 0:
		return &answer{status: http.StatusNotModified, etag: result.etag}, nil
	}
	return result, nil
}

// unconditional refuses a precondition on a create: there is nothing yet that it
// could be of.
func (c *call) unconditional() error {
	for _, header := range []string{"If-Match", "If-None-Match"} {
		if len(c.r.Header.Values(header)) > 0 {
			return &odata.Error{
				Kind: odata.BadRequest, Target: header,
				Message: header + " is not supported on a POST; send it on the PATCH or DELETE of what exists.",
			}
		}
	}
	return nil
}
