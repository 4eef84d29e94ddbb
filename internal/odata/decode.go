package odata

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxSkipDepth bounds how deep the ignored part of a body may nest.
const maxSkipDepth = 32

// Patch is a body that was read: the properties it gives, and their values.
type Patch[T any] struct {
	value *T
	given []*Property[T]
	typ   *EntityType[T]
}

// Apply sets the properties that the body gives, and no others.
func (p Patch[T]) Apply(v *T) {
	for _, property := range p.given {
		property.copy(v, p.value)
	}
}

// RequireAll refuses a body that lacks a property which a create must give; the
// error names each one that is missing.
func (p Patch[T]) RequireAll() error {
	var missing []string
	for i := range p.typ.Properties {
		if q := &p.typ.Properties[i]; q.required && !slices.Contains(p.given, q) {
			missing = append(missing, q.name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return badRequest(missing[0], "Required and missing: %s.", strings.Join(missing, ", "))
}

// Decode reads a JSON body (RFC 8259, held to I-JSON: valid UTF-8 and no
// duplicate member). Unknown members, wrong types and trailing data are
// refused; read-only properties and annotations are passed over.
func (t *EntityType[T]) Decode(body []byte) (Patch[T], error) {
	patch := Patch[T]{value: new(T), typ: t}
	// Windows PowerShell begins its files with a byte order mark (RFC 8259,
	// section 8.1, lets a reader pass over it).
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	d := jsontext.NewDecoder(bytes.NewReader(body))
	err := t.decodeObject(d, &patch)
	if err == nil {
		err = expectEnd(d)
	}
	return patch, explain(err)
}

func (t *EntityType[T]) decodeObject(d *jsontext.Decoder, patch *Patch[T]) error {
	token, err := d.ReadToken()
	if err != nil {
		return err
	}
	if token.Kind() != '{' {
		return badRequest("", "The body must be a JSON object, not %s.", describe(token))
	}
	for d.PeekKind() != '}' {
		if token, err = d.ReadToken(); err != nil {
			return err
		}
		if err = t.decodeMember(d, token.String(), patch); err != nil {
			return err
		}
	}
	_, err = d.ReadToken()
	return err
}

func (t *EntityType[T]) decodeMember(d *jsontext.Decoder, name string, patch *Patch[T]) error {
	if name == "@odata.type" {
		return t.checkType(d)
	}
	if strings.Contains(name, "@") { // an annotation: control information for clients
		return skipValue(d, name)
	}
	i := t.structure.index(name)
	switch {
	case i < 0 && t.structure.navigation(name) != nil:
		return badRequest(name, "%s is not part of this body: it has a path of its own, …/%s.", name, name)
	case i < 0:
		return badRequest(name, "%s is no property of %s.", quote(name), t.Name)
	case t.Properties[i].readOnly:
		return skipValue(d, name)
	}
	patch.given = append(patch.given, &t.Properties[i])
	return t.Properties[i].read(d, patch.value)
}

func (t *EntityType[T]) checkType(d *jsontext.Decoder) error {
	token, err := d.ReadToken()
	if err != nil {
		return err
	}
	name, ok := readString(token)
	name = strings.TrimPrefix(name, "#")
	if !ok || name != t.Name && !slices.Contains(t.Aliases, name) {
		return badRequest("@odata.type", "@odata.type must be \"#%s\", not %s.", t.Name, describe(token))
	}
	return nil
}

// skipValue passes over one value of any shape, within maxSkipDepth.
func skipValue(d *jsontext.Decoder, name string) error {
	start := d.StackDepth()
	for {
		if _, err := d.ReadToken(); err != nil {
			return err
		}
		switch depth := d.StackDepth(); {
		case depth == start:
			return nil
		case depth > start+maxSkipDepth:
			return badRequest(name, "%s nests deeper than %d.", quote(name), maxSkipDepth)
		}
	}
}

func expectEnd(d *jsontext.Decoder) error {
	end := d.InputOffset()
	if _, err := d.ReadToken(); errors.Is(err, io.EOF) {
		return nil
	}
	return badRequest("", "The body holds more than one JSON value: data follows byte %d.", end)
}

// explain turns what the JSON reader found into an Error with the place of it.
func explain(err error) error {
	if err == nil {
		return nil
	}
	if own, ok := errors.AsType[*Error](err); ok {
		return own
	}
	syntax, ok := errors.AsType[*jsontext.SyntacticError](err)
	switch {
	case ok && errors.Is(err, jsontext.ErrDuplicateName):
		name := syntax.JSONPointer.LastToken()
		return badRequest(name, "The body gives %s twice.", quote(name))
	case ok:
		return badRequest("", "The body is not valid JSON at byte %d: %s.",
			syntax.ByteOffset, strings.TrimPrefix(syntax.Err.Error(), "jsontext: "))
	case errors.Is(err, io.EOF):
		return badRequest("", "The body is empty; a JSON object is needed.")
	default:
		return badRequest("", "The body is not valid JSON.")
	}
}
