package main

import (
	"fmt"

	kiota "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
)

// odataError is a refusal, as Graph's SDK has it: the status and headers of the
// answer beside the error of its body.
type odataError struct {
	kiota.ApiError

	Code, Message, Target *string
	RequestID             *string
}

func newODataError(serialization.ParseNode) (serialization.Parsable, error) {
	return &odataError{ApiError: *kiota.NewApiError()}, nil
}

var refusals = kiota.ErrorMappings{"4XX": newODataError, "5XX": newODataError}

func (e *odataError) Error() string {
	if e.Code == nil || e.Message == nil {
		return fmt.Sprintf("%d without a code or a message", e.ResponseStatusCode)
	}
	return fmt.Sprintf("%d %s: %s", e.ResponseStatusCode, *e.Code, *e.Message)
}

func (e *odataError) GetFieldDeserializers() fields {
	return fields{"error": within(fields{
		"code":       kiota.SetStringValue(set(&e.Code)),
		"message":    kiota.SetStringValue(set(&e.Message)),
		"target":     kiota.SetStringValue(set(&e.Target)),
		"innerError": within(fields{"request-id": kiota.SetStringValue(set(&e.RequestID))}),
	})}
}

func (e *odataError) Serialize(serialization.SerializationWriter) error { return nil }

// within reads members of an object.
func within(members fields) func(serialization.ParseNode) error {
	return func(node serialization.ParseNode) error {
		for name, read := range members {
			member, err := node.GetChildNode(name)
			if err != nil {
				return err
			}
			if member == nil {
				continue
			}
			if err := read(member); err != nil {
				return err
			}
		}
		return nil
	}
}
