package odata

import (
	"slices"
	"strconv"
	"strings"

	"plimsoll/internal/query"
)

// What follows says in the terms of the Capabilities vocabulary what is served,
// from that which decides it: the options that an operation allows, the types,
// the functions that are read.

const capabilitiesNamespace = "Org.OData.Capabilities.V1"

func capability(term string, v Value) Annotation {
	return Annotation{Term: "Capabilities." + term, Value: v}
}

// QueryCapabilities says which query options an operation takes that gives one
// entity, or a collection of them.
func QueryCapabilities(t *StructuredType, collection bool, allowed ...Option) []Annotation {
	able := func(option Option) Flag { return Flag(slices.Contains(allowed, option)) }
	expand := able(OptionExpand) && Flag(len(t.expandable()) > 0)
	annotations := []Annotation{
		capability("SelectSupport", Record{{"Supported", able(OptionSelect)}}),
		capability("ExpandRestrictions", Record{{"Expandable", expand}}),
	}
	if !collection {
		return annotations
	}
	sort := Record{{"Sortable", able(OptionOrderBy)}}
	if unsortable := t.unsortable(); able(OptionOrderBy) && len(unsortable) > 0 {
		sort = append(sort, Field{"NonSortableProperties", unsortable})
	}
	search := able(OptionSearch) && Flag(slices.ContainsFunc(t.attributes, func(a *attribute) bool { return a.searched }))
	return append(annotations,
		capability("FilterRestrictions", Record{{"Filterable", able(OptionFilter)}}),
		capability("SortRestrictions", sort),
		capability("CountRestrictions", Record{{"Countable", able(OptionCount)}}),
		capability("SearchRestrictions", Record{{"Searchable", search}}),
		capability("TopSupported", able(OptionTop)),
		capability("SkipSupported", able(OptionSkip)),
	)
}

// unsortable gives the properties whose values have no order, as $orderby sees
// them.
func (t *StructuredType) unsortable() (paths List) {
	for _, a := range t.attributes {
		if a.typ.Collection || a.complex || a.typ.Kind == query.Binary {
			paths = append(paths, PropertyPath(a.name))
		}
	}
	return paths
}

// Served tells whether an operation is served, and what it takes to be allowed.
type Served struct {
	OK          bool
	Permissions List
}

// Permissions says that any one of the scopes is enough, in each of the
// authorization schemes.
func Permissions[S ~string](schemes []string, scopes ...S) List {
	records := make(List, len(scopes))
	for i, scope := range scopes {
		records[i] = Record{{"Scope", Text(scope)}}
	}
	permissions := make(List, len(schemes))
	for i, scheme := range schemes {
		permissions[i] = Record{{"SchemeName", Text(scheme)}, {"Scopes", records}}
	}
	return permissions
}

func (s Served) record(able string) Record {
	record := Record{{able, Flag(s.OK)}}
	if len(s.Permissions) > 0 {
		record = append(record, Field{"Permissions", s.Permissions})
	}
	return record
}

// ReadRestrictions is about a GET of what is annotated.
func ReadRestrictions(s Served) Annotation {
	return capability("ReadRestrictions", s.record("Readable"))
}

// ReadCollectionRestrictions is about a GET of a collection, and of one of it.
func ReadCollectionRestrictions(s, byKey Served) Annotation {
	return capability("ReadRestrictions", append(s.record("Readable"), Field{"ReadByKeyRestrictions", byKey.record("Readable")}))
}

// InsertRestrictions is about a POST, and what its body must give.
func InsertRestrictions(s Served, t *StructuredType) Annotation {
	var required List
	for _, a := range t.attributes {
		if a.required {
			required = append(required, PropertyPath(a.name))
		}
	}
	record := s.record("Insertable")
	if s.OK && len(required) > 0 {
		record = append(record, Field{"RequiredProperties", required})
	}
	return capability("InsertRestrictions", record)
}

// UpdateRestrictions is about a PATCH.
func UpdateRestrictions(s Served) Annotation {
	record := s.record("Updatable")
	if s.OK {
		record = append(record, Field{"UpdateMethod", EnumMember{capabilitiesNamespace + ".HttpMethod", "PATCH"}})
	}
	return capability("UpdateRestrictions", record)
}

