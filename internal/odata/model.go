package odata

import (
	"encoding/base64"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"plimsoll/internal/query"
)

// Property declares one structural property of the Go type T: how it is named
// and typed on the wire, and where its value stands in a T.
type Property[T any] struct {
	attribute

	write func(dst []byte, v *T, w *Writer) []byte
	raw   func(dst []byte, v *T) []byte                      // the bare value for /$value, nil for null; nil for a collection or a complex type
	read  func(d *jsontext.Decoder, v *T, path string) error // path leads to the property, for messages
	null  func(v *T) bool                                    // of a complex type
	copy  func(dst, src *T)
	count func(v *T) int // of a collection
}

// ReadOnly marks a property that the service sets: in a body it is ignored, as
// OData 4.01 (Protocol, section 11.4.2) asks.
func (p Property[T]) ReadOnly() Property[T] { p.readOnly = true; return p }

// Required marks a property that a create must give.
func (p Property[T]) Required() Property[T] { p.required = true; return p }

// Searched marks a text in which $search looks.
func (p Property[T]) Searched() Property[T] { p.searched = true; return p }

// codec is how values of the Go type F stand on the wire.
type codec[F any] struct {
	edm   string
	typ   query.Type
	want  string // what is right, for messages: "a string"
	wide  bool   // a number that is a string where IEEE754Compatible asks for it
	write func(dst []byte, f F) []byte
	raw   func(dst []byte, f F) []byte // nil: as written
	read  func(token jsontext.Token) (F, bool)
}

func property[T, F any](name string, c codec[F], field func(*T) *F) Property[T] {
	p := Property[T]{
		attribute: attribute{name: name, edm: c.edm, typ: c.typ},
		copy:      func(dst, src *T) { *field(dst) = *field(src) },
		read: func(d *jsontext.Decoder, v *T, path string) error {
			token, err := d.ReadToken()
			if err != nil {
				return err
			}
			f, ok := c.read(token)
			if !ok {
				return badRequest(path, "%s must be %s, not %s.", path, c.want, describe(token))
			}
			*field(v) = f
			return nil
		},
	}
	raw := c.bare()
	p.raw = func(dst []byte, v *T) []byte { return raw(dst, *field(v)) }
	p.write = func(dst []byte, v *T, w *Writer) []byte {
		if c.wide && w.IEEE754 {
			if text := raw(append(dst, '"'), *field(v)); text != nil {
				return append(text, '"')
			}
		}
		return c.write(dst, *field(v))
	}
	return p
}

// describe names a JSON token in a message, without echoing much of it.
func describe(token jsontext.Token) string {
	switch token.Kind() {
	case '"':
		return "the string " + quote(token.String())
	case '{':
		return "an object"
	case '[':
		return "an array"
	default:
		return strings.Trim(quote(token.String()), `"`)
	}
}

// bare gives what writes the bare value.
func (c codec[F]) bare() func(dst []byte, f F) []byte {
	if c.raw == nil {
		return c.write
	}
	return c.raw
}

// nullable makes a codec of pointers, whose nil is null.
func nullable[F any](c codec[F]) codec[*F] {
	c.typ.Nullable = true
	bare := c.bare()
	return codec[*F]{
		edm: c.edm, typ: c.typ, want: c.want + " or null", wide: c.wide,
		write: func(dst []byte, f *F) []byte {
			if f == nil {
				return append(dst, "null"...)
			}
			return c.write(dst, *f)
		},
		raw: func(dst []byte, f *F) []byte {
			if f == nil {
				return nil
			}
			return bare(dst, *f)
		},
		read: func(token jsontext.Token) (*F, bool) {
			if token.Kind() == 'n' {
				return nil, true
			}
			f, ok := c.read(token)
			return &f, ok
		},
	}
}

// zeroIsNull makes a codec whose zero value is null.
func zeroIsNull[F comparable](c codec[F]) codec[F] {
	var zero F
	c.typ.Nullable = true
	bare := c.bare()
	return codec[F]{
		edm: c.edm, typ: c.typ, want: c.want + " or null", wide: c.wide,
		write: func(dst []byte, f F) []byte {
			if f == zero {
				return append(dst, "null"...)
			}
			return c.write(dst, f)
		},
		raw: func(dst []byte, f F) []byte {
			if f == zero {
				return nil
			}
			return bare(dst, f)
		},
		read: func(token jsontext.Token) (F, bool) {
			if token.Kind() == 'n' {
				return zero, true
			}
			return c.read(token)
		},
	}
}

