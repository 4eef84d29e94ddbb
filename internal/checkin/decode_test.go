package checkin

import (
	"fmt"
	"strings"
	"testing"

	"plimsoll"
)

const good = `{"scriptId":"5d5c1c5e-8a7b-4f0e-9d43-2a3c1b0f6e11","revision":1,"sequence":2,"state":"fail","ranDateTime":"2030-01-02T03:04:05Z","output":"x"}`

func TestDecodeCheckIn(t *testing.T) {
	t.Parallel()
	for body, refusal := range map[string]string{
		`{"instance":"i","results":[` + good + `],"etag":"e","newer":{"a":[1]}}`: "",
		`{"instance":"i","results":null,"inventory":null}`:                       "",
		``:                              "ends before",
		`{"instance":"i"`:               "ends before",
		`{"instance":"i"} 1`:            "one JSON value",
		`{"instance":"i","instance":2}`: "more than once",
		`{"instance":"i","results":[{"state":"a","state":"b"}]}`: "more than once",
		`{"instance":1}`: "instance has a value of the wrong type",
		`{"results":{}}`: "results has a value of the wrong type",
		`{"inventory":{"freeStorageSpaceInBytes":"1"}}`: "inventory/freeStorageSpaceInBytes",
		`[]`: "object is wanted",
	} {
		in, err := decodeCheckIn([]byte(body))
		switch {
		case refusal == "" && err != nil:
			t.Errorf("%s: %v", body, err)
		case refusal != "" && (plimsoll.ErrorCode(err) != plimsoll.Invalid || !strings.Contains(err.Error(), refusal)):
			t.Errorf("%s: %v, want %q", body, err, refusal)
		case refusal == "" && in.Instance != "i":
			t.Errorf("%s: %+v", body, in)
		}
	}
}

func TestDecodeResults(t *testing.T) {
	t.Parallel()
	bad := map[string]string{
		`1`: "object is wanted",
		strings.Replace(good, `"revision":1`, `"revision":"1"`, 1):   "revision",
		strings.Replace(good, `"revision":1`, `"revision":1.5`, 1):   "revision",
		strings.Replace(good, `"sequence":2`, `"sequence":1e30`, 1):  "sequence",
		strings.Replace(good, `2030-01-02T03:04:05Z`, `tomorrow`, 1): "ranDateTime",
		strings.Replace(good, `"output":"x"`, `"output":["x"]`, 1):   "output",
	}
	for text, member := range bad {
		in, err := decodeCheckIn([]byte(`{"instance":"i","results":[` + good + `,` + text + `,` + good + `]}`))
		if err != nil {
			t.Fatal(text, err)
		}
		if in.Results[0].Err != nil || in.Results[2].Err != nil || in.Results[2].Sequence != 2 {
			t.Errorf("%s costs its neighbours", text)
		}
		if err := in.Results[1].Err; err == nil || !strings.Contains(err.Error(), member) {
			t.Errorf("%s: %v, want %q", text, err, member)
		}
	}
	in, err := decodeCheckIn([]byte(`{"results":[` + strings.Replace(good, `"x"`, "\"a\xff\\ud800\"", 1) + `]}`))
	if err != nil || in.Results[0].Output != "a\ufffd\ufffd" {
		t.Errorf("%+v, %v", in, err)
	}
	many := strings.Repeat(good+",", 199) + `{"state":7}`
	in, err = decodeCheckIn([]byte(`{"results":[` + many + `]}`))
	if err != nil || len(in.Results) != 200 || in.Results[99].Sequence != 2 || in.Results[100].Sequence != 0 || in.Results[199].Err != nil {
		t.Errorf("200 results: %d, %v", len(in.Results), err)
	}
}

// FuzzCheckInRequest reads anything: either it is refused as invalid, or every
// result is read or refused by itself.
func FuzzCheckInRequest(f *testing.F) {
	for _, result := range []string{good, `1`, `{}`, `{"state":null}`, `{"ranDateTime":"0000-01-01T00:00:00Z"}`} {
		f.Add(fmt.Appendf(nil, `{"instance":"i","inventory":{"deviceName":"d"},"results":[%s,%s]}`, result, good))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		in, err := decodeCheckIn(body)
		if err != nil {
			if plimsoll.ErrorCode(err) != plimsoll.Invalid {
				t.Errorf("%q: %v", body, err)
			}
			return
		}
		for i := range in.Results {
			if err := in.Results[i].Err; err != nil && plimsoll.ErrorCode(err) != plimsoll.Invalid {
				t.Errorf("%q: %v", body, err)
			}
			_ = in.Results[i].Validate()
		}
	})
}
