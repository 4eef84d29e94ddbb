package odata

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"net/textproto"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxBodyDepth bounds how deep the body of one request may nest.
const maxBodyDepth = 100

// batchReader reads a batch in JSON, in one pass.
type batchReader struct {
	d      *jsontext.Decoder
	body   []byte
	drafts []draft
}

func readJSONBatch(body []byte) ([]draft, error) {
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	// The decoder reads a Buffer's own bytes, and makes no copy.
	r := &batchReader{d: jsontext.NewDecoder(bytes.NewBuffer(body)), body: body}
	found := false
	err := r.object("batch", func(name string) error {
		switch {
		case name == "requests":
			found = true
			return r.array(name, r.request)
		case strings.Contains(name, "@"):
			return skipValue(r.d, name)
		}
		return badRequest(name, "%s is no member of a batch, which are: requests.", quote(name))
	})
	if err == nil {
		err = expectEnd(r.d)
	}
	if err == nil && !found {
		err = badRequest("requests", "Required and missing: requests.")
	}
	return r.drafts, explain(err)
}

// token reads one token; a name given twice is told with its place.
func (r *batchReader) token(where string) (jsontext.Token, error) {
	token, err := r.d.ReadToken()
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok && errors.Is(err, jsontext.ErrDuplicateName) {
		err = refuse(where, "%s is given twice.", quote(syntax.JSONPointer.LastToken()))
	}
	return token, err
}

func (r *batchReader) object(where string, member func(name string) error) error {
	token, err := r.token(where)
	if err != nil {
		return err
	}
	if token.Kind() != '{' {
		return refuse(where, "An object is needed, not %s.", describe(token))
	}
	for r.d.PeekKind() != '}' {
		if token, err = r.token(where); err != nil {
			return err
		}
		if err = member(token.String()); err != nil {
			return err
		}
	}
	_, err = r.d.ReadToken()
	return err
}

func (r *batchReader) array(where string, element func(where string) error) error {
	token, err := r.token(where)
	if err != nil {
		return err
	}
	if token.Kind() != '[' {
		return refuse(where, "An array is needed, not %s.", describe(token))
	}
	for i := 0; r.d.PeekKind() != ']'; i++ {
		if err = element(at(where, i)); err != nil {
			return err
		}
	}
	_, err = r.d.ReadToken()
	return err
}

func (r *batchReader) text(where string) (string, error) {
	token, err := r.token(where)
	if err != nil {
		return "", err
	}
	text, ok := readString(token)
	if !ok {
		return "", refuse(where, "A string is needed, not %s.", describe(token))
	}
	return text, nil
}

// request reads one request object (OData JSON 4.01, section 19.1).
func (r *batchReader) request(where string) error {
	// Only another request is one too many: the JSON may end here, or be at fault.
	if len(r.drafts) == MaxBatch && r.d.PeekKind() == '{' {
		return tooMany(where)
	}
	d := newDraft(where)
	var body []byte
	if err := r.object(where, func(name string) (err error) {
		if name == "body" {
			body, err = r.raw(where + ".body")
			return err
		}
		return r.member(&d, name)
	}); err != nil {
		return err
	}
	for _, required := range [...]struct{ name, value string }{{"id", d.ID}, {"method", d.Method}, {"url", d.URL}} {
		if required.value == "" {
			return d.refuse(required.name, "Required and missing.")
		}
	}
	if err := d.setBody(body); err != nil {
		return err
	}
	d.Group = r.groupNumber(d.GroupName)
	r.drafts = append(r.drafts, d)
	return nil
}

func (r *batchReader) member(d *draft, name string) (err error) {
	where := d.where + "." + name
	switch name {
	case "id":
		if d.ID, err = r.text(where); err == nil {
			err = d.checkName(name, d.ID)
		}
		return err
	case "method":
		d.Method, err = r.text(where)
		return err
	case "url":
		d.URL, err = r.text(where)
		return err
	case "headers", "dependsOn", "atomicityGroup":
		if r.d.PeekKind() == 'n' {
			_, err = r.d.ReadToken()
			return err
		}
		return r.optional(d, name, where)
	}
	if strings.Contains(name, "@") { // an annotation, as in any other body
		return skipValue(r.d, where)
	}
	return refuse(d.where, "%s is no member of a request, which are: "+
		"id, method, url, headers, body, dependsOn, atomicityGroup.", quote(name))
}

