package odata

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// MetadataJSON writes the $metadata document of the schemas (OData CSDL JSON
// 4.01). What that form leaves out when it is the default is left out.
func MetadataJSON(schemas []Schema) ([]byte, error) {
	dst := AppendText([]byte(`{"$Version":`), metadataVersion)
	for _, s := range schemas {
		if s.Container != nil {
			dst = AppendText(AppendMember(dst, "$EntityContainer"), s.Namespace+"."+s.Container.Name)
		}
	}
	dst = appendObject(dst, "$Reference", func(dst []byte) []byte {
		for _, v := range vocabularies() {
			dst = append(AppendMember(dst, v.document("json")), `{"$Include":[{"$Namespace":`...)
			dst = AppendText(AppendMember(AppendText(dst, v.namespace), "$Alias"), v.alias)
			dst = append(dst, "}]}"...)
		}
		return dst
	})
	for i := range schemas {
		dst = appendObject(dst, schemas[i].Namespace, schemas[i].appendMembers)
	}
	var text bytes.Buffer
	if err := json.Indent(&text, append(dst, '}'), "", "  "); err != nil {
		return nil, err
	}
	return append(text.Bytes(), '\n'), nil
}

func appendObject(dst []byte, name string, members func([]byte) []byte) []byte {
	return append(members(append(AppendMember(dst, name), '{')), '}')
}

func appendTrue(dst []byte, name string, is bool) []byte {
	if is {
		dst = append(AppendMember(dst, name), "true"...)
	}
	return dst
}

func appendTextUnless(dst []byte, name, text, unless string) []byte {
	if text != unless {
		dst = AppendText(AppendMember(dst, name), text)
	}
	return dst
}

func (s *Schema) appendMembers(dst []byte) []byte {
	for _, e := range s.Enums {
		dst = appendObject(dst, e.Name, e.appendMembers)
	}
	for _, t := range s.Entities {
		dst = appendObject(dst, t.Name, func(dst []byte) []byte { return t.appendMembers(dst, "EntityType") })
	}
	for _, t := range s.Complexes {
		dst = appendObject(dst, t.Name, func(dst []byte) []byte { return t.appendMembers(dst, "ComplexType") })
	}
	dst = appendOverloads(dst, s.Actions, func(a Action) string { return a.Name }, Action.appendMembers)
	dst = appendOverloads(dst, s.Functions, func(f Function) string { return f.Name }, Function.appendMembers)
	if s.Container != nil {
		dst = appendObject(dst, s.Container.Name, s.Container.appendMembers)
	}
	if len(s.Targets) == 0 {
		return dst
	}
	return appendObject(dst, "$Annotations", func(dst []byte) []byte {
		for _, t := range s.Targets {
			dst = appendObject(dst, t.Target, func(dst []byte) []byte { return appendAnnotations(dst, "", t.Annotations) })
		}
		return dst
	})
}

func (e EnumElement) appendMembers(dst []byte) []byte {
	dst = append(dst, `"$Kind":"EnumType"`...)
	for _, m := range e.Members {
		dst = strconv.AppendInt(AppendMember(dst, m.Name), int64(m.Value), 10)
	}
	return dst
}

func (t TypeElement) appendMembers(dst []byte, kind string) []byte {
	dst = AppendText(AppendMember(dst, "$Kind"), kind)
	dst = appendTextUnless(dst, "$BaseType", t.BaseType, "")
	dst = appendTrue(dst, "$Abstract", t.Abstract)
	dst = appendTrue(dst, "$OpenType", t.Open)
	if t.Key != nil {
		dst = append(AppendText(append(AppendMember(dst, "$Key"), '['), t.Key.Property.Name), ']')
	}
	for _, p := range t.Properties {
		dst = appendObject(dst, p.Name, func(dst []byte) []byte {
			dst = appendPrecision(appendType(dst, p.Type, p.Nullable), p.Precision)
			return appendAnnotations(dst, "", p.Annotations)
		})
	}
	for _, n := range t.Navigations {
		dst = appendObject(dst, n.Name, func(dst []byte) []byte {
			dst = append(dst, `"$Kind":"NavigationProperty"`...)
			dst = appendType(dst, n.Type, n.Nullable != nil && *n.Nullable)
			return appendTrue(dst, "$ContainsTarget", n.Contains)
		})
	}
	return dst
}

