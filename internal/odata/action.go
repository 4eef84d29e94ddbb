package odata

import "github.com/go-json-experiment/json/jsontext"

// DecodeParameter reads the body of an action with one parameter, a collection
// of at most limit values: {"parts":[…]}. Each is held to what Decode asks;
// messages name members as parts[1]/target.
func DecodeParameter[T any](body []byte, name string, typ *EntityType[T], limit int) (patches []Patch[T], err error) {
	given := false
	err = decodeMembers(body, name, func(d *jsontext.Decoder) error {
		given = true
		patches, err = typ.decodeArray(d, name, limit)
		return err
	})
	if err == nil && !given {
		err = badRequest(name, "%s is missing: it must be an array of %s.", name, typ.Name)
	}
	return patches, err
}

// DecodeReference reads the body that names an entity by its address,
// {"@odata.id":"https://host/beta/groups/1"} (OData JSON 4.01, section 14), and
// gives the address.
func DecodeReference(body []byte) (address string, err error) {
	return DecodeText(body, "@odata.id", "the address of an entity")
}

// DecodeText reads the body of an action with one parameter, a text:
// {"rule":"…"}. what says in messages what it must be.
func DecodeText(body []byte, name, what string) (text string, err error) {
	given := false
	err = decodeMembers(body, name, func(d *jsontext.Decoder) error {
		token, err := d.ReadToken()
		if err != nil {
			return err
		}
		if text, given = readString(token); !given {
			return badRequest(name, "%s must be %s as a string, not %s.", name, what, describe(token))
		}
		return nil
	})
	if err == nil && !given {
		err = badRequest(name, "%s is missing: it must be %s.", name, what)
	}
	return text, err
}

// decodeMembers reads a body that has one member beside annotations.
func decodeMembers(body []byte, wanted string, read func(*jsontext.Decoder) error) error {
	return decodeBody(body, func(d *jsontext.Decoder) error {
		return eachMember(d, "", func(name string) error {
			switch {
			case name == wanted:
				return read(d)
			case isAnnotation(name):
				return skipValue(d, name)
			default:
				return badRequest(name, "%s does not belong here: the body gives %s.", quote(name), wanted)
			}
		})
	})
}

func (t *EntityType[T]) decodeArray(d *jsontext.Decoder, path string, limit int) ([]Patch[T], error) {
	token, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	if token.Kind() != '[' {
		return nil, badRequest(path, "%s must be an array of %s, not %s.", path, t.Name, describe(token))
	}
	patches := []Patch[T]{}
	for d.PeekKind() != ']' {
		if len(patches) == limit {
			return nil, badRequest(path, "%s has more than %d members.", path, limit)
		}
		patch, err := t.decodeObject(d, nth(path, len(patches)))
		if err != nil {
			return nil, err
		}
		patches = append(patches, patch)
	}
	_, err = d.ReadToken()
	return patches, err
}
