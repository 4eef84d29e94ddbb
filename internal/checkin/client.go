package checkin

import (
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
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"plimsoll"
)

// Client speaks to the server for one device. Once it is enrolled, several
// goroutines may use it at once, such as one that waits beside one that checks in.
type Client struct {
	Server   string // such as https://plimsoll.example.com
	TenantID string // as enrolment gave it, and so DeviceID; not needed to enrol
	DeviceID string
	Key      ed25519.PrivateKey
	// HTTP may have a Timeout, which bounds every request but those of Wait. Its
	// transport must not bound how long the header of an answer takes.
	HTTP   *http.Client
	Now    func() time.Time
	Random io.Reader // as HTTP and Now, for as many goroutines as use the client

	mu        sync.Mutex // never held while a request is under way
	token     string
	renewedBy time.Time // from here on token is too old
}

// Error is a refusal by the server.
type Error struct {
	Status     int           // of HTTP
	Code       string        // such as BadRequest, or invalid_client from the token endpoint
	Message    string        // for people
	RetryAfter time.Duration // 0 where the server did not say
	OfToken    bool          // it was a token that the server refused to give, and nothing of what was to be sent
}

// Error gives the message.
func (e *Error) Error() string {
	return fmt.Sprintf("the server answered %d %s: %s", e.Status, e.Code, e.Message)
}

// Gone tells whether the device is not, or no longer, one of the fleet.
func (e *Error) Gone() bool { return e.Status == http.StatusUnauthorized }

const (
	maxAnswer    = 16 << 20         // bytes that are read of an answer
	compressFrom = 1 << 10          // bytes from which a body is packed
	waitGrace    = 15 * time.Second // for the answer, beyond the time that a wait may take
)

// Enroll makes the machine a device of the fleet, and the client that device's.
// It may be sent again, with the same key: the answer is then the same device.
func (c *Client) Enroll(ctx context.Context, token string, inventory *Inventory, inventoryHash string) (*EnrollResponse, error) {
	public, _ := c.Key.Public().(ed25519.PublicKey)
	request := EnrollRequest{Token: token, PublicKey: public, Inventory: *inventory, InventoryHash: inventoryHash}
	body, err := c.send(ctx, &message{method: http.MethodPost, path: EnrollPath, contentType: jsonType, body: encode(&request)})
	if err != nil {
		return nil, err
	}
	var response EnrollResponse
	if err := json.Unmarshal(body, &response); err != nil {
		return nil, fmt.Errorf("read the answer to the enrolment: %w", err)
	}
	c.DeviceID, c.TenantID = response.DeviceID, response.TenantID
	c.setToken("", time.Time{})
	return &response, nil
}

// CheckIn brings what the device has to tell, and gives what it has to run. Where it
// gives an [*AnswerError], the response holds all but the scripts: what became of the
// results holds, and the device goes on with the scripts that it had. With any other
// error nothing is known of the results.
func (c *Client) CheckIn(ctx context.Context, request *CheckInRequest) (*CheckInResponse, error) {
	body, err := c.sendAsDevice(ctx, &message{method: http.MethodPost, path: CheckInPath, contentType: jsonType, body: encode(request)})
	if err != nil {
		return &CheckInResponse{}, err
	}
	return readAnswer(body, request)
}

// Content gives the content of a script, which must have the hash that the
// check-in gave for it: it is [plimsoll.Damaged] where it has another, or is larger
// than a script may be.
func (c *Client) Content(ctx context.Context, scriptID, contentHash string) (content []byte, err error) {
	path := strings.Replace(contentPath, "{id}", url.PathEscape(scriptID), 1)
	content, err = c.sendAsDevice(ctx, &message{method: http.MethodGet, path: path, most: plimsoll.MaxContent})
	if err != nil {
		return nil, err
	}
	if hash := sha256.Sum256(content); !strings.EqualFold(hex.EncodeToString(hash[:]), contentHash) {
		return nil, plimsoll.Errorf(plimsoll.Damaged, "The content of script %s is not the one that was assigned; check in again.", scriptID)
	}
	return content, nil
}

// Wait waits until the device has to run something other than what etag names, that
// of the last check-in's answer, and tells whether it has: it is time to check in
// then. It waits for atMost, in whole seconds, and for the 240 s that servers wait at
// most; below a second it only asks. A server that stops ends it early, and one where
// too many wait refuses with 429.
func (c *Client) Wait(ctx context.Context, etag string, atMost time.Duration) (changed bool, err error) {
	atMost = max(0, min(atMost, maxWait)).Truncate(time.Second)
	ctx, cancel := context.WithTimeout(ctx, atMost+waitGrace)
	defer cancel()
	patient := *c.HTTP
	patient.Timeout = 0
	header := http.Header{"Prefer": {"wait=" + strconv.FormatInt(seconds(atMost), 10)}}
	if etag != "" {
		header.Set("If-None-Match", `"`+etag+`"`)
	}
	_, err = c.sendAsDevice(ctx, &message{method: http.MethodGet, path: WaitPath, header: header, by: &patient})
	if e, ok := err.(*Error); ok && e.Status == http.StatusNotModified { //nolint:errorlint // send wraps none
		return false, nil
	}
	return err == nil, err
}

// Unenroll removes the device, and all that the server has of it. Where the answer
// was lost and it is sent again, the error is [Error.Gone].
func (c *Client) Unenroll(ctx context.Context) error {
	_, err := c.sendAsDevice(ctx, &message{method: http.MethodPost, path: UnenrollPath})
	return err
}

// sendAsDevice sends a request with a token, and once more with a new one where the
// server does not take the first.
func (c *Client) sendAsDevice(ctx context.Context, m *message) ([]byte, error) {
	for renewed := false; ; renewed = true {
		token, fresh, err := c.goodToken(ctx)
		if err != nil {
			return nil, err
		}
		m.token = token
		body, err := c.send(ctx, m)
		if e, ok := err.(*Error); ok && e.Status == http.StatusUnauthorized { //nolint:errorlint // send wraps none
			c.dropToken(token)
			if !renewed && !fresh {
				continue
			}
		}
		return body, err
	}
}
