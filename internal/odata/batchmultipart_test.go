package odata

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// crlf ends every line as HTTP does.
func crlf(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
}

// mixedBatch is the example of OData Protocol 4.01, section 11.7.7.1, with what
// clients add to it.
func mixedBatch() string {
	return crlf(`A preamble.
--b
Content-Type: application/http
Content-Transfer-Encoding: binary

GET /beta/Customers('ALFKI')?$filter=a eq 'b' HTTP/1.1
Host: host:8443
Accept: application/json
Accept: text/plain

` + `
--b  ` + `
content-type: multipart/mixed; boundary=changeset
Content-Length: 700

--changeset
Content-Type: application/http; msgtype=request
Content-ID: 1

POST https://host:8443/beta/Customers HTTP/1.1
Content-Type: application/json
Content-Length: 9

{"a":1.0}

--changeset
Content-Type: application/http

patch $1/Orders HTTP/1.1
Content-ID: 2
If-Match: xxxxx

{
  "b": "--b"
}
--changeset--
--b
Content-Type: application/http
Content-ID: last

GET Products HTTP/1.1
--b--
An epilogue.
--b
`)
}

// one is a batch of one part that holds an HTTP message.
func one(message string) string {
	return crlf("--b\nContent-Type: application/http\n\n" + message + "\n--b--\n")
}

// parts is a batch of messages, each in a part with a Content-ID where it has one.
func inParts(boundary string, idsAndMessages ...string) string {
	var b strings.Builder
	for i := 0; i < len(idsAndMessages); i += 2 {
		b.WriteString("--" + boundary + "\n")
		if message := idsAndMessages[i+1]; strings.HasPrefix(message, "--") {
			b.WriteString("Content-Type: multipart/mixed; boundary=" + idsAndMessages[i] + "\n\n" + message + "\n")
		} else {
			b.WriteString("Content-Type: application/http\nContent-ID: " + idsAndMessages[i] + "\n\n" + message + "\n\n\n")
		}
	}
	return crlf(b.String() + "--" + boundary + "--\n")
}

func TestParseMixedBatch(t *testing.T) {
	t.Parallel()
	want := Batch{
		Multipart: true,
		Units:     [][]int{{0}, {1, 2}, {3}},
		Items: []BatchItem{
			{
				Method: "GET", URL: "/Customers('ALFKI')?$filter=a%20eq%20'b'", Reference: -1,
				Header: header("Host", "host:8443", "Accept", "application/json, text/plain"),
			},
			{
				ID: "1", Method: "POST", URL: "/Customers", Reference: -1, Group: 1,
				Header: header("Content-Type", "application/json", "Content-Length", "9"), Body: []byte(`{"a":1.0}`),
			},
			{
				ID: "2", Method: "PATCH", URL: "/Orders", Reference: 1, Group: 1, DependsOn: []int{1},
				Header: header("Content-Id", "2", "If-Match", "xxxxx", "Content-Type", "application/json"),
				Body:   []byte("{\r\n  \"b\": \"--b\"\r\n}"),
			},
			{ID: "last", Method: "GET", URL: "/Products", Reference: -1},
		},
	}
	got, err := ParseBatch(mixedB, []byte(mixedBatch()), testRoot)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Fatalf("%v (-want +got)\n%s", err, diff)
	}
	want.Items[2].Body = []byte("{\n  \"b\": \"--b\"\n}")
	got, err = ParseBatch(`multipart/mixed;boundary="b"`, []byte(strings.ReplaceAll(mixedBatch(), "\r\n", "\n")), testRoot)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("with bare line feeds: %v (-want +got)\n%s", err, diff)
	}
}

