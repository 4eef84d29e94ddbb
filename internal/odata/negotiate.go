package odata

import (
	"mime"
	"slices"
	"strconv"
	"strings"
)

// The media types that are spoken.
const (
	JSON   = "application/json"
	XML    = "application/xml"
	CSV    = "text/csv"
	Plain  = "text/plain"
	Binary = "application/octet-stream"
	Mixed  = "multipart/mixed" // of batches
	// EventStream is of server-sent events (HTML Standard, section 9.2), which are in UTF-8.
	EventStream = "text/event-stream"
)

// Metadata says how many annotations an answer carries (OData JSON 4.01, section
// 3.1).
type Metadata uint8

// The levels.
const (
	MinimalMetadata Metadata = iota
	FullMetadata
	NoMetadata
)

// Representation is the form of an answer.
type Representation struct {
	Media    string
	Metadata Metadata
	IEEE754  bool // 64-bit numbers as strings
}

// ContentType gives the header for it.
func (r Representation) ContentType() string {
	switch r.Media {
	case JSON:
	case Binary, EventStream:
		return r.Media
	case CSV: // RFC 4180, section 3
		return CSV + ";charset=utf-8;header=present"
	default:
		return r.Media + ";charset=utf-8"
	}
	level := [...]string{"minimal", "full", "none"}[r.Metadata]
	text := JSON + ";odata.metadata=" + level
	if r.IEEE754 {
		text += ";IEEE754Compatible=true"
	}
	return text + ";charset=utf-8"
}

// CheckContentType refuses a body that is not JSON in UTF-8.
func CheckContentType(header string) error {
	media, params, err := mime.ParseMediaType(header)
	if err != nil || media != JSON || !inUTF8(params) {
		return &Error{
			Kind: UnsupportedMediaType, Target: "Content-Type",
			Message: "Content-Type must be application/json in UTF-8, not " + quote(header) + ".",
		}
	}
	return nil
}

// inUTF8 tells whether the parameters of a media type leave UTF-8 open, or say it.
func inUTF8(params map[string]string) bool {
	charset := params["charset"]
	return charset == "" || strings.EqualFold(charset, "utf-8")
}

// Negotiate chooses among the media types that are served, the first of which is
// for whoever has no wish. $format, where it is given, stands for the Accept
// header (OData 4.01 URL Conventions, section 5.1.9; RFC 9110, section 12.5.1).
// What cannot be read is passed over.
func Negotiate(accept, format string, serves ...string) (Representation, error) {
	header, wish := "Accept", accept
	if format != "" {
		header, wish = string(OptionFormat), format
		switch strings.ToLower(format) {
		case "json":
			wish = JSON
		case "xml":
			wish = XML
		case "csv":
			wish = CSV
		}
	}
	if strings.TrimSpace(wish) == "" {
		return Representation{Media: serves[0]}, nil
	}
	var best offer
	for _, o := range offersOf(wish, serves) {
		// What is liked as much goes in the order in which it is served: clients
		// that write "application/json, */*" everywhere have no wish.
		if o.quality > best.quality ||
			o.quality == best.quality && slices.Index(serves, o.gives.Media) < slices.Index(serves, best.gives.Media) {
			best = o
		}
	}
	if best.quality > 0 {
		return best.gives, nil
	}
	forms := ""
	if slices.Contains(serves, JSON) {
		forms = " (JSON with odata.metadata=minimal, none or full)"
	}
	return Representation{}, &Error{
		Kind: NotAcceptable, Target: header,
		Message: "Only " + strings.Join(serves, " or ") + " is served here" + forms + "; " +
			header + " asks for " + quote(wish) + ".",
	}
}

// offer is a representation that an item of an Accept header may be answered
// with.
type offer struct {
	gives     Representation
	quality   float64 // 0 refuses it
	precision int     // of the item: the more precise one overrules the others
}

// put adds an offer, unless another of the same representation overrules it.
func put(offers []offer, o offer) []offer {
	for i, other := range offers {
		if other.gives != o.gives {
			continue
		}
		if other.precision > o.precision || other.precision == o.precision && other.quality >= o.quality {
			return offers
		}
		return append(slices.Delete(offers, i, i+1), o)
	}
	return append(offers, o)
}

