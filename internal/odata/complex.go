package odata

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"plimsoll/internal/query"
)

// Derived declares a type that extends the one that it stands in. [Derive] and
// [DeriveAbstract] make it.
type Derived[T any] struct {
	name       string // qualified by Declare
	base       string // likewise; "" is the type that it stands in
	properties []Property[T]
	is         func(*T) bool // nil for an abstract type
	set        func(*T)

	from, until int    // where its own properties are among all
	bits        uint64 // of the properties that it has
}

// Derive declares a derived type, with its name unqualified and the properties
// that it adds. kind is what the discriminator of a T holds that is of this type.
func Derive[T any, K comparable](name string, discriminator func(*T) *K, kind K, properties ...Property[T]) Derived[T] {
	return Derived[T]{
		name: name, properties: properties,
		is:  func(v *T) bool { return *discriminator(v) == kind },
		set: func(v *T) { *discriminator(v) = kind },
	}
}

// DeriveAbstract declares a type for others to be derived from.
func DeriveAbstract[T any](name string, properties ...Property[T]) Derived[T] {
	return Derived[T]{name: name, properties: properties}
}

// From says which derived type, by its unqualified name, a type extends.
func (d Derived[T]) From(base string) Derived[T] { d.base = base; return d }

// derive gives the type the properties of those derived from it, and each of
// them its own and those of what it extends.
func (t *EntityType[T]) derive() {
	namespace := t.Name[:strings.LastIndexByte(t.Name, '.')+1]
	for i := range t.Derived {
		d := &t.Derived[i]
		d.name, d.bits = namespace+d.name, 1<<t.own-1
		if d.base == "" {
			d.base = t.Name
		} else {
			base := t.derivedNamed(namespace+d.base, t.Derived[:i])
			if base == nil {
				panic(d.name + " is derived from what is not declared before it")
			}
			d.base, d.bits = base.name, base.bits
		}
		d.from = len(t.Properties)
		t.Properties = append(t.Properties, d.properties...)
		d.until = len(t.Properties)
		d.bits |= 1<<d.until - 1<<d.from
	}
	for i := t.own; i < len(t.Properties); i++ {
		for j := range i {
			if t.Properties[i].name == t.Properties[j].name {
				panic(t.Name + " declares " + t.Properties[i].name + " twice")
			}
		}
	}
}

func (t *EntityType[T]) derivedNamed(name string, among []Derived[T]) *Derived[T] {
	for i := range among {
		if among[i].name == name {
			return &among[i]
		}
	}
	return nil
}

// derivedOf gives the derived type that v is of, or nil.
func (t *EntityType[T]) derivedOf(v *T) *Derived[T] {
	for i := range t.Derived {
		if d := &t.Derived[i]; d.is != nil && d.is(v) {
			return d
		}
	}
	return nil
}

// has tells whether a derived type, or the type itself for nil, has a property.
func (t *EntityType[T]) has(d *Derived[T], i int) bool {
	if d == nil {
		return i < t.own
	}
	return d.bits&(1<<i) != 0
}

func (t *EntityType[T]) nameOf(d *Derived[T]) string {
	if d == nil {
		return t.Name
	}
	return d.name
}

// concrete gives the types that a value can be of, for messages.
func (t *EntityType[T]) concrete() string {
	var names []string
	if !t.Abstract {
		names = append(names, "#"+t.Name)
	}
	for i := range t.Derived {
		if t.Derived[i].is != nil {
			names = append(names, "#"+t.Derived[i].name)
		}
	}
	return strings.Join(names, ", ")
}

// Complex declares a property of a complex type; nil is null. A body gives its
// value as a whole: members that it leaves out are as in a new U.
func Complex[T, U any](name string, typ *EntityType[U], field func(*T) **U) Property[T] {
	return Property[T]{
		attribute: attribute{name: name, edm: typ.Name, complex: true, typ: query.Type{Kind: query.Entity, Nullable: true}},
		copy:      func(dst, src *T) { *field(dst) = *field(src) },
		null:      func(v *T) bool { return *field(v) == nil },
		write: func(dst []byte, v *T, w *Writer) []byte {
			if u := *field(v); u != nil {
				return typ.appendComplex(dst, u, w)
			}
			return append(dst, "null"...)
		},
		read: func(d *jsontext.Decoder, v *T, path string) error {
			if d.PeekKind() == 'n' {
				*field(v) = nil
				_, err := d.ReadToken()
				return err
			}
			patch, err := typ.decodeObject(d, path)
			if err == nil {
				err = patch.RequireAll()
			}
			if err != nil {
				return err
			}
			u := new(U)
			patch.Apply(u)
			*field(v) = u
			return nil
		},
	}
}

// Complexes declares a read-only collection of a complex type.
func Complexes[T, U any](name string, typ *EntityType[U], get func(*T) []U) Property[T] {
	return Property[T]{
		attribute: attribute{
			name: name, edm: CollectionOf(typ.Name), complex: true, readOnly: true, typ: query.Type{Kind: query.Entity, Collection: true},
		},
		copy: func(*T, *T) {},
		write: func(dst []byte, v *T, w *Writer) []byte {
			dst = append(dst, '[')
			for i, u := range get(v) {
				if i > 0 {
					dst = append(dst, ',')
				}
				dst = typ.appendComplex(dst, &u, w)
			}
			return append(dst, ']')
		},
		read: func(d *jsontext.Decoder, _ *T, _ string) error { return d.SkipValue() },
	}
}

// appendComplex writes a complex value, with its type where that is not the one
// declared.
func (t *EntityType[T]) appendComplex(dst []byte, v *T, w *Writer) []byte {
	dst = append(dst, '{')
	if d := t.derivedOf(v); w.Metadata == FullMetadata || d != nil && w.Metadata != NoMetadata {
		dst = appendTypeName(dst, t.nameOf(d))
	}
	return append(t.appendProperties(dst, v, &Selection{all: true}, w), '}')
}

// DescribeDerived gives the derived types as $metadata lists them.
func (t *EntityType[T]) DescribeDerived() []TypeElement {
	var elements []TypeElement
	for i := range t.Derived {
		d := &t.Derived[i]
		element := TypeElement{Name: unqualified(d.name), BaseType: d.base, Abstract: d.is == nil}
		for j := d.from; j < d.until; j++ {
			element.Properties = append(element.Properties, t.Properties[j].describe())
		}
		elements = append(elements, element)
	}
	return elements
}
