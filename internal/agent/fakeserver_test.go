package agent

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"plimsoll"
	"plimsoll/internal/agent/runner"
	"plimsoll/internal/checkin"
)

// TestMain lets this program be the supervisor of the scripts of its tests, and a
// process to kill.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "supervise" {
		if err := runner.Supervise(os.Stdin, os.Stdout, time.Now); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) == 3 && os.Args[1] == "fill" {
		fmt.Fprintln(os.Stderr, fillJournal(os.Args[2]))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// scripted is a server that says what a test has it say, also what no server
// should. How the real one and the agent get on is tested with the program.
type scripted struct {
	*httptest.Server

	mu         sync.Mutex
	scripts    []map[string]any  // as they are written
	contents   map[string][]byte // by the script's id
	etag       int
	got        []checkin.Result               // that it has acknowledged
	last       map[string]int64               // their last sequences
	fetched    int                            // contents
	tokenFault bool                           // tokens are refused
	prefers    []string                       // of waits
	wait       func(http.ResponseWriter) bool // true where it has answered
	checkIns   int
	unsent     int                                                     // check-ins whose answer is lost
	answer     func(http.ResponseWriter, *checkin.CheckInRequest) bool // true where it has answered
	changed    chan struct{}                                           // closed at a change
}

func newScripted(t *testing.T) *scripted {
	t.Helper()
	s := &scripted{scripts: []map[string]any{}, contents: map[string][]byte{}, last: map[string]int64{}, changed: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /agent/v1/enroll", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"deviceId":"0f7c6a0e-3f5e-4a55-9f3e-0d3f4b6b0c11","tenantId":"tenant","checkInSeconds":900}`)
	})
	mux.HandleFunc("POST /tenant/oauth2/v2.0/token", func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.tokenFault {
			http.Error(w, `{"error":"invalid_request","error_description":"no token"}`, http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, `{"access_token":"token","expires_in":3600}`)
	})
	mux.HandleFunc("POST /agent/v1/check-in", s.checkIn)
	mux.HandleFunc("GET /agent/v1/scripts/{id}/content", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.fetched++
		content, ok := s.contents[r.PathValue("id")]
		if !ok {
			http.Error(w, `{"error":{"code":"ResourceNotFound","message":"no such script"}}`, http.StatusNotFound)
			return
		}
		_, _ = w.Write(content)
	})
	mux.HandleFunc("GET /agent/v1/wait", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.prefers = append(s.prefers, r.Header.Get("Prefer"))
		changed, same, wait := s.changed, r.Header.Get("If-None-Match") == fmt.Sprintf("%q", fmt.Sprint(s.etag)), s.wait
		s.mu.Unlock()
		if wait != nil && wait(w) {
			return
		}
		if same {
			select {
			case <-changed:
			case <-r.Context().Done():
			}
		}
		w.WriteHeader(http.StatusNoContent)
	})
	s.Server = httptest.NewUnstartedServer(mux)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.Start()
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

func (s *scripted) checkIn(w http.ResponseWriter, r *http.Request) {
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		body, _ = gzip.NewReader(r.Body)
	}
	var request checkin.CheckInRequest
	if err := json.NewDecoder(body).Decode(&request); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checkIns++
	if s.answer != nil && s.answer(w, &request) {
		return
	}
	results := make([]map[string]any, len(request.Results))
	for i := range request.Results {
		id, sequence := request.Results[i].ScriptID, request.Results[i].Sequence
		if sequence <= s.last[id] {
			results[i] = map[string]any{"code": "duplicate"}
			continue
		}
		s.last[id] = sequence
		results[i] = map[string]any{"code": "accepted"}
		s.got = append(s.got, request.Results[i])
	}
	if s.unsent > 0 {
		s.unsent--
		panic(http.ErrAbortHandler)
	}
	answer := map[string]any{"etag": fmt.Sprint(s.etag), "nextCheckInSeconds": 900, "inventoryWanted": false, "results": results}
	if request.ETag != fmt.Sprint(s.etag) {
		for _, script := range s.scripts {
			if id, ok := script["id"].(string); ok && s.last[id] > 0 {
				script["lastSequence"] = s.last[id]
			}
		}
		answer["scripts"] = s.scripts
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// script gives a script as the server says it, which runs at once when it is new.
func (s *scripted) script(n int, content string) map[string]any {
	id := fmt.Sprintf("00000000-0000-4000-8000-%012d", n)
	sum := sha256.Sum256([]byte(content))
	s.mu.Lock()
	s.contents[id] = []byte(content)
	s.mu.Unlock()
	return map[string]any{
		"id": id, "displayName": fmt.Sprintf("Script %d", n), "revision": 1, "contentHash": hex.EncodeToString(sum[:]), "runAsAccount": "system",
		"enforceSignatureCheck": false, "runAs32Bit": false, "timeLimitSeconds": 60, "lastSequence": 0,
		"schedule": map[string]any{"kind": "hourly", "interval": 1, "useUtc": false},
	}
}

// give has the server give these scripts from now on.
func (s *scripted) give(scripts ...map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripts = []map[string]any{}
	for _, script := range scripts { // which the test goes on to change
		s.scripts = append(s.scripts, maps.Clone(script))
	}
	s.etag++
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *scripted) results() []checkin.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]checkin.Result(nil), s.got...)
}

// settings are those of an agent of the server in a new folder.
func (s *scripted) settings(t *testing.T, change func(*Enrolment)) (Config, *lockedLog) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	inventory := func(context.Context) plimsoll.Inventory {
		return plimsoll.Inventory{DeviceName: "test", OperatingSystem: "Linux"}
	}
	e := &Enrolment{Folder: t.TempDir(), Server: s.URL, Token: "ple_secret", Inventory: inventory, Now: time.Now, Random: rand.Reader}
	if change != nil {
		change(e)
	}
	if _, err := Enroll(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	log := &lockedLog{}
	return Config{
		Folder: e.Folder, Version: "test", Runner: &runner.Runner{Command: []string{self, "supervise"}}, Inventory: inventory,
		SignedIn: func(context.Context) (string, error) { return "", plimsoll.Errorf(plimsoll.NotFound, "nobody is") }, Log: slog.New(slog.NewTextHandler(log, nil)),
		Now: time.Now, Zone: new(LocalZone).Location, Random: rand.Reader, Tick: 50 * time.Millisecond,
	}, log
}

// setClock gives an agent a clock that is ahead by what is added to it, and has it look
// at that often.
func setClock(c *Config) *atomic.Int64 {
	var ahead atomic.Int64
	begin := time.Now()
	c.Now = func() time.Time { return begin.Add(time.Duration(ahead.Load())) }
	c.Tick = 5 * time.Millisecond
	return &ahead
}

type lockedLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// runAgent runs an agent until the test ends or stop is called.
func runAgent(t *testing.T, c Config) (stop func()) {
	t.Helper()
	a, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("the agent ended with %v", err)
			}
			if err := a.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, log *lockedLog, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not in time\n%s", what, log)
		}
	}
}

// settled waits until the agent knows that the server has all its results.
func settled(t *testing.T, folder string, log *lockedLog) {
	t.Helper()
	eventually(t, "all is acknowledged", log, func() bool {
		status, err := ReadStatus(folder)
		return err == nil && status.Queued == 0 && len(status.Scripts) > 0 &&
			!slices.ContainsFunc(status.Scripts, func(s ScriptStatus) bool { return !s.Reported })
	})
}
