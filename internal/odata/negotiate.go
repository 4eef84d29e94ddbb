package odata

import (
	"mime"
	"strconv"
	"strings"
)

// The media types that are spoken.
const (
	JSON  = "application/json"
	XML   = "application/xml"
	Plain = "text/plain"
)

// CheckContentType refuses a body that is not JSON in UTF-8.
func CheckContentType(header string) error {
	media, params, err := mime.ParseMediaType(header)
	charset := strings.ToLower(params["charset"])
	if err != nil || media != JSON || charset != "" && charset != "utf-8" {
		return &Error{
			Kind: UnsupportedMediaType, Target: "Content-Type",
			Message: "Content-Type must be application/json in UTF-8, not " + quote(header) + ".",
		}
	}
	return nil
}

// CheckAccept refuses a request whose Accept header (RFC 9110, section 12.5.1)
// leaves out the media type that is served. Minimal metadata is served, and
// what asks for none or full is refused rather than given something else.
func CheckAccept(header, served string) error {
	if header == "" {
		return nil
	}
	for item := range strings.SplitSeq(header, ",") {
		media, params, err := mime.ParseMediaType(item)
		metadata := params["odata.metadata"]
		if err != nil || media == JSON && metadata != "" && metadata != "minimal" {
			continue
		}
		if isZero(params["q"]) {
			if media == served {
				break // refused by name, whatever the wildcards say
			}
			continue
		}
		prefix, _, _ := strings.Cut(served, "/")
		if media == served || media == "*/*" || media == prefix+"/*" {
			return nil
		}
	}
	return &Error{
		Kind: NotAcceptable, Target: "Accept",
		Message: "Only " + served + " is served here (with odata.metadata=minimal where it is JSON); Accept asks for " + quote(header) + ".",
	}
}

func isZero(quality string) bool {
	q, err := strconv.ParseFloat(quality, 64)
	return err == nil && q == 0
}

// PrefersMinimal tells whether a Prefer header (RFC 7240) has return=minimal.
func PrefersMinimal(headers []string) bool {
	for _, header := range headers {
		for preference := range strings.SplitSeq(header, ",") {
			preference, _, _ = strings.Cut(preference, ";") // parameters mean nothing here
			name, value, _ := strings.Cut(preference, "=")
			if strings.EqualFold(strings.TrimSpace(name), "return") {
				return strings.Trim(strings.TrimSpace(value), `"`) == "minimal" // the first one given holds
			}
		}
	}
	return false
}