// optional reads a member that may be null, and is not.
func (r *batchReader) optional(d *draft, name, where string) (err error) {
	switch name {
	case "headers":
		return r.object(where, func(name string) error {
			value, err := r.text(where)
			if err != nil {
				return err
			}
			if _, given := d.Header[textproto.CanonicalMIMEHeaderKey(name)]; given {
				return refuse(where, "%s is given twice.", quote(name))
			}
			return d.setHeader(name, value)
		})
	case "dependsOn":
		return r.array(where, func(where string) error {
			if len(d.dependsOn) == 2*MaxBatch {
				return refuse(where, "These are more names than a batch can hold.")
			}
			name, err := r.text(where)
			d.dependsOn = append(d.dependsOn, name)
			return err
		})
	}
	if d.GroupName, err = r.text(where); err == nil {
		err = d.checkName(name, d.GroupName)
	}
	return err
}

// raw gives the bytes of a value as they stand; nil is null.
func (r *batchReader) raw(where string) ([]byte, error) {
	start, depth := r.d.InputOffset(), r.d.StackDepth()
	for {
		if _, err := r.token(where); err != nil {
			return nil, err
		}
		switch now := r.d.StackDepth(); {
		case now > depth+maxBodyDepth:
			return nil, refuse(where, "It nests deeper than %d.", maxBodyDepth)
		case now == depth:
			value := bytes.TrimLeft(r.body[start:r.d.InputOffset()], ": \t\r\n")
			if string(value) == "null" {
				return nil, nil
			}
			return value, nil
		}
	}
}

// groupNumber numbers groups in the order in which they appear, from 1.
func (r *batchReader) groupNumber(name string) int {
	if name == "" {
		return 0
	}
	last := 0
	for i := range r.drafts {
		if r.drafts[i].GroupName == name {
			return r.drafts[i].Group
		}
		last = max(last, r.drafts[i].Group)
	}
	return last + 1
}

// setBody takes the body out of its JSON, as its media type has it.
func (d *draft) setBody(value []byte) error {
	media := mediaType(d.Header)
	if value == nil || isJSON(media) {
		d.Body = value
		return nil
	}
	text, err := jsontext.AppendUnquote([]byte{}, value)
	if value[0] != '"' || err != nil {
		return d.refuse("body", "A string is needed, since Content-Type is %s.", quote(media))
	}
	if d.Body = text; isText(media) {
		return nil
	}
	binary, ok := decodeBase64(string(text))
	if d.Body = binary; !ok {
		return d.refuse("body", "Base64 text is needed, since Content-Type is %s.", quote(media))
	}
	return nil
}

// appendJSON writes the answers as OData JSON 4.01, section 19.2, has them.
func (b *Batch) appendJSON(dst []byte, answers []BatchAnswer) []byte {
	dst = append(dst, `{"responses":[`...)
	for i := range answers {
		if answers[i].Status == 0 {
			continue
		}
		if dst[len(dst)-1] == '}' {
			dst = append(dst, ',')
		}
		dst = appendJSONAnswer(dst, &b.Items[i], &answers[i])
	}
	return append(dst, ']', '}')
}

func appendJSONAnswer(dst []byte, item *BatchItem, a *BatchAnswer) []byte {
	dst = append(dst, '{')
	if item.ID != "" {
		dst = AppendText(AppendMember(dst, "id"), item.ID)
	}
	if item.Group > 0 {
		dst = AppendText(AppendMember(dst, "atomicityGroup"), cmp.Or(item.GroupName, changeSet(item.Group)))
	}
	dst = strconv.AppendInt(AppendMember(dst, "status"), int64(a.Status), 10)
	if len(a.Header) > 0 {
		dst = append(AppendMember(dst, "headers"), '{')
		for _, name := range a.headerNames() {
			dst = AppendText(AppendMember(dst, spelled(name)), a.headerValue(name))
		}
		dst = append(dst, '}')
	}
	if len(a.Body) > 0 {
		dst = a.appendJSONBody(AppendMember(dst, "body"))
	}
	return append(dst, '}')
}

func (a *BatchAnswer) appendJSONBody(dst []byte) []byte {
	switch media := mediaType(a.Header); {
	case isJSON(media):
		return append(dst, a.Body...)
	case isText(media):
		return AppendText(dst, string(a.Body))
	}
	dst = append(dst, '"')
	dst = base64.URLEncoding.AppendEncode(dst, a.Body)
	return append(dst, '"')
}
