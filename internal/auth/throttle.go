package auth

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

const (
	// fetchInterval is the least time between two requests for one URL of the
	// provider.
	fetchInterval = 5 * time.Second
	maxFetch      = 1 << 20
)

// throttled is a transport that asks for each URL at most once in
// fetchInterval and repeats the last answer in between, failures too: tokens
// with made-up key ids must not become a flood at the provider. Answers other
// than JSON with status 200 become errors that say the provider is away.
type throttled struct {
	next http.RoundTripper
	now  func() time.Time

	mu   sync.Mutex
	last map[string]fetched // by URL: those of one provider, a handful
}

type fetched struct {
	at   time.Time
	body []byte
	err  error
}

// throttledClient returns a copy of the client that is throttled and gives up
// after fetchTimeout. The client may be nil.
func throttledClient(client *http.Client, now func() time.Time) *http.Client {
	var c http.Client
	if client != nil {
		c = *client
	}
	if c.Timeout == 0 || c.Timeout > fetchTimeout {
		c.Timeout = fetchTimeout
	}
	if c.Transport == nil {
		c.Transport = http.DefaultTransport
	}
	c.Transport = &throttled{next: c.Transport, now: now, last: map[string]fetched{}}
	return &c
}

// RoundTrip implements [http.RoundTripper].
func (t *throttled) RoundTrip(r *http.Request) (*http.Response, error) {
	url := r.URL.String()
	f, ok := t.recall(url)
	if !ok {
		f = t.fetch(r)
		t.remember(url, f)
	}
	if f.err != nil {
		return nil, away(f.err)
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/json"}},
		Body:          io.NopCloser(bytes.NewReader(f.body)),
		ContentLength: int64(len(f.body)),
		Request:       r,
	}, nil
}

func (t *throttled) recall(url string) (fetched, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f, ok := t.last[url]
	return f, ok && t.now().Sub(f.at) < fetchInterval
}

func (t *throttled) remember(url string, f fetched) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last[url] = f
}

func (t *throttled) fetch(r *http.Request) fetched {
	body, err := read(t.next, r)
	return fetched{at: t.now(), body: body, err: err}
}

func read(next http.RoundTripper, r *http.Request) ([]byte, error) {
	resp, err := next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", r.URL.Redacted(), resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxFetch+1))
	switch {
	case err != nil:
		return nil, err
	case len(body) > maxFetch:
		return nil, fmt.Errorf("GET %s: more than %d bytes", r.URL.Redacted(), maxFetch)
	case !json.Valid(body):
		return nil, fmt.Errorf("GET %s: not JSON", r.URL.Redacted())
	}
	return body, nil
}
