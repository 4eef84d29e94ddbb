package odata

import (
	"maps"
	"mime"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
)

// BatchAnswer is what came of one request of a batch.
type BatchAnswer struct {
	Status int    // 0 where the request was not run, and has no answer
	Reason string // the words for the status that multipart shows: "Not Found"
	Header textproto.MIMEHeader
	Body   []byte
}

// ContentType is the media type of the answers.
func (b *Batch) ContentType(boundary string) string {
	if b.Multipart {
		return mime.FormatMediaType(Mixed, map[string]string{"boundary": boundary})
	}
	return JSON
}

// AppendAnswers writes the answers, of which answers[i] is that to Items[i], in
// the form that Multipart says. boundary serves multipart alone: up to 50 letters
// and digits that occur in no body, and so are random.
func (b *Batch) AppendAnswers(dst []byte, answers []BatchAnswer, boundary string) []byte {
	if b.Multipart {
		return b.appendMixed(dst, answers, boundary)
	}
	return b.appendJSON(dst, answers)
}

// appendMixed writes one part for each request and for each change set (OData
// Protocol 4.01, section 11.7.7.6).
func (b *Batch) appendMixed(dst []byte, answers []BatchAnswer, boundary string) []byte {
	for _, unit := range b.Units {
		first := unit[0]
		switch failed := failure(answers, unit); {
		case failed >= 0: // one answer is that of all
			dst = appendPart(dst, b.Items[failed].ID, &answers[failed], boundary)
		case answers[first].Status == 0:
		case b.Items[first].Group == 0:
			dst = appendPart(dst, b.Items[first].ID, &answers[first], boundary)
		default:
			dst = b.appendChangeSet(dst, answers, unit, boundary)
		}
	}
	return appendDelimiter(dst, boundary, "--")
}

// failure gives the item by which a unit failed, rather than one that failed
// because of it; -1 where none did.
func failure(answers []BatchAnswer, unit []int) int {
	const failedDependency = 424
	failed := -1
	for _, i := range unit {
		status := answers[i].Status
		if status >= 400 && (failed < 0 || answers[failed].Status == failedDependency) {
			failed = i
		}
	}
	return failed
}

func (b *Batch) appendChangeSet(dst []byte, answers []BatchAnswer, unit []int, boundary string) []byte {
	// A boundary that began with the outer one would end its parts too.
	inner := changeSet(b.Items[unit[0]].Group) + "_" + boundary
	dst = appendDelimiter(dst, boundary, "")
	dst = append(dst, "Content-Type: multipart/mixed; boundary="...)
	dst = append(dst, inner...)
	dst = append(dst, "\r\n\r\n"...)
	for _, i := range unit {
		dst = appendPart(dst, b.Items[i].ID, &answers[i], inner)
	}
	return appendDelimiter(dst, inner, "--")
}

func changeSet(group int) string { return "changeset_" + strconv.Itoa(group) }

func appendDelimiter(dst []byte, boundary, end string) []byte {
	dst = append(dst, "--"...)
	dst = append(dst, boundary...)
	dst = append(dst, end...)
	return append(dst, "\r\n"...)
}

func appendPart(dst []byte, id string, a *BatchAnswer, boundary string) []byte {
	dst = appendDelimiter(dst, boundary, "")
	dst = append(dst, "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"...)
	if id != "" {
		dst = appendField(dst, "Content-ID", id)
	}
	dst = append(dst, "\r\nHTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(a.Status), 10)
	dst = append(dst, ' ')
	dst = append(dst, a.Reason...)
	dst = append(dst, "\r\n"...)
	for _, name := range a.headerNames() {
		dst = appendField(dst, spelled(name), a.headerValue(name))
	}
	if len(a.Body) > 0 && a.Header.Get("Content-Length") == "" {
		dst = appendField(dst, "Content-Length", strconv.Itoa(len(a.Body)))
	}
	dst = append(dst, "\r\n"...)
	dst = append(dst, a.Body...)
	return append(dst, "\r\n"...)
}

func appendField(dst []byte, name, value string) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}

// spelled gives a header's name as Graph writes it: clients look for it so.
func spelled(name string) string {
	switch name = textproto.CanonicalMIMEHeaderKey(name); name {
	case "Etag":
		return "ETag"
	case "Odata-Version", "Odata-Entityid":
		return "OD" + strings.Replace(name[2:], "Entityid", "EntityId", 1)
	case "Request-Id", "Client-Request-Id":
		return strings.ToLower(name)
	default:
		return name
	}
}

func (a *BatchAnswer) headerNames() []string { return slices.Sorted(maps.Keys(a.Header)) }

// headerValue is one line, whatever a handler put into it.
func (a *BatchAnswer) headerValue(name string) string {
	value := strings.Join(a.Header[name], ", ")
	if strings.ContainsAny(value, "\r\n") {
		return strings.NewReplacer("\r", " ", "\n", " ").Replace(value)
	}
	return value
}
