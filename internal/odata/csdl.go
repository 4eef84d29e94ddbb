package odata

import "strings"

// What a service serves is described once, in the terms of the Common Schema
// Definition Language, and written in both its forms: [MetadataXML] (OData CSDL
// XML 4.01) and [MetadataJSON] (OData CSDL JSON 4.01). Types are written as in
// XML, "Collection(Edm.String)".

// Schema describes one namespace of what a service serves.
type Schema struct {
	Namespace string            `xml:"Namespace,attr"`
	Enums     []EnumElement     `xml:"EnumType"`
	Entities  []TypeElement     `xml:"EntityType"`
	Complexes []TypeElement     `xml:"ComplexType"`
	Actions   []Action          `xml:"Action"`
	Functions []Function        `xml:"Function"`
	Container *ContainerElement `xml:"EntityContainer"`
	Targets   []TargetElement   `xml:"Annotations"`
}

// EnumElement describes an enum type.
type EnumElement struct {
	Name    string          `xml:"Name,attr"`
	Members []MemberElement `xml:"Member"`
}

// MemberElement describes a member of an enum type.
type MemberElement struct {
	Name  string `xml:"Name,attr"`
	Value int    `xml:"Value,attr"`
}

// TypeElement describes an entity type or a complex type.
type TypeElement struct {
	Name        string              `xml:"Name,attr"`
	BaseType    string              `xml:"BaseType,attr,omitempty"`
	Abstract    bool                `xml:"Abstract,attr,omitempty"`
	Open        bool                `xml:"OpenType,attr,omitempty"` // its entities may have more than is described
	Key         *KeyElement         `xml:"Key"`
	Properties  []PropertyElement   `xml:"Property"`
	Navigations []NavigationElement `xml:"NavigationProperty"`
}

// KeyElement names the property that is an entity's key.
type KeyElement struct {
	Property struct {
		Name string `xml:"Name,attr"`
	} `xml:"PropertyRef"`
}

// PropertyElement describes a structural property.
type PropertyElement struct {
	Name        string       `xml:"Name,attr"`
	Type        string       `xml:"Type,attr"`
	Nullable    bool         `xml:"Nullable,attr"`
	Precision   int          `xml:"Precision,attr,omitempty"` // the digits of a fraction of a second
	Annotations []Annotation `xml:"Annotation"`
}

// NavigationElement describes a navigation property.
type NavigationElement struct {
	Name     string `xml:"Name,attr"`
	Type     string `xml:"Type,attr"`
	Nullable *bool  `xml:"Nullable,attr"` // not written for a collection
	Contains bool   `xml:"ContainsTarget,attr"`
}

// Function describes a function bound to its first parameter.
type Function struct {
	Name          string             `xml:"Name,attr"`
	IsBound       bool               `xml:"IsBound,attr"`
	EntitySetPath string             `xml:"EntitySetPath,attr,omitempty"` // where the entities that it gives are
	Parameters    []ParameterElement `xml:"Parameter"`
	Returns       ReturnElement      `xml:"ReturnType"`
	Annotations   []Annotation       `xml:"Annotation"`
}

// Action describes an action bound to its first parameter.
type Action struct {
	Name        string             `xml:"Name,attr"`
	IsBound     bool               `xml:"IsBound,attr"`
	Parameters  []ParameterElement `xml:"Parameter"`
	Returns     *ReturnElement     `xml:"ReturnType"` // nil where it gives nothing
	Annotations []Annotation       `xml:"Annotation"`
}

// ParameterElement describes a parameter of a function or an action.
type ParameterElement struct {
	Name      string `xml:"Name,attr"`
	Type      string `xml:"Type,attr"`
	Nullable  bool   `xml:"Nullable,attr"`
	Precision int    `xml:"Precision,attr,omitempty"` // the digits of a fraction of a second
}

// ReturnElement describes what a function or an action gives.
type ReturnElement struct {
	Type        string       `xml:"Type,attr"`
	Nullable    bool         `xml:"Nullable,attr"` // of a collection, its members
	Annotations []Annotation `xml:"Annotation"`
}