// offersOf gives what is served of the items of an Accept header, in its order.
func offersOf(accept string, serves []string) (offers []offer) {
	for _, item := range splitUnquoted(accept, ',') {
		media, params, err := mime.ParseMediaType(item)
		if err != nil {
			continue
		}
		for _, served := range serves {
			o := offer{gives: Representation{Media: served}, quality: qualityOf(params["q"])}
			kind, _, _ := strings.Cut(served, "/")
			switch media {
			case "*/*":
			case kind + "/*":
				o.precision = 1
			case served:
				o.precision = 2
				if !inUTF8(params) || served == JSON && !o.gives.describe(params) {
					continue
				}
			default:
				continue
			}
			offers = put(offers, o)
		}
	}
	return offers
}

// describe sets the form of JSON that parameters ask for, if there is one.
func (r *Representation) describe(params map[string]string) bool {
	level := params["odata.metadata"]
	if level == "" {
		level = params["metadata"] // OData 4.01
	}
	switch level {
	case "", "minimal":
	case "full":
		r.Metadata = FullMetadata
	case "none":
		r.Metadata = NoMetadata
	default:
		return false
	}
	r.IEEE754 = strings.EqualFold(params["ieee754compatible"], "true")
	return true
}

// qualityOf reads a weight, which is 1 where it is not given or cannot be read.
func qualityOf(weight string) float64 {
	q, err := strconv.ParseFloat(weight, 64)
	if err != nil || !(q >= 0 && q <= 1) {
		return 1
	}
	return q
}

// CheckVersions refuses a body of a version that is not spoken, and a client
// that speaks none that is (OData 4.01 Protocol, sections 8.1.5 and 8.2.6).
func CheckVersions(version, most string) error {
	if version != "" && version != "4.0" && version != "4.01" {
		return badRequest("OData-Version", "OData-Version must be 4.0 or 4.01, not %s.", quote(version))
	}
	n, err := strconv.ParseFloat(most, 64)
	if most != "" && (err != nil || strings.Trim(most, "0123456789.") != "" || n < 4) { // neither Inf nor 1e9
		return badRequest("OData-MaxVersion", "OData-MaxVersion must be 4.0 or later, since 4.0 is what is spoken here; not %s.", quote(most))
	}
	return nil
}

// Preferences are what a Prefer header asks for (RFC 7240). Those that are not
// known, or cannot be read, are passed over: Preference-Applied tells which
// were heeded.
type Preferences struct {
	Return          string // "minimal", "representation", or ""
	MaxPageSize     int    // 0: none
	ContinueOnError bool   // of a batch
}

// ParsePreferences reads Prefer headers. The first of a name holds.
func ParsePreferences(headers []string) (p Preferences) {
	for _, header := range slices.Backward(headers) {
		items := splitUnquoted(header, ',')
		for _, item := range slices.Backward(items) {
			item = splitUnquoted(item, ';')[0] // parameters mean nothing here
			name, value, hasValue := strings.Cut(item, "=")
			value = strings.Trim(strings.TrimSpace(value), `"`)
			switch strings.TrimPrefix(strings.ToLower(strings.TrimSpace(name)), "odata.") {
			case "return":
				if value == "minimal" || value == "representation" {
					p.Return = value
				}
			case "maxpagesize":
				if n, err := strconv.ParseUint(value, 10, 31); err == nil && n > 0 {
					p.MaxPageSize = int(n)
				}
			case "continue-on-error":
				p.ContinueOnError = !hasValue || value == "true"
			}
		}
	}
	return p
}

// splitUnquoted splits a header at a mark that is in no quoted string (RFC 9110,
// section 5.6.4).
func splitUnquoted(header string, mark byte) (items []string) {
	from, quoted := 0, false
	for i := 0; i < len(header); i++ {
		switch c := header[i]; {
		case c == '\\' && quoted:
			i++ // whatever follows is as it is
		case c == '"':
			quoted = !quoted
		case c == mark && !quoted:
			items, from = append(items, header[from:i]), i+1
		}
	}
	return append(items, header[from:])
}
