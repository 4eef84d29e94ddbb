package agent

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"plimsoll"
	"plimsoll/internal/checkin"
	"plimsoll/internal/wholefile"
)

// contentPath is where a script's content is kept: by its hash, which is hex.
func (a *Agent) contentPath(s *script) string {
	return filepath.Join(a.Folder, scriptsFolder, strings.ToLower(s.ContentHash))
}

// removeContents removes the contents that are not to run any more.
func (a *Agent) removeContents() {
	entries, _ := os.ReadDir(filepath.Join(a.Folder, scriptsFolder)) // where there is none, there are none
	for _, entry := range entries {
		path := filepath.Join(a.Folder, scriptsFolder, entry.Name())
		if !slices.ContainsFunc(a.scripts, func(s *script) bool { return a.contentPath(s) == path }) {
			_ = os.Remove(path)
		}
	}
}

func readContent(path, hash string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(content); !strings.EqualFold(hex.EncodeToString(sum[:]), hash) {
		return nil, errors.New("its hash is another")
	}
	return content, nil
}

// fetchMissing fetches the content of a script that is not here, one at a time. What
// could not be had again and again is tried again when the script is due.
func (a *Agent) fetchMissing(ctx context.Context, now time.Time) {
	at := slices.IndexFunc(a.scripts, func(s *script) bool {
		return !s.present && !s.running && !s.putOffAt(now) && (s.faults < maxDoubts || a.isDue(s, now))
	})
	if a.fetching > 0 || at < 0 || a.link.fault != nil {
		return
	}
	s := a.scripts[at]
	id, hash, path := s.ID, s.ContentHash, a.contentPath(s)
	a.fetching++
	a.background(ctx, func() func() {
		limited, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		var unkept error
		content, err := a.client.Content(limited, id, hash)
		if err == nil {
			unkept = errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), wholefile.Write(path, content, 0o600))
		}
		return func() {
			a.fetching--
			if s.ContentHash == hash { // it is still what is wanted
				a.fetched(s, err, unkept)
			}
		}
	})
}

// fetched notes how fetching a script's content went, and keeping it here. Content of
// another hash may be of a revision that came meanwhile: another check-in tells.
func (a *Agent) fetched(s *script, err, unkept error) {
	now := a.Now().Round(0)
	if err == nil && unkept == nil {
		s.present = true
		return
	}
	pause := tryAgain
	refused, isRefusal := errors.AsType[*checkin.Error](err)
	if isRefusal {
		pause = min(max(pause, refused.RetryAfter), longestPause)
	}
	a.putOff(s, now, pause, fmt.Sprintf("its content could not be fetched: %v", cmp.Or(err, unkept)))
	switch {
	case unkept != nil:
		a.countFault(s, now, maxFaults, unkept)
	case plimsoll.ErrorCode(err) == plimsoll.Damaged:
		a.countFault(s, now, maxDoubts, err)
		if s.faults < maxDoubts {
			a.link.soon(a)
		}
	case isRefusal && refused.Status == http.StatusNotFound:
		a.link.soon(a) // the device does not have it to run any more
	}
}