// AppendText writes a JSON string.
func AppendText(dst []byte, text string) []byte {
	// Text that comes from a store was checked on its way in, and what is not
	// valid UTF-8 is still written as valid JSON.
	dst, _ = jsontext.AppendQuote(dst, text)
	return dst
}

// AppendTexts writes a JSON array of strings.
func AppendTexts[S ~string](dst []byte, texts []S) []byte {
	dst = append(dst, '[')
	for i, text := range texts {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendText(dst, string(text))
	}
	return append(dst, ']')
}

func readString(token jsontext.Token) (string, bool) {
	if token.Kind() != '"' {
		return "", false
	}
	return token.String(), true
}

func appendRaw(dst []byte, text string) []byte { return append(dst, text...) }

func stringCodec() codec[string] {
	return codec[string]{
		edm: "Edm.String", typ: query.Type{Kind: query.String}, want: "a string",
		write: AppendText, raw: appendRaw, read: readString,
	}
}

// String declares an Edm.String that is never null.
func String[T any](name string, field func(*T) *string) Property[T] {
	return property(name, stringCodec(), field)
}

// TextOrNull declares an Edm.String; the empty text is null.
func TextOrNull[T any](name string, field func(*T) *string) Property[T] {
	return property(name, zeroIsNull(stringCodec()), field)
}

// NullableString declares an Edm.String; nil is null.
func NullableString[T any](name string, field func(*T) **string) Property[T] {
	return property(name, nullable(stringCodec()), field)
}

// Boolean declares an Edm.Boolean that is never null.
func Boolean[T any](name string, field func(*T) *bool) Property[T] {
	return property(name, booleanCodec(), field)
}

// NullableBoolean declares an Edm.Boolean; nil is null.
func NullableBoolean[T any](name string, field func(*T) **bool) Property[T] {
	return property(name, nullable(booleanCodec()), field)
}

func booleanCodec() codec[bool] {
	return codec[bool]{
		edm: "Edm.Boolean", typ: boolean(false), want: "true or false", write: strconv.AppendBool,
		read: func(token jsontext.Token) (bool, bool) {
			return token.Kind() == 't', token.Kind() == 't' || token.Kind() == 'f'
		},
	}
}

// Int32 declares an Edm.Int32 that is never null. On the wire it is an integer
// literal: neither 1.0, 1e1 nor "1".
func Int32[T any](name string, field func(*T) *int32) Property[T] {
	return property(name, codec[int32]{
		edm: "Edm.Int32", typ: number(math.MinInt32, math.MaxInt32), want: "an integer from -2147483648 to 2147483647",
		write: func(dst []byte, f int32) []byte { return strconv.AppendInt(dst, int64(f), 10) },
		read: func(token jsontext.Token) (int32, bool) {
			if token.Kind() != '0' {
				return 0, false
			}
			n, err := strconv.ParseInt(token.String(), 10, 32)
			return int32(n), err == nil
		},
	}, field)
}

// Int64 declares an Edm.Int64 that is never null. On the wire it is an integer
// literal, or a string of one where IEEE754Compatible asks for it; both are read.
func Int64[T any](name string, field func(*T) *int64) Property[T] {
	return property(name, int64Codec(), field)
}

// NullableInt64 declares an Edm.Int64; nil is null.
func NullableInt64[T any](name string, field func(*T) **int64) Property[T] {
	return property(name, nullable(int64Codec()), field)
}

func int64Codec() codec[int64] {
	return codec[int64]{
		edm: "Edm.Int64", typ: number(math.MinInt64, math.MaxInt64), wide: true,
		want:  "an integer from -9223372036854775808 to 9223372036854775807",
		write: func(dst []byte, f int64) []byte { return strconv.AppendInt(dst, f, 10) },
		read: func(token jsontext.Token) (int64, bool) {
			if token.Kind() != '0' && token.Kind() != '"' {
				return 0, false
			}
			n, err := strconv.ParseInt(token.String(), 10, 64)
			return n, err == nil
		},
	}
}

// NullableBinary declares an Edm.Binary; nil is null. It is written in standard
// base64, as Graph does, and read in either alphabet, padded or not.
func NullableBinary[T any](name string, field func(*T) *[]byte) Property[T] {
	return property(name, codec[[]byte]{
		edm: "Edm.Binary", typ: query.Type{Kind: query.Binary, Nullable: true}, want: "base64 text or null",
		raw: func(dst, f []byte) []byte {
			if f == nil {
				return nil
			}
			return append(dst, f...)
		},
		write: func(dst, f []byte) []byte {
			if f == nil {
				return append(dst, "null"...)
			}
			dst = append(dst, '"')
			dst = base64.StdEncoding.AppendEncode(dst, f)
			return append(dst, '"')
		},
		read: func(token jsontext.Token) ([]byte, bool) {
			if token.Kind() == 'n' {
				return nil, true
			}
			if token.Kind() != '"' {
				return nil, false
			}
			return decodeBase64(token.String())
		},
	}, field)
}

func decodeBase64(text string) ([]byte, bool) {
	text = strings.TrimRight(strings.NewReplacer("-", "+", "_", "/", "\r", "", "\n", "").Replace(text), "=")
	binary, err := base64.RawStdEncoding.AppendDecode([]byte{}, []byte(text))
	return binary, err == nil
}

// Enumeration is an enum type: its qualified name and its members from 0. The
// member unknownFutureValue, with which Graph marks types that will grow, is
// listed and never accepted.
type Enumeration[E ~string] struct {
	Name    string
	Members []E
}

func (e Enumeration[E]) members() []string {
	names := make([]string, len(e.Members))
	for i, m := range e.Members {
		names[i] = string(m)
	}
	return names
}

func (e Enumeration[E]) codec() codec[E] {
	var names []string
	for _, m := range e.Members {
		if m != "unknownFutureValue" {
			names = append(names, string(m))
		}
	}
	return codec[E]{
		edm: e.Name, typ: query.Type{Kind: query.Enum, Enum: e.Name, Members: e.members()},
		want:  "one of " + strings.Join(names, ", "),
		write: func(dst []byte, f E) []byte { return AppendText(dst, string(f)) },
		raw:   func(dst []byte, f E) []byte { return append(dst, f...) },
		read: func(token jsontext.Token) (E, bool) {
			text, ok := readString(token)
			return E(text), ok && slices.Contains(names, text)
		},
	}
}

// Enum declares a property of an enum type that is never null. Members compare
// case-sensitively.
func Enum[T any, E ~string](name string, enum Enumeration[E], field func(*T) *E) Property[T] {
	return property(name, enum.codec(), field)
}

// NullableEnum declares a property of an enum type; the empty text is null.
func NullableEnum[T any, E ~string](name string, enum Enumeration[E], field func(*T) *E) Property[T] {
	return property(name, zeroIsNull(enum.codec()), field)
}

// Strings declares a Collection(Edm.String); neither it nor a member is null.
func Strings[T any](name string, field func(*T) *[]string) Property[T] {
	p := property(name, codec[[]string]{
		edm: "Collection(Edm.String)", typ: query.Type{Kind: query.String, Collection: true},
		write: AppendTexts[string],
	}, field)
	p.raw, p.count = nil, func(v *T) int { return len(*field(v)) }
	p.read = func(d *jsontext.Decoder, v *T, path string) error {
		texts, err := readStrings(d, path)
		*field(v) = texts
		return err
	}
	return p
}

func readStrings(d *jsontext.Decoder, name string) ([]string, error) {
	token, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	if token.Kind() != '[' {
		return nil, badRequest(name, "%s must be an array of strings, not %s.", name, describe(token))
	}
	texts := []string{}
	for d.PeekKind() != ']' {
		if token, err = d.ReadToken(); err != nil {
			return nil, err
		}
		text, ok := readString(token)
		if !ok {
			return nil, badRequest(name, "%s[%d] must be a string, not %s.", name, len(texts), describe(token))
		}
		texts = append(texts, text)
	}
	_, err = d.ReadToken()
	return texts, err
}
