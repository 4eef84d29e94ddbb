package checkin

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"plimsoll"
	"plimsoll/internal/service"
)

// AnswerError says why nothing of what an answer gives to run is taken. The device
// goes on with what it had; what became of its results is known.
type AnswerError struct {
	Message string // what is wrong, for people
}

// Error gives the message.
func (e *AnswerError) Error() string { return "the server's answer cannot be followed: " + e.Message }

func unfollowable(format string, args ...any) error {
	return &AnswerError{fmt.Sprintf(format, args...)}
}

const (
	maxScripts       = 1000
	maxTimeLimit     = 3600         // seconds
	maxNextCheckIn   = 24 * 60 * 60 // seconds
	maxETag          = 128
	maxCounter       = 1 << 53 // of revisions, sequences and requests: beyond it, JSON's numbers are not exact
	contentHashChars = 64      // SHA-256, in hex
)

// members are those of a JSON object, as they are written.
type members struct {
	values map[string]jsontext.Value // nil of those that are there more than once
	twice  string                    // one of these; "" for none
}

// readMembers splits an object, and looks at nothing within.
func readMembers(text []byte) (members, error) {
	m := members{values: map[string]jsontext.Value{}}
	d := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if d.PeekKind() != '{' {
		return m, plimsoll.Invalidf("", "A JSON object is wanted here, not another value.")
	}
	if _, err := d.ReadToken(); err != nil {
		return m, explain(err)
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return m, explain(err)
		}
		key := name.String()
		value, err := d.ReadValue()
		if err != nil {
			return m, explain(err)
		}
		if _, there := m.values[key]; there {
			m.twice, value = key, nil
		}
		m.values[key] = value.Clone()
	}
	if _, err := d.ReadToken(); err != nil {
		return m, explain(err)
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return m, plimsoll.Invalidf("", "Something stands behind the JSON object.")
	}
	return m, nil
}

// read reads one member, and leaves into as it is where that cannot be.
func (m *members) read(name string, into any) error {
	value := m.values[name]
	if value == nil || value.Kind() == 'n' {
		return plimsoll.Invalidf(name, "%s is missing.", name)
	}
	if json.Unmarshal(value, into) != nil {
		return plimsoll.Invalidf(name, "%s has a value of the wrong type, or out of range.", name)
	}
	return nil
}

// readAnswer reads the answer to a check-in. First comes what became of the results,
// which holds whatever the rest says, and then, strictly, what the device has to run.
func readAnswer(body []byte, request *CheckInRequest) (*CheckInResponse, error) {
	m, err := readMembers(body)
	if err != nil {
		return &CheckInResponse{}, fmt.Errorf("read the answer to the check-in: %w", err)
	}
	var results []Outcome
	if value := m.values["results"]; value != nil {
		if err := decode(value, &results); err != nil {
			return &CheckInResponse{}, fmt.Errorf("read what became of the results: %w", err)
		}
	}
	if len(results) != len(request.Results) {
		return &CheckInResponse{}, fmt.Errorf("the server answered %d results of %d", len(results), len(request.Results))
	}
	response := &CheckInResponse{Results: results}
	if err := response.follow(&m, request.ETag); err != nil {
		response.ETag, response.Scripts, response.Refused = request.ETag, nil, nil
		return response, err
	}
	return response, nil
}

// follow reads what the device has to do: all of it, or an [AnswerError].
func (r *CheckInResponse) follow(m *members, held string) error {
	next := int64(0)
	fault := cmp.Or(m.read("nextCheckInSeconds", &next), m.read("inventoryWanted", &r.InventoryWanted), m.read("etag", &r.ETag))
	if next >= 1 && next <= maxNextCheckIn {
		r.NextCheckInSeconds = next
	}
	if m.twice != "" {
		return unfollowable("%s is given more than once.", clip(m.twice))
	}
	for name := range m.values {
		if !slices.Contains([]string{"etag", "nextCheckInSeconds", "inventoryWanted", "scripts", "results"}, name) {
			return unfollowable("%s is not known here.", clip(name))
		}
	}
	if fault != nil {
		return unfollowable("%v", fault)
	}
	if r.NextCheckInSeconds == 0 {
		return unfollowable("nextCheckInSeconds must be from 1 to %d, not %d.", maxNextCheckIn, next)
	}
	strange := func(c rune) bool { return c <= ' ' || c > '~' || c == '"' }
	if r.ETag == "" || len(r.ETag) > maxETag || strings.ContainsFunc(r.ETag, strange) {
		return unfollowable("etag must be 1 to %d printable ASCII characters.", maxETag)
	}
	return r.followScripts(m, held)
}