// appendType writes a type, Edm.String being the default.
func appendType(dst []byte, typ string, nullable bool) []byte {
	member, isCollection := memberType(typ)
	dst = appendTrue(dst, "$Collection", isCollection)
	dst = appendTextUnless(dst, "$Type", member, "Edm.String")
	return appendTrue(dst, "$Nullable", nullable)
}

func appendPrecision(dst []byte, digits int) []byte {
	if digits > 0 {
		dst = strconv.AppendInt(AppendMember(dst, "$Precision"), int64(digits), 10)
	}
	return dst
}

// appendOverloads writes each name once, with its overloads.
func appendOverloads[O any](dst []byte, operations []O, name func(O) string, members func(O, []byte) []byte) []byte {
	written := map[string]bool{}
	for _, o := range operations {
		if written[name(o)] {
			continue
		}
		written[name(o)] = true
		dst = append(AppendMember(dst, name(o)), '[')
		separator := ""
		for _, overload := range operations {
			if name(overload) == name(o) {
				dst = append(members(overload, append(append(dst, separator...), '{')), '}')
				separator = ","
			}
		}
		dst = append(dst, ']')
	}
	return dst
}

func (f Function) appendMembers(dst []byte) []byte {
	dst = append(dst, `"$Kind":"Function"`...)
	dst = appendTrue(dst, "$IsBound", f.IsBound)
	dst = appendTextUnless(dst, "$EntitySetPath", f.EntitySetPath, "")
	dst = f.Returns.appendTo(appendParameters(dst, f.Parameters))
	return appendAnnotations(dst, "", f.Annotations)
}

func (a Action) appendMembers(dst []byte) []byte {
	dst = append(dst, `"$Kind":"Action"`...)
	dst = appendParameters(appendTrue(dst, "$IsBound", a.IsBound), a.Parameters)
	if a.Returns != nil {
		dst = a.Returns.appendTo(dst)
	}
	return appendAnnotations(dst, "", a.Annotations)
}

func appendParameters(dst []byte, parameters []ParameterElement) []byte {
	dst = append(AppendMember(dst, "$Parameter"), '[')
	for i, p := range parameters {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendText(append(dst, `{"$Name":`...), p.Name)
		dst = append(appendPrecision(appendType(dst, p.Type, p.Nullable), p.Precision), '}')
	}
	return append(dst, ']')
}

func (r *ReturnElement) appendTo(dst []byte) []byte {
	return appendObject(dst, "$ReturnType", func(dst []byte) []byte {
		return appendAnnotations(appendType(dst, r.Type, r.Nullable), "", r.Annotations)
	})
}

func (c *ContainerElement) appendMembers(dst []byte) []byte {
	dst = append(dst, `"$Kind":"EntityContainer"`...)
	for _, s := range c.Sets {
		dst = appendObject(dst, s.Name, func(dst []byte) []byte {
			return appendAnnotations(appendType(dst, CollectionOf(s.Type), false), "", s.Annotations)
		})
	}
	for _, s := range c.Singletons {
		dst = appendObject(dst, s.Name, func(dst []byte) []byte {
			return appendAnnotations(AppendText(AppendMember(dst, "$Type"), s.Type), "", s.Annotations)
		})
	}
	return appendAnnotations(dst, "", c.Annotations)
}

// appendAnnotations writes annotations of what of names, "" being the object
// that they are in.
func appendAnnotations(dst []byte, of string, annotations []Annotation) []byte {
	for _, a := range annotations {
		name := of + "@" + a.Term
		dst = appendValue(AppendMember(dst, name), a.Value)
		dst = appendAnnotations(dst, name, a.Annotations)
	}
	return dst
}

func appendValue(dst []byte, v Value) []byte {
	switch v := v.(type) {
	case Flag:
		return strconv.AppendBool(dst, bool(v))
	case Text:
		return AppendText(dst, string(v))
	case EnumMember:
		return AppendText(dst, v.Name)
	case PropertyPath:
		return AppendText(dst, string(v))
	case Record:
		dst = append(dst, '{')
		for _, f := range v {
			dst = appendValue(AppendMember(dst, f.Name), f.Value)
		}
		return append(dst, '}')
	case List:
		dst = append(dst, '[')
		for i, item := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendValue(dst, item)
		}
		return append(dst, ']')
	}
	return dst
}
