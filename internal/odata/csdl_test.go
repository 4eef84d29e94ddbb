package odata

import (
	"encoding/json"
	"encoding/xml"
	"flag"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var updateMetadata = flag.Bool("update-metadata", false, "write the documents in testdata anew")

// testSchemas describes the test's things in every kind of element, and
// annotates them with every kind of value.
func testSchemas() []Schema {
	thing := thingType()
	parts := thing.Type().navigation("parts").target
	whole := []Option{OptionSelect, OptionExpand, OptionFilter, OptionSearch, OptionOrderBy, OptionTop, OptionSkip, OptionCount}
	reading := Served{OK: true, Permissions: Permissions([]string{"Application"}, "Things.Read", "Things.ReadWrite")}
	writing := Served{OK: true, Permissions: Permissions([]string{"Application"}, "Things.ReadWrite")}
	newest := BoundFunction("newest", CollectionOf("test.thing"), "test.thing")
	newest.EntitySetPath = "bindingParameter"
	newest.Returns.Nullable = true
	newestPart := BoundFunction("newest", "test.thing", CollectionOf("test.part"),
		ParameterElement{Name: "since", Type: "Edm.DateTimeOffset", Precision: TimePrecision})
	newestPart.Returns.Annotations = QueryCapabilities(parts, true, OptionTop)
	newestPart.Annotations = []Annotation{OperationRestrictions(reading)}
	noted := Annotation{Term: "Core.LongDescription", Value: Text(`"x></y>" & 'ü'`)}
	return []Schema{
		{
			Namespace: "test",
			Enums: []EnumElement{
				Enumeration[color]{Name: "test.color", Members: []color{"red", "green", "unknownFutureValue"}}.Describe(),
			},
			Entities: []TypeElement{
				AbstractEntity("test.entity"), thing.Describe(), boxType().Describe(),
				{Name: "part", BaseType: "test.entity", Open: true, Properties: []PropertyElement{{Name: "size", Type: "Edm.Int32"}}},
			},
			Complexes: append([]TypeElement{shapeType(true).Describe()}, shapeType(true).DescribeDerived()...),
			Actions: []Action{
				BoundAction("fill", "test.thing", ParameterElement{Name: "parts", Type: CollectionOf("test.part")}),
				BoundAction("fill", CollectionOf("test.thing"), ParameterElement{Name: "text", Type: "Edm.String", Nullable: true}),
				{Name: "check", IsBound: true, Parameters: []ParameterElement{{Name: "it", Type: "test.thing"}}, Returns: &ReturnElement{Type: "test.part"}},
			},
			Functions: []Function{newest, newestPart},
			Container: &ContainerElement{
				Name:        "service",
				Sets:        []SetElement{{Name: "things", Type: "test.thing", Annotations: []Annotation{noted}}},
				Singletons:  []SingletonElement{{Name: "one", Type: "test.thing", Annotations: []Annotation{noted.Explained("Twice.")}}},
				Annotations: slices.Concat(ServiceCapabilities(), BatchCapabilities(), []Annotation{SupportedMetadataFormats(XML), AcceptableEncodings("gzip")}),
			},
			Targets: []TargetElement{
				{"test.thing/parts", slices.Concat(QueryCapabilities(thing.Type(), true, whole...), []Annotation{
					ReadCollectionRestrictions(reading, Served{}), InsertRestrictions(writing, thing.Type()), IndexableByKey(false),
					UpdateRestrictions(writing), DeleteRestrictions(Served{}), ChangeTracking(), OptimisticConcurrency(),
				})},
				{"test.thing/best", append(QueryCapabilities(parts, false), ReadRestrictions(reading))},
			},
		},
		{
			Namespace: "test.more",
			Complexes: []TypeElement{Declare(EntityType[testPart]{
				Name:       "test.more.note",
				Properties: []Property[testPart]{String("id", func(p *testPart) *string { return &p.Name }).ReadOnly()},
			}).Describe()},
		},
	}
}

// TestMetadata holds both documents to the files in testdata, which are to be
// read when they change: go test ./internal/odata -update-metadata.
func TestMetadata(t *testing.T) {
	t.Parallel()
	inXML, err := MetadataXML(testSchemas())
	if err != nil {
		t.Fatal(err)
	}
	inJSON, err := MetadataJSON(testSchemas())
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string][]byte{"testdata/csdl.xml": inXML, "testdata/csdl.json": inJSON} {
		if *updateMetadata {
			if err := os.WriteFile(name, got, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

// TestMetadataAgrees reads both documents, and turns the one in XML into what
// the other must be by the rules of CSDL JSON 4.01.
func TestMetadataAgrees(t *testing.T) {
	t.Parallel()
	inXML, err := MetadataXML(testSchemas())
	if err != nil {
		t.Fatal(err)
	}
	inJSON, err := MetadataJSON(testSchemas())
	if err != nil {
		t.Fatal(err)
	}
	var root node
	if err := xml.Unmarshal(inXML, &root); err != nil {
		t.Fatal(err)
	}
	var got object
	if err := json.Unmarshal(inJSON, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(root.document(), got); diff != "" {
		t.Errorf("(-XML +JSON)\n%s", diff)
	}
}

type (
	object = map[string]any

	// node is an element of any kind.
	node struct {
		XMLName  xml.Name
		Attrs    []xml.Attr `xml:",any,attr"`
		Text     string     `xml:",chardata"`
		Children []node     `xml:",any"`
	}
)

func (n node) attr(name string) string {
	for _, a := range n.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func (n node) children(name string) (found []node) {
	for _, c := range n.Children {
		if c.XMLName.Local == name {
			found = append(found, c)
		}
	}
	return found
}

func (n node) document() object {
	references := object{}
	for _, r := range n.children("Reference") {
		include := r.children("Include")[0]
		references[strings.TrimSuffix(r.attr("Uri"), ".xml")+".json"] = object{"$Include": []any{
			object{"$Namespace": include.attr("Namespace"), "$Alias": include.attr("Alias")},
		}}
	}
	document := object{"$Version": n.attr("Version"), "$Reference": references}
	for _, s := range n.children("DataServices")[0].children("Schema") {
		schema := object{}
		for _, c := range s.Children {
			name := c.attr("Name")
			switch kind := c.XMLName.Local; kind {
			case "Function", "Action":
				overloads, _ := schema[name].([]any)
				schema[name] = append(overloads, c.object(kind))
			case "Annotations":
				targets, ok := schema["$Annotations"].(object)
				if !ok {
					targets = object{}
					schema["$Annotations"] = targets
				}
				target := object{}
				c.annotate(target, "")
				targets[c.attr("Target")] = target
			case "EntityContainer":
				document["$EntityContainer"] = s.attr("Namespace") + "." + name
				fallthrough
			default:
				schema[name] = c.object(kind)
			}
		}
		document[s.attr("Namespace")] = schema
	}
	return document
}

// object gives an element as the object that it is in JSON. The kind of a
// structural property, a singleton, an entity set, a parameter and a result goes without saying.
func (n node) object(kind string) object {
	o := object{}
	switch kind {
	case "Property", "Singleton", "Parameter", "ReturnType":
	case "EntitySet":
		o["$Collection"] = true
	default:
		o["$Kind"] = kind
	}
	n.attributes(o)
	for _, c := range n.Children {
		switch inner := c.XMLName.Local; inner {
		case "Key":
			o["$Key"] = []any{c.children("PropertyRef")[0].attr("Name")}
		case "Member":
			value, _ := strconv.ParseFloat(c.attr("Value"), 64)
			o[c.attr("Name")] = value
		case "Parameter":
			parameters, _ := o["$Parameter"].([]any)
			parameter := c.object(inner)
			parameter["$Name"] = c.attr("Name")
			o["$Parameter"] = append(parameters, parameter)
		case "ReturnType":
			o["$ReturnType"] = c.object(inner)
		case "Annotation":
		default:
			o[c.attr("Name")] = c.object(inner)
		}
	}
	n.annotate(o, "")
	return o
}

func (n node) attributes(o object) {
	for _, a := range n.Attrs {
		switch name := a.Name.Local; name {
		case "Name":
		case "EntityType":
			o["$Type"] = a.Value
		case "Type":
			member, isCollection := strings.CutPrefix(a.Value, "Collection(")
			if isCollection {
				o["$Collection"] = true
			}
			if member = strings.TrimSuffix(member, ")"); member != "Edm.String" {
				o["$Type"] = member
			}
		case "Precision":
			precision, _ := strconv.ParseFloat(a.Value, 64)
			o["$Precision"] = precision
		default:
			if a.Value == "true" {
				o["$"+name] = true
			} else if a.Value != "false" {
				o["$"+name] = a.Value
			}
		}
	}
}

func (n node) annotate(o object, of string) {
	for _, a := range n.children("Annotation") {
		name := of + "@" + a.attr("Term")
		o[name] = a.value()
		a.annotate(o, name)
	}
}

// value gives the value of an annotation or of a record's property.
func (n node) value() any {
	for _, a := range n.Attrs {
		if a.Name.Local != "Term" && a.Name.Local != "Property" {
			return constant(a.Name.Local, a.Value)
		}
	}
	return n.Children[0].expression()
}

func (n node) expression() any {
	switch n.XMLName.Local {
	case "Record":
		o := object{}
		for _, p := range n.children("PropertyValue") {
			o[p.attr("Property")] = p.value()
		}
		return o
	case "Collection":
		items := []any{}
		for _, c := range n.Children {
			items = append(items, c.expression())
		}
		return items
	default:
		return constant(n.XMLName.Local, n.Text)
	}
}

func constant(kind, text string) any {
	switch kind {
	case "Bool":
		return text == "true"
	case "EnumMember":
		return text[strings.LastIndexByte(text, '/')+1:]
	default:
		return text
	}
}

// values gives those of a list.
func values[S ~string](list List) (texts []string) {
	for _, v := range list {
		text, _ := v.(S)
		texts = append(texts, string(text))
	}
	return texts
}

// TestFilterFunctionsAreListed holds what $metadata says of $filter to what is read.
func TestFilterFunctionsAreListed(t *testing.T) {
	t.Parallel()
	listed := values[Text](filterFunctions())
	// The functions and operators of OData 4.01 URL Conventions, sections
	// 5.1.1.1 to 5.1.1.13.
	filters := map[string]string{
		"eq": "name eq 'x'", "ne": "name ne 'x'", "gt": "count gt 1", "ge": "count ge 1", "lt": "count lt 1", "le": "count le 1",
		"in": "count in (1,2)", "has": "color has test.color'red'", "and": "sure and sure", "or": "sure or sure", "not": "not sure",
		"add": "count add 1 eq 2", "sub": "count sub 1 eq 2", "mul": "count mul 1 eq 2", "div": "count div 1 eq 2",
		"divby": "count divby 2 eq 2", "mod": "count mod 2 eq 1", "any": "labels/any(l:l eq 'x')", "all": "labels/all(l:l eq 'x')",
		"contains": "contains(name,'x')", "startswith": "startswith(name,'x')", "endswith": "endswith(name,'x')",
		"tolower": "tolower(name) eq 'x'", "toupper": "toupper(name) eq 'X'", "trim": "trim(name) eq 'x'",
		"length": "length(name) eq 1", "indexof": "indexof(name,'x') eq 1", "substring": "substring(name,1,2) eq 'x'",
		"concat": "concat(name,'x') eq 'x'", "year": "year(at) eq 1", "month": "month(at) eq 1", "day": "day(at) eq 1",
		"hour": "hour(at) eq 1", "minute": "minute(at) eq 1", "second": "second(at) eq 1",
		"fractionalseconds": "fractionalseconds(at) eq 0.5", "date": "date(at) eq 2024-01-31", "time": "time(at) eq 12:00",
		"now": "at lt now()", "mindatetime": "at gt mindatetime()", "maxdatetime": "at lt maxdatetime()",
		"totalseconds":       "totalseconds(duration'PT1S') eq 1",
		"totaloffsetminutes": "totaloffsetminutes(at) eq 0", "round": "round(count) eq 1", "floor": "floor(count) eq 1",
		"ceiling": "ceiling(count) eq 1", "cast": "cast(count,Edm.String) eq '1'", "isof": "isof(count,Edm.Int32)",
		"matchespattern": "matchespattern(name,'x')", "hassubset": "hassubset(labels,labels)",
		"hassubsequence": "hassubsequence(labels,labels)", "case": "case(sure:1,true:2) eq 1",
		"geo.distance": "geo.distance(name,name) lt 1", "geo.intersects": "geo.intersects(name,name)", "geo.length": "geo.length(name) lt 1",
	}
	for name, filter := range filters {
		_, err := ParseQuery("$filter="+strings.ReplaceAll(filter, " ", "%20"), thingType().Type(), time.Now(), OptionFilter)
		if read := err == nil; read != slices.Contains(listed, name) {
			t.Errorf("%s is listed: %t; %s: %v", name, !read, filter, err)
		}
	}
	for _, name := range listed {
		if filters[name] == "" {
			t.Errorf("%s is listed, and not tried", name)
		}
	}
}

func TestSupportedFormats(t *testing.T) {
	t.Parallel()
	for _, format := range values[Text](supportedFormats()) {
		r, err := Negotiate(format, "", JSON)
		if got := r.ContentType(); err != nil || got != format+";charset=utf-8" {
			t.Errorf("%s: %s, %v", format, got, err)
		}
	}
}

// TestQueryCapabilities asks for what the annotations promise, and deny.
func TestQueryCapabilities(t *testing.T) {
	t.Parallel()
	all := []Option{OptionSelect, OptionExpand, OptionFilter, OptionSearch, OptionOrderBy, OptionTop, OptionSkip, OptionCount}
	thing := thingType().Type()
	for _, typ := range []*StructuredType{thing, thing.navigation("parts").target} {
		for _, allowed := range [][]Option{all, all[:2], all[2:], all[3:], {OptionTop}, nil} {
			said := map[string]Value{}
			for _, a := range QueryCapabilities(typ, true, allowed...) {
				said[a.Term] = a.Value
				if record, isRecord := a.Value.(Record); isRecord {
					said[a.Term] = record[0].Value
				}
				for _, property := range typ.attributes {
					if a.Term == "Capabilities.SortRestrictions" {
						denied := said[a.Term] == Flag(false) || slices.Contains(values[PropertyPath](unsortableOf(a)), property.name)
						_, err := ParseQuery("$orderby="+property.name, typ, time.Now(), allowed...)
						if refused := err != nil; refused != denied {
							t.Errorf("$orderby=%s is denied: %t; %v", property.name, denied, err)
						}
					}
				}
			}
			for term, query := range map[string]string{
				"SelectSupport": "$select=name", "ExpandRestrictions": "$expand=parts", "FilterRestrictions": "$filter=name%20ne%20null",
				"CountRestrictions": "$count=true", "SearchRestrictions": "$search=x", "TopSupported": "$top=1", "SkipSupported": "$skip=1",
			} {
				_, err := ParseQuery(query, typ, time.Now(), allowed...)
				if said["Capabilities."+term] != Flag(err == nil) {
					t.Errorf("%s of %s, with %v: %v; %s: %v", term, typ.name, allowed, said["Capabilities."+term], query, err)
				}
			}
		}
	}
	if n := len(QueryCapabilities(thing, false, all...)); n != 2 {
		t.Errorf("one entity has %d capabilities", n)
	}
}

func unsortableOf(a Annotation) List {
	for _, f := range a.Value.(Record) {
		if f.Name == "NonSortableProperties" {
			return f.Value.(List)
		}
	}
	return nil
}