// DeleteRestrictions is about a DELETE.
func DeleteRestrictions(s Served) Annotation {
	return capability("DeleteRestrictions", s.record("Deletable"))
}

// OperationRestrictions is about a function.
func OperationRestrictions(s Served) Annotation {
	return capability("OperationRestrictions", Record{{"Permissions", s.Permissions}})
}

// IndexableByKey says that one of a collection is found by its key.
func IndexableByKey(is bool) Annotation { return capability("IndexableByKey", Flag(is)) }

// ChangeTracking says that the function delta tells what changed.
func ChangeTracking() Annotation {
	return capability("ChangeTracking", Record{
		{"Supported", Flag(true)}, {"FilterableProperties", List{}}, {"ExpandableProperties", List{}},
	}).Explained("Begins with the function delta, not with the preference track-changes.")
}

// OptimisticConcurrency says that entities have entity tags that changes can be
// held to; what a tag is made of is not told.
func OptimisticConcurrency() Annotation {
	return Annotation{Term: "Core.OptimisticConcurrency", Value: List{}}.
		Explained("If-Match is heeded where it is sent, and not required.")
}

// SupportedMetadataFormats says in which forms $metadata is served.
func SupportedMetadataFormats(media ...string) Annotation {
	return capability("SupportedMetadataFormats", Texts(media...))
}

// AcceptableEncodings says how a request's body may be packed.
func AcceptableEncodings(encodings ...string) Annotation {
	return capability("AcceptableEncodings", Texts(encodings...))
}

// ServiceCapabilities says what this package does wherever it serves.
func ServiceCapabilities() []Annotation {
	return []Annotation{
		{Term: "Core.ODataVersions", Value: Text(metadataVersion)},
		// Of OData 4.0 (Protocol 4.01, section 13.1), apart from the demands on
		// an updatable service; Advanced would also need $expand=…/$ref.
		capability("ConformanceLevel", EnumMember{capabilitiesNamespace + ".ConformanceLevelType", "Intermediate"}),
		capability("SupportedFormats", supportedFormats()),
		capability("FilterFunctions", filterFunctions()),
		capability("KeyAsSegmentSupported", Flag(true)),
		// Nothing here reads what these would need. Callbacks cannot be denied: an
		// empty CallbackSupported means HTTP, and tools fail on one that is null.
		capability("AsynchronousRequestsSupported", Flag(false)),
		capability("CrossJoinSupported", Flag(false)),
		capability("QuerySegmentSupported", Flag(false)),
		capability("AnnotationValuesInQuerySupported", Flag(false)),
	}
}

// BatchCapabilities says what [ParseBatch] reads.
func BatchCapabilities() []Annotation {
	return []Annotation{
		capability("BatchSupported", Flag(true)),
		capability("BatchSupport", Record{
			{"Supported", Flag(true)},
			{"ContinueOnErrorSupported", Flag(true)},
			{"ReferencesInRequestBodiesSupported", Flag(false)}, // only in URLs
			{"ReferencesAcrossChangeSetsSupported", Flag(false)},
			{"EtagReferencesSupported", Flag(false)},
			{"SupportedFormats", Texts(JSON, Mixed)},
		}).Explained("A batch holds at most " + strconv.Itoa(MaxBatch) + " requests."),
	}
}

func supportedFormats() (formats List) {
	for _, level := range []Metadata{MinimalMetadata, FullMetadata, NoMetadata} {
		for _, ieee754 := range []bool{false, true} {
			r := Representation{Media: JSON, Metadata: level, IEEE754: ieee754}
			formats = append(formats, Text(strings.TrimSuffix(r.ContentType(), ";charset=utf-8")))
		}
	}
	return formats
}

// filterFunctions lists the functions and operators that $filter takes.
func filterFunctions() List {
	return slices.Concat(Texts(filterOperators()...), Texts(strings.Split(functions, ", ")...))
}

func filterOperators() []string {
	return []string{
		"eq", "ne", "gt", "ge", "lt", "le", "in", "has", "and", "or", "not",
		"add", "sub", "mul", "div", "divby", "mod", "any", "all",
	}
}
