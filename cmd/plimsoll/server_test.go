package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"plimsoll/internal/store/pgtest"
)

// TestMain makes this test binary stand for the program: in scripts, and where
// a test starts "plimsoll" as a process.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"plimsoll": main, "barehandler": bareHandler})
}

// onEachEngine runs a test on each engine, with the address of a new store.
func onEachEngine(t *testing.T, run func(t *testing.T, store string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		run(t, "sqlite:"+filepath.Join(t.TempDir(), "plimsoll.db"))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		run(t, pgtest.URL(t))
	})
}

// testServer is the program as a process of its own, and a client of it.
type testServer struct {
	announcement

	process    *exec.Cmd
	terminated *sync.Once
	exited     chan error
	log        *processLog
	client     *http.Client
	token      string
}

// processLog is what a process says, also to those who look while it goes on.
type processLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *processLog) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(text)
}

func (l *processLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// startServer starts "plimsoll serve" on a free port and waits until it listens.
// It is stopped, gracefully, when the test ends.
func startServer(t *testing.T, store string, args ...string) *testServer {
	t.Helper()
	s := &testServer{terminated: &sync.Once{}, exited: make(chan error, 1), log: &processLog{}, client: &http.Client{Timeout: time.Minute}}
	s.process = exec.CommandContext(context.WithoutCancel(t.Context()), "plimsoll", append([]string{
		"serve", "--json", "--listen", "127.0.0.1:0", "--data", t.TempDir(), "--store", store,
	}, args...)...)
	s.process.Stderr = s.log
	stdout, err := s.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.stop(t) })
	line, readErr := bufio.NewReader(stdout).ReadString('\n')
	go func() { s.exited <- s.process.Wait() }()
	if err := json.Unmarshal([]byte(line), &s.announcement); err != nil {
		t.Fatalf("serve printed %q, %v: %v\n%s", line, readErr, err, s.log)
	}
	return s
}

// kill ends the server as a power cut would, and waits until it is gone.
func (s *testServer) kill() {
	_ = s.process.Process.Signal(syscall.SIGKILL)
	s.exited <- <-s.exited
}

// terminate asks the server to stop, once: a second signal would end it at once.
func (s *testServer) terminate() {
	s.terminated.Do(func() { _ = s.process.Process.Signal(syscall.SIGTERM) })
}

// stop ends the server as an administrator would.
func (s *testServer) stop(t *testing.T) {
	t.Helper()
	s.terminate()
	select {
	case err := <-s.exited:
		s.exited <- err
		if err != nil && !strings.Contains(err.Error(), "killed") {
			t.Errorf("serve ended with %v\n%s", err, s.log)
		}
	case <-time.After(time.Minute):
		s.kill()
		t.Errorf("serve did not stop\n%s", s.log)
	}
}

// signIn gets a token for the first client, or for another's credentials.
func (s *testServer) signIn(t *testing.T, c *credentials) string {
	t.Helper()
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {c.ClientID}, "client_secret": {c.ClientSecret},
		"scope": {"https://graph.microsoft.com/.default openid offline_access profile"},
	}
	response, err := s.client.PostForm(s.URL+"/"+s.TenantID+"/oauth2/v2.0/token", form)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.AccessToken == "" {
		t.Fatalf("the token endpoint answered %s, %v", response.Status, err)
	}
	return answer.AccessToken
}

// reply is an answer, read.
type reply struct {
	*http.Response

	text string
	json map[string]any // nil where the body is not a JSON object
}

// send sends one request with the server's token and reads the answer. path is
// below /beta, or a whole URL. body is sent as JSON unless a header says otherwise.
func (s *testServer) send(ctx context.Context, method, path, body string, headers ...string) (*reply, error) {
	if strings.HasPrefix(path, "/") {
		path = s.URL + "/beta" + path
	}
	request, err := http.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+s.token)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Del(headers[i])
		if headers[i+1] != "" {
			request.Header.Set(headers[i], headers[i+1])
		}
	}
	response, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	r := &reply{Response: response, text: string(text)}
	_ = json.Unmarshal(text, &r.json)
	return r, err
}

// must sends a request that has to be answered with status.
func (s *testServer) must(t *testing.T, status int, method, path, body string, headers ...string) *reply {
	t.Helper()
	r, err := s.send(t.Context(), method, path, body, headers...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", method, path, err, s.log)
	}
	if r.StatusCode != status {
		t.Fatalf("%s %s: %s, want %d: %s\n%s", method, path, r.Status, status, r.text, s.log)
	}
	return r
}

const scripts = "/deviceManagement/deviceComplianceScripts"

// addScript creates a script and gives its id.
func (s *testServer) addScript(t *testing.T) string {
	t.Helper()
	return s.must(t, http.StatusCreated, "POST", scripts, `{"displayName":"Disk encryption"}`).json["id"].(string)
}

// summaryBody is a run summary whose first count is n.
func summaryBody(n int) string {
	return fmt.Sprintf(`{"noIssueDetectedDeviceCount":%d,"issueDetectedDeviceCount":2,
		"detectionScriptErrorDeviceCount":3,"detectionScriptPendingDeviceCount":4,
		"lastScriptRunDateTime":"2017-01-01T00:01:17.4310553-08:00"}`, n)
}

// signedIn starts a server on a new store and signs its first client in.
func signedIn(t *testing.T, store string, args ...string) *testServer {
	t.Helper()
	s := startServer(t, store, args...)
	if s.FirstClient == nil {
		t.Fatal("a new store has no first client")
	}
	s.token = s.signIn(t, s.FirstClient)
	return s
}