func TestParseMixedBatchRefuses(t *testing.T) {
	t.Parallel()
	const get, post = "GET a HTTP/1.1", "POST a HTTP/1.1"
	var many, set, headers []string
	for range MaxBatch + 1 {
		many = append(many, "", get)
		headers = append(headers, "X: y")
	}
	for range MaxBatch {
		set = append(set, "", post)
	}
	headers = append(append(append(headers, headers...), headers...), headers...)
	cases := []struct{ body, message string }{
		{"", `parts: The line "--b--", which ends them, is missing.`},
		{"--b--", "The batch holds no request."},
		{strings.TrimSuffix(one(get), "--b--\r\n"), `parts: The line "--b--", which ends them, is missing.`},
		{strings.Replace(one(get), "--b--", "--bb--", 1), "is missing"},
		{strings.Replace(one(get), "--b--", "--b-", 1), "is missing"},
		{strings.Replace(one(get), "application/http", "text/plain", 1), `parts[0].headers.Content-Type: It must be application/http, or multipart/mixed for a change set, not "text/plain".`},
		{"--b\r\n\r\n" + get + "\r\n--b--", "parts[0].headers.Content-Type: It must be"},
		{strings.Replace(one(get), "\r\n\r\n", "\r\nContent-Transfer-Encoding: base64\r\n\r\n", 1), `parts[0].headers.Content-Transfer-Encoding: It must be binary, not "base64".`},
		{inParts("b", many...), "parts[20]: A batch holds at most 20 requests."},
		{inParts("b", "", get, "c", inParts("c", set...)), "parts[1].parts[19]: A batch holds at most 20 requests."},
		{inParts("b", "c", "--c--"), "parts[0].parts: A change set holds at least one request."},
		{inParts("b", "c", inParts("c", "d", inParts("d", "", post))), "parts[0].parts[0]: A change set may not stand in a change set."},
		{inParts("b", "c", inParts("c", "1", get)), "parts[0].parts[0].method: GET changes nothing"},
		{inParts("b", "c", inParts("d", "1", post)), `parts[0].parts: The line "--c--", which ends them, is missing.`},
		{strings.Replace(inParts("b", "c", inParts("c", "1", post)), "boundary=c", "x=y", 1), "parts[0].parts: Content-Type must name a boundary"},
		{inParts("b", "1", get, "1", get), `parts[1].id: "1" is the id of parts[0] too.`},
		{inParts("b", "\x7f", get), "parts[0].headers: The value of Content-ID holds a control character"},
		{inParts("b", strings.Repeat("x", 129), get), "parts[0].headers.Content-ID: 1 to 128 printable characters are needed"},
		{one(""), `parts[0]: The request must begin with a line such as "GET /things HTTP/1.1", not "".`},
		{one("GET a"), `not "GET a".`},
		{one("GET a HTTP/2"), `not "GET a HTTP/2".`},
		{one("GET HTTP/1.1"), `not "GET HTTP/1.1".`},
		{one("GET  HTTP/1.1"), "parts[0].url"},
		{one("TRACE a HTTP/1.1"), "parts[0].method: One of"},
		{one("GET https://elsewhere.example/a HTTP/1.1"), "parts[0].url"},
		{one("GET $batch HTTP/1.1"), "parts[0].url: A batch may not stand in a batch."},
		{one("GET a HTTP/1.1\nHost: elsewhere.example"), `parts[0].headers.Host: "elsewhere.example" is not this service.`},
		{one("GET a HTTP/1.1\nHost: host:8443\nHost: elsewhere.example"), `parts[0].headers.Host: "host:8443, elsewhere.example"`},
		{one("GET a HTTP/1.1\nX"), `parts[0].headers: "X" is no header field.`},
		{one("GET a HTTP/1.1\nX : y"), `parts[0].headers: "X : y" is no header field.`},
		{one("GET a HTTP/1.1\nX: y\n z"), `parts[0].headers: " z" is no header field.`},
		{one("GET a HTTP/1.1\nX: y\rz"), "parts[0].headers: The value of X holds a control character"},
		{one("GET a HTTP/1.1\nX: \xff"), "or is not UTF-8"},
		{one("GET a HTTP/1.1\n" + strings.Join(headers, "\n")), "parts[0].headers: There are more than 64."},
		{one("GET a HTTP/1.1\nX: " + strings.Repeat("x", maxHeader+1)), "more than 16384 bytes"},
		{one("GET a HTTP/1.1\n\n{}"), "parts[0].body: GET takes no body."},
		{one("POST a HTTP/1.1\nTransfer-Encoding: chunked\n\n0\n\n"), "parts[0].headers.Transfer-Encoding"},
		{one("POST a HTTP/1.1\nContent-Length: 3\n\n{}"), `parts[0].headers.Content-Length: It is "3", and the body has 2 bytes.`},
		{one("POST a HTTP/1.1\nContent-Length: 1\n\n{}"), "parts[0].headers.Content-Length"},
		{one("POST a HTTP/1.1\nContent-Length: -1\n\n{}"), "parts[0].headers.Content-Length"},
		{one("POST a HTTP/1.1\nContent-Length: 2\nContent-Length: 2\n\n{}"), `It is "2, 2"`},
		{inParts("b", "1", "GET $9 HTTP/1.1"), `parts[0].url: "$9" refers to a request, and none of this batch has the id "9".`},
		{inParts("b", "1", "GET $1 HTTP/1.1"), `parts[0].url: "$1" may refer to an earlier part`},
		{inParts("b", "1", "GET $2 HTTP/1.1", "2", get), `parts[0].url: "$2" may refer to an earlier part`},
		{inParts("b", "c", inParts("c", "1", post), "2", "GET $1 HTTP/1.1"), `parts[1].url: "$1" may refer to an earlier part`},
		{inParts("b", "c", inParts("c", "1", post), "d", inParts("d", "2", "POST $1 HTTP/1.1")), "parts[1].parts[0].url"},
	}
	for _, c := range cases {
		_, err := ParseBatch(mixedB, []byte(c.body), testRoot)
		if e, ok := errors.AsType[*Error](err); !ok || e.Kind != BadRequest || !strings.Contains(e.Message, c.message) {
			t.Errorf("%s\n%v, want %q", c.body, err, c.message)
		}
	}
	for _, media := range []string{Mixed, Mixed + "; boundary=", Mixed + "; boundary=" + strings.Repeat("b", 71)} {
		if _, err := ParseBatch(media, []byte(one(get)), testRoot); err == nil || !strings.Contains(err.Error(), "must name a boundary") {
			t.Errorf("%s: %v", media, err)
		}
	}
}

func TestMixedBoundaries(t *testing.T) {
	t.Parallel()
	// Only a whole line is a boundary: those of a change set may begin as the batch's own does.
	body := "--b c\r\n--b: d\r\n" + inParts("b", "bb", inParts("bb", "1", "PUT a HTTP/1.1\nContent-Length: 0\n\n"), "2", "PUT a HTTP/1.1\n\n--bbb")
	batch, err := ParseBatch(mixedB, []byte(body), testRoot)
	if err != nil || len(batch.Units) != 2 || batch.Items[0].Body != nil || !strings.HasPrefix(string(batch.Items[1].Body), "--bbb") {
		t.Error(err, batch)
	}
}

func TestMixedReference(t *testing.T) {
	t.Parallel()
	body := inParts("b", "1", "GET a HTTP/1.1", "c", inParts("c", "2", "POST $1/b HTTP/1.1", "3", "POST /$2 HTTP/1.1"))
	batch, err := ParseBatch(mixedB, []byte(body), testRoot)
	if err != nil || batch.Items[1].Reference != 0 || batch.Items[1].URL != "/b" || batch.Items[2].Reference != 1 {
		t.Error(err, batch)
	}
}
