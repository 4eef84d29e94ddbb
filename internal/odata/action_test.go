package odata

import (
	"errors"
	"strings"
	"testing"
)

func TestDecodeParameter(t *testing.T) {
	t.Parallel()
	patches, err := DecodeParameter([]byte(`{"@odata.context":"x","boxes":[{"size":1},{"shape":`+ring+`}]}`), "boxes", boxType(), 2)
	if err != nil || len(patches) != 2 {
		t.Fatal(patches, err)
	}
	var b box
	patches[1].Apply(&b)
	if b.Size != nil || b.Shape == nil || b.Shape.Hole != 2 {
		t.Errorf("%+v", b)
	}
	if patches, err = DecodeParameter([]byte(`{"boxes":[]}`), "boxes", boxType(), 2); err != nil || len(patches) != 0 {
		t.Error(patches, err)
	}
	for body, message := range map[string]string{
		``:                        "The body is empty",
		`[]`:                      "The body must be a JSON object, not an array.",
		`{}`:                      "boxes is missing: it must be an array of test.box.",
		`{"boxes":null}`:          "boxes must be an array of test.box, not null.",
		`{"boxes":{}}`:            "boxes must be an array of test.box, not an object.",
		`{"boxes":[{},{},{}]}`:    "boxes has more than 2 members.",
		`{"boxes":[{},null]}`:     "boxes[1] must be an object, not null.",
		`{"boxes":[],"more":1}`:   `"more" does not belong here: the body gives boxes.`,
		`{"boxes":[],"boxes":[]}`: `The body gives "boxes" twice.`,
		`{"boxes":[]}x`:           "more than one JSON value",
		`{"boxes":[{},{"shape":{"@odata.type":"#test.round","radius":"x"}}]}`: "boxes[1]/shape/radius must be an integer",
		`{"boxes":[{},{"shape":{"note":"a","note":"b"}}]}`:                    `The body gives "boxes[1]/shape/note" twice.`,
		`{"boxes":[{"timer":{}}]}`:                                            "boxes[0]/timer/@odata.type is missing",
		`{"boxes":[{"@odata.type":"#test.x"}]}`:                               `boxes[0]/@odata.type must be "#test.box"`,
	} {
		_, err := DecodeParameter([]byte(body), "boxes", boxType(), 2)
		if e, ok := errors.AsType[*Error](err); !ok || !strings.Contains(e.Message, message) {
			t.Errorf("%s: %v, want %q", body, err, message)
		}
	}
}

func TestDecodeReference(t *testing.T) {
	t.Parallel()
	const address = "https://host/beta/groups/1"
	got, err := DecodeReference([]byte(`{"@odata.context":"x","@odata.id":"` + address + `"}`))
	if err != nil || got != address {
		t.Error(got, err)
	}
	for body, message := range map[string]string{
		`{}`:                         "@odata.id is missing",
		`{"@odata.id":7}`:            "@odata.id must be the address of an entity as a string, not 7.",
		`{"@odata.id":"a","id":"b"}`: `"id" does not belong here: the body gives @odata.id.`,
	} {
		if _, err := DecodeReference([]byte(body)); err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("%s: %v, want %q", body, err, message)
		}
	}
}
