package odata

// vocabularies are those whose terms are used, by the alias that stands for
// them.
func vocabularies() []vocabulary {
	return []vocabulary{{"Core", "Org.OData.Core.V1"}, {"Capabilities", "Org.OData.Capabilities.V1"}}
}

type vocabulary struct {
	alias     string
	namespace string
}

// document gives the address of the vocabulary, in either form: "xml" or "json".
func (v vocabulary) document(form string) string {
	return "https://oasis-tcs.github.io/odata-vocabularies/vocabularies/" + v.namespace + "." + form
}

// Annotation applies a term of a vocabulary to what it stands with (OData CSDL
// 4.01, section 14.2).
type Annotation struct {
	Term        string // with its vocabulary's alias: "Core.Computed"
	Value       Value
	Annotations []Annotation // of the annotation itself
}

// Explained says in words what the term leaves open.
func (a Annotation) Explained(text string) Annotation {
	a.Annotations = append(a.Annotations, Annotation{Term: "Core.Description", Value: Text(text)})
	return a
}

// Value is the value of an annotation, or a part of it: a Flag, Text, EnumMember,
// PropertyPath, Record or List.
type Value interface{ isValue() }

// The values, by the expressions of section 14.3 and 14.4 that they are.
type (
	// Flag is true or false.
	Flag bool
	// Text is a string.
	Text string
	// EnumMember is a member of an enum type.
	EnumMember struct{ Type, Name string } // the type's qualified name, without alias
	// PropertyPath names a property of what is annotated.
	PropertyPath string
	// Record is a structured value.
	Record []Field
	// List is a collection.
	List []Value
)

// Field is a property of a record.
type Field struct {
	Name  string
	Value Value
}

func (Flag) isValue()         {}
func (Text) isValue()         {}
func (EnumMember) isValue()   {}
func (PropertyPath) isValue() {}
func (Record) isValue()       {}
func (List) isValue()         {}

// Texts makes a collection of strings.
func Texts[S ~string](texts ...S) List {
	list := make(List, len(texts))
	for i, text := range texts {
		list[i] = Text(text)
	}
	return list
}

func computed() Annotation { return Annotation{Term: "Core.Computed", Value: Flag(true)} }
