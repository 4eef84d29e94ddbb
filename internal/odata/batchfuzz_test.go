package odata

import (
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func seedBatches() map[string][]string {
	return map[string][]string{
		"application/json": {
			gets("1", `"url":"/beta/things?$filter=a eq 'b'"`, "2", `"dependsOn":["1"],"url":"$1/parts","body":{"a":1e5}`),
			gets("a", `"atomicityGroup":"g","dependsOn":["h"]`, "b", `"atomicityGroup":"h"`, "c", `"atomicityGroup":"g"`),
			item(`"body":"_-8","headers":{"content-type":"image/png","if-match":"*"}`),
			item(`"body":"a","headers":{"content-type":"text/plain"},"dependsOn":null`),
			item(`"id":"a b:/%é","url":"https://host:8443/beta"`),
		},
		mixedB: {mixedBatch(), strings.ReplaceAll(mixedBatch(), "\r\n", "\n")},
	}
}

// FuzzBatch holds the parser to its promises: it fails with an *Error alone, and
// what it accepts is within the limits, acyclic, of this service and free of
// line ends where they would do harm. A JSON batch written anew is the same.
func FuzzBatch(f *testing.F) {
	for media, bodies := range seedBatches() {
		for _, body := range bodies {
			f.Add(media == mixedB, []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, multipart bool, body []byte) {
		media := map[bool]string{true: mixedB, false: "application/json"}[multipart]
		batch, err := ParseBatch(media, body, testRoot)
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("%q: %T %v", body, err, err)
			}
			return
		}
		checkBatch(t, batch)
		if multipart {
			return
		}
		again, err := ParseBatch(media, writeBatch(batch), testRoot)
		if err != nil {
			t.Fatalf("%q was written as %q, which is refused: %v", body, writeBatch(batch), err)
		}
		if diff := cmp.Diff(batch, again); diff != "" {
			t.Fatalf("%q: %s", body, diff)
		}
	})
}

func checkBatch(t *testing.T, batch Batch) {
	t.Helper()
	if n := len(batch.Items); n == 0 || n > MaxBatch {
		t.Fatal(n, "items")
	}
	var done []int
	for _, unit := range batch.Units {
		for _, i := range unit {
			for _, k := range batch.Items[i].DependsOn {
				if inUnit := slices.Contains(unit, k); inUnit && k >= i || !inUnit && !slices.Contains(done, k) {
					t.Fatalf("%d runs before %d: %+v", i, k, batch)
				}
			}
		}
		done = append(done, unit...)
	}
	if slices.Sort(done); !slices.Equal(done, slices.Collect(seq(len(batch.Items)))) {
		t.Fatalf("%v are run of %d", done, len(batch.Items))
	}
	for _, item := range batch.Items {
		wellRooted := strings.HasPrefix(item.URL, "/") && !strings.HasPrefix(item.URL, "//")
		if !wellRooted && item.Reference < 0 || item.Reference >= 0 && !slices.Contains(item.DependsOn, item.Reference) {
			t.Fatalf("%+v", item)
		}
		if _, err := url.ParseRequestURI("/beta" + item.URL); err != nil {
			t.Fatalf("%+v: %v", item, err)
		}
		for name, values := range item.Header {
			if !isToken(name) || len(values) != 1 || !utf8.ValidString(values[0]) || strings.ContainsFunc(values[0], unicode.IsControl) {
				t.Fatalf("%q: %q", name, values)
			}
		}
	}
}

func seq(n int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// writeBatch writes a batch in JSON.
func writeBatch(batch Batch) []byte {
	dst := []byte(`{"requests":[`)
	for i, item := range batch.Items {
		if i > 0 {
			dst = append(dst, ',')
		}
		where := "/beta"
		if item.Reference >= 0 {
			where += "/$" + url.PathEscape(batch.Items[item.Reference].ID)
		}
		dst = append(dst, '{')
		dst = AppendText(AppendMember(dst, "id"), item.ID)
		dst = AppendText(AppendMember(dst, "method"), item.Method)
		dst = AppendText(AppendMember(dst, "url"), where+item.URL)
		if item.GroupName != "" {
			dst = AppendText(AppendMember(dst, "atomicityGroup"), item.GroupName)
		}
		var ids []string
		for _, k := range item.DependsOn {
			ids = append(ids, batch.Items[k].ID)
		}
		dst = appendAny(AppendMember(dst, "dependsOn"), ids)
		headers := map[string]string{}
		for name := range item.Header {
			headers[name] = item.Header.Get(name)
		}
		dst = appendAny(AppendMember(dst, "headers"), headers)
		if item.Body != nil {
			dst = AppendMember(dst, "body")
			switch media := mediaType(item.Header); {
			case isJSON(media):
				dst = append(dst, item.Body...)
			case isText(media):
				dst = AppendText(dst, string(item.Body))
			default:
				dst = appendAny(dst, item.Body)
			}
		}
		dst = append(dst, '}')
	}
	return append(dst, "]}"...)
}

func appendAny(dst []byte, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return append(dst, text...)
}
