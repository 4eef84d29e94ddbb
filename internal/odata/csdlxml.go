package odata

import (
	"bytes"
	"encoding/xml"
	"regexp"
	"strconv"
)

// metadataVersion is 4.0, the version of the answers: what reads $metadata
// refuses versions that it does not know, and nothing here needs a later one.
const metadataVersion = "4.0"

const (
	edmx = "http://docs.oasis-open.org/odata/ns/edmx"
	edm  = "http://docs.oasis-open.org/odata/ns/edm"
)

type referenceElement struct {
	URI     string `xml:"Uri,attr"`
	Include struct {
		Namespace string `xml:"Namespace,attr"`
		Alias     string `xml:"Alias,attr"`
	} `xml:"edmx:Include"`
}

type schemaElement struct {
	Space string `xml:"xmlns,attr"`
	Schema
}

// MetadataXML writes the $metadata document of the schemas (OData CSDL XML 4.01).
func MetadataXML(schemas []Schema) ([]byte, error) {
	var document struct {
		XMLName    xml.Name           `xml:"edmx:Edmx"`
		Version    string             `xml:"Version,attr"`
		Space      string             `xml:"xmlns:edmx,attr"`
		References []referenceElement `xml:"edmx:Reference"`
		Schemas    []schemaElement    `xml:"edmx:DataServices>Schema"`
	}
	document.Version, document.Space = metadataVersion, edmx
	for _, v := range vocabularies() {
		reference := referenceElement{URI: v.document("xml")}
		reference.Include.Namespace, reference.Include.Alias = v.namespace, v.alias
		document.References = append(document.References, reference)
	}
	for _, s := range schemas {
		document.Schemas = append(document.Schemas, schemaElement{edm, s})
	}
	text := bytes.NewBufferString(xml.Header)
	encoder := xml.NewEncoder(text)
	encoder.Indent("", "  ")
	err := encoder.Encode(document)
	return append(short(text.Bytes()), '\n'), err
}

// short writes <a></a> as <a/>, which encoding/xml does not: there is much of it.
func short(text []byte) []byte {
	return regexp.MustCompile(`></[\w:]+>`).ReplaceAll(text, []byte("/>"))
}

// xmlElement is an element whose name its value decides.
type xmlElement struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []xmlElement
}

// MarshalXML writes the annotation as an element.
func (a Annotation) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	return e.EncodeElement(a.element(), start)
}

func (a Annotation) element() xmlElement {
	element := elementOf("Annotation", "Term", a.Term, a.Value)
	for _, inner := range a.Annotations {
		element.Children = append(element.Children, inner.element())
	}
	return element
}

// elementOf makes an element with a value: a constant or a path as an attribute,
// anything else inside it.
func elementOf(name, attribute, named string, v Value) xmlElement {
	element := xmlElement{XMLName: xml.Name{Local: name}, Attrs: []xml.Attr{{Name: xml.Name{Local: attribute}, Value: named}}}
	inner := valueElement(v)
	switch v.(type) {
	case Record, List:
		element.Children = []xmlElement{inner}
	default:
		element.Attrs = append(element.Attrs, xml.Attr{Name: inner.XMLName, Value: inner.Text})
	}
	return element
}

func valueElement(v Value) (element xmlElement) {
	name := &element.XMLName.Local
	switch v := v.(type) {
	case Flag:
		*name, element.Text = "Bool", strconv.FormatBool(bool(v))
	case Text:
		*name, element.Text = "String", string(v)
	case EnumMember:
		*name, element.Text = "EnumMember", v.Type+"/"+v.Name
	case PropertyPath:
		*name, element.Text = "PropertyPath", string(v)
	case Record:
		*name = "Record"
		for _, f := range v {
			element.Children = append(element.Children, elementOf("PropertyValue", "Property", f.Name, f.Value))
		}
	case List:
		*name = "Collection"
		for _, item := range v {
			element.Children = append(element.Children, valueElement(item))
		}
	}
	return element
}
