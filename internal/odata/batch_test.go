package odata

import (
	"bytes"
	"errors"
	"fmt"
	"net/textproto"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	testRoot  = "https://host:8443/beta"
	otherRoot = "https://compliance.example/v1"
	mixedB    = "multipart/mixed; boundary=b"
)

// item is a JSON batch of one request and what else its object holds.
func item(members string) string {
	if !strings.Contains(members, `"url"`) {
		members = `"url":"/things",` + members
	}
	if !strings.Contains(members, `"method"`) {
		members = `"method":"POST",` + members
	}
	if !strings.Contains(members, `"id"`) {
		members = `"id":"1",` + members
	}
	return `{"requests":[{` + strings.TrimSuffix(members, ",") + `}]}`
}

// gets is a JSON batch of requests, each given by its id and what else it holds.
func gets(idAndMembers ...string) string {
	var items []string
	for i := 0; i < len(idAndMembers); i += 2 {
		members := idAndMembers[i+1]
		if !strings.Contains(members, `"url"`) {
			members += `,"url":"/things"`
		}
		items = append(items, fmt.Sprintf(`{"id":%q,"method":"PATCH",%s}`, idAndMembers[i], strings.TrimPrefix(members, ",")))
	}
	return `{"requests":[` + strings.Join(items, ",") + `]}`
}

func header(namesAndValues ...string) textproto.MIMEHeader {
	h := textproto.MIMEHeader{}
	for i := 0; i < len(namesAndValues); i += 2 {
		h[namesAndValues[i]] = []string{namesAndValues[i+1]}
	}
	return h
}

func TestParseJSONBatch(t *testing.T) {
	t.Parallel()
	asJSON := header("Content-Type", "application/json")
	cases := []struct {
		body string
		want BatchItem
	}{
		{`{"requests":[{"id":"1","method":"get","url":"things?$top=1","body":null,"dependsOn":[],"headers":null}]}`, BatchItem{Method: "GET", URL: "/things?$top=1"}},
		{"\ufeff" + `{"@x.y":{},"requests":[{"id":"1","method":"Get","url":"/things","dependsOn":null,"atomicityGroup":null,"@x.y":[]}]} `, BatchItem{Method: "GET", URL: "/things"}},
		{item(`"body":{"a":1.00e5, "b":[12345678901234567890]}`), BatchItem{Body: []byte(`{"a":1.00e5, "b":[12345678901234567890]}`), Header: asJSON}},
		{item(`"body": "text" , "headers":{}`), BatchItem{Body: []byte(`"text"`), Header: asJSON}},
		{item(`"body":false,"headers":{"content-type":""}`), BatchItem{Body: []byte("false"), Header: asJSON}},
		{item(`"headers":{"content-type":"application/x+json"},"body":[]`), BatchItem{Body: []byte("[]"), Header: header("Content-Type", "application/x+json")}},
		{item(`"body":"a\u00fc\n","headers":{"Content-Type":"text/plain; charset=utf-8"}`), BatchItem{Body: []byte("aü\n"), Header: header("Content-Type", "text/plain; charset=utf-8")}},
		{item(`"body":"","headers":{"Content-Type":"text/plain"}`), BatchItem{Body: []byte{}, Header: header("Content-Type", "text/plain")}},
		{item(`"body":"_-8","headers":{"CONTENT-TYPE":"image/png"}`), BatchItem{Body: []byte{0xff, 0xef}, Header: header("Content-Type", "image/png")}},
		{item(`"body":"/+8=","headers":{"Content-Type":"image/png"}`), BatchItem{Body: []byte{0xff, 0xef}, Header: header("Content-Type", "image/png")}},
		{item(`"headers":{"if-match":" \"x\" ","Host":"HOST:8443"}`), BatchItem{Header: header("If-Match", `"x"`, "Host", "HOST:8443")}},
		{item(`"id":"é /{}"`), BatchItem{ID: "é /{}"}},
		{item(`"method":"HEAD"`), BatchItem{Method: "HEAD"}},
		{item(`"method":"PUT"`), BatchItem{Method: "PUT"}},
		{item(`"method":"delete"`), BatchItem{Method: "DELETE"}},
		{item(`"url":"` + testRoot + `/a?b=c"`), BatchItem{URL: "/a?b=c"}},
		{item(`"url":"HTTPS://Host:8443/beta"`), BatchItem{URL: "/"}},
		{item(`"url":"/$metadata"`), BatchItem{URL: "/$metadata"}},
		{item(`"atomicityGroup":"g"`), BatchItem{Group: 1, GroupName: "g"}},
		{item(`"body":` + strings.Repeat("[", 100) + strings.Repeat("]", 100)), BatchItem{Body: []byte(strings.Repeat("[", 100) + strings.Repeat("]", 100)), Header: asJSON}},
	}
	for _, c := range cases {
		body, want := c.body, c.want
		want.Reference = -1
		if want.ID == "" {
			want.ID = "1"
		}
		if want.Method == "" {
			want.Method = "POST"
		}
		if want.URL == "" {
			want.URL = "/things"
		}
		batch, err := ParseBatch("application/json", []byte(body), testRoot, otherRoot)
		if err != nil || batch.Multipart || len(batch.Items) != 1 {
			t.Errorf("%s: %v", body, err)
			continue
		}
		if diff := cmp.Diff(want, batch.Items[0]); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", body, diff)
		}
	}
}

func TestParseJSONBatchRefuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 129)
	deep := strings.Repeat("[", 101) + strings.Repeat("]", 101)
	var many []string
	for i := range MaxBatch + 1 {
		many = append(many, fmt.Sprint("i", i), ``)
	}
	manyHeaders := ""
	for i := range maxHeaders + 1 {
		manyHeaders += fmt.Sprintf(`,"x%d":""`, i)
	}
	cases := []struct{ body, message string }{
		{``, "The body is empty"},
		{`null`, "batch: An object is needed, not null."},
		{`[]`, "batch: An object is needed, not an array."},
		{`{}`, "Required and missing: requests."},
		{`{"requests":null}`, "requests: An array is needed, not null."},
		{`{"requests":[]}`, "The batch holds no request."},
		{`{"requests":[],"requests":[]}`, `batch: "requests" is given twice.`},
		{`{"requests":[],"other":1}`, `"other" is no member of a batch`},
		{`{"requests":[`, "not valid JSON at byte 13"},
		{`{"requests":[{]}`, "not valid JSON at byte 14"},
		{`{"requests":[{"id":"1","method":"GET","url":"a"}]}{}`, "data follows byte 50"},
		{"{\"requests\":[{\"id\":\"\xff\"}]}", "not valid JSON at byte 20"},
		{gets(many...), "requests[20]: A batch holds at most 20 requests."},
		{`{"requests":[7]}`, "requests[0]: An object is needed, not 7."},
		{`{"requests":[{}]}`, "requests[0].id: Required and missing."},
		{`{"requests":[{"id":"1"}]}`, "requests[0].method: Required and missing."},
		{`{"requests":[{"id":"1","method":"GET"}]}`, "requests[0].url: Required and missing."},
		{item(`"id":7`), "requests[0].id: A string is needed, not 7."},
		{item(`"id":null`), "requests[0].id: A string is needed, not null."},
		{item(`"id":""`), "requests[0].id: 1 to 128 printable characters are needed"},
		{item(`"id":"` + long + `"`), "requests[0].id: 1 to 128 printable characters are needed"},
		{item(`"id":"a\nb"`), "requests[0].id: 1 to 128 printable characters are needed"},
		{gets("a", ``, "b", ``, "a", ``), `requests[2].id: "a" is the id of requests[0] too.`},
		{item(`"ID":"1"`), `requests[0]: "ID" is no member of a request`},
		{item(`"if":"true"`), `requests[0]: "if" is no member of a request`},
		{item(`"url":"a","url":"b"`), `requests[0]: "url" is given twice.`},
		{item(`"url":["a"]`), "requests[0].url: A string is needed, not an array."},
		{item(`"url":"/$batch"`), "requests[0].url: A batch may not stand in a batch."},
		{item(`"url":"/beta/%24batch?x"`), "requests[0].url: A batch may not stand in a batch."},
		{item(`"url":"https://elsewhere.example/beta/a"`), `requests[0].url: "https://elsewhere.example/beta/a" is not a URL of this service.`},
		{item(`"url":"a#b"`), `requests[0].url: "a#b" holds a #`},
		{item(`"method":"TRACE"`), `requests[0].method: One of GET, HEAD, POST, PATCH, PUT, DELETE is needed, not "TRACE".`},
		{item(`"method":" GET"`), "requests[0].method: One of"},
		{item(`"method":true`), "requests[0].method: A string is needed, not true."},
		{item(`"method":"GET","body":{}`), "requests[0].body: GET takes no body."},
		{item(`"method":"DELETE","body":""`), "requests[0].body: DELETE takes no body."},
		{item(`"body":` + deep), "requests[0].body: It nests deeper than 100."},
		{item(`"body":{"a":{"b":1,"b":2}}`), `requests[0].body: "b" is given twice.`},
		{item(`"body":{"a":}`), "not valid JSON at byte"},
		{item(`"body":{"a":1},"headers":{"content-type":"text/plain"}`), `requests[0].body: A string is needed, since Content-Type is "text/plain".`},
		{item(`"body":"*","headers":{"content-type":"image/png"}`), `requests[0].body: Base64 text is needed, since Content-Type is "image/png".`},
		{item(`"headers":[]`), "requests[0].headers: An object is needed, not an array."},
		{item(`"headers":{"a":null}`), "requests[0].headers: A string is needed, not null."},
		{item(`"headers":{"a":"b","A":"c"}`), `requests[0].headers: "A" is given twice.`},
		{item(`"headers":{"a":"b","a":"c"}`), `requests[0].headers: "a" is given twice.`},
		{item(`"headers":{"a b":"c"}`), `requests[0].headers: "a b" is no header name.`},
		{item(`"headers":{"":"c"}`), `requests[0].headers: "" is no header name.`},
		{item(`"headers":{"a":"b\r\nX-Evil: 1"}`), "requests[0].headers: The value of a holds a control character"},
		{item(`"headers":{"a":"b\u0000"}`), "requests[0].headers: The value of a holds a control character"},
		{item(`"headers":{"a":"` + strings.Repeat("x", maxHeader+1) + `"}`), "more than 16384 bytes"},
		{item(`"headers":{` + manyHeaders[1:] + `}`), "requests[0].headers: There are more than 64."},
		{item(`"headers":{"host":"elsewhere.example"}`), `requests[0].headers.Host: "elsewhere.example" is not this service.`},
		{item(`"headers":{"transfer-encoding":"chunked"}`), "requests[0].headers.Transfer-Encoding: A body in a batch is given whole."},
		{item(`"dependsOn":"1"`), `requests[0].dependsOn: An array is needed, not the string "1".`},
		{item(`"dependsOn":[1]`), "requests[0].dependsOn[0]: A string is needed, not 1."},
		{item(`"dependsOn":["1"`), "not valid JSON at byte"},
		{item(`"dependsOn":[` + strings.Repeat(`"1",`, 40) + `"1"]`), "requests[0].dependsOn[40]: These are more names"},
		{item(`"dependsOn":["x"]`), `requests[0].dependsOn[0]: "x" is no id and no atomicityGroup of this batch.`},
		{gets("a", ``, "b", `"dependsOn":["a",""]`), `requests[1].dependsOn[1]: "" is no id`},
		{item(`"dependsOn":["1"]`), "requests[0].dependsOn[0]: A request may not depend on itself"},
		{item(`"dependsOn":["g"],"atomicityGroup":"g"`), "requests[0].dependsOn[0]: A request may not depend on itself"},
		{gets("a", `"dependsOn":["b"]`, "b", `"dependsOn":["a"]`), "requests[0].dependsOn: requests[1], which is waited for"},
		{gets("x", `"dependsOn":["a"]`, "a", `"dependsOn":["b"]`, "b", `"dependsOn":["c"]`, "c", `"dependsOn":["a"]`), "circular"},
		{
			gets("a", `"atomicityGroup":"g"`, "x", `"dependsOn":["a"]`, "b", `"atomicityGroup":"g","dependsOn":["x"]`),
			"circular",
		},
		{gets("a", `"atomicityGroup":"g","dependsOn":["b"]`, "b", `"atomicityGroup":"g"`), `requests[0].dependsOn[0]: In a group, a request may depend on an earlier one only; "b" comes later.`},
		{item(`"atomicityGroup":""`), "requests[0].atomicityGroup: 1 to 128"},
		{item(`"atomicityGroup":7`), "requests[0].atomicityGroup: A string is needed, not 7."},
		{gets("a", `"atomicityGroup":"b"`, "b", ``), `requests[0].atomicityGroup: "b" is the id of requests[1].`},
		{item(`"atomicityGroup":"1"`), `requests[0].atomicityGroup: "1" is the id of requests[0].`},
		{item(`"atomicityGroup":"g","method":"GET"`), "requests[0].method: GET changes nothing"},
		{item(`"url":"$9/a"`), `requests[0].url: "$9" refers to a request, and none of this batch has the id "9".`},
		{item(`"url":"$g/a","atomicityGroup":"g"`), `none of this batch has the id "g"`},
		{item(`"url":"$/a"`), `none of this batch has the id ""`},
		{item(`"url":"$1/a"`), `requests[0].url: "$1" refers to a request that must be listed in dependsOn.`},
		{gets("a", ``, "b", `"url":"$a"`), `requests[1].url: "$a" refers to a request that must be listed in dependsOn.`},
	}
	for _, c := range cases {
		_, err := ParseBatch("application/json", []byte(c.body), testRoot)
		if e, ok := errors.AsType[*Error](err); !ok || e.Kind != BadRequest || !strings.Contains(e.Message, c.message) {
			t.Errorf("%s: %v, want %q", c.body, err, c.message)
		}
	}
	_, err := ParseBatch("application/json", []byte(item(`"dependsOn":["x"]`)), testRoot)
	if e, ok := errors.AsType[*Error](err); !ok || e.Target != "requests[0].dependsOn[0]" {
		t.Error(err)
	}
}

func TestBatchContentType(t *testing.T) {
	t.Parallel()
	for _, media := range []string{"", "text/plain", "application/json; charset=utf-16", "multipart/form-data; boundary=b", "json"} {
		_, err := ParseBatch(media, []byte(item("")), testRoot)
		if e, ok := errors.AsType[*Error](err); !ok || e.Kind != UnsupportedMediaType ||
			!strings.Contains(e.Message, "application/json") || !strings.Contains(e.Message, "multipart/mixed") {
			t.Errorf("%q: %v", media, err)
		}
	}
	if _, err := ParseBatch(`Application/JSON; charset="UTF-8"; IEEE754Compatible=true`, []byte(item("")), testRoot); err != nil {
		t.Error(err)
	}
}

func BenchmarkParseBatch(b *testing.B) {
	var body bytes.Buffer
	body.WriteString(`{"requests":[`)
	for i := range MaxBatch {
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"id":"%d","method":"GET","url":"/deviceManagement/deviceComplianceScripts/%d?$select=id,displayName"}`, i, i)
	}
	body.WriteString(`]}`)
	b.SetBytes(int64(body.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseBatch(JSON, body.Bytes(), testRoot); err != nil {
			b.Fatal(err)
		}
	}
}
