package checkin

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"plimsoll"
)

const jsonType = "application/json"

// message is a request on its way.
type message struct {
	method, path, token string
	contentType         string // "" without a body
	header              http.Header
	body                []byte
	most                int64        // bytes of the answer; 0 is maxAnswer
	by                  *http.Client // nil is the client's own
}

// send sends a request and gives the body of an answer that is no refusal. It is
// [plimsoll.Damaged] where the body is larger than it may be.
func (c *Client) send(ctx context.Context, m *message) ([]byte, error) {
	body, packed := m.body, m.contentType == jsonType && len(m.body) >= compressFrom
	if packed {
		body = pack(body)
	}
	r, err := http.NewRequestWithContext(ctx, m.method, strings.TrimSuffix(c.Server, "/")+m.path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if m.header != nil {
		r.Header = m.header.Clone()
	}
	if m.contentType != "" {
		r.Header.Set("Content-Type", m.contentType)
	}
	if packed {
		r.Header.Set("Content-Encoding", "gzip")
	}
	if m.token != "" {
		r.Header.Set("Authorization", "Bearer "+m.token)
	}
	response, err := cmp.Or(m.by, c.HTTP).Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	most := cmp.Or(m.most, maxAnswer)
	answer, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	if err != nil {
		return nil, err
	}
	if response.StatusCode/100 != 2 {
		return nil, c.refusal(response, answer)
	}
	if int64(len(answer)) > most {
		return nil, plimsoll.Errorf(plimsoll.Damaged, "The answer of %s is larger than the %d bytes that it may have.", m.path, most)
	}
	return answer, nil
}

func pack(body []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(body) // to memory: neither fails
	_ = w.Close()
	return b.Bytes()
}

// refusal reads Graph's error body, or that of RFC 6749, section 5.2.
func (c *Client) refusal(response *http.Response, body []byte) error {
	e := &Error{Status: response.StatusCode, Message: http.StatusText(response.StatusCode), RetryAfter: c.retryAfter(response.Header)}
	var graph errorBody
	var oauth struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &graph) == nil && graph.Error.Code != "" {
		e.Code, e.Message = graph.Error.Code, graph.Error.Message
	} else if json.Unmarshal(body, &oauth) == nil && oauth.Error != "" {
		e.Code, e.Message = oauth.Error, oauth.Description
	}
	return e
}

// retryAfter reads Retry-After, in seconds or as a date (RFC 9110, section
// 10.2.3).
func (c *Client) retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	if n, err := strconv.ParseInt(value, 10, 32); err == nil {
		return time.Duration(max(n, 0)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(c.Now()), 0)
	}
	return 0
}
