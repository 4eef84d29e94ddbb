package graph

import (
	"bytes"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"plimsoll"
	"plimsoll/internal/odata"
)

// maxBound is how many entities a create may bind at once, as in Graph.
const maxBound = 20

// annotation gives the texts of a top-level annotation of a body that was read
// and found good, which passed over it: one text, or an array of them.
func annotation(body []byte, name string) ([]string, error) {
	d := jsontext.NewDecoder(bytes.NewReader(bytes.TrimPrefix(body, []byte("\ufeff"))))
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	for d.PeekKind() == '"' {
		token, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		if token.String() != name {
			if err = d.SkipValue(); err != nil {
				return nil, err
			}
			continue
		}
		return readTexts(d, name)
	}
	return nil, nil
}

func readTexts(d *jsontext.Decoder, name string) (texts []string, err error) {
	isArray := d.PeekKind() == '['
	if isArray {
		if _, err = d.ReadToken(); err != nil {
			return nil, err
		}
	}
	for d.PeekKind() != ']' {
		token, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		if token.Kind() != '"' {
			return nil, plimsoll.Invalidf(name, "%s must be a URL, or an array of URLs where several are meant.", name)
		}
		texts = append(texts, token.String())
		if !isArray {
			break
		}
	}
	return texts, nil
}

// boundDevices gives the devices that a body binds to a navigation (OData JSON
// 4.0, section 8.5).
func boundDevices(body []byte, navigation string) ([]string, error) {
	name := navigation + "@odata.bind"
	given, err := annotation(body, name)
	if err != nil {
		return nil, err
	}
	if len(given) > maxBound {
		return nil, plimsoll.Invalidf(name, "%s has %d members; at most %d are bound at once.", name, len(given), maxBound)
	}
	ids := make([]string, len(given))
	for i, text := range given {
		if ids[i], err = deviceKey(name, text); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// deviceKey gives the key of the device that a URL leads to, absolute or below
// the root. Graph's names for what a device is in a directory are taken too.
func deviceKey(member, text string) (string, error) {
	u, err := url.Parse(text)
	if err == nil {
		segments, err := odata.ParsePath(u.EscapedPath(), isFunction)
		if n := len(segments); err == nil && n >= 2 && slices.Contains([]string{"managedDevices", "directoryObjects", "devices"}, segments[n-2]) {
			key := segments[n-1]
			if quoted, ok := strings.CutPrefix(key, "'"); ok {
				key = strings.TrimSuffix(quoted, "'")
			}
			return key, nil
		}
	}
	return "", plimsoll.Invalidf(member, "%s must lead to a device, such as …/%s/{id}, not %.200q.", member, devicesName, text)
}
