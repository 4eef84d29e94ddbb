package odata

import (
	"fmt"
	"mime"
	"net/textproto"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxBatch is the most requests that a batch may hold, as in Graph's JSON batching.
const MaxBatch = 20

const (
	maxName     = 128      // of an id or a group's name, in characters
	maxHeaders  = 64       // of one request
	maxHeader   = 16 << 10 // bytes of one header's value
	maxBoundary = 70       // bytes (RFC 2046, section 5.1.1)
)

// Batch is a batch of requests (OData Protocol 4.01, section 11.7) in good form:
// every URL is this service's own, every dependency exists and none is circular.
type Batch struct {
	Items []BatchItem
	// Units holds the indexes of Items in an order that every dependency agrees
	// with, as near to the order given as can be. The items of one unit succeed
	// or fail together.
	Units [][]int
	// Multipart tells the form: such a batch runs in order and stops at its
	// first error unless the client prefers continue-on-error (section
	// 11.7.7.5), one in JSON runs by its dependencies.
	Multipart bool
}

// BatchItem is one request of a batch. Its texts may share the batch's memory.
type BatchItem struct {
	ID     string               // 1 to 128 printable characters; "" for a part without Content-ID
	Method string               // in upper case: GET, HEAD, POST, PATCH, PUT or DELETE
	URL    string               // path and query below the root, percent-encoded: "/things?$top=1"
	Header textproto.MIMEHeader // canonical names, one value each, free of control characters
	Body   []byte               // nil where there is none; JSON is as it was given

	// DependsOn holds the items that must have succeeded before, or 424.
	DependsOn []int
	// Group numbers the atomicity group or change set from 1; 0 is none.
	Group     int
	GroupName string // the atomicityGroup as it was given
	// Reference is the item whose resource the URL begins with, -1 for none.
	// The URL is then what follows it: "/parts", "?$top=1" or "".
	Reference int
}

// draft is an item that is being read, and what is needed to say where it is wrong.
type draft struct {
	BatchItem

	where     string
	dependsOn []string
}

func newDraft(where string) draft {
	return draft{where: where, BatchItem: BatchItem{Reference: -1}}
}

// refuse is a bad request whose message begins with the place of the fault.
func refuse(where, format string, args ...any) *Error {
	return badRequest(where, "%s: %s", where, fmt.Sprintf(format, args...))
}

func (d *draft) refuse(member, format string, args ...any) *Error {
	return refuse(d.where+"."+member, format, args...)
}

func at(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

// ParseBatch reads a batch in either form: JSON (OData JSON 4.01, section 19.1)
// or multipart/mixed (OData Protocol 4.01, section 11.7.7). roots are the URLs
// by which the service is called, such as https://host:8443/beta; a request to
// any other is refused, and so is the whole batch for any fault of form in one
// of its requests.
func ParseBatch(contentType string, body []byte, roots ...string) (Batch, error) {
	own, err := parseRoots(roots)
	if err != nil {
		return Batch{}, err
	}
	media, params, _ := mime.ParseMediaType(contentType)
	var drafts []draft
	switch {
	case media == Mixed:
		drafts, err = readMixed(body, params["boundary"])
	case CheckContentType(contentType) == nil:
		drafts, err = readJSONBatch(body)
	default:
		err = &Error{
			Kind: UnsupportedMediaType, Target: "Content-Type",
			Message: "Content-Type of a batch must be application/json in UTF-8 or multipart/mixed with a boundary, not " +
				quote(contentType) + ".",
		}
	}
	if err != nil {
		return Batch{}, err
	}
	return assemble(drafts, own, media == Mixed)
}

// assemble checks the drafts one by one, and then against each other.
func assemble(drafts []draft, own roots, multipart bool) (Batch, error) {
	if len(drafts) == 0 {
		return Batch{}, badRequest("", "The batch holds no request.")
	}
	for i := range drafts {
		if err := drafts[i].check(own); err != nil {
			return Batch{}, err
		}
	}
	if err := link(drafts, multipart); err != nil {
		return Batch{}, err
	}
	units, err := order(drafts)
	if err != nil {
		return Batch{}, err
	}
	batch := Batch{Items: make([]BatchItem, len(drafts)), Units: units, Multipart: multipart}
	for i := range drafts {
		batch.Items[i] = drafts[i].BatchItem
	}
	return batch, nil
}

func (d *draft) check(own roots) error {
	if err := d.checkMethod(); err != nil {
		return err
	}
	if host := d.Header.Get("Host"); host != "" && !own.haveHost(host) {
		return d.refuse("headers.Host", "%s is not this service.", quote(host))
	}
	if d.Header.Get("Transfer-Encoding") != "" {
		return d.refuse("headers.Transfer-Encoding", "A body in a batch is given whole.")
	}
	url, fault := own.relative(d.URL)
	if fault != "" {
		return d.refuse("url", "%s %s.", quote(d.URL), fault)
	}
	if segment, _ := cutSegment(url); strings.TrimRight(segment, "()/") == "$batch" {
		return d.refuse("url", "A batch may not stand in a batch.")
	}
	d.URL = url
	return nil
}

// checkMethod checks the method, and with it the body: by OData JSON 4.01,
// section 19.1, some methods must have none, and one without a type is JSON.
func (d *draft) checkMethod() error {
	method := strings.ToUpper(d.Method)
	switch method {
	case "GET", "HEAD":
		if d.Group > 0 {
			return d.refuse("method", "%s changes nothing, and may not be part of an atomicity group or change set.", method)
		}
	case "DELETE", "POST", "PATCH", "PUT":
	default:
		return d.refuse("method", "One of GET, HEAD, POST, PATCH, PUT, DELETE is needed, not %s.", quote(d.Method))
	}
	d.Method = method
	switch {
	case d.Body == nil:
		return nil
	case method == "GET" || method == "HEAD" || method == "DELETE":
		return d.refuse("body", "%s takes no body.", method)
	case d.Header.Get("Content-Type") == "":
		return d.setHeader("Content-Type", JSON)
	}
	return nil
}

// setHeader adds a header field (RFC 9110, section 5). A name given again adds
// to a list, as section 5.3 has it.
func (d *draft) setHeader(name, value string) error {
	key, value := textproto.CanonicalMIMEHeaderKey(name), strings.Trim(value, " \t")
	given, again := d.Header[key]
	if again && given[0] != "" {
		value = given[0] + ", " + value
	}
	switch {
	case !isToken(name):
		return d.refuse("headers", "%s is no header name.", quote(name))
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
		return d.refuse("headers", "The value of %s holds a control character, or is not UTF-8.", name)
	case len(value) > maxHeader:
		return d.refuse("headers", "The value of %s has more than %d bytes.", quote(name), maxHeader)
	case !again && len(d.Header) == maxHeaders:
		return d.refuse("headers", "There are more than %d.", maxHeaders)
	case d.Header == nil:
		d.Header = textproto.MIMEHeader{}
	}
	d.Header[key] = []string{value}
	return nil
}

// isToken tells whether text is a token of RFC 9110, section 5.6.2.
func isToken(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

// checkName checks an id or the name of a group.
func (d *draft) checkName(member, name string) error {
	if n := utf8.RuneCountInString(name); n == 0 || n > maxName || !utf8.ValidString(name) ||
		strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return d.refuse(member, "1 to %d printable characters are needed, not %s.", maxName, quote(name))
	}
	return nil
}

func tooMany(where string) *Error {
	return refuse(where, "A batch holds at most %d requests.", MaxBatch)
}

// isJSON tells whether a media type's bodies are JSON. None given is JSON, by
// OData JSON 4.01, section 19.1.
func isJSON(media string) bool {
	return media == "" || media == JSON || strings.HasSuffix(media, "+json")
}

func isText(media string) bool { return strings.HasPrefix(media, "text/") }

// mediaType gives the type without its parameters.
func mediaType(header textproto.MIMEHeader) string {
	media, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(media))
}
