package odata

// Navigation declares a contained navigation property. Its value is not part of
// its owner's body: it has a path of its own.
type Navigation struct {
	Name       string
	Type       string // qualified
	Collection bool
}

// EntityType declares how values of T look on the wire.
type EntityType[T any] struct {
	Name        string   // qualified: "microsoft.graph.deviceComplianceScript"
	Aliases     []string // other qualified names that bodies may call it by
	Base        string   // the qualified name of its base type, "" for a complex type
	Properties  []Property[T]
	Navigations []Navigation
}

// Selection says which properties of an entity type are wanted.
type Selection struct {
	all  bool
	bits uint64
}

// SelectAll wants every property.
func SelectAll() Selection { return Selection{all: true} }

// Select wants the properties named, as $select does; "*" is every property,
// and no name at all is too. A navigation's name wants no property.
func (t *EntityType[T]) Select(names []string) (Selection, error) {
	selection := Selection{all: len(names) == 0}
	for _, name := range names {
		switch i := t.index(name); {
		case name == "*":
			selection.all = true
		case i >= 0:
			selection.bits |= 1 << i
		case !t.navigates(name):
			return selection, badRequest("$select", "$select names %s, which is no property of %s.", quote(name), t.Name)
		}
	}
	return selection, nil
}

// Selects tells whether the named property was asked for by name.
func (t *EntityType[T]) Selects(s Selection, name string) bool {
	i := t.index(name)
	return i >= 0 && s.bits&(1<<i) != 0
}

func (t *EntityType[T]) index(name string) int {
	for i := range t.Properties {
		if t.Properties[i].name == name {
			return i
		}
	}
	return -1
}

func (t *EntityType[T]) navigates(name string) bool {
	for _, n := range t.Navigations {
		if n.Name == name {
			return true
		}
	}
	return false
}

// AppendMembers writes "@odata.type" and the selected properties of v, each with
// a comma before it unless dst ends with the brace that opens the object.
func (t *EntityType[T]) AppendMembers(dst []byte, v *T, s Selection) []byte {
	dst = AppendMember(dst, "@odata.type")
	dst = append(dst, `"#`...)
	dst = append(dst, t.Name...)
	dst = append(dst, '"')
	for i := range t.Properties {
		if s.all || s.bits&(1<<i) != 0 {
			dst = AppendMember(dst, t.Properties[i].name)
			dst = t.Properties[i].write(dst, v)
		}
	}
	return dst
}

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
