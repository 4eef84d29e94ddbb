package main

import (
	kiota "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
)

// entity is what all have: an id, and members that the type does not name, such
// as annotations.
type entity struct {
	ID             *string
	AdditionalData map[string]any
}

func (e *entity) GetAdditionalData() map[string]any      { return e.AdditionalData }
func (e *entity) SetAdditionalData(value map[string]any) { e.AdditionalData = value }

func (e *entity) etag() string {
	if tag, ok := e.AdditionalData["@odata.etag"].(*string); ok {
		return *tag
	}
	return ""
}

type fields = map[string]func(serialization.ParseNode) error

func (e *entity) fields(more fields) fields {
	more["id"] = kiota.SetStringValue(set(&e.ID))
	return more
}

func set[T any](field *T) func(T) { return func(value T) { *field = value } }

func pointer[T any](value T) *T { return &value }

// written gives the first error of several writes.
func written(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// page is one of a collection, or of a delta query.
type page[T any] struct {
	value               []T
	count               *int64
	nextLink, deltaLink *string
	create              serialization.ParsableFactory
}

func pageOf[T any](create serialization.ParsableFactory) serialization.ParsableFactory {
	return func(serialization.ParseNode) (serialization.Parsable, error) { return &page[T]{create: create}, nil }
}

func (p *page[T]) GetValue() []T              { return p.value }
func (p *page[T]) GetOdataNextLink() *string  { return p.nextLink }
func (p *page[T]) GetOdataDeltaLink() *string { return p.deltaLink }

func (p *page[T]) GetFieldDeserializers() fields {
	return fields{
		"value":            kiota.SetCollectionOfObjectValues(p.create, set(&p.value)),
		"@odata.count":     kiota.SetInt64Value(set(&p.count)),
		"@odata.nextLink":  kiota.SetStringValue(set(&p.nextLink)),
		"@odata.deltaLink": kiota.SetStringValue(set(&p.deltaLink)),
	}
}

func (p *page[T]) Serialize(serialization.SerializationWriter) error { return nil }