// ContainerElement describes an entity container.
type ContainerElement struct {
	Name        string             `xml:"Name,attr"`
	Sets        []SetElement       `xml:"EntitySet"`
	Singletons  []SingletonElement `xml:"Singleton"`
	Annotations []Annotation       `xml:"Annotation"`
}

// SetElement describes an entity set of an entity container.
type SetElement struct {
	Name        string       `xml:"Name,attr"`
	Type        string       `xml:"EntityType,attr"`
	Annotations []Annotation `xml:"Annotation"`
}

// SingletonElement describes a singleton of an entity container.
type SingletonElement struct {
	Name        string       `xml:"Name,attr"`
	Type        string       `xml:"Type,attr"`
	Annotations []Annotation `xml:"Annotation"`
}

// TargetElement annotates what stands elsewhere, such as the navigation
// property "test.thing/parts".
type TargetElement struct {
	Target      string       `xml:"Target,attr"`
	Annotations []Annotation `xml:"Annotation"`
}

// TimePrecision is that of all times, 100 ns: none would mean whole seconds (CSDL XML
// 4.01, section 7.2.3).
const TimePrecision = 7

// BoundFunction describes a function, with its parameters beside the one it is
// bound to.
func BoundFunction(name, bound, returns string, parameters ...ParameterElement) Function {
	return Function{
		Name: name, IsBound: true,
		Parameters: append([]ParameterElement{{Name: "bindingParameter", Type: bound}}, parameters...),
		Returns:    ReturnElement{Type: returns},
	}
}

// BoundAction describes an action that gives nothing, with its parameters beside
// the one it is bound to.
func BoundAction(name, bound string, parameters ...ParameterElement) Action {
	return Action{
		Name: name, IsBound: true,
		Parameters: append([]ParameterElement{{Name: "bindingParameter", Type: bound}}, parameters...),
	}
}

// CollectionOf gives the type of a collection.
func CollectionOf(typ string) string { return "Collection(" + typ + ")" }

// member gives the type of a collection's members, or the type itself.
func memberType(typ string) (member string, isCollection bool) {
	member, isCollection = strings.CutPrefix(typ, "Collection(")
	if isCollection {
		member = strings.TrimSuffix(member, ")")
	}
	return member, isCollection
}

// AbstractEntity describes the type that every entity type is based on: its key
// is the string id, which the service gives.
func AbstractEntity(name string) TypeElement {
	key := &KeyElement{}
	key.Property.Name = "id"
	return TypeElement{
		Name: unqualified(name), Abstract: true, Key: key,
		Properties: []PropertyElement{{Name: "id", Type: "Edm.String", Annotations: []Annotation{computed()}}},
	}
}

// Describe gives the type as $metadata lists it; id belongs to its base type,
// where it has one. [EntityType.DescribeDerived] gives those derived from it.
func (t *EntityType[T]) Describe() TypeElement {
	element := TypeElement{Name: unqualified(t.Name), BaseType: t.Base, Abstract: t.Abstract}
	for _, p := range t.Properties[:t.own] {
		if p.name != "id" || t.Base == "" {
			element.Properties = append(element.Properties, p.describe())
		}
	}
	for _, n := range t.Navigations {
		navigation := NavigationElement{Name: n.name, Type: n.target.name, Contains: !n.referenced}
		if n.collection {
			navigation.Type = CollectionOf(n.target.name)
		} else {
			navigation.Nullable = new(true)
		}
		element.Navigations = append(element.Navigations, navigation)
	}
	return element
}

func (a *attribute) describe() PropertyElement {
	element := PropertyElement{Name: a.name, Type: a.edm, Nullable: a.typ.Nullable}
	if a.edm == "Edm.DateTimeOffset" || a.edm == "Edm.TimeOfDay" {
		element.Precision = TimePrecision
	}
	if a.readOnly {
		element.Annotations = []Annotation{computed()}
	}
	return element
}

// Describe gives the enum type as $metadata lists it.
func (e Enumeration[E]) Describe() EnumElement {
	element := EnumElement{Name: unqualified(e.Name)}
	for value, member := range e.Members {
		element.Members = append(element.Members, MemberElement{string(member), value})
	}
	return element
}

func unqualified(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }
