package odata

import "plimsoll/internal/query"

// attribute is what the protocol knows of a property beside where its value
// stands.
type attribute struct {
	name     string
	edm      string
	typ      query.Type
	readOnly bool
	required bool
	searched bool
	complex  bool
}

// StructuredType is what the protocol knows of an entity type or a complex type
// beside its Go type: the properties and navigations that options can name.
type StructuredType struct {
	name        string
	attributes  []*attribute
	navigations []*navigation
	enums       []query.Type // those of its properties, by which literals are named
}

type navigation struct {
	name       string
	target     *StructuredType
	collection bool
	expandable bool
	referenced bool // its entities stand elsewhere
}

func (t *StructuredType) attribute(name string) *attribute {
	if i := t.index(name); i >= 0 {
		return t.attributes[i]
	}
	return nil
}

func (t *StructuredType) index(name string) int {
	for i, a := range t.attributes {
		if a.name == name {
			return i
		}
	}
	return -1
}

func (t *StructuredType) navigation(name string) *navigation {
	for _, n := range t.navigations {
		if n.name == name {
			return n
		}
	}
	return nil
}

// enum gives the enum type of a qualified name, among those of the type and of
// the entities that it leads to.
func (t *StructuredType) enum(name string) *query.Type {
	for i := range t.enums {
		if t.enums[i].Enum == name {
			return &t.enums[i]
		}
	}
	for _, n := range t.navigations {
		if found := n.target.enum(name); found != nil {
			return found
		}
	}
	return nil
}

// names gives the names of the properties and navigations, for messages.
func (t *StructuredType) names() []string {
	names := make([]string, 0, len(t.attributes)+len(t.navigations))
	for _, a := range t.attributes {
		names = append(names, a.name)
	}
	for _, n := range t.navigations {
		names = append(names, n.name)
	}
	return names
}
