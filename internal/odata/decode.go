package odata

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxSkipDepth bounds how deep the ignored part of a body may nest.
const maxSkipDepth = 32

// Patch is a body that was read: the properties it gives, and their values.
type Patch[T any] struct {
	value    *T
	given    []*Property[T]
	typ      *EntityType[T]
	derived  *Derived[T]         // which of the derived types it is of, or nil
	path     string              // where it stands in the body: "target"
	ignored  map[string]string   // texts that it gives for read-only properties
	bindings map[string][]string // by navigation
}

// Apply sets the properties that the body gives, and no others; of a type with
// derived types also which of them it is.
func (p Patch[T]) Apply(v *T) {
	if p.derived != nil {
		p.derived.set(v)
	}
	for _, property := range p.given {
		property.copy(v, p.value)
	}
}

// Given gives the text that the body has for a read-only property, which Apply
// passes over, or "".
func (p Patch[T]) Given(property string) string { return p.ignored[property] }

// Bindings gives the addresses of the entities that the body binds to a
// navigation, as in "members@odata.bind":["https://host/beta/…"] (OData JSON
// 4.01, section 8.5).
func (p Patch[T]) Bindings(navigation string) []string { return p.bindings[navigation] }

// RequireAll refuses a body that lacks a property which a create must give; the
// error names each one that is missing.
func (p Patch[T]) RequireAll() error {
	var missing []string
	for i := range p.typ.Properties {
		if q := &p.typ.Properties[i]; q.required && p.typ.has(p.derived, i) && !slices.Contains(p.given, q) {
			missing = append(missing, join(p.path, q.name))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return badRequest(missing[0], "Required and missing: %s.", strings.Join(missing, ", "))
}

// join leads a path on.
func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "/" + name
}

// nth leads a path to a member of a collection.
func nth(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// isAnnotation tells whether a member is control information for clients.
func isAnnotation(name string) bool { return strings.Contains(name, "@") }

// Decode reads a JSON body (RFC 8259, held to I-JSON: valid UTF-8 and no
// duplicate member). Unknown members, wrong types and trailing data are
// refused; read-only properties and annotations are passed over, but for those
// that name the type and bind entities to a navigation.
func (t *EntityType[T]) Decode(body []byte) (patch Patch[T], err error) {
	err = decodeBody(body, func(d *jsontext.Decoder) error {
		patch, err = t.decodeObject(d, "")
		return err
	})
	return patch, err
}

func decodeBody(body []byte, read func(*jsontext.Decoder) error) error {
	// Windows PowerShell begins its files with a byte order mark (RFC 8259,
	// section 8.1, lets a reader pass over it).
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	d := jsontext.NewDecoder(bytes.NewReader(body))
	err := read(d)
	if err == nil {
		err = expectEnd(d)
	}
	return explain(err)
}

// decodeObject reads an object that stands at a path of the body.
func (t *EntityType[T]) decodeObject(d *jsontext.Decoder, path string) (Patch[T], error) {
	patch := Patch[T]{value: new(T), typ: t, path: path}
	if len(t.Derived) > 0 && d.PeekKind() == '{' {
		object, err := d.ReadValue()
		if err != nil {
			return patch, err
		}
		object = bytes.Clone(object) // d goes on in the buffer that it lent
		if patch.derived, err = t.chooseType(object, path); err != nil {
			return patch, err
		}
		d = jsontext.NewDecoder(bytes.NewReader(object))
	}
	return patch, eachMember(d, path, func(name string) error { return t.decodeMember(d, name, &patch) })
}

// eachMember reads an object, and has the value of each member read.
func eachMember(d *jsontext.Decoder, path string, read func(name string) error) error {
	token, err := d.ReadToken()
	if err != nil {
		return err
	}
	if token.Kind() != '{' {
		return badRequest(path, "%s must be %s, not %s.", cmp.Or(path, "The body"), objectAt(path), describe(token))
	}
	for d.PeekKind() != '}' {
		if token, err = d.ReadToken(); err != nil {
			return err
		}
		if err = read(token.String()); err != nil {
			return err
		}
	}
	_, err = d.ReadToken()
	return err
}

func objectAt(path string) string {
	if path == "" {
		return "a JSON object"
	}
	return "an object"
}

func (t *EntityType[T]) decodeMember(d *jsontext.Decoder, name string, patch *Patch[T]) error {
	path := join(patch.path, name)
	if name == "@odata.type" {
		if len(t.Derived) > 0 { // read ahead, to know what the others may be
			return skipValue(d, path)
		}
		return t.checkType(d, path)
	}
	if navigation, ok := strings.CutSuffix(name, "@odata.bind"); ok {
		return t.decodeBinding(d, navigation, patch)
	}
	if isAnnotation(name) {
		return skipValue(d, path)
	}
	i := t.structure.index(name)
	switch {
	case i < 0 && t.structure.navigation(name) != nil:
		return badRequest(path, "%s is not part of this body: it has a path of its own, …/%s.", path, name)
	case i < 0 || !t.has(patch.derived, i):
		return badRequest(path, "%s is no property of %s.", quote(path), t.nameOf(patch.derived))
	case t.Properties[i].readOnly:
		return patch.ignore(d, name, path)
	}
	patch.given = append(patch.given, &t.Properties[i])
	return t.Properties[i].read(d, patch.value, path)
}

// ignore passes over the value of a read-only property, and keeps it if it is a
// text.
func (p *Patch[T]) ignore(d *jsontext.Decoder, name, path string) error {
	if d.PeekKind() != '"' {
		return skipValue(d, path)
	}
	token, err := d.ReadToken()
	if err != nil {
		return err
	}
	if p.ignored == nil {
		p.ignored = map[string]string{}
	}
	p.ignored[name] = token.String()
	return nil
}

func (t *EntityType[T]) decodeBinding(d *jsontext.Decoder, name string, patch *Patch[T]) error {
	path := join(patch.path, name+"@odata.bind")
	navigation := t.structure.navigation(name)
	if navigation == nil {
		return badRequest(path, "%s: %s has no such navigation.", quote(path), t.Name)
	}
	if patch.bindings == nil {
		patch.bindings = map[string][]string{}
	}
	if navigation.collection {
		addresses, err := readStrings(d, path)
		patch.bindings[name] = addresses
		return err
	}
	token, err := d.ReadToken()
	if err != nil {
		return err
	}
	address, ok := readString(token)
	if !ok {
		return badRequest(path, "%s must be the address of an entity as a string, not %s.", path, describe(token))
	}
	patch.bindings[name] = []string{address}
	return nil
}

func (t *EntityType[T]) checkType(d *jsontext.Decoder, path string) error {
	token, err := d.ReadToken()
	if err != nil {
		return err
	}
	name, ok := readString(token)
	name = strings.TrimPrefix(name, "#")
	if !ok || name != t.Name && !slices.Contains(t.Aliases, name) {
		return badRequest(path, "%s must be \"#%s\", not %s.", path, t.Name, describe(token))
	}
	return nil
}

// chooseType gives the derived type that an object names, wherever among its
// members, or nil for the type itself.
func (t *EntityType[T]) chooseType(object []byte, path string) (*Derived[T], error) {
	path = join(path, "@odata.type")
	d := jsontext.NewDecoder(bytes.NewReader(object))
	var named *jsontext.Token
	err := eachMember(d, "", func(name string) error {
		if name != "@odata.type" {
			return d.SkipValue()
		}
		token, err := d.ReadToken()
		token = token.Clone()
		named = &token
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case named == nil && t.Abstract:
		return nil, badRequest(path, "%s is missing: it must be one of %s.", path, t.concrete())
	case named == nil:
		return nil, nil
	}
	text, ok := readString(*named)
	name := strings.TrimPrefix(text, "#")
	derived := t.derivedNamed(name, t.Derived)
	own := !t.Abstract && (name == t.Name || slices.Contains(t.Aliases, name))
	if !ok || !own && (derived == nil || derived.is == nil) {
		return nil, badRequest(path, "%s must be one of %s, not %s.", path, t.concrete(), describe(*named))
	}
	return derived, nil
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
		path := pathOf(syntax.JSONPointer)
		return badRequest(path, "The body gives %s twice.", quote(path))
	case ok:
		return badRequest("", "The body is not valid JSON at byte %d: %s.",
			syntax.ByteOffset, strings.TrimPrefix(syntax.Err.Error(), "jsontext: "))
	case errors.Is(err, io.EOF):
		return badRequest("", "The body is empty; a JSON object is needed.")
	default:
		return badRequest("", "The body is not valid JSON.")
	}
}

// pathOf writes a place in a body as messages do: members[1]/target.
func pathOf(pointer jsontext.Pointer) (path string) {
	for token := range pointer.Tokens() {
		if token != "" && strings.Trim(token, "0123456789") == "" {
			path += "[" + token + "]"
		} else {
			path = join(path, token)
		}
	}
	return path
}