func (r *CheckInResponse) followScripts(m *members, held string) error {
	text, given := m.values["scripts"]
	if !given {
		if r.ETag != held {
			return unfollowable("The etag is another, and the scripts are missing.")
		}
		return nil
	}
	var all []jsontext.Value
	if err := json.Unmarshal(text, &all, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)); err != nil || all == nil {
		return unfollowable("scripts must be an array.")
	}
	if len(all) > maxScripts {
		return unfollowable("There are %d scripts; %d are the most.", len(all), maxScripts)
	}
	r.Scripts = []Script{}
	seen := map[string]bool{}
	for _, text := range all {
		script, refused := readScript(text)
		if refused == nil {
			r.Scripts = append(r.Scripts, script)
		} else {
			r.Refused = append(r.Refused, *refused)
			script.ID = refused.ID
		}
		if script.ID != "" && seen[script.ID] {
			return unfollowable("The script %s is given more than once.", script.ID)
		}
		seen[script.ID] = true
	}
	return nil
}

// readScript reads a script to the letter, or says why it must not be run.
func readScript(text jsontext.Value) (script Script, refused *RefusedScript) {
	m, err := readMembers(text)
	if err == nil {
		err = m.complete("id", "revision", "contentHash", "runAsAccount", "enforceSignatureCheck", "runAs32Bit",
			"timeLimitSeconds", "schedule", "lastSequence")
	}
	if schedule, scheduleErr := readMembers(m.values["schedule"]); err == nil && scheduleErr == nil {
		err = schedule.complete("kind", "useUtc")
	}
	if err == nil {
		err = explain(json.Unmarshal(text, &script, json.RejectUnknownMembers(true)))
	}
	if err == nil {
		err = script.check()
	}
	if err == nil {
		return script, nil
	}
	refused = &RefusedScript{Err: err}
	var named string
	_ = m.read("id", &named) // "" is none
	if id, ok := service.ParseID(named); ok {
		refused.ID = id
	}
	_ = m.read("revision", &refused.Revision) // as far as they can be read
	if _ = m.read("lastSequence", &refused.LastSequence); refused.LastSequence > maxCounter {
		refused.LastSequence = 0
	}
	if refused.Revision > maxCounter {
		refused.Revision = 0
	}
	return Script{}, refused
}

// complete wants the members without which a script would run in another way than it
// was meant to, none that is null, and none twice.
func (m *members) complete(names ...string) error {
	if m.twice != "" {
		return plimsoll.Invalidf(clip(m.twice), "%s is given more than once.", clip(m.twice))
	}
	for _, name := range slices.Concat(names, slices.Sorted(maps.Keys(m.values))) {
		if value := m.values[name]; value == nil || value.Kind() == 'n' {
			return plimsoll.Invalidf(clip(name), "%s is missing, or null.", clip(name))
		}
	}
	return nil
}

// check refuses a script that cannot be run as it says, and gives its id and hash
// one form.
func (s *Script) check() error {
	s.ContentHash = strings.ToLower(s.ContentHash)
	_, err := hex.DecodeString(s.ContentHash)
	id, ok := service.ParseID(s.ID)
	switch {
	case !ok:
		return plimsoll.Invalidf("id", "id must be a GUID, not %q.", clip(s.ID))
	case s.Revision < 1 || s.Revision > maxCounter:
		return plimsoll.Invalidf("revision", "revision must be from 1 to 2^53.")
	case err != nil || len(s.ContentHash) != contentHashChars:
		return plimsoll.Invalidf("contentHash", "contentHash must be %d hex digits.", contentHashChars)
	case !slices.Contains(plimsoll.RunAsAccounts(), plimsoll.RunAsAccount(s.RunAsAccount)):
		return plimsoll.Invalidf("runAsAccount", "runAsAccount must be one of %v.", plimsoll.RunAsAccounts())
	case s.TimeLimitSeconds < 1 || s.TimeLimitSeconds > maxTimeLimit:
		return plimsoll.Invalidf("timeLimitSeconds", "timeLimitSeconds must be from 1 to %d.", maxTimeLimit)
	case s.LastSequence < 0 || s.LastSequence > maxCounter:
		return plimsoll.Invalidf("lastSequence", "lastSequence must be from 0 to 2^53.")
	case s.RunRequest < 0 || s.RunRequest > maxCounter:
		return plimsoll.Invalidf("runRequest", "runRequest must be from 0 to 2^53.")
	}
	s.ID = id
	_, err = s.Schedule.Domain()
	return err
}
