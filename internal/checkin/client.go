package checkin

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"plimsoll"
)

// Client speaks to the server for one device. It may be used by one goroutine at
// a time.
type Client struct {
	Server   string // such as https://plimsoll.example.com
	TenantID string // as enrolment gave it, and so DeviceID; not needed to enrol
	DeviceID string
	Key      ed25519.PrivateKey
	HTTP     *http.Client
	Now      func() time.Time
	Random   io.Reader

	token     string
	renewedBy time.Time // from here on token is too old
}

// Error is a refusal by the server.
type Error struct {
	Status     int           // of HTTP
	Code       string        // such as BadRequest, or invalid_client from the token endpoint
	Message    string        // for people
	RetryAfter time.Duration // 0 where the server did not say
}

// Error gives the message.
func (e *Error) Error() string {
	return fmt.Sprintf("the server answered %d %s: %s", e.Status, e.Code, e.Message)
}

// Gone tells whether the device is not, or no longer, one of the fleet.
func (e *Error) Gone() bool { return e.Status == http.StatusUnauthorized }

const (
	maxAnswer    = 64 << 20 // bytes that are read of an answer
	compressFrom = 1 << 10  // bytes from which a body is packed
)

// Enroll makes the machine a device of the fleet, and the client that device's.
// It may be sent again, with the same key: the answer is then the same device.
func (c *Client) Enroll(ctx context.Context, token string, inventory *Inventory, inventoryHash string) (*EnrollResponse, error) {
	public, _ := c.Key.Public().(ed25519.PublicKey)
	request := EnrollRequest{Token: token, PublicKey: public, Inventory: *inventory, InventoryHash: inventoryHash}
	var response EnrollResponse
	if err := c.post(ctx, EnrollPath, "", &request, &response); err != nil {
		return nil, err
	}
	c.DeviceID, c.TenantID, c.token = response.DeviceID, response.TenantID, ""
	return &response, nil
}

// CheckIn brings what the device has to tell, and gives what it has to run.
func (c *Client) CheckIn(ctx context.Context, request *CheckInRequest) (*CheckInResponse, error) {
	var response CheckInResponse
	err := c.withToken(ctx, func(token string) error {
		response = CheckInResponse{}
		return c.post(ctx, CheckInPath, token, request, &response)
	})
	if err == nil && len(response.Results) != len(request.Results) {
		err = fmt.Errorf("the server answered %d results of %d", len(response.Results), len(request.Results))
	}
	return &response, err
}

// Content gives the content of a script, which must have the hash that the
// check-in gave for it.
func (c *Client) Content(ctx context.Context, scriptID, contentHash string) (content []byte, err error) {
	err = c.withToken(ctx, func(token string) (err error) {
		path := strings.Replace(contentPath, "{id}", url.PathEscape(scriptID), 1)
		content, err = c.send(ctx, http.MethodGet, path, token, "", nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	if hash := sha256.Sum256(content); !strings.EqualFold(hex.EncodeToString(hash[:]), contentHash) {
		return nil, plimsoll.Errorf(plimsoll.Damaged, "The content of script %s is not the one that was assigned; check in again.", scriptID)
	}
	return content, nil
}

// withToken does what needs a token, and once more with a new one where the
// server does not take the first.
func (c *Client) withToken(ctx context.Context, do func(token string) error) error {
	for renewed := false; ; renewed = true {
		if c.token == "" || !c.Now().Before(c.renewedBy) {
			if err := c.renew(ctx); err != nil {
				return err
			}
			renewed = true
		}
		err := do(c.token)
		if e, ok := err.(*Error); ok && e.Status == http.StatusUnauthorized { //nolint:errorlint // send wraps none
			c.token = ""
			if !renewed {
				continue
			}
		}
		return err
	}
}

func (c *Client) post(ctx context.Context, path, token string, request, response any) error {
	answer, err := c.send(ctx, http.MethodPost, path, token, "application/json", encode(request))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, response); err != nil {
		return fmt.Errorf("read the answer of %s: %w", path, err)
	}
	return nil
}

// send sends a request and gives the body of an answer that is no refusal.
func (c *Client) send(ctx context.Context, method, path, token, contentType string, body []byte) ([]byte, error) {
	packed := contentType == "application/json" && len(body) >= compressFrom
	if packed {
		body = pack(body)
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.Server, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if packed {
		r.Header.Set("Content-Encoding", "gzip")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := c.HTTP.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	if response.StatusCode/100 != 2 {
		return nil, c.refusal(response, answer)
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
