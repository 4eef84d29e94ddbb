package checkin

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"plimsoll"
)

// told makes the client of a server that answers as the test says, and gives any
// device a token.
func told(t *testing.T, answers map[string]http.HandlerFunc) *Client {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+tokenPath("tenant"), func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"access_token":"t","expires_in":3600}`)
	})
	for path, answer := range answers {
		mux.HandleFunc(path, answer)
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &Client{Server: s.URL, TenantID: "tenant", DeviceID: goodID, Key: key, HTTP: s.Client(), Now: time.Now, Random: rand.Reader}
}

// TestBoundsOfAnswers has a server answer as much as may be, and a byte more.
func TestBoundsOfAnswers(t *testing.T) {
	t.Parallel()
	pad, content := 0, []byte(nil)
	body := answerWith(goodScript)
	agent := told(t, map[string]http.HandlerFunc{
		CheckInPath: func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body+strings.Repeat(" ", pad)) },
		contentPath: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(content) },
	})
	checkIn := func() error {
		answer, err := agent.CheckIn(t.Context(), &CheckInRequest{})
		if err == nil && len(answer.Scripts) != 1 {
			t.Errorf("%+v", answer)
		}
		return err
	}
	fetch := func(size int) error {
		content = bytes.Repeat([]byte{'#'}, size)
		hash := sha256.Sum256(content)
		got, err := agent.Content(t.Context(), goodID, strings.ToUpper(hex.EncodeToString(hash[:])))
		if err == nil && !bytes.Equal(got, content) {
			t.Errorf("%d bytes of %d", len(got), size)
		}
		return err
	}
	pad = 16<<20 - len(body)
	if err := errors.Join(checkIn(), fetch(0), fetch(plimsoll.MaxContent)); err != nil {
		t.Error(err)
	}
	pad++
	for what, err := range map[string]error{"an answer": checkIn(), "content": fetch(plimsoll.MaxContent + 1)} {
		if plimsoll.ErrorCode(err) != plimsoll.Damaged {
			t.Errorf("%s a byte too large: %v", what, err)
		}
	}
	if _, err := agent.Content(t.Context(), goodID, strings.Repeat("0", 64)); plimsoll.ErrorCode(err) != plimsoll.Damaged {
		t.Errorf("content of another hash: %v", err)
	}
}

// TestAnswerErrorOfClient has a server ask for what the client does not know.
func TestAnswerErrorOfClient(t *testing.T) {
	t.Parallel()
	agent := told(t, map[string]http.HandlerFunc{CheckInPath: func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"etag":"e2","nextCheckInSeconds":60,"inventoryWanted":false,"scripts":[],"results":[{"code":"accepted"}],"wipe":true}`)
	}})
	answer, err := agent.CheckIn(t.Context(), &CheckInRequest{ETag: "e1", Results: make([]Result, 1)})
	if _, ok := errors.AsType[*AnswerError](err); !ok || answer.ETag != "e1" || answer.Scripts != nil ||
		answer.NextCheckInSeconds != 60 || len(answer.Results) != 1 {
		t.Errorf("%+v, %v", answer, err)
	}
}

// TestTokensOfTwo has a server take no token twice, and goroutines that share a
// client: each request is sent with a token that holds, or once more with another.
func TestTokensOfTwo(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var issued atomic.Int64
	used := map[string]bool{}
	once := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			token := r.Header.Get("Authorization")
			if used[token] {
				http.Error(w, "{}", http.StatusUnauthorized)
				return
			}
			used[token] = true
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	agent := told(t, map[string]http.HandlerFunc{
		CheckInPath: once(http.StatusOK, answerWith()), UnenrollPath: once(http.StatusNoContent, ""),
		WaitPath: once(http.StatusNotModified, ""),
		"POST " + tokenPath("other"): func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"access_token":"t%d","expires_in":3600}`, issued.Add(1))
		},
	})
	agent.TenantID = "other"
	var running sync.WaitGroup
	var refused atomic.Int64 // both of its tokens were used by others
	for range 2 {
		running.Go(func() {
			for range 50 {
				_, err := agent.CheckIn(t.Context(), &CheckInRequest{})
				_, waitErr := agent.Wait(t.Context(), "e", time.Minute)
				for _, err := range []error{err, waitErr, agent.Unenroll(t.Context())} {
					if e, ok := errors.AsType[*Error](err); ok && e.Gone() {
						refused.Add(1)
					} else if err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	running.Wait()
	if n := refused.Load(); n > 100 {
		t.Errorf("%d of 300 requests were refused", n)
	}
}
