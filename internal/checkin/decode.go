package checkin

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"plimsoll"
	"plimsoll/internal/service"
)

// sentCheckIn is a [CheckInRequest] whose results are yet to be read, each by
// itself: one that cannot be must not cost its neighbours anything.
type sentCheckIn struct {
	Instance      string           `json:"instance"`
	ETag          string           `json:"etag"`
	InventoryHash string           `json:"inventoryHash"`
	Inventory     *Inventory       `json:"inventory"`
	Results       []jsontext.Value `json:"results"`
}

// decodeCheckIn reads the body of a check-in.
func decodeCheckIn(body []byte) (service.CheckIn, error) {
	var sent sentCheckIn
	if err := decode(body, &sent); err != nil {
		return service.CheckIn{}, err
	}
	in := service.CheckIn{
		Instance: sent.Instance, ETag: sent.ETag, InventoryHash: sent.InventoryHash,
		Results: make([]service.SentResult, len(sent.Results)),
	}
	if sent.Inventory != nil {
		in.Inventory = new(sent.Inventory.domain())
	}
	for i, text := range sent.Results[:min(len(sent.Results), plimsoll.MaxResults)] { // of the others nothing is taken
		var result Result
		if err := decode(text, &result); err != nil {
			in.Results[i].Err = err
			continue
		}
		in.Results[i].Result = result.domain()
	}
	return in, nil
}

// decode reads one JSON value, held to I-JSON (RFC 7493) but for one thing: what
// scripts write is not always UTF-8, and bytes that are not become U+FFFD.
// Members that are not known are passed over: agents may be newer.
func decode(text []byte, into any) error {
	return explain(json.Unmarshal(text, into, jsontext.AllowInvalidUTF8(true)))
}

// explain says what is wrong with JSON that could not be read.
func explain(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*json.SemanticError](err); ok {
		if e.JSONPointer == "" {
			return plimsoll.Invalidf("", "A JSON object is wanted here, not another value.")
		}
		member := strings.TrimPrefix(string(e.JSONPointer), "/")
		if errors.Is(e, json.ErrUnknownName) {
			return plimsoll.Invalidf(clip(member), "%s is not known here.", clip(member))
		}
		return plimsoll.Invalidf(clip(member), "%s has a value of the wrong type, or out of range.", clip(member))
	}
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return syntaxError(e)
	}
	return plimsoll.Invalidf("", "The body could not be read as JSON.")
}

func syntaxError(e *jsontext.SyntacticError) error {
	switch {
	case errors.Is(e, jsontext.ErrDuplicateName):
		member := clip(e.JSONPointer.LastToken())
		return plimsoll.Invalidf(member, "%s is given more than once.", member)
	case errors.Is(e, io.ErrUnexpectedEOF):
		return plimsoll.Invalidf("", "The body ends before its JSON does.")
	default:
		return plimsoll.Invalidf("", "The body must be one JSON value; at byte %d it is not.", e.ByteOffset)
	}
}

// clip gives enough of a name that the client made up.
func clip(name string) string {
	const enough = 100
	if len(name) > enough {
		name = name[:enough]
	}
	return strings.ToValidUTF8(name, "\ufffd")
}

// encode writes what is sent: nothing in it fails to be written.
func encode(value any) []byte {
	var b bytes.Buffer
	_ = json.MarshalWrite(&b, value, jsontext.AllowInvalidUTF8(true))
	return b.Bytes()
}
