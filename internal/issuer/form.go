package issuer

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

const (
	maxForm  = 64 << 10
	formType = "application/x-www-form-urlencoded"
)

// readForm gives the parameters of a token request (RFC 6749 section 3.2).
// Those in the query string are none.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != formType {
		return nil, newRefusal(http.StatusUnsupportedMediaType, oidc.ErrInvalidRequest(), "Send the parameters as "+formType+".")
	}
	if r.URL.Query().Has("client_secret") {
		return nil, invalidRequest("A client_secret must not be in the URL, where logs keep it. Send it in the body, and rotate this one.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, newRefusal(http.StatusRequestEntityTooLarge, oidc.ErrInvalidRequest(), "The body is larger than 64 KiB.")
	}
	if err != nil {
		return nil, invalidRequest("The body cannot be read.")
	}
	return parseForm(string(body))
}

// parseForm refuses repeated parameters, and takes those without a value as
// not sent. Unknown ones are ignored (all RFC 6749 section 3.2).
func parseForm(body string) (url.Values, error) {
	form, err := url.ParseQuery(body)
	if err != nil {
		return nil, invalidRequest("The body is not " + formType + ".")
	}
	for name, values := range form {
		if len(values) > 1 {
			return nil, invalidRequest("A parameter is given more than once.")
		}
		if values[0] == "" {
			form.Del(name)
		}
	}
	return form, nil
}

// isText says whether every store can keep the text: PostgreSQL takes neither bytes
// that are not UTF-8 nor U+0000.
func isText(text string) bool { return utf8.ValidString(text) && !strings.ContainsRune(text, 0) }

// credentials gives the id and secret with which the client authenticates
// itself (RFC 6749 section 2.3.1).
func credentials(r *http.Request, form url.Values) (id, secret string, err error) {
	id, secret = form.Get("client_id"), form.Get("client_secret")
	switch {
	case form.Has("client_assertion"):
		return "", "", invalidClient("Client assertions are not supported. Use a client_secret.")
	case r.Header.Get("Authorization") != "":
		return basicCredentials(r, id, secret)
	case id == "" || secret == "":
		return "", "", invalidClient("client_id and client_secret are required.")
	}
	return id, secret, nil
}

func basicCredentials(r *http.Request, formID, formSecret string) (id, secret string, err error) {
	if formSecret != "" {
		return "", "", invalidRequest("Send the client_secret in the body or in the Authorization header, not in both.")
	}
	id, secret, ok := r.BasicAuth()
	id, idErr := url.QueryUnescape(id)
	secret, secretErr := url.QueryUnescape(secret)
	if !ok || idErr != nil || secretErr != nil {
		return "", "", invalidClient("The Authorization header is not Basic with a client_id and client_secret.")
	}
	if formID != "" && formID != id {
		return "", "", invalidRequest("The client_id in the body is not that in the Authorization header.")
	}
	return id, secret, nil
}
