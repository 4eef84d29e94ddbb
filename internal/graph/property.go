package graph

import (
	"net/http"

	"plimsoll/internal/odata"
)

// owner is an entity whose properties have paths of their own.
type owner[T any] struct {
	pattern string // of its path
	access  access
	typ     *odata.EntityType[T]
	read    func(c *call, property string) (*T, error)
	path    func(*call, *T) string // its canonical path, below the root
}

// addProperties adds the paths of an entity's properties: …/displayName, its
// bare value …/displayName/$value, and of a collection …/roleScopeTagIds/$count.
func addProperties[T any](routes map[string]operations, o owner[T]) {
	for i := range o.typ.Properties {
		p := &o.typ.Properties[i]
		path := o.pattern + "/" + p.Name()
		routes[path] = operations{http.MethodGet: o.access.read(o.typ.Type(), o.answer(p, o.property), odata.OptionFormat)}
		if p.IsCollection() && !p.IsComplex() {
			routes[path+"/$count"] = operations{http.MethodGet: o.access.raw(o.typ.Type(), o.answer(p, o.count))}
		} else if !p.IsComplex() {
			routes[path+"/$value"] = operations{http.MethodGet: o.access.raw(o.typ.Type(), o.answer(p, o.value))}
		}
	}
}

// answer reads the entity and has its property written.
func (o owner[T]) answer(p *odata.Property[T], write func(*call, *odata.Property[T], *T) *answer) handler {
	return func(c *call) (*answer, error) {
		v, err := o.read(c, p.Name())
		if err != nil {
			return nil, err
		}
		result := write(c, p, v)
		if o.typ.Changes != nil {
			result.etag = odata.ETag(o.typ.Changes(v))
		}
		return result, nil
	}
}

// property is the answer to the path of a property (OData Protocol 4.01, section
// 11.2.4): its value, or nothing where that is null.
func (o owner[T]) property(c *call, p *odata.Property[T], v *T) *answer {
	if !p.IsCollection() && p.IsNull(v) {
		return &answer{status: http.StatusNoContent}
	}
	body := c.begin("#" + o.path(c, v) + "/" + p.Name())
	if c.form.Metadata == odata.FullMetadata {
		body = p.AppendType(body)
	}
	if p.IsComplex() && !p.IsCollection() { // which stands for itself (OData JSON 4.01, section 10)
		value := p.AppendAs(nil, v, c.writer())[1:]
		if len(body) > 1 && len(value) > 1 {
			body = append(body, ',')
		}
		return c.ok(append(body, value...))
	}
	return c.ok(append(p.AppendAs(odata.AppendMember(body, "value"), v, c.writer()), '}'))
}

// value is the answer to …/$value (section 11.2.4.1): the bare text, or the
// bytes of a Binary.
func (o owner[T]) value(_ *call, p *odata.Property[T], v *T) *answer {
	raw := p.Raw(v)
	if raw == nil {
		return &answer{status: http.StatusNoContent}
	}
	return &answer{status: http.StatusOK, contentType: p.Media(), body: raw}
}

func (o owner[T]) count(c *call, p *odata.Property[T], v *T) *answer {
	return c.number(int64(p.Count(v)))
}
