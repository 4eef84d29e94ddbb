package graph

import (
	"net/http"

	"plimsoll/internal/odata"
)

// propertyAnswer is the answer to the path of a property (OData Protocol 4.01,
// section 11.2.4): its value, or nothing where that is null.
func propertyAnswer[T any](c *call, p *odata.Property[T], v *T, context string) *answer {
	if !p.IsCollection() && p.Raw(v) == nil {
		return &answer{status: http.StatusNoContent}
	}
	body := odata.AppendMember(c.begin(context+p.Name()), "value")
	return c.ok(append(p.Append(body, v), '}'))
}

// valueAnswer is the answer to …/$value (section 11.2.4.1): the bare text, or
// the bytes of a Binary.
func valueAnswer[T any](p *odata.Property[T], v *T) (*answer, error) {
	if p.IsCollection() {
		return nil, notServed()
	}
	raw := p.Raw(v)
	if raw == nil {
		return &answer{status: http.StatusNoContent}, nil
	}
	return &answer{status: http.StatusOK, contentType: p.Media(), body: raw}, nil
}
