package odata

import (
	"encoding/xml"
	"io"
	"strings"
)

// Schema is one namespace of what a service serves, in the elements of the
// Common Schema Definition Language (OData CSDL XML 4.01).
type Schema struct {
	Namespace string          `xml:"Namespace,attr"`
	Enums     []EnumElement   `xml:"EnumType"`
	Entities  []TypeElement   `xml:"EntityType"`
	Complexes []TypeElement   `xml:"ComplexType"`
	Functions []Function      `xml:"Function"`
	Container *EntityElements `xml:"EntityContainer"`
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
	Name     string `xml:"Name,attr"`
	Type     string `xml:"Type,attr"`
	Nullable bool   `xml:"Nullable,attr"`
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
	Name       string             `xml:"Name,attr"`
	IsBound    bool               `xml:"IsBound,attr"`
	Parameters []ParameterElement `xml:"Parameter"`
	Returns    struct {
		Type     string `xml:"Type,attr"`
		Nullable bool   `xml:"Nullable,attr"`
	} `xml:"ReturnType"`
}

// EntityElements describes an entity container.
type EntityElements struct {
	Name       string             `xml:"Name,attr"`
	Singletons []SingletonElement `xml:"Singleton"`
}

// SingletonElement describes a singleton of an entity container.
type SingletonElement struct {
	Name string `xml:"Name,attr"`
	Type string `xml:"Type,attr"`
}

// ParameterElement describes a function's parameter.
type ParameterElement = SingletonElement

// AbstractEntity describes the type that every entity type is based on: its key
// is the string id.
func AbstractEntity(name string) TypeElement {
	key := &KeyElement{}
	key.Property.Name = "id"
	return TypeElement{
		Name: unqualified(name), Abstract: true, Key: key,
		Properties: []PropertyElement{{Name: "id", Type: "Edm.String"}},
	}
}

// Describe gives the type as $metadata lists it; id belongs to its base type,
// where it has one.
func (t *EntityType[T]) Describe() TypeElement {
	element := TypeElement{Name: unqualified(t.Name), BaseType: t.Base}
	for _, p := range t.Properties {
		if p.name != "id" || t.Base == "" {
			element.Properties = append(element.Properties, PropertyElement{p.name, p.edm, p.typ.Nullable})
		}
	}
	for _, n := range t.Navigations {
		navigation := NavigationElement{Name: n.name, Type: n.target.name, Contains: true}
		if n.collection {
			navigation.Type = "Collection(" + n.target.name + ")"
		} else {
			navigation.Nullable = new(true)
		}
		element.Navigations = append(element.Navigations, navigation)
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

// WriteMetadata writes the $metadata document of the schemas.
func WriteMetadata(w io.Writer, schemas []Schema) error {
	type document struct {
		XMLName xml.Name `xml:"edmx:Edmx"`
		Version string   `xml:"Version,attr"`
		Space   string   `xml:"xmlns:edmx,attr"`
		Schemas []struct {
			Space string `xml:"xmlns,attr"`
			Schema
		} `xml:"edmx:DataServices>Schema"`
	}
	doc := document{Version: "4.0", Space: "http://docs.oasis-open.org/odata/ns/edmx"}
	for _, s := range schemas {
		doc.Schemas = append(doc.Schemas, struct {
			Space string `xml:"xmlns,attr"`
			Schema
		}{"http://docs.oasis-open.org/odata/ns/edm", s})
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	return encoder.Encode(doc)
}
