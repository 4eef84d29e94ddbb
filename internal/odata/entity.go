package odata

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"plimsoll/internal/query"
)

// EntityType declares how values of T look on the wire: an entity type of Graph,
// or a complex type where it has no Base. Declare completes it.
//
// Where it has Derived types, T is the union of them all, and a member of T says
// which of them a value is.
type EntityType[T any] struct {
	Name        string   // qualified: "microsoft.graph.deviceComplianceScript"
	Aliases     []string // other qualified names that bodies may call it by
	Base        string   // the qualified name of its base type, "" for a complex type
	Properties  []Property[T]
	Navigations []Navigation[T]
	Key         func(*T) string // nil for a complex type
	Changes     func(*T) int64  // what its entity tag is made of; nil where it has none
	Abstract    bool            // a value is of a Derived type
	Derived     []Derived[T]    // each behind those that it is derived from

	structure *StructuredType
	own       int // how many of Properties are its own, and not of Derived
}

// Navigation declares a contained navigation property. Its value is not part of
// its owner's body: it has a path of its own.
type Navigation[T any] struct {
	navigation

	write func(dst []byte, v *T, e *Expand, w *Writer, path string) []byte
}

// Declare completes a type, so that it can be used.
func Declare[T any](t EntityType[T]) *EntityType[T] {
	t.own = len(t.Properties)
	t.Properties = slices.Clone(t.Properties)
	t.Derived = slices.Clone(t.Derived)
	t.derive()
	if len(t.Properties) > maxProperties {
		panic("a type has more properties than a Selection can tell apart")
	}
	t.structure = &StructuredType{name: t.Name}
	for i := range t.Properties {
		a := &t.Properties[i].attribute
		t.structure.attributes = append(t.structure.attributes, a)
		if a.typ.Enum != "" {
			t.structure.enums = append(t.structure.enums, a.typ)
		}
	}
	for i := range t.Navigations {
		t.structure.navigations = append(t.structure.navigations, &t.Navigations[i].navigation)
	}
	return &t
}

// Type gives what query options can name.
func (t *EntityType[T]) Type() *StructuredType { return t.structure }

// One declares a navigation to a single entity: get gives it, or nil.
func One[T, U any](name string, target *EntityType[U], get func(*T) *U) Navigation[T] {
	return Navigation[T]{
		navigation: navigation{name: name, target: target.structure, expandable: true},
		write: func(dst []byte, v *T, e *Expand, w *Writer, path string) []byte {
			dst = AppendMember(dst, name)
			u := get(v)
			if u == nil {
				return append(dst, "null"...)
			}
			return append(target.AppendEntity(append(dst, '{'), u, &e.Query, w, path+"/"+name), '}')
		},
	}
}

// Reference marks a navigation whose entities stand elsewhere, and are added and
// removed by their addresses.
func (n Navigation[T]) Reference() Navigation[T] { n.referenced = true; return n }

// Many declares a navigation to a collection: get gives the page of it that was
// read for $expand.
func Many[T, U any](name string, target *EntityType[U], get func(*T) *Collection[U]) Navigation[T] {
	return Navigation[T]{
		navigation: navigation{name: name, target: target.structure, collection: true, expandable: true},
		write: func(dst []byte, v *T, e *Expand, w *Writer, path string) []byte {
			return target.AppendCollection(dst, name, get(v), &e.Query, w, path+"/"+name)
		},
	}
}

// Collection is one page of entities.
type Collection[T any] struct {
	Rows      []T
	Total     int64  // of all pages, written where $count asks for it
	NextLink  string // "" on the last page
	DeltaLink string // "" but on the last page of a delta
	Removed   []bool // of a delta: which of the rows are gone; else nil
}

// Writer says how entities are written.
type Writer struct {
	Metadata Metadata
	IEEE754  bool   // 64-bit numbers as strings
	Base     string // the URL of the service's root, such as https://host/beta
}

// AppendCollection writes a collection's members: its count where $count asks,
// its rows under the name given, and the links. name is "" for the answer's own
// collection, and that of the navigation for one within an entity.
func (t *EntityType[T]) AppendCollection(dst []byte, name string, c *Collection[T], q *Query, w *Writer, path string) []byte {
	rows := name
	if name == "" {
		rows = "value"
	}
	if q.Count {
		dst = w.appendInt64(AppendMember(dst, name+"@odata.count"), c.Total)
	}
	dst = append(AppendMember(dst, rows), '[')
	for i := range c.Rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(t.appendRow(append(dst, '{'), c, i, q, w, path), '}')
	}
	dst = append(dst, ']')
	for _, link := range [][2]string{{"@odata.nextLink", c.NextLink}, {"@odata.deltaLink", c.DeltaLink}} {
		if link[1] != "" {
			dst = AppendText(AppendMember(dst, name+link[0]), link[1])
		}
	}
	return dst
}

// appendRow writes a row of a collection. One of a delta always tells which it
// is, also where it is gone (OData JSON 4.01, section 16, in the form of 4.0 that
// Graph uses).
func (t *EntityType[T]) appendRow(dst []byte, c *Collection[T], i int, q *Query, w *Writer, path string) []byte {
	row := &c.Rows[i]
	gone := c.Removed != nil && c.Removed[i]
	if gone || c.Removed != nil && !q.Select.has(t.structure.index("id")) {
		dst = AppendText(AppendMember(dst, "id"), t.Key(row))
	}
	if gone {
		return append(AppendMember(dst, "@removed"), `{"reason":"deleted"}`...)
	}
	if w.Metadata == FullMetadata && t.Key != nil {
		path = MemberPath(path, t.Key(row))
	}
	return t.AppendEntity(dst, row, q, w, path)
}

// MemberPath gives the path of a collection's member by its key.
func MemberPath(collection, key string) string {
	return collection + "('" + url.PathEscape(strings.ReplaceAll(key, "'", "''")) + "')"
}

// AppendEntity writes the annotations, the selected properties and the expanded
// navigations of v, which stands at path below the root. Each member has a comma
// before it unless dst ends with the brace that opens the object.
func (t *EntityType[T]) AppendEntity(dst []byte, v *T, q *Query, w *Writer, path string) []byte {
	if w.Metadata != NoMetadata {
		dst = t.appendAnnotations(dst, v, w, path)
	}
	dst = t.appendProperties(dst, v, &q.Select, w)
	for i := range t.Navigations {
		n := &t.Navigations[i]
		if w.Metadata == FullMetadata && t.Key != nil && q.Select.links(n.name) {
			dst = AppendText(AppendMember(dst, n.name+"@odata.navigationLink"), w.Base+"/"+path+"/"+n.name)
		}
		if e := q.Expanded(n.name); e != nil {
			dst = n.write(dst, v, e, w, path)
		}
	}
	return dst
}

func (t *EntityType[T]) appendProperties(dst []byte, v *T, selection *Selection, w *Writer) []byte {
	derived := t.derivedOf(v)
	for i := range t.Properties {
		if !selection.has(i) || !t.has(derived, i) {
			continue
		}
		p := &t.Properties[i]
		if w.Metadata == FullMetadata && p.annotated() {
			dst = AppendText(AppendMember(dst, p.name+"@odata.type"), p.annotation())
		}
		dst = p.write(AppendMember(dst, p.name), v, w)
	}
	return dst
}

func (t *EntityType[T]) appendAnnotations(dst []byte, v *T, w *Writer, path string) []byte {
	if t.Changes != nil {
		dst = AppendText(AppendMember(dst, "@odata.etag"), ETag(t.Changes(v)))
	}
	dst = appendTypeName(dst, t.nameOf(t.derivedOf(v)))
	if w.Metadata == FullMetadata && t.Key != nil {
		dst = AppendText(AppendMember(dst, "@odata.id"), w.Base+"/"+path)
		dst = AppendText(AppendMember(dst, "@odata.editLink"), path)
	}
	return dst
}

func appendTypeName(dst []byte, name string) []byte {
	dst = AppendMember(dst, "@odata.type")
	dst = append(dst, `"#`...)
	dst = append(dst, name...)
	return append(dst, '"')
}

// ETag gives the weak entity tag (RFC 9110, section 8.8.3) of a change counter.
func ETag(changes int64) string { return `W/"` + strconv.FormatInt(changes, 10) + `"` }

func (w *Writer) appendInt64(dst []byte, n int64) []byte {
	if w.IEEE754 {
		dst = append(dst, '"')
		return append(strconv.AppendInt(dst, n, 10), '"')
	}
	return strconv.AppendInt(dst, n, 10)
}

// annotation gives the value of @odata.type for a property, where types of Edm
// go without their namespace.
func (a *attribute) annotation() string {
	return "#" + strings.ReplaceAll(a.edm, "Edm.", "")
}

// annotated tells whether a value's type cannot be told from its JSON (OData JSON
// 4.01, section 4.6.3).
func (a *attribute) annotated() bool {
	if a.complex { // its value tells its type itself
		return false
	}
	switch a.edm {
	case "Edm.String", "Edm.Boolean", "Edm.Double":
		return false
	default:
		return true
	}
}

// Name gives the property's name.
func (p *Property[T]) Name() string { return p.name }

// IsCollection tells whether the property has many values.
func (p *Property[T]) IsCollection() bool { return p.typ.Collection }

// Media gives the media type of the bare value.
func (p *Property[T]) Media() string {
	media := Plain
	if p.typ.Kind == query.Binary {
		media = Binary
	}
	return Representation{Media: media}.ContentType()
}

// AppendType writes the @odata.type of a value that stands alone, where its JSON
// does not tell it.
func (p *Property[T]) AppendType(dst []byte) []byte {
	if !p.annotated() {
		return dst
	}
	return AppendText(AppendMember(dst, "@odata.type"), p.annotation())
}

// IsComplex tells whether the property is of a complex type, and so has no bare
// value.
func (p *Property[T]) IsComplex() bool { return p.complex }

// IsNull tells whether the property of v is null.
func (p *Property[T]) IsNull(v *T) bool {
	if p.null != nil {
		return p.null(v)
	}
	return p.raw != nil && p.Raw(v) == nil
}

// Append writes the property of v as JSON, as a Writer does that says nothing.
func (p *Property[T]) Append(dst []byte, v *T) []byte { return p.AppendAs(dst, v, &Writer{}) }

// AppendAs writes the property of v as JSON.
func (p *Property[T]) AppendAs(dst []byte, v *T, w *Writer) []byte { return p.write(dst, v, w) }

// Raw gives the bare value, as text or as bytes, and nil for null and for a
// complex type, which has none.
func (p *Property[T]) Raw(v *T) []byte {
	if p.complex {
		return nil
	}
	return p.raw([]byte{}, v)
}

// Count gives the number of a collection's members.
func (p *Property[T]) Count(v *T) int { return p.count(v) }

// AppendMember writes a member's name, which needs no escape, and what stands
// around it.
func AppendMember(dst []byte, name string) []byte {
	if n := len(dst); n > 0 && dst[n-1] != '{' {
		dst = append(dst, ',')
	}
	dst = append(dst, '"')
	dst = append(dst, name...)
	return append(dst, '"', ':')
}
